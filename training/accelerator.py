"""The accelerator of a run, and libraries that should be quiet."""

import os
import sys
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs, ProjectConfiguration

from ..errors_tts_trm import InputError
from .options import TrainingOptions
from .tracking import wanted_trackers


def quiet_libraries() -> None:
    """No progress bars of libraries at every checkpoint, nor in a log file."""
    import datasets
    import transformers

    transformers.utils.logging.disable_progress_bar()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()


SLOW_BFLOAT16 = (
    "⚠️ This CPU computes bfloat16 by emulation: a step takes many times as long as in float32. Leave --bf16 out."
)


def make_accelerator(options: TrainingOptions) -> Accelerator:
    """The accelerator for `--device`, `--fp16`, `--bf16` and the trackers."""
    # characters far from a frame weigh next to nothing: numbers too small for a CPU to multiply at full speed
    torch.set_flush_denormal(True)
    # a CPU's kernels are made for one shape each, and by default only 1024 are kept: fewer than batches need
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "20000")
    # of cuDNN's attention with a mask, gradients are not numbers at some lengths (pytorch/pytorch#196678, on an H200)
    torch.backends.cuda.enable_cudnn_sdp(False)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device was found; use --device auto or cpu.")
    if options.device == "mps" and not torch.backends.mps.is_available():
        raise InputError("--device mps: no Apple GPU was found; use --device auto or cpu.")
    available = {str(getattr(name, "value", name)) for name in get_available_trackers()}
    wanted = wanted_trackers(options)
    # On by default, so its absence is no mistake.
    for name in set(wanted) - available - {"tensorboard"}:
        raise InputError(f"--{name}: the package is missing; install it with `pip install {name}`.")
    if "tensorboard" in set(wanted) - available:
        print("TensorBoard is not installed, nothing is logged to it: pip install 'tts-trm[tracking]'", flush=True)
    for name in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
            raise InputError(
                f"accelerate's config asks for {name}: the model fits on any GPU, and checkpoints hold it whole; use a "
                "config of data-parallel training such as configs/accelerate/one_node.yaml."
            )
    # None leaves it to accelerate's config.
    precision = "fp16" if options.fp16 else "bf16" if options.bf16 else None
    accelerator = Accelerator(
        mixed_precision=precision,
        cpu=options.device == "cpu",
        # Of an empty list it complains.
        log_with=[name for name in wanted if name in available] or None,
        project_config=ProjectConfiguration(str(options.output_dir), logging_dir=str(options.output_dir / "logs")),
        kwargs_handlers=[
            # buffers never change; what only cycles without gradient use has none
            DistributedDataParallelKwargs(
                broadcast_buffers=False,
                find_unused_parameters=options.gradient_cycles > 0,
                gradient_as_bucket_view=True,
            ),
            # the others wait while the main process tokenises and aligns, which may take hours
            InitProcessGroupKwargs(timeout=timedelta(days=2)),
        ],
    )
    if accelerator.mixed_precision == "bf16" and accelerator.device.type == "cpu" and emulates_bfloat16():
        print(SLOW_BFLOAT16, flush=True)
    return accelerator


def emulates_bfloat16() -> bool:
    """Whether this CPU has no instructions for bfloat16, so that each product is computed by many others."""
    return torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "NO AVX", "AVX2")

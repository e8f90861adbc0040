"""The parts of a run, made from its options: accelerator, model, loaders, optimizer, samples, trackers."""

import math
import os
import shutil
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs, ProjectConfiguration, set_seed
from huggingface_hub.errors import StrictDataclassError
from safetensors import safe_open
from torch.utils.data import DataLoader

from ..configuration_tts_trm import TtsTrmConfig
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import TtsTrmProcessor
from . import checkpoint, pretrained
from .alignment import latent_statistics
from .arguments import MODEL_OPTIONS
from .checkpoint import CheckpointError
from .data import BucketBatchSampler, Collator, prepare_split
from .ema import ExponentialMovingAverage
from .model_card import write_model_card
from .prompts import Prompt, read_prompts
from .samples import SampleWriter
from .streaming import StreamedBatches
from .tokens import (
    CodecInfo,
    aligner_path,
    load_tokens,
    tokenizer_hash,
)
from .tracking import Trackers, wanted_trackers

SHAPE_MULTIPLE = 16  # of texts and clips in a training batch


def quiet_libraries() -> None:
    """No progress bars of libraries at every checkpoint, nor in a log file."""
    import datasets
    import transformers

    transformers.utils.logging.disable_progress_bar()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()


def check_sizes(options) -> None:
    """Raises `ValueError`, naming the value, before hours of preparation and not after them."""
    try:
        TtsTrmConfig(**model_sizes(options))
    except StrictDataclassError as error:
        raise ValueError(str(error.__cause__ or error)) from error
    ExponentialMovingAverage(torch.nn.Identity(), options.ema_decay)


def model_sizes(options) -> dict:
    """What the options decide of a `TtsTrmConfig`; data and codec decide the rest."""
    return {field: getattr(options, option) for field, option in MODEL_OPTIONS.items()}


def make_accelerator(options) -> Accelerator:
    """The accelerator for `--device`, `--fp16`, `--bf16` and the trackers."""
    # characters far from a frame weigh next to nothing: numbers too small for a CPU to multiply at full speed
    torch.set_flush_denormal(True)
    # a CPU's kernels are made for one shape each, and by default only 1024 are kept: fewer than batches need
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "20000")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: there is no CUDA device; use --device auto or cpu.")
    if options.device == "mps" and not torch.backends.mps.is_available():
        raise ValueError("--device mps: there is no Apple GPU; use --device auto or cpu.")
    options.run_name = options.run_name or f"{options.output_dir.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    available = {str(getattr(name, "value", name)) for name in get_available_trackers()}
    wanted = wanted_trackers(options)
    for name in set(wanted) - available - {"tensorboard"}:  # on by default, so its absence is no mistake
        raise ValueError(f"--{name}: the package is missing; install it with `pip install {name}`.")
    if "tensorboard" in set(wanted) - available:
        print("TensorBoard is not installed, nothing is logged to it: pip install 'tts-trm[tracking]'", flush=True)
    for name in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
            raise ValueError(
                f"accelerate's config asks for {name}: the model fits on any GPU, and checkpoints hold it whole; use a "
                "config of data-parallel training such as configs/accelerate/one_node.yaml."
            )
    precision = "fp16" if options.fp16 else "bf16" if options.bf16 else None  # None leaves it to accelerate's config
    return Accelerator(
        mixed_precision=precision,
        cpu=options.device == "cpu",
        log_with=[name for name in wanted if name in available] or None,  # of an empty list it complains
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


def split_data(options, processor):
    """Training and held-out rows, and the report on what was left out; with `--streaming` of the first shards only."""
    if options.streaming:
        return StreamedBatches.of(options, processor).first_rows()
    table, info = load_tokens(options.token_dir, processor.tokenizer)
    return prepare_split(
        table,
        processor,
        options.max_text_length,
        options.max_audio_frames,
        options.held_out,
        with_durations=options.alignment == "durations",
        frame_rate=info.frame_rate,
    )


def make_model(options, processor, info: CodecInfo, train_set, model_class=TtsTrmModel, **fields) -> TtsTrmModel:
    """A model of the sizes that options, processor and codec ask for, the codec's entries in its latent head.

    Its weights are new, or those of `--from-pretrained`. `fields` of the configuration have no option of their own.
    """
    codebooks = info.codebooks()
    if options.from_pretrained:
        fields = pretrained.further_fields(options.from_pretrained) | fields
    config = TtsTrmConfig(
        vocab_size=len(processor.tokenizer),
        num_speakers=len(processor.speakers),
        num_codebooks=info.num_codebooks,
        codebook_size=info.codebook_size,
        codebook_chains=list(info.codebook_chains),
        codebook_entry_dim=codebooks.shape[-1],
        **model_sizes(options),
        sampling_rate=info.sampling_rate,
        frame_rate=info.frame_rate,
        **fields,
    )
    set_seed(options.seed)
    model = model_class(config)
    if options.codebook_head == "latent":
        rows = [
            (train_set[index]["audio_codes"],) for index in range(0, len(train_set), max(1, len(train_set) // 2000))
        ]
        model.head.set_codebooks(codebooks, *latent_statistics(rows, codebooks, info.codebook_chains))
    if options.from_pretrained:
        pretrained.load_weights(model, processor, options.from_pretrained)
    if options.body_lr < 1:
        pretrained.keep_known_characters(model, processor, options.from_pretrained)
    return model


def make_loaders(options, accelerator, processor, codebook_size: int, train_set, held_out_set):
    """The sampler of training batches, their loader, and the loader of this process' held-out batches."""
    share = {"num_replicas": accelerator.num_processes, "rank": accelerator.process_index}
    multiple = math.gcd(SHAPE_MULTIPLE, options.max_text_length)  # never beyond the longest text
    collate = Collator(processor.tokenizer.pad_token_id, codebook_size, multiple, names=True)
    if options.streaming:
        sampler = StreamedBatches.of(options, processor, collate, **share)
        batches = {"dataset": sampler, "batch_size": None}
    else:
        frames_per_batch = options.frames_per_batch or None
        sampler = BucketBatchSampler(train_set.lengths, options.batch_size, options.seed, frames_per_batch, **share)
        batches = {"dataset": train_set, "batch_sampler": sampler, "collate_fn": collate}
    # the loader draws a seed for its workers: from a generator of its own, or the model's random numbers would shift
    loader = DataLoader(
        **batches,
        num_workers=options.num_workers,
        pin_memory=accelerator.device.type == "cuda",
        generator=torch.Generator(),
        worker_init_fn=_leave_signals_to_the_parent,
    )
    replicas = min(accelerator.num_processes, len(held_out_set))
    rank = accelerator.process_index
    held_out = []
    if rank < replicas:
        held_out = BucketBatchSampler(held_out_set.lengths, options.batch_size, num_replicas=replicas, rank=rank)
    batches = list(held_out)
    collate = Collator(processor.tokenizer.pad_token_id, codebook_size, multiple)
    return (
        sampler,
        loader,
        DataLoader(held_out_set, batch_sampler=batches, collate_fn=collate, generator=torch.Generator()),
    )


def _leave_signals_to_the_parent(worker: int) -> None:
    """A signal to the whole group must not kill the workers under a process that is to stop in good order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def make_optimizer(options, model) -> torch.optim.AdamW:
    """AdamW with decay on matrices only: norms, biases, embeddings and single values are left alone.

    A group's `lr_scale` is its share of the learning rate. With `--body-lr` below 1 that of all weights but the rows of
    speakers and characters is smaller, and at 0 they are frozen.
    """
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    rows, matrices, others = [], [], []
    for name, parameter in model.named_parameters():
        if options.body_lr < 1 and name in pretrained.CHARACTER_ROWS + pretrained.SPEAKER_ROWS:
            rows.append(parameter)
        elif parameter.ndim >= 2 and id(parameter) not in embeddings:
            matrices.append(parameter)
        else:
            others.append(parameter)
    for parameter in matrices + others:
        parameter.requires_grad_(options.body_lr > 0)
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay, "lr_scale": options.body_lr},
        {"params": others, "weight_decay": 0.0, "lr_scale": options.body_lr},
        {"params": rows, "weight_decay": 0.0, "lr_scale": 1.0},
    ]
    groups = [group for group in groups if group["params"] and group["lr_scale"]]
    return torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.98), fused=model.device.type in ("cuda", "cpu"))


def learning_rate(peak: float, step: int, warmup_steps: int, progress: float) -> float:
    """Linear warm-up to `peak`, then a cosine to 1 % of it.

    Args:
        peak: the highest rate.
        step: number of steps made so far.
        warmup_steps: of which the first ones are short.
        progress: share of what follows the warm-up that is over, 0..1.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, progress))) / 2)


def make_average(options, model) -> ExponentialMovingAverage:
    return ExponentialMovingAverage(model, options.ema_decay)


def make_sample_writer(options, processor, held_out_set) -> tuple[SampleWriter, str]:
    """The writer of samples, and where its prompts come from."""
    prompts, source = [], "sentences of the held-out data"
    if options.sample_prompts_file:
        prompts = read_prompts(options.sample_prompts_file, processor.speakers, options.sample_speaker)
        source = f"custom prompts from {options.sample_prompts_file}"
    elif options.sample_prompts:
        prompts = [Prompt(text, options.sample_speaker, line) for line, text in enumerate(options.sample_prompts, 1)]
        source = "custom prompts from CLI"
    for prompt in prompts:
        processor.speaker_to_id(prompt.speaker)  # a speaker that does not exist is a mistake to hear of now
    sampling = {}
    if options.codebook_head != "latent":  # which takes the nearest entries unless it is told to sample
        sampling = {"temperature": options.sample_temperature, "top_k": options.sample_top_k}
    rows = (held_out_set[index] for index in range(len(held_out_set)))
    writer = SampleWriter(options.output_dir, processor, prompts, rows, options.num_samples, options.seed, sampling)
    return writer, source


def make_trackers(options, accelerator) -> Trackers:
    return Trackers(accelerator, options.run_name, vars(options))


def save_voice(folder: Path, model, processor, metrics: dict[str, float], options) -> None:
    """Everything that `from_pretrained` needs: weights, configurations, tokenizer, code, codec, model card."""
    broken = [name for name, value in model.named_parameters() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{folder}: not written, the weights {', '.join(broken[:3])} are not finite.")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    aligner = aligner_path(options.token_dir, tokenizer_hash(processor.tokenizer))
    if aligner.is_file():
        shutil.copyfile(aligner, folder / pretrained.ALIGNER)
    shown = {name: value for name, value in metrics.items() if "/" not in name}
    of_the_hub = [name for name in options.data_dir if not Path(name).exists()]
    base = options.from_pretrained
    base = None if base is None or Path(base).exists() else base
    write_model_card(folder, model, processor, shown, datasets=of_the_hub, base_model=base)


def check_room(folder: Path, model, processor) -> None:
    """Raises `CheckpointError` before training where not even two checkpoints would fit on the disk."""
    # the averaged weights twice, as a voice and as a state, the weights, and two moments of AdamW
    needed = 5 * sum(parameter.numel() * 4 for parameter in model.parameters())
    needed += sum(path.stat().st_size for path in Path(processor.codec).glob("*.safetensors"))  # a folder's is copied
    checkpoint.check_room(folder, 2 * needed)


def check_same_run(folder, model, processor, state, num_processes: int) -> None:
    """Raises `CheckpointError` if a checkpoint is of another model, vocabulary or number of processes than this run."""
    advice = "give the run another --output-dir, or --resume-from-checkpoint none to start anew"
    try:
        config = TtsTrmConfig.from_pretrained(folder)
        saved = TtsTrmProcessor.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: cannot be read ({error}); {advice}.") from error
    ignored = {"auto_map", "architectures", "dtype", "transformers_version", "_name_or_path", "torch_dtype"}
    ours, theirs = model.config.to_dict(), config.to_dict()
    for name in sorted((ours.keys() | theirs.keys()) - ignored):
        if ours.get(name) != theirs.get(name):
            raise CheckpointError(
                f"{folder}: was trained with {name}={theirs.get(name)}, this run has {ours.get(name)}; {advice}."
            )
    if saved.tokenizer.get_vocab() != processor.tokenizer.get_vocab() or saved.speakers != processor.speakers:
        raise CheckpointError(f"{folder}: has another vocabulary or other speakers than the data; {advice}.")
    if state.get("num_processes") != num_processes:
        raise CheckpointError(
            f"{folder}: was written by {state.get('num_processes')} processes, this run has {num_processes}; {advice}."
        )


def load_buffers(folder: Path, model) -> None:
    """Takes over a checkpoint's buffers: its latents' statistics, which new data may have moved.

    Raises:
        CheckpointError: if its codebooks are another codec's.
    """
    with safe_open(folder / "model.safetensors", "pt") as saved:
        for name, buffer in model.named_buffers():
            value = saved.get_tensor(name).to(buffer)
            if name == "head.codebooks" and not torch.equal(value, buffer):
                raise CheckpointError(
                    f"{folder}: was trained on tokens of another codec; give the run another --output-dir, or "
                    "--resume-from-checkpoint none to start anew."
                )
            buffer.copy_(value)


# -- random numbers -------------------------------------------------------------------------------------------------


def seed_process(seed: int, rank: int) -> None:
    """Every process its own random numbers, for dropout."""
    set_seed(seed + rank)


def random_state(device: torch.device) -> torch.Tensor:
    """The state of the random numbers that training draws, CPU and then GPU, as bytes."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return torch.cat(states)


def restore_random_state(state: torch.Tensor, device: torch.device) -> None:
    """Puts back what `random_state` returned."""
    size = len(torch.get_rng_state())
    torch.set_rng_state(state[:size])
    if device.type == "cuda" and len(state) > size:
        torch.cuda.set_rng_state(state[size:], device)

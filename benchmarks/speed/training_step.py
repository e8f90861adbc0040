"""Speed and memory of a training step, compared with a literal implementation of the original specification.

    python benchmarks/speed/training_step.py [--device cuda --bf16]

All models have the original specification's size. Clips have the lengths of read speech, up to 256 frames; padding
frames do not count. The literal form gets random batches of clips, padded to the longest; ours gets batches of
`BucketBatchSampler` with as many clips on average.
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import (
    compare,
    machine,
    matrix_speed,
    operations,
    peak_memory,
    table,
    write_results,
)

LITERAL = "specification, literally"
# Name -> what differs from `TtsTrmConfig.from_specification()`; None is the package's own default configuration.
SIDES = {
    LITERAL: {},
    "specification": {},
    "specification, fine codebooks on 1/8 of the frames": {"fine_frame_fraction": 0.125},
    "specification, gradient through the last cycle": {"gradient_cycles": 1},
    "default: latent head, durations": None,
}
CLIPS = 512
# Of a log-normal distribution, as LibriTTS has.
MEAN_FRAMES, SPREAD, MAX_FRAMES = 80, 0.55, 256
CHARACTERS_PER_FRAME = 1.2
# For the memory of head and loss.
HEAD_FRAMES = 8 * MAX_FRAMES
# Of each side, over and over.
TRAINED_CLIPS = 48


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[8, 16])
    parser.add_argument("--rounds", type=int, default=3, help="steps on every batch (default: 3)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true", help="mixed precision in bfloat16")
    parser.add_argument("--compile", action="store_true", help="compile the blocks of our sides")
    parser.add_argument("--name", default="training_step", help="of the JSON in docs/results")
    return parser.parse_args(arguments)


def make_config(side: str, **sizes):
    from tts_trm import TtsTrmConfig

    changes = SIDES[side]
    return (
        TtsTrmConfig(**({"dropout": 0.0} | sizes))
        if changes is None
        else TtsTrmConfig.from_specification(**changes, **sizes)
    )


def make_model(side: str, **sizes):
    """The model of a side, in training, with weights that depend on the side's configuration only."""
    import torch

    from tts_trm import TtsTrmModel
    from tts_trm.benchmarks.common.literal_baseline import LiteralSpecification

    torch.manual_seed(0)
    model = (LiteralSpecification if side == LITERAL else TtsTrmModel)(make_config(side, **sizes))
    return model.train()


def clip_lengths() -> list[int]:
    """Frames of `CLIPS` clips."""
    import numpy as np

    drawn = np.random.default_rng(0).lognormal(np.log(MEAN_FRAMES), SPREAD, CLIPS)
    return np.clip(drawn, 8, MAX_FRAMES).astype(int).tolist()


def make_batch(config, lengths: list[int]) -> dict:
    """Random codes and texts of clips of these lengths, as the collator pads them."""
    import numpy as np

    from tts_trm.data.batching import Collator

    generator, items = np.random.default_rng(0), []
    for length in lengths:
        characters = max(2, round(length * CHARACTERS_PER_FRAME))
        codes = generator.integers(0, config.codebook_size, (config.num_codebooks, length)).astype(np.int16)
        ids = generator.integers(3, config.vocab_size, characters).astype(np.int32)
        item = {"name": "", "input_ids": ids, "speaker_id": 0, "audio_codes": codes}
        if config.alignment == "durations":
            item["durations"] = np.full(characters, length / characters, np.float32)
        items.append(item)
    return Collator(0, config.codebook_size)(items)


def make_batches(side: str, config, batch_size: int, count: int) -> list[dict]:
    """`count` batches: for the literal side of clips at random, for ours of clips of similar length."""
    import numpy as np

    from tts_trm.data.batching import BucketBatchSampler

    lengths = clip_lengths()
    if side == LITERAL:
        order = np.random.default_rng(1).permutation(len(lengths))
        chosen = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    else:
        chosen = list(BucketBatchSampler(lengths, batch_size))
    return [make_batch(config, [lengths[index] for index in indices]) for indices in chosen[:count]]


class Trainer:
    """Steps of one side, one batch after the other, over and over."""

    def __init__(self, side: str, command, batch_size: int):
        import torch

        self.model = make_model(side).to(command.device)
        if command.device == "cpu" and side != LITERAL:
            # As run_training.py does.
            self.model.set_attn_implementation("eager")
        if command.compile and side != LITERAL:
            for module in self.model.modules():
                if type(module).__name__ in self.model._no_split_modules:
                    module.compile()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, fused=True)
        batches = make_batches(side, self.model.config, batch_size, TRAINED_CLIPS // batch_size)
        self.batches = [{name: value.to(command.device) for name, value in batch.items()} for batch in batches]
        self.command = command
        self.frames = sum(int(batch["label_lengths"].sum()) for batch in self.batches)
        self.padded = sum(batch["labels"].shape[0] * batch["labels"].shape[2] for batch in self.batches)

    def epoch(self) -> None:
        """One step on every batch."""
        import torch

        device = self.command.device
        for batch in self.batches:
            with torch.autocast(device, torch.bfloat16, enabled=self.command.bf16):
                loss = self.model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        if device == "cuda":
            torch.cuda.synchronize()


def step_to_measure(side: str, batch_size: int):
    """For [`peak_memory`]: the side's step on its longest batch."""
    command = argparse.Namespace(device="cpu", bf16=False, compile=False)
    trainer = Trainer(side, command, batch_size)
    trainer.batches = [max(trainer.batches, key=lambda batch: batch["labels"].shape[2] * len(batch["labels"]))]
    return trainer.epoch


def head_to_measure(side: str, frames: int = HEAD_FRAMES):
    """For [`peak_memory`]: loss and gradients of the side's head alone."""
    import torch
    import torch.nn.functional as F

    model = make_model(side)
    config, head = model.config, model.head
    answers = torch.randn(frames, config.audio_embed_dim, requires_grad=True)
    codes = torch.randint(0, config.codebook_size, (frames, config.num_codebooks))

    def literal() -> None:
        logits = torch.stack([head._codebook_logits(answers, 0, c) for c in range(config.num_codebooks)], 1)
        F.cross_entropy(logits.flatten(0, 1), codes.flatten()).backward()

    return literal if side == LITERAL else lambda: head.loss(answers, codes)[0].backward()


def measure(command) -> dict:
    peak = matrix_speed() if command.device == "cpu" else None
    results, memory, heads = [], {}, {}
    # Before anything is in memory here.
    if command.device == "cpu":
        heads = {side: peak_memory(head_to_measure, side) for side in SIDES}
        memory = {
            (side, size): peak_memory(step_to_measure, side, size) for size in command.batch_sizes for side in SIDES
        }
    for batch_size in command.batch_sizes:
        trainers = {side: Trainer(side, command, batch_size) for side in SIDES}
        seconds = compare({side: trainer.epoch for side, trainer in trainers.items()}, command.rounds)
        for side, trainer in trainers.items():
            speed = trainer.frames / seconds[side]
            result = {"side": side, "batch_size": batch_size, "frames_per_second": speed}
            result["times_literal"] = speed / (trainers[LITERAL].frames / seconds[LITERAL])
            result["padding"] = 1 - trainer.frames / trainer.padded
            if command.device == "cpu":
                result["roofline_frames_per_second"] = peak * 1e9 * trainer.frames / operations(trainer.epoch)
                result["step_memory"] = memory[side, batch_size]
            results.append(result)
            print(result, flush=True)
        del trainers
    return {"matrix_gflops": peak, "steps": results, "head_memory": heads}


def tables(results: dict) -> str:
    """The figures as Markdown."""
    steps = [
        [
            step["side"],
            step["batch_size"],
            f"{step['frames_per_second']:.0f}",
            f"{step['times_literal']:.2f}",
            f"{100 * step['padding']:.0f} %",
            f"{step['roofline_frames_per_second']:.0f}" if "roofline_frames_per_second" in step else "",
            f"{step['step_memory']:.0f}" if "step_memory" in step else "",
        ]
        for step in results["steps"]
    ]
    headings = ["model", "clips", "frames/s", "x literal", "padding", "roofline frames/s", "MB of a step"]
    text = table(headings, steps)
    if results["head_memory"]:
        literal = results["head_memory"][LITERAL]
        rows = [[side, f"{value:.0f}", f"1/{literal / value:.0f}"] for side, value in results["head_memory"].items()]
        text += "\n" + table([f"head and loss, {HEAD_FRAMES} frames", "MB", "of literal"], rows)
    return text


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    results = measure(command)
    print(machine())
    print(tables(results))
    print(write_results(command.name, {"command": vars(command), **results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Does recursion pay where the model is limited by itself? Rows of equal steps on the data of the bundled voice.

    python benchmarks/ablations/recursion.py --token-dir recordings/tokens_all --codec pretrained/tts-trm-mini/codec \\
        --data-dir recordings --languages en kerstin=de --bf16
    python benchmarks/ablations/recursion.py --report

Every row sees the same clips in the same order, from a random start. What differs is how often, and in how many
different copies, a layer is applied. A row costs what its operations cost, so the table has its operations a frame:
seconds would measure how well this or that number of launches suits the machine at hand. Rows that `--output` has are
skipped; `--report` trains nothing and writes the table in `docs/ablations.md`. Meant for a GPU.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

import torch
from torch import nn

from tts_trm.benchmarks.ablations import variants
from tts_trm.benchmarks.ablations.run_ablations import ROOT, append_result, read_results
from tts_trm.benchmarks.common.markdown_tables import write_table
from tts_trm.benchmarks.common.measuring import table
from tts_trm.modeling_tts_trm import TtsTrmModel

RESULTS = ROOT / "docs" / "results" / "recursion.json"
# What all rows share: the sizes of the bundled voice, with one block.
BASE = (
    "--text-embed-dim 288 --audio-embed-dim 288 --hidden-dim 1024 --text-layers 6 --L-layers 1 --H-cycles 1 "
    "--L-cycles 1 --num-heads 4 --dropout 0.1 --max-text-length 256 --max-audio-frames 160 --frames-per-batch 6144 "
    "--lr 2e-3 --warmup-steps 70 --weight-decay 0.05 --ema-decay 0.99"
)


class RepeatedText(TtsTrmModel):
    """The layers of the text encoder, applied twice."""

    passes = 2

    def __init__(self, config):
        super().__init__(config)
        self.text_encoder.layers = nn.ModuleList([*self.text_encoder.layers] * self.passes)


class ThriceRepeatedText(RepeatedText):
    """The layers of the text encoder, applied three times."""

    passes = 3


@dataclass(frozen=True)
class Row:
    """One training: what differs from the base, as options, and for a reader."""

    name: str
    change: str
    arguments: str = ""
    model_class: type[TtsTrmModel] = TtsTrmModel
    seed: int = 42


ROWS = [
    Row("1x1", "one pass of one block"),
    Row("2x1", "H 2, L 1", "--H-cycles 2"),
    Row("2 blocks", "2 different blocks, one pass", "--L-layers 2"),
    Row("3x1", "H 3, L 1", "--H-cycles 3"),
    Row("3 blocks", "3 different blocks, one pass", "--L-layers 3"),
    Row("2x3", "H 2, L 3", "--H-cycles 2 --L-cycles 3"),
    Row("6 blocks", "6 different blocks, one pass", "--L-layers 6"),
    Row("3x6", "H 3, L 6: the specification's cycles", "--H-cycles 3 --L-cycles 6"),
    Row("2x1", "H 2, L 1", "--H-cycles 2", seed=43),
    Row("2 blocks", "2 different blocks, one pass", "--L-layers 2", seed=43),
    Row("1x1", "one pass of one block", seed=43),
    Row("3x1 supervised", "H 3, a loss at every cycle", "--H-cycles 3", variants.DeepSupervision),
    Row("2x1 random", "1 to 4 high-level cycles in training", "--H-cycles 2", variants.RandomCycles),
    Row("text 3", "3 text layers", "--text-layers 3"),
    Row("text 3, twice", "3 text layers, applied twice", "--text-layers 3", RepeatedText),
    Row("text 2, three times", "2 text layers, applied three times", "--text-layers 2", ThriceRepeatedText),
    Row("text 6, twice", "6 text layers, applied twice", "", RepeatedText),
    Row("narrow", "width 192, hidden 640", "--text-embed-dim 192 --audio-embed-dim 192 --hidden-dim 640"),
    Row("bundled", "2 blocks, H 2: the bundled voice", "--L-layers 2 --H-cycles 2"),
]


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", nargs="+", default=["test_dataset"], help="as for run_training.py")
    parser.add_argument("--token-dir", type=Path, help="their tokens, with durations; made if they are not there")
    parser.add_argument("--codec", help="as for run_training.py")
    parser.add_argument("--languages", nargs="+", default=["en"], help="as for run_training.py")
    parser.add_argument("--steps", type=int, default=700, help="of each row")
    parser.add_argument("--bf16", action="store_true", help="mixed precision in bfloat16")
    parser.add_argument("--row", action="append", help="train only this row (repeatable)")
    parser.add_argument("--share", default="0/1", help="I/N: every Nth of the rows, from number I on")
    parser.add_argument("--weights", type=Path, help="folder that gets each row's averaged weights, to let it speak")
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON (default: docs/results/recursion.json)")
    parser.add_argument("--report", action="store_true", help="write the table in docs/ablations.md from the results")
    return parser.parse_args(arguments)


class Laboratory:
    """The data that all rows share, and how one is trained and measured."""

    def __init__(self, command):
        from tts_trm.training import loaders, preparation
        from tts_trm.training.accelerator import make_accelerator
        from tts_trm.training.options import parse_arguments

        self.command = command
        places = ["--data-dir", *command.data_dir, "--languages", *command.languages]
        places += ["--token-dir", str(command.token_dir)] if command.token_dir else []
        places += ["--codec", command.codec] if command.codec else []
        places += ["--no-tensorboard"]
        self.options = lambda changes, seed: parse_arguments(
            [*places, *BASE.split(), *changes.split(), "--seed", str(seed)]
        )
        options = self.options("", 42)
        accelerator = make_accelerator(options)
        self.device = accelerator.device
        self.info = preparation.prepare_tokens(options, accelerator, print)
        self.processor = preparation.make_processor(options, self.info)
        preparation.prepare_durations(options, self.processor, print)
        train_set, held_out, _ = loaders.split_data(options, self.processor)
        # Read once: a row takes less time than reading its clips again for every epoch.
        self.train_rows = [train_set[index] for index in range(len(train_set))]
        self.held_out_rows = [held_out[index] for index in range(len(held_out))]

    def run(self, row: Row) -> dict:
        """Everything that the report says of a row, as JSON takes it."""
        from safetensors.torch import save_file

        from tts_trm.training import model, optimization

        options = self.options(row.arguments, row.seed)
        net = model.make_model(options, self.processor, self.info, self.train_rows, row.model_class)
        net = net.to(self.device)
        average = optimization.make_average(options, net)
        result = {
            "name": row.name,
            "seed": row.seed,
            "steps": self.command.steps,
            "parameters": sum(parameter.numel() for parameter in net.parameters()),
            "operations": self.operations(net),
            "device": torch.cuda.get_device_name() if self.device.type == "cuda" else "CPU",
        }
        result |= self.train(options, net, average)
        with average.applied(net):
            result["errors"] = self.errors(net)
            if self.command.weights:
                self.command.weights.mkdir(parents=True, exist_ok=True)
                own = {name: value.half().contiguous().cpu() for name, value in net.named_parameters()}
                save_file(own, self.command.weights / f"{row.name.replace(' ', '_')}-{row.seed}.safetensors")
        return result | {"when": time.strftime("%Y-%m-%d")}

    def operations(self, net: TtsTrmModel) -> float:
        """Floating-point operations of one forward pass, a frame, without the head's report of cross-entropies."""
        from torch.utils.flop_counter import FlopCounterMode

        batch = self.batch(self.held_out_rows[:8])
        batch.pop("labels")
        lengths = batch.pop("label_lengths")
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            net.eval()(**batch, num_frames=lengths)
        return counter.get_total_flops() / int(lengths.sum())

    def batch(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        from tts_trm.data.batching import Collator
        from tts_trm.training.loaders import SHAPE_MULTIPLE

        collate = Collator(self.processor.tokenizer.pad_token_id, self.info.codebook_size, SHAPE_MULTIPLE)
        return {name: value.to(self.device, non_blocking=True) for name, value in collate(rows).items()}

    def train(self, options, net: TtsTrmModel, average) -> dict:
        """Trains `net` and its `average` for the steps of the command."""
        from tts_trm.data.batching import BucketBatchSampler
        from tts_trm.training import optimization

        optimizer = optimization.make_optimizer(options, net)
        lengths = [row["audio_codes"].shape[1] for row in self.train_rows]
        sampler = BucketBatchSampler(lengths, frames_per_batch=options.frames_per_batch, seed=options.seed)
        torch.manual_seed(options.seed)
        net.train()
        step, frames, epoch, started = 0, 0, 0, time.time()
        while step < self.command.steps:
            sampler.set_epoch(epoch)
            epoch += 1
            for indices in sampler:
                batch = self.batch([self.train_rows[index] for index in indices])
                progress = (step - options.warmup_steps) / max(1, self.command.steps - options.warmup_steps)
                for group in optimizer.param_groups:
                    group["lr"] = optimization.learning_rate(options.lr, step, options.warmup_steps, progress)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.command.bf16):
                    loss = net(**batch).loss
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), options.grad_clip, error_if_nonfinite=True)
                optimizer.step()
                optimizer.zero_grad()
                average.update(net)
                step, frames = step + 1, frames + sum(lengths[index] for index in indices)
                if step == self.command.steps:
                    break
        return {"frames": frames, "passes": frames / sum(lengths), "seconds": time.time() - started}

    @torch.no_grad()
    def errors(self, net: TtsTrmModel) -> dict[str, float]:
        """By speaker: squared error of the held-out latents over their variance, true durations."""
        net.eval()
        errors = {}
        for speaker_id, speaker in enumerate(self.processor.speakers):
            rows = [row for row in self.held_out_rows if row["speaker_id"] == speaker_id]
            predicted, true = [], []
            for first in range(0, len(rows), 16):
                batch = self.batch(rows[first : first + 16])
                answers = net(**batch).last_hidden_state
                real = torch.arange(answers.shape[1], device=self.device) < batch["label_lengths"][:, None]
                predicted.append(net.head.latent(answers[real]))
                true.append(net.head.target(batch["labels"].transpose(1, 2)[real]))
            if rows:
                of_speaker, spoken = torch.cat(true), torch.cat(predicted)
                variance = (of_speaker - of_speaker.mean(0)).square().sum()
                errors[speaker] = float((spoken - of_speaker).square().sum() / variance)
        return errors


def report(results: list[dict]) -> str:
    """The results as Markdown, in the order of the rows, every seed of each."""
    changes = {row.name: row.change for row in ROWS}
    order = list(changes)
    results = sorted(results, key=lambda result: (order.index(result["name"]), result["seed"]))
    speakers = list(dict.fromkeys(speaker for result in results for speaker in result["errors"]))
    rows = [
        [
            result["name"] + ("" if result["seed"] == 42 else f", seed {result['seed']}"),
            changes[result["name"]],
            f"{result['parameters'] / 1e6:.2f} M",
            f"{result['operations'] / 1e6:.1f} M",
            f"{sum(result['errors'].values()) / len(result['errors']):.3f}",
            *(f"{result['errors'][speaker]:.3f}" for speaker in speakers),
        ]
        for result in results
    ]
    return table(["row", "what differs", "parameters", "operations a frame", "error, mean", *speakers], rows)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    if command.report:
        write_table(ROOT / "docs" / "ablations.md", "recursion", report(read_results(command.output)))
        return 0
    # On a GPU few sums need every bit of float32.
    torch.set_float32_matmul_precision("high")
    number, shares = map(int, command.share.split("/"))
    laboratory = Laboratory(command)
    rows = [row for row in ROWS if command.row is None or row.name in command.row]
    for row in rows[number::shares]:
        done = {(result["name"], result["seed"], result["steps"]) for result in read_results(command.output)}
        if (row.name, row.seed, command.steps) not in done:
            result = laboratory.run(row)
            append_result(command.output, result)
            print(f"{row.name}, seed {row.seed}: {result}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

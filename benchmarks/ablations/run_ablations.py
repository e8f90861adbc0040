"""Trains one small model per idea, all for the same minutes of one core, and has them speak unseen sentences.

    python benchmarks/ablations/run_ablations.py --data-dir recordings --token-dir tokens --codec codec
    python benchmarks/ablations/run_ablations.py --report

Rows that `--output` has are skipped, so the command can be stopped and started again; `--row NAME` trains only that
one. Two commands with `--share 0/2` and `--share 1/2` divide the rows between two cores. `--report` trains nothing
and writes `docs/ablations.md` and its curves from the results.
"""

import argparse
import fcntl
import json
import platform
import sys
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401


ROOT = Path(__file__).resolve().parents[2]

RESULTS = ROOT / "docs" / "results" / "ablations.json"
# Of one core for each training; a few rows have been run for longer, too.
MINUTES = 5.0
CURVE_POINTS = 6
# Number of held-out sentences.
SPOKEN = 40


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", nargs="+", default=["test_dataset"], help="as for run_training.py")
    parser.add_argument("--token-dir", type=Path, help="their tokens, with durations; made if they are not there")
    parser.add_argument("--codec", help="as for run_training.py")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of one core for each training (default: 5)")
    parser.add_argument("--row", action="append", help="train only this row (repeatable)")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--share", default="0/1", help="I/N: every Nth of the rows, from number I on")
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON (default: docs/results/ablations.json)")
    parser.add_argument("--report", action="store_true", help="write docs/ablations.md from the results")
    return parser.parse_args(arguments)


def read_results(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def append_result(path: Path, result: dict) -> None:
    """Adds a row to the file, which other processes may be adding to as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = [*read_results(path), result]
        # A stop in the middle of writing must not cost the rows that are there.
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)


class Laboratory:
    """The data of all rows, and how a row is trained and measured.

    Args:
        command: the parsed command line.
    """

    def __init__(self, command):
        from accelerate import Accelerator

        from tts_trm.evaluation.recognizers import PocketsphinxRecognizer
        from tts_trm.training import preparation

        self.command = command
        self.accelerator = Accelerator(cpu=True)
        self.info = preparation.prepare_tokens(self.options(""), self.accelerator, print)
        self.recognizer = PocketsphinxRecognizer()

    def options(self, changes: str):
        from tts_trm.benchmarks.ablations.ablation_rows import BASE
        from tts_trm.training.options import parse_arguments

        command = self.command
        places = ["--data-dir", *command.data_dir, "--seed", str(command.seed)]
        places += ["--token-dir", str(command.token_dir)] if command.token_dir else []
        places += ["--codec", command.codec] if command.codec else []
        return parse_arguments([*places, *BASE.split(), *changes.split()])

    def run(self, row) -> dict:
        """Everything that the report says of a row, as JSON takes it."""
        from tts_trm.data.batching import Collator
        from tts_trm.training import loaders, model, optimization, preparation

        options = self.options(row.arguments)
        self.processor = preparation.make_processor(options, self.info)
        if options.alignment == "durations":
            preparation.prepare_durations(options, self.processor, print)
        train_set, every_held_out, _ = loaders.split_data(options, self.processor)
        ids, first = self._speaker_ids(row.speakers), self._speaker_ids(row.first_speakers)
        phases = [train_set.of_speakers(part) for part in (first, ids) if part]
        self.collate = Collator(self.processor.tokenizer.pad_token_id, self.info.codebook_size)
        self.held_out = every_held_out.of_speakers(ids[:1])
        self.texts = self._unseen_texts(every_held_out, ids)
        model = model.make_model(options, self.processor, self.info, phases[-1], row.model_class, **row.config)
        result = {
            "name": row.name,
            "seed": options.seed,
            "minutes": self.command.minutes,
            "parameters": sum(p.numel() for p in model.parameters()),
            "training_hours": sum(float(part.lengths.sum()) for part in phases) / self.info.frame_rate / 3600,
        }
        average = optimization.make_average(options, model)
        result |= self.train(options, model, average, phases)
        with average.applied(model):
            result |= self.measure(model, row)
        return result | {"when": time.strftime("%Y-%m-%d"), "machine": platform.processor() or platform.machine()}

    def _speaker_ids(self, speakers) -> list[int]:
        missing = set(speakers) - set(self.processor.speakers)
        if missing:
            raise ValueError(
                f"--data-dir {self.command.data_dir}: has no speaker {', '.join(sorted(missing))}, only "
                f"{', '.join(self.processor.speakers)}; change `speakers` in benchmarks/ablations/ablation_rows.py."
            )
        return [self.processor.speaker_to_id(name) for name in speakers]

    def _unseen_texts(self, held_out, ids: list[int]) -> list[str]:
        """Held-out texts in the language of the first speaker, hers first; all of them are spoken by her."""
        texts = []
        for speaker in ids:
            texts += [held_out[i]["text"] for i in range(len(held_out)) if held_out.speaker_ids[i] == speaker]
        return list(dict.fromkeys(texts))[:SPOKEN]

    def train(self, options, model, average, phases) -> dict:
        """Trains `model` and its `average` for `minutes` of processor time, not counting evaluation.

        Each of the data sets in `phases` has the same share of the time.
        """
        import torch

        from tts_trm.data.batching import BucketBatchSampler
        from tts_trm.training import model, optimization

        optimizer = optimization.make_optimizer(options, model)
        budget, used, frames, step, epoch, curve = self.command.minutes * 60, 0.0, 0, 0, 0, []
        torch.manual_seed(options.seed)
        model.train()
        started = time.process_time()
        while used < budget:
            phase = int(len(phases) * used / budget)
            train_set = phases[phase]
            sampler = BucketBatchSampler(
                train_set.lengths, frames_per_batch=options.frames_per_batch, seed=options.seed
            )
            sampler.set_epoch(epoch)
            epoch += 1
            for indices in sampler:
                batch = self.collate([train_set[index] for index in indices])
                for group in optimizer.param_groups:
                    group["lr"] = optimization.learning_rate(options.lr, step, options.warmup_steps, used / budget)
                model(**batch).loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), options.grad_clip)
                optimizer.step()
                optimizer.zero_grad()
                average.update(model)
                step, frames = step + 1, frames + int(batch["label_lengths"].sum())
                used = time.process_time() - started
                if used >= budget * (len(curve) + 1) / CURVE_POINTS or used >= budget:
                    with average.applied(model):
                        curve.append({"minutes": used / 60, "frames": frames, **self.held_out_error(model)})
                    print(f"  {step} steps, {curve[-1]}", flush=True)
                    started = time.process_time() - used
                if used >= budget * (phase + 1) / len(phases):
                    break
        return {
            "steps": step,
            "frames": frames,
            "passes": frames / sum(float(part.lengths.sum()) for part in phases),
            "frames_per_second": frames / used,
            "curve": curve,
        }

    def held_out_error(self, model) -> dict:
        """Loss of the unseen sentences; for a latent head its squared error over the variance of the speaker."""
        import torch

        from tts_trm.evaluation.model_metrics import evaluating

        losses, predicted, true = [], [], []
        with evaluating(model), torch.no_grad():
            for index in range(len(self.held_out)):
                batch = self.collate([self.held_out[index]])
                output = model(**batch)
                losses.append(float(output.codebook_loss))
                if model.config.predicts_latents:
                    true.append(model.head.target(batch["labels"][0].T))
                    predicted.append(model.head.latent(output.last_hidden_state[0]))
        measured = {"loss": sum(losses) / len(losses)}
        if true:
            true, predicted = torch.cat(true), torch.cat(predicted)
            measured["error"] = float((predicted - true).square().sum() / (true - true.mean(0)).square().sum())
        return measured

    def measure(self, model, row) -> dict:
        """Codebooks, reading of the text, cycles, and what the recogniser understands."""
        from tts_trm.evaluation.model_metrics import codebook_measures, evaluate, measure_gain

        model.eval()
        batches = [
            self.collate([self.held_out[i] for i in range(first, min(first + 4, len(self.held_out)))])
            for first in range(0, len(self.held_out), 4)
        ]
        general = evaluate(model, batches, "cpu")
        codebooks = codebook_measures(model, batches[:8])
        result = {
            "shuffled_text_loss": general["shuffled_text_loss"],
            "loss": general["loss"],
            "cycle_losses": [value for name, value in general.items() if name.startswith("cycle_loss/")],
            "cycle_changes": [value for name, value in general.items() if name.startswith("cycle_change/")],
            "frame_cosine": general["frame_cosine"],
            "codebook_0": [codebooks["cross_entropy"][0], codebooks["accuracy"][0]],
            "mean_cross_entropy": sum(codebooks["cross_entropy"]) / len(codebooks["cross_entropy"]),
            "readings": [],
        }
        measure_gain(model, batches, "cpu")
        for label, settings in row.readings.items():
            for name, value in settings.items():
                setattr(model, name, value)
            error = self.held_out_error(model)
            for sharpness in row.sharpness if model.config.predicts_latents else (0.0,):
                measured = {"reading": label, "sharpness": sharpness, **error}
                measured |= self.listen(model, row.speakers[0], sharpness)
                result["readings"].append(measured)
                print(f"  {measured}", flush=True)
        return result

    def listen(self, model, speaker: str, sharpness: float) -> dict:
        """Error rates of the unseen sentences as `model` says them, with lengths of its own."""
        import torch

        from tts_trm.evaluation.word_metrics import WordErrorRate

        heard = []
        for text in self.texts:
            codes = model.generate(
                **self.processor(text=text, speaker=speaker),
                sharpness=sharpness,
                generator=torch.Generator().manual_seed(0),
            )
            heard.append(self.recognizer(self.processor.decode(codes)[0].numpy(), self.processor.sampling_rate))
        rates = WordErrorRate(keep_in_memory=True).compute(predictions=heard, references=self.texts)
        return {name: rates[name] for name in ("word_error_rate", "word_error_interval", "character_error_rate")}


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    if command.report:
        from tts_trm.benchmarks.ablations.ablation_report import write_report

        write_report(read_results(command.output), ROOT / "docs")
        return 0
    from tts_trm.benchmarks.ablations.ablation_rows import ROWS

    names = [row.name for row in ROWS]
    try:
        for name in command.row or ():
            if name not in names:
                raise ValueError(f"--row {name}: there is no such row; there are {', '.join(names)}.")
        run_rows(command, [row for row in ROWS if command.row is None or row.name in command.row])
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run_rows(command, rows) -> None:
    """Trains and measures this command's share of `rows`, and appends each to the results as it is done."""
    import torch

    # One core, so that other programs disturb less.
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    number, shares = map(int, command.share.split("/"))
    laboratory = Laboratory(command)
    for row in rows[number::shares]:
        done = {(result["name"], result["seed"], result["minutes"]) for result in read_results(command.output)}
        if (row.name, command.seed, command.minutes) in done:
            continue
        print(f"{row.name}: {row.change}", flush=True)
        append_result(command.output, laboratory.run(row))


if __name__ == "__main__":
    sys.exit(main())

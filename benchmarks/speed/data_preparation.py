"""How fast recordings become codes, texts are aligned to them and codes become batches; and what they weigh on disk.

    python benchmarks/speed/data_preparation.py

The recordings of `test_dataset` are linked often enough to fill a minute; Mimi has its full size and random
weights. Texts are aligned to the codes of the offline codec. Batches are read from these by the loader of
`run_training.py`, compared with training at the bundled voice's sizes on the same batches.
"""

import argparse
import csv
import io
import shutil
import sys
import tempfile
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import ROOT, machine, table, write_results

RECORDINGS = ROOT / "test_dataset"
OFFLINE = ROOT / "pretrained" / "tts-trm-mini" / "codec"
# Copies of the recordings.
COPIES = {"offline codec": 40, "Mimi, full size": 4}
PROCESSES = (1, 2)
ALIGNER_STEPS = 40
ALIGNED = {"hours_per_hour": "hours of audio per hour", "bytes_per_second": "bytes per second of audio"}


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="of reading and of training (default: 20)")
    return parser.parse_args(arguments)


def make_recordings(folder: Path, copies: int) -> Path:
    """A folder with every recording of the fixture `copies` times over."""
    folder.mkdir(parents=True)
    with open(RECORDINGS / "metadata.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(folder / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        for copy in range(copies):
            for row in rows:
                name = f"{copy}_{row['file_name']}"
                shutil.copy(RECORDINGS / row["file_name"], folder / name)
                writer.writerow(row | {"file_name": name})
    return folder


def make_mimi(folder: Path) -> Path:
    """Mimi with random weights, also for the codebook entries, which would be zero."""
    from transformers import MimiConfig, MimiModel

    codec = MimiModel(MimiConfig(num_quantizers=32))
    for module in codec.modules():
        if type(module).__name__ == "MimiEuclideanCodebook":
            module.embed_sum.normal_()
    codec.save_pretrained(folder)
    return folder


def measure_tokenising(folder: Path) -> list[dict]:
    """Hours of audio an hour, the start of the workers included, and bytes a second of audio."""
    import torch

    from tts_trm.data.recordings import read_folder
    from tts_trm.data.tokenizing import tokenize_clips

    torch.set_num_threads(1)
    codecs = {"offline codec": OFFLINE, "Mimi, full size": make_mimi(folder / "mimi")}
    results = []
    for name, codec in codecs.items():
        clips = read_folder(make_recordings(folder / f"recordings {name}", COPIES[name]))
        for processes in PROCESSES:
            tokens = folder / f"tokens {name} {processes}"
            started = time.perf_counter()
            report = tokenize_clips(clips, str(codec), tokens, num_workers=processes)
            hours = (time.perf_counter() - started) / 3600
            size = sum(path.stat().st_size for path in tokens.glob("*.parquet"))
            results.append(
                {
                    "codec": name,
                    "processes": processes,
                    "hours_per_hour": report.hours / hours,
                    "bytes_per_second": size / report.hours / 3600,
                }
            )
            print(results[-1], flush=True)
    return results


def measure_aligning(tokens: Path) -> dict:
    """Seconds of a step of the aligner's training, hours it aligns in an hour, bytes of durations a second of audio."""
    import pyarrow
    import pyarrow.parquet

    from tts_trm.data.aligner import MAX_STEPS, AlignerTraining
    from tts_trm.data.dataset import rows_to_align
    from tts_trm.data.token_folder import load_tokens
    from tts_trm.processing_tts_trm import TtsTrmProcessor

    table, info = load_tokens(tokens)
    processor = TtsTrmProcessor.from_texts(table["text"], sorted(set(table["speaker"])))
    rows = rows_to_align(table, processor)
    training = AlignerTraining(rows, info.codebooks(), info.codebook_chains, len(processor.tokenizer))
    started = time.perf_counter()
    training.train(ALIGNER_STEPS, progress=print)
    trained = time.perf_counter()
    durations = training.align(rows, progress=print)
    aligned = time.perf_counter()
    seconds = sum(table["num_frames"]) / info.frame_rate
    # The copies would shrink to nothing in the file.
    once = len(durations) // COPIES["offline codec"]
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"durations": durations[:once]}), file)
    return {
        "hours_to_train_longest": (trained - started) / ALIGNER_STEPS * MAX_STEPS / 3600,
        "hours_per_hour": seconds / (aligned - trained),
        "bytes_per_second": file.tell() / float(sum(map(sum, durations[:once]))) * info.frame_rate,
    }


def measure_loading(tokens: Path, output: Path, seconds: float) -> dict:
    """Frames a second that the loader delivers to one process, and that training takes."""
    from tts_trm.training.options import parse_arguments
    from tts_trm.training.run import Run

    options = ["--config", str(ROOT / "configs" / "tts-trm-mini.yaml"), "--token-dir", str(tokens), "--no-tensorboard"]
    options += ["--data-dir", str(tokens), "--output-dir", str(output), "--num-workers", "0", "--device", "cpu"]
    run = Run(parse_arguments(options))
    speeds = {}
    for name, use in (("loader", lambda batch: None), ("training", lambda batch: run.optimizer_step([batch]))):
        frames, started, epoch = 0, time.perf_counter(), 0
        while (used := time.perf_counter() - started) < seconds:
            run.sampler.set_epoch(epoch)
            epoch += 1
            for batch in run.loader:
                use(batch)
                frames += int(batch["label_lengths"].sum())
        speeds[name] = frames / used
    return speeds


def measure(command) -> dict:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {"tokenising": measure_tokenising(folder)}
        tokens = folder / "tokens offline codec 1"
        results["aligning"] = measure_aligning(tokens)
        print(results["aligning"], flush=True)
        return results | {"frames_per_second": measure_loading(tokens, folder / "run", command.seconds)}


def tables(results: dict) -> str:
    rows = [
        [r["codec"], r["processes"], f"{r['hours_per_hour']:.0f}", f"{r['bytes_per_second']:.0f}"]
        for r in results["tokenising"]
    ]
    text = table(["codec", "processes", "hours of audio per hour", "bytes per second of audio"], rows)
    aligning = results["aligning"]
    cells = [f"{60 * aligning['hours_to_train_longest']:.0f}", *(f"{aligning[name]:.0f}" for name in ALIGNED)]
    headings = ["aligner, 1 process: minutes of its longest training", *ALIGNED.values()]
    text += "\n" + table(headings, [cells])
    rows = [[name, f"{speed:.0f}"] for name, speed in results["frames_per_second"].items()]
    return text + "\n" + table(["", "frames/s"], rows)


def main(arguments=None) -> int:
    results = measure(parse_arguments(arguments))
    print(machine())
    print(tables(results))
    print(write_results("data_preparation", results))
    return 0


if __name__ == "__main__":
    sys.exit(main())

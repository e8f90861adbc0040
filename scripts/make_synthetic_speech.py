"""Speaks a list of sentences in flite's voices: a data set of our own making, for tests and for text coverage.

A few hundred sentences of a real voice hold few distinct words; the same model learns to spell from thousands of
sentences in synthetic voices beside it. Needs the `flite` command (`apt-get install flite`).
"""

import argparse
import csv
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile
import soxr

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import run_command
from tts_trm.errors_tts_trm import InputError


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True, help="text file, one sentence a line")
    parser.add_argument(
        "--output-dir", type=Path, required=True, help="gets one audio file a sentence and metadata.csv"
    )
    parser.add_argument("--voices", nargs="+", default=["slt", "rms"], help="flite voices (flite -lv lists them)")
    parser.add_argument("--count", type=int, default=0, help="sentences in all, dealt out to the voices (0 = all)")
    parser.add_argument("--min-length", type=int, default=25, help="shortest sentence in characters")
    parser.add_argument("--max-length", type=int, default=105, help="longest sentence in characters")
    parser.add_argument("--suffix", choices=["flac", "wav", "ogg"], default="flac", help="audio format")
    parser.add_argument("--sampling-rate", type=int, default=16_000, help="of the files; flite's own is 16 kHz")
    parser.add_argument("--seed", type=int, default=42, help="order of the sentences; -1 keeps the file's order")
    return parser.parse_args(arguments)


def choose_sentences(options: argparse.Namespace) -> list[str]:
    lines = [" ".join(line.split()) for line in options.sentences.read_text(encoding="utf-8").splitlines()]
    lines = list(dict.fromkeys(line for line in lines if options.min_length <= len(line) <= options.max_length))
    if options.seed >= 0:
        random.Random(options.seed).shuffle(lines)
    return lines[: options.count or None]


def speak(text: str, voice: str, path: Path, sampling_rate: int) -> None:
    """Writes `text` to `path`, unless an earlier run has; a partial file never bears the final name."""
    if path.exists():
        return
    raw, partial = path.with_suffix(".raw.wav"), path.with_name(path.stem + ".partial" + path.suffix)
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(raw)], check=True, capture_output=True)
    samples, rate = soundfile.read(raw, dtype="float32")
    soundfile.write(partial, soxr.resample(samples, rate, sampling_rate), sampling_rate)
    raw.unlink()
    partial.rename(path)


def speak_all(options: argparse.Namespace) -> None:
    if shutil.which("flite") is None:
        raise InputError("the command `flite` is missing; install it with `apt-get install flite`.")
    sentences = choose_sentences(options)
    if not sentences:
        raise InputError(f"{options.sentences} holds no sentence of the wanted length.")
    options.output_dir.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, text in enumerate(sentences):
        voice = options.voices[index % len(options.voices)]
        rows.append((f"{voice}_{index:05d}.{options.suffix}", text, voice))
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(speak, text, voice, options.output_dir / name, options.sampling_rate)
            for name, text, voice in rows
        ]
        for job in jobs:
            job.result()
    with open(options.output_dir / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file_name", "text", "speaker"), *rows])
    print(f"{len(rows)} sentences in {len(options.voices)} voices -> {options.output_dir}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: speak_all(options))


if __name__ == "__main__":
    sys.exit(main())

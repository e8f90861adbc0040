"""Copies recordings without their steady noise, so that a voice does not learn it.

    python scripts/denoise_dataset.py --data-dir my_recordings --output-dir clean_recordings

Listen to a few of the copies, then train on the new folder. Speech recorded in a quiet room has nothing to gain.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from tts_trm.commands import number_type, run_command
from tts_trm.errors_tts_trm import InputError


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", nargs="+", required=True, help="folders with a table and audio")
    parser.add_argument("--table-columns", help="columns of tables without a header: file,text,speaker; - skips one")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for the copies and their metadata.csv")
    parser.add_argument(
        "--strength",
        type=number_type(float, 0, 0.99),
        default=0.8,
        help="share of the noise to take away, below 1 (default: %(default)s, that is 14 dB)",
    )
    return parser.parse_args(arguments)


def denoise(options: argparse.Namespace) -> None:
    import soundfile

    from tts_trm.audio.denoising import reduce_noise
    from tts_trm.audio.reading import AudioError, read_samples
    from tts_trm.data.sources import read_sources

    for folder in options.data_dir:
        if not Path(folder).is_dir():
            raise InputError(f"{folder}: is not a folder.")
    if options.output_dir.is_dir() and any(options.output_dir.iterdir()):
        raise InputError(f"--output-dir {options.output_dir}: is not empty; name a new folder.")
    order = options.table_columns.split(",") if options.table_columns else None
    clips = read_sources(options.data_dir, order=order)
    rows, refused = [], 0
    for index, clip in enumerate(clips):
        path = options.output_dir / f"{index:05d}_{Path(clip.name).stem}.flac"
        try:
            samples, rate = read_samples(clip.source, clip.name)
        except AudioError as error:
            print(f"left out: {error}", file=sys.stderr)
            refused += 1
            continue
        cleaned = reduce_noise(samples.mean(axis=1), rate, options.strength)
        options.output_dir.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, cleaned, rate)
        rows.append((path.name, clip.text, clip.speaker))
    if not rows:
        raise InputError(f"{options.data_dir[0]}: no recording can be read.")
    with open(options.output_dir / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file_name", "text", "speaker"), *rows])
    left_out = f", {refused} left out" if refused else ""
    print(f"{len(rows)} recordings{left_out} -> {options.output_dir}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: denoise(options))


if __name__ == "__main__":
    sys.exit(main())

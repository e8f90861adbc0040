"""Turns a training checkpoint into a voice to publish: half precision on disk, float32 in use, no training state.

python scripts/export_voice.py --checkpoint outputs/tts/checkpoints/best --output-dir my-voice
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import run_command


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint folder of a training run")
    parser.add_argument(
        "--output-dir", type=Path, required=True, help="folder for the voice; existing files of a voice are replaced"
    )
    parser.add_argument("--codec", help="codec with the same codebooks to ship instead of the checkpoint's")
    parser.add_argument(
        "--notes", type=Path, help="Markdown file about data and training, for the model card; metadata may come first"
    )
    parser.add_argument("--evaluation", type=Path, help="JSON of scripts/evaluate_voice.py, for the model card")
    parser.add_argument("--speakers", nargs="+", help="ship only these speakers (default: all)")
    return parser.parse_args(arguments)


def export_and_report(options: argparse.Namespace) -> None:
    from tts_trm.publishing.release import export

    export(
        options.checkpoint,
        options.output_dir,
        options.codec,
        options.notes.read_text(encoding="utf-8") if options.notes else "",
        options.evaluation,
        options.speakers,
    )
    size = sum(path.stat().st_size for path in options.output_dir.rglob("*") if path.is_file())
    print(f"{options.output_dir}: {size / 1e6:.1f} MB")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: export_and_report(options))


if __name__ == "__main__":
    sys.exit(main())

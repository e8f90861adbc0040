"""Joins token folders of one codec, so that nothing has to be tokenised twice.

    python scripts/join_tokens.py tokens codes/heart codes/michael --output-dir all_tokens

`run_training.py --token-dir all_tokens` trains from it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from tts_trm.commands import run_command


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folders", nargs="+", type=Path, help="token folders; at least one must have its codebooks file"
    )
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for the joined rows")
    return parser.parse_args(arguments)


def join(options: argparse.Namespace) -> None:
    from tts_trm.data.join import join_tokens

    print(f"{join_tokens(options.folders, options.output_dir)} clips -> {options.output_dir}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: join(options))


if __name__ == "__main__":
    sys.exit(main())

"""Trains a voice from recordings.

    accelerate launch run_training.py --data-dir my_recordings --epochs 50 --batch-size 16 --lr 3e-4

A run tokenises the recordings, aligns texts and audio, builds the model, then trains, evaluates, samples and saves. If
it is interrupted, run the same command again to continue.
"""

import logging
import sys

if not __package__:
    from scripts import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import run_command
from tts_trm.training.options import parse_arguments


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")

    def train() -> int:
        from tts_trm.training.run import Run

        return Run(options).train()

    return run_command(train)


if __name__ == "__main__":
    sys.exit(main())

"""Trains a voice, from recordings to a checkpoint that speaks.

    accelerate launch run_training.py --data-dir my_recordings --epochs 50 --batch-size 16 --lr 3e-4

The story of a run, top to bottom: recordings become tokens, texts are aligned to them, the model is built for what
was found, and the loop trains, evaluates, samples and saves. Started again with the same command, it goes on where
it was stopped.
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

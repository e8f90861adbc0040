"""Fits the offline codec to recordings and trains its decoder.

    python scripts/train_codec.py --data-dir recordings other_recordings --output-dir outputs/codec --minutes 35

Three steps, each saved to the output folder, so that the same command continues after an interruption:
1. principal components of the frames of envelope, pitch and voicing,
2. residual k-means, one codebook after the other,
3. the decoder, with a multi-resolution log-mel loss on audio decoded from a random number of codebooks, then
   optionally with discriminators.

A text-disjoint share of the clips is held out. `report.json` holds its log-mel distance and, if pocketsphinx and jiwer
are installed, the word error rate of an English recogniser on recordings and on 8, 16 and 32 codebooks.
"""

import argparse
import json
import sys
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import run_command


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", nargs="+", required=True, help="folders with metadata.csv and audio")
    parser.add_argument(
        "--output-dir", type=Path, default=Path("outputs/codec"), help="folder for the codec and its training state"
    )
    parser.add_argument(
        "--minutes", type=float, default=35.0, help="minutes of decoder training, including resumed time"
    )
    parser.add_argument(
        "--adversarial-minutes", type=float, default=0.0, help="minutes of the adversarial stage that follows"
    )
    parser.add_argument("--adversarial-lr", type=float, default=3e-4, help="peak learning rate of that stage")
    parser.add_argument("--discriminator-channels", type=int, default=16, help="width of its discriminators")
    parser.add_argument("--voice", help="checkpoint whose predictions are added to the decoder's training data")
    parser.add_argument("--token-dir", type=Path, help="token folder that --voice was trained on")
    parser.add_argument("--max-hours", type=float, default=6.0, help="hours of audio kept in memory, chosen at random")
    parser.add_argument("--fit-frames", type=int, default=120_000, help="frames that each codebook is fitted to")
    parser.add_argument("--batch-size", type=int, default=8, help="excerpts per step")
    parser.add_argument("--excerpt-frames", type=int, default=12, help="frames of 80 ms in an excerpt")
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--save-interval", type=float, default=120.0, help="seconds between two saves")
    parser.add_argument("--held-out", type=float, default=0.04, help="share of texts to hold out")
    parser.add_argument(
        "--report-speaker", default="", help="speaker whose held-out clips are reported (default: all speakers)"
    )
    parser.add_argument("--report-clips", type=int, default=40, help="held-out clips in the report (0 = none)")
    parser.add_argument(
        "--config", type=json.loads, default={}, help="JSON with TtsTrmCodecConfig fields, for small codecs"
    )
    parser.add_argument("--seed", type=int, default=42, help="random seed")
    return parser.parse_args(arguments)


def train_codec(options: argparse.Namespace) -> None:
    from tts_trm.training.codec_training import CodecTraining

    run = CodecTraining(options)
    run.fit()
    run.train()
    if options.report_clips:
        run.report()


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: train_codec(options))


if __name__ == "__main__":
    sys.exit(main())

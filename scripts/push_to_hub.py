"""Publishes a voice on the Hub, in one commit: code, weights, processor, codec, model card and spoken samples.

    hf auth login
    python scripts/push_to_hub.py --model outputs/my-voice/checkpoints/final --repo you/your-voice --private

`--model` is any checkpoint of a training run, or the output of `export_voice.py`, which is half as large and has your
notes and an evaluation in its card. See docs/hub.md.
"""

import argparse
import logging
import sys
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import run_command


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--repo", required=True, help="repository, owner/name; created if needed")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--message", default="Upload voice", help="commit message")
    return parser.parse_args(arguments)


def push(options: argparse.Namespace) -> None:
    from tts_trm.publishing.upload import push_voice

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    commit = push_voice(options.model, options.repo, options.message, options.private or None)
    name = commit.repo_url.repo_id
    print(f"{commit.repo_url}, one commit: {commit.oid}")
    print(f'AutoModel.from_pretrained("{name}", revision="{commit.oid}", trust_remote_code=True)')


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: push(options))


if __name__ == "__main__":
    sys.exit(main())

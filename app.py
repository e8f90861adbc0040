"""Serves a voice: a web page at `/` and OpenAI's `POST /v1/audio/speech`.

    python app.py
    python app.py --model outputs/my-voice/checkpoints/final --port 8000

By default only this machine can connect; `--host 0.0.0.0` admits others. If the environment variable TTS_TRM_API_KEY is
set, clients need it as a password. The file can be the `app_file` of a Hugging Face Space. See docs/serving.md.
"""

import argparse
import os
import sys

if not __package__:
    from scripts import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import BUNDLED_VOICE, number_type, run_command
from tts_trm.serving.server import serve


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    on_space = "SPACE_ID" in os.environ
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default=str(BUNDLED_VOICE), help="checkpoint folder or Hub id (default: the bundled voice)"
    )
    parser.add_argument("--revision", help="revision of a Hub model")
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="device to compute on (default: auto)"
    )
    parser.add_argument(
        "--host",
        default="0.0.0.0" if on_space else "127.0.0.1",
        help="address to listen on; 0.0.0.0 admits other machines (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=number_type(int, 0, 65535),
        default=7860,
        help="port to listen on; 0 chooses a free one (default: 7860)",
    )
    parser.add_argument(
        "--threads",
        type=number_type(int, 1),
        default=1,
        help="PyTorch threads; more only help large models on an otherwise idle processor (default: 1)",
    )
    parser.add_argument(
        "--max-characters",
        type=number_type(int, 1),
        default=4096,
        help="longest text (default: 4096, as in OpenAI's API)",
    )
    parser.add_argument(
        "--max-requests",
        type=number_type(int, 1),
        default=16,
        help="requests processed at once; further ones are told to retry (default: 16)",
    )
    parser.add_argument(
        "--voice-aliases",
        type=alias,
        nargs="+",
        default=[],
        metavar="NAME=SPEAKER",
        help="other names for speakers or blends, such as alloy=heart (default: OpenAI's voice names)",
    )
    parser.add_argument(
        "--allow-origins",
        nargs="+",
        default=[],
        metavar="ORIGIN",
        help="other web origins that may use the server, such as http://localhost:8000, or * (default: none)",
    )
    options = parser.parse_args(arguments)
    options.voice_aliases = dict(options.voice_aliases)
    return options


def alias(word: str) -> tuple[str, str]:
    """`NAME=SPEAKER` in two; for argparse."""
    name, separator, speaker = word.partition("=")
    if not (separator and name.strip() and speaker.strip()):
        raise argparse.ArgumentTypeError(f"{word!r} is not NAME=SPEAKER, such as alloy=heart")
    return name.strip(), speaker.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: serve(options))


if __name__ == "__main__":
    sys.exit(main())

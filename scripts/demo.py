"""Speaks three sentences with the bundled voice, in English and German: WAV and PNG files in outputs/demo/."""

import argparse
import sys
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import BUNDLED_VOICE, run_command
from tts_trm.scripts.synthesize import speak

SENTENCES = (
    ("heart", "The weather is nice today, and the birds are singing."),
    ("kathleen", "A very small model learned to read this sentence aloud."),
    ("kerstin", "Guten Morgen, heute scheint die Sonne."),
)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(BUNDLED_VOICE), help="checkpoint folder or Hub id with both speakers")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/demo"), help="(default: %(default)s)")
    return parser.parse_args(arguments)


def demonstrate(options: argparse.Namespace) -> None:
    from tts_trm.speaking.voice import Voice

    voice = Voice.from_pretrained(options.model)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    for number, (speaker, text) in enumerate(SENTENCES, 1):
        path = options.output_dir / f"{number}_{speaker}.wav"
        print(f'"{text}"\n   {speak(voice, text, speaker, path, pictures=True)}', flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: demonstrate(options))


if __name__ == "__main__":
    sys.exit(main())

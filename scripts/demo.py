"""Speaks a few sentences with the bundled voice: WAV and PNG files in outputs/demo/."""

import argparse
import sys
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import BUNDLED_VOICE, run_command
from tts_trm.scripts.synthesize import speak

# By speaker, and by language for those who are not here.
SENTENCES = {
    "heart": "The weather is nice today, and the birds are singing.",
    "kathleen": "A very small model learned to read this sentence aloud.",
    "kerstin": "Guten Morgen, heute scheint die Sonne.",
}
OTHERS = {
    "en": "Nobody had told it how a single word is pronounced.",
    "de": "Niemand hat ihm gesagt, wie man ein Wort ausspricht.",
    "fr": "Bonjour, il fait beau aujourd'hui, et les oiseaux chantent.",
    "es": "Buenos días, hoy hace sol y cantan los pájaros.",
    "it": "Buongiorno, oggi c'è il sole e gli uccelli cantano.",
    "pt": "Bom dia, hoje faz sol e os pássaros estão cantando.",
}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(BUNDLED_VOICE), help="checkpoint folder or Hub id")
    parser.add_argument(
        "--output-dir", type=Path, default=Path("outputs/demo"), help="folder for the files (default: %(default)s)"
    )
    parser.add_argument("--all", action="store_true", help="let every speaker speak, each in its language")
    return parser.parse_args(arguments)


def demonstrate(options: argparse.Namespace) -> None:
    from tts_trm.speaking.voice import Voice
    from tts_trm.text_tts_trm import language_family

    voice = Voice.from_pretrained(options.model)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    front_end = voice.text_front_end
    sentences = dict(SENTENCES)
    if options.all:
        speakers = zip(front_end.speakers, front_end.languages, strict=True)
        others = {name: OTHERS.get(language_family(code), OTHERS["en"]) for name, code in speakers}
        sentences = {name: SENTENCES.get(name, text) for name, text in others.items()}
    for number, (speaker, text) in enumerate(sentences.items(), 1):
        path = options.output_dir / f"{number}_{speaker}.wav"
        print(f'"{text}"\n   {speak(voice, text, speaker, path, pictures=True)}', flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: demonstrate(options))


if __name__ == "__main__":
    sys.exit(main())

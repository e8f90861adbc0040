"""Lists the speakers of a voice: number, name, language, and the licence of the voice.

python scripts/list_voices.py
python scripts/list_voices.py --model outputs/my-voice/checkpoints/best
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import BUNDLED_VOICE, check_model_name, run_command


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default=str(BUNDLED_VOICE), help="checkpoint folder or Hub id (default: the bundled voice)"
    )
    parser.add_argument("--revision", help="revision of a Hub model")
    return parser.parse_args(arguments)


def licence(model: str, revision: str | None) -> str:
    """What the model card says, or `unknown`."""
    from huggingface_hub import ModelCard

    card = Path(model) / "README.md"
    try:
        if card.is_file():
            return ModelCard.load(card).data.license or "unknown"
        return ModelCard.load(model).data.license or "unknown"
    except (OSError, ValueError):
        return "unknown"


def list_voices(options: argparse.Namespace) -> None:
    from tts_trm import TtsTrmProcessor

    check_model_name(options.model)
    where = {"revision": options.revision} if options.revision else {}
    processor = TtsTrmProcessor.from_pretrained(options.model, **where)
    width = max(map(len, processor.speakers))
    for number, (name, language) in enumerate(zip(processor.speakers, processor.languages, strict=True)):
        print(f"{number:>3}  {name:<{width}}  {language}")
    print(f"licence: {licence(options.model, options.revision)}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: list_voices(options))


if __name__ == "__main__":
    sys.exit(main())

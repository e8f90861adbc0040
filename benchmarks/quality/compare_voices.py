"""Which of several voices is understood best? They speak many texts that no training has seen, without recordings.

    pip install '.[ears]'
    python benchmarks/quality/compare_voices.py --models pretrained/tts-trm-mini outputs/my-voice --speaker heart \
        --texts sentences.txt

Twenty sentences cannot tell two good voices apart: their word error rates are uncertain by several points. But whole
books are held out, since the hash of a text says whether a training leaves it out. And both voices say the same texts,
so that only the difference of their errors is uncertain: its interval is much narrower than theirs.
"""

import argparse
import json
import random
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import table

HELD_OUT = 0.04
MAX_WORDS = 20
HEADINGS = ["voice", "words wrong", "characters wrong", "DNSMOS overall / P.808", "words wrong, less the first voice's"]


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--models", nargs="+", required=True, help="folders or Hub ids; all are compared with the first"
    )
    parser.add_argument("--texts", type=Path, required=True, help="file with one sentence a line")
    parser.add_argument("--speaker", required=True, help="who speaks; every voice must have this speaker")
    parser.add_argument("--count", type=int, default=100, help="most sentences to speak (default: %(default)s)")
    parser.add_argument("--recognizer", default="base", help="Whisper's size or folder (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="JSON with all transcripts")
    return parser.parse_args(arguments)


def held_out_texts(lines: list[str], count: int) -> list[str]:
    """Up to `count` sentences that trainings leave out, without digits, which a recogniser writes in its own way."""
    from tts_trm.data.held_out import is_held_out

    texts = sorted({line.strip() for line in lines})
    chosen = [
        text
        for text in texts
        if 4 <= len(text.split()) <= MAX_WORDS
        and not any(character.isdecimal() for character in text)
        and is_held_out(text, HELD_OUT)
    ]
    random.Random(0).shuffle(chosen)
    return chosen[:count]


def compare(voices: dict, texts: list[str], speaker: str, recognizer, quality) -> dict[str, dict]:
    """Measures of each voice by its name, the difference from the first one with its interval, and what was heard."""
    from tts_trm.evaluation.word_metrics import WordErrorRate, bootstrap_interval, compare_words
    from tts_trm.text_tts_trm import language_family

    results: dict[str, dict] = {}
    first: list[int] = []
    for name, voice in voices.items():
        processor = voice.text_front_end
        language = language_family(processor.languages[processor.speaker_to_id(speaker)])
        waves = [voice.synthesize(text, speaker, seed=0).waveform.numpy() for text in texts]
        heard = [recognizer.normalize(recognizer(wave, voice.sampling_rate, language), language) for wave in waves]
        spoken = [recognizer.normalize(text, language) for text in texts]
        result = WordErrorRate(keep_in_memory=True).compute(predictions=heard, references=spoken)
        if quality:
            rated = [quality(wave, voice.sampling_rate) for wave in waves]
            result |= {key: sum(rates[key] for rates in rated) / len(rated) for key in rated[0]}
        aligned = [compare_words(text, words) for text, words in zip(spoken, heard, strict=True)]
        errors = [sum(expected != said for expected, said in pairs) for pairs in aligned]
        words = [sum(bool(expected) for expected, _ in pairs) for pairs in aligned]
        first = first or list(errors)
        more = [ours - theirs for ours, theirs in zip(errors, first, strict=True)]
        result["difference"] = sum(more) / sum(words)
        result["difference_interval"] = bootstrap_interval(more, words)
        results[name] = result | {"heard": heard}
    return results


def report(results: dict[str, dict]) -> str:
    """A table in Markdown."""
    rows = []
    for name, result in results.items():
        low, high = (100 * value for value in result["word_error_interval"])
        less, more = (100 * value for value in result["difference_interval"])
        sound = f"{result['dnsmos_overall']:.2f} / {result['dnsmos_p808']:.2f}" if "dnsmos_overall" in result else ""
        difference = f"{100 * result['difference']:+.1f} ({less:.1f} to {more:.1f})" if rows else ""
        rows.append(
            [
                name,
                f"{result['word_error_rate']:.1%} ({low:.0f}-{high:.0f})",
                f"{result['character_error_rate']:.1%}",
                sound,
                difference,
            ]
        )
    return table(HEADINGS, rows)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    from tts_trm.evaluation.quality import load_quality
    from tts_trm.evaluation.recognizers import load_recognizer
    from tts_trm.speaking.voice import Voice

    try:
        texts = held_out_texts(command.texts.read_text(encoding="utf-8").splitlines(), command.count)
        if not texts:
            raise ValueError(f"{command.texts}: no sentence of 4 to {MAX_WORDS} words is held out; give a longer file.")
        voices = {name: Voice.from_pretrained(name, device="cpu") for name in command.models}
        results = compare(voices, texts, command.speaker, load_recognizer(command.recognizer), load_quality())
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if command.output:
        everything = {"speaker": command.speaker, "texts": texts, "voices": results}
        command.output.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(texts)} held-out sentences of {command.texts.name}, spoken by {command.speaker}\n\n{report(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How far the word times of a voice are from those that a forced alignment of its speech finds.

    python benchmarks/quality/word_times.py

Sentences that the voice has never seen are spoken, each word's start is taken from `Voice`, and compared with
pocketsphinx, which is given the words and finds them in the audio. The same alignment of recordings and of our own
training durations shows what of the difference is the judge's: run `scripts/evaluate_voice.py` for those.
"""

import argparse
import statistics
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import RESULTS, ROOT, machine, table, write_results

SPEEDS = (0.75, 1.0, 1.5)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(ROOT / "pretrained" / "tts-trm-mini"), help="folder or Hub id")
    parser.add_argument("--speaker", default="kathleen", help="whose held-out sentences are spoken, in English")
    parser.add_argument(
        "--sentences", type=Path, default=RESULTS / "held_out_sentences.txt", help="lines `speaker|sentence`"
    )
    return parser.parse_args(arguments)


def measure_speed(voice, recognizer, sentences: list[str], speaker: str, speed: float) -> dict:
    """Differences in seconds between our starts of words and those that are heard."""
    from tts_trm.evaluation.word_metrics import plain_words

    differences, compared = [], 0
    for sentence in sentences:
        speech = voice.synthesize(sentence, speaker, speed=speed)
        ours = [(part, word.start) for word in speech.words for part in plain_words(word.text).split()[:1]]
        heard = recognizer.word_times(speech.waveform.numpy(), speech.sampling_rate, sentence)
        if heard is None or [word for word, _ in ours] != [word for word, _, _ in heard]:
            # A word that is not in its dictionary.
            continue
        compared += 1
        differences += [start - other for (_, start), (_, other, _) in zip(ours, heard, strict=True)]
    sizes = sorted(map(abs, differences))
    return {
        "speed": speed,
        "sentences": compared,
        "words": len(sizes),
        "mean": statistics.mean(sizes),
        "median": statistics.median(sizes),
        "ninety_percent_below": sizes[int(0.9 * len(sizes))],
        "bias": statistics.mean(differences),
        "spread": statistics.mean(abs(value - statistics.mean(differences)) for value in differences),
    }


def measure(command) -> dict:
    from tts_trm import Voice
    from tts_trm.evaluation.recognizers import PocketsphinxRecognizer
    from tts_trm.speaking.prompts import read_prompts

    voice, recognizer = Voice.from_pretrained(command.model, device="cpu"), PocketsphinxRecognizer()
    prompts = read_prompts(command.sentences, voice.processor.speakers)
    sentences = [prompt.text for prompt in prompts if prompt.speaker == command.speaker]
    if not sentences:
        raise ValueError(f"{command.sentences}: holds no sentence of {command.speaker!r}; see --speaker.")
    return {"speeds": [measure_speed(voice, recognizer, sentences, command.speaker, speed) for speed in SPEEDS]}


def tables(results: dict) -> str:
    names = ("mean", "median", "ninety_percent_below", "bias", "spread")
    rows = [
        [r["speed"], r["sentences"], r["words"], *(f"{1000 * r[name]:.0f}" for name in names)]
        for r in results["speeds"]
    ]
    return table(
        ["speed", "sentences", "words", "mean error, ms", "median", "90 % are below", "bias", "mean error without it"],
        rows,
    )


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    try:
        results = measure(command)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(machine())
    print(tables(results))
    print(write_results("word_times", results))
    return 0


if __name__ == "__main__":
    sys.exit(main())

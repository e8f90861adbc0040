"""How well a voice is understood on sentences it has never seen, beside the recordings and the codec.

    python scripts/evaluate_voice.py --model pretrained/tts-trm-mini --data-dir recordings --output evaluation.json

An independent recogniser (pocketsphinx, US English) listens to the recordings, to what the codec keeps of them at 8,
16 and 32 codebooks, and to the model's speech of the same held-out sentences. The codec at all its codebooks is the
ceiling of the model.
"""

import argparse
import json
import sys
import time
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder or Hub id of the voice")
    parser.add_argument("--data-dir", nargs="+", required=True, help="folders with metadata.csv and audio")
    parser.add_argument("--speaker", help="only this speaker's sentences")
    parser.add_argument("--held-out", type=float, default=0.04, help="share of sentences that training left out")
    parser.add_argument("--sentences", type=int, default=0, help="at most so many sentences (0 = all)")
    parser.add_argument("--output", type=Path, help="JSON file of the results")
    parser.add_argument("--audio-dir", type=Path, help="keep the model's speech there")
    return parser.parse_args(arguments)


def held_out_clips(options) -> list:
    """One clip of each held-out sentence, in the order of the data."""
    from tts_trm.training.sources import DataError, is_held_out, read_sources, text_key

    chosen = {}
    for clip in read_sources(options.data_dir):
        if is_held_out(clip.text, options.held_out) and options.speaker in (None, clip.speaker):
            chosen.setdefault(text_key(clip.text), clip)
    if not chosen:
        raise DataError(f"{options.data_dir}: no held-out sentence of speaker {options.speaker}; check --speaker.")
    return list(chosen.values())[: options.sentences or None]


def evaluate(options) -> dict:
    from tts_trm import TtsTrmModel, TtsTrmProcessor
    from tts_trm.training.metrics import Recognizer, error_rates

    model = TtsTrmModel.from_pretrained(options.model).eval()
    processor = TtsTrmProcessor.from_pretrained(options.model)
    recognizer, rate = Recognizer(), processor.sampling_rate
    levels = sorted({min(level, model.config.num_codebooks) for level in (8, 16, 32)})
    sources = ["recordings", *(f"codec, {k} codebooks" for k in levels), "model"]
    heard: dict[str, list[str]] = {name: [] for name in sources}
    texts, lengths, seconds, computing = [], [], 0.0, 0.0
    if options.audio_dir:
        options.audio_dir.mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(held_out_clips(options), 1):
        recording = clip.load(rate)
        codes = processor(audio=recording, sampling_rate=rate)["audio_codes"]
        heard["recordings"].append(recognizer(recording, rate))
        for k in levels:
            heard[f"codec, {k} codebooks"].append(recognizer(processor.decode(codes[:, :k])[0].numpy(), rate))
        started = time.perf_counter()
        speech = processor.decode(model.generate(**processor(text=clip.text, speaker=clip.speaker)))[0]
        computing += time.perf_counter() - started
        seconds += len(speech) / rate
        lengths.append(len(speech) / rate / (codes.shape[-1] * processor.frame_size / rate))
        heard["model"].append(recognizer(speech.numpy(), rate))
        texts.append(clip.text)
        if options.audio_dir:
            processor.save_audio(speech, options.audio_dir / f"{number:04d}.wav")
    return {
        "model": str(options.model),
        "speaker": options.speaker,
        "sentences": len(texts),
        "error_rates": {name: error_rates(texts, hypotheses) for name, hypotheses in heard.items()},
        "length_ratio": sum(lengths) / len(lengths),
        "seconds_per_audio_second": computing / seconds,
        "texts": texts,
        "heard": heard,
    }


def main(arguments=None) -> int:
    options = parse_arguments(arguments)
    try:
        results = evaluate(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{results['sentences']} held-out sentences\n{'':24}  word errors  character errors")
    for name, rates in results["error_rates"].items():
        print(f"{name:24}  {rates['word_error_rate']:11.1%}  {rates['character_error_rate']:16.1%}")
    print(f"length: {results['length_ratio']:.2f} of the recording's")
    print(f"time: {results['seconds_per_audio_second']:.3f} s for a second of audio")
    if options.output:
        options.output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

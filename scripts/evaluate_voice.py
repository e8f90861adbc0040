"""Evaluates a voice on held-out sentences, compared with the recordings and the codec.

    python scripts/evaluate_voice.py --model pretrained/tts-trm-mini --data-dir recordings --output evaluation.json
    python scripts/evaluate_voice.py --model my-voice --data-dir recordings --recognizer openai/whisper-small.en \\
        --speaker-encoder microsoft/wavlm-base-plus-sv --token-dir recordings/mimi_tokens --picture-dir pictures
    python scripts/evaluate_voice.py --model my-voice --data-dir recordings --page evaluation.html
    python scripts/evaluate_voice.py --data-dir recordings --held-out-list held_out_sentences.txt

The same held-out sentences are measured as recordings, after the codec with 8, 16 and 32 codebooks, and as the model's
speech; the codec with all codebooks is the upper limit for the model. The tables are printed as Markdown. The JSON file
also holds the transcripts. The page is one HTML file with players and spectrograms, for any browser. The last command
only writes the list of held-out sentences, one `speaker|text` per line, for `synthesize.py --prompts-file`.

The recogniser is Whisper base if it is installed (`pip install 'tts-trm[ears]'`), in the language of each speaker.
Otherwise it is pocketsphinx, which knows US English only; word errors are left out for speakers with less than 80 % of
their words in its dictionary. The same extra installs DNSMOS, which rates audio quality.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from urllib.parse import quote

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tts_trm.commands import number_type, run_command
from tts_trm.evaluation.tables import report, table_rows

if TYPE_CHECKING:
    from tts_trm.evaluation.evaluator import Renditions
    from tts_trm.evaluation.report_page import EvaluationPage
    from tts_trm.processing_tts_trm import TtsTrmProcessor


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or Hub id of the voice")
    parser.add_argument("--data-dir", nargs="+", required=True, help="folders with metadata.csv and audio")
    parser.add_argument("--speaker", help="evaluate only this speaker (default: each speaker separately)")
    parser.add_argument("--held-out", type=float, default=0.04, help="share of sentences held out in training")
    parser.add_argument(
        "--sentences", type=number_type(int, 0), default=0, help="maximum number of sentences per speaker (0 = all)"
    )
    parser.add_argument(
        "--recognizer",
        help="Whisper size (base, small, ...), folder with a CTranslate2 Whisper, `pocketsphinx`, `none`, "
        "or Hub id or folder of one that transformers loads (default: Whisper base, or pocketsphinx without it)",
    )
    parser.add_argument(
        "--speaker-encoder",
        default="spectrum",
        help="`spectrum`, `resemblyzer`, or Hub id or folder of an x-vector model",
    )
    parser.add_argument("--token-dir", help="token folder of the training: evaluate the codebooks with its durations")
    parser.add_argument("--seed", type=int, default=0, help="random seed of sampling and bootstrap")
    parser.add_argument("--output", type=Path, help="JSON file of the results")
    parser.add_argument("--page", type=Path, help="HTML file of the results, with players and spectrograms")
    parser.add_argument("--audio-dir", type=Path, help="folder to keep the model's speech in")
    parser.add_argument("--picture-dir", type=Path, help="folder for two PNGs per speaker")
    parser.add_argument("--held-out-list", type=Path, help="write the held-out sentences to this file, and stop")
    options = parser.parse_args(arguments)
    if not options.model and not options.held_out_list:
        parser.error("give --model, or --held-out-list to write the list of sentences alone")
    return options


def held_out(options: argparse.Namespace) -> dict:
    from tts_trm.data.sources import read_sources
    from tts_trm.evaluation.evaluator import held_out_clips

    chosen = held_out_clips(read_sources(options.data_dir), options.held_out, options.speaker)
    return {speaker: clips[: options.sentences or None] for speaker, clips in chosen.items()}


def write_list(options: argparse.Namespace) -> int:
    """Writes the held-out sentences as a prompts file; their number."""
    lines = [f"{speaker}|{clip.text}" for speaker, clips in held_out(options).items() for clip in clips]
    heading = f"# {len(lines)} held-out sentences, a share of {options.held_out}; by scripts/evaluate_voice.py"
    options.held_out_list.write_text("\n".join([heading, *lines]) + "\n", encoding="utf-8")
    return len(lines)


def evaluate(options: argparse.Namespace) -> "tuple[dict, EvaluationPage | None]":
    """Everything that JSON holds, and the page of it if one is asked for; writes audio and pictures on the way."""
    from tts_trm.evaluation.evaluator import VoiceEvaluation, aligned_durations, summarize
    from tts_trm.evaluation.quality import load_quality
    from tts_trm.evaluation.recognizers import load_recognizer
    from tts_trm.evaluation.report_page import EvaluationPage
    from tts_trm.evaluation.speaker_encoders import load_speaker_encoder
    from tts_trm.plots import import_figure
    from tts_trm.speaking.voice import Voice

    # what is missing should not show after an hour
    files = [path.parent for path in (options.output, options.page) if path]
    for folder in filter(None, (*files, options.audio_dir, options.picture_dir)):
        folder.mkdir(parents=True, exist_ok=True)
    if options.page or options.picture_dir:
        import_figure()
    sentences = held_out(options)
    voice = Voice.from_pretrained(options.model, device="cpu")
    model, processor = voice.model, voice.processor
    for speaker in sentences:
        # Refuses a stranger before anything is measured.
        processor.speaker_to_id(speaker)
    recognizer = None if options.recognizer == "none" else load_recognizer(options.recognizer)
    encoder = load_speaker_encoder(options.speaker_encoder)
    quality = load_quality()
    durations = aligned_durations(options.token_dir, processor) if options.token_dir else None
    evaluation = VoiceEvaluation(model, processor, recognizer, encoder, durations, options.seed, quality)
    speakers, page = {}, EvaluationPage(processor.sampling_rate) if options.page else None
    for speaker, clips in sentences.items():
        speakers[speaker], spoken = evaluation.measure(clips)
        if options.audio_dir:
            save_speech(options.audio_dir, speaker, processor, spoken)
        if options.picture_dir:
            draw(options.picture_dir, speaker, processor.sampling_rate, spoken, speakers[speaker]["codebooks"])
        if page:
            page.add(speaker, speakers[speaker], spoken, table_rows(speakers[speaker]["systems"]))
    results = {
        "model": options.model,
        "held_out": options.held_out,
        "recognizer": recognizer.name if recognizer else "none",
        "speaker_encoder": options.speaker_encoder,
        "quality": quality.name if quality else "none",
        "seed": options.seed,
        **summarize(speakers),
        "speakers": speakers,
    }
    return results, page


def file_name(speaker: str) -> str:
    """A speaker as part of a file's name: the name `../x` must not leave the folder."""
    return re.sub(r"[^\w -]", lambda match: quote(match[0], safe="").replace(".", "%2E"), speaker)


def save_speech(folder: Path, speaker: str, processor: "TtsTrmProcessor", spoken: "Renditions") -> None:
    for number, wave in enumerate(spoken.waveforms["model"], 1):
        if wave is not None:
            processor.save_audio(wave, folder / f"{file_name(speaker)}_{number:04d}.wav")


def draw(folder: Path, speaker: str, rate: int, spoken: "Renditions", codebooks: dict | None) -> None:
    """The first sentence that the model speaks, as recording, codec and model; and the codebooks."""
    from tts_trm.audio.features import pitch_contour
    from tts_trm.plots import draw_codebooks, draw_comparison

    first = next((index for index, wave in enumerate(spoken.waveforms["model"]) if wave is not None), None)
    if first is not None:
        # The codec at all its levels.
        *_, codec, model = spoken.waveforms
        waves = {name: spoken.waveforms[name][first] for name in ("recordings", codec, model)}
        contours = {name: pitch_contour(wave, rate) for name, wave in waves.items()}
        draw_comparison(folder / f"{file_name(speaker)}_comparison.png", spoken.texts[first], waves, contours, rate)
    if codebooks:
        draw_codebooks(
            folder / f"{file_name(speaker)}_codebooks.png", codebooks["cross_entropy"], codebooks["accuracy"]
        )


def evaluate_and_write(options: argparse.Namespace) -> None:
    """Prints the tables, and writes what the options ask for."""
    if options.held_out_list:
        print(f"{options.held_out_list}: {write_list(options)} sentences")
        return
    results, page = evaluate(options)
    for speaker, result in results["speakers"].items():
        print(report(speaker, result))
    if options.output:
        content = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        options.output.write_text(content, encoding="utf-8")
    if page:
        page.write(options.page, results)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: evaluate_and_write(options))


if __name__ == "__main__":
    sys.exit(main())

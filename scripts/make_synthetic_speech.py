"""Makes a data set by having another system speak a list of sentences.

    python scripts/make_synthetic_speech.py --sentences sentences.txt --output-dir speech
    python scripts/make_synthetic_speech.py --sentences sentences.txt --output-dir speech --teacher kokoro \\
        --model kokoro-v1.0.onnx --model-voices voices-v1.0.bin --voices af_heart am_michael --suffix ogg

flite (`apt-get install flite`) is fast: use it for tests, and to teach the spelling of many words. Kokoro-82M
(Apache-2.0, `pip install kokoro-onnx`) sounds like a person but is slow; it is the teacher of the bundled synthetic
voices. If it is interrupted, run the same command again to continue.
"""

import argparse
import csv
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr

if not __package__:
    import _clone  # noqa: F401

from tts_trm.commands import run_command
from tts_trm.errors_tts_trm import InputError

# Takes a text and the name of a voice, and returns samples `[L]` and their rate.
Teacher = Callable[[str, str], tuple[np.ndarray, int]]
VOICES = {"flite": ["slt", "rms"], "kokoro": ["af_heart", "am_michael"]}
# Seconds of silence that are kept before and after the speech, and what share of the peak is silence.
BEFORE, AFTER, QUIET = 0.125, 0.2, 0.01


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True, help="text file, one sentence per line")
    parser.add_argument(
        "--output-dir", type=Path, required=True, help="folder for one audio file per sentence, and metadata.csv"
    )
    parser.add_argument("--teacher", choices=list(VOICES), default="flite", help="system that speaks (default: flite)")
    parser.add_argument("--model", type=Path, help="Kokoro's .onnx file")
    parser.add_argument("--model-voices", type=Path, help="Kokoro's voices, an .npz or .bin file")
    parser.add_argument("--language", default="en-us", help="language of Kokoro's phonemes (default: %(default)s)")
    parser.add_argument("--voices", nargs="+", help="voices of the teacher (default: slt rms, or af_heart am_michael)")
    parser.add_argument(
        "--count", type=int, default=0, help="total number of sentences, divided among the voices (0 = all)"
    )
    parser.add_argument("--min-length", type=int, default=25, help="shortest sentence in characters")
    parser.add_argument("--max-length", type=int, default=105, help="longest sentence in characters")
    parser.add_argument("--suffix", choices=["flac", "wav", "ogg"], default="flac", help="audio format")
    parser.add_argument(
        "--sampling-rate",
        type=int,
        help="sampling rate of the files (default: the teacher's own, flite 16000, Kokoro 24000)",
    )
    parser.add_argument("--seed", type=int, default=42, help="order of the sentences; -1 keeps the file's order")
    options = parser.parse_args(arguments)
    if options.teacher == "kokoro" and not (options.model and options.model_voices):
        parser.error("--teacher kokoro needs --model and --model-voices; github.com/thewh1teagle/kokoro-onnx has both")
    options.voices = options.voices or VOICES[options.teacher]
    return options


def choose_sentences(options: argparse.Namespace) -> list[str]:
    lines = [" ".join(line.split()) for line in options.sentences.read_text(encoding="utf-8").splitlines()]
    lines = list(dict.fromkeys(line for line in lines if options.min_length <= len(line) <= options.max_length))
    if options.seed >= 0:
        random.Random(options.seed).shuffle(lines)
    return lines[: options.count or None]


def load_teacher(options: argparse.Namespace) -> Teacher:
    """Who speaks.

    Raises:
        InputError: if the program, a file or a voice is missing.
    """
    return load_kokoro(options) if options.teacher == "kokoro" else load_flite()


def load_flite() -> Teacher:
    if shutil.which("flite") is None:
        raise InputError("the command `flite` is missing; install it with `apt-get install flite`.")

    def say(text: str, voice: str) -> tuple[np.ndarray, int]:
        command = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
        wave = subprocess.run(command, check=True, capture_output=True).stdout
        # Written to a pipe, its header knows no length: 44 bytes, then 16-bit samples at 16 kHz.
        return np.frombuffer(wave[44 : len(wave) // 2 * 2], "<i2").astype(np.float32) / 32768, 16_000

    return say


def load_kokoro(options: argparse.Namespace) -> Teacher:
    for path in (options.model, options.model_voices):
        if not path.is_file():
            raise InputError(f"{path}: there is no such file; give --model and --model-voices.")
    try:
        from kokoro_onnx import Kokoro
    except ImportError as error:
        raise InputError(f"--teacher kokoro: {error}; install it with `pip install kokoro-onnx`.") from error
    kokoro = Kokoro(str(options.model), str(options.model_voices))
    for voice in options.voices:
        if voice not in kokoro.get_voices():
            raise InputError(f"--voices {voice}: Kokoro has no such voice, but {', '.join(kokoro.get_voices())}.")

    def say(text: str, voice: str) -> tuple[np.ndarray, int]:
        samples, rate = kokoro.create(text, voice=voice, lang=options.language, trim=False)
        return cut_silence(np.asarray(samples, np.float32).ravel(), rate), rate

    return say


def cut_silence(samples: np.ndarray, rate: int) -> np.ndarray:
    """Samples `[L]` with an eighth of a second before the speech and a fifth after it, where there is so much."""
    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max())
    if not len(loud):
        return samples
    return samples[max(0, loud[0] - round(BEFORE * rate)) : loud[-1] + round(AFTER * rate)]


def write_speech(say: Teacher, text: str, voice: str, path: Path, sampling_rate: int | None) -> None:
    """Writes `text` to `path`, unless an earlier run has; a partial file never bears the final name."""
    if path.exists():
        return
    samples, rate = say(text, voice)
    partial = path.with_name(path.stem + ".partial" + path.suffix)
    form = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".ogg" else {}
    wanted = sampling_rate or rate
    soundfile.write(partial, soxr.resample(samples, rate, wanted), wanted, **form)
    partial.rename(path)


def speak_all(options: argparse.Namespace) -> None:
    sentences = choose_sentences(options)
    if not sentences:
        raise InputError(f"{options.sentences} holds no sentence of the wanted length.")
    say = load_teacher(options)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, text in enumerate(sentences):
        voice = options.voices[index % len(options.voices)]
        # `af_heart` is called heart.
        rows.append((f"{voice}_{index:05d}.{options.suffix}", text, voice.rpartition("_")[2], voice))
    # Kokoro's own threads share the cores; flite is a process for each sentence.
    with ThreadPoolExecutor(1 if options.teacher == "kokoro" else None) as pool:
        jobs = [
            pool.submit(write_speech, say, text, voice, options.output_dir / name, options.sampling_rate)
            for name, text, _, voice in rows
        ]
        for job in jobs:
            job.result()
    with open(options.output_dir / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file_name", "text", "speaker"), *(row[:3] for row in rows)])
    print(f"{len(rows)} sentences in {len(options.voices)} voices -> {options.output_dir}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: speak_all(options))


if __name__ == "__main__":
    sys.exit(main())

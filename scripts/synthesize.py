"""Speaks text of any length with a trained voice.

    python scripts/synthesize.py "Hello, I am a very small model." --speaker kathleen --output hello.mp3
    python scripts/synthesize.py --text-file book.txt --output book.wav --times book.srt --resume
    python scripts/synthesize.py "Straight to the speakers." --output - | aplay -q -r 24000 -f S16_LE
    python scripts/synthesize.py --prompts-file prompts.txt --output-dir spoken --pictures
    python scripts/synthesize.py "It costs $5 on Jan. 3." --show-text

Sentences are spoken one by one and kept in a temporary file. After Ctrl-C, run the same command with `--resume` to
continue; of a prompts file, it keeps what is spoken. An empty line ends a paragraph; `[pause 500ms]` is silence. A
prompts file has one prompt per line, `speaker|text` or the text alone; `#` starts a comment. Prompt N becomes
`spoken/000N.wav`. If a prompt cannot be spoken, it is named, the others are written, and the exit code is 1.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tts_trm.commands import BUNDLED_VOICE, check_model_name, number_type, run_command
from tts_trm.errors_tts_trm import TtsTrmError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tts_trm.speaking.speech import LongTextVoice, Passage
    from tts_trm.speaking.unfinished import UnfinishedSpeech
    from tts_trm.speaking.voice import Voice


# Programs that play a file, the ones for every format first.
PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video", "--really-quiet"),
    ("afplay",),
    ("paplay",),
    ("pw-play",),
    ("aplay", "-q"),
)


class SynthesisError(TtsTrmError):
    """What ends the command; the message names the value or file, and the fix."""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model",
        default=str(BUNDLED_VOICE),
        help="checkpoint folder or Hub id, or an ONNX export of one (default: the bundled voice)",
    )
    parser.add_argument("--revision", help="revision of a Hub model")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("spoken", metavar="TEXT", nargs="?", help="text to speak (default: standard input)")
    source.add_argument("--text", help="the same as an option; - reads standard input")
    source.add_argument("--text-file", type=Path, help="UTF-8 file with the text to speak")
    source.add_argument("--prompts-file", type=Path, help="file with one prompt per line")
    parser.add_argument(
        "--speaker",
        default="auto",
        help="name or number, or a blend: kathleen:0.7,heart:0.3 (default: the first who reads the text's language)",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--output",
        type=Path,
        default=Path("speech.wav"),
        help="audio file, .wav, .flac, .mp3, .ogg or .opus (default: %(default)s); - writes raw 16-bit samples to "
        "standard output",
    )
    parser.add_argument("--play", action="store_true", help="play the file afterwards")
    target.add_argument(
        "--output-dir", type=Path, help="folder for the audio of a prompts file: 0001.wav, 0002.wav, ..."
    )
    parser.add_argument("--times", type=Path, help="write word times to this .json, .srt or .vtt file")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run of the same command")
    parser.add_argument(
        "--pictures", action="store_true", help="write a PNG with spectrogram and alignment next to each WAV"
    )
    parser.add_argument(
        "--show-text",
        action="store_true",
        help="print the text as it would be spoken, one sentence per line, without loading a model",
    )
    parser.add_argument("--language", help="language of --show-text, or auto (default: the speaker's)")
    parser.add_argument("--plain", action="store_true", help="do not treat Markdown, HTML and line breaks as structure")
    parser.add_argument(
        "--no-normalize", action="store_true", help="do not turn numbers, dates and abbreviations into words"
    )
    parser.add_argument(
        "--speed", type=number_type(float, 0.25, 4.0), default=1.0, help="speaking rate; 2 is twice as fast"
    )
    parser.add_argument("--seed", type=int, default=42, help="random seed of the sampling, the same for every prompt")
    parser.add_argument("--temperature", type=number_type(float, 0.0), help="sampling temperature; 0 is greedy")
    parser.add_argument("--top-k", type=number_type(int, 0), help="sample from the k most probable codes (0 = all)")
    parser.add_argument(
        "--top-p",
        type=number_type(float, 0.0, 1.0, open_low=True),
        help="sample from the most probable codes with this total probability",
    )
    parser.add_argument("--num-codebooks", type=number_type(int, 1), help="number of codebooks to decode")
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="device to compute on (default: auto)"
    )
    options = parser.parse_args(arguments)
    if options.spoken is not None:
        options.text = options.spoken
    if options.language and not options.show_text:
        parser.error("--language goes with --show-text; a voice speaks the language of its speaker, see --speaker")
    if (options.prompts_file is None) != (options.output_dir is None) and not options.show_text:
        parser.error("--prompts-file and --output-dir go together")
    if options.times and options.times.suffix.lower() not in (".json", ".srt", ".vtt"):
        parser.error(f"--times {options.times}: is written as .json, .srt or .vtt; choose by the end of the name")
    if options.play and (options.output_dir or str(options.output) == "-"):
        parser.error("--play plays the file of one text; leave it out with --prompts-file and with --output -")
    if options.resume and (options.pictures or (str(options.output) == "-" and not options.output_dir)):
        parser.error("--resume continues files of audio; leave out --pictures and --output -")
    if options.times and options.output_dir:
        parser.error("--times belongs to one text; leave it out with --prompts-file")
    return options


def speak(
    voice: "LongTextVoice",
    text: str,
    speaker: str | int,
    path: Path | None,
    times: Path | None = None,
    pictures: bool = False,
    unfinished: "UnfinishedSpeech | None" = None,
    **settings,
) -> str:
    """Speaks a text into `path` (and `path` with `.png`), or raw to standard output, and says what came of it.

    With an `unfinished` speech of `path`, it continues that, and what was spoken is kept if it is interrupted.

    Raises:
        ValueError: if the voice cannot speak it.
        OSError: if a file cannot be written; whatever is there is complete.
    """
    from tqdm.auto import tqdm

    from tts_trm.audio.writing import write_audio, write_pcm
    from tts_trm.speaking.subtitles import Times, write_times

    timed, speeches, started = Times(), [], time.perf_counter()
    if unfinished:
        settings |= {"first_piece": unfinished.first_piece, "first_sample": unfinished.first_sample}
    bar = tqdm(total=len(text), desc="Speaking", unit=" characters", leave=False, disable=not sys.stderr.isatty())

    def passages() -> "Iterator[Passage]":
        for passage in voice.stream(text, speaker, **settings):
            timed.add(passage)
            if pictures and passage.speech:
                speeches.append(passage.speech)
            bar.update(max((word.text_end for word in passage.words), default=bar.n) - bar.n)
            yield passage

    with bar:
        if path is None:
            write_pcm(passages(), sys.stdout.buffer)
        elif unfinished is None:
            write_audio(passages(), path)
        else:
            unfinished.speak(passages())
    elapsed, whole = time.perf_counter() - started, unfinished.times if unfinished else timed
    if times:
        write_times(whole, times)
    for number, speech in enumerate(speeches, 1):
        speech.draw(path.with_name(f"{path.stem}{'' if number == 1 else f'_{number}'}.png"))
    name = path or "standard output"
    return f"{name}: {whole.seconds:.2f} s of audio, {elapsed / timed.seconds:.3f} s per second of audio"


def read_text(text: str | None, file: Path | None) -> str:
    """The text of the command line or of `file`, or else standard input."""
    if file is None and text not in (None, "-"):
        return text
    if file is None and sys.stdin.isatty():
        raise SynthesisError("no text; give one, --text-file or --prompts-file, or pipe the text in.")
    try:
        return (sys.stdin.buffer.read() if file is None else file.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise SynthesisError(f"--text-file {file}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        name = file or "standard input"
        raise SynthesisError(f"{name}: is not UTF-8 (byte {error.start}); convert the text.") from error


def prepare_folder(folder: Path, names: list[str]) -> None:
    """Makes `folder`, and refuses one with audio that is not of this run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SynthesisError(f"{folder}: cannot be made ({error.strerror}); give another folder.") from error
    others = sorted({path.name for path in folder.glob("*.wav")} - set(names))
    if others:
        raise SynthesisError(f"{folder}: holds {others[0]}, which does not belong to this run; choose an empty folder.")


def speak_file(options: argparse.Namespace, voice: "Voice", settings: dict) -> int:
    """Speaks all prompts of a file; the number of those that could not be spoken."""
    from tts_trm.speaking.prompts import read_prompts
    from tts_trm.speaking.unfinished import SpokenPrompts

    prompts = read_prompts(options.prompts_file, voice.text_front_end.speakers, options.speaker)
    width = max(4, len(str(len(prompts))))
    names = [f"{number:0{width}d}.wav" for number in range(1, len(prompts) + 1)]
    prepare_folder(options.output_dir, names)
    spoken = SpokenPrompts(options.output_dir, [options.model, options.revision, settings], options.resume)
    failures = 0
    for name, prompt in zip(names, prompts, strict=True):
        path = options.output_dir / name
        try:
            if spoken.has(name, prompt):
                print(f"{path}: is there already")
                continue
            print(speak(voice, prompt.text, prompt.speaker, path, **settings), flush=True)
            spoken.add(name, prompt)
        except KeyboardInterrupt:
            print("Run the same command with --resume to keep what is spoken.", file=sys.stderr)
            raise
        except ValueError as error:
            failures += 1
            print(f"error: {options.prompts_file}, line {prompt.line}: {error}", file=sys.stderr)
            # Of an earlier run, which would pass for this prompt.
            for stale in (path, path.with_suffix(".png")):
                stale.unlink(missing_ok=True)
    if failures:
        print(
            f"error: {failures} of {len(prompts)} prompts were not spoken; correct the lines above, and add --resume "
            "to keep the others.",
            file=sys.stderr,
        )
    else:
        spoken.remove()
    return failures


def load_voice(options: argparse.Namespace) -> "LongTextVoice":
    """The voice of the command line; one that `scripts/export_onnx.py` wrote needs no torch."""
    if not (Path(options.model) / "model.onnx").is_file():
        from tts_trm.speaking.voice import Voice

        return Voice.from_pretrained(options.model, options.revision, options.device)
    for name in ("revision", "pictures", "temperature", "top_k", "top_p"):
        if getattr(options, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise SynthesisError(f"{option}: {options.model} is an ONNX voice and does not have it; leave it out.")
    if options.device not in ("auto", "cpu"):
        raise SynthesisError(f"--device {options.device}: {options.model} is an ONNX voice, which runs on the CPU.")
    from tts_trm.speaking.onnx_voice import OnnxVoice

    return OnnxVoice.from_pretrained(options.model)


def show_text(options: argparse.Namespace) -> int:
    """Prints what would be spoken, and names on standard error what would be left out."""
    from tts_trm.speaking.prompts import Prompt, read_prompts
    from tts_trm.speaking.text_reader import TextReader
    from tts_trm.text_tts_trm import report_left_out

    reader = TextReader.from_pretrained(options.model, options.revision)
    if options.prompts_file is None:
        prompts = [Prompt(read_text(options.text, options.text_file), options.speaker)]
    else:
        prompts = read_prompts(options.prompts_file, reader.speakers, options.speaker)
    for prompt in prompts:
        for sentence in reader.sentences(prompt.text, prompt.speaker, options.language, not options.plain):
            print(sentence)
    report_left_out(reader.left_out)
    return 0


def synthesize(options: argparse.Namespace) -> int:
    from tts_trm.audio.writing import format_of

    check_model_name(options.model)
    if options.show_text:
        return show_text(options)
    settings = {name: getattr(options, name) for name in ("pictures", "seed", "num_codebooks", "speed")}
    settings["normalize"] = not options.no_normalize
    settings["markup"] = not options.plain
    sampling = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p")}
    settings |= {name: value for name, value in sampling.items() if value is not None}
    raw = str(options.output) == "-"
    if options.prompts_file is None:
        text = read_text(options.text, options.text_file)
        if not raw:
            format_of(options.output)
        if raw and options.pictures:
            raise SynthesisError("--pictures are written next to a WAV file; give --output its name.")
    elif not options.prompts_file.is_file():
        # Before the voice is loaded, which takes a while.
        raise SynthesisError(f"--prompts-file {options.prompts_file}: there is no such file.")

    voice = load_voice(options)
    if (options.num_codebooks or 1) > voice.num_codebooks:
        raise SynthesisError(f"--num-codebooks {options.num_codebooks}: the voice has only {voice.num_codebooks}.")
    if options.prompts_file is not None:
        return 1 if speak_file(options, voice, settings) else 0
    path, unfinished = (None, None) if raw else (options.output, unfinished_speech(options, text, settings))
    report = speak(voice, text, options.speaker, path, options.times, unfinished=unfinished, **settings)
    print(report, file=sys.stderr if raw else sys.stdout)
    if options.play:
        play(options.output)
    return 0


def unfinished_speech(options: argparse.Namespace, text: str, settings: dict) -> "UnfinishedSpeech":
    """The state of `--output`; with `--resume` the one that an interrupted run has left."""
    from tts_trm.speaking.unfinished import UnfinishedSpeech

    # Pictures do not change the sound.
    heard = {name: value for name, value in settings.items() if name != "pictures"}
    request = [text, options.speaker, options.model, options.revision, heard]
    unfinished = UnfinishedSpeech(options.output, request)
    if options.resume:
        unfinished.resume()
    return unfinished


def play(path: Path) -> None:
    """Plays an audio file with the first of the usual players that is there.

    Raises:
        SynthesisError: if none is there, or it cannot play.
    """
    player = next((command for command in PLAYERS if shutil.which(command[0])), None)
    if player is None:
        names = ", ".join(command[0] for command in PLAYERS)
        raise SynthesisError(f"--play: {path} is written, but no player was found; install one of {names}.")
    done = subprocess.run([*player, str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SynthesisError(f"--play: {path} is written, but {player[0]} cannot play it ({reason}).")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: synthesize(options))


if __name__ == "__main__":
    sys.exit(main())

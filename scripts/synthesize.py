"""Speaks text with a trained voice.

    python scripts/synthesize.py --text "Hello, I am a very small model." --speaker kathleen --output hello.wav
    echo "Text from a pipe." | python scripts/synthesize.py --output piped.wav
    python scripts/synthesize.py --prompts-file prompts.txt --output-dir spoken --pictures

A prompts file has one prompt a line, `speaker|text` or the text alone; `#` begins a comment. Prompt N becomes
`spoken/000N.wav`. A prompt that cannot be spoken is named, the others are written, and the exit code is 1.
"""

import argparse
import math
import sys
import time
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

BUNDLED_VOICE = Path(__file__).resolve().parent.parent / "pretrained" / "tts-trm-mini"


class SynthesisError(Exception):
    """What ends the command; the message names the value or file, and the fix."""


def number_type(kind, low, high=math.inf, open_low=False):
    """An argparse type: an int or float (`kind`) in low..high."""

    def parse(text: str):
        try:
            value = kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
        if not low <= value <= high or (open_low and value == low):
            bounds = f"{'above' if open_low else 'at least'} {low}" + (
                f" and at most {high}" if high < math.inf else ""
            )
            raise argparse.ArgumentTypeError(f"{text} must be {bounds}")
        return value

    return parse


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default=str(BUNDLED_VOICE), help="checkpoint folder or Hub id (default: the bundled voice)"
    )
    parser.add_argument("--revision", help="of a model on the Hub")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", help="what to say; `-`, or neither this nor a prompts file, reads standard input")
    source.add_argument("--prompts-file", type=Path, help="what to say, one prompt a line")
    parser.add_argument("--speaker", default="0", help="name or number; in a prompts file that of bare lines")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--output", type=Path, default=Path("output.wav"), help="the WAV file (default: %(default)s)")
    target.add_argument("--output-dir", type=Path, help="gets 0001.wav, 0002.wav, ... of a prompts file")
    parser.add_argument("--pictures", action="store_true", help="write a PNG beside each WAV: spectrogram, alignment")
    parser.add_argument("--speed", type=number_type(float, 0.25, 4.0), default=1.0, help="2 is twice as fast")
    parser.add_argument("--seed", type=int, default=42, help="of the sampling; the same for every prompt")
    parser.add_argument("--temperature", type=number_type(float, 0.0), help="of the sampling; 0 is greedy")
    parser.add_argument("--top-k", type=number_type(int, 0), help="sample from the k most probable codes (0 = all)")
    parser.add_argument(
        "--top-p", type=number_type(float, 0.0, 1.0, open_low=True), help="sample from this share of the probability"
    )
    parser.add_argument("--num-codebooks", type=number_type(int, 1), help="decode only the first so many codebooks")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="(default: auto)")
    options = parser.parse_args(arguments)
    if (options.prompts_file is None) != (options.output_dir is None):
        parser.error("--prompts-file and --output-dir go together")
    return options


def choose_device(name: str) -> str:
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, present in available.items() if present)
    if not available[name]:
        present = ", ".join(device for device, there in available.items() if there)
        raise SynthesisError(f"--device {name}: this machine has none that PyTorch can use; it has {present}.")
    return name


def load_voice(name: str, revision: str | None = None, device: str = "auto"):
    """Model and processor of a checkpoint, its codec loaded, everything in float32 on `device`.

    Raises:
        SynthesisError: if anything is missing, or does not fit together.
    """
    import torch
    from transformers.utils import logging

    from tts_trm import TtsTrmConfig, TtsTrmModel, TtsTrmProcessor
    from tts_trm.processing_tts_trm import CodecError

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_flush_denormal(True)  # a CPU multiplies numbers next to nothing very slowly
    device = choose_device(device)
    if name == str(BUNDLED_VOICE) and not (BUNDLED_VOICE / "config.json").is_file():
        raise SynthesisError(f"{name}: the bundled voice is missing; name a checkpoint with --model.")
    where = {"revision": revision} if revision else {}
    try:
        model_type = TtsTrmConfig.get_config_dict(name, **where)[0].get("model_type")
        if model_type != TtsTrmConfig.model_type:
            found = f"is a model of type {model_type!r}" if model_type else "holds no config.json of a model"
            raise SynthesisError(f"{name}: {found}; give a TTS TRM checkpoint.")
        model, report = TtsTrmModel.from_pretrained(name, dtype=torch.float32, output_loading_info=True, **where)
        if report["missing_keys"]:
            raise SynthesisError(
                f"{name}: the weights lack {min(report['missing_keys'])} and {len(report['missing_keys']) - 1} more; "
                "save the checkpoint again."
            )
        processor = TtsTrmProcessor.from_pretrained(name, **where)
        processor.codec_model.to(device)
    except (SynthesisError, CodecError) as error:
        raise SynthesisError(str(error)) from error
    except Exception as error:  # the tokenizers library raises nothing more special
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise SynthesisError(f"{name}: cannot be loaded ({reason}); give a checkpoint folder or a Hub id.") from error
    _check_fit(name, model, processor)
    return model.eval().to(device), processor


def _check_fit(name: str, model, processor) -> None:
    characters, speakers = len(processor.tokenizer), len(processor.speakers)
    if characters > model.config.vocab_size or speakers > model.config.num_speakers:
        raise SynthesisError(
            f"{name}: its tokenizer has {characters} characters and its processor {speakers} speakers, the model "
            f"{model.config.vocab_size} and {model.config.num_speakers}; take all files from one checkpoint."
        )
    codec = processor.codec_model.config
    if model.config.codebook_size != codec.codebook_size or model.config.num_codebooks > codec.num_quantizers:
        raise SynthesisError(
            f"{name}: the model speaks {model.config.num_codebooks} x {model.config.codebook_size} codes, its codec "
            f"{processor.codec} knows {codec.num_quantizers} x {codec.codebook_size}; use the codec it learned from."
        )


def speak(model, processor, prompt, path: Path, pictures=False, seed=42, num_codebooks=None, **generate_kwargs) -> str:
    """Speaks a prompt into `path` (and `path` with `.png`), and says what came of it.

    Raises:
        ValueError: if the voice cannot speak it.
        OSError: if a file cannot be written; whatever is there is complete.
    """
    import torch

    from tts_trm.training.samples import generate_speech

    start = time.perf_counter()
    generator = torch.Generator(model.device).manual_seed(seed)
    speech = generate_speech(model, processor, prompt, generator=generator, **generate_kwargs)
    speech.waveform = processor.decode(speech.codes[:, :num_codebooks])[0]
    elapsed = time.perf_counter() - start
    processor.save_audio(speech.waveform, path)
    if pictures:
        speech.draw(path.with_suffix(".png"))
    return f"{path}: {speech.seconds:.2f} s of audio, {elapsed / speech.seconds:.3f} s per second of audio"


def read_text(text: str | None) -> str:
    """The text of the command line, or standard input."""
    if text not in (None, "-"):
        return text
    if sys.stdin.isatty():
        raise SynthesisError("no text; give --text or --prompts-file, or pipe the text in.")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SynthesisError(f"standard input: is not UTF-8 (byte {error.start}); convert the text.") from error


def prepare_folder(folder: Path, names: list[str]) -> None:
    """Makes `folder`, and sees to it that no audio but that of this run will lie in it."""
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted({path.name for path in folder.glob("*.wav")} - set(names))
    if others:
        raise SynthesisError(f"{folder}: holds {others[0]}, which this run would not write; choose an empty folder.")


def speak_file(options, model, processor, settings: dict) -> int:
    """Speaks all prompts of a file; the number of those that could not be spoken."""
    from tts_trm.training.prompts import read_prompts

    prompts = read_prompts(options.prompts_file, processor.speakers, options.speaker)
    width = max(4, len(str(len(prompts))))
    names = [f"{number:0{width}d}.wav" for number in range(1, len(prompts) + 1)]
    prepare_folder(options.output_dir, names)
    failures = 0
    for name, prompt in zip(names, prompts, strict=True):
        path = options.output_dir / name
        try:
            print(speak(model, processor, prompt, path, **settings), flush=True)
        except ValueError as error:
            failures += 1
            print(f"error: {options.prompts_file}, line {prompt.line}: {error}", file=sys.stderr)
            for stale in (path, path.with_suffix(".png")):  # of an earlier run, which would pass for this prompt
                stale.unlink(missing_ok=True)
    if failures:
        print(f"error: {failures} of {len(prompts)} prompts were not spoken; correct the lines above.", file=sys.stderr)
    return failures


def synthesize(options) -> int:
    settings = {name: getattr(options, name) for name in ("pictures", "seed", "num_codebooks", "speed")}
    sampling = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p")}
    settings |= {name: value for name, value in sampling.items() if value is not None}
    if options.prompts_file is None:
        text = read_text(options.text)
        if options.output.suffix.lower() != ".wav":
            raise SynthesisError(f"--output {options.output}: is written as WAV; let its name end in .wav.")
    elif not options.prompts_file.is_file():  # before the voice is loaded, which takes a while
        raise SynthesisError(f"--prompts-file {options.prompts_file}: there is no such file.")

    model, processor = load_voice(options.model, options.revision, options.device)
    if (options.num_codebooks or 1) > model.config.num_codebooks:
        raise SynthesisError(
            f"--num-codebooks {options.num_codebooks}: the voice has only {model.config.num_codebooks}."
        )
    if options.prompts_file is not None:
        return 1 if speak_file(options, model, processor, settings) else 0

    from tts_trm.training.prompts import Prompt

    print(speak(model, processor, Prompt(text, options.speaker), options.output, **settings))
    return 0


def main(arguments=None) -> int:
    options = parse_arguments(arguments)
    try:
        return synthesize(options)
    except (SynthesisError, ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

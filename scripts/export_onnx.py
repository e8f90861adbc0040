"""Exports a voice to ONNX, which runs without torch: text to codes, codes to audio, tokenizer and a description.

    python scripts/export_onnx.py --model pretrained/tts-trm-mini --output-dir outputs/onnx
    python scripts/synthesize.py --model outputs/onnx --text "No torch was needed to say this."

Both graphs are compared with torch before anything is written. The codes are those of `generate` without sampling. The
latent head and the offline codec can be exported. docs/onnx.md lists inputs and outputs.
"""

import argparse
import json
import logging
import sys
import warnings
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tts_trm.commands import BUNDLED_VOICE, run_command
from tts_trm.errors_tts_trm import TtsTrmError

if TYPE_CHECKING:
    from tts_trm.speaking.voice import Voice

# Share of frames in which rounding may have turned a tie between two entries.
MAX_DIFFERENT_FRAMES = 0.02
# Of samples, whose range is -1..1, and of durations, in frames.
MAX_DIFFERENCE = 1e-3


class ExportError(TtsTrmError):
    """A voice that cannot be exported; the message names the value and the fix."""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default=str(BUNDLED_VOICE), help="checkpoint folder or Hub id (default: the bundled voice)"
    )
    parser.add_argument("--revision", help="revision of a Hub model")
    parser.add_argument(
        "--output-dir", type=Path, required=True, help="folder for the voice; existing files of a voice are replaced"
    )
    return parser.parse_args(arguments)


def check_exportable(voice: "Voice") -> None:
    """Raises `ExportError` for a voice of which no graph can be made."""
    from tts_trm import TtsTrmCodec

    config, codec = voice.model.config, voice.processor.codec_model
    if not config.predicts_latents:
        raise ExportError(
            f"codebook_head={config.codebook_head!r}: its codes are sampled, which a graph cannot do; train a voice "
            "with codebook_head='latent'."
        )
    if config.alignment == "none":
        raise ExportError(
            "alignment='none': such a voice does not know how long its speech is; train one with "
            "alignment='durations' or 'length'."
        )
    if not isinstance(codec, TtsTrmCodec):
        raise ExportError(
            f"codec={voice.processor.codec!r} is a {type(codec).__name__}; only the offline codec can be exported: "
            "train the voice with --codec pretrained/tts-trm-mini/codec."
        )


def export(voice: "Voice", output: Path) -> str:
    """Writes the ONNX files of a voice into a folder, and says how far they differ from torch."""
    from tts_trm.speaking.onnx_voice import CODEC_FILE, MODEL_FILE, TOKENIZER_FILE, VOICE_FILE
    from tts_trm.text_tts_trm import MAX_SPEED, MIN_SPEED

    try:
        from tts_trm.publishing.onnx_graphs import codec_graph, compare, model_graph
    except ImportError as error:
        raise ExportError(f"{error}; install what the export needs: pip install '.[onnx]'") from error
    check_exportable(voice)
    config, processor = voice.model.config, voice.processor
    model, codec = model_graph(voice), codec_graph(voice)
    differences = compare(voice, model, codec)
    if differences.frames > max(1, MAX_DIFFERENT_FRAMES * differences.all_frames):
        raise ExportError(f"The graphs are wrong, nothing is written: {differences}; please report this.")
    if max(differences.durations, differences.waveform) > MAX_DIFFERENCE:
        raise ExportError(f"The graphs are wrong, nothing is written: {differences}; please report this.")
    output.mkdir(parents=True, exist_ok=True)
    (output / MODEL_FILE).write_bytes(model)
    (output / CODEC_FILE).write_bytes(codec)
    processor.character_tokenizer.save(str(output / TOKENIZER_FILE))
    settings = voice.model._generation_settings(None, {})
    properties = {
        "speakers": processor.speakers,
        "languages": processor.languages,
        "sampling_rate": processor.sampling_rate,
        "frame_rate": config.frame_rate,
        "max_text_length": min(processor.max_text_length, config.max_text_length),
        "max_audio_frames": config.max_audio_frames,
        "num_codebooks": config.num_codebooks,
        "codebook_size": config.codebook_size,
        "sharpness": settings.sharpness,
        "speeds": [MIN_SPEED, MAX_SPEED],
    }
    (output / VOICE_FILE).write_text(json.dumps(properties, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return f"{output}: {(len(model) + len(codec)) / 1e6:.1f} MB; compared with torch, {differences}"


def load_and_export(options: argparse.Namespace) -> None:
    from tts_trm.speaking.voice import Voice

    # It names libraries that nobody needs here.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Of the exporter, about itself.
        warnings.simplefilter("ignore")
        print(export(Voice.from_pretrained(options.model, options.revision, "cpu"), options.output_dir))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: load_and_export(options))


if __name__ == "__main__":
    sys.exit(main())

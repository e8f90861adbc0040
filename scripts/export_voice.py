"""Turns a training checkpoint into a voice to ship: half precision on disk, float32 in use, nothing left to resume.

python scripts/export_voice.py --checkpoint outputs/tts/checkpoints/best --output-dir my-voice
"""

import argparse
import copy
import json
import shutil
import sys
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint folder of a training run")
    parser.add_argument("--output-dir", type=Path, required=True, help="gets the voice; its files are replaced")
    parser.add_argument("--codec", help="codec with the same codebooks to ship in the place of the checkpoint's")
    parser.add_argument(
        "--notes", type=Path, help="Markdown file on data and training for the model card, metadata first if any"
    )
    parser.add_argument("--evaluation", type=Path, help="JSON of scripts/evaluate_voice.py, for the model card")
    return parser.parse_args(arguments)


def save_half(model, folder: Path) -> None:
    """Saves `model` in float16, to be loaded as float32: half the bytes, and no half precision where it computes."""
    copy.deepcopy(model).half().save_pretrained(folder)  # a codec is shared by all that have loaded it
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | {"dtype": "float32"}, indent=2) + "\n", encoding="utf-8")


def export(checkpoint: Path, output: Path, codec: str | None, notes: str, evaluation: Path | None) -> None:
    import torch

    from tts_trm import TtsTrmModel, TtsTrmProcessor
    from tts_trm.processing_tts_trm import CODEC_FOLDER, codec_codebooks, load_codec
    from tts_trm.training.model_card import read_evaluation, write_model_card
    from tts_trm.training.pretrained import ALIGNER

    if not (checkpoint / "config.json").is_file():
        raise ValueError(f"{checkpoint}: holds no config.json; give a checkpoint folder of a training run.")
    measured = read_evaluation(evaluation) if evaluation else None
    model = TtsTrmModel.from_pretrained(checkpoint, dtype=torch.float32)
    processor = TtsTrmProcessor.from_pretrained(checkpoint)
    state = checkpoint / "training_state" / "state.json"
    metrics = json.loads(state.read_text())["metrics"] if state.is_file() else {}
    shipped = load_codec(codec) if codec else processor.codec_model
    if not torch.equal(codec_codebooks(shipped)[0], codec_codebooks(processor.codec_model)[0]):
        raise ValueError(f"{codec}: its codebooks are not those that {checkpoint} was trained on; use its own codec.")
    bundled = codec is not None or processor.codec == CODEC_FOLDER
    if codec:
        processor.codec = codec
    foreign = set((output / CODEC_FOLDER).glob("*.py"))
    processor.save_pretrained(output)
    shown = {name: value for name, value in metrics.items() if "/" not in name}
    write_model_card(output, model, processor, shown, measured, notes)
    save_half(model, output)
    if (checkpoint / ALIGNER).is_file() and checkpoint.resolve() != output.resolve():
        shutil.copyfile(checkpoint / ALIGNER, output / ALIGNER)
    if bundled:
        save_half(shipped, output / CODEC_FOLDER)
    for source in set((output / CODEC_FOLDER).glob("*.py")) - foreign:
        source.unlink()  # the code of the codec lies beside the model's, in the root


def main(arguments=None) -> int:
    options = parse_arguments(arguments)
    try:
        export(
            options.checkpoint,
            options.output_dir,
            options.codec,
            options.notes.read_text(encoding="utf-8") if options.notes else "",
            options.evaluation,
        )
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in options.output_dir.rglob("*") if path.is_file())
    print(f"{options.output_dir}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

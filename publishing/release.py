"""A voice to share: the checkpoint without what only training needs, in half precision, with codec, code and card."""

import copy
import json
import shutil
from pathlib import Path

import torch
from transformers import PreTrainedModel

from ..data.aligner import ALIGNER_FILE
from ..errors_tts_trm import InputError
from ..files import follow_umask
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import CODEC_FOLDER, TtsTrmProcessor, codec_codebooks, load_codec
from .model_card import read_evaluation, write_model_card


def save_half(model: PreTrainedModel, folder: Path) -> None:
    """Saves `model` in float16, to be loaded as float32: half the bytes, and no half precision where it computes."""
    # A codec is shared by all that have loaded it.
    copy.deepcopy(model).half().save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | {"dtype": "float32"}, indent=2) + "\n", encoding="utf-8")


def keep_speakers(model: TtsTrmModel, processor: TtsTrmProcessor, names: list[str]) -> None:
    """Leaves only the speakers called `names` in model and processor, in that order.

    Raises:
        InputError: if a name is not one of the voice's.
    """
    numbers = [processor.speaker_to_id(name) for name in names]
    processor.languages = [processor.languages[number] for number in numbers]
    processor.speakers = [processor.speakers[number] for number in numbers]
    model.config.num_speakers = len(numbers)
    known = model.text_encoder.speaker_embedding.weight
    model.text_encoder.speaker_embedding = torch.nn.Embedding.from_pretrained(known[numbers])
    if hasattr(model.head, "latent_gain"):
        model.head.latent_gain = model.head.latent_gain[numbers]


def export(
    checkpoint: Path,
    output: Path,
    codec: str | None,
    notes: str,
    evaluation: Path | None,
    speakers: list[str] | None = None,
) -> None:
    """Writes the voice of `checkpoint` into the folder `output`, with only `speakers` if they are given.

    Raises:
        InputError: if the folder holds no checkpoint, the codec is not its own, or a speaker is unknown.
    """
    if not (checkpoint / "config.json").is_file():
        raise InputError(f"{checkpoint}: holds no config.json; give a checkpoint folder of a training run.")
    measured = read_evaluation(evaluation) if evaluation else None
    model = TtsTrmModel.from_pretrained(checkpoint, dtype=torch.float32)
    processor = TtsTrmProcessor.from_pretrained(checkpoint)
    state = checkpoint / "training_state" / "state.json"
    metrics = json.loads(state.read_text())["metrics"] if state.is_file() else {}
    if speakers:
        keep_speakers(model, processor, speakers)
    shipped = load_codec(codec) if codec else processor.codec_model
    if not torch.equal(codec_codebooks(shipped)[0], codec_codebooks(processor.codec_model)[0]):
        raise InputError(f"{codec}: its codebooks are not those that {checkpoint} was trained on; use its own codec.")
    bundled = codec is not None or processor.codec == CODEC_FOLDER
    if codec:
        processor.codec = codec
    foreign = set((output / CODEC_FOLDER).glob("*.py"))
    processor.save_pretrained(output)
    shown = {name: value for name, value in metrics.items() if "/" not in name}
    write_model_card(output, model, processor, shown, measured, notes)
    save_half(model, output)
    if (checkpoint / ALIGNER_FILE).is_file() and checkpoint.resolve() != output.resolve():
        shutil.copyfile(checkpoint / ALIGNER_FILE, output / ALIGNER_FILE)
    if bundled:
        save_half(shipped, output / CODEC_FOLDER)
    for source in set((output / CODEC_FOLDER).glob("*.py")) - foreign:
        # The code of the codec is next to the model's, in the root.
        source.unlink()
    follow_umask(output)

"""A run that starts from a voice which can already speak: its codec, its characters and speakers, its weights."""

import unicodedata
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import load_file
from transformers.utils import cached_file

from ..configuration_tts_trm import TtsTrmConfig
from ..data.aligner import ALIGNER_FILE, AlignerTraining
from ..errors_tts_trm import InputError
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import CODEC_FOLDER, TtsTrmProcessor
from .options import MODEL_OPTIONS

# tensors with a row for every character, and with one for every speaker
CHARACTER_ROWS = ("text_encoder.character_embedding.weight",)
SPEAKER_ROWS = ("text_encoder.speaker_embedding.weight", "head.latent_gain")
# what data, codec and library decide of a configuration
NOT_SIZES = {"vocab_size", "num_speakers", "num_codebooks", "codebook_size", "codebook_chains", "codebook_entry_dim"}
NOT_SIZES |= {"sampling_rate", "frame_rate", "auto_map", "architectures", "dtype", "transformers_version", "model_type"}


def codec_of(voice: str) -> str:
    """The codec of a voice, as `--codec` takes it: a Hub id or a folder."""
    codec = TtsTrmProcessor.from_pretrained(voice).codec
    if codec != CODEC_FOLDER:
        return codec
    folder = voice if Path(voice).is_dir() else snapshot_download(voice, allow_patterns=f"{CODEC_FOLDER}/*")
    return str(Path(folder) / CODEC_FOLDER)


def alphabet_and_speakers(voice: str) -> tuple[str, dict[str, str]]:
    """The characters that a voice has learned, in one string, and the languages of its speakers in their order."""
    processor = TtsTrmProcessor.from_pretrained(voice)
    special = set(processor.tokenizer.all_special_tokens)
    alphabet = "".join(sorted(set(processor.tokenizer.get_vocab()) - special))
    return alphabet, dict(zip(processor.speakers, processor.languages, strict=True))


def load_aligner(training: AlignerTraining, processor: TtsTrmProcessor, voice: str) -> bool:
    """Has `training`, an `AlignerTraining`, go on from the aligner of `voice`; returns whether it has one that fits.

    A few minutes of speech are not enough to learn from nothing which character is spoken when.
    """
    path = cached_file(voice, ALIGNER_FILE, _raise_exceptions_for_missing_entries=False)
    if path is None:
        return False
    state, known = load_file(path), TtsTrmProcessor.from_pretrained(voice)
    rows = training.aligner.state_dict()["embedding.weight"].clone()
    _copy_characters(
        rows, state["embedding.weight"].float(), processor.tokenizer.get_vocab(), known.tokenizer.get_vocab()
    )
    try:
        training.load_state_dict(state | {"embedding.weight": rows})
    except ValueError:  # of another codec
        return False
    return True


def further_fields(voice: str) -> dict:
    """The fields of a voice's configuration that no option decides."""
    config = TtsTrmConfig.from_pretrained(voice)
    return {name: getattr(config, name) for name in set(config.to_diff_dict()) - set(MODEL_OPTIONS) - NOT_SIZES}


@torch.no_grad()
def load_weights(model: TtsTrmModel, processor: TtsTrmProcessor, voice: str) -> None:
    """Gives `model` the weights of `voice`, row by row where characters or speakers have been added.

    A new speaker starts as the mean of those known; a new character as its plain relative ("ü" as "u"), or at random.

    Raises:
        ValueError: if the voice speaks another codec's codes, or its sizes differ from `model`.
    """
    trained = TtsTrmModel.from_pretrained(voice, dtype=torch.float32, use_safetensors=True)
    known = TtsTrmProcessor.from_pretrained(voice)
    ours, theirs = model.state_dict(), trained.state_dict()
    for name in sorted(ours.keys() | theirs.keys()):
        shapes = [tuple(state[name].shape) if name in state else "absent" for state in (ours, theirs)]
        added_rows = name in CHARACTER_ROWS + SPEAKER_ROWS and shapes[0][1:] == shapes[1][1:]
        if shapes[0] != shapes[1] and not added_rows:
            raise InputError(
                f"--from-pretrained {voice}: its {name} is {shapes[1]}, this run's {shapes[0]}; leave out the options "
                "and the lines of --config that change its sizes, and use its own codec."
            )
    # half precision is what voices are shipped in
    if "head.codebooks" in ours and not torch.equal(ours["head.codebooks"].half(), theirs["head.codebooks"].half()):
        raise InputError(
            f"--from-pretrained {voice}: the tokens are of another codec than the voice's, {codec_of(voice)}; "
            "tokenise the recordings with that one."
        )
    for name, value in theirs.items():
        if name in CHARACTER_ROWS:
            _copy_characters(ours[name], value, processor.tokenizer.get_vocab(), known.tokenizer.get_vocab())
        elif name in SPEAKER_ROWS:
            ours[name][:] = value.mean(0)
            for row, speaker in zip(value, known.speakers, strict=True):
                ours[name][processor.speakers.index(speaker)] = row
        elif name != "head.codebooks":
            ours[name].copy_(value)


def keep_known_characters(model: TtsTrmModel, processor: TtsTrmProcessor, voice: str) -> None:
    """Freezes the characters that `voice` knows: only added ones are learned."""
    known = TtsTrmProcessor.from_pretrained(voice).tokenizer.get_vocab()
    rows = torch.tensor([row for token, row in processor.tokenizer.get_vocab().items() if token in known])
    for name in CHARACTER_ROWS:
        parameter = model.get_parameter(name)
        parameter.register_hook(lambda gradient: gradient.index_fill(0, rows.to(gradient.device), 0.0))


def _copy_characters(ours: torch.Tensor, theirs: torch.Tensor, ids: dict[str, int], known_ids: dict[str, int]) -> None:
    for token, row in ids.items():
        relative = token if token in known_ids else unicodedata.normalize("NFD", token)[0]
        if relative in known_ids:
            ours[row] = theirs[known_ids[relative]]

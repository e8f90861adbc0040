"""The codec behind a folder of tokens: what `codec.json` says of it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from ..errors_tts_trm import InputError
from ..files import write_json
from .clips import DataError

# Of the folder and of all that shapes a code; another version means another key.
FORMAT_VERSION = 1
SHARD_SIZE = 2000
PACKAGE_ROOT = Path(__file__).resolve().parent.parent
CODEC_FILE, CODEBOOKS_FILE, SKIPPED_FILE = "codec.json", "codebooks.safetensors", "skipped.json"


# -- the codec behind a folder ------------------------------------------------------------------------------------


def locate_codec(codec: str) -> str:
    """A codec as the user names it: a folder, seen from here or from the package's root, or else a Hub id."""
    for folder in (Path(codec).expanduser(), PACKAGE_ROOT / codec):
        if folder.is_dir():
            return str(folder)
    return codec


def codebooks_fingerprint(codebooks: torch.Tensor) -> str:
    """sha256 of the entries `[K, V, D]` in float32."""
    values = np.ascontiguousarray(codebooks.detach().cpu().float().numpy(), dtype="<f4")
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


@dataclass
class CodecInfo:
    """What `codec.json` says."""

    # As the user named it.
    codec: str
    revision: str | None
    model_type: str
    sampling_rate: int
    frame_rate: float
    num_codebooks: int
    codebook_size: int
    codebook_chains: list[int]
    fingerprint: str
    format_version: int = FORMAT_VERSION
    shard_size: int = SHARD_SIZE
    # `clips_key` of what was tokenised.
    clips: str = ""
    # Of all that shapes the folder's content.
    key: str = ""
    folder: str = field(default="", compare=False)

    @classmethod
    def of(cls, codec: PreTrainedModel, name: str, revision: str | None = None) -> "CodecInfo":
        """Describes a loaded codec that the user calls `name`."""
        from ..processing_tts_trm import codec_codebooks

        codebooks, chains = codec_codebooks(codec)
        config = codec.config
        return cls(
            codec=name,
            revision=revision,
            model_type=config.model_type,
            sampling_rate=config.sampling_rate,
            frame_rate=config.frame_rate,
            num_codebooks=codebooks.shape[0],
            codebook_size=codebooks.shape[1],
            codebook_chains=chains,
            fingerprint=codebooks_fingerprint(codebooks),
        )

    @classmethod
    def read(cls, token_dir: str | Path) -> "CodecInfo":
        """Raises `DataError` if there is no readable `codec.json` of this version."""
        path = Path(token_dir) / CODEC_FILE
        if not path.is_file():
            raise DataError(f"{token_dir}: holds no tokens ({CODEC_FILE} is missing); see scripts/tokenize_dataset.py.")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            info = cls(**content, folder=str(token_dir))
            info._check_values()
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}: cannot be read ({error}); tokenise the recordings again.") from error
        if info.format_version != FORMAT_VERSION:
            raise DataError(
                f"{path}: has format version {info.format_version}, this code reads {FORMAT_VERSION}; "
                "tokenise the recordings again."
            )
        return info

    def _check_values(self) -> None:
        chains = self.codebook_chains if isinstance(self.codebook_chains, list) else [None]
        for value in (self.num_codebooks, self.codebook_size, self.sampling_rate, self.shard_size, *chains):
            if type(value) is not int or value < 1:
                raise InputError(f"{value!r} is not a positive number")
        if sum(chains) != self.num_codebooks:
            raise InputError(f"codebook_chains {chains} do not add up to {self.num_codebooks} codebooks")
        if type(self.frame_rate) not in (int, float) or not 0 < self.frame_rate < self.sampling_rate:
            raise InputError(f"frame_rate {self.frame_rate!r} is not a number below the sampling rate")
        for name in (self.codec, self.model_type, self.fingerprint, self.clips, self.key, self.revision or ""):
            if not isinstance(name, str) or "\0" in name:
                raise InputError(f"{name!r} is not a name")

    def write(self) -> None:
        content = asdict(self)
        folder = Path(content.pop("folder"))
        write_json(folder / CODEC_FILE, content)

    def check_matches(self, codec: PreTrainedModel, name: str) -> None:
        """Raises `DataError` if the loaded `codec`, which the user calls `name`, is not the one behind the folder."""
        other = CodecInfo.of(codec, name)
        if other.fingerprint != self.fingerprint:
            raise DataError(
                f"{self.folder}: its tokens were made by the codec {self.codec} ({self.geometry}), not by "
                f"{name} ({other.geometry}); use --codec {self.codec}, or tokenise into another --token-dir."
            )

    def codebooks(self) -> torch.Tensor:
        """Entries `[K, V, D]`, float32.

        Raises:
            DataError: if the file is missing, or belongs to another codec.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = Path(self.folder) / CODEBOOKS_FILE
        try:
            codebooks = load_file(path)["codebooks"].float()
        except (OSError, KeyError, SafetensorError) as error:
            raise DataError(f"{path}: cannot be read ({error}); tokenise the recordings again.") from error
        sizes = (self.num_codebooks, self.codebook_size)
        if codebooks_fingerprint(codebooks) != self.fingerprint or codebooks.shape[:2] != sizes:
            raise DataError(f"{path}: does not belong to the codec in {CODEC_FILE}; tokenise the recordings again.")
        return codebooks

    @property
    def geometry(self) -> str:
        return f"{self.model_type}, {self.num_codebooks} x {self.codebook_size}, {self.fingerprint[:8]}"

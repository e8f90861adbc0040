"""The token folder: recordings as codes, the one form of training data on disk.

    codec.json                      which codec made the codes, and the key of the preparation
    codebooks.safetensors           its entries [K, V, D]: the latent head trains from the folder without the codec
    tokens-00000-of-00007.parquet   name, text, speaker, audio_codes [K][T] int16, num_frames (and the user's durations)
    durations-1f0c....parquet       aligned durations, row by row, for one tokenizer
    skipped.json                    clips that could not be read, and why

Every file is written under a temporary name and renamed. `encoding.py` fills the folder, `data.py` trains from it.
"""

import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..files import atomic_path, write_json
from .clips import Clip, DataError, clips_key
from .codec_info import CODEC_FILE, SKIPPED_FILE, CodecInfo
from .shards import AGAIN, read_codes_table, read_table

if TYPE_CHECKING:
    import datasets
    from pyarrow import ChunkedArray, Table
    from transformers import PreTrainedTokenizerBase


SHARD_METADATA = b"tts_trm"
SHARD_HEADER, DURATIONS_HEADER = {"key", "num_clips", "num_frames", "skipped"}, {"key", "tokenizer"}


# -- shards -------------------------------------------------------------------------------------------------------


def shard_names(count: int) -> list[str]:
    return [f"tokens-{index:05d}-of-{count:05d}.parquet" for index in range(count)]


def read_header(path: Path) -> dict | None:
    """What a writer of this folder put into the file's metadata, or None where there is no readable shard."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.read_metadata(path)
        header = json.loads(file.metadata[SHARD_METADATA])
        whole = header.keys() == DURATIONS_HEADER or (
            header.keys() == SHARD_HEADER and header["num_clips"] == file.num_rows
        )
        return header if whole else None
    except (OSError, KeyError, TypeError, ValueError, AttributeError, pyarrow.ArrowException):
        return None


def write_shard(path: Path, table: "Table", info: CodecInfo, skipped: list[dict]) -> dict:
    """Writes a pyarrow table of [`token_features`] as a shard of the folder of `info`; returns its header.

    `skipped` has `{"name": ..., "reason": ...}` of the clips that are missing from it.
    """
    import pyarrow.compute
    import pyarrow.parquet

    header = {
        "key": info.key,
        "num_clips": table.num_rows,
        "num_frames": pyarrow.compute.sum(table["num_frames"]).as_py() or 0,
        "skipped": skipped,
    }
    metadata = {**table.schema.metadata, SHARD_METADATA: json.dumps(header).encode()}
    with atomic_path(path) as partial:
        pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), partial, write_page_checksum=True)
    return header


@dataclass
class TokenizeReport:
    """What a finished or shared preparation holds."""

    # In the folder's shards, those skipped left out.
    num_clips: int
    hours: float
    # By this process, in this call; the others were there already.
    num_encoded: int
    hours_encoded: float
    # {"name": ..., "reason": ...}.
    skipped: list[dict]

    def __str__(self) -> str:
        lines = [f"skipped: {clip['reason']}" for clip in self.skipped]
        return "\n".join([*lines, f"{self.num_clips} clips, {self.hours:.2f} h tokenised; {len(self.skipped)} skipped"])


def read_report(token_dir: str | Path, frame_rate: float) -> TokenizeReport:
    """Sums up the finished shards of a folder and writes the clips they skipped to `skipped.json`."""
    found = (read_header(path) for path in sorted(Path(token_dir).glob("tokens-*.parquet")))
    headers = [header for header in found if header is not None]
    skipped = [clip for header in headers for clip in header["skipped"]]
    hours = sum(header["num_frames"] for header in headers) / frame_rate / 3600
    write_json(Path(token_dir) / SKIPPED_FILE, skipped)
    return TokenizeReport(sum(header["num_clips"] for header in headers), hours, 0, 0.0, skipped)


def tokens_state(
    token_dir: str | Path, clips: Sequence[Clip] | None = None
) -> Literal["absent", "incomplete", "stale", "ready"]:
    """Whether a folder can be trained from; "stale" where it is complete, but its clips are not `clips`."""
    if not (Path(token_dir) / CODEC_FILE).is_file():
        return "absent"
    info = CodecInfo.read(token_dir)
    try:
        shard_paths(info)
    except DataError:
        return "incomplete"
    return "stale" if clips is not None and clips_key(clips) != info.clips else "ready"


def load_tokens(
    token_dir: str | Path, tokenizer: "PreTrainedTokenizerBase | None" = None
) -> tuple["datasets.Dataset", CodecInfo]:
    """The rows of a token folder, memory-mapped, and what made them.

    The column `durations`, where there is one, holds the user's own; with a `tokenizer`, `aligned_durations` holds
    those that [`write_durations`] stored for it.

    Raises:
        DataError: if the folder holds no tokens, a shard is missing, damaged or from another preparation, holds what
            are no codes of the codec, or no row is left.
    """
    from datasets import Dataset, Features

    info = CodecInfo.read(token_dir)
    shards = shard_paths(info)
    for path in shards:
        schema = read_codes_table(path, info.num_codebooks, info.codebook_size).schema
    # it caches the rows by the files' names and times, which a copy may share with another: by their key as well
    names, features = [glob.escape(str(path)) for path in shards], Features.from_arrow_schema(schema)
    dataset = Dataset.from_parquet(names, features=features, description=info.key)
    if not len(dataset):
        raise DataError(f"{token_dir}: no clip could be used; {SKIPPED_FILE} in that folder says why.")
    durations = None if tokenizer is None else _read_durations(info, tokenizer, 0, len(dataset), len(dataset))
    if durations is not None:
        dataset = dataset.add_column("aligned_durations", durations)
    return dataset, info


def read_shard(
    info: CodecInfo, path: Path, tokenizer: "PreTrainedTokenizerBase", first: int, total: int
) -> "datasets.Dataset":
    """The rows of one shard in memory, in the form of [`load_tokens`].

    `first` is the number of rows in earlier shards, `total` the number in all.

    Raises:
        DataError: if the file has vanished, is damaged, or holds what are no codes of the codec.
    """
    from datasets import Dataset
    from datasets.table import InMemoryTable

    dataset = Dataset(InMemoryTable(read_codes_table(path, info.num_codebooks, info.codebook_size)))
    durations = _read_durations(info, tokenizer, first, len(dataset), total)
    return dataset if durations is None else dataset.add_column("aligned_durations", durations)


def _num_clips(path: Path) -> int:
    header = read_header(path)
    if header is None:
        raise DataError(f"{path}: cannot be read; tokenise the recordings again.")
    return header["num_clips"]


class TokenShards(Sequence):
    """The shards of a complete folder, each read when it is asked for, as [`read_shard`] gives it."""

    def __init__(self, info: CodecInfo, tokenizer: "PreTrainedTokenizerBase") -> None:
        self.info, self.tokenizer, self.paths = info, tokenizer, shard_paths(info)
        # Rows up to each one's end.
        self.ends = list(accumulate(_num_clips(path) for path in self.paths))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> "datasets.Dataset":  # type: ignore[override]
        first = self.ends[index - 1] if index else 0
        return read_shard(self.info, self.paths[index], self.tokenizer, first, self.ends[-1])


def read_columns(info: CodecInfo, names: list[str]) -> Iterator[dict[str, list]]:
    """Some columns of one shard after the other, as lists."""
    for path in shard_paths(info):
        yield read_table(path, names).to_pydict()


def shard_paths(info: CodecInfo) -> list[Path]:
    """The files of a complete folder, in the order of its rows; raises `DataError` if it is not complete."""
    folder = Path(info.folder)
    found = sorted(folder.glob("tokens-*-of-*.parquet"))
    again = "run the same scripts/tokenize_dataset.py again to complete it"
    if not found:
        raise DataError(f"{folder}: holds no tokens-*.parquet; {again}.")
    count = int(found[0].stem.rsplit("-", 1)[1])
    expected = [folder / name for name in shard_names(count)]
    for path in expected:
        header = read_header(path)
        if header is None:
            raise DataError(f"{path}: is missing or unreadable, the folder is incomplete; {again}.")
        if header["key"] != info.key:
            raise DataError(f"{path}: belongs to another preparation than {CODEC_FILE}; {again}.")
    for path in set(found) - set(expected):
        raise DataError(f"{path}: belongs to another preparation than {expected[0].name}; delete one of them.")
    return expected


# -- durations ----------------------------------------------------------------------------------------------------


def tokenizer_hash(tokenizer: "PreTrainedTokenizerBase") -> str:
    """sha256 of what decides a text's ids: not of the padding and truncation that the last call happened to set."""
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    content = {key: value for key, value in content.items() if key not in ("padding", "truncation")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def durations_path(token_dir: str | Path, hash_of_tokenizer: str) -> Path:
    return Path(token_dir) / f"durations-{hash_of_tokenizer[:12]}.parquet"


def aligner_path(token_dir: str | Path, hash_of_tokenizer: str) -> Path:
    """Where what the aligner has learned is kept, for the checkpoints."""
    return Path(token_dir) / f"aligner-{hash_of_tokenizer[:12]}.safetensors"


def write_durations(token_dir: str | Path, hash_of_tokenizer: str, durations: Iterable[np.ndarray | None]) -> Path:
    """Stores aligned durations: for each row of the folder, in order, one value for each input id, in frames.

    An empty array marks a clip that could not be aligned, None one that the aligner was not asked about. Training
    leaves both out and counts them. No more than a shard's worth is in memory at a time.

    Raises:
        DataError: if their number differs from the folder's rows; nothing is stored then.
    """
    import pyarrow
    import pyarrow.parquet

    info = CodecInfo.read(token_dir)
    header = {"key": info.key, "tokenizer": hash_of_tokenizer}
    schema = pyarrow.schema({"durations": pyarrow.list_(pyarrow.float32())}, {SHARD_METADATA: json.dumps(header)})
    path, rows, written = durations_path(token_dir, hash_of_tokenizer), num_rows(info), 0
    with atomic_path(path) as partial:
        with pyarrow.parquet.ParquetWriter(partial, schema, write_page_checksum=True) as writer:
            values = iter(durations)
            while part := list(islice(values, info.shard_size)):
                column = [None if row is None else np.asarray(row, np.float32) for row in part]
                writer.write_table(pyarrow.table([pyarrow.array(column, schema.types[0])], schema))
                written += len(part)
        if written != rows:
            raise DataError(f"{token_dir}: {written} rows of durations for {rows} rows of tokens.")
    return path


def num_rows(info: CodecInfo) -> int:
    """The number of clips in a complete folder."""
    return sum(_num_clips(path) for path in shard_paths(info))


def has_durations(info: CodecInfo, tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the folder holds durations that were aligned for this tokenizer and these tokens."""
    return _has_durations(info, tokenizer, num_rows(info))


def _has_durations(info: CodecInfo, tokenizer: "PreTrainedTokenizerBase", total: int) -> bool:
    import pyarrow.parquet

    digest = tokenizer_hash(tokenizer)
    path = durations_path(info.folder, digest)
    if read_header(path) != {"key": info.key, "tokenizer": digest}:
        return False
    return pyarrow.parquet.read_metadata(path).num_rows == total


def _read_durations(
    info: CodecInfo, tokenizer: "PreTrainedTokenizerBase", first: int, count: int, total: int
) -> "ChunkedArray | None":
    """The stored column of `count` rows of `total` from `first` on, or None; reads no more than these need."""
    import pyarrow
    import pyarrow.parquet

    if not _has_durations(info, tokenizer, total):
        return None
    path = durations_path(info.folder, tokenizer_hash(tokenizer))
    parts, start = [], 0
    try:
        file = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if start < first + count and start + rows > first:
                parts.append(file.read_row_group(group).slice(max(first - start, 0), first + count - max(start, first)))
            start += rows
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: is damaged ({error}); {AGAIN}.") from error
    column = pyarrow.concat_tables(parts)["durations"]
    # Else its footer and its rows disagree: it is made again.
    return column if len(column) == count else None

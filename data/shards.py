"""A shard of tokens, read whole: what is damaged, or are no codes of the codec, is refused by name."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .clips import DataError

if TYPE_CHECKING:
    import datasets
    from pyarrow import Table

AGAIN = "delete it and run the same command again"


def token_features(num_codebooks: int, with_durations: bool = False) -> "datasets.Features":
    """The columns of a shard."""
    from datasets import Features, List, Value

    features = {
        "name": Value("string"),
        "text": Value("string"),
        "speaker": Value("string"),
        "audio_codes": List(List(Value("int16")), length=num_codebooks),
        "num_frames": Value("int32"),
    }
    return Features(features | ({"durations": List(Value("float32"))} if with_durations else {}))


def read_table(path: Path, columns: list[str] | None = None) -> "Table":
    """A parquet file, or some columns of it, as a pyarrow table; raises `DataError` if it is damaged."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path, columns=columns, page_checksum_verification=True)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: is missing or damaged ({error}); {AGAIN}.") from error
    for name in {"name", "text", "speaker"} & set(table.column_names):
        if table[name].null_count or table[name].type != pyarrow.string():
            raise DataError(f"{path}: some values of {name!r} are not text; {AGAIN}.")
    return table


def read_codes_table(path: Path, num_codebooks: int, codebook_size: int) -> "Table":
    """A shard as a pyarrow table, whose codes are `[K][T]` int16 below `codebook_size`, each row as long as it says.

    Raises:
        DataError: if they are not, or the file is damaged; names the file, and the clip where it is one.
    """
    table = read_table(path)
    expected = token_features(num_codebooks, "durations" in table.column_names).arrow_schema
    if not table.schema.equals(expected):
        found = ", ".join(f"{field.name}: {field.type}" for field in table.schema)
        raise DataError(f"{path}: holds {found}, not codes of {num_codebooks} codebooks as int16; {AGAIN}.")
    column = table["audio_codes"].combine_chunks()
    lists = column.flatten()
    values = lists.flatten()
    if column.null_count or lists.null_count or values.null_count:
        raise DataError(f"{path}: some of its codes are missing; {AGAIN}.")

    def refuse(bad: np.ndarray, reason: str) -> None:
        for row in bad.nonzero()[0][:1]:
            raise DataError(f"{path}: the clip {table['name'][int(row)]} has {reason}; {AGAIN}.")

    frames = table["num_frames"].to_numpy()
    lengths = lists.value_lengths().to_numpy().reshape(-1, num_codebooks)
    refuse(frames < 1, "no codes")
    refuse((lengths != frames[:, None]).any(1), "a number of codes that differs from num_frames")
    if len(frames):
        starts = np.concatenate([[0], np.cumsum(lengths.sum(1, dtype=np.int64))[:-1]])
        codes = values.to_numpy()
        lowest, highest = np.minimum.reduceat(codes, starts), np.maximum.reduceat(codes, starts)
        refuse((lowest < 0) | (highest >= codebook_size), f"codes outside 0..{codebook_size - 1}")
    # What `datasets` reads from the file's own metadata has no checksum.
    return table.cast(expected)

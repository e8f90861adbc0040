"""Where recordings come from: folders and data sets of the Hub, one or several."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors_tts_trm import InputError
from .clips import Clip
from .hub_datasets import SAVED, read_hub
from .recordings import read_folder
from .tables import Columns, find_table


def read_sources(
    names: Iterable[str | Path],
    text_column: str = "text",
    audio_column: str = "audio",
    speaker_column: str = "speaker",
    split: str = "train",
    config: str | None = None,
    order: Sequence[str] | None = None,
) -> Sequence[Clip]:
    """The clips of several sources: folders with a table, or else data sets of the Hub or copies of such.

    Args:
        text_column, audio_column, speaker_column: names of columns; as they are, a folder's are found by their names.
        split, config: of a data set; a folder whose tables lie in folders for its splits has splits, too.
        order: of the columns of tables without a header, such as `("file", "text", "speaker")`.

    Raises:
        DataError: if one of them cannot be had or has no usable row.
        InputError: for what no source can use.
    """
    names = list(names)
    folders = [name for name in names if is_recordings(name)]
    if order is not None and not folders:
        raise InputError("--table-columns is for tables in folders, and there is none.")
    if config is not None and len(folders) == len(names):
        raise InputError(
            f"--dataset-config {config}: is for data sets of the Hub, and {', '.join(map(str, names))} is none."
        )
    given = {"text": text_column, "audio": audio_column, "speaker": speaker_column}
    chosen = {name: None if value == name else value for name, value in given.items()}
    columns = Columns(chosen["text"], chosen["audio"], chosen["speaker"], tuple(order) if order else None)
    sources = [
        read_folder(_split_folder(name, split), columns)
        if is_recordings(name)
        else read_hub(name, text_column, audio_column, speaker_column, split, config)
        for name in names
    ]
    return sources[0] if len(sources) == 1 else [clip for clips in sources for clip in clips]


def read_chosen(options: Any) -> Sequence[Clip]:
    """The clips that `--data-dir` and related options name."""
    columns = options.text_column, options.audio_column, options.speaker_column
    order = options.table_columns.split(",") if options.table_columns else None
    return read_sources(options.data_dir, *columns, options.split, options.dataset_config, order)


def _split_folder(name: str | Path, split: str) -> Path:
    """The folder with the table: the split's, if there is a folder for each split."""
    folder = Path(name)
    inner = folder / split
    if find_table(folder) is None and find_table(inner) is not None:
        return inner
    if split != "train":
        raise InputError(f"--split {split}: {folder} has no folder of this name with a table; leave out the option.")
    return folder


def is_recordings(name: str | Path) -> bool:
    """Whether it is a folder for `read_folder`; a copy of a data set of the Hub has parquet files in its place."""
    folder = Path(name)
    if not folder.is_dir() or any((folder / file).is_file() for file in SAVED):
        return False
    tables = (table for table in folder.rglob("*.parquet") if not (table.parent / "codec.json").is_file())
    return find_table(folder) is not None or next(tables, None) is None or find_table(folder / "train") is not None

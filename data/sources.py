"""Where recordings come from: folders and data sets of the Hub, one or several."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Importing it takes a second, which folders need not pay.
if TYPE_CHECKING:
    pass
import argparse

from .clips import Clip
from .hub_datasets import read_hub
from .recordings import read_folder


def read_sources(
    names: Iterable[str | Path],
    text_column: str = "text",
    audio_column: str = "audio",
    speaker_column: str = "speaker",
    split: str = "train",
    config: str | None = None,
) -> Sequence[Clip]:
    """The clips of several sources: folders with `metadata.csv`, or else data sets of the Hub or copies of such.

    Raises:
        DataError: if one of them cannot be had or has no usable row.
    """
    sources = [
        read_folder(name)
        if is_recordings(name)
        else read_hub(name, text_column, audio_column, speaker_column, split, config)
        for name in names
    ]
    return sources[0] if len(sources) == 1 else [clip for clips in sources for clip in clips]


def read_chosen(options: argparse.Namespace) -> Sequence[Clip]:
    """The clips that `--data-dir` and the options beside it name."""
    columns = options.text_column, options.audio_column, options.speaker_column
    return read_sources(options.data_dir, *columns, options.split, options.dataset_config)


def is_recordings(name: str | Path) -> bool:
    """Whether it is a folder for `read_folder`; a copy of a data set of the Hub has parquet files in its place."""
    folder = Path(name)
    tables = (table for table in folder.rglob("*.parquet") if not (table.parent / "codec.json").is_file())
    return folder.is_dir() and ((folder / "metadata.csv").is_file() or next(tables, None) is None)

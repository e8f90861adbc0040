"""Where training data comes from: folders of recordings with a table of texts, or a data set of the Hub.

Every source becomes the same list, one [`Clip`] a recording, whose audio is read only when it is needed.
"""

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Importing it takes a second, which folders need not pay.
if TYPE_CHECKING:
    pass
from ..errors_tts_trm import InputError
from .clips import Clip, DataError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")
MAX_FIELDS = 3  # of LJSpeech's table


def read_folder(folder: str | Path) -> list[Clip]:
    """Reads a folder that holds `metadata.csv`: with a header, or LJSpeech's `id|text|normalised`.

    The columns of the header are `file_name`, `text`, and at will `speaker` (by default the folder's name) and
    `durations` (one number for each input id, boundaries included, as a JSON list or separated by spaces).

    Raises:
        DataError: if there is no such file, it lacks a column, or no row is left.
    """
    folder = Path(folder)
    table = folder / "metadata.csv"
    if not table.is_file():
        raise DataError(f"{folder}: no metadata.csv; write one with the columns file_name,text,speaker.")
    try:
        content = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{table}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from error
    first_line = content.split("\n", 1)[0]
    clips = _read_header_table(table, content) if "file_name" in first_line else _read_ljspeech(table, content)
    if not clips:
        raise DataError(f"{table}: holds no row.")
    return clips


def _read_header_table(table: Path, content: str) -> list[Clip]:
    rows = csv.DictReader(io.StringIO(content, newline=""))
    header = _header(table, rows)
    missing = {"file_name", "text"} - set(header)
    if missing:
        raise DataError(
            f"{table}: the column {' and '.join(sorted(missing))} is missing from {header}; "
            "name it in the first line, and separate columns by commas."
        )
    if repeated := {name for name in header if header.count(name) > 1}:
        raise DataError(f"{table}: has several columns {' and '.join(map(repr, sorted(repeated)))}; keep one of them.")
    clips = []
    for row in _rows(table, rows):
        if row["file_name"] is None or row["text"] is None:
            raise DataError(f"{table}, line {rows.line_num}: has fewer fields than the header.")
        # A comma in a text without quotes: the rest of it would be lost.
        if None in row:
            raise DataError(f"{table}, line {rows.line_num}: has more fields than the header; quote texts with commas.")
        path = _inside(table, row["file_name"], rows.line_num)
        speaker = (row.get("speaker") or "").strip() or table.parent.resolve().name
        durations = _read_durations(table, row.get("durations"), rows.line_num)
        clips.append(Clip(str(path), row["text"].strip(), speaker, row["file_name"], durations))
    return clips


def _header(table: Path, rows: csv.DictReader) -> list[str]:
    try:
        return list(rows.fieldnames or ())
    except csv.Error as error:
        raise _no_table(table, rows, error) from error


def _rows(table: Path, rows: csv.DictReader) -> Iterator[dict]:
    try:
        yield from rows
    except csv.Error as error:
        raise _no_table(table, rows, error) from error


def _no_table(table: Path, rows: csv.DictReader, error: csv.Error) -> DataError:
    return DataError(f"{table}, line {rows.line_num}: {error}; is a quote not closed before it?")


def _read_durations(table: Path, field: str | None, line: int) -> list[float] | None:
    if not field or not field.strip():
        return None
    try:
        values = json.loads(field) if field.strip().startswith("[") else field.split()
        numbers = [float(value) for value in values]
        if not all(0 <= number < float("inf") for number in numbers):
            raise InputError("negative, or not finite")
        return numbers
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            f"{table}, line {line}: durations {field[:40]!r} are no list of numbers; write [1.5, 2, ...] or 1.5 2 ..."
        ) from error


def _read_ljspeech(table: Path, content: str) -> list[Clip]:
    clips = []
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        # Quotes are plain text in LJSpeech.
        fields = line.split("|")
        if not 2 <= len(fields) <= MAX_FIELDS:
            raise DataError(
                f"{table}, line {number}: neither a header with file_name nor LJSpeech's id|text|normalised, "
                f"but {len(fields)} fields."
            )
        name = fields[0].strip()
        stem = _inside(table, name, number)
        candidates = [
            place.with_name(stem.name + suffix)
            for place in (stem, table.parent / "wavs" / stem.name)
            for suffix in ("", *AUDIO_SUFFIXES)
        ]
        path = next((path for path in candidates if os.path.isfile(path)), candidates[1])
        clips.append(Clip(str(path), fields[-1].strip() or fields[1].strip(), table.parent.resolve().name, name))
    return clips


def _inside(table: Path, name: str, line: int) -> Path:
    path = table.parent / name
    if not Path(name.strip()).name or "\0" in name:
        raise DataError(f"{table}, line {line}: {name!r} is no file name; write that of a recording.")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{table}, line {line}: {name!r} leaves the folder; keep the audio beside metadata.csv.")
    return path

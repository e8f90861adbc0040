"""Where training data comes from: folders of recordings with a table of texts, or a data set of the Hub.

Every source becomes the same table: one row a clip with `audio` (a path, or bytes), `text`, `speaker`, `name`.
"""

import csv
import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")


class DataError(ValueError):
    """Data that cannot be used; the message names the file or row, and the fix."""


@dataclass
class Clip:
    """One row of a data set, its audio not yet read."""

    audio: str | bytes
    text: str
    speaker: str
    name: str


def text_key(text: str) -> str:
    """What makes two texts the same sentence: letters and digits only, caseless."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def is_held_out(text: str, share: float) -> bool:
    """Whether a text belongs to the held-out `share` (0..1).

    A hash of the sentence decides, never the file: all takes of one sentence fall on the same side, in every data set,
    on every machine, and a smaller share is a subset of a larger one.
    """
    digest = hashlib.sha256(text_key(text).encode()).digest()
    return int.from_bytes(digest[:6], "big") < share * 2**48


def read_folder(folder: str | Path) -> list[Clip]:
    """Reads a folder that holds `metadata.csv` with a header (`file_name,text[,speaker]`), or LJSpeech's `id|text|normalised`.

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
    rows = csv.DictReader(content.splitlines())
    missing = {"file_name", "text"} - set(rows.fieldnames or ())
    if missing:
        raise DataError(f"{table}: the column {' and '.join(sorted(missing))} is missing from {rows.fieldnames}.")
    clips = []
    for row in rows:
        if row["file_name"] is None or row["text"] is None:
            raise DataError(f"{table}, line {rows.line_num}: has fewer fields than the header.")
        path = _inside(table, row["file_name"], rows.line_num)
        speaker = (row.get("speaker") or "").strip() or table.parent.resolve().name
        clips.append(Clip(str(path), row["text"].strip(), speaker, row["file_name"]))
    return clips


def _read_ljspeech(table: Path, content: str) -> list[Clip]:
    clips = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        fields = line.split("|")  # quotes are plain text in LJSpeech
        if len(fields) < 2:
            raise DataError(
                f"{table}, line {number}: neither a header with file_name nor LJSpeech's id|text|normalised."
            )
        name = fields[0].strip()
        stem = _inside(table, name, number)
        candidates = [
            place.with_name(stem.name + suffix)
            for place in (stem, table.parent / "wavs" / stem.name)
            for suffix in ("", *AUDIO_SUFFIXES)
        ]
        path = next((path for path in candidates if path.is_file()), candidates[1])
        clips.append(Clip(str(path), fields[-1].strip() or fields[1].strip(), table.parent.resolve().name, name))
    return clips


def _inside(table: Path, name: str, line: int) -> Path:
    path = table.parent / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{table}, line {line}: {name!r} leaves the folder; keep the audio beside metadata.csv.")
    return path

"""Folders of recordings with a table of texts, or a text file for each, as training data: one [`Clip`] a row.

Audio is read only when it is needed; here it is only looked for, as tables name it: with or without its suffix, in any
case, next to the table or in the usual subfolders.
"""

import json
import logging
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors_tts_trm import InputError
from .clips import Clip, DataError
from .tables import TABLES, Columns, Row, find_table, other_tables, read_rows

logger = logging.getLogger(__name__)

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".m4a", ".aac", ".wma", ".mp4", ".webm")
AUDIO_FOLDERS = ("", "wavs", "wav", "audio", "clips")
# What a text file is named after its recording's name, the better ones first; LibriTTS has the second and third.
TEXT_SUFFIXES = (".txt", ".normalized.txt", ".original.txt", ".lab")
# Clips from which on so small a share of different texts is worth a word.
MANY_CLIPS, FEW_TEXTS = 20, 0.2


def read_folder(folder: str | Path, columns: Columns = Columns()) -> list[Clip]:  # noqa: B008
    """The clips of a folder with a table, `metadata.csv` or another of [`TABLES`]; see [`read_rows`].

    Without such a table, each recording has its text in a file next to it, `clip.wav` and `clip.txt`, and subfolders
    are speakers; without these, a single table of another name is read. A row without a speaker is the folder's.
    `durations` are one number for each input id, boundaries included, as a JSON list or separated by spaces.

    Raises:
        DataError: if there is neither, the table lacks a column, or no row is left.
    """
    folder = Path(folder)
    table = find_table(folder)
    if table is None and (clips := read_side_texts(folder)):
        return clips
    others = other_tables(folder)
    if table is None and len(others) == 1:
        table = others[0]
    if table is None:
        rename = f", or rename {' or '.join(path.name for path in others[:4])} to metadata.*" if others else ""
        raise DataError(
            f"{folder}: no metadata.csv, nor {', '.join(TABLES[1:])}, nor clip.txt next to clip.wav; write a table "
            f"with the columns file_name,text,speaker{rename}"
        )
    rows = read_rows(table, columns)
    if not rows:
        raise DataError(f"{table}: has no rows.")
    finder, own = AudioFinder(folder), folder.resolve().name
    clips = [_clip(table, row, finder, own) for row in rows]
    texts = len({clip.text for clip in clips})
    if len(clips) >= MANY_CLIPS and texts < FEW_TEXTS * len(clips):
        logger.warning("%s: %d clips have only %d different texts; is it the right column?", table, len(clips), texts)
    return clips


def has_texts(folder: Path) -> bool:
    """Whether [`read_folder`] would find texts: a table, or text files next to the recordings."""
    return bool(find_table(folder) or next(_side_texts(folder), None) or len(other_tables(folder)) == 1)


def read_side_texts(folder: Path) -> list[Clip]:
    """The recordings of a folder and its subfolders that have a text file next to them, in the order of their names.

    Raises:
        DataError: if a text file is not UTF-8.
    """
    clips = []
    for audio, text in sorted(_side_texts(folder)):
        try:
            words = " ".join(text.read_text(encoding="utf-8-sig").split())
        except UnicodeDecodeError as error:
            raise DataError(
                f"{text}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8."
            ) from error
        name = audio.relative_to(folder)
        speaker = name.parts[0] if len(name.parts) > 1 and name.parts[0].casefold() not in AUDIO_FOLDERS else ""
        clips.append(Clip(str(audio), words, speaker or folder.resolve().name, name.as_posix(), None))
    return clips


def _side_texts(folder: Path) -> Iterator[tuple[Path, Path]]:
    for audio in folder.rglob("*"):
        if audio.suffix.lower() in AUDIO_SUFFIXES:
            texts = (audio.with_name(audio.stem + suffix) for suffix in TEXT_SUFFIXES)
            if text := next((path for path in texts if path.is_file()), None):
                yield audio, text


def _clip(table: Path, row: Row, finder: "AudioFinder", own_name: str) -> Clip:
    name = row.file.replace("\\", "/")
    if not Path(name.strip()).name or "\0" in name:
        raise DataError(f"{table}, line {row.line}: {row.file!r} is not a file name; write the name of a recording.")
    if Path(name).is_absolute() and Path(name).is_relative_to(table.parent.resolve()):
        name = str(Path(name).relative_to(table.parent.resolve()))
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(
            f"{table}, line {row.line}: {row.file!r} leaves the folder; keep the audio next to {table.name}."
        )
    durations = _read_durations(table, row.durations, row.line)
    return Clip(str(finder.find(name)), row.text.strip(), row.speaker.strip() or own_name, row.file, durations)


def _read_durations(table: Path, field: str, line: int) -> list[float] | None:
    if not field.strip():
        return None
    try:
        values = json.loads(field) if field.strip().startswith("[") else field.split()
        numbers = [float(value) for value in values]
        if not all(0 <= number < float("inf") for number in numbers):
            raise InputError("negative, or not finite")
        return numbers
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            f"{table}, line {line}: durations {field[:40]!r} are not a list of numbers; write [1.5, 2, ...]."
        ) from error


class AudioFinder:
    """Finds the recordings that a table names; each folder is listed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listings: dict[Path, dict[str, str]] = {}

    def find(self, name: str) -> Path:
        """The file that a table calls `name`; if there is none, its path next to the table."""
        parts = Path(name.strip()).parts
        for usual in AUDIO_FOLDERS:
            path: Path | None = self.folder / usual
            for part in parts[:-1]:
                path = self._entry(path, [part]) if path else None
            if path and (found := self._entry(path, [parts[-1], *(parts[-1] + suffix for suffix in AUDIO_SUFFIXES)])):
                if found.is_file():
                    return found
        return self.folder / name

    def _entry(self, folder: Path, names: Sequence[str]) -> Path | None:
        """The first of these names that a folder holds, in whatever case and form of Unicode."""
        if folder not in self._listings:
            try:
                entries = [entry.name for entry in folder.iterdir()]
            except OSError:
                entries = []
            self._listings[folder] = {_folded(entry): entry for entry in sorted(entries, reverse=True)}
            self._listings[folder] |= {entry: entry for entry in entries}
        listing = self._listings[folder]
        for name in names:
            if entry := listing.get(name) or listing.get(_folded(name)):
                return folder / entry
        return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()

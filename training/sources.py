"""Where training data comes from: folders of recordings with a table of texts, or a data set of the Hub.

Every source becomes the same list, one [`Clip`] a recording, whose audio is read only when it is needed.
"""

import csv
import hashlib
import io
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .audio import AudioError, load_clip

if TYPE_CHECKING:  # importing it takes a second, which folders need not pay
    import datasets

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")
MOST_FIELDS = 3  # of LJSpeech's table


class DataError(ValueError):
    """Data that cannot be used; the message names the file or row, and the fix."""


@dataclass
class HubAudio:
    """The audio of one row of a `datasets.Dataset`, read from disk when it is asked for."""

    dataset: "datasets.Dataset"
    column: str
    row: int
    name: str  # of the data set, or the folder of its copy

    def read(self) -> str | bytes:
        """The path of the audio file, or its bytes; raises `AudioError` for a file that is none of the data set's."""
        audio = self.dataset[self.row][self.column] or {}
        path = audio.get("path") or ""
        if not audio.get("bytes") and path and not self._is_inside(path):
            raise AudioError(f"{self.name}, row {self.row}: {path!r} is no file of the data set; embed the audio.")
        return audio.get("bytes") or path

    def _is_inside(self, path: str) -> bool:
        """Not a recording of whoever trains, which the table of a stranger may name."""
        import datasets
        from huggingface_hub import constants

        config = datasets.config
        folders = [config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH, config.EXTRACTED_DATASETS_PATH]
        folders += [constants.HF_HUB_CACHE, *([self.name] if os.path.isdir(self.name) else [])]
        return any(Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)) for folder in folders)


@dataclass
class Clip:
    """One row of a data set, its audio not yet read."""

    audio: str | HubAudio
    text: str
    speaker: str
    name: str
    durations: list[float] | None = None  # the user's own, one for each input id, in frames of the codec

    def load(self, sampling_rate: int) -> np.ndarray:
        """Mono float32 samples `[L]` at one loudness; raises `AudioError`, which names the clip."""
        return load_clip(self.source, sampling_rate, self.name)

    @property
    def source(self) -> str | bytes:
        """The path of the audio file, or its bytes."""
        return self.audio.read() if isinstance(self.audio, HubAudio) else self.audio

    def fingerprint(self) -> str:
        """Changes with the row or its audio, and with nothing else: not with the place or the time of a copy."""
        if isinstance(self.audio, HubAudio):
            audio = [self.audio.dataset._fingerprint, self.audio.row]
        else:
            try:
                with open(self.audio, "rb") as file:  # all of it: a click that was taken out changes nothing else
                    audio = [hashlib.file_digest(file, "sha256").hexdigest()]
            except OSError:
                audio = ["missing"]
        return json.dumps([self.name, self.text, self.speaker, self.durations, *audio])


def clips_key(clips: Iterable[Clip]) -> str:
    """One hash of a whole list of clips, order included."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(clip.fingerprint().encode() + b"\n")
    return digest.hexdigest()


def text_key(text: str) -> str:
    """What makes two texts the same sentence: letters and digits only, caseless."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def text_rank(text: str) -> float:
    """A number in 0..1 that the sentence alone decides; see [`is_held_out`]."""
    return int.from_bytes(hashlib.sha256(text_key(text).encode()).digest()[:6], "big") / 2**48


def is_held_out(text: str, share: float) -> bool:
    """Whether a text belongs to the held-out `share` (0..1).

    A hash of the sentence decides, never the file: all takes of one sentence fall on the same side, in every data set,
    on every machine, and a smaller share is a subset of a larger one.
    """
    return text_rank(text) < share


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


def read_chosen(options) -> Sequence[Clip]:
    """The clips that `--data-dir` and the options beside it name."""
    columns = options.text_column, options.audio_column, options.speaker_column
    return read_sources(options.data_dir, *columns, options.split, options.dataset_config)


def is_recordings(name: str | Path) -> bool:
    """Whether it is a folder for `read_folder`; a copy of a data set of the Hub has parquet files in its place."""
    folder = Path(name)
    tables = (table for table in folder.rglob("*.parquet") if not (table.parent / "codec.json").is_file())
    return folder.is_dir() and ((folder / "metadata.csv").is_file() or next(tables, None) is None)


def read_hub(
    name: str | Path,
    text_column: str = "text",
    audio_column: str = "audio",
    speaker_column: str = "speaker",
    split: str = "train",
    config: str | None = None,
) -> "HubClips":
    """Reads a data set of the Hub, or a folder of parquet files of the same form.

    Args:
        name: what `datasets.load_dataset` takes.
        text_column, audio_column: names of the columns; the audio may be embedded or a path. A text or speaker may be
            a field of a column, `json.text`.
        speaker_column: where there is no column `speaker` and no other is named, all clips are of one speaker.
        split: one, or several joined by `+`.
        config: the configuration, of a data set that has several.

    Raises:
        DataError: if it cannot be loaded, lacks a column or has no row.
    """
    import datasets

    try:
        dataset = datasets.load_dataset(str(name), config, split=split)
    except Exception as error:  # of many kinds: the network, the repository, its files, its split
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{name}: neither a folder here nor a data set that can be loaded from the Hub ({reason})."
        ) from error
    has_speakers = speaker_column != "speaker" or "speaker" in dataset.column_names
    wanted = {"--text-column": text_column, "--audio-column": audio_column}
    for option, column in (wanted | ({"--speaker-column": speaker_column} if has_speakers else {})).items():
        _check_column(name, dataset.features, column, option)
    try:
        # decoding would need torchcodec; the bytes are read by soundfile, like any file
        audio = dataset.select_columns([audio_column]).cast_column(audio_column, datasets.Audio(decode=False))
    except (TypeError, ValueError) as error:
        kind = dataset.features.get(audio_column, "a field of another column")
        raise DataError(
            f"{name}: the column {audio_column!r} holds no audio but {kind}; see --audio-column."
        ) from error
    if not len(dataset):
        raise DataError(f"{name}: the split {split!r} holds no row.")
    return HubClips(str(name), dataset, audio, audio_column, text_column, speaker_column if has_speakers else None)


def _check_column(name, features, column: str, option: str) -> None:
    first, *fields = column.split(".")
    found = features
    for part in (first, *fields):
        if not isinstance(found, dict) or part not in found:
            raise DataError(f"{name}: has no column {column!r}, but {list(features)}; choose with {option}.")
        found = found[part]


class HubClips(Sequence):
    """The clips of a `datasets.Dataset`, each made when it is asked for: the rows stay on disk, however many."""

    ROWS_AT_ONCE = 1000

    def __init__(self, name: str, dataset, audio, audio_column: str, text_column: str, speaker_column: str | None):
        self.name, self.audio, self.audio_column = name, audio, audio_column
        self.text_column, self.speaker_column = text_column, speaker_column
        columns = [column.split(".")[0] for column in (text_column, speaker_column) if column]
        self.table = dataset.select_columns(list(dict.fromkeys(columns)))

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int | slice) -> Clip | list[Clip]:
        rows = range(len(self))[index]
        return self._clips(rows) if isinstance(index, slice) else self._clips(range(rows, rows + 1))[0]

    def __iter__(self) -> Iterator[Clip]:
        for start in range(0, len(self), self.ROWS_AT_ONCE):
            yield from self[start : start + self.ROWS_AT_ONCE]

    def _clips(self, rows: range) -> list[Clip]:
        table = self.table[rows]
        texts = _field(table, self.text_column)
        speakers = _field(table, self.speaker_column) if self.speaker_column else [Path(self.name).name] * len(rows)
        return [
            Clip(
                HubAudio(self.audio, self.audio_column, row, self.name),
                str(text or "").strip(),
                str(speaker),
                f"{self.name}, row {row}",
            )
            for row, text, speaker in zip(rows, texts, speakers, strict=True)
        ]


def _field(table: dict[str, list], column: str) -> list:
    """A column of some rows; `json.text` is the field `text` of the column `json`."""
    first, *fields = column.split(".")
    values = table[first]
    for part in fields:
        values = [value and value[part] for value in values]
    return values


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
        if None in row:  # a comma in a text without quotes: the rest of it would be lost
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
            raise ValueError("negative, or not finite")
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
        fields = line.split("|")  # quotes are plain text in LJSpeech
        if not 2 <= len(fields) <= MOST_FIELDS:
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

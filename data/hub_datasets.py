"""Recordings in a data set of the Hub."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from .clips import Clip, DataError, HubAudio

# Importing it takes a second, which folders need not pay.
if TYPE_CHECKING:
    from datasets import Audio, Dataset, Features

# What `save_to_disk` leaves in a folder.
SAVED = ("state.json", "dataset_dict.json")
# Fields of a column that holds samples, as datasets give them where audio was decoded before it was saved.
DECODED = {"array", "sampling_rate"}


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
        text_column, audio_column: names of the columns; the audio may be embedded, a path, or samples with their rate.
            A text or speaker may be a field of a column, `json.text`.
        speaker_column: where there is no column `speaker` and no other is named, all clips are of one speaker.
        split: one, or several joined by `+`.
        config: the configuration, of a data set that has several.

    Raises:
        DataError: if it cannot be loaded, lacks a column or has no row.
    """
    import datasets

    try:
        dataset = _load(name, config, split)
    except Exception as error:
        # Of many kinds: the network, the repository, its files, its split.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{name}: neither a folder here nor a data set that can be loaded from the Hub ({reason})."
        ) from error
    has_speakers = speaker_column != "speaker" or "speaker" in dataset.column_names
    wanted = {"--text-column": text_column, "--audio-column": audio_column}
    for option, column in (wanted | ({"--speaker-column": speaker_column} if has_speakers else {})).items():
        _check_column(str(name), dataset.features, column, option)
    try:
        audio = dataset.select_columns([audio_column])
        kind = audio.features[audio_column]
        if getattr(kind, "dtype", None) == "large_string":
            audio = audio.cast_column(audio_column, datasets.Value("string"))
        if not (isinstance(kind, dict) and DECODED <= kind.keys()):
            # decoding would need torchcodec; the bytes are read by soundfile, like any file
            audio = audio.cast_column(audio_column, datasets.Audio(decode=False))
    except (TypeError, ValueError) as error:
        kind = dataset.features.get(audio_column, "a field of another column")
        raise DataError(
            f"{name}: the column {audio_column!r} contains {kind}, not audio; see --audio-column."
        ) from error
    if not len(dataset):
        raise DataError(f"{name}: the split {split!r} has no rows.")
    return HubClips(str(name), dataset, audio, audio_column, text_column, speaker_column if has_speakers else None)


def _load(name: str | Path, config: str | None, split: str) -> "Dataset":
    import datasets

    if not any((Path(name) / file).is_file() for file in SAVED):
        return datasets.load_dataset(str(name), config, split=split)
    saved = datasets.load_from_disk(str(name))
    return saved[split] if isinstance(saved, datasets.DatasetDict) else saved


def _check_column(name: str, features: "Features", column: str, option: str) -> None:
    first, *fields = column.split(".")
    found = features
    for part in (first, *fields):
        if not isinstance(found, dict) or part not in found:
            raise DataError(f"{name}: has no column {column!r}, but {list(features)}; choose with {option}.")
        found = found[part]


class HubClips(Sequence):
    """The clips of a `datasets.Dataset`, each made when it is asked for: the rows stay on disk, however many."""

    ROWS_AT_ONCE = 1000

    def __init__(
        self,
        name: str,
        dataset: "Dataset",
        audio: "Audio",
        audio_column: str,
        text_column: str,
        speaker_column: str | None,
    ) -> None:
        self.name, self.audio, self.audio_column = name, audio, audio_column
        self.text_column, self.speaker_column = text_column, speaker_column
        columns = [column.split(".")[0] for column in (text_column, speaker_column) if column]
        self.table = dataset.select_columns(list(dict.fromkeys(columns)))

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, index: int) -> Clip: ...

    @overload
    def __getitem__(self, index: slice) -> list[Clip]: ...

    def __getitem__(self, index: int | slice) -> Clip | list[Clip]:
        if isinstance(index, slice):
            return self._clips(range(len(self))[index])
        row = range(len(self))[index]
        return self._clips(range(row, row + 1))[0]

    def __iter__(self) -> Iterator[Clip]:
        for start in range(0, len(self), self.ROWS_AT_ONCE):
            yield from self._clips(range(len(self))[start : start + self.ROWS_AT_ONCE])

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

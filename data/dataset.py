"""Rows of a token folder to batches: which rows are used, which are held out, which clips share a batch.

table, codec = load_tokens(folder, processor.tokenizer)
train, held_out, report = prepare_split(table, processor)
sampler = BucketBatchSampler(train.lengths, batch_size=8)
loader = DataLoader(train, batch_sampler=sampler, collate_fn=Collator(processor.tokenizer.pad_token_id))
"""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset

from .clips import DataError
from .held_out import is_held_out, text_key, text_rank

if TYPE_CHECKING:
    import datasets

    from ..processing_tts_trm import TtsTrmProcessor

# A text with more ids than that many a frame cannot be aligned.
ALIGNER_STEPS_PER_FRAME = 4
# Of the frames, by which the sum of the user's durations may be off.
DURATION_TOLERANCE = 0.01


def read_codes(table: "datasets.Dataset", row: int) -> np.ndarray:
    """Codes `[K, T]` int16 of one row of a `datasets.Dataset`, without a copy: read only."""
    # K lists.
    lists = table.data.fast_slice(row, 1)["audio_codes"].chunk(0).flatten()
    return lists.flatten().to_numpy().reshape(len(lists), -1)


class SpeechDataset(Dataset):
    """Some rows of a token folder, ready for the model.

    The codes stay memory-mapped; ids and durations, much smaller, are in memory. An item is a dict: `name` and `text`
    str, `input_ids` `[S]` int32, `speaker_id` int, `audio_codes` `[K, T]` int16, and where there are any `durations`
    `[S]` float32 in frames, summing to T.
    """

    def __init__(
        self, table: "datasets.Dataset", rows: np.ndarray, input_ids: list, speaker_ids: list, durations: list | None
    ) -> None:
        self.table, self.rows = table, rows
        self.input_ids = [input_ids[row] for row in rows]
        self.speaker_ids = [speaker_ids[row] for row in rows]
        self.durations = None if durations is None else [durations[row] for row in rows]
        # Frames of each clip, shape [N].
        self.lengths = _column(table, "num_frames")[rows]

    def __len__(self) -> int:
        return len(self.rows)

    def of_speakers(self, speaker_ids: Sequence[int]) -> "SpeechDataset":
        """Only the items of some speakers, in the same order."""
        chosen = [index for index, speaker_id in enumerate(self.speaker_ids) if speaker_id in speaker_ids]
        part = copy(self)
        part.rows, part.lengths = self.rows[chosen], self.lengths[chosen]
        part.input_ids = [self.input_ids[index] for index in chosen]
        part.speaker_ids = [self.speaker_ids[index] for index in chosen]
        part.durations = None if self.durations is None else [self.durations[index] for index in chosen]
        return part

    def __getitem__(self, index: int) -> dict:
        # Past the end, its IndexError is what ends a loop over the items.
        row = int(self.rows[index])
        names = self.table.data.fast_slice(row, 1).select(["name", "text"]).to_pylist()[0]
        item = names | {
            "input_ids": self.input_ids[index],
            "speaker_id": self.speaker_ids[index],
            "audio_codes": read_codes(self.table, row),
        }
        return item if self.durations is None else item | {"durations": self.durations[index]}


class AlignmentRows(Sequence):
    """What the aligner reads: `(codes [K, T], input_ids [S])` of those rows of `table` that need its durations."""

    def __init__(self, table: "datasets.Dataset", rows: np.ndarray, input_ids: list) -> None:
        self.table, self.rows, self.input_ids = table, rows, input_ids

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[override]
        row = int(self.rows[index])
        return read_codes(self.table, row), self.input_ids[row]

    def spread(self, durations: list[np.ndarray]) -> list[np.ndarray | None]:
        """Durations of these rows as one entry for each row of the folder, None where the aligner was not asked."""
        entries: list = [None] * len(self.table)
        for row, values in zip(self.rows, durations, strict=True):
            entries[row] = values
        return entries


@dataclass
class SplitReport:
    """What became of the rows of a token folder."""

    num_rows: int = 0
    num_train: int = 0
    num_held_out: int = 0
    # Reason to number of rows.
    dropped: dict[str, int] = field(default_factory=dict)
    # Rows whose own durations fit neither their text nor their frames.
    stale_durations: int = 0
    unknown_characters: dict[str, int] = field(default_factory=dict)
    train_hours: float = 0.0
    held_out_hours: float = 0.0
    # Training and held-out clips together.
    hours_per_speaker: dict[str, float] = field(default_factory=dict)
    # Of the folder that was looked at, where it was not all.
    part: str = ""

    def __add__(self, other: "SplitReport") -> "SplitReport":
        """What became of the rows of both."""

        def together(one: Any, two: Any) -> Any:
            if isinstance(one, dict):
                return {name: one.get(name, 0) + two.get(name, 0) for name in one | two}
            return one + two

        names = [each.name for each in fields(self)]
        return SplitReport(**{name: together(getattr(self, name), getattr(other, name)) for name in names})

    def __str__(self) -> str:
        lines = [f"{self.part}:"] if self.part else []
        lines += [
            f"{self.num_train} clips, {self.train_hours:.2f} h to train; "
            f"{self.num_held_out} clips, {self.held_out_hours:.2f} h held out (no text is on both sides)"
        ]
        lines += [f"{name}: {hours:.2f} h" for name, hours in self.hours_per_speaker.items()]
        lines += [f"left out: {count} of {self.num_rows} clips, {reason}" for reason, count in self.dropped.items()]
        if self.stale_durations:
            lines.append(f"{self.stale_durations} clips: own durations fit neither ids nor frames and are not used")
        if self.unknown_characters:
            named = ", ".join(f"{character!r} x {count}" for character, count in self.unknown_characters.items())
            lines.append(f"characters outside the vocabulary, left out of the texts: {named}")
        return "\n".join(lines)


@dataclass
class _Examined:
    """Every row of a table, looked at once."""

    input_ids: list[np.ndarray]
    # Why a row is left out, or "".
    reasons: list[str]
    # The user's, where they fit.
    own_durations: list[np.ndarray | None]
    stale: int
    unknown: Counter


def _examine(
    table: "datasets.Dataset", processor: "TtsTrmProcessor", max_text_length: int, max_audio_frames: int
) -> _Examined:
    texts: list[str] = []
    unknown: Counter = Counter()
    columns = (table.data.column(name).to_pylist() for name in ("text", "speaker"))
    try:
        for text, speaker in zip(*columns, strict=True):
            (clean, _), left_out = processor.spoken_text(text, speaker)
            texts.append(clean)
            unknown.update(left_out)
    except ValueError as error:
        # An unknown speaker, or a number that cannot be spoken.
        raise DataError(f"The tokens do not match the voice: {error}") from error
    # without `verbose=False` it warns of the long texts that are left out below
    tokenized = processor.tokenizer(texts, truncation=False, padding=False, return_tensors=None, verbose=False)
    ids = [np.asarray(row, np.int32) for row in tokenized["input_ids"]]
    frames = _column(table, "num_frames")
    reasons = []
    for text, row, length in zip(texts, ids, frames, strict=True):
        if not any(character.isalnum() for character in text):
            reasons.append("no speakable text")
        elif len(row) > max_text_length:
            reasons.append(f"text over {max_text_length} ids (--max-text-length)")
        elif length > max_audio_frames:
            reasons.append(f"audio over {max_audio_frames} frames (--max-audio-frames)")
        elif len(row) > ALIGNER_STEPS_PER_FRAME * length:
            reasons.append("audio too short for its text")
        else:
            reasons.append("")
    own = [
        _fitting(values, len(row), int(length))
        for values, row, length in zip(_durations(table, "durations"), ids, frames, strict=True)
    ]
    given = sum(values is not None and len(values) > 0 for values in _durations(table, "durations"))
    return _Examined(ids, reasons, own, given - sum(values is not None for values in own), unknown)


def _plain(table: "datasets.Dataset") -> "datasets.Dataset":
    """`table` without a mapping of rows, as `select` leaves behind: rows are read past it."""
    return table if table._indices is None else table.flatten_indices()


def _column(table: "datasets.Dataset", name: str) -> np.ndarray:
    return table.data.column(name).to_numpy().astype(np.int64)


def _durations(table: "datasets.Dataset", name: str) -> list[np.ndarray | None]:
    """A column of lists as one float32 array a row, None where the entry or the column is absent."""
    if name not in table.column_names:
        return [None] * len(table)
    rows = []
    for chunk in table.data.column(name).chunks:
        offsets, values = chunk.offsets.to_numpy(), chunk.values.to_numpy(zero_copy_only=False)
        present = chunk.is_valid().to_numpy(zero_copy_only=False)
        rows += [values[a:b] if ok else None for a, b, ok in zip(offsets, offsets[1:], present, strict=False)]
    return rows


def _fitting(values: np.ndarray | None, num_ids: int, frames: int) -> np.ndarray | None:
    """Durations scaled to sum to `frames`, or None where they are not of this text and this audio."""
    if values is None or len(values) != num_ids or not np.isfinite(values).all() or (values < 0).any():
        return None
    total = float(values.sum(dtype=np.float64))
    if abs(total - frames) > DURATION_TOLERANCE * frames:
        return None
    return (values * (frames / total)).astype(np.float32)


def rows_to_align(
    table: "datasets.Dataset", processor: "TtsTrmProcessor", max_text_length: int = 512, max_audio_frames: int = 256
) -> AlignmentRows:
    """The rows that will be trained on and have no durations of the user's, or none at all if all are aligned already.

    Args:
        table: what `load_tokens(folder, processor.tokenizer)` returns.
    """
    table = _plain(table)
    seen = _examine(table, processor, max_text_length, max_audio_frames)
    aligned = _durations(table, "aligned_durations")
    wanted = [row for row, reason in enumerate(seen.reasons) if not reason and seen.own_durations[row] is None]
    # what another version of this package spelled otherwise is aligned again
    sizes = {row: len(values) for row, values in enumerate(aligned) if values is not None}
    if all(sizes.get(row) in (0, len(seen.input_ids[row])) for row in wanted):
        wanted = []
    return AlignmentRows(table, np.asarray(wanted, np.int64), seen.input_ids)


def prepare_split(
    table: "datasets.Dataset",
    processor: "TtsTrmProcessor",
    max_text_length: int = 512,
    max_audio_frames: int = 256,
    held_out_share: float = 0.04,
    with_durations: bool = True,
    frame_rate: float = 12.5,
    whole: bool = True,
) -> tuple[SpeechDataset, SpeechDataset, SplitReport]:
    """Training and held-out rows of a token folder, and what was left out; nothing is ever cut.

    The user's durations win over aligned ones where they fit the text's ids and sum to the frames, within 1 %.

    Args:
        table: what `load_tokens(folder, processor.tokenizer)` returns.
        max_text_length, max_audio_frames: in ids (boundaries included) and frames; what is longer is left out.
        held_out_share: of the sentences; at least one sentence is on either side.
        with_durations: whether rows need durations, and items have them.
        frame_rate: of the codec, for hours.
        whole: whether these are all rows, so that either side needs one; a part of them may be on one side entirely.

    Raises:
        DataError: if fewer than two different sentences are left, or a speaker is not one of the processor's.
    """
    table = _plain(table)
    seen = _examine(table, processor, max_text_length, max_audio_frames)
    report = SplitReport(num_rows=len(table), stale_durations=seen.stale)
    report.unknown_characters = dict(seen.unknown.most_common())
    durations = None
    if with_durations:
        frames = _column(table, "num_frames").tolist()
        durations = [
            own if own is not None else _fitting(aligned, len(ids), length)
            for own, aligned, ids, length in zip(
                seen.own_durations, _durations(table, "aligned_durations"), seen.input_ids, frames, strict=True
            )
        ]
        reasons = [
            reason or ("no durations" if values is None else "")
            for reason, values in zip(seen.reasons, durations, strict=True)
        ]
    else:
        reasons = seen.reasons
    report.dropped = dict(Counter(reason for reason in reasons if reason).most_common())
    kept = [row for row, reason in enumerate(reasons) if not reason]
    texts, speakers = table.data.column("text").to_pylist(), table.data.column("speaker").to_pylist()
    speaker_of = {name: processor.speaker_to_id(name) for name in sorted({speakers[row] for row in kept})}
    speaker_ids = [speaker_of.get(name, -1) for name in speakers]
    if whole:
        held = _held_out_texts([texts[row] for row in kept], held_out_share, report)
    else:
        held = {text_key(texts[row]) for row in kept if is_held_out(texts[row], held_out_share)}
    sides = []
    for wanted in (False, True):
        rows = np.asarray([row for row in kept if (text_key(texts[row]) in held) == wanted], np.int64)
        sides.append(SpeechDataset(table, rows, seen.input_ids, speaker_ids, durations))
    train, held_out = sides
    report.num_train, report.num_held_out = len(train), len(held_out)
    report.train_hours, report.held_out_hours = (side.lengths.sum() / frame_rate / 3600 for side in sides)
    lengths = _column(table, "num_frames")
    for name in speaker_of:
        of_speaker = sum(int(lengths[row]) for row in kept if speakers[row] == name)
        report.hours_per_speaker[name] = of_speaker / frame_rate / 3600
    return train, held_out, report


def _held_out_texts(texts: list[str], share: float, report: SplitReport) -> set[str]:
    """Keys of the held-out texts: the lowest ranks, with at least one text on either side."""
    ranks = {text_key(text): text_rank(text) for text in texts}
    if len(ranks) < 2:
        left_out = "; ".join(f"{count} clips: {reason}" for reason, count in report.dropped.items()) or "none"
        raise DataError(
            f"{len(ranks)} different sentences can be used, at least 2 are needed: one to train on, one to evaluate. "
            f"Left out: {left_out}."
        )
    ordered = sorted(ranks, key=ranks.__getitem__)
    count = sum(rank < share for rank in ranks.values())
    return set(ordered[: min(max(count, 1), len(ordered) - 1)])

"""Rows of a token folder to batches: what is left out, which side a text is on, which clips share a batch.

table, codec = load_tokens(folder, processor.tokenizer)
train, held_out, report = prepare_split(table, processor)
sampler = BucketBatchSampler(train.lengths, batch_size=8)
loader = DataLoader(train, batch_sampler=sampler, collate_fn=Collator(processor.tokenizer.pad_token_id))
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from .sources import DataError, is_held_out, text_key, text_rank

IGNORED_LABEL = -100  # 0 is a code like any other
ALIGNER_STEPS_PER_FRAME = 4  # a text with more ids than that many a frame cannot be aligned
DURATION_TOLERANCE = 0.01  # of the frames, by which the sum of the user's durations may be off
LENGTH_JITTER = 0.1  # relative: clips within a tenth of each other's length may change places in the order


def read_codes(table, row: int) -> np.ndarray:
    """Codes `[K, T]` int16 of one row of a `datasets.Dataset`, without a copy: read only."""
    lists = table.data.fast_slice(row, 1)["audio_codes"].chunk(0).flatten()  # [K] lists
    return lists.flatten().to_numpy().reshape(len(lists), -1)


class SpeechDataset(Dataset):
    """Some rows of a token folder, ready for the model.

    The codes stay memory-mapped; ids and durations, much smaller, are in memory. An item is a dict: `name` and `text`
    str, `input_ids` `[S]` int32, `speaker_id` int, `audio_codes` `[K, T]` int16, and where there are any `durations`
    `[S]` float32 in frames, summing to T.
    """

    def __init__(self, table, rows: np.ndarray, input_ids: list, speaker_ids: list, durations: list | None):
        self.table, self.rows = table, rows
        self.input_ids = [input_ids[row] for row in rows]
        self.speaker_ids = [speaker_ids[row] for row in rows]
        self.durations = None if durations is None else [durations[row] for row in rows]
        self.lengths = _column(table, "num_frames")[rows]  # [N] frames

    def __len__(self) -> int:
        return len(self.rows)

    def of_speakers(self, speaker_ids) -> "SpeechDataset":
        """Only the items of some speakers, in the same order."""
        chosen = [index for index, speaker_id in enumerate(self.speaker_ids) if speaker_id in speaker_ids]
        part = copy(self)
        part.rows, part.lengths = self.rows[chosen], self.lengths[chosen]
        part.input_ids = [self.input_ids[index] for index in chosen]
        part.speaker_ids = [self.speaker_ids[index] for index in chosen]
        part.durations = None if self.durations is None else [self.durations[index] for index in chosen]
        return part

    def __getitem__(self, index: int) -> dict:
        row = int(self.rows[index])  # past the end, its IndexError is what ends a loop over the items
        names = self.table.data.fast_slice(row, 1).select(["name", "text"]).to_pylist()[0]
        item = names | {
            "input_ids": self.input_ids[index],
            "speaker_id": self.speaker_ids[index],
            "audio_codes": read_codes(self.table, row),
        }
        return item if self.durations is None else item | {"durations": self.durations[index]}


class AlignmentRows(Sequence):
    """What the aligner reads: `(codes [K, T], input_ids [S])` of those rows of `table` that need its durations."""

    def __init__(self, table, rows: np.ndarray, input_ids: list):
        self.table, self.rows, self.input_ids = table, rows, input_ids

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
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
    dropped: dict[str, int] = field(default_factory=dict)  # reason -> rows
    stale_durations: int = 0  # rows whose own durations fit neither their text nor their frames
    unknown_characters: dict[str, int] = field(default_factory=dict)
    train_hours: float = 0.0
    held_out_hours: float = 0.0
    hours_per_speaker: dict[str, float] = field(default_factory=dict)  # both sides
    part: str = ""  # of the folder that was looked at, where it was not all

    def __add__(self, other: "SplitReport") -> "SplitReport":
        """What became of the rows of both."""

        def together(one, two):
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
    reasons: list[str]  # why a row is left out, or ""
    own_durations: list[np.ndarray | None]  # the user's, where they fit
    stale: int
    unknown: Counter


def _examine(table, processor, max_text_length: int, max_audio_frames: int) -> _Examined:
    texts, unknown = [], Counter()
    columns = (table.data.column(name).to_pylist() for name in ("text", "speaker"))
    try:
        for text, speaker in zip(*columns, strict=True):
            (clean, _), left_out = processor.spoken_text(text, speaker)
            texts.append(clean)
            unknown.update(left_out)
    except ValueError as error:  # an unknown speaker, or a number that cannot be spoken
        raise DataError(f"The tokens do not fit the voice: {error}") from error
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


def _plain(table):
    """`table` without a mapping of rows, as `select` leaves behind: rows are read past it."""
    return table if table._indices is None else table.flatten_indices()


def _column(table, name: str) -> np.ndarray:
    return table.data.column(name).to_numpy().astype(np.int64)


def _durations(table, name: str) -> list[np.ndarray | None]:
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


def rows_to_align(table, processor, max_text_length: int = 512, max_audio_frames: int = 256) -> AlignmentRows:
    """The rows that will be trained on and have no durations of the user's, or none at all if all are aligned already.

    Args:
        table: what `load_tokens(folder, processor.tokenizer)` returns.
    """
    table = _plain(table)
    seen = _examine(table, processor, max_text_length, max_audio_frames)
    aligned = _durations(table, "aligned_durations")
    wanted = [row for row, reason in enumerate(seen.reasons) if not reason and seen.own_durations[row] is None]
    # what another version of this package spelled otherwise is aligned again
    if all(aligned[row] is not None and len(aligned[row]) in (0, len(seen.input_ids[row])) for row in wanted):
        wanted = []
    return AlignmentRows(table, np.asarray(wanted, np.int64), seen.input_ids)


def prepare_split(
    table,
    processor,
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
    """Keys of the held-out texts: those of the lowest rank, at least one text on either side."""
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


class BucketBatchSampler(Sampler[list[int]]):
    """Batches of clips of similar length: every clip exactly once an epoch, in an order that seed and epoch decide.

    Several processes share every step's batch, clip by clip, so that each gets lengths like the others'. With
    `batch_size` a step sees the same clips however many processes share its `batch_size * num_replicas`. The number of
    steps is the same in all epochs and on all ranks; to that end sizes of batches differ, by at most one clip where
    `batch_size` rules. The DataLoader is not to be prepared by accelerate, which would share the batches out again.

    Args:
        lengths: `[N]` frames of the clips.
        batch_size: clips in a batch of one rank, at most (or one more, where the ranks could not share evenly).
        frames_per_batch: if given, batches are of about that many frames, padding included, instead.
        seed: of all orders.
        num_replicas, rank: number of processes, and which of them this is.

    Raises:
        DataError: if there are fewer clips than processes.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int = 8,
        seed: int = 42,
        frames_per_batch: int | None = None,
        num_replicas: int = 1,
        rank: int = 0,
    ):
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.seed, self.num_replicas, self.rank = seed, num_replicas, rank
        if len(self.lengths) < num_replicas:
            raise DataError(f"{len(self.lengths)} clips cannot be shared by {num_replicas} processes; start fewer.")
        sizes = self._frame_sizes(frames_per_batch) if frames_per_batch else self._clip_sizes(batch_size)
        self._ends = np.cumsum(sizes)  # [steps], the places in the order of lengths at which it is cut
        self.epoch = self.start_batch = 0

    def _clip_sizes(self, batch_size: int) -> list[int]:
        steps = -(-len(self.lengths) // (batch_size * self.num_replicas))
        steps = min(steps, len(self.lengths) // self.num_replicas)  # a clip for every rank
        return [len(part) for part in np.array_split(self.lengths, steps)]

    def _frame_sizes(self, frames_per_batch: int) -> list[int]:
        replicas, sizes = self.num_replicas, [0]
        for length in np.sort(self.lengths):
            largest_share = sizes[-1] // replicas + 1  # of one rank, with this clip
            if sizes[-1] >= replicas and largest_share * length > frames_per_batch:
                sizes.append(0)
            sizes[-1] += 1
        for step in range(len(sizes) - 1, 0, -1):  # a clip for every rank, from the batch of shorter ones before it
            missing = max(0, replicas - sizes[step])
            sizes[step - 1 : step + 1] = sizes[step - 1] - missing, sizes[step] + missing
        while sizes[0] < replicas:
            sizes[:2] = [sizes[0] + sizes[1]]
        return sizes

    def set_epoch(self, epoch: int, start_batch: int = 0) -> None:
        """Chooses the epoch of the next iteration, and how many of its batches are left out: those already done."""
        self.epoch, self.start_batch = epoch, start_batch

    def __len__(self) -> int:
        """Batches of one rank in a whole epoch, whatever `start_batch` is."""
        return len(self._ends)

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng((self.seed, self.epoch))
        jitter = 1 + LENGTH_JITTER * generator.uniform(-1, 1, len(self.lengths))
        order = np.lexsort((generator.permutation(len(self.lengths)), self.lengths * jitter))
        batches = np.split(order, self._ends[:-1])
        steps = generator.permutation(len(self))
        for step in steps[self.start_batch :]:
            yield batches[step][self.rank :: self.num_replicas].tolist()


class Collator:
    """Items of a [`SpeechDataset`] to a batch, padded to its longest text and clip.

    Args:
        pad_token_id: of the tokenizer.
        multiple: both lengths are padded to a multiple of it. Batches then have few shapes, and a CPU's kernels, which
            are made for a shape when it is first seen, are made once.
        codebook_size: codes outside of it are refused.
        names: whether a batch also says which clips it is made of, as `names`, a list of str.
    """

    def __init__(self, pad_token_id: int, codebook_size: int = 2048, multiple: int = 1, names: bool = False):
        self.pad_token_id, self.codebook_size, self.multiple = pad_token_id, codebook_size, multiple
        self.names = names

    def _padded(self, length: int) -> int:
        return -(-length // self.multiple) * self.multiple

    def __call__(self, items: list[dict]) -> dict[str, torch.Tensor]:
        """The keyword arguments of the model's `forward`.

        `input_ids` and `attention_mask` `[B, S]`, `speaker_id` and `label_lengths` `[B]`, `labels` `[B, K, T]` (-100
        where padded), all int64; where the items have them, `durations` `[B, S]` float32 (0 where padded).

        Raises:
            DataError: if a code is outside the codebook; names the row.
        """
        characters = self._padded(max(len(item["input_ids"]) for item in items))
        frames = self._padded(max(item["audio_codes"].shape[1] for item in items))
        codebooks = items[0]["audio_codes"].shape[0]
        input_ids = np.full((len(items), characters), self.pad_token_id, np.int64)
        attention_mask = np.zeros((len(items), characters), np.int64)
        labels = np.full((len(items), codebooks, frames), IGNORED_LABEL, np.int64)
        durations = np.zeros((len(items), characters), np.float32)
        for row, item in enumerate(items):
            ids, codes = item["input_ids"], item["audio_codes"]
            if codes.min() < 0 or codes.max() >= self.codebook_size:
                raise DataError(
                    f"{item['name']}: has codes {codes.min()}..{codes.max()} outside 0..{self.codebook_size - 1}; "
                    "tokenise it again."
                )
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
            labels[row, :, : codes.shape[1]] = codes
            if "durations" in item:
                durations[row, : len(ids)] = item["durations"]
        batch = {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(attention_mask),
            "speaker_id": torch.tensor([item["speaker_id"] for item in items]),
            "labels": torch.from_numpy(labels),
            "label_lengths": torch.tensor([item["audio_codes"].shape[1] for item in items]),
        }
        if "durations" in items[0]:
            batch["durations"] = torch.from_numpy(durations)
        return batch | ({"names": [item["name"] for item in items]} if self.names else {})

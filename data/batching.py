"""Batches of clips: the sampler of batches of similar length, and the collator that pads them."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler

from .clips import DataError

# 0 is a code like any other.
IGNORED_LABEL = -100
# Relative: clips within a tenth of each other's length may change places in the order.
LENGTH_JITTER = 0.1


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
    ) -> None:
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.seed, self.num_replicas, self.rank = seed, num_replicas, rank
        if len(self.lengths) < num_replicas:
            raise DataError(f"{len(self.lengths)} clips cannot be shared by {num_replicas} processes; start fewer.")
        sizes = self._frame_sizes(frames_per_batch) if frames_per_batch else self._clip_sizes(batch_size)
        # [steps], the places in the order of lengths at which it is cut.
        self._ends = np.cumsum(sizes)
        self.epoch = self.start_batch = 0

    def _clip_sizes(self, batch_size: int) -> list[int]:
        steps = -(-len(self.lengths) // (batch_size * self.num_replicas))
        # A clip for every rank.
        steps = min(steps, len(self.lengths) // self.num_replicas)
        return [len(part) for part in np.array_split(self.lengths, steps)]

    def _frame_sizes(self, frames_per_batch: int) -> list[int]:
        replicas, sizes = self.num_replicas, [0]
        for length in np.sort(self.lengths):
            # Of one rank, with this clip.
            largest_share = sizes[-1] // replicas + 1
            if sizes[-1] >= replicas and largest_share * length > frames_per_batch:
                sizes.append(0)
            sizes[-1] += 1
        # A clip for every rank, from the batch of shorter ones before it.
        for step in range(len(sizes) - 1, 0, -1):
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

    def __init__(self, pad_token_id: int, codebook_size: int = 2048, multiple: int = 1, names: bool = False) -> None:
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

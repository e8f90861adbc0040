"""Training from tokens that are too many to look at first: a process holds one shard at a time (`--streaming`).

What grows with the data set is only what its index says, the headers of the shards; the first shards are looked at
before the run begins, for the held-out sentences and the statistics of the latents.
"""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import ConcatDataset, IterableDataset, get_worker_info

from .batching import BucketBatchSampler
from .clips import DataError
from .codec_info import CodecInfo
from .dataset import SpeechDataset, SplitReport, prepare_split
from .token_folder import TokenShards

if TYPE_CHECKING:
    from ..processing_tts_trm import TtsTrmProcessor

# Of the first shards, which are evaluated.
HELD_OUT_CLIPS = 512


class HeldOutRows(ConcatDataset):
    """Held-out rows of several shards, with their `lengths` `[N]` in frames."""

    def __init__(self, parts: list[SpeechDataset]) -> None:
        self.datasets = [part for part in parts if len(part)]
        self.cumulative_sizes = self.cumsum(self.datasets)
        self.lengths = np.concatenate([np.zeros(0, np.int64), *(part.lengths for part in self.datasets)])

    def __len__(self) -> int:
        return len(self.lengths)


class StreamedBatches(IterableDataset):
    """Endless training batches of a token folder, shard after shard, in place of a sampler and a data set.

    Every process and every worker reads shards of its own, in an order that seed and pass decide; within a shard the
    batches are those of [`BucketBatchSampler`]. Sentences that are held out, by the hash of their letters, are never
    among them. The order depends on the numbers of processes and workers: a run goes on exactly where it was stopped
    if these stay the same.

    Args:
        info: of the token folder.
        processor: of the run.
        limits: `max_text_length`, `max_audio_frames`, `held_out_share` and `with_durations` of [`prepare_split`].
        batch_size, frames_per_batch, seed, num_replicas, rank: as of [`BucketBatchSampler`].
        collate: makes a batch of items.

    Raises:
        DataError: if there are fewer shards than processes and workers to read them.
    """

    def __init__(
        self,
        info: CodecInfo,
        processor: "TtsTrmProcessor",
        limits: dict,
        batch_size: int = 8,
        frames_per_batch: int | None = None,
        seed: int = 42,
        num_replicas: int = 1,
        rank: int = 0,
        num_workers: int = 0,
        collate: Callable = list,
    ) -> None:
        self.info, self.processor, self.limits, self.collate = info, processor, limits, collate
        self.batch_size, self.frames_per_batch, self.seed = batch_size, frames_per_batch, seed
        self.num_replicas, self.rank, self.start_batch = num_replicas, rank, 0
        self.shards = TokenShards(info, processor.tokenizer)
        readers = num_replicas * max(num_workers, 1)
        if len(self.shards) < readers:
            raise DataError(
                f"{info.folder}: its {len(self.shards)} shards cannot be shared by {readers} processes and workers; "
                "lower --num-workers, or tokenise with a smaller --shard-size."
            )

    @classmethod
    def of(
        cls,
        options: Any,
        processor: "TtsTrmProcessor",
        collate: Callable = list,
        num_replicas: int = 1,
        rank: int = 0,
    ) -> "StreamedBatches":
        """What the options of `run_training.py` ask for."""
        limits = {
            "max_text_length": options.max_text_length,
            "max_audio_frames": options.max_audio_frames,
            "held_out_share": options.held_out,
            "with_durations": options.alignment == "durations",
        }
        return cls(
            CodecInfo.read(options.token_dir),
            processor,
            limits,
            options.batch_size,
            options.frames_per_batch or None,
            options.seed,
            num_replicas,
            rank,
            options.num_workers,
            collate,
        )

    def set_epoch(self, epoch: int, start_batch: int = 0) -> None:
        """How many of this process' batches are left out: those already done. The stream has a single epoch."""
        self.start_batch = start_batch

    def __len__(self) -> int:
        return sys.maxsize

    def split(self, shard: int) -> tuple[SpeechDataset, SpeechDataset, SplitReport]:
        """Training and held-out rows of one shard."""
        rate = self.info.frame_rate
        return prepare_split(self.shards[shard], self.processor, frame_rate=rate, whole=False, **self.limits)

    def first_rows(self) -> tuple[SpeechDataset, "HeldOutRows", SplitReport]:
        """Training rows of the first shard, held-out rows of as many as it takes, and what became of all these.

        Raises:
            DataError: if no shard has the one or the other.
        """
        train, held_out, report = None, HeldOutRows([]), SplitReport()
        for shard in range(len(self.shards)):
            train_part, held_out_part, part = self.split(shard)
            train = train_part if train is None and len(train_part) else train
            held_out = HeldOutRows([*held_out.datasets, held_out_part])
            report += part
            report.part = f"the first {shard + 1} of {len(self.shards)} shards"
            if train is not None and len(held_out) >= HELD_OUT_CLIPS:
                break
        if train is None or not len(held_out):
            raise DataError(f"{self.info.folder}: no clip to train on or none to evaluate; see --held-out.\n{report}")
        return train, held_out, report

    def __iter__(self) -> Iterator[dict]:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        # the loader takes the workers in turn, and the first one goes on with whose turn it was
        number = (number + self.start_batch) % workers
        skipped = (max(self.start_batch - number, 0) + workers - 1) // workers
        part, parts = self.rank * workers + number, self.num_replicas * workers
        turn, yielded = 0, 0
        while True:
            order = np.random.default_rng((self.seed, turn)).permutation(len(self.shards))
            before = yielded
            for shard in order[part::parts]:
                rows = self.split(shard)[0]
                if not len(rows):
                    continue
                sampler = BucketBatchSampler(rows.lengths, self.batch_size, self.seed, self.frames_per_batch)
                sampler.set_epoch(turn)
                for indices in sampler:
                    yielded += 1
                    if yielded > skipped:
                        yield self.collate([rows[index] for index in indices])
            if yielded == before:
                raise DataError(f"{self.info.folder}: the shards of process {self.rank} hold no clip to train on.")
            turn += 1

"""The training and held-out rows of a run, and the loaders of their batches."""

import math
import os
import signal
from typing import Any

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from ..data.batching import BucketBatchSampler, Collator
from ..data.dataset import SpeechDataset, SplitReport, prepare_split
from ..data.streaming import StreamedBatches
from ..data.token_folder import load_tokens
from ..processing_tts_trm import TtsTrmProcessor
from .options import TrainingOptions

# Of texts and clips in a training batch.
SHAPE_MULTIPLE = 16


def split_data(
    options: TrainingOptions, processor: TtsTrmProcessor
) -> tuple[SpeechDataset, SpeechDataset, SplitReport]:
    """Training and held-out rows, and the report on what was left out; with `--streaming` of the first shards only."""
    if options.streaming:
        return StreamedBatches.of(options, processor).first_rows()
    table, info = load_tokens(options.token_dir, processor.tokenizer)
    return prepare_split(
        table,
        processor,
        options.max_text_length,
        options.max_audio_frames,
        options.held_out,
        with_durations=options.alignment == "durations",
        frame_rate=info.frame_rate,
    )


def make_loaders(
    options: TrainingOptions,
    accelerator: Accelerator,
    processor: TtsTrmProcessor,
    codebook_size: int,
    train_set: SpeechDataset,
    held_out_set: SpeechDataset,
) -> tuple[BucketBatchSampler | StreamedBatches, DataLoader, DataLoader]:
    """The sampler of training batches, their loader, and the loader of this process' held-out batches."""
    share = {"num_replicas": accelerator.num_processes, "rank": accelerator.process_index}
    # Never beyond the longest text.
    multiple = math.gcd(SHAPE_MULTIPLE, options.max_text_length)
    collate = Collator(processor.tokenizer.pad_token_id, codebook_size, multiple, names=True)
    sampler: BucketBatchSampler | StreamedBatches
    batches: dict[str, Any]
    if options.streaming:
        sampler = StreamedBatches.of(options, processor, collate, **share)
        batches = {"dataset": sampler, "batch_size": None}
    else:
        frames_per_batch = options.frames_per_batch or None
        sampler = BucketBatchSampler(train_set.lengths, options.batch_size, options.seed, frames_per_batch, **share)
        batches = {"dataset": train_set, "batch_sampler": sampler, "collate_fn": collate}
    # the loader draws a seed for its workers: from a generator of its own, or the model's random numbers would shift
    loader = DataLoader(
        **batches,
        num_workers=options.num_workers,
        # On a GPU an epoch of a few hours of speech takes a second. Streamed rows learn their place as workers start.
        persistent_workers=options.num_workers > 0 and not options.streaming,
        pin_memory=accelerator.device.type == "cuda",
        generator=torch.Generator(),
        worker_init_fn=_leave_signals_to_the_parent,
    )
    replicas = min(accelerator.num_processes, len(held_out_set))
    rank = accelerator.process_index
    held_out: list[list[int]] = []
    if rank < replicas:
        held_out = list(BucketBatchSampler(held_out_set.lengths, options.batch_size, num_replicas=replicas, rank=rank))
    collate = Collator(processor.tokenizer.pad_token_id, codebook_size, multiple)
    return (
        sampler,
        loader,
        DataLoader(held_out_set, batch_sampler=held_out, collate_fn=collate, generator=torch.Generator()),
    )


def _leave_signals_to_the_parent(worker: int) -> None:
    """A signal to the whole group must not kill the workers under a process that is to stop in good order.

    Its own signal to a worker, when it ends, does.
    """
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

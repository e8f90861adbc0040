"""Which clips share a batch: each exactly once an epoch, in an order that can be taken up again anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_trm.data import batching
from tts_trm.data.batching import BucketBatchSampler
from tts_trm.data.clips import DataError


@pytest.mark.parametrize("replicas", [1, 2, 3])
@pytest.mark.parametrize("arguments", [{"batch_size": 4}, {"batch_size": 1}, {"frames_per_batch": 300}])
def test_every_clip_once_an_epoch(arguments, replicas):
    lengths = np.random.default_rng(0).integers(5, 120, 50)
    samplers = [BucketBatchSampler(lengths, num_replicas=replicas, rank=rank, **arguments) for rank in range(replicas)]
    orders = []
    for epoch in range(3):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        batches = [list(sampler) for sampler in samplers]
        assert {len(own) for own in batches} == {len(samplers[0])}
        seen = sorted(index for own in batches for batch in own for index in batch)
        assert seen == list(range(50))
        sizes = [len(batch) for own in batches for batch in own]
        assert min(sizes) >= 1
        if "batch_size" in arguments:
            # three ranks cannot share 50 batches of one clip
            assert max(sizes) <= max(arguments["batch_size"], replicas - 1) and max(sizes) - min(sizes) <= 1
        else:
            limit = 300 * (1 + batching.LENGTH_JITTER) ** 2
            assert all(len(batch) * lengths[batch].max() <= limit for own in batches for batch in own)
        orders.append(batches)
    assert orders[0] != orders[1] != orders[2]


def test_a_step_sees_the_same_clips_however_many_processes_share_it():
    lengths = np.random.default_rng(0).integers(5, 120, 50)
    alone = [set(batch) for batch in BucketBatchSampler(lengths, 12)]
    for replicas in (2, 3, 4):
        ranks = [
            BucketBatchSampler(lengths, 12 // replicas, num_replicas=replicas, rank=rank) for rank in range(replicas)
        ]
        assert [set().union(*shares) for shares in zip(*ranks, strict=True)] == alone


def test_batches_are_of_similar_length():
    lengths = np.random.default_rng(0).integers(5, 250, 400)
    padded = sum(len(batch) * lengths[batch].max() for batch in BucketBatchSampler(lengths, 8))
    assert padded < 1.1 * lengths.sum()


def test_sampler_goes_on_in_mid_epoch():
    lengths = np.random.default_rng(0).integers(5, 120, 50)
    straight, resumed = BucketBatchSampler(lengths, 4, seed=7), BucketBatchSampler(lengths, 4, seed=7)
    straight.set_epoch(3)
    resumed.set_epoch(3, start_batch=5)
    assert list(resumed) == list(straight)[5:]
    assert len(resumed) == len(straight) == 13
    assert list(BucketBatchSampler(lengths, 4, seed=8)) != list(BucketBatchSampler(lengths, 4, seed=7))
    with pytest.raises(DataError, match="2 clips cannot be shared by 3 processes"):
        BucketBatchSampler([5, 6], num_replicas=3)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=60),
    arguments=st.one_of(
        st.fixed_dictionaries({"batch_size": st.integers(1, 12)}),
        st.fixed_dictionaries({"frames_per_batch": st.integers(1, 2000)}),
    ),
    replicas=st.integers(1, 4),
    epoch=st.integers(0, 3),
    share=st.floats(0, 1, allow_subnormal=False),
)
def test_any_clips_come_once_an_epoch_wherever_it_is_taken_up_again(lengths, arguments, replicas, epoch, share):
    if len(lengths) < replicas:
        return
    seen, steps = [], set()
    for rank in range(replicas):
        sampler, resumed = (
            BucketBatchSampler(lengths, seed=5, num_replicas=replicas, rank=rank, **arguments) for _ in range(2)
        )
        sampler.set_epoch(epoch)
        batches = list(sampler)
        done = int(share * len(batches))
        resumed.set_epoch(epoch, start_batch=done)
        assert list(resumed) == batches[done:] and len(resumed) == len(batches)
        assert all(batches)
        seen += [index for batch in batches for index in batch]
        steps.add(len(batches))
    assert sorted(seen) == list(range(len(lengths))) and len(steps) == 1

"""Training from one shard after the other: the clips of the whole, shared out, and resumed where it stopped."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from tts_trm import TtsTrmProcessor, run_training
from tts_trm.data import streaming, token_folder
from tts_trm.data.clips import DataError
from tts_trm.data.codec_info import CodecInfo
from tts_trm.data.dataset import prepare_split
from tts_trm.data.recordings import read_folder
from tts_trm.data.streaming import StreamedBatches
from tts_trm.data.token_folder import load_tokens, read_shard, shard_paths, tokenizer_hash, write_durations
from tts_trm.data.tokenizing import tokenize_clips
from tts_trm.training import preparation
from tts_trm.training.options import parse_arguments

SHARE = 0.4


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def sharded(recordings, tiny_codec_folder, tmp_path):
    """Sixteen clips in six shards, the last one with a single clip."""
    tokenize_clips(read_folder(recordings), str(tiny_codec_folder), tmp_path / "tokens", shard_size=3)
    return tmp_path / "tokens"


@pytest.fixture
def processor(sharded):
    table, _ = load_tokens(sharded)
    return TtsTrmProcessor.from_texts(table["text"], sorted(set(table["speaker"])))


def names(items: list[dict]) -> list[str]:
    return [item["name"] for item in items]


def stream(sharded, processor, **settings) -> StreamedBatches:
    limits = {"held_out_share": SHARE, "with_durations": False}
    settings = {"batch_size": 2, "collate": names} | settings
    return StreamedBatches(CodecInfo.read(sharded), processor, limits, **settings)


def test_shards_are_the_rows_of_the_whole(sharded, processor):
    durations = [None if row == 4 else np.full(row + 1, row, np.float32) for row in range(16)]
    write_durations(sharded, tokenizer_hash(processor.tokenizer), durations)
    whole, info = load_tokens(sharded, processor.tokenizer)
    parts = [read_shard(info, path, processor.tokenizer, 3 * shard, 16) for shard, path in enumerate(shard_paths(info))]
    assert [len(part) for part in parts] == [3, 3, 3, 3, 3, 1]
    assert [row for part in parts for row in part] == list(whole)
    assert whole[4]["aligned_durations"] is None and whole[5]["aligned_durations"] == [5.0] * 6
    other = TtsTrmProcessor.from_texts(["xyz"])
    assert "aligned_durations" not in read_shard(info, shard_paths(info)[0], other.tokenizer, 0, 16).column_names


def test_every_training_clip_comes_once_before_any_comes_again(sharded, processor):
    train, held_out, _ = prepare_split(load_tokens(sharded)[0], processor, held_out_share=SHARE, with_durations=False)
    expected = {train[index]["name"] for index in range(len(train))}
    assert 2 <= len(held_out) <= 6
    batches = iter(stream(sharded, processor))
    seen = []
    while len(seen) < 2 * len(expected):
        seen += next(batches)
    assert set(seen) == expected and set(seen[: len(expected)]) == expected
    assert set(Counter(seen).values()) == {2}
    assert seen[: len(expected)] != seen[len(expected) :]
    first, held_out_rows, report = stream(sharded, processor).first_rows()
    assert names([held_out_rows[index] for index in range(len(held_out_rows))]) == names(
        [held_out[index] for index in range(len(held_out))]
    )
    assert held_out_rows.lengths.tolist() == held_out.lengths.tolist()
    assert set(names([first[index] for index in range(len(first))])) <= expected
    assert (report.num_rows, report.num_train, report.num_held_out) == (16, len(expected), len(held_out))
    assert str(report).startswith("the first 6 of 6 shards:\n")


def test_one_shard_at_a_time(sharded, processor, monkeypatch):
    read = []
    monkeypatch.setattr(token_folder, "read_shard", lambda *arguments: read.append(1) or read_shard(*arguments))
    batches = iter(stream(sharded, processor, batch_size=1))
    next(batches)
    # The first one may hold held-out clips alone.
    assert len(read) <= 2
    monkeypatch.setattr(streaming, "HELD_OUT_CLIPS", 1)
    assert "of 6 shards" in stream(sharded, processor).first_rows()[2].part


def test_aligning_reads_one_shard_after_the_other(sharded, recordings, processor, monkeypatch):
    """The aligner learns from as many shards as it gets to see, and aligns every clip."""
    options = ["--data-dir", str(recordings), "--token-dir", str(sharded), "--streaming", "--max-steps", "1"]
    options = parse_arguments(options)
    monkeypatch.setattr(preparation, "MAX_CLIPS", 7)
    learned = []
    training_of = preparation.AlignerTraining
    monkeypatch.setattr(
        preparation, "AlignerTraining", lambda rows, *others: learned.append(len(rows)) or training_of(rows, *others)
    )
    preparation.prepare_durations(options, processor, lambda text: None)
    # Three shards, of which one may be the last with its single clip.
    assert learned in ([7], [9])
    table, _ = load_tokens(sharded, processor.tokenizer)
    for row in table:
        assert len(row["aligned_durations"]) == len(processor.tokenizer(row["text"]).input_ids)
        assert sum(row["aligned_durations"]) == row["num_frames"]
    preparation.prepare_durations(options, processor, lambda text: None)
    assert len(learned) == 1


def test_processes_share_the_shards(sharded, processor):
    everything = Counter(name for batch in islice(stream(sharded, processor, batch_size=1), 30) for name in batch)
    halves = []
    for rank in range(2):
        half, batches = [], iter(stream(sharded, processor, batch_size=1, num_replicas=2, rank=rank))
        count = sum(
            len(rows)
            for rows in (
                stream(sharded, processor).split(shard)[0]
                for shard in np.random.default_rng((42, 0)).permutation(6)[rank::2]
            )
        )
        half = [name for batch in islice(batches, count) for name in batch]
        halves.append(half)
    assert not set(halves[0]) & set(halves[1]) and set(halves[0]) | set(halves[1]) == set(everything)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_it_was(workers, sharded, processor):
    def read(start: int, count: int) -> list:
        batches = stream(sharded, processor, num_workers=workers)
        batches.set_epoch(0, start)
        return list(islice(DataLoader(batches, batch_size=None, num_workers=workers), count))

    straight = read(0, 20)
    assert read(7, 13) == straight[7:]


def test_a_resumed_run_equals_the_straight_one(sharded, recordings, tmp_path, capsys):
    from accelerate.state import AcceleratorState, GradientState, PartialState

    sizes = "--text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 16 --text-layers 1 --L-layers 1 --num-heads 2"
    small = f"{sizes} --batch-size 2 --num-workers 0 --device cpu --no-tensorboard --held-out {SHARE} --streaming"
    weights = []
    for name, stops in (("straight", [8]), ("stopped", [4, 8])):
        for steps in stops:
            for state in (AcceleratorState, GradientState, PartialState):
                state._reset_state()
            folders = ["--data-dir", str(recordings), "--token-dir", str(sharded), "--output-dir", str(tmp_path / name)]
            # the schedule is that of the whole run, which the first part of it saves on the way
            options = [*folders, *small.split(), "--max-steps", "8", "--save-interval", "4", "--warmup-steps", "0"]
            assert run_training.main(options) == 0
            # As if it had been killed there.
            if steps == 4:
                import shutil

                for later in ("final", "best"):
                    shutil.rmtree(tmp_path / name / "checkpoints" / later, ignore_errors=True)
        weights.append(load_file(tmp_path / name / "checkpoints" / "final" / "training_state" / "weights.safetensors"))
    output = capsys.readouterr().out
    assert "the first 6 of 6 shards:" in output and "step_4 at step 4 of 8" in output
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_bad_input(sharded, processor, capsys):
    with pytest.raises(DataError, match="its 6 shards cannot be shared by 8 processes and workers"):
        stream(sharded, processor, num_replicas=2, num_workers=4)
    with pytest.raises(SystemExit):
        parse_arguments(["--streaming"])
    assert "--streaming needs --max-steps" in capsys.readouterr().err
    too_short = stream(sharded, processor)
    too_short.limits["max_audio_frames"] = 1
    with pytest.raises(DataError, match="hold no clip to train on"):
        next(iter(too_short))
    with pytest.raises(DataError, match=r"no clip to train on or none to evaluate.*\n.*\n.*\n?left out: 16 of 16"):
        too_short.first_rows()
    shard_paths(CodecInfo.read(sharded))[0].write_bytes(b"damaged")
    with pytest.raises(DataError, match="missing or unreadable"):
        stream(sharded, processor)

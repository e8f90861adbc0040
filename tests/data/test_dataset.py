"""Rows of a token folder to batches."""

import math

import numpy as np
import pytest
import torch
from prepared import make_recordings, make_token_dir, own_cache, processor_for  # noqa: F401
from torch.utils.data import DataLoader

from tts_trm import TtsTrmProcessor
from tts_trm.data.batching import BucketBatchSampler, Collator
from tts_trm.data.clips import DataError
from tts_trm.data.dataset import prepare_split, rows_to_align
from tts_trm.data.held_out import is_held_out
from tts_trm.data.recordings import read_folder
from tts_trm.data.token_folder import load_tokens, tokenizer_hash, write_durations
from tts_trm.data.tokenizing import tokenize_clips


def test_split_is_by_text(token_dir):
    table, _ = load_tokens(token_dir)
    train, held_out, report = prepare_split(table, processor_for(table), held_out_share=0.5, with_durations=False)
    sides = [{item["text"] for item in side} for side in (train, held_out)]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 5
    assert sides[1] == {text for text in set(table["text"]) if is_held_out(text, 0.5)}
    assert report.num_train == len(train) == 2 * len(sides[0]) and len(held_out) == 2 * len(sides[1])
    assert sum(report.hours_per_speaker.values()) == pytest.approx(report.train_hours + report.held_out_hours)


def test_items_of_some_speakers(token_dir):
    table, _ = load_tokens(token_dir)
    train, _, _ = prepare_split(table, processor_for(table), with_durations=False)
    wanted = train.speaker_ids[0]
    part = train.of_speakers([wanted])
    kept = [index for index in range(len(train)) if train.speaker_ids[index] == wanted]
    assert 0 < len(part) < len(train) and part.lengths.tolist() == train.lengths[kept].tolist()
    for index, original in enumerate(kept):
        assert part[index]["name"] == train[original]["name"] and part[index]["speaker_id"] == wanted
        assert np.array_equal(part[index]["audio_codes"], train[original]["audio_codes"])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_both_sides_hold_at_least_one_text(token_dir, share):
    table, _ = load_tokens(token_dir)
    train, held_out, _ = prepare_split(table, processor_for(table), held_out_share=share, with_durations=False)
    assert min(len(train), len(held_out)) == 2 and len(train) + len(held_out) == 10
    with pytest.raises(DataError, match="1 different sentences can be used, at least 2"):
        prepare_split(table.select([0, 5]), processor_for(table), with_durations=False)


def test_what_does_not_fit_is_dropped_and_counted(token_dir):
    table, _ = load_tokens(token_dir)
    texts = ["", "?!", "a" * 19, "b" * 30, "cé", *table["text"][5:]]
    table = table.remove_columns("text").add_column("text", texts)
    processor = TtsTrmProcessor.from_texts(["abcdefghijklmnop. 0123456789,?!"], ["anna", "bert"])
    train, held_out, report = prepare_split(
        table, processor, max_text_length=31, max_audio_frames=11, with_durations=False
    )
    assert report.dropped == {
        "no speakable text": 2,
        "text over 31 ids (--max-text-length)": 1,
        "audio over 11 frames (--max-audio-frames)": 3,
    }
    assert report.num_train + report.num_held_out == 4
    assert "left out: 2 of 10 clips, no speakable text" in str(report)
    # 27 ids in 7 frames fit, 29 do not.
    texts[2] = "a" * 25
    table = table.remove_columns("text").add_column("text", texts)
    assert "audio too short for its text" not in prepare_split(table, processor, with_durations=False)[2].dropped
    texts[2] = "a" * 27
    table = table.remove_columns("text").add_column("text", texts)
    assert prepare_split(table, processor, with_durations=False)[2].dropped["audio too short for its text"] == 1


def test_unknown_characters_are_reported(token_dir):
    table, _ = load_tokens(token_dir)
    processor = TtsTrmProcessor.from_texts(["No, vwx, h"], ["anna", "bert"])
    report = prepare_split(table, processor, with_durations=False)[2]
    assert report.unknown_characters == {"i": 10, "y": 2, "z": 2}
    with pytest.raises(DataError, match="Unknown speaker 'bert'"):
        prepare_split(table, TtsTrmProcessor.from_texts(["No hi"], ["anna"]), with_durations=False)


def test_aligned_durations_belong_to_one_tokenizer(token_dir):
    table, _ = load_tokens(token_dir)
    processor = processor_for(table)
    rows = rows_to_align(table, processor, max_audio_frames=11)
    # Three of the ten are longer.
    assert len(rows) == 7
    durations = [np.full(len(ids), codes.shape[1] / len(ids)) for codes, ids in rows]
    # Could not be aligned.
    durations[1] = np.zeros(0)
    write_durations(token_dir, tokenizer_hash(processor.tokenizer), rows.spread(durations))
    # Sets padding in the tokenizer, which is none of its identity.
    processor(text=["No,", "No, w, hi"], padding=True)
    table, _ = load_tokens(token_dir, processor.tokenizer)
    assert len(rows_to_align(table, processor, max_audio_frames=11)) == 0
    assert len(rows_to_align(table, processor, max_audio_frames=256)) == 10
    train, held_out, report = prepare_split(table, processor)
    assert report.dropped == {"no durations": 4}
    for item in (train[0], held_out[0]):
        assert item["durations"].shape == item["input_ids"].shape
        assert item["durations"].sum() == pytest.approx(item["audio_codes"].shape[1])
    other = TtsTrmProcessor.from_texts([*table["text"], "äz"], processor.speakers)
    assert "aligned_durations" not in load_tokens(token_dir, other.tokenizer)[0].column_names
    with pytest.raises(DataError, match="9 rows of durations for 10"):
        write_durations(token_dir, "0" * 64, [None] * 9)


def test_tokenizer_keeps_its_hash_when_saved(token_dir, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = processor_for(load_tokens(token_dir)[0]).tokenizer
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    assert tokenizer_hash(AutoTokenizer.from_pretrained(tmp_path / "tokenizer")) == tokenizer_hash(tokenizer)


def test_own_durations_win_where_they_fit(tmp_path, recordings, tiny_codec_folder):
    # Frames: 5, 6, 7, ...; "No, v, hi" has 9 characters and 2 boundaries.
    clips = read_folder(recordings)
    frames = [-(-len(clip.load(24_000)) // 1920) for clip in clips]
    for clip, length in zip(clips[:3], frames, strict=False):
        clip.durations = [length / 11] * 11
    clips[0].durations = [value * 1.009 for value in clips[0].durations]
    clips[1].durations = clips[1].durations[:-1]
    clips[2].durations = [value * 1.02 for value in clips[2].durations]
    clips[3].durations = [float("nan")] * 11
    tokenize_clips(clips, str(tiny_codec_folder), tmp_path / "tokens", shard_size=4)
    table, _ = load_tokens(tmp_path / "tokens")
    processor = processor_for(table)
    assert list(rows_to_align(table, processor).rows) == list(range(1, 10))
    aligned = [np.eye(11, dtype=np.float32)[5] * length for length in frames]
    write_durations(tmp_path / "tokens", tokenizer_hash(processor.tokenizer), aligned)
    train, held_out, report = prepare_split(load_tokens(tmp_path / "tokens", processor.tokenizer)[0], processor)
    assert report.stale_durations == 3 and not report.dropped
    items = {item["name"]: item["durations"] for side in (train, held_out) for item in side}
    np.testing.assert_allclose(items["0.wav"], np.full(11, frames[0] / 11), rtol=1e-5)
    for index in (1, 2, 3, 9):
        np.testing.assert_array_equal(items[f"{index}.wav"], aligned[index])


@pytest.mark.parametrize("multiple", [1, 8])
def test_collator_pads_nothing_away(token_dir, multiple):
    table, _ = load_tokens(token_dir)
    table = table.remove_columns("text").add_column("text", [f"No{'o' * index}" for index in range(10)])
    processor = processor_for(table)
    rows = rows_to_align(table, processor)
    even = [np.full(len(ids), codes.shape[1] / len(ids)) for codes, ids in rows]
    table = table.add_column("aligned_durations", even)
    train, _, _ = prepare_split(table, processor)
    sampler = BucketBatchSampler(train.lengths, batch_size=4)
    collate = Collator(processor.tokenizer.pad_token_id, 32, multiple)
    loader = DataLoader(train, batch_sampler=sampler, collate_fn=collate)
    for indices, batch in zip(sampler, loader, strict=True):
        for name, longest in (("attention_mask", batch["attention_mask"].sum(-1)), ("labels", batch["label_lengths"])):
            assert batch[name].shape[-1] == math.ceil(longest.max().item() / multiple) * multiple
        for row, item in enumerate(train[index] for index in indices):
            size, frames = len(item["input_ids"]), item["audio_codes"].shape[1]
            assert batch["attention_mask"][row].tolist() == [1] * size + [0] * (batch["input_ids"].shape[1] - size)
            np.testing.assert_array_equal(batch["input_ids"][row, :size], item["input_ids"])
            assert (batch["input_ids"][row, size:] == processor.tokenizer.pad_token_id).all()
            np.testing.assert_array_equal(batch["labels"][row, :, :frames], item["audio_codes"])
            assert (batch["labels"][row, :, frames:] == -100).all() and batch["label_lengths"][row] == frames
            assert batch["durations"][row].sum().item() == pytest.approx(frames)
            assert processor.speakers[batch["speaker_id"][row]] in ("anna", "bert")
        assert {name: value.dtype for name, value in batch.items()} == {
            name: torch.float32 if name == "durations" else torch.int64 for name in batch
        }
    with pytest.raises(DataError, match=r"\d.wav: has codes .* outside 0..7"):
        Collator(0, codebook_size=8)([train[0]])

"""Recordings to a token folder, and its rows to batches."""

import json
import math

import numpy as np
import pyarrow.parquet
import pytest
import soundfile
import torch
from tiny import tiny_mimi
from torch.utils.data import DataLoader

from tts_trm import TtsTrmProcessor
from tts_trm.training import data, encoding, tokens
from tts_trm.training.data import BucketBatchSampler, Collator, prepare_split, rows_to_align
from tts_trm.training.encoding import tokenize_clips
from tts_trm.training.sources import (
    Clip,
    DataError,
    HubClips,
    is_held_out,
    is_recordings,
    read_folder,
    read_hub,
    read_sources,
)
from tts_trm.training.tokens import CodecInfo, load_tokens, tokenizer_hash, tokens_state, write_durations

RATE = 16_000


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keeps what `datasets` caches out of the user's home."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write_audio(path, seconds: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    times = np.arange(int(seconds * RATE)) / RATE
    samples = np.sin(2 * np.pi * generator.uniform(100, 300) * times) + 0.1 * generator.normal(size=len(times))
    soundfile.write(path, 0.2 * samples, RATE)


@pytest.fixture
def recordings(tmp_path):
    """Ten clips of 0.4 to 1.1 seconds, two takes of each of five sentences, by two speakers."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    rows = ["file_name,text,speaker"]
    for index in range(10):
        write_audio(folder / f"{index}.wav", 0.4 + 0.07 * index, index)
        rows.append(f'{index}.wav,"No, {"vwxyz"[index % 5]}, hi",{("anna", "bert")[index % 2]}')
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def token_dir(tmp_path, recordings, tiny_codec_folder):
    tokenize_clips(read_folder(recordings), str(tiny_codec_folder), tmp_path / "tokens", shard_size=4)
    return tmp_path / "tokens"


def processor_for(table, codec="codec") -> TtsTrmProcessor:
    return TtsTrmProcessor.from_texts(table["text"], sorted(set(table["speaker"])), codec=str(codec))


def content(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# -- sources --------------------------------------------------------------------------------------------------------


def test_ljspeech_table(tmp_path):
    folder = tmp_path / "LJ"
    (folder / "wavs").mkdir(parents=True)
    write_audio(folder / "wavs" / "LJ001-0001.wav", 0.4, 1)
    (folder / "metadata.csv").write_text('LJ001-0001|Mr. "5"|Mister "five"\n', encoding="utf-8")
    (clip,) = read_sources([folder])
    assert (clip.text, clip.speaker, clip.name) == ('Mister "five"', "LJ", "LJ001-0001")
    assert len(clip.load(24_000)) == 9600


def test_table_keeps_line_breaks_in_quotes_and_durations(tmp_path):
    (tmp_path / "metadata.csv").write_text(
        'file_name,text,durations\na.wav,"one\ntwo","[1, 2.5]"\nb.wav,three,1 2\nc.wav,four,\n', encoding="utf-8"
    )
    clips = read_folder(tmp_path)
    assert [clip.text for clip in clips] == ["one\ntwo", "three", "four"]
    assert [clip.durations for clip in clips] == [[1.0, 2.5], [1.0, 2.0], None]
    (tmp_path / "metadata.csv").write_text("file_name,text,durations\na.wav,one,1 x\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2: durations '1 x'"):
        read_folder(tmp_path)


def test_hub_data_set_with_embedded_audio(tmp_path, recordings, tiny_codec_folder, monkeypatch):
    import datasets

    originals = read_folder(recordings)
    table = datasets.Dataset.from_dict(
        {
            "sound": [{"bytes": open(clip.audio, "rb").read(), "path": None} for clip in originals],
            "sentence": [clip.text for clip in originals],
            "speaker": [clip.speaker for clip in originals],
            "json": [{"said": clip.text, "by": {"name": clip.speaker}} for clip in originals],
        }
    )
    (tmp_path / "hub").mkdir()
    table.to_parquet(tmp_path / "hub" / "train-00000-of-00001.parquet")
    clips = read_hub(tmp_path / "hub", "sentence", "sound")
    assert [(clip.text, clip.speaker) for clip in clips] == [(clip.text, clip.speaker) for clip in originals]
    for name, chosen, workers in (("a", originals, 1), ("b", clips, 2)):
        tokenize_clips(chosen, str(tiny_codec_folder), tmp_path / name, num_workers=workers)
    codes = [load_tokens(tmp_path / name)[0]["audio_codes"][:] for name in "ab"]
    assert codes[0] == codes[1]
    monkeypatch.setattr(HubClips, "ROWS_AT_ONCE", 3)
    nested = read_hub(tmp_path / "hub", "json.said", "sound", "json.by.name")
    assert [(clip.text, clip.speaker, clip.name) for clip in nested] == [
        (clip.text, clip.speaker, clip.name) for clip in clips
    ]
    assert list(clips) == clips[:] == [clips[index] for index in range(len(clips))]
    assert clips[-1] == clips[len(clips) - 1] and clips[2:4] == [clips[2], clips[3]]
    with pytest.raises(IndexError):
        clips[len(clips)]
    with pytest.raises(DataError, match="no column 'json.by.age'.*--speaker-column"):
        read_hub(tmp_path / "hub", "sentence", "sound", "json.by.age")
    with pytest.raises(DataError, match="'json.said' holds no audio"):
        read_hub(tmp_path / "hub", "sentence", "json.said")
    with pytest.raises(DataError, match="no column 'text'.*--text-column"):
        read_hub(tmp_path / "hub")


def test_folders_of_recordings_and_copies_of_the_hub_are_told_apart(tmp_path, recordings, token_dir):
    copy = tmp_path / "copy" / "clean"
    copy.mkdir(parents=True)
    (copy / "train-00000-of-00001.parquet").write_bytes(b"")
    assert is_recordings(recordings) and not is_recordings(tmp_path / "copy")
    assert is_recordings(token_dir)  # tokens are no recordings, but no data set of the Hub either
    assert not is_recordings("org/data-set")


def test_source_that_is_nowhere():
    with pytest.raises(DataError, match="no_such/place: neither a folder here nor a data set"):
        read_sources(["no_such/place"])


# -- preparation ----------------------------------------------------------------------------------------------------


def test_codes_are_those_of_the_processor(token_dir, recordings, tiny_codec_folder):
    table, info = load_tokens(token_dir)
    processor = processor_for(table, tiny_codec_folder)
    for row, clip in zip(table, read_folder(recordings), strict=True):
        expected = processor(audio=clip.load(24_000), sampling_rate=24_000)["audio_codes"][0]
        assert torch.equal(torch.tensor(row["audio_codes"]), expected)
        assert row["num_frames"] == expected.shape[1]
    assert torch.equal(info.codebooks(), processor.codec_model.codebooks)


@pytest.mark.parametrize("arguments", [{"num_workers": 2}, {"batch_size": 1}, {"batch_size": 3, "num_workers": 3}])
def test_workers_and_batches_do_not_change_the_codes(arguments, tmp_path, token_dir, recordings, tiny_codec_folder):
    tokenize_clips(read_folder(recordings), str(tiny_codec_folder), tmp_path / "other", shard_size=4, **arguments)
    assert content(tmp_path / "other") == content(token_dir)


def test_processes_share_the_shards(tmp_path, token_dir, recordings, tiny_codec_folder):
    clips, codec = read_folder(recordings), str(tiny_codec_folder)
    reports = [
        tokenize_clips(clips, codec, tmp_path / "other", shard_size=4, process_index=index, num_processes=2)
        for index in (1, 0)
    ]
    assert [report.num_encoded for report in reports] == [4, 6]
    assert content(tmp_path / "other") == content(token_dir)


def test_interrupted_preparation_goes_on(tmp_path, token_dir, recordings, tiny_codec_folder, monkeypatch):
    clips, codec, folder = read_folder(recordings), str(tiny_codec_folder), tmp_path / "other"
    write_shard = encoding._encode_shard

    def stop_at_second(path, *arguments):
        if path.name.startswith("tokens-00001"):
            raise KeyboardInterrupt
        return write_shard(path, *arguments)

    monkeypatch.setattr(encoding, "_encode_shard", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        tokenize_clips(clips, codec, folder, shard_size=4)
    monkeypatch.undo()
    assert tokens_state(folder) == "incomplete"
    with pytest.raises(DataError, match="tokens-00001-of-00003.parquet: is missing.*run the same"):
        load_tokens(folder)
    (folder / "tokens-00002-of-00003.parquet").write_bytes(b"PAR1 cut short")
    assert tokenize_clips(clips, codec, folder, shard_size=4).num_encoded == 6
    assert content(folder) == content(token_dir)
    assert tokenize_clips(clips, codec, folder, shard_size=4).num_encoded == 0


def test_changed_recordings_are_prepared_afresh(token_dir, recordings, tiny_codec_folder):
    clips = read_folder(recordings)
    assert tokens_state(token_dir, clips) == "ready"
    write_durations(token_dir, "0" * 64, [None] * 10)
    write_audio(recordings / "3.wav", 0.5, 99)
    assert tokens_state(token_dir, read_folder(recordings)) == "stale"
    before = load_tokens(token_dir)[0][3]
    assert tokenize_clips(clips, str(tiny_codec_folder), token_dir, shard_size=4).num_encoded == 10
    after = load_tokens(token_dir)[0]
    assert len(after) == 10 and after[3]["num_frames"] == 7
    assert after[3]["audio_codes"] != before["audio_codes"]
    assert not list(token_dir.glob("durations-*"))


def test_bad_clip_is_skipped_named_and_counted(tmp_path, recordings, tiny_codec_folder):
    (recordings / "4.wav").write_bytes(b"no audio")
    clips = [*read_folder(recordings), Clip(str(recordings / "none.wav"), "Hi.", "anna", "none.wav")]
    report = tokenize_clips(clips, str(tiny_codec_folder), tmp_path / "tokens", shard_size=4)
    assert report.num_clips == 9 and [clip["name"] for clip in report.skipped] == ["4.wav", "none.wav"]
    assert json.loads((tmp_path / "tokens" / "skipped.json").read_text()) == report.skipped
    names = load_tokens(tmp_path / "tokens")[0]["name"][:]
    assert names == [f"{index}.wav" for index in range(10) if index != 4]
    for folder in ("tokens", "fresh"):  # whether it was skipped before or not
        with pytest.raises(DataError, match="4.wav: cannot be read.*without --strict"):
            tokenize_clips(clips, str(tiny_codec_folder), tmp_path / folder, shard_size=4, strict=True)


def test_long_clips_do_not_share_a_batch(recordings, tiny_codec_folder, tmp_path, monkeypatch):
    sizes = []
    encode = encoding.torch.zeros
    monkeypatch.setattr(encoding.torch, "zeros", lambda *shape: sizes.append(shape) or encode(*shape))
    monkeypatch.setattr(encoding, "LONGEST_MEAN_CLIP", 0.3)
    tokenize_clips(read_folder(recordings), str(tiny_codec_folder), tmp_path / "tokens", batch_size=5)
    assert sum(rows for rows, _, _ in sizes) == 10
    assert all(rows * samples <= 5 * 0.3 * 24_000 for rows, _, samples in sizes)


def test_full_disk_leaves_the_finished_shards(tmp_path, token_dir, recordings, tiny_codec_folder, monkeypatch):
    path = token_dir / "tokens-00002-of-00003.parquet"
    path.unlink()
    before = content(token_dir)

    def full(table, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    with pytest.raises(OSError, match="tokens-00002-of-00003.parquet: cannot be written.*No space left"):
        tokenize_clips(read_folder(recordings), str(tiny_codec_folder), token_dir, shard_size=4)
    assert content(token_dir) == before


def test_folder_of_another_codec_is_refused(tmp_path, token_dir, recordings, tiny_codec_folder):
    from tts_trm import TtsTrmCodec

    other = TtsTrmCodec.from_pretrained(tiny_codec_folder)
    info = CodecInfo.read(token_dir)
    info.check_matches(other, "the same")
    other.codebooks[3, 1, 4] += 1
    other.save_pretrained(tmp_path / "other_codec")
    with pytest.raises(DataError, match="tiny_codec .*not by other_codec.*use --codec"):
        info.check_matches(other, "other_codec")
    before = content(token_dir)
    with pytest.raises(DataError, match="holds tokens of the codec .*tiny_codec .*not of .*other_codec"):
        tokenize_clips(read_folder(recordings), str(tmp_path / "other_codec"), token_dir, shard_size=4)
    assert content(token_dir) == before


def test_mimi_in_batches(tmp_path, recordings):
    mimi = tiny_mimi()
    mimi.save_pretrained(tmp_path / "mimi")
    clips = read_folder(recordings)[:3]
    tokenize_clips(clips, str(tmp_path / "mimi"), tmp_path / "tokens")
    table, info = load_tokens(tmp_path / "tokens")
    for row, clip in zip(table, clips, strict=True):
        samples = torch.from_numpy(clip.load(24_000))[None, None]
        with torch.no_grad():
            expected = mimi.encode(torch.nn.functional.pad(samples, (0, -samples.shape[-1] % 1920))).audio_codes[0]
        assert row["audio_codes"] == expected.tolist()
    assert info.model_type == "mimi" and info.codebook_chains == [1, 7]
    semantic = mimi.quantizer.semantic_residual_vector_quantizer.layers[0].codebook
    torch.testing.assert_close(info.codebooks()[0], semantic.embed)


# -- rows -----------------------------------------------------------------------------------------------------------


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
    texts[2] = "a" * 25  # 27 ids in 7 frames fit, 29 do not
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
    assert len(rows) == 7  # three of the ten are longer
    durations = [np.full(len(ids), codes.shape[1] / len(ids)) for codes, ids in rows]
    durations[1] = np.zeros(0)  # could not be aligned
    write_durations(token_dir, tokenizer_hash(processor.tokenizer), rows.spread(durations))
    processor(text=["No,", "No, w, hi"], padding=True)  # sets padding in the tokenizer, which is none of its identity
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
    clips = read_folder(recordings)  # frames: 5, 6, 7, ...; "No, v, hi" has 9 characters and 2 boundaries
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


# -- batches --------------------------------------------------------------------------------------------------------


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
            limit = 300 * (1 + data.LENGTH_JITTER) ** 2
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


# -- the command ----------------------------------------------------------------------------------------------------


def test_command(tmp_path, recordings, tiny_codec_folder, capsys, monkeypatch):
    from tts_trm.scripts.tokenize_dataset import main

    monkeypatch.chdir(tiny_codec_folder.parent)
    (recordings / "4.wav").write_bytes(b"no audio")
    arguments = ["--data-dir", str(recordings), "--codec", tiny_codec_folder.name, "--output-dir", str(tmp_path / "t")]
    assert main([*arguments, "--num-workers", "1"]) == 0
    output = capsys.readouterr().out
    for expected in ("skipped: 4.wav: cannot be read", "9 clips, 0.00 h tokenised", "1 skipped"):
        assert expected in output
    info = CodecInfo.read(tmp_path / "t")
    assert info.codec == tiny_codec_folder.name and tokens.locate_codec(info.codec) == info.codec
    assert main([*arguments, "--num-workers", "1", "--strict"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: 4.wav: cannot be read")
    assert main([*arguments[:3], "no/codec", *arguments[4:]]) == 1
    assert "error: The codec no/codec cannot be loaded" in capsys.readouterr().err


def test_push_to_hub_is_one_commit_of_the_folder(token_dir, monkeypatch):
    import huggingface_hub

    calls = []

    class Api:
        def create_repo(self, repo, **kwargs):
            return huggingface_hub.RepoUrl(f"https://huggingface.co/datasets/{repo}")

        def upload_folder(self, **kwargs):
            calls.append(kwargs)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert tokens.push_tokens(token_dir, "me/tokens") == "https://huggingface.co/datasets/me/tokens"
    assert len(calls) == 1 and calls[0]["repo_type"] == "dataset" and calls[0]["folder_path"] == str(token_dir)
    assert "data_files: tokens-*.parquet" in (token_dir / "README.md").read_text()
    monkeypatch.undo()  # offline, as all tests are
    with pytest.raises(OSError, match="was not uploaded to me/tokens.*hf upload --repo-type dataset me/tokens"):
        tokens.push_tokens(token_dir, "me/tokens")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file_name,text\na.wav,Hello, world\n", "line 2: has more fields than the header; quote texts"),
        ("file_name,text,speaker\na.wav,Hello, world,anna\n", "line 2: has more fields than the header"),
        ("file_name,text\n ,Hello\n", "line 2: ' ' is no file name"),
        ("file_name,text\na\0.wav,Hello\n", "line 2: 'a.x00.wav' is no file name"),
        ('file_name,text\na.wav,"' + "never closed " * 20_000, "is a quote not closed before it"),
        ("file_name,text,durations\na.wav,Hello,NaN 1 -3\n", "durations 'NaN 1 -3' are no list of numbers"),
    ],
)
def test_a_damaged_table_is_named_and_no_text_is_lost(table, message, tmp_path):
    (tmp_path / "metadata.csv").write_text(table, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path)

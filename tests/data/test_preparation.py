"""Recordings to a token folder: the codes of the codec, whatever happens on the way."""

import json

import pyarrow.parquet
import pytest
import torch
from prepared import content, make_recordings, make_token_dir, own_cache, processor_for, write_audio  # noqa: F401
from tiny import tiny_mimi

from tts_trm.data import codec_info, tokenizing
from tts_trm.data.clips import Clip, DataError
from tts_trm.data.codec_info import CodecInfo
from tts_trm.data.recordings import read_folder
from tts_trm.data.token_folder import load_tokens, tokens_state, write_durations
from tts_trm.data.tokenizing import tokenize_clips
from tts_trm.publishing import token_upload


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
    write_shard = tokenizing._encode_shard

    def stop_at_second(path, *arguments):
        if path.name.startswith("tokens-00001"):
            raise KeyboardInterrupt
        return write_shard(path, *arguments)

    monkeypatch.setattr(tokenizing, "_encode_shard", stop_at_second)
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
    # Whether it was skipped before or not.
    for folder in ("tokens", "fresh"):
        with pytest.raises(DataError, match="4.wav: cannot be read.*without --strict"):
            tokenize_clips(clips, str(tiny_codec_folder), tmp_path / folder, shard_size=4, strict=True)


def test_long_clips_do_not_share_a_batch(recordings, tiny_codec_folder, tmp_path, monkeypatch):
    sizes = []
    encode = tokenizing.torch.zeros
    monkeypatch.setattr(tokenizing.torch, "zeros", lambda *shape: sizes.append(shape) or encode(*shape))
    monkeypatch.setattr(tokenizing, "MAX_MEAN_SECONDS", 0.3)
    tokenize_clips(read_folder(recordings), str(tiny_codec_folder), tmp_path / "tokens", batch_size=5)
    assert sum(rows for rows, _, _ in sizes) == 10
    assert all(rows * samples <= 5 * 0.3 * 24_000 for rows, _, samples in sizes)


def test_full_disk_leaves_the_finished_shards(tmp_path, token_dir, recordings, tiny_codec_folder, monkeypatch):
    path = token_dir / "tokens-00002-of-00003.parquet"
    path.unlink()
    before = content(token_dir)

    def full(table, target, **options):
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
    assert info.codec == tiny_codec_folder.name and codec_info.locate_codec(info.codec) == info.codec
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
    assert token_upload.push_tokens(token_dir, "me/tokens") == "https://huggingface.co/datasets/me/tokens"
    assert len(calls) == 1 and calls[0]["repo_type"] == "dataset" and calls[0]["folder_path"] == str(token_dir)
    assert "data_files: tokens-*.parquet" in (token_dir / "README.md").read_text()
    Api.upload_folder = lambda self, **kwargs: (_ for _ in ()).throw(OSError("401 for Bearer hf_secret"))
    with pytest.raises(OSError, match=r"was not uploaded to me/tokens \(401 for Bearer \*\*\*\)"):
        token_upload.push_tokens(token_dir, "me/tokens")
    # Offline, as all tests are.
    monkeypatch.undo()
    with pytest.raises(OSError, match="was not uploaded to me/tokens.*hf upload --repo-type dataset me/tokens"):
        token_upload.push_tokens(token_dir, "me/tokens")


def test_where_no_clip_can_be_used_the_first_reason_is_said(tiny_codec_folder, tmp_path):
    (tmp_path / "metadata.csv").write_text("file_name,text\na.wav,Hello there.\nb.wav,And you.\n")
    for _ in range(2):
        with pytest.raises(DataError, match=r"None of the 2 clips can be used.*a\.wav: there is no such file"):
            tokenize_clips(read_folder(tmp_path), str(tiny_codec_folder), tmp_path / "tokens", shard_size=4)


def test_the_command_reads_tables_without_a_header_and_columns_by_name(
    tiny_codec_folder, recordings, tmp_path, monkeypatch, capsys
):
    from tts_trm.scripts.tokenize_dataset import main

    monkeypatch.chdir(tmp_path)
    sound = sorted(recordings.glob("*.wav"))[0].read_bytes()
    for folder, table, options in (
        ("bare", "anna|a|Hello there.\n", ["--table-columns", "speaker,file,text"]),
        ("named", "file_name,text,label\na.wav,Wrong.,Hello there.\n", ["--text-column", "label"]),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.wav").write_bytes(sound)
        (tmp_path / folder / "metadata.csv").write_text(table)
        command = ["--data-dir", folder, "--codec", str(tiny_codec_folder), "--output-dir", f"{folder}_tokens"]
        assert main([*command, *options, "--num-workers", "1"]) == 0, capsys.readouterr().err
        assert load_tokens(f"{folder}_tokens")[0]["text"] == ["Hello there."]
    assert main(["--data-dir", "nowhere", "--codec", str(tiny_codec_folder), "--output-dir", "out"]) == 1
    assert "nowhere: is not a folder" in capsys.readouterr().err

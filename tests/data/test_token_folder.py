"""The token folder as a cache: never stale, never half written, and never trained from where it is damaged."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
import torch
from prepared import content, make_recordings, own_cache, processor_for, write_audio  # noqa: F401
from runs import ROOT, on_file_operation

from tts_trm import TtsTrmCodec, TtsTrmProcessor, processing_tts_trm
from tts_trm.data import tokenizing
from tts_trm.data.clips import DataError
from tts_trm.data.codec_info import CodecInfo
from tts_trm.data.join import join_tokens
from tts_trm.data.recordings import read_folder
from tts_trm.data.token_folder import TokenShards, load_tokens, tokenizer_hash, write_durations
from tts_trm.data.tokenizing import tokenize_clips


@pytest.fixture
def codec(tiny_codec_folder, tmp_path):
    shutil.copytree(tiny_codec_folder, tmp_path / "codec")
    yield tmp_path / "codec"
    processing_tts_trm._loaded_codecs.clear()


@pytest.fixture
def prepare(recordings, codec):
    """Prepares the recordings as they are now, into a folder, as a process of its own would."""
    write_audio(recordings / "3.wav", 4, 3)

    def prepare(folder, **options):
        processing_tts_trm._loaded_codecs.clear()
        return tokenize_clips(read_folder(recordings), str(codec), folder, shard_size=4, **options)

    return prepare


# -- what changes it ------------------------------------------------------------------------------------------------


def edit_table(recordings, old: str, new: str) -> None:
    table = (recordings / "metadata.csv").read_text()
    assert old in table
    (recordings / "metadata.csv").write_text(table.replace(old, new))


def edit_late_samples(recordings) -> None:
    samples, rate = soundfile.read(recordings / "3.wav")
    samples[-rate // 2 :] *= 0.1
    soundfile.write(recordings / "3.wav", samples, rate)


def edit_codec(folder, change) -> None:
    model = TtsTrmCodec.from_pretrained(folder)
    change(model)
    model.save_pretrained(folder)


def turn_encoder(model) -> None:
    model.analysis.copy_(model.analysis.roll(1, 1))


def next_version(patch) -> None:
    patch.setattr("tts_trm.data.codec_info.FORMAT_VERSION", 2)
    defaults = CodecInfo.__init__.__defaults__
    patch.setattr(CodecInfo.__init__, "__defaults__", tuple(2 if value == 1 else value for value in defaults))


CHANGES = {
    "another recording": lambda recordings, codec, patch: write_audio(recordings / "3.wav", 0.5, 99),
    "late samples, same size": lambda recordings, codec, patch: edit_late_samples(recordings),
    "recording removed": lambda recordings, codec, patch: (recordings / "3.wav").unlink(),
    "row added": lambda recordings, codec, patch: edit_table(recordings, "9.wav", '1.wav,"No, hi",anna\n9.wav'),
    "row removed": lambda recordings, codec, patch: edit_table(recordings, '0.wav,"No, v, hi",anna\n', ""),
    "rows in another order": lambda recordings, codec, patch: edit_table(
        recordings, '0.wav,"No, v, hi",anna\n1.wav,"No, w, hi",bert', '1.wav,"No, w, hi",bert\n0.wav,"No, v, hi",anna'
    ),
    "text": lambda recordings, codec, patch: edit_table(recordings, "No, w, hi", "No, w, ho"),
    "speaker": lambda recordings, codec, patch: edit_table(recordings, 'hi",anna', 'hi",carl'),
    "own durations": lambda recordings, codec, patch: (
        edit_table(recordings, "speaker\n", "speaker,durations\n")
        or edit_table(recordings, ",anna", ",anna,1 2 3")
        or edit_table(recordings, ",bert", ",bert,3 2 1")
    ),
    "codec's encoder": lambda recordings, codec, patch: edit_codec(codec, turn_encoder),
    "codec's settings": lambda recordings, codec, patch: edit_codec(
        codec, lambda model: setattr(model.config, "log_floor", 0.1)
    ),
    "loudness": lambda recordings, codec, patch: [
        patch.setattr(f"tts_trm.{module}.TARGET_LOUDNESS", -26.0) for module in ("audio.reading", "data.tokenizing")
    ],
    "version of the code": lambda recordings, codec, patch: next_version(patch),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_it_is_as_if_prepared_afresh(change, prepare, recordings, codec, tmp_path, monkeypatch):
    folder, fresh = tmp_path / "tokens", tmp_path / "fresh"
    before = prepare(folder)
    write_durations(folder, "0" * 64, [None] * 10)
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    # `datasets` caches the rows.
    load_tokens(folder)
    CHANGES[change](recordings, codec, monkeypatch)
    after = prepare(folder)
    assert after.num_encoded == after.num_clips and before.num_clips == 10
    # As copies and archives do.
    for path in folder.iterdir():
        os.utime(path, ns=(times[path.name],) * 2)
    prepare(fresh)
    assert content(folder) == content(fresh)
    assert load_tokens(folder)[0].to_list() == load_tokens(fresh)[0].to_list()
    monkeypatch.setattr(tokenizing, "encode_batch", None)
    assert prepare(folder).num_encoded == 0 and content(folder) == content(fresh)


def test_places_times_and_names_change_nothing(prepare, recordings, codec, tmp_path):
    prepare(tmp_path / "tokens")
    before = CodecInfo.read(tmp_path / "tokens")
    moved, elsewhere = tmp_path / "moved" / "speech", tmp_path / "elsewhere"
    shutil.copytree(recordings, moved, copy_function=shutil.copyfile)
    shutil.copytree(codec, elsewhere)
    about = {"transformers_version": "5.0.0", "architectures": ["Another"], "auto_map": {"AutoModel": "a.B"}}
    settings = json.loads((codec / "config.json").read_text())
    (elsewhere / "config.json").write_text(json.dumps(settings | about))
    report = tokenize_clips(read_folder(moved), str(elsewhere), tmp_path / "tokens", shard_size=4)
    assert report.num_encoded == 0 and CodecInfo.read(tmp_path / "tokens").key == before.key


def test_the_key_is_the_same_in_every_process(prepare, recordings, codec, tmp_path):
    prepare(tmp_path / "tokens")
    before = content(tmp_path / "tokens")
    script = (
        f"import runpy, sys; runpy.run_path({str(ROOT / 'scripts' / '_clone.py')!r})\n"
        "from tts_trm.data.tokenizing import tokenize_clips\n"
        "from tts_trm.data.recordings import read_folder\n"
        "recordings, codec, folder = sys.argv[1:]\n"
        "print(tokenize_clips(read_folder(recordings), codec, folder, shard_size=4).num_encoded)"
    )
    command = [sys.executable, "-c", script, str(recordings), str(codec), str(tmp_path / "tokens")]
    done = subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "1"}, capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr
    assert content(tmp_path / "tokens") == before


# -- what interrupts it ---------------------------------------------------------------------------------------------


def in_a_fork(call) -> int:
    """The exit status of a process that does nothing else, or minus the signal that killed it."""
    process = os.fork()
    if not process:
        try:
            status = call() or 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.parametrize("begun", [False, True], ids=["empty folder", "folder of other recordings"])
def test_killed_anywhere_and_run_again_it_ends_in_the_same_bytes(begun, prepare, recordings, codec, tmp_path):
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    if begun:
        tokenize_clips(read_folder(recordings)[:5], str(codec), old, shard_size=2)
        write_durations(old, "0" * 64, [None] * 5)
    else:
        old.mkdir()
    prepare(fresh)
    expected, counted = content(fresh), tmp_path / "counted"

    def killed_at(number: int, folder) -> None:
        def reached(count: int) -> None:
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

        on_file_operation(reached, under=folder)
        prepare(folder)

    def count_all() -> int:
        seen = []
        on_file_operation(seen.append, under=counted)
        prepare(counted)
        return len(seen)

    shutil.copytree(old, counted)
    operations = in_a_fork(count_all)
    assert 20 < operations < 200 and content(counted) == expected
    for number in np.unique(np.linspace(1, operations, 9).astype(int)):
        folder = tmp_path / f"killed_{number}"
        shutil.copytree(old, folder)
        assert in_a_fork(lambda number=number, folder=folder: killed_at(number, folder)) == -signal.SIGKILL
        prepare(folder)
        assert content(folder) == expected


# -- what damages it ------------------------------------------------------------------------------------------------

SHARD = "tokens-00001-of-00003.parquet"


def with_codes(table, change, kind=None):
    """`table` with the codes of its second clip, 5.wav, as `change` of the list of lists makes them."""
    column = table["audio_codes"].to_pylist()
    column[1] = change(column[1])
    array = pyarrow.array(column, kind or table["audio_codes"].type)
    return table.set_column(table.column_names.index("audio_codes"), "audio_codes", array)


def with_code(code: int):
    return lambda codes: [*codes[:3], [codes[3][0], code, *codes[3][2:]], *codes[4:]]


def with_frames(table, change):
    frames = table["num_frames"].to_pylist()
    frames[1] = change(frames[1])
    return table.set_column(
        table.column_names.index("num_frames"), "num_frames", pyarrow.array(frames, pyarrow.int32())
    )


LISTS_OF_INT32 = pyarrow.list_(pyarrow.list_(pyarrow.int32()), 32)
ONE_LIST_LESS = pyarrow.list_(pyarrow.list_(pyarrow.int16()), 31)
WRONG = {
    "below zero": (lambda table: with_codes(table, with_code(-1)), "the clip 5.wav has codes outside 0..31"),
    "beyond the codebook": (lambda table: with_codes(table, with_code(32)), "the clip 5.wav has codes outside 0..31"),
    "beyond int16": (lambda table: with_codes(table, with_code(65_540), LISTS_OF_INT32), "not codes .* as int16"),
    "a codebook less": (
        lambda table: table.set_column(
            3, "audio_codes", pyarrow.array([row[:31] for row in table["audio_codes"].to_pylist()], ONE_LIST_LESS)
        ),
        "not codes of 32 codebooks",
    ),
    "no frames": (
        lambda table: with_frames(with_codes(table, lambda codes: [[]] * 32), lambda frames: 0),
        "the clip 5.wav has no codes",
    ),
    "more frames than it says": (
        lambda table: with_frames(table, lambda frames: frames - 1),
        "5.wav has a number of codes",
    ),
    "codebooks of unequal length": (
        lambda table: with_codes(table, lambda codes: [codes[0] + codes[1][:1], codes[1][1:], *codes[2:]]),
        "5.wav has a number of codes",
    ),
    "none at all": (lambda table: with_codes(table, lambda codes: None), "some of its codes are missing"),
    "a missing codebook": (lambda table: with_codes(table, lambda codes: [None, *codes[1:]]), "codes are missing"),
}


def shards_of(folder) -> list:
    return list(TokenShards(CodecInfo.read(folder), TtsTrmProcessor.from_texts(["No, hi"]).tokenizer))


def assert_refused(folder, match: str) -> None:
    for load in (load_tokens, shards_of):
        with pytest.raises(DataError, match=match):
            load(folder)


@pytest.mark.parametrize("fault", WRONG)
def test_what_are_no_codes_is_refused_by_name(fault, prepare, tmp_path):
    prepare(tmp_path / "tokens")
    before, path = content(tmp_path / "tokens"), tmp_path / "tokens" / SHARD
    damage, reason = WRONG[fault]
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(damage(table).replace_schema_metadata(table.schema.metadata), path)
    assert_refused(tmp_path / "tokens", f"{SHARD}: .*{reason}.*; delete it and run the same command again")
    path.unlink()
    prepare(tmp_path / "tokens")
    assert content(tmp_path / "tokens") == before


def test_a_shard_that_was_damaged_on_disk_is_named_or_read_as_it_was(prepare, tmp_path):
    prepare(tmp_path / "tokens")
    path, generator, refused = tmp_path / "tokens" / SHARD, random.Random(0), 0
    whole, rows = path.read_bytes(), load_tokens(tmp_path / "tokens")[0].to_list()
    for place in np.linspace(0, len(whole) - 1, 150).astype(int):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        try:
            shards = shards_of(tmp_path / "tokens")
        except DataError as error:
            assert SHARD in str(error) and "run the same" in str(error)
            refused += 1
        else:
            assert [row for shard in shards for row in shard] == rows
    assert refused > 75
    for damaged in (whole[:-1], whole.replace(b'"num_clips": 4', b'"num_clips": 3')):
        path.write_bytes(damaged)
        assert_refused(tmp_path / "tokens", f"{SHARD}: is missing or unreadable")


def spoil(path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("codec.json", lambda path: path.write_text("{"), "codec.json: cannot be read .*; tokenise .* again"),
        ("codec.json", lambda path: path.write_text("[]"), "codec.json: cannot be read .*; tokenise .* again"),
        (
            "codec.json",
            lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 0})),
            "codec.json: has format version 0",
        ),
        ("codebooks.safetensors", lambda path: spoil(path, -1), "does not belong to the codec"),
        ("codebooks.safetensors", lambda path: path.write_bytes(b""), "cannot be read"),
        ("skipped.json", lambda path: path.write_text("{"), None),
    ],
)
def test_a_damaged_folder_is_mended_by_the_same_command(name, damage, reason, prepare, tmp_path):
    prepare(tmp_path / "tokens")
    before = content(tmp_path / "tokens")
    damage(tmp_path / "tokens" / name)
    if reason:
        with pytest.raises(DataError, match=reason):
            load_tokens(tmp_path / "tokens")[1].codebooks()
    prepare(tmp_path / "tokens")
    assert content(tmp_path / "tokens") == before


def test_damaged_durations_are_named(prepare, tmp_path):
    prepare(tmp_path / "tokens")
    tokenizer = processor_for(load_tokens(tmp_path / "tokens")[0]).tokenizer
    path = write_durations(tmp_path / "tokens", tokenizer_hash(tokenizer), [np.ones(4)] * 10)
    spoil(path, 40)
    with pytest.raises(DataError, match=f"{path.name}: is damaged .*; delete it and run the same command again"):
        load_tokens(tmp_path / "tokens", tokenizer)


def test_a_codec_with_more_entries_than_can_be_stored_is_refused(prepare, tmp_path, monkeypatch):
    monkeypatch.setattr(tokenizing, "MAX_CODEBOOK", 31)
    with pytest.raises(DataError, match="codec: has 32 entries per codebook; only 31 can be stored"):
        prepare(tmp_path / "tokens")


def test_folders_are_joined_row_by_row(tmp_path, recordings, tiny_codec_folder):
    token_dir = tmp_path / "tokens"
    tokenize_clips(read_folder(recordings), str(tiny_codec_folder), token_dir, shard_size=4)
    rows, info = load_tokens(token_dir)
    half = tmp_path / "half"
    shutil.copytree(token_dir, half)
    (half / "codebooks.safetensors").unlink()
    assert join_tokens([half, token_dir], tmp_path / "joined") == 2 * len(rows)
    joined, joined_info = load_tokens(tmp_path / "joined")
    assert joined["text"][:] == 2 * rows["text"][:] and joined["audio_codes"][:] == 2 * rows["audio_codes"][:]
    assert joined_info.fingerprint == info.fingerprint and torch.equal(joined_info.codebooks(), info.codebooks())
    with pytest.raises(DataError, match="holds tokens already"):
        join_tokens([token_dir], tmp_path / "joined")
    with pytest.raises(DataError, match=r"no folder holds codebooks\.safetensors"):
        join_tokens([half], tmp_path / "other")

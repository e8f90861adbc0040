"""Files made to break their readers: a small form of `make torture`, and the known abuses of safetensors."""

import json
import shutil
import struct
from pathlib import Path

import pytest

from tts_trm import TtsTrmModel, TtsTrmProcessor
from tts_trm.processing_tts_trm import CodecError
from tts_trm.speaking.voice import Voice, VoiceError
from tts_trm.tests.stress import hostile_files

COUNTS = {"audio": 300, "weights": 100, "configurations": 100, "training_states": 15, "manifests": 30, "tokens": 15}
# The committed figures are of 0.
SEED = 1


@pytest.mark.parametrize("kind", hostile_files.KINDS)
def test_damaged_files_are_refused_or_harmless(kind, tmp_path):
    folder = tmp_path / kind
    folder.mkdir()
    result = hostile_files.torture(kind, folder, COUNTS[kind], SEED, hostile_files.forked)
    # Which here depends on the neighbours.
    assert [fault for fault in result["faults"] if fault[2] != "slow"] == []
    assert result["accepted"] + result["refused"] == COUNTS[kind] and result["refused"] > COUNTS[kind] // 10


def tensor_file(entries, size: int, header: bytes | None = None, length: int | None = None) -> bytes:
    """A safetensors file of `size` zeros; of the length of its header it says `length`."""
    header = json.dumps(entries).encode() if header is None else header
    return struct.pack("<Q", len(header) if length is None else length) + header + bytes(size)


def float_entry(start: int, end: int, shape: list[int]) -> dict:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


TWICE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
ABUSES = {
    "an empty file": b"",
    "a header shorter than it says": tensor_file({}, 0, length=1000),
    "a header longer than it says": tensor_file({"a": float_entry(0, 4, [1])}, 4, length=10),
    "a header of 100 MB": tensor_file({}, 0, length=10**8),
    "a header of all memory": tensor_file({}, 0, length=2**63),
    "tensors that overlap": tensor_file({"a": float_entry(0, 8, [2]), "b": float_entry(4, 12, [2])}, 12),
    "a hole between tensors": tensor_file({"a": float_entry(0, 4, [1]), "b": float_entry(8, 12, [1])}, 12),
    "bytes beyond the last tensor": tensor_file({"a": float_entry(0, 4, [1])}, 400),
    "an end before the start": tensor_file({"a": float_entry(8, 4, [1])}, 8),
    "an end beyond the file": tensor_file({"a": float_entry(0, 4 * 10**9, [10**9])}, 4),
    "a shape that does not fit its bytes": tensor_file({"a": float_entry(0, 8, [3])}, 8),
    "a shape whose product overflows": tensor_file({"a": float_entry(0, 4, [2**32, 2**32, 2**32])}, 4),
    "a kind of number that is none": tensor_file({"a": float_entry(0, 4, [1]) | {"dtype": "F33"}}, 4),
    "the same name twice": tensor_file(None, 8, TWICE),
    "a header that is not UTF-8": tensor_file(None, 0, b'{"\xff\xfe": {}}'),
    "a header that is not JSON": tensor_file(None, 0, b"import os"),
    "a header that is a list": tensor_file(None, 0, b"[1, 2]"),
    "a header nested without end": tensor_file(None, 0, b"[" * 100_000),
    "a pickle": b"\x80\x04cos\nsystem\n(S'exit 1'\ntR.",
}


@pytest.fixture
def voice(tmp_path, tiny_voice) -> Path:
    return shutil.copytree(tiny_voice, tmp_path / "voice")


@pytest.mark.parametrize("name", ["model.safetensors", "codec/model.safetensors"])
@pytest.mark.parametrize("abuse", ABUSES)
def test_abused_weights_are_refused(abuse, name, voice, monkeypatch):
    monkeypatch.setattr("tts_trm.processing_tts_trm._loaded_codecs", {})
    (voice / name).write_bytes(ABUSES[abuse])
    with pytest.raises(VoiceError, match=str(voice)):
        Voice.from_pretrained(voice, device="cpu")
    with pytest.raises(Exception):  # noqa: B017 (of the library's own kinds)
        TtsTrmModel.from_pretrained(voice)
        _ = TtsTrmProcessor.from_pretrained(voice).codec_model


@pytest.mark.parametrize("part", ["../elsewhere.safetensors", "{outside}/elsewhere.safetensors"])
@pytest.mark.parametrize("folder", ["", "codec"])
def test_weights_in_parts_come_from_their_folder(part, folder, voice, tmp_path, monkeypatch):
    monkeypatch.setattr("tts_trm.processing_tts_trm._loaded_codecs", {})
    whole = voice / folder / "model.safetensors"
    part = part.format(outside=whole.parent.parent)
    whole.rename(whole.parent.parent / "elsewhere.safetensors")
    index = {"metadata": {}, "weight_map": {"a": part}}
    whole.with_name("model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(VoiceError, match="leaves the folder"):
        Voice.from_pretrained(voice, device="cpu")


@pytest.mark.parametrize("codec", ["../codec", "/etc", "~/codec", "a/b/c", "here/codec", "", 7, ["codec"]])
def test_a_voice_names_no_folder_of_this_machine_as_its_codec(codec, voice, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(voice / "codec", tmp_path / "here" / "codec")
    path = voice / "processor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"codec": codec}))
    with pytest.raises(VoiceError, match=str(voice)):
        Voice.from_pretrained(voice, device="cpu")
    with pytest.raises(CodecError, match="processor_config.json"):
        TtsTrmProcessor.from_pretrained(voice)

"""benchmarks/quality/peers.py: what it says of its systems, on a tiny voice of ours."""

import pytest

from tts_trm.benchmarks.quality import peers
from tts_trm.data.held_out import is_held_out
from tts_trm.errors_tts_trm import InputError


def test_a_system_is_measured_in_a_process_of_its_own(tiny_voice, tmp_path):
    sentences = tmp_path / "sentences.txt"
    sentences.write_text("A bat sat.\n\nTwo bats sat.\n", encoding="utf-8")
    options = peers.parse_arguments(["--model", str(tiny_voice), "--speaker", "anna", "--sentences", str(sentences)])
    assert peers.read_sentences(options) == ["A bat sat.", "Two bats sat."]
    found = peers.start_process("TTS TRM", 1, options)
    assert found.keys() == {"first_audio", "seconds_per_second", "peak_mb"} and all(
        value > 0 for value in found.values()
    )
    assert peers.count_parameters("TTS TRM", options) > 0
    assert [path.suffix for path in peers.weight_files("TTS TRM", options)] == [".safetensors"] * 2
    options.speaker = "nobody"
    with pytest.raises(InputError, match="TTS TRM: the process that measures it failed"):
        peers.start_process("TTS TRM", 1, options)


def test_weights_that_are_not_there_are_named(tmp_path):
    options = peers.parse_arguments(["--piper", str(tmp_path)])
    with pytest.raises(InputError, match=r"has no file \*\.onnx; give the folder"):
        peers.weight_files("Piper", options)


def test_the_table_has_a_row_for_each_system():
    measures = {"word_error_rate": 0.05, "word_error_interval": [0.02, 0.09], "dnsmos_overall": 3.0, "dnsmos_p808": 3.5}
    measures |= {"seconds_per_second": {1: 0.05, 2: 0.03}, "first_audio": 4.8, "peak_mb": 500.0, "weights_mb": 60.0}
    lines = peers.report({"TTS TRM": measures | {"parameters": 20.0}}).splitlines()
    assert lines[2] == "| TTS TRM | 5.0% (2-9) | 3.00 / 3.50 | 0.050 | 0.030 | 4.8 | 500 | 60 | 20 |"


def test_our_voice_has_never_seen_the_sentences():
    sentences = peers.read_sentences(peers.parse_arguments([]))
    assert len(sentences) == 100
    assert all(is_held_out(text, 0.04) for text in sentences)

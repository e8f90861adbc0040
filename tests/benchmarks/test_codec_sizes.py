"""The codec's decoders of several sizes: same codebooks, each trained and measured, and a place in the report."""

import json

import pytest
import torch

from tts_trm import TtsTrmCodec
from tts_trm.benchmarks.quality import codec_sizes


@pytest.fixture
def command(tiny_codec_folder, tiny_recordings, tmp_path, monkeypatch):
    class Listener:
        def __call__(self, waveform, sampling_rate: int) -> str:
            return "the small window"

    monkeypatch.setattr("tts_trm.evaluation.recognizers.PocketsphinxRecognizer", Listener)
    monkeypatch.setattr(codec_sizes, "SIZES", {"small": {"hidden_size": 8}, "deep": {"num_layers": 2}})
    monkeypatch.setattr(codec_sizes, "PAGE", tmp_path / "page.md")
    (tmp_path / "page.md").write_text("<!-- table: codec -->\n<!-- end -->\n")
    options = ["--data-dir", str(tiny_recordings), "--codec", str(tiny_codec_folder), "--speaker", "anna"]
    return [*options, "--minutes", "0.005", "--output", str(tmp_path / "sizes.json")]


def test_every_size_is_trained_once_and_reported(command, tmp_path):
    # The second time there is nothing left to do.
    for _ in range(2):
        assert codec_sizes.main([*command, "--report"]) == 0
        results = json.loads((tmp_path / "sizes.json").read_text())
        assert [result["name"] for result in results] == ["small", "deep"]
    assert results[0]["parameters"] < results[1]["parameters"] and results[0]["speaker"] == "anna"
    assert all(result["log_mel_distance"]["32"] > 0 for result in results)
    lines = (tmp_path / "page.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[3:5]] == ["| small", "| deep"] and "100.0 %" in lines[3]


def test_another_decoder_keeps_the_codes(tiny_codec_folder):
    codec = TtsTrmCodec.from_pretrained(tiny_codec_folder)
    other = codec_sizes.untrained(codec, {"num_layers": 3})
    waveform = 0.1 * torch.randn(1, 1, 4000)
    assert torch.equal(codec.encode(waveform).audio_codes, other.encode(waveform).audio_codes)
    assert sum(p.numel() for p in other.parameters()) > sum(p.numel() for p in codec.parameters())


def test_without_recordings_nothing_is_trained(capsys):
    with pytest.raises(SystemExit):
        codec_sizes.main([])
    assert "--data-dir" in capsys.readouterr().err

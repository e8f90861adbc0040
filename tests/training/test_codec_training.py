"""`scripts/train_codec.py` on a minute of made-up voices: fits, trains, resumes, reports."""

import json

import numpy as np
import pytest
import soundfile
import torch

from tts_trm import TtsTrmCodec
from tts_trm.audio.reading import normalize_loudness
from tts_trm.modeling_tts_trm_codec import dequantize
from tts_trm.scripts import train_codec
from tts_trm.training.codec_training import SUBSPACE, WHOLE_LEVELS, SpectralLoss

RATE = 24_000
SIZES = '{"codebook_size": 16, "num_quantizers": 6, "hidden_size": 16, "intermediate_size": 16, "num_layers": 1}'


def buzz(seed: int, seconds: float = 1.5) -> np.ndarray:
    """A harmonic tone whose pitch and colour wander: enough like a voice to have principal components."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(RATE * seconds)) / RATE
    pitch = 120 + 40 * np.sin(2 * np.pi * generator.uniform(0.5, 2) * time) + 20 * generator.uniform()
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = sum(np.sin(k * phase) / k * (1 + np.sin(2 * np.pi * generator.uniform(1, 4) * time)) for k in range(1, 12))
    return (0.1 * tone).astype(np.float32)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    rows = ["file_name,text,speaker"]
    for index in range(30):
        soundfile.write(folder / f"{index}.wav", buzz(index), RATE)
        rows.append(f"{index}.wav,sentence number {index},buzz")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return folder


def train(recordings, folder, minutes) -> int:
    return train_codec.main(
        ["--data-dir", str(recordings), "--output-dir", str(folder), "--minutes", str(minutes), "--config", SIZES]
        + ["--held-out", "0.2", "--batch-size", "2", "--excerpt-frames", "4"]
    )


@pytest.fixture(scope="module")
def trained(recordings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("codec")
    assert train(recordings, folder, minutes=0.03) == 0
    return folder


def test_each_codebook_leaves_less_of_the_energy(trained):
    codec = TtsTrmCodec.from_pretrained(trained)
    audio = torch.from_numpy(np.stack([normalize_loudness(buzz(index)) for index in range(30)]))
    latent, codes = codec.to_latent(audio), codec.encode(audio[:, None]).audio_codes.transpose(1, 2)
    errors = [(latent - dequantize(codes[..., :k], codec.codebooks)).square().mean().item() for k in range(1, 7)]
    assert errors == sorted(errors, reverse=True)
    ranks = [int(torch.linalg.matrix_rank(entries, rtol=0.01)) for entries in codec.codebooks]
    assert min(ranks[:WHOLE_LEVELS]) > SUBSPACE == max(ranks[WHOLE_LEVELS:])
    assert errors[-1] < 0.9 * errors[0]


def test_what_shapes_the_codes_is_exact_in_half_precision(trained):
    codec = TtsTrmCodec.from_pretrained(trained)
    for buffer in (codec.feature_mean, codec.analysis, codec.synthesis, codec.codebooks):
        assert torch.equal(buffer.half().float(), buffer)


def test_started_again_it_goes_on_and_the_decoder_gets_better(recordings, trained, capsys):
    before = TtsTrmCodec.from_pretrained(trained)
    assert train(recordings, trained, minutes=0.15) == 0
    assert "goes on at step" in capsys.readouterr().out
    after = TtsTrmCodec.from_pretrained(trained)
    assert torch.equal(before.codebooks, after.codebooks)
    audio = torch.from_numpy(buzz(100)[: RATE - RATE % 1920])[None]
    loss = SpectralLoss(RATE)
    assert loss(after(audio[None]).audio_values[:, 0], audio) < loss(before(audio[None]).audio_values[:, 0], audio)


def test_the_report_measures_held_out_clips_by_level(trained):
    report = json.loads((trained / "report.json").read_text())
    assert report["clips"] > 0
    assert set(report["log_mel_distance"]) == {"6"}
    assert report["log_mel_distance"]["6"] > 0
    assert 0 < report["energy_left"]["6"] < 1
    assert 0 <= report["recognised_recordings"]["word_error_rate"]


def test_too_little_audio_is_refused_in_one_line(tmp_path, recordings, capsys):
    arguments = ["--data-dir", str(recordings), "--output-dir", str(tmp_path), "--held-out", "0.2"]
    assert train_codec.main([*arguments, "--config", '{"codebook_size": 100000}']) == 1
    assert "cannot fill 100000 entries" in capsys.readouterr().err


def test_the_loss_is_zero_for_equal_audio_and_has_a_gradient_in_silence():
    loss, audio = SpectralLoss(RATE), torch.from_numpy(buzz(1))[None]
    assert loss(audio, audio) == 0
    silence = torch.zeros_like(audio).requires_grad_()
    loss(silence, audio).backward()
    assert silence.grad.isfinite().all()

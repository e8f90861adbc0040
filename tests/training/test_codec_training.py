"""`scripts/train_codec.py` on a minute of made-up voices: fits, trains, resumes, reports."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import torch

from tts_trm import TtsTrmCodec, run_training
from tts_trm.audio.reading import normalize_loudness
from tts_trm.modeling_tts_trm_codec import dequantize
from tts_trm.scripts import train_codec
from tts_trm.training.codec_training import SUBSPACE, WHOLE_LEVELS, Excerpts, SpectralLoss
from tts_trm.training.predicted_codes import predicted_codes

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
    assert "continues at step" in capsys.readouterr().out
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


def test_the_decoder_learns_from_what_a_voice_predicts(recordings, trained, tmp_path, capsys, monkeypatch):
    """In the voice's envelope, at the recording's pitch: excerpts of both kinds, against the same sound."""
    codec = tmp_path / "codec"
    shutil.copytree(trained, codec)
    sizes = "--text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 16 --text-layers 1 --num-heads 2 --H-cycles 1"
    command = ["--data-dir", str(recordings), "--codec", str(codec), "--token-dir", str(tmp_path / "tokens")]
    command += [*sizes.split(), "--max-steps", "3", "--num-workers", "0", "--output-dir", str(tmp_path / "run")]
    assert run_training.main([*command, "--no-tensorboard", "--device", "cpu"]) == 0
    voice = tmp_path / "run" / "checkpoints" / "final"
    predicted = predicted_codes(voice, tmp_path / "tokens", torch.device("cpu"))
    clips = {f"{index}.wav": -(-len(buzz(index)) // 1920) for index in range(30)}
    # Held-out sentences are not among them.
    assert 0 < len(predicted) < len(clips)
    assert all(codes.shape == (clips[name], 6) and codes.max() < 16 for name, codes in predicted.items())

    drawn = []
    original = Excerpts.draw

    def watched(self):
        state, predicted = self.generator.get_state(), self.predicted
        drawn_with = original(self)
        # The same places again, from the recording alone.
        self.generator.set_state(state)
        self.predicted = None
        drawn.append((drawn_with[0], original(self)[0]))
        self.predicted = predicted
        return drawn_with

    monkeypatch.setattr(Excerpts, "draw", watched)
    arguments = ["--data-dir", str(recordings), "--output-dir", str(codec), "--minutes", "0", "--held-out", "0.2"]
    arguments += ["--adversarial-minutes", "0.02", "--discriminator-channels", "2", "--report-clips", "0"]
    arguments += ["--batch-size", "2", "--excerpt-frames", "4", "--voice", str(voice)]
    (codec / "training.safetensors").unlink()
    assert train_codec.main([*arguments, "--token-dir", str(tmp_path / "tokens")]) == 0
    assert f"learns from {len(predicted)} predictions" in capsys.readouterr().out
    bands = 80
    for with_voice, of_recording in drawn:
        assert torch.equal(with_voice[..., bands:], of_recording[..., bands:])
        assert torch.equal(with_voice[1], of_recording[1])
    assert any(not torch.equal(with_voice[0], of_recording[0]) for with_voice, of_recording in drawn)
    before, after = TtsTrmCodec.from_pretrained(trained), TtsTrmCodec.from_pretrained(codec)
    assert torch.equal(before.codebooks, after.codebooks)
    assert not torch.equal(before.decoder.output.weight, after.decoder.output.weight)

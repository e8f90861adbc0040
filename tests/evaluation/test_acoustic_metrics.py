"""How speech sounds: warping against a naive oracle, and signals whose distances are known."""

import functools

import numpy as np
import pytest

from tts_trm.audio.features import HOP_LENGTH, mel_cepstra, pitch_contour
from tts_trm.evaluation.acoustic_metrics import AcousticDistance, SpeakerSimilarity, speaker_centroids, warping_path

RATE = 24_000


def voice(pitch=150.0, seconds=1.0, glide=0.3, hiss=0.0, seed=0) -> np.ndarray:
    """A buzz whose pitch (Hz) rises by `glide` octaves and whose colour moves; `hiss` seconds of noise at its end."""
    time = np.arange(int(RATE * seconds)) / RATE / seconds
    phase = 2 * np.pi * np.cumsum(pitch * 2 ** (glide * time)) / RATE
    buzz = sum(np.sin(k * phase) / k * (1 + np.sin(2 * np.pi * time * k / 4)) for k in range(1, 16))
    noise = 0.05 * np.random.default_rng(seed).standard_normal(int(RATE * hiss))
    return np.concatenate([0.1 * buzz, noise]).astype(np.float32)


def distance(speech, reference) -> dict:
    return AcousticDistance(keep_in_memory=True).compute(
        predictions=[speech], references=[reference], sampling_rate=RATE
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (7, 4), (9, 9)])
def test_warping_is_as_cheap_as_the_naive_recursion_says(shape):
    cost = np.random.default_rng(sum(shape)).random(shape)

    @functools.cache
    def cheapest(i, j):
        if min(i, j) < 0:
            return np.inf
        before = min(cheapest(i - 1, j - 1), cheapest(i - 1, j), cheapest(i, j - 1)) if i or j else 0.0
        return cost[i, j] + before

    rows, columns = warping_path(cost)
    assert cost[rows, columns].sum() == pytest.approx(cheapest(shape[0] - 1, shape[1] - 1))
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, shape[0] - 1, shape[1] - 1)
    steps = set(zip(np.diff(rows), np.diff(columns), strict=True))
    assert steps <= {(1, 1), (1, 0), (0, 1)}


def test_equal_speech_has_no_distance():
    measured = distance(voice(hiss=0.3), voice(hiss=0.3))
    assert measured["mel_cepstral_distance"] == pytest.approx(0, abs=1e-3)
    assert measured["log_f0_error"] == 0 and measured["log_f0_correlation"] == pytest.approx(1)
    assert measured["voicing_error"] == 0 and measured["length_ratio"] == 1


def test_slower_speech_is_near_and_another_sound_is_far():
    slower, noise = distance(voice(seconds=1.3), voice()), distance(voice(seconds=0.1, hiss=0.9), voice())
    assert slower["length_ratio"] == pytest.approx(1.3)
    assert slower["mel_cepstral_distance"] < 0.25 * noise["mel_cepstral_distance"]
    assert slower["log_f0_error"] < 0.05 and slower["log_f0_correlation"] > 0.9
    assert noise["voicing_error"] > 0.5 > slower["voicing_error"]


def test_loudness_is_no_distance():
    assert distance(0.3 * voice(), voice())["mel_cepstral_distance"] < 0.05


def test_cepstra_are_the_cosine_series_of_the_spectrum_in_decibels(monkeypatch):
    from tts_trm.audio import features

    # 2 c_5 = 3 dB.
    ripple = 3.0 * np.cos(np.pi * 5 * (np.arange(80) + 0.5) / 80)
    monkeypatch.setattr(features, "log_mel_decibels", lambda *_: ripple[:, None])
    assert mel_cepstra(None, RATE)[0] == pytest.approx([1.5 if d == 5 else 0 for d in range(1, 14)])


@pytest.mark.parametrize("pitch", [90.0, 180.0, 350.0])
def test_pitch_of_a_known_tone(pitch):
    contour = pitch_contour(voice(pitch, glide=0.0, hiss=0.5), RATE)
    assert len(contour) == int(1.5 * RATE) // HOP_LENGTH + 1
    inside, outside = contour[20:80], contour[120:]
    assert inside == pytest.approx(pitch, rel=0.01)
    assert (outside == 0).mean() > 0.8


def test_transposed_speech_has_the_interval_as_its_error():
    measured = distance(voice(300.0), voice(150.0))
    assert measured["log_f0_error"] == pytest.approx(np.log(2), rel=0.05)
    assert measured["log_f0_correlation"] > 0.9


def test_speech_without_voice_has_no_pitch_error():
    hiss = voice(seconds=0.01, hiss=0.5)
    measured = distance(hiss, hiss)
    assert measured["log_f0_error"] is None and measured["log_f0_correlation"] is None


def test_speakers_are_compared_with_their_other_recordings():
    others = speaker_centroids(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]]))
    assert others == pytest.approx(np.array([[0, 1], [0.5, 0.5], [0.5, 0.5]]))
    similarity = SpeakerSimilarity(keep_in_memory=True)
    same = similarity.compute(predictions=[[0.0, 3.0]], references=others[:1])
    assert same["speaker_similarity"] == pytest.approx(1)
    with pytest.raises(ValueError, match="two recordings"):
        speaker_centroids(np.ones((1, 4)))


@pytest.mark.parametrize("broken", [[float("nan")] * 2400, []])
def test_broken_audio_is_refused(broken):
    with pytest.raises(ValueError, match="finite samples"):
        distance(np.array(broken, np.float32), voice())


def test_embeddings_of_two_encoders_are_refused():
    with pytest.raises(ValueError, match="one encoder"):
        SpeakerSimilarity(keep_in_memory=True).compute(predictions=[[1.0, 2.0]], references=[[1.0, 2.0, 3.0]])

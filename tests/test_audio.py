"""Reading recordings: every format becomes mono float32 at one rate and loudness, every fault names the file."""

import numpy as np
import pytest
import soundfile

from tts_trm.training.audio import AudioError, load_clip, normalize_loudness, read_audio

RATE = 24_000


def tone(rate=RATE, seconds=0.5, frequency=440.0, level=0.3):
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    "file_format, subtype, tolerance",
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "FLOAT", 1e-7),
        ("WAV", "DOUBLE", 1e-7),
        ("FLAC", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 5e-2),
    ],
)
def test_formats_and_sample_widths(tmp_path, file_format, subtype, tolerance):
    path = tmp_path / f"clip.{file_format.lower()}"
    soundfile.write(path, tone(), RATE, format=file_format, subtype=subtype)
    samples = read_audio(path, RATE)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, tone(), atol=tolerance)


def test_channels_are_averaged(tmp_path):
    left, right = tone(frequency=440), tone(frequency=880)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "stereo.wav", RATE), (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_other_rates_are_resampled(tmp_path, rate):
    soundfile.write(tmp_path / "clip.wav", tone(rate), rate, subtype="FLOAT")
    samples = read_audio(tmp_path / "clip.wav", RATE)
    assert len(samples) == RATE // 2 and samples.dtype == np.float32
    middle = slice(2000, -2000)
    np.testing.assert_allclose(samples[middle], tone()[middle], atol=2e-3)


def test_bytes_are_read_as_files_are(tmp_path):
    path = tmp_path / "clip.flac"
    soundfile.write(path, tone(), RATE)
    np.testing.assert_array_equal(read_audio(path.read_bytes(), RATE), read_audio(path, RATE))
    with pytest.raises(AudioError, match="row 7: cannot be read"):
        read_audio(b"no audio", RATE, name="row 7")


@pytest.mark.parametrize("level", [0.001, 0.1, 0.9])
def test_loudness_is_made_equal(tmp_path, level):
    soundfile.write(tmp_path / "clip.wav", tone(level=level), RATE, subtype="FLOAT")
    samples = load_clip(tmp_path / "clip.wav", RATE)
    assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-20, abs=0.01)


def test_loudness_never_clips_a_peak():
    samples = np.full(RATE, 0.001, dtype=np.float32)
    samples[100] = 0.9
    louder = normalize_loudness(samples)
    assert np.abs(louder).max() == pytest.approx(1.0) and louder.dtype == np.float32


def write(path, samples):
    soundfile.write(path, samples, RATE, subtype="FLOAT")


FAULTS = {
    "missing": (lambda path: None, "cannot be read as audio"),
    "a folder": (lambda path: path.mkdir(), "cannot be read as audio"),
    "no audio": (lambda path: path.write_text("this is text"), "cannot be read as audio"),
    "no bytes": (lambda path: path.write_bytes(b""), "cannot be read as audio"),
    "no samples": (lambda path: write(path, np.zeros(0)), "0 samples at 24000 Hz"),
    "too short": (lambda path: write(path, tone(seconds=0.05)), "1200 samples at 24000 Hz are less than 0.1 s"),
    "silent": (lambda path: write(path, np.zeros(RATE)), "is silent"),
    "not a number": (lambda path: write(path, np.append(tone(), np.nan)), "not finite"),
    "infinite": (lambda path: write(path, np.append(tone(), np.inf)), "not finite"),
}


@pytest.mark.parametrize("make, reason", FAULTS.values(), ids=FAULTS)
def test_unusable_files_are_named_with_the_reason(tmp_path, make, reason):
    path = tmp_path / "clip_042.wav"
    make(path)
    with pytest.raises(AudioError, match=f"clip_042.wav: .*{reason}"):
        load_clip(path, RATE)


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "clip.flac"
    soundfile.write(path, tone(seconds=2), RATE)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(AudioError, match="clip.flac"):
        load_clip(path, RATE)

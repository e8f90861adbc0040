"""Audio files in: any format, rate and channel count that libsndfile reads becomes mono float32 at one loudness."""

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr

TARGET_LOUDNESS = -20.0  # dB of full scale, root mean square
SHORTEST = 0.1  # seconds: less than two frames of codes is no speech


class AudioError(ValueError):
    """A clip that cannot be used; the message names the file and the reason."""


def read_samples(source: str | Path | bytes, name: str | None = None) -> tuple[np.ndarray, int]:
    """Reads a file (or the bytes of one) as it is: float32 `[L, channels]`, and its sampling rate in Hz.

    Raises:
        AudioError: if it is missing, unreadable, empty, not finite or shorter than 0.1 seconds.
    """
    name = name or (str(source) if not isinstance(source, bytes) else "audio bytes")
    try:
        handle = io.BytesIO(source) if isinstance(source, bytes) else str(source)
        samples, rate = soundfile.read(handle, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise AudioError(f"{name}: cannot be read as audio ({error}).") from error
    if len(samples) < SHORTEST * rate:
        raise AudioError(f"{name}: {len(samples)} samples at {rate} Hz are less than {SHORTEST} s of audio.")
    if not np.isfinite(samples).all():
        raise AudioError(f"{name}: contains samples that are not finite.")
    return samples, rate


def read_audio(source: str | Path | bytes, sampling_rate: int, name: str | None = None) -> np.ndarray:
    """`read_samples` as mono float32 `[L]` at `sampling_rate`; raises the same."""
    samples, rate = read_samples(source, name)
    samples = samples.mean(axis=1)
    if rate != sampling_rate:
        samples = soxr.resample(samples, rate, sampling_rate)
    return samples


def normalize_loudness(samples: np.ndarray, name: str = "audio") -> np.ndarray:
    """Scales `[L]` to -20 dBFS root mean square, less where its peak would clip.

    Raises:
        AudioError: if it is silent.
    """
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    if level < 1e-5:
        raise AudioError(f"{name}: is silent (root mean square {level:.1e}).")
    gain = 10 ** (TARGET_LOUDNESS / 20) / level
    return (samples * min(gain, 1.0 / float(np.abs(samples).max()))).astype(np.float32)


def load_clip(source: str | Path | bytes, sampling_rate: int, name: str | None = None) -> np.ndarray:
    """`read_audio`, then `normalize_loudness`: the one way in which training data is read."""
    return normalize_loudness(read_audio(source, sampling_rate, name), name or str(source)[:200])

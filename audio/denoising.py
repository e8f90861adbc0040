"""Steady noise taken out of a recording: hum, hiss, the fan of a computer."""

import math

import numpy as np

from ..errors_tts_trm import InputError

# The quietest frames of a recording, taken for its noise: their length in seconds and their share.
FRAME_SECONDS, QUIET_SHARE = 0.02, 0.1
# Of the spectra, a power of two of samples near it; and over how much of a band's neighbourhood its gain is averaged.
WINDOW_SECONDS, SMOOTHING_HERTZ = 0.0427, 150


def quietest_frames(samples: np.ndarray, sampling_rate: int) -> np.ndarray:
    """The quietest tenth of a waveform `[L]`, in its order: what a recording has between the words."""
    length = max(1, round(FRAME_SECONDS * sampling_rate))
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    count = max(3, round(QUIET_SHARE * len(frames)))
    quietest = np.argsort(np.square(frames).sum(1))[:count]
    return frames[np.sort(quietest)].ravel()


def reduce_noise(samples: np.ndarray, sampling_rate: int, strength: float = 0.8) -> np.ndarray:
    """Makes the steady noise of a recording quieter, by spectral gating (noisereduce).

    Args:
        samples: `[L]`, at least 0.1 seconds.
        sampling_rate: in Hz.
        strength: share of the noise's amplitude that is taken away, 0..1; 0.8 is 14 dB. Some should
            remain: the codec's envelope is logarithmic, and has no value for complete silence.

    Returns:
        Float32 samples `[L]`.

    Raises:
        ImportError: if noisereduce is not installed.
    """
    try:
        from noisereduce import reduce_noise as gate
    except ImportError as error:
        raise ImportError(f"Noise reduction needs noisereduce ({error}): pip install 'tts-trm[denoise]'.") from error
    if not 0 <= strength < 1:
        raise InputError(f"strength {strength}: must be at least 0 and less than 1.")
    noise = quietest_frames(samples, sampling_rate)
    cleaned = gate(
        y=samples,
        sr=sampling_rate,
        y_noise=noise,
        stationary=True,
        prop_decrease=strength,
        n_fft=2 ** round(math.log2(WINDOW_SECONDS * sampling_rate)),
        freq_mask_smooth_hz=SMOOTHING_HERTZ,
    )
    return cleaned.astype(np.float32)

"""How good speech sounds, as a network predicts what listeners would say."""

import numpy as np

from .recognizers import resample

DNSMOS_RATE = 16_000
MEASURES = {"dnsmos_overall": "ovrl_mos", "dnsmos_signal": "sig_mos", "dnsmos_background": "bak_mos"} | {
    "dnsmos_p808": "p808_mos"
}


class SpeechQuality:
    """DNSMOS (Reddy et al. 2021, 2022): overall, signal and background (P.835) and P.808, each on a scale of 1 to 5.

    It is trained on noisy and denoised speech of people. It does not hear which words are said, nor whose voice it is.

    Raises:
        ImportError: if speechmos, which holds the models, is not installed.
    """

    name = "DNSMOS"

    def __init__(self) -> None:
        try:
            from speechmos import dnsmos
        except ImportError as error:
            raise ImportError(f"DNSMOS needs speechmos ({error}): pip install 'tts-trm[ears]'.") from error
        self._run = dnsmos.run

    def __call__(self, waveform: np.ndarray, sampling_rate: int) -> dict[str, float]:
        """The four measures of samples `[L]`."""
        samples = resample(waveform, sampling_rate, DNSMOS_RATE)
        answer = self._run(samples / max(1.0, np.abs(samples).max()), DNSMOS_RATE)
        return {name: float(answer[key]) for name, key in MEASURES.items()}


def load_quality() -> SpeechQuality | None:
    """DNSMOS where it is installed."""
    try:
        return SpeechQuality()
    except ImportError:
        return None

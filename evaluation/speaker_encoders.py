"""Encoders that know a speaker by the voice."""

import numpy as np

from ..audio.features import mel_cepstra
from .recognizers import ListenerError, _cannot_load, resample

SPECTRUM, RESEMBLYZER = "spectrum", "resemblyzer"


class SpectralSpeakerEncoder:
    """A stand-in where no x-vectors can be had: mean and deviation over time of 19 mel cepstra.

    It hears the colour of voice, microphone and vocoder alike: use it to compare systems on one speaker, never with
    numbers from elsewhere. Measured with 12 to 24 clips of each of four voices, two of them synthetic: cosine 0.97 to
    0.99 with the mean of a speaker's other clips, 0.55 to 0.95 with another speaker's.
    """

    name = SPECTRUM

    def __call__(self, waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Samples `[L]` to an embedding `[38]`."""
        cepstra = mel_cepstra(waveform, sampling_rate, coefficients=19)
        return np.concatenate([cepstra.mean(0), cepstra.std(0)])


class ResemblyzerSpeakerEncoder:
    """Resemblyzer's d-vectors (Wan et al. 2018, arXiv:1710.10467); its model lies inside the package.

    Raises:
        ImportError: if resemblyzer is not installed; it needs setuptools below 81.
    """

    name = RESEMBLYZER

    def __init__(self) -> None:
        try:
            from resemblyzer import VoiceEncoder, preprocess_wav
        except ImportError as error:
            raise ImportError(f"The encoder needs resemblyzer ({error}): pip install 'tts-trm[ears]'.") from error
        self._encoder, self._prepare = VoiceEncoder("cpu", verbose=False), preprocess_wav

    def __call__(self, waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Samples `[L]` to an embedding `[256]`."""
        return self._encoder.embed_utterance(self._prepare(np.asarray(waveform), source_sr=sampling_rate))


class TransformersSpeakerEncoder:
    """Any x-vector model that transformers loads, such as `microsoft/wavlm-base-plus-sv`.

    Args:
        name: Hub id or folder.

    Raises:
        ListenerError: if it cannot be loaded.
    """

    def __init__(self, name: str) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForAudioXVector

        self.name = name
        try:
            self._extractor = AutoFeatureExtractor.from_pretrained(name)
            self._model = AutoModelForAudioXVector.from_pretrained(name).eval()
        except Exception as error:  # as above
            raise ListenerError(_cannot_load("--speaker-encoder", name, error, SPECTRUM)) from error

    def __call__(self, waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Samples `[L]` to an embedding `[D]`."""
        import torch

        rate = self._extractor.sampling_rate
        samples = resample(waveform, sampling_rate, rate)
        inputs = self._extractor(samples, sampling_rate=rate, return_tensors="pt")
        with torch.no_grad():
            return self._model(**inputs).embeddings[0].numpy()


SpeakerEncoder = SpectralSpeakerEncoder | ResemblyzerSpeakerEncoder | TransformersSpeakerEncoder


def load_speaker_encoder(name: str = SPECTRUM) -> SpeakerEncoder:
    """The encoder called `name`: `"spectrum"`, `"resemblyzer"`, or what [`TransformersSpeakerEncoder`] takes."""
    if name == RESEMBLYZER:
        return ResemblyzerSpeakerEncoder()
    return SpectralSpeakerEncoder() if name == SPECTRUM else TransformersSpeakerEncoder(name)

"""Recognisers that write down the words of speech, and say which texts they understand."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors_tts_trm import InputError
from .word_metrics import plain_words

# Without a name: the second where the first cannot be had.
WHISPER, POCKETSPHINX = "base", "pocketsphinx"
WHISPER_RATE = 16_000
WHISPER_SIZES = {"tiny", "base", "small", "medium", "large-v2", "large-v3", "turbo", "distil-large-v3"}
POCKETSPHINX_RATE = 16_000
# Of a text's words in the dictionary, below which it is another language: English 1.0, German 0.4.
KNOWN_SHARE = 0.8


class ListenerError(InputError):
    """A recogniser or encoder that cannot be had; the message names it and the fix."""


def resample(waveform: np.ndarray, sampling_rate: int, target: int) -> np.ndarray:
    """Samples `[L]` at another rate, float32."""
    import soxr

    return soxr.resample(np.asarray(waveform, dtype=np.float32), sampling_rate, target)


class PocketsphinxRecognizer:
    """pocketsphinx with its bundled US English model: weak, but independent, small and offline."""

    name = POCKETSPHINX
    normalize = staticmethod(lambda text, language="en": plain_words(text))

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ImportError("Word error rates need pocketsphinx: pip install 'tts-trm[eval]'.") from error
        self._decoder = Decoder(samprate=POCKETSPHINX_RATE, loglevel="FATAL")

    def knows(self, texts: list[str]) -> bool:
        """Whether `texts` are in its language: at least 80 % of their words are in its dictionary."""
        words = [word for text in texts for word in plain_words(text).split()]
        return sum(self._decoder.lookup_word(word) is not None for word in words) >= KNOWN_SHARE * len(words)

    def __call__(self, waveform: np.ndarray, sampling_rate: int, language: str = "en") -> str:
        """Words heard in `[L]` float samples."""
        self._listen(waveform, sampling_rate)
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def word_times(self, waveform: np.ndarray, sampling_rate: int, text: str) -> list[tuple[str, float, float]] | None:
        """Each word of `text` with its start and end in seconds in `[L]` float samples, by forced alignment.

        None if a word is not in the dictionary, or the samples cannot be the text.
        """
        words = plain_words(text).split()
        if not words or any(self._decoder.lookup_word(word) is None for word in words):
            return None
        self._decoder.set_align_text(" ".join(words))
        try:
            self._listen(waveform, sampling_rate)
            found = self._decoder.hyp() and [
                (segment.word.split("(")[0], segment.start_frame / 100, (segment.end_frame + 1) / 100)
                for segment in self._decoder.seg()
                # Silence; a second pronunciation is written `read(2)`.
                if segment.word[0] not in "<("
            ]
        finally:
            self._decoder.activate_search("_default")
        return found if found and [word for word, _, _ in found] == words else None

    def _listen(self, waveform: np.ndarray, sampling_rate: int) -> None:
        samples = resample(waveform, sampling_rate, POCKETSPHINX_RATE)
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        # It adapts to what it has heard: the order would change what it hears.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()


class WhisperRecognizer:
    """Whisper (Radford et al. 2022, arXiv:2212.04356) through faster-whisper: beam of 5, no context of before.

    Args:
        name: a size such as `"base"`, or a folder in the form of CTranslate2.

    Raises:
        ListenerError: if it cannot be loaded.
        ImportError: if faster-whisper or whisper-normalizer is not installed.
    """

    def __init__(self, name: str) -> None:
        try:
            from faster_whisper import WhisperModel
            from whisper_normalizer.basic import BasicTextNormalizer
            from whisper_normalizer.english import EnglishTextNormalizer
        except ImportError as error:
            raise ImportError(f"Whisper needs more ({error}): pip install 'tts-trm[ears]'.") from error
        self.name = f"Whisper {Path(name).name.removeprefix('faster-').removeprefix('whisper-')}"
        self._english, self._other = EnglishTextNormalizer(), BasicTextNormalizer()
        try:
            self._model = WhisperModel(name, device="cpu", compute_type="int8")
        except Exception as error:
            # Of many kinds: the network, the files.
            raise ListenerError(_cannot_load("--recognizer", name, error, POCKETSPHINX)) from error

    def normalize(self, text: str, language: str = "en") -> str:
        """Text as error rates compare it: numbers, spellings and contractions written one way (English)."""
        return plain_words((self._english if language == "en" else self._other)(text))

    def knows(self, texts: list[str]) -> bool:
        """True: it knows a hundred languages."""
        return True

    def __call__(self, waveform: np.ndarray, sampling_rate: int, language: str = "en") -> str:
        """Words heard in `[L]` float samples of speech in `language`, an ISO 639-1 code."""
        samples = resample(waveform, sampling_rate, WHISPER_RATE)
        segments, _ = self._model.transcribe(
            samples, language=language, beam_size=5, condition_on_previous_text=False, without_timestamps=True
        )
        return " ".join(segment.text.strip() for segment in segments)


class TransformersRecognizer:
    """Any recogniser that transformers' pipeline loads, such as Whisper or a Wav2Vec2 with a CTC head.

    Args:
        name: Hub id or folder.

    Raises:
        ListenerError: if it cannot be loaded.
    """

    normalize = staticmethod(lambda text, language="en": plain_words(text))

    def __init__(self, name: str) -> None:
        from transformers import pipeline

        self.name = name
        try:
            self._pipeline = pipeline("automatic-speech-recognition", model=name, device="cpu")
        except Exception as error:
            # Of many kinds: the network, the files, a model that is no recogniser.
            raise ListenerError(_cannot_load("--recognizer", name, error, POCKETSPHINX)) from error

    def knows(self, texts: list[str]) -> bool:
        """True: who names a recogniser knows its language."""
        return True

    def __call__(self, waveform: np.ndarray, sampling_rate: int, language: str = "en") -> str:
        """Words heard in `[L]` float samples, at most 30 seconds of them."""
        rate = self._pipeline.feature_extractor.sampling_rate
        # The pipeline itself would need torchaudio for it.
        samples = resample(waveform, sampling_rate, rate)
        return self._pipeline({"raw": samples, "sampling_rate": rate})["text"].strip()


def _cannot_load(option: str, name: str, error: Exception, offline: str) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"{option} {name}: cannot be loaded ({reason}). Where nothing can be downloaded, use {option} {offline}."


@runtime_checkable
class WordAligner(Protocol):
    """A recogniser that can also say when each word of a known text is spoken."""

    def word_times(
        self, waveform: np.ndarray, sampling_rate: int, text: str
    ) -> list[tuple[str, float, float]] | None: ...


Recognizer = PocketsphinxRecognizer | WhisperRecognizer | TransformersRecognizer


def load_recognizer(name: str | None = None) -> Recognizer:
    """The recogniser called `name`.

    It is `"pocketsphinx"`, one of Whisper's sizes, a folder with a Whisper in the form of CTranslate2, or else what
    [`TransformersRecognizer`] takes. Without a name it is Whisper base, or pocketsphinx where that cannot be had.
    """
    if name is None:
        try:
            return WhisperRecognizer(WHISPER)
        except (ListenerError, ImportError):
            return PocketsphinxRecognizer()
    if name == POCKETSPHINX:
        return PocketsphinxRecognizer()
    if name in WHISPER_SIZES or (Path(name) / "model.bin").is_file():
        return WhisperRecognizer(name)
    return TransformersRecognizer(name)

"""Measures of speech: word and character error rate of an independent recogniser, distance of log-mel spectra."""

import re
import unicodedata

import numpy as np

RECOGNIZER_RATE = 16_000


def plain_words(text: str) -> str:
    """Lower-case words without punctuation, as recognisers write them."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return " ".join(re.sub(r"[^\w' ]|_", " ", text).split())


class Recognizer:
    """pocketsphinx with its bundled US English model: weak, but independent, small and offline."""

    def __init__(self):
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ImportError("Word error rates need pocketsphinx: pip install 'tts-trm[eval]'.") from error
        self._decoder = Decoder(samprate=RECOGNIZER_RATE, loglevel="FATAL")

    def __call__(self, waveform: np.ndarray, sampling_rate: int) -> str:
        """Words heard in `[L]` float samples."""
        import soxr

        samples = soxr.resample(np.asarray(waveform, dtype=np.float32), sampling_rate, RECOGNIZER_RATE)
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


def error_rates(references: list[str], hypotheses: list[str]) -> dict[str, float]:
    """Word and character error rate over all sentences together (edit distance divided by length; 1 is 100 %)."""
    import jiwer

    references = [plain_words(text) for text in references]
    hypotheses = [plain_words(text) for text in hypotheses]
    return {
        "word_error_rate": jiwer.wer(references, hypotheses),
        "character_error_rate": jiwer.cer(references, hypotheses),
    }

"""An evaluation as a page: one HTML file with players, spectrograms and tables that needs nothing outside itself."""

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from ..audio.features import MEL_BANDS
from ..plots import draw_codebooks, draw_spectrogram, draw_speech, frequency_ticks
from .evaluator import MODEL, RECORDINGS, Renditions
from .word_metrics import compare_words

# Of each speaker, a quarter of a megabyte each; of the others the page has the words only.
PLAYED_SENTENCES = 12
TEMPLATE = Path(__file__).with_suffix(".html")


class EvaluationPage:
    """Collects what was measured speaker by speaker, and writes the page.

    Args:
        sampling_rate: of all waveforms, in Hz.
    """

    def __init__(self, sampling_rate: int) -> None:
        # PyTorch needs it as well.
        from jinja2 import Environment, StrictUndefined

        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self._template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
        self._speakers: list[dict] = []
        self.sampling_rate = sampling_rate

    def add(self, speaker: str, result: dict, spoken: Renditions, table: Sequence[Sequence[str]]) -> None:
        """One speaker.

        Args:
            speaker: the name.
            result, spoken: what `VoiceEvaluation.measure` returns.
            table: of the measures as texts, the headings first.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        # At all its levels.
        *_, codec, _ = spoken.waveforms
        shown = {"recording": RECORDINGS, "codec": codec, "model": MODEL}
        sentences = [self._sentence(index, shown, result, spoken) for index in range(len(spoken.texts))]
        codebooks = result["codebooks"]
        self._speakers.append(
            {
                "name": speaker,
                "result": result,
                "table": table,
                "systems": list(shown),
                "sentences": sentences,
                "codebooks": codebooks
                and data_url("image/png", draw_codebooks(None, codebooks["cross_entropy"], codebooks["accuracy"])),
            }
        )

    def write(self, path: str | Path, results: dict) -> None:
        """Writes the page; `results` is everything that was measured, and a failure leaves an earlier page as it was.

        Raises:
            OSError: if the file cannot be written.
        """
        ticks = {name: 100 * (band + 0.5) / MEL_BANDS for name, band in frequency_ticks(self.sampling_rate).items()}
        page = self._template.render(results=results, speakers=self._speakers, ticks=ticks, played=PLAYED_SENTENCES)
        partial = Path(f"{path}.partial")
        try:
            partial.write_text(page, encoding="utf-8")
            os.replace(partial, path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise OSError(f"{path}: cannot be written ({error}); is the disk full or the folder missing?") from error

    def _sentence(self, index: int, shown: dict[str, str], result: dict, spoken: Renditions) -> dict:
        """What the page tells of a sentence, by system; sound and pictures only of the first few."""
        text, played = spoken.texts[index], index < PLAYED_SENTENCES
        sentence: dict = {"number": index + 1, "text": text, "played": played, "systems": {}}
        said = (waves[index] for waves in spoken.waveforms.values())
        longest = max(len(wave) for wave in said if wave is not None)
        for name, system in shown.items():
            wave = spoken.waveforms[system][index]
            entry: dict = {"words": None}
            if wave is None:
                entry["refusal"] = result["refused"][text]
            elif result["heard"]:
                words = compare_words(text, result["heard"][system][index])
                entry |= {"words": words, "wrong": sum(expected != heard for expected, heard in words)}
            if played and wave is not None:
                entry |= {
                    "audio": data_url(*encode_audio(wave, self.sampling_rate)),
                    "spectrogram": data_url("image/png", draw_spectrogram(wave, self.sampling_rate)),
                    "seconds": len(wave) / self.sampling_rate,
                    "width": 100 * len(wave) / longest,
                }
            sentence["systems"][name] = entry
        passage = spoken.passages[index]
        if played and passage is not None:
            sentence["systems"]["model"]["times"] = [
                {"text": word.text, "start": 100 * word.start / passage.seconds} for word in passage.words
            ]
            # None if it was spoken in several pieces.
            speech = passage.speech
            if speech is not None and speech.alignment is not None:
                picture = draw_speech(None, "", speech.characters, speech.alignment, frame_rate=speech.frame_rate)
                sentence["alignment"] = data_url("image/png", picture)
        return sentence


def encode_audio(waveform: np.ndarray, sampling_rate: int) -> tuple[str, bytes]:
    """Samples `[L]` as every browser plays them: MP3 of the same length, or WAV where libsndfile writes no MP3."""
    buffer = io.BytesIO()
    if "MP3" in soundfile.available_formats():
        soundfile.write(buffer, np.clip(waveform, -1, 1), sampling_rate, format="MP3")
        return "audio/mpeg", buffer.getvalue()
    soundfile.write(buffer, np.clip(waveform, -1, 1), sampling_rate, format="WAV", subtype="PCM_16")
    return "audio/wav", buffer.getvalue()


def data_url(media_type: str, content: bytes) -> str:
    """Content as an address that holds it (RFC 2397)."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"

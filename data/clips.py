"""A clip: one row of a data set, its audio not yet read."""

import hashlib
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..audio.reading import AudioError, load_clip
from ..errors_tts_trm import InputError

# Importing it takes a second, which folders need not pay.
if TYPE_CHECKING:
    import datasets


class DataError(InputError):
    """Data that cannot be used; the message names the file or row, and the fix."""


@dataclass
class HubAudio:
    """The audio of one row of a `datasets.Dataset`, read from disk when it is asked for."""

    dataset: "datasets.Dataset"
    column: str
    row: int
    # Of the data set, or the folder of its copy.
    name: str

    def read(self) -> str | bytes:
        """The path of the audio file, or its bytes; raises `AudioError` for a file that is none of the data set's."""
        audio = self.dataset[self.row][self.column] or {}
        if audio.get("array") is not None:
            return self._encoded(audio["array"], audio["sampling_rate"])
        path = audio.get("path") or ""
        if not audio.get("bytes") and path and not self._is_inside(path):
            raise AudioError(f"{self.name}, row {self.row}: {path!r} is not a file of the data set; embed the audio.")
        return audio.get("bytes") or path

    def _encoded(self, samples: list[float], sampling_rate: int) -> bytes:
        """Samples as a file of float samples, whose mean of the channels is taken where there are several."""
        import soundfile

        content = io.BytesIO()
        try:
            values = np.asarray(samples, dtype=np.float32)
            # libsndfile takes frames of channels; datasets have channels of samples.
            frames = values.T if values.ndim == 2 and values.shape[0] < values.shape[1] else values
            soundfile.write(content, frames, int(sampling_rate), format="WAV", subtype="FLOAT")
        except (TypeError, ValueError, soundfile.SoundFileError) as error:
            raise AudioError(f"{self.name}, row {self.row}: its array is not a waveform ({error}).") from error
        return content.getvalue()

    def _is_inside(self, path: str) -> bool:
        """Not a recording of whoever trains, which the table of a stranger may name."""
        import datasets
        from huggingface_hub import constants

        config = datasets.config
        folders = [config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH, config.EXTRACTED_DATASETS_PATH]
        folders += [constants.HF_HUB_CACHE, *([self.name] if os.path.isdir(self.name) else [])]
        return any(Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)) for folder in folders)


@dataclass
class Clip:
    """One row of a data set, its audio not yet read."""

    audio: str | HubAudio
    text: str
    speaker: str
    name: str
    # The user's own, one for each input id, in frames of the codec.
    durations: list[float] | None = None

    def load(self, sampling_rate: int) -> np.ndarray:
        """Mono float32 samples `[L]` at one loudness; raises `AudioError`, which names the clip."""
        return load_clip(self.source, sampling_rate, self.name)

    @property
    def source(self) -> str | bytes:
        """The path of the audio file, or its bytes."""
        return self.audio.read() if isinstance(self.audio, HubAudio) else self.audio

    def fingerprint(self) -> str:
        """Changes with the row or its audio, and with nothing else: not with the place or the time of a copy."""
        if isinstance(self.audio, HubAudio):
            audio = [self.audio.dataset._fingerprint, self.audio.row]
        else:
            try:
                # All of it: a click that was taken out changes nothing else.
                with open(self.audio, "rb") as file:
                    audio = [hashlib.file_digest(file, "sha256").hexdigest()]
            except OSError:
                audio = ["missing"]
        return json.dumps([self.name, self.text, self.speaker, self.durations, *audio])


def clips_key(clips: Iterable[Clip]) -> str:
    """One hash of a whole list of clips, order included."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(clip.fingerprint().encode() + b"\n")
    return digest.hexdigest()

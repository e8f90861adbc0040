"""Audio files as they are written: WAV, FLAC, MP3, Ogg Opus, AAC and raw samples, whole or while they are spoken."""

import io
import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import soundfile

from ..errors_tts_trm import InputError
from ..files import named_if_unwritable

# In the header of a WAV file that is sent while it grows.
UNKNOWN_SIZE = 0xFFFFFFFF
# Of samples in a WAV file, whose header has 32 bits for the size of all.
MAX_WAV_BYTES = UNKNOWN_SIZE - 1024


@dataclass(frozen=True)
class AudioFormat:
    media_type: str
    # libsndfile's format and subtype; without one the samples are sent raw.
    container: tuple[str, str] | None = None
    # Whether it comes whole: its header knows its length, or a program makes it at the end.
    header_has_length: bool = False
    # Arguments for ffmpeg, for formats that libsndfile does not write.
    ffmpeg: tuple[str, ...] = ()


FORMATS = {
    "mp3": AudioFormat("audio/mpeg", ("MP3", "MPEG_LAYER_III")),
    "opus": AudioFormat("audio/ogg; codecs=opus", ("OGG", "OPUS")),
    "flac": AudioFormat("audio/flac", ("FLAC", "PCM_16"), header_has_length=True),
    "wav": AudioFormat("audio/wav", header_has_length=True),
    "pcm": AudioFormat("audio/pcm"),
    "aac": AudioFormat("audio/aac", header_has_length=True, ffmpeg=("-c:a", "aac", "-b:a", "96k", "-f", "adts")),
}
SUFFIXES = {".wav": "wav", ".flac": "flac", ".mp3": "mp3", ".ogg": "opus", ".opus": "opus"}


class Piece(Protocol):
    """A piece of speech: samples `[L]` in -1..1 and their rate."""

    waveform: np.ndarray
    sampling_rate: int


def to_int16(waveform: np.ndarray) -> np.ndarray:
    """Samples `[L]` in -1..1, of numpy or torch, to little-endian 16-bit ones; what is louder is cut off."""
    return (np.clip(np.asarray(waveform), -1, 1) * 32767).round().astype("<i2")


def wav_header(sampling_rate: int, size: int) -> bytes:
    """The 44 bytes before `size` bytes of 16-bit mono samples."""
    riff_size, rate = min(size + 36, UNKNOWN_SIZE), sampling_rate
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def encoder_missing(name: str) -> str | None:
    """What has to be installed before this format can be written, in a sentence; None if nothing has."""
    if FORMATS[name].ffmpeg and shutil.which("ffmpeg") is None:
        return f"The format {name} needs the program ffmpeg, which is not installed here; ask for mp3."
    return None


class Encoder:
    """Encodes one speech as one of `FORMATS`.

    `write` and `close` return what has become ready to be sent. A header with the length of the audio is right only in
    `content`, after `close`: what was sent before could not know it.
    """

    def __init__(self, name: str, sampling_rate: int) -> None:
        self._name, self._rate = name, sampling_rate
        self._buffer, self._sent = io.BytesIO(), 0
        self._file = None
        if container := FORMATS[name].container:
            kind, subtype = container
            # a player knows the length of an MP3 stream by its bit rate, if that is constant; here 80 kbit/s
            constant = {"bitrate_mode": "CONSTANT", "compression_level": 0.5} if kind == "MP3" else {}
            self._file = soundfile.SoundFile(self._buffer, "w", sampling_rate, 1, subtype, format=kind, **constant)
        elif name == "wav":
            self._buffer.write(wav_header(sampling_rate, UNKNOWN_SIZE))

    def write(self, waveform: np.ndarray) -> bytes:
        """Takes in `[L]` samples in -1..1."""
        samples = to_int16(waveform)
        if self._file:
            self._file.write(samples)
        else:
            self._buffer.write(samples.tobytes())
        return self._ready()

    def close(self) -> bytes:
        if self._file:
            self._file.close()
        return self._ready()

    @property
    def content(self) -> bytes:
        """The whole file."""
        content = self._buffer.getvalue()
        if FORMATS[self._name].ffmpeg:
            source = ["-f", "s16le", "-ar", str(self._rate), "-ac", "1", "-i", "pipe:0"]
            command = ["ffmpeg", "-v", "error", *source, *FORMATS[self._name].ffmpeg, "pipe:1"]
            return subprocess.run(command, input=content, capture_output=True, check=True).stdout
        return wav_header(self._rate, len(content) - 44) + content[44:] if self._name == "wav" else content

    def _ready(self) -> bytes:
        with self._buffer.getbuffer() as content:
            ready = bytes(content[self._sent :])
        self._sent += len(ready)
        return ready


def format_of(path: str | Path) -> str:
    """The format in [`FORMATS`] that a file's suffix names; raises `InputError` for one that is not written."""
    name = SUFFIXES.get(Path(path).suffix.lower())
    if name is None:
        known = ", ".join(SUFFIXES)
        raise InputError(f"{path}: is not the name of an audio file that can be written; let it end in {known}.")
    return name


def write_audio(passages: Iterable[Piece], path: str | Path, num_samples: int = 0) -> None:
    """Writes passages to a file, each as soon as it comes; a failure leaves no file, and an earlier one as it was.

    Args:
        passages: in order.
        path: its suffix names the format.
        num_samples: of all, where it is known: a WAV file of more than 4 GB is written as RF64 (EBU Tech 3306).

    Raises:
        InputError: if the suffix names no format; see [`format_of`].
        OSError: if the file cannot be written.
    """
    wav = "RF64" if 2 * num_samples > MAX_WAV_BYTES else "WAV"
    container, subtype = FORMATS[format_of(path)].container or (wav, "PCM_16")
    partial, file = f"{path}.partial", None
    try:
        for passage in passages:
            with named_if_unwritable(path):
                file = file or soundfile.SoundFile(partial, "w", passage.sampling_rate, 1, subtype, format=container)
                file.write(to_int16(passage.waveform))
        if file is not None:
            with named_if_unwritable(path):
                file.close()
                os.replace(partial, path)
    finally:
        if file is not None:
            file.close()
        # Where there is no such folder, there is no file.
        with suppress(OSError, ValueError):
            os.unlink(partial)


def write_pcm(passages: Iterable[Piece], stream: BinaryIO) -> None:
    """Writes passages as raw little-endian 16-bit samples, each as soon as it comes."""
    for passage in passages:
        stream.write(to_int16(passage.waveform).tobytes())
        stream.flush()

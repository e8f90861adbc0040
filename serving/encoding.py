"""Speech as bytes of an audio file, piece by piece."""

import io
import struct
from dataclasses import dataclass

import soundfile
import torch

UNKNOWN_SIZE = 0xFFFFFFFF  # in the header of a WAV file that is sent while it grows


@dataclass(frozen=True)
class AudioFormat:
    media_type: str
    container: tuple[str, str] | None = None  # libsndfile's format and subtype; without one the samples are sent raw
    header_has_length: bool = False


FORMATS = {
    "mp3": AudioFormat("audio/mpeg", ("MP3", "MPEG_LAYER_III")),
    "opus": AudioFormat("audio/ogg; codecs=opus", ("OGG", "OPUS")),
    "flac": AudioFormat("audio/flac", ("FLAC", "PCM_16"), header_has_length=True),
    "wav": AudioFormat("audio/wav", header_has_length=True),
    "pcm": AudioFormat("audio/pcm"),
}


def wav_header(sampling_rate: int, size: int) -> bytes:
    """The 44 bytes before `size` bytes of 16-bit mono samples."""
    riff_size, rate = min(size + 36, UNKNOWN_SIZE), sampling_rate
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", riff_size, b"WAVE") + form + struct.pack("<4sI", b"data", size)


class Encoder:
    """Encodes one speech as one of `FORMATS`.

    `write` and `close` return what has become ready to be sent. A header with the length of the audio is right only in
    `content`, after `close`: what was sent before could not know it.
    """

    def __init__(self, name: str, sampling_rate: int):
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

    def write(self, waveform: torch.Tensor) -> bytes:
        """Takes in `[L]` samples in -1..1."""
        samples = (waveform.clamp(-1, 1) * 32767).round().numpy().astype("<i2")
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
        return wav_header(self._rate, len(content) - 44) + content[44:] if self._name == "wav" else content

    def _ready(self) -> bytes:
        with self._buffer.getbuffer() as content:
            ready = bytes(content[self._sent :])
        self._sent += len(ready)
        return ready

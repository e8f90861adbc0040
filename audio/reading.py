"""Audio files in: any format, rate and channel count that libsndfile reads becomes mono float32 at one loudness."""

import io
import os
import re
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ..errors_tts_trm import InputError

# dB of full scale, root mean square.
TARGET_LOUDNESS = -20.0
# Seconds: less than two frames of codes is no speech.
MIN_SECONDS = 0.1
# what a header may promise: nobody records a sentence beyond it, and a damaged header must not fill memory
# Seconds; samples of all channels together.
MAX_SECONDS, MAX_SAMPLES = 3600.0, 2**27
MIN_RATE, MAX_RATE, MAX_CHANNELS = 4_000, 384_000, 16
# libsndfile reads a file that was cut off as a shorter one, and notes in its log what the header promised
PROMISED = re.compile(r"^\s*(?:data|SSND|riff|Riff size|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
# Formats that libsndfile does not know, and ffmpeg does.
FOREIGN = (".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".3gp", ".mka")
# pages of an Ogg file that are damaged or missing are left out, and what was said in them is gone
HOLE = re.compile(r"^Ogg\s*: .*(?:Corrupted bitstream|reports a hole)", re.MULTILINE)
# Bytes: header, table of segments, segments.
MAX_OGG_PAGE = 27 + 255 + 255 * 255
# Bytes from which on a promise means: written to a pipe, until the end.
UNKNOWN_LENGTH = 2**31 - 2**16


class AudioError(InputError):
    """A clip that cannot be used; the message names the file and the reason."""


def read_samples(source: str | Path | bytes, name: str | None = None) -> tuple[np.ndarray, int]:
    """Reads a file (or the bytes of one) as it is: float32 `[L, channels]`, and its sampling rate in Hz.

    Raises:
        AudioError: if it is missing, unreadable, cut off, empty, not finite, silent, shorter than 0.1 seconds or longer
            than an hour, or has a sampling rate or a number of channels that no recording of speech has.
    """
    name = name or (str(source) if not isinstance(source, bytes) else "audio bytes")
    if not isinstance(source, bytes) and not os.path.isfile(source):
        raise AudioError(f"{name}: there is no such file ({source}); see the table and the folder of the audio.")
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            _check_header(file, name)
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
            promised, log, is_ogg = file.frames, file.extra_info, file.format == "OGG"
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(f"{name}: cannot be read as audio ({error}).{_conversion(source)}") from error
    if is_ogg and not _ends_ogg(source):
        raise AudioError(f"{name}: is truncated: its last page does not end the recording; copy it again.")
    if is_ogg and HOLE.search(log):
        raise AudioError(f"{name}: is damaged: a part of it is missing or unreadable; copy it again.")
    cut = PROMISED.search(log)
    held, announced = (int(cut[2]), int(cut[1])) if cut else (0, 0)
    if len(samples) < promised or held < announced < UNKNOWN_LENGTH:
        share = len(samples) / promised if len(samples) < promised else held / announced
        raise AudioError(
            f"{name}: is truncated: it holds {int(100 * share)}% of what its header claims; copy it again."
        )
    if len(samples) < MIN_SECONDS * rate:
        raise AudioError(f"{name}: {len(samples)} samples at {rate} Hz are less than {MIN_SECONDS} s of audio.")
    if not np.isfinite(samples).all():
        raise AudioError(f"{name}: contains samples that are not finite.")
    # Whatever the offset of the sound card.
    if np.ptp(samples, axis=0).max() < 1e-5:
        raise AudioError(f"{name}: is silent (all its samples are {samples[0, 0]:.2g}).")
    return samples, rate


def _conversion(source: str | Path | bytes) -> str:
    """The command that makes a readable file of one that only ffmpeg knows."""
    file = "" if isinstance(source, bytes) else os.path.basename(source)
    return f" Convert it: ffmpeg -i {file} {file}.wav" if os.path.splitext(file)[1].lower() in FOREIGN else ""


def _ends_ogg(source: str | Path | bytes) -> bool:
    """Whether an Ogg file's last page is whole and says that it is the last: its header promises no length."""
    if isinstance(source, bytes):
        end = source[-MAX_OGG_PAGE:]
    else:
        with open(source, "rb") as file:
            file.seek(max(0, os.path.getsize(source) - MAX_OGG_PAGE))
            end = file.read()
    page = end[end.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return False
    return bool(page[5] & 4) and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])


def _check_header(file: soundfile.SoundFile, name: str) -> None:
    if not MIN_RATE <= file.samplerate <= MAX_RATE or file.channels > MAX_CHANNELS:
        raise AudioError(
            f"{name}: has {file.channels} channels at {file.samplerate} Hz; is its header damaged? "
            f"Up to {MAX_CHANNELS} channels at {MIN_RATE} to {MAX_RATE} Hz are read."
        )
    if file.frames > MAX_SECONDS * file.samplerate or file.frames * file.channels > MAX_SAMPLES:
        raise AudioError(
            f"{name}: promises {file.frames / file.samplerate:.0f} s of audio in {file.channels} channels; "
            "is its header damaged? Cut recordings into sentences."
        )


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

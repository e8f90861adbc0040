"""Pictures to judge speech by: its spectrogram and pitch, which character is spoken when, what each codebook knows.

Every `draw_...` returns a PNG, drawn once in memory, and writes it to `path` where that is not None.
"""

import io
import math
import os
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from .audio.features import DYNAMIC_RANGE, HOP_LENGTH, MEL_BANDS, log_mel_decibels
from .errors_tts_trm import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of an alignment drawn from durations, whose borders fall between frames.
STEPS_PER_FRAME = 4
# In inches.
SPECTROGRAM_HEIGHT, CHARACTER_HEIGHT = 2.2, 0.125
NAMES = {" ": "␣", "<boundary>": "edge"}


def alignment_from_durations(durations: np.ndarray, steps_per_frame: int = STEPS_PER_FRAME) -> np.ndarray:
    """Durations `[S]` in frames to the share of every character in every step: `[T * steps_per_frame, S]`."""
    ends = np.cumsum(np.asarray(durations, dtype=np.float64)) * steps_per_frame
    starts = np.concatenate(([0.0], ends[:-1]))
    steps = np.arange(math.ceil(ends[-1] - 1e-6))[:, None]
    return np.clip(np.minimum(ends, steps + 1) - np.maximum(starts, steps), 0.0, None)


def draw_durations(
    path: str | Path,
    text: str,
    characters: list[str],
    durations: np.ndarray,
    waveform: np.ndarray | None = None,
    sampling_rate: int = 24_000,
    frame_rate: float = 12.5,
) -> bytes:
    """Draws when each of a clip's `characters` is spoken according to its `durations` `[S]` in frames; see below."""
    return draw_speech(
        path,
        text,
        characters,
        alignment_from_durations(durations),
        waveform,
        sampling_rate,
        frame_rate * STEPS_PER_FRAME,
    )


def draw_speech(
    path: str | Path | None,
    text: str,
    characters: list[str] | None = None,
    alignment: np.ndarray | None = None,
    waveform: np.ndarray | torch.Tensor | None = None,
    sampling_rate: int = 24_000,
    frame_rate: float = 12.5,
) -> bytes:
    """Draws the spectrogram of `waveform` above the alignment, on one axis of seconds.

    Args:
        path: of the PNG; a failed write leaves no file.
        text: the title.
        characters: S names, from the first to the last.
        alignment: `[T, S]` weight of each character in each of T frames.
        waveform: `[L]` samples. Either of the two may be absent, and its panel with it.

    Raises:
        OSError: if the file cannot be written.
        ImportError: if matplotlib is not installed.
    """
    heights = [SPECTROGRAM_HEIGHT] if waveform is not None else []
    if alignment is not None:
        heights.append(max(1.8, CHARACTER_HEIGHT * len(characters or ())))
    if not heights:
        raise InputError("There is nothing to draw: give a waveform, an alignment or both.")
    seconds = max(
        0.0 if waveform is None else len(waveform) / sampling_rate,
        0.0 if alignment is None else len(alignment) / frame_rate,
    )
    width = _width(seconds)
    title = textwrap.shorten(text, 240, placeholder=" ...")
    lines = textwrap.wrap(title, int(width * 12)) or [""]

    figure = new_figure(width, sum(heights) + 0.9 + 0.2 * len(lines))
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    if waveform is not None:
        _draw_spectrogram(panels[0], waveform, sampling_rate)
    if alignment is not None:
        _draw_alignment(panels[-1], np.asarray(alignment), characters or [], frame_rate)
    panels[-1].set_xlim(0.0, seconds)
    panels[-1].set_xlabel("time [s]")
    figure.suptitle("\n".join(lines), fontsize=11, parse_math=False)
    return save_figure(figure, path)


def draw_comparison(
    path: str | Path | None,
    text: str,
    waveforms: dict[str, np.ndarray],
    pitches: dict[str, np.ndarray],
    sampling_rate: int = 24_000,
) -> bytes:
    """Draws the spectrogram of one sentence as several systems say it, and their pitch below.

    Args:
        path: of the PNG; a failed write leaves no file.
        text: the title.
        waveforms: `[L]` samples by name of the system.
        pitches: by the same names `[1 + L // 240]` Hz, 0 where unvoiced.

    Raises:
        OSError: if the file cannot be written.
        ImportError: if matplotlib is not installed.
    """
    seconds, count = max(map(len, waveforms.values())) / sampling_rate, len(waveforms) + 1
    figure = new_figure(_width(seconds), SPECTROGRAM_HEIGHT * count + 0.9)
    panels = figure.subplots(count, 1, sharex=True)
    for panel, (name, waveform) in zip(panels, waveforms.items(), strict=False):
        _draw_spectrogram(panel, waveform, sampling_rate)
        panel.set_title(name, fontsize=10, loc="left")
    for name, pitch in pitches.items():
        times = np.arange(len(pitch)) * HOP_LENGTH / sampling_rate
        panels[-1].plot(times, np.where(pitch > 0, pitch, np.nan), label=name, linewidth=1.5)
    panels[-1].set_yscale("log", base=2)
    hertz = (75, 100, 150, 200, 300, 400)
    panels[-1].set_yticks(hertz, labels=[str(value) for value in hertz])
    panels[-1].set_ylim(60, 500)
    panels[-1].set_ylabel("pitch [Hz]")
    panels[-1].legend(fontsize=8, loc="upper right")
    panels[-1].set_xlabel("time [s]")
    figure.suptitle(textwrap.shorten(text, 120, placeholder=" ..."), fontsize=11, parse_math=False)
    return save_figure(figure, path)


def draw_codebooks(path: str | Path | None, cross_entropy: list[float], accuracy: list[float] | None = None) -> bytes:
    """Draws bars of each codebook's cross-entropy (nats) and, if given, accuracy (0..1); raises as above."""
    count = 1 if accuracy is None else 2
    figure = new_figure(8.0, 2.5 * count + 0.3)
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    panels[0].bar(range(len(cross_entropy)), cross_entropy, color="tab:blue")
    panels[0].set_ylabel("cross-entropy [nats]")
    if accuracy is not None:
        panels[1].bar(range(len(accuracy)), 100 * np.asarray(accuracy), color="tab:orange")
        panels[1].set_ylabel("accuracy [%]")
    panels[-1].set_xlabel("codebook")
    return save_figure(figure, path)


def draw_spectrogram(waveform: np.ndarray, sampling_rate: int) -> bytes:
    """A PNG of the log-mel spectrogram of `[L]` samples alone, without axes: a pixel for each band and each 10 ms.

    [`frequency_ticks`] says where its frequencies are.
    """
    import_figure()
    from matplotlib import colormaps
    from PIL import Image

    decibels = log_mel_decibels(waveform, sampling_rate)
    # Silence is black, though no value is louder.
    levels = (decibels / DYNAMIC_RANGE + 1) * 255 * (decibels.min() < 0)
    image = Image.fromarray(levels.round().astype(np.uint8)[::-1])
    image.putpalette(colormaps["magma"](np.arange(256), bytes=True)[:, :3].tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def frequency_ticks(sampling_rate: int) -> dict[str, float]:
    """Kilohertz, as text, and the band of the spectrogram that they fall on."""
    kilohertz = [value for value in (0.25, 0.5, 1, 2, 4, 8) if value < sampling_rate / 2000]
    mels = [math.log10(1.0 + 1000 * value / 700.0) for value in (*kilohertz, sampling_rate / 2000)]
    return {f"{value:g}": mel / mels[-1] * (MEL_BANDS + 1) - 1 for value, mel in zip(kilohertz, mels, strict=False)}


def import_figure() -> type["Figure"]:
    """matplotlib's `Figure`, never pyplot: no state, no display, Agg by default; raises `ImportError` with the fix."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'tts-trm[pictures]'.") from error
    return Figure


def new_figure(width: float, height: float) -> "Figure":
    """A figure of that many inches, 100 pixels each; raises as above."""
    return import_figure()(figsize=(width, height), dpi=100, layout="constrained")


def save_figure(figure: "Figure", path: str | Path | None) -> bytes:
    """The figure as PNG, written to `path` as well unless that is None; a failed write leaves no file.

    Raises:
        OSError: if the file cannot be written.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Drawn as a box, and that is fine.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="png")
    if path is not None:
        partial = Path(f"{path}.partial")
        try:
            partial.write_bytes(buffer.getvalue())
            os.replace(partial, path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise OSError(f"{path}: cannot be written ({error}); is the disk full or the folder missing?") from error
    return buffer.getvalue()


def _width(seconds: float) -> float:
    """Inches that `seconds` of speech want."""
    return min(18.0, max(7.0, 2.0 + 2.0 * seconds))


def _draw_spectrogram(panel: "Axes", waveform: np.ndarray, sampling_rate: int) -> None:
    decibels = log_mel_decibels(waveform, sampling_rate)
    column = HOP_LENGTH / sampling_rate
    panel.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(-column / 2, (decibels.shape[1] - 0.5) * column, -0.5, MEL_BANDS - 0.5),
    )
    ticks = frequency_ticks(sampling_rate)
    panel.set_yticks(list(ticks.values()), labels=list(ticks))
    panel.set_ylabel("frequency [kHz]\n(log-mel spectrogram)")


def _draw_alignment(panel: "Axes", alignment: np.ndarray, characters: list[str], frame_rate: float) -> None:
    panel.imshow(
        alignment.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="Blues",
        vmin=0.0,
        vmax=float(alignment.max()),
        extent=(0.0, len(alignment) / frame_rate, -0.5, len(characters) - 0.5),
    )
    names = [NAMES.get(character, character) for character in characters]
    panel.set_yticks(range(len(names)), labels=names, fontsize=8, fontfamily="monospace", parse_math=False)
    panel.tick_params(axis="y", length=2)
    panel.set_ylabel("character")

"""What is wrong with a data set, before anybody trains from it: sound, texts, and whether they belong together.

Every clip is measured on its own ([`measure`]); what is far from the other clips of its speaker is found afterwards
([`find_problems`]). A problem that is no error is a clip to listen to: training takes it as it is.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..audio.reading import AudioError, read_samples
from .clips import Clip
from .dataset import ALIGNER_STEPS_PER_FRAME
from .held_out import text_key

# Frame rate of both codecs, in Hz.
FRAME_RATE = 12.5
# Seconds, of which the loudness is measured.
BLOCK = 0.01
# dB below its loud blocks: what is quieter is a pause.
SOUNDING = 35.0
# dB of full scale: below it 16 bits are few.
QUIETEST = -40.0
# dB between speech and pauses, below which the voice learns the room as well. Kathleen's recordings have 33 (median);
# through the codec they are rated higher without their noise.
NOISE = 35.0
# dB from the speaker's median.
LEVEL_SPREAD = 10.0
# Flat tops of a wave; a few may be chance.
CLIPPED_SAMPLES = 10
# Equal samples in a row at the peak.
FLAT_TOP = 3
# Seconds of silence at either end, and within.
MAX_EDGE, MAX_PAUSE = 0.8, 1.5
# In seconds and Hz.
MIN_SECONDS, MIN_RATE = 0.5, 16_000
# Robust standard deviations of the logarithm; clips for a median.
RATE_DEVIATIONS, MIN_CLIPS = 4.0, 8
# Of the logarithm: synthetic speech is so even that anything would stand out.
LEAST_DEVIATION = 0.08
# Clips in which a letter must occur to be learned.
RARE = 3
ANNOTATION = re.compile(r"[\[<{]\w[\w ]*[\]>}]|\((?:laugh|cough|breath|sigh|noise|music|inaudible|unclear)\w*\)", re.I)

ERROR, WARNING = "error", "warning"


class Kind(NamedTuple):
    """A kind of problem: how bad it is, what it is called, and what to do about it."""

    severity: str
    title: str
    advice: str


KINDS = {
    "unreadable": Kind(ERROR, "cannot be used", "record them again, or delete their rows; training leaves them out"),
    "no text": Kind(ERROR, "without a text to speak", "write what is said; training leaves them out"),
    "unspeakable": Kind(ERROR, "with a text that cannot be spoken", "training stops at them"),
    "long": Kind(ERROR, "too long", "cut them at a pause, or raise the limit; training leaves them out"),
    "hurried": Kind(ERROR, "too short for their texts", "a text is another's, or too long; training leaves them out"),
    "same audio": Kind(ERROR, "with the audio of another clip", "one of the two texts is wrong, or a row too many"),
    "rate": Kind(WARNING, "spoken much faster or slower than the rest", "text and audio may not belong together"),
    "clipped": Kind(WARNING, "clipped", "record with the level further down: what is cut off cannot be mended"),
    "quiet": Kind(WARNING, "very quiet", "record with the level further up"),
    "uneven": Kind(WARNING, "much louder or quieter than the rest", "harmless if the sound is clean: it is evened out"),
    "noisy": Kind(WARNING, "noisy", "the voice learns the noise: take it out with `tts-trm denoise`"),
    "low rate": Kind(WARNING, "of a low sampling rate", "the voice will sound dull; 24 kHz is what the codec keeps"),
    "edges": Kind(WARNING, "with long silence at an end", "trim it to a few tenths of a second"),
    "pauses": Kind(WARNING, "with a long pause inside", "cut them there, or the voice learns to pause"),
    "short": Kind(WARNING, "very short", "fine if the text is a word or two"),
    "annotation": Kind(WARNING, "with a note in brackets", "it would be read aloud: delete it"),
    "rare letter": Kind(WARNING, "with a letter that hardly any clip has", "it will be mispronounced: is it a typo?"),
    "left out": Kind(WARNING, "with characters that are not spoken", "write them as words if they are said"),
}


@dataclass
class Measures:
    """Of one clip; levels in dB of full scale."""

    clip: Clip
    # The text as it is spoken.
    spoken: str = ""
    # Characters of it that the voice does not know.
    left_out: Counter = field(default_factory=Counter)
    sampling_rate: int = 0
    seconds: float = 0.0
    # Of the sounding blocks.
    level: float = 0.0
    # Of the quietest blocks.
    noise: float = 0.0
    # Number of clipped samples.
    clipped: int = 0
    # Seconds of silence at start and end.
    edges: tuple[float, float] = (0.0, 0.0)
    # In seconds, without the edges.
    longest_pause: float = 0.0
    # Checksum of the samples.
    checksum: int = 0
    # Kind and message.
    error: tuple[str, str] | None = None

    @property
    def characters(self) -> int:
        return sum(character.isalnum() for character in self.spoken)

    @property
    def rate(self) -> float:
        """Letters and digits a second of sound, without the silence at the ends."""
        return self.characters / max(self.seconds - sum(self.edges), BLOCK)


@dataclass
class Problem:
    """Something about one clip."""

    name: str
    speaker: str
    # One of `KINDS`.
    kind: str
    message: str


def measure(clip: Clip, speak: Callable[[str, str], tuple[str, Counter]]) -> Measures:
    """Reads one clip; what cannot be read is an `error` of the result, never raised.

    Args:
        speak: text and speaker to the text as it is spoken and the characters of it that are not; raises `ValueError`.
    """
    found = Measures(clip)
    try:
        found.spoken, found.left_out = speak(clip.text, clip.speaker)
    except ValueError as error:
        found.error = ("unspeakable", str(error))
        return found
    if not found.characters:
        found.error = ("no text", f"the text is {clip.text!r}")
        return found
    try:
        samples, found.sampling_rate = read_samples(clip.source, clip.name)
    except AudioError as error:
        found.error = ("unreadable", str(error).removeprefix(f"{clip.name}: "))
        return found
    found.checksum = hash(samples.tobytes())
    found.seconds = len(samples) / found.sampling_rate
    found.clipped = max(_clipped_samples(channel) for channel in samples.T)
    block = round(BLOCK * found.sampling_rate)
    mono = samples.mean(axis=1)
    power = np.square(mono[: len(mono) // block * block].reshape(-1, block), dtype=np.float64).mean(axis=1)
    if np.sqrt(power.mean()) < 1e-5:
        found.error = ("unreadable", "is silent")
        return found
    decibels = 10 * np.log10(power + 1e-12)
    sounding = decibels > np.percentile(decibels, 95) - SOUNDING
    places = sounding.nonzero()[0]
    found.level = float(10 * np.log10(power[sounding].mean()))
    found.noise = float(np.percentile(decibels, 5))
    found.edges = (float(places[0] * BLOCK), float((len(power) - 1 - places[-1]) * BLOCK))
    found.longest_pause = float((np.diff(places).max(initial=1) - 1) * BLOCK)
    return found


def _clipped_samples(samples: np.ndarray) -> int:
    """Samples in flat tops: several in a row at the very peak, whichever level that is."""
    size = np.abs(samples)
    # A channel that nothing was plugged into.
    if size.max() == 0:
        return 0
    at_peak = size >= size.max() * (1 - 1e-5)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], at_peak.view(np.int8), [0]))))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= FLAT_TOP].sum())


def measure_all(clips: Iterable[Clip], speak: Callable, num_workers: int = 1) -> list[Measures]:
    """[`measure`] of every clip, in order."""
    with ThreadPoolExecutor(num_workers) as pool:
        return list(pool.map(lambda clip: measure(clip, speak), clips))


def find_problems(
    measured: list[Measures], max_audio_frames: int, max_text_length: int, known_letters: frozenset[str] = frozenset()
) -> list[Problem]:
    """Everything that a user should look at, clip by clip.

    Args:
        max_audio_frames: longer clips are left out by training; max_text_length: likewise, in ids with both boundaries.
        known_letters: those that the voice to start from has learned: they may be rare.
    """
    usable = [one for one in measured if one.error is None]
    found = [(one, *one.error) for one in measured if one.error is not None]
    for one in usable:
        own = (*_length_problems(one, max_audio_frames, max_text_length), *_sound_problems(one), *_text_problems(one))
        found += [(one, kind, message) for kind, message in own]
    found += [(one, "same audio", message) for one, message in _twins(usable)]
    if len(usable) >= MIN_CLIPS:
        found += [(one, "rare letter", message) for one, message in _rare_letters(usable, known_letters)]
    by_speaker = defaultdict(list)
    for one in usable:
        by_speaker[one.clip.speaker].append(one)
    found += chain.from_iterable(_outliers(group) for group in by_speaker.values() if len(group) >= MIN_CLIPS)
    order = {kind: number for number, kind in enumerate(KINDS)}
    problems = [Problem(one.clip.name, one.clip.speaker, kind, message) for one, kind, message in found]
    return sorted(problems, key=lambda problem: order[problem.kind])


def _length_problems(one: Measures, max_audio_frames: int, max_text_length: int) -> Iterable[tuple[str, str]]:
    frames, ids = math.ceil(one.seconds * FRAME_RATE), len(one.spoken) + 2
    if frames > max_audio_frames:
        yield "long", f"{one.seconds:.1f} s, the limit is {max_audio_frames / FRAME_RATE:.1f} (--max-audio-frames)"
    if ids > max_text_length:
        yield "long", f"{ids - 2} characters as it is spoken, the limit is {max_text_length - 2} (--max-text-length)"
    if ids > ALIGNER_STEPS_PER_FRAME * frames:
        yield "hurried", f"{one.seconds:.1f} s for the {ids - 2} characters of {one.clip.text[:60]!r}"
    if one.seconds < MIN_SECONDS:
        yield "short", f"{one.seconds:.2f} s for {one.clip.text!r}"


def _sound_problems(one: Measures) -> Iterable[tuple[str, str]]:
    if one.clipped > CLIPPED_SAMPLES:
        yield "clipped", f"{one.clipped} samples stand at the peak"
    if one.level < QUIETEST:
        yield "quiet", f"{one.level:.0f} dB of full scale"
    if one.level - one.noise < NOISE:
        yield "noisy", f"pauses are only {one.level - one.noise:.0f} dB below the speech"
    if one.sampling_rate < MIN_RATE:
        yield "low rate", f"{one.sampling_rate} Hz"
    if max(one.edges) > MAX_EDGE:
        yield "edges", f"{one.edges[0]:.1f} s before and {one.edges[1]:.1f} s after the speech"
    if one.longest_pause > MAX_PAUSE:
        yield "pauses", f"{one.longest_pause:.1f} s"


def _text_problems(one: Measures) -> Iterable[tuple[str, str]]:
    notes = ANNOTATION.findall(one.clip.text)
    if notes:
        yield "annotation", " ".join(notes)
    if one.left_out:
        yield "left out", f"{' '.join(sorted(one.left_out))}, in {one.clip.text!r}"


def _rare_letters(usable: list[Measures], known_letters: frozenset[str]) -> Iterable[tuple[Measures, str]]:
    """Clips with letters that only a few clips have."""
    letters = Counter(letter for one in usable for letter in set(one.spoken.casefold()) if letter.isalpha())
    for one in usable:
        rare = sorted(x for x in set(one.spoken.casefold()) - known_letters if 0 < letters[x] < RARE)
        if rare:
            yield one, f"{' '.join(rare)}, in {one.clip.text!r}"


def _twins(usable: list[Measures]) -> Iterable[tuple[Measures, str]]:
    """Clips with the same samples as an earlier one."""
    first: dict[int, Measures] = {}
    for one in usable:
        other = first.setdefault(one.checksum, one)
        if other is not one:
            same = text_key(other.clip.text) == text_key(one.clip.text)
            yield one, f"as {other.clip.name}" + ("" if same else f", whose text is {other.clip.text!r}")


def _outliers(group: list[Measures]) -> Iterable[tuple[Measures, str, str]]:
    """What is far from the median of a speaker's clips."""
    rates = np.log([one.rate for one in group])
    median = np.median(rates)
    # 1.4826 times the median deviation is the standard deviation of a normal distribution
    deviation = max(1.4826 * np.median(np.abs(rates - median)), LEAST_DEVIATION)
    level = np.median([one.level for one in group])
    for one, rate in zip(group, rates, strict=True):
        if abs(rate - median) > RATE_DEVIATIONS * deviation:
            usual = f"{np.exp(median):.0f}"
            yield one, "rate", f"{one.rate:.1f} letters a second, usually {usual}; its text is {one.clip.text!r}"
        if abs(one.level - level) > LEVEL_SPREAD:
            yield one, "uneven", f"{one.level:.0f} dB, usually {level:.0f}"


def draw_dataset(path: str | Path, measured: list[Measures], problems: list[Problem]) -> None:
    """Writes a PNG of four panels: length of texts against clips, lengths, levels, letters per second.

    Raises:
        OSError: if the file cannot be written.
        ImportError: if matplotlib is not installed.
    """
    from ..plots import new_figure, save_figure

    usable = [one for one in measured if one.error is None]
    by_speaker = defaultdict(list)
    for one in usable:
        by_speaker[one.clip.speaker].append(one)
    figure = new_figure(11.0, 7.5)
    (scatter, lengths), (levels, rates) = figure.subplots(2, 2)
    for speaker, group in by_speaker.items():
        scatter.scatter([one.characters for one in group], [one.seconds for one in group], s=10, label=speaker)
        lengths.hist([one.seconds for one in group], bins=30, alpha=0.6, label=speaker)
        rates.hist([one.rate for one in group], bins=30, alpha=0.6, label=speaker)
        levels.scatter([one.level for one in group], [one.noise for one in group], s=10, label=speaker)
    named = {(problem.name, problem.speaker) for problem in problems if problem.kind in ("rate", "long", "short")}
    odd = [one for one in usable if (one.clip.name, one.clip.speaker) in named]
    scatter.scatter(
        [one.characters for one in odd],
        [one.seconds for one in odd],
        s=70,
        facecolors="none",
        edgecolors="tab:red",
        label="listen to these",
    )
    for panel, across, up in (
        (scatter, "letters of the text", "seconds"),
        (lengths, "seconds", "clips"),
        (levels, "level of the speech [dB of full scale]", "level of the pauses [dB]"),
        (rates, "letters a second", "clips"),
    ):
        panel.set_xlabel(across)
        panel.set_ylabel(up)
    scatter.legend(fontsize=8)
    save_figure(figure, path)

"""Speech of any length from a voice that speaks a sentence at a time: passages, word times, and files of them.

What runs the voice, torch or onnxruntime, is a subclass of [`LongTextVoice`]; nothing here imports either.
"""

import logging
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors_tts_trm import InputError, TtsTrmError
from ..normalization_tts_trm import SpokenText
from ..text_tts_trm import SpeechTooLongError, TextFrontEnd, report_left_out
from .language_check import AUTO, other_language, speaker_for
from .split_text import Piece, halve, split_text

logger = logging.getLogger(__name__)

# Of slow speech: pieces are made so short that even this fits.
FRAMES_PER_CHARACTER = 1.1
# Of the loudest 10 ms: what is quieter is silence (-45 dB).
QUIET = 0.006
# Seconds of silence that stay before and after a piece.
MARGIN = 0.06
FADE = 0.005


@dataclass
class Word:
    """A word of the user's text, punctuation included, and when it is spoken."""

    text: str
    # In seconds.
    start: float
    end: float
    # Place in the user's text.
    text_start: int
    text_end: int


@dataclass
class Speech:
    """What a voice made of a text that it speaks in one go."""

    text: str
    # For a blend, the speaker with the largest share.
    speaker_id: int
    speaker: str
    # [1, K, T]; like all arrays below, a tensor where the voice runs in torch.
    codes: np.ndarray
    # S names, boundaries included.
    characters: list[str]
    # [S] frames of each character; None if the model predicts none.
    durations: np.ndarray | None
    # [T, S] weight of each character in each frame; None likewise.
    alignment: np.ndarray | None
    sampling_rate: int
    frame_rate: float
    # [L] samples, once the codes are decoded.
    waveform: np.ndarray | None = None
    # Of the prompt, counted from 1.
    number: int = 1
    # PNG, once it is drawn.
    picture: bytes | None = None

    @property
    def frames(self) -> int:
        return self.codes.shape[-1]

    @property
    def seconds(self) -> float:
        return self.frames / self.frame_rate

    def draw(self, path: str | Path | None = None) -> bytes:
        """Draws spectrogram and alignment, as far as there are such, as a PNG; writes it to `path` if that is given."""
        from ..plots import draw_speech

        self.picture = draw_speech(
            path, self.text, self.characters, self.alignment, self.waveform, self.sampling_rate, self.frame_rate
        )
        return self.picture


@dataclass
class Passage:
    """A stretch of a long speech: its samples, trailing pause included, and the words in it."""

    # Shape [L].
    waveform: np.ndarray
    sampling_rate: int
    # Seconds since the speech began.
    start: float = 0.0
    # Timed from the beginning of the speech.
    words: list[Word] = field(default_factory=list)
    # Those of the spoken text that are heard, likewise.
    characters: list[Word] = field(default_factory=list)
    # None where it is silence alone.
    speech: Speech | None = None
    # Number of the piece of the text that it is of: a sentence, or a part of one; counted from 0.
    piece: int = 0

    @property
    def seconds(self) -> float:
        return len(self.waveform) / self.sampling_rate


class VoiceError(TtsTrmError, OSError):
    """A voice that cannot be loaded; the message names the value or file, and the fix."""


class LongTextVoice(ABC):
    """A voice on text of any length; a subclass says how one piece of it is spoken.

    Attributes:
        text_front_end: reads its texts.
        sampling_rate: of its waveforms; max_audio_frames: of a piece, at most.
        num_codebooks: of its codes.
    """

    @property
    @abstractmethod
    def text_front_end(self) -> TextFrontEnd: ...

    @property
    @abstractmethod
    def sampling_rate(self) -> int: ...

    @property
    @abstractmethod
    def max_audio_frames(self) -> int: ...

    @property
    @abstractmethod
    def num_codebooks(self) -> int: ...

    @abstractmethod
    def speak(self, text: str, speaker: str | int, seed: int, num_codebooks: int | None, **settings) -> Speech:
        """Speaks, in one go and with its waveform, text that is written as it is spoken.

        Raises:
            SpeechTooLongError: if it would be longer than `max_audio_frames`.
        """

    @staticmethod
    def to_array(samples: np.ndarray) -> np.ndarray:
        """Samples as the kind of array that this voice's passages hold."""
        return samples

    def stream(
        self,
        text: str,
        speaker: str | int = 0,
        speed: float = 1.0,
        normalize: bool = True,
        seed: int = 42,
        num_codebooks: int | None = None,
        markup: bool = True,
        first_piece: int = 0,
        first_sample: int = 0,
        **generate_kwargs,
    ) -> Iterator[Passage]:
        """Speaks a text of any length, sentence by sentence; each is made when it is asked for.

        Args:
            text: empty lines end paragraphs; `[pause 500ms]` or `[pause 2s]` is silence.
            speaker: name or number, or a blend such as `"anna:0.7,bert:0.3"`, or `"auto"`: the first one who reads the
                language of the text.
            speed: 2 is twice as fast; 0.25 to 4. Pauses are not changed.
            normalize: whether numbers, dates, abbreviations and the like are spoken as words.
            seed: of the sampling, the same for every sentence.
            num_codebooks: decode only the first so many.
            markup: whether Markdown, HTML and line breaks are structure, and not characters to be read.
            first_piece, first_sample: the piece to begin with, and the samples before it, to continue a speech.
            generate_kwargs: of `generate`, such as `temperature`.

        Yields:
            Passages that follow each other without a gap; those of one text are the same however they are asked for.

        Raises:
            ValueError: if the voice cannot speak the text: an unknown speaker, no letter it knows, a pause too long.
        """
        if speaker == AUTO:
            speaker = speaker_for(text, speaker, self.text_front_end)
        else:
            self._warn_of_language(text, speaker)
        words = np.array([match.span() for match in re.finditer(r"\S+", text)]).reshape(-1, 2)
        settings = {"speed": speed, **generate_kwargs}
        limit = min(
            self.text_front_end.max_text_length - 2,
            max(8, int(self.max_audio_frames * speed / FRAMES_PER_CHARACTER)),
        )
        start, spoken = first_sample, first_piece
        unknown: Counter = Counter()
        pieces = split_text(text, lambda part: self._spoken(part, speaker, normalize, markup, unknown), limit)
        for number, piece in enumerate(pieces):
            if number < first_piece:
                continue
            for passage in self._speak(piece, speaker, seed, num_codebooks, settings):
                passage.piece, passage.start = number, start / passage.sampling_rate
                for character in passage.characters:
                    character.start, character.end = character.start + passage.start, character.end + passage.start
                passage.words = _group(passage.characters, words, text)
                start, spoken = start + len(passage.waveform), spoken + (passage.speech is not None)
                yield passage
        if not spoken:
            # Says what is wrong with it.
            self.text_front_end.checked_text(text, speaker, normalize)
            raise InputError(f"The text {text[:60]!r} has nothing to speak.")
        report_left_out(unknown)

    def _warn_of_language(self, text: str, speaker: str | int) -> None:
        shares = self.text_front_end.speaker_shares(speaker)
        number = max(shares, key=lambda each: shares[each])
        if other := other_language(text, self.text_front_end.languages[number]):
            name = self.text_front_end.speakers[number]
            logger.warning(
                "The text seems to be %s, which %s does not read; choose a speaker of its language.", other, name
            )

    def _spoken(self, text: str, speaker: str | int, normalize: bool, markup: bool, unknown: Counter) -> SpokenText:
        """A paragraph as it is spoken, with a full stop behind it: sentences in training have one; counts the rest."""
        (spoken, origins), left_out = self.text_front_end.spoken_text(text, speaker, normalize, markup)
        unknown.update(left_out)
        if spoken and spoken[-1].isalnum() and "." in self.text_front_end.character_tokenizer.get_vocab():
            spoken, origins = f"{spoken}.", [*origins, (origins[-1][1], origins[-1][1])]
        return SpokenText(spoken, origins)

    def synthesize(self, text: str, speaker: str | int = 0, **settings) -> Passage:
        """Speaks a text of any length into one waveform; see [`stream`] for the arguments."""
        return join(list(self.stream(text, speaker, **settings)))

    def _speak(
        self, piece: Piece, speaker: str | int, seed: int, num_codebooks: int | None, settings: dict
    ) -> Iterator[Passage]:
        """The passage of a piece, or of its parts if it turns out too long."""
        rate = self.sampling_rate
        if not any(character.isalnum() for character in piece.text):
            if piece.pause:
                yield Passage(self.to_array(np.zeros(round(piece.pause * rate), np.float32)), rate)
            return
        try:
            speech = self.speak(piece.text, speaker, seed, num_codebooks, **settings)
        except SpeechTooLongError:
            parts = halve(piece)
            if len(parts) == 1:
                raise
            for part in parts:
                yield from self._speak(part, speaker, seed, num_codebooks, settings)
            return
        except FloatingPointError as error:
            raise VoiceError(str(error)) from error
        samples = np.asarray(speech.waveform)
        if not np.isfinite(samples).all():
            raise VoiceError(
                "The voice produced samples that are not finite; its weights are damaged: load another copy."
            )
        first, last = _spoken_range(samples, speech)
        faded = _fade(samples[first:last], round(FADE * rate))
        silence = np.zeros(max(0, round((piece.pause - 2 * MARGIN) * rate)), np.float32)
        characters = _times(speech, piece, -first / rate)
        yield Passage(self.to_array(np.concatenate((faded, silence))), rate, characters=characters, speech=speech)


def join(passages: list[Passage]) -> Passage:
    """Passages of one text, in order, as one."""
    first = passages[0]
    waveform = np.concatenate([passage.waveform for passage in passages])
    return Passage(
        waveform if isinstance(first.waveform, np.ndarray) else first.waveform.new_tensor(waveform),
        first.sampling_rate,
        first.start,
        [word for passage in passages for word in passage.words],
        [character for passage in passages for character in passage.characters],
        first.speech if len(passages) == 1 else None,
    )


def _spoken_range(waveform: np.ndarray, speech: Speech) -> tuple[int, int]:
    """First and last sample of the speech with a margin of silence; what sounds at the edges is never cut."""
    rate = speech.sampling_rate
    step = rate // 100
    loudness = np.sqrt(np.square(waveform[: len(waveform) // step * step].reshape(-1, step)).mean(-1))
    if not len(loudness) or loudness.max() == 0:
        return 0, len(waveform)
    sounding = np.flatnonzero(loudness > QUIET * loudness.max())
    first, last = int(sounding[0]) * step, (int(sounding[-1]) + 1) * step
    # Nor is a character that is spoken there very softly.
    if speech.durations is not None:
        first = min(first, round(float(speech.durations[0]) / speech.frame_rate * rate))
        last = max(last, round(float(speech.durations[:-1].sum()) / speech.frame_rate * rate))
    margin = round(MARGIN * rate)
    return max(0, first - margin), min(len(waveform), last + margin)


def _fade(waveform: np.ndarray, length: int) -> np.ndarray:
    """The edges faded, so that a cut does not click."""
    length = min(length, len(waveform) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    gain = np.ones_like(waveform)
    gain[:length], gain[len(waveform) - length :] = ramp, ramp[::-1]
    return waveform * gain


def _times(speech: Speech, piece: Piece, offset: float) -> list[Word]:
    """Each character that is heard, as a word of its own."""
    if speech.durations is None:
        return []
    ends = speech.durations.cumsum()[1:-1] / speech.frame_rate + offset
    starts = ends - speech.durations[1:-1] / speech.frame_rate
    return [
        Word(character, float(start), float(end), *place)
        for character, start, end, place in zip(piece.text, starts, ends, piece.origins, strict=True)
        if character.isalnum()
    ]


def _group(characters: list[Word], bounds: np.ndarray, text: str) -> list[Word]:
    """Timed characters as the words of the user's text, those together that are spoken as one (`$5 million`)."""
    grouped: list[Word] = []
    for character in characters:
        first = int(np.searchsorted(bounds[:, 1], character.text_start, side="right"))
        last = int(np.searchsorted(bounds[:, 0], character.text_end, side="left")) - 1
        start, end = int(bounds[first, 0]), int(bounds[max(first, last), 1])
        if grouped and start < grouped[-1].text_end:
            word = grouped[-1]
            word.end, word.text_end = character.end, max(word.text_end, end)
            word.text = text[word.text_start : word.text_end]
        else:
            grouped.append(Word(text[start:end], character.start, character.end, start, end))
    return grouped

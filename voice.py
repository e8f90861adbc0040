"""A voice: model and processor together, for text of any length, as one waveform or piece by piece, with word times.

voice = Voice.from_pretrained("pretrained/tts-trm-mini")
speech = voice.synthesize("Hello! This may be as long as you like.", speaker="kathleen")
for piece in voice.stream(open("book.txt").read()):  # the first one comes at once
    play(piece.waveform, piece.sampling_rate)
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import torch
from transformers.utils import logging

from .configuration_tts_trm import TtsTrmConfig
from .generation_tts_trm import SpeechTooLongError
from .long_text import Piece, halve, split_text
from .modeling_tts_trm import TtsTrmModel
from .normalization_tts_trm import SpokenText
from .processing_tts_trm import CodecError, TtsTrmProcessor

FRAMES_PER_CHARACTER = 1.1  # of slow speech: pieces are made so short that even this fits
QUIET = 0.006  # of the loudest 10 ms: what is quieter is silence (-45 dB)
MARGIN = 0.06  # seconds of silence that stay before and after a piece
FADE = 0.005


class VoiceError(OSError):
    """A voice that cannot be loaded; the message names the value or file, and the fix."""


@dataclass
class Word:
    """A word of the user's text, punctuation included, and when it is spoken."""

    text: str
    start: float  # seconds
    end: float
    text_start: int  # place in the user's text
    text_end: int


@dataclass
class Speech:
    """What a voice made of a text that it speaks in one go."""

    text: str
    speaker_id: int  # of a blend, that of the largest share
    speaker: str
    codes: torch.LongTensor  # [1, K, T]
    characters: list[str]  # S names, boundaries included
    durations: np.ndarray | None  # [S] frames of each character; None if the model predicts none
    alignment: np.ndarray | None  # [T, S] weight of each character in each frame; None likewise
    sampling_rate: int
    frame_rate: float
    waveform: torch.FloatTensor | None = None  # [L] samples, once the codes are decoded
    number: int = 1  # of the prompt, counted from 1
    picture: bytes | None = None  # PNG, once it is drawn

    @property
    def frames(self) -> int:
        return self.codes.shape[-1]

    @property
    def seconds(self) -> float:
        return self.frames / self.frame_rate

    def draw(self, path: str | Path | None = None) -> bytes:
        """Draws spectrogram and alignment, as far as there are such, as a PNG; writes it to `path` if that is given."""
        from .training.pictures import draw_speech  # needs matplotlib

        self.picture = draw_speech(
            path, self.text, self.characters, self.alignment, self.waveform, self.sampling_rate, self.frame_rate
        )
        return self.picture


@dataclass
class Passage:
    """A stretch of a long speech: its samples, trailing pause included, and the words in it."""

    waveform: torch.FloatTensor  # [L]
    sampling_rate: int
    start: float = 0.0  # seconds since the speech began
    words: list[Word] = field(default_factory=list)  # timed from the beginning of the speech
    characters: list[Word] = field(default_factory=list)  # those of the spoken text that are heard, likewise
    speech: Speech | None = None  # None where it is silence alone

    @property
    def seconds(self) -> float:
        return len(self.waveform) / self.sampling_rate


def generate_speech(
    model, processor, text: str, speaker: str | int = 0, normalize: bool = True, **generate_kwargs
) -> Speech:
    """Speaks a text in one go, up to its codes; `processor.decode(speech.codes)` makes the waveform.

    Raises:
        ValueError: if the voice cannot speak it: an unknown speaker, no letter it knows, too long.
    """
    inputs = processor(text=text, speaker=speaker, normalize=normalize).to(model.device)
    output = model.generate(**inputs, return_dict_in_generate=True, **generate_kwargs)
    shares = processor.speaker_shares(speaker)
    speaker_id = max(shares, key=shares.get)
    durations, alignment = (
        None if values is None else values[0].float().cpu().numpy() for values in (output.durations, output.alignment)
    )
    return Speech(
        text=text,
        speaker_id=speaker_id,
        speaker=processor.speakers[speaker_id] if len(shares) == 1 else str(speaker),
        codes=output.sequences.cpu(),
        characters=processor.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist()),
        durations=durations,
        alignment=alignment,
        sampling_rate=processor.sampling_rate,
        frame_rate=model.config.frame_rate,
    )


class Voice:
    """A model and its processor."""

    def __init__(self, model: TtsTrmModel, processor: TtsTrmProcessor):
        self.model, self.processor = model, processor

    @classmethod
    def from_pretrained(cls, name: str | Path, revision: str | None = None, device: str = "auto") -> "Voice":
        """A voice from a folder or the Hub, its codec loaded, everything in float32.

        Args:
            name: folder or Hub id; `revision` is that of the Hub.
            device: `auto` (a GPU where there is one), `cpu`, `cuda` or `mps`.

        Raises:
            VoiceError: if anything is missing, or does not fit together.
        """
        logging.disable_progress_bar()
        logging.set_verbosity_error()
        torch.set_flush_denormal(True)  # a CPU multiplies numbers next to nothing very slowly
        device, name = choose_device(device), str(name)
        where = {"revision": revision} if revision else {}
        try:
            model_type = TtsTrmConfig.get_config_dict(name, **where)[0].get("model_type")
            if model_type != TtsTrmConfig.model_type:
                found = f"is a model of type {model_type!r}" if model_type else "holds no config.json of a model"
                raise VoiceError(f"{name}: {found}; give a TTS TRM checkpoint.")
            model, report = TtsTrmModel.from_pretrained(name, dtype=torch.float32, output_loading_info=True, **where)
            if report["missing_keys"]:
                raise VoiceError(
                    f"{name}: the weights lack {min(report['missing_keys'])} and {len(report['missing_keys']) - 1} "
                    "more; save the checkpoint again."
                )
            processor = TtsTrmProcessor.from_pretrained(name, **where)
            processor.codec_model.to(device)
        except (VoiceError, CodecError) as error:
            raise VoiceError(str(error)) from error
        except Exception as error:  # the tokenizers library raises nothing more special
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise VoiceError(f"{name}: cannot be loaded ({reason}); give a checkpoint folder or a Hub id.") from error
        _check_fit(name, model, processor)
        return cls(model.eval().to(device), processor)

    def stream(
        self,
        text: str,
        speaker: str | int = 0,
        speed: float = 1.0,
        normalize: bool = True,
        seed: int = 42,
        num_codebooks: int | None = None,
        **generate_kwargs,
    ) -> Iterator[Passage]:
        """Speaks a text of any length, sentence by sentence; each is made when it is asked for.

        Args:
            text: empty lines end paragraphs; `[pause 500ms]` or `[pause 2s]` is silence.
            speaker: name or number, or a blend such as `"anna:0.7,bert:0.3"`.
            speed: 2 is twice as fast; 0.25 to 4. Pauses are not changed.
            normalize: whether numbers, dates, abbreviations and the like are spoken as words.
            seed: of the sampling, the same for every sentence.
            num_codebooks: decode only the first so many.
            generate_kwargs: of `generate`, such as `temperature`.

        Yields:
            Passages that follow each other without a gap; those of one text are the same however they are asked for.

        Raises:
            ValueError: if the voice cannot speak the text: an unknown speaker, no letter it knows, a pause too long.
        """
        words = [match.span() for match in re.finditer(r"\S+", text)]
        settings = {"speed": speed, **generate_kwargs}
        limit = min(
            self.processor.tokenizer.model_max_length - 2,
            max(8, int(self.model.config.max_audio_frames * speed / FRAMES_PER_CHARACTER)),
        )
        start, spoken = 0, 0
        for piece in split_text(text, lambda part: self._spoken(part, speaker, normalize), limit):
            for passage in self._speak(piece, speaker, seed, num_codebooks, settings):
                passage.start = start / passage.sampling_rate
                for character in passage.characters:
                    character.start, character.end = character.start + passage.start, character.end + passage.start
                passage.words = _group(passage.characters, words, text)
                start, spoken = start + len(passage.waveform), spoken + (passage.speech is not None)
                yield passage
        if not spoken:
            self.processor(text=text, speaker=speaker, normalize=normalize)  # says what is wrong with it
            raise ValueError(f"The text {text[:60]!r} has nothing to speak.")

    def _spoken(self, text: str, speaker: str | int, normalize: bool) -> SpokenText:
        """A paragraph as it is spoken, with a full stop behind it: sentences in training have one."""
        spoken, origins = self.processor.spoken_text(text, speaker, normalize)[0]
        if spoken and spoken[-1].isalnum() and "." in self.processor.tokenizer.get_vocab():
            spoken, origins = f"{spoken}.", [*origins, (origins[-1][1], origins[-1][1])]
        return SpokenText(spoken, origins)

    def synthesize(self, text: str, speaker: str | int = 0, **settings) -> Passage:
        """Speaks a text of any length into one waveform; see [`stream`] for the arguments."""
        return join(list(self.stream(text, speaker, **settings)))

    def _speak(self, piece: Piece, speaker, seed: int, num_codebooks: int | None, settings: dict) -> Iterator[Passage]:
        """The passage of a piece, or those of its parts where it turns out too long."""
        rate = self.processor.sampling_rate
        if not any(character.isalnum() for character in piece.text):
            if piece.pause:
                yield Passage(torch.zeros(round(piece.pause * rate)), rate)
            return
        generator = torch.Generator(self.model.device).manual_seed(seed)
        try:
            speech = generate_speech(
                self.model, self.processor, piece.text, speaker, normalize=False, generator=generator, **settings
            )
        except SpeechTooLongError:
            parts = halve(piece)
            if len(parts) == 1:
                raise
            for part in parts:
                yield from self._speak(part, speaker, seed, num_codebooks, settings)
            return
        speech.waveform = self.processor.decode(speech.codes[:, :num_codebooks])[0]
        first, last = _spoken_range(speech)
        waveform = _fade(speech.waveform[first:last], round(FADE * rate))
        silence = torch.zeros(max(0, round((piece.pause - 2 * MARGIN) * rate)))
        characters = _times(speech, piece, -first / rate)
        yield Passage(torch.cat((waveform, silence)), rate, characters=characters, speech=speech)


def write_wav(passages: Iterable[Passage], path: str | Path) -> None:
    """Writes passages as 16-bit WAV, each as soon as it comes; a failure leaves no file, and an earlier one as it was.

    Raises:
        OSError: if the file cannot be written.
    """
    partial, file = f"{path}.partial", None
    try:
        for passage in passages:
            try:
                file = file or soundfile.SoundFile(partial, "w", passage.sampling_rate, 1, "PCM_16", format="WAV")
                file.write(passage.waveform.clamp(-1, 1).numpy())
            except (OSError, soundfile.SoundFileError) as error:
                raise OSError(
                    f"{path}: cannot be written ({error}); is the disk full or the folder missing?"
                ) from error
        if file is not None:
            file.close()
            os.replace(partial, path)
    finally:
        if file is not None:
            file.close()
        Path(partial).unlink(missing_ok=True)


def write_pcm(passages: Iterable[Passage], stream: BinaryIO) -> None:
    """Writes passages as raw little-endian 16-bit samples, each as soon as it comes."""
    for passage in passages:
        stream.write((passage.waveform.clamp(-1, 1) * 32767).round().numpy().astype("<i2").tobytes())
        stream.flush()


def join(passages: list[Passage]) -> Passage:
    """Passages of one text, in order, as one."""
    return Passage(
        torch.cat([passage.waveform for passage in passages]),
        passages[0].sampling_rate,
        passages[0].start,
        [word for passage in passages for word in passage.words],
        [character for passage in passages for character in passage.characters],
        passages[0].speech if len(passages) == 1 else None,
    )


def choose_device(name: str) -> str:
    """The device of that name, for `auto` the best there is; raises `VoiceError` if this machine has it not."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, present in available.items() if present)
    if not available.get(name):
        present = ", ".join(device for device, there in available.items() if there)
        raise VoiceError(f"The device {name!r} is none that PyTorch can use on this machine; it has {present}.")
    return name


def _check_fit(name: str, model, processor) -> None:
    characters, speakers = len(processor.tokenizer), len(processor.speakers)
    if characters > model.config.vocab_size or speakers > model.config.num_speakers:
        raise VoiceError(
            f"{name}: its tokenizer has {characters} characters and its processor {speakers} speakers, the model "
            f"{model.config.vocab_size} and {model.config.num_speakers}; take all files from one checkpoint."
        )
    codec = processor.codec_model.config
    if model.config.codebook_size != codec.codebook_size or model.config.num_codebooks > codec.num_quantizers:
        raise VoiceError(
            f"{name}: the model speaks {model.config.num_codebooks} x {model.config.codebook_size} codes, its codec "
            f"{processor.codec} knows {codec.num_quantizers} x {codec.codebook_size}; use the codec it learned from."
        )


def _spoken_range(speech: Speech) -> tuple[int, int]:
    """First and last sample of the speech with a margin of silence; what sounds at the edges is never cut."""
    waveform, rate = speech.waveform, speech.sampling_rate
    step = rate // 100
    loudness = waveform[: len(waveform) // step * step].unflatten(0, (-1, step)).square().mean(-1).sqrt()
    if not len(loudness) or loudness.max() == 0:
        return 0, len(waveform)
    sounding = (loudness > QUIET * loudness.max()).nonzero()[:, 0]
    first, last = int(sounding[0]) * step, (int(sounding[-1]) + 1) * step
    if speech.durations is not None:  # nor is a character that is spoken there very softly
        first = min(first, round(float(speech.durations[0]) / speech.frame_rate * rate))
        last = max(last, round(float(speech.durations[:-1].sum()) / speech.frame_rate * rate))
    margin = round(MARGIN * rate)
    return max(0, first - margin), min(len(waveform), last + margin)


def _fade(waveform: torch.Tensor, length: int) -> torch.Tensor:
    """The edges faded, so that a cut does not click."""
    length = min(length, len(waveform) // 2)
    ramp = torch.linspace(0, 1, length)
    gain = torch.ones(len(waveform))
    gain[:length], gain[len(waveform) - length :] = ramp, ramp.flip(0)
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


def _group(characters: list[Word], words: list[tuple[int, int]], text: str) -> list[Word]:
    """Timed characters as the words of the user's text, those together that are spoken as one (`$5 million`)."""
    grouped: list[Word] = []
    bounds = np.asarray(words).reshape(-1, 2)
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

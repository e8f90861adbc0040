"""A long speech that survives interruptions: what was spoken is kept next to its file, and `--resume` continues it.

    book.wav.unfinished           samples so far, raw and 16-bit
    book.wav.unfinished.jsonl     what is being spoken, then a line a passage: its place, its words and their times

Both go when the file is written. A speech that went on is the same, sample for sample, as one that was not interrupted.
Of the prompts of a file, a list says which are spoken:

    spoken/.spoken                a hash a line; goes when all are spoken
"""

import errno
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import astuple
from pathlib import Path

import numpy as np

from ..audio.writing import to_int16, write_audio
from ..errors_tts_trm import InputError
from ..files import atomic_path, named_if_unwritable
from .prompts import Prompt
from .speech import Passage, Word
from .subtitles import Times

# Samples that are read at once when the file is written.
BLOCK = 1 << 20


def key_of(request: object) -> str:
    """A hash of what JSON takes."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


class UnfinishedSpeech:
    """What has been spoken of one text so far.

    Args:
        path: of the audio file that it becomes.
        request: all that decides how it sounds: text, speaker, voice and settings, as JSON takes it.

    Attributes:
        times: of what is spoken.
        first_piece, first_sample: of `LongTextVoice.stream`, to go on.
    """

    def __init__(self, path: Path, request: object) -> None:
        self.path = path
        self.samples = path.with_name(f"{path.name}.unfinished")
        self.journal = path.with_name(f"{path.name}.unfinished.jsonl")
        self.key = key_of(request)
        self.times = Times()
        self.first_piece = self.first_sample = self.sampling_rate = 0

    def resume(self) -> None:
        """Takes over what an interrupted run has left, if it has left anything.

        Raises:
            InputError: if that belongs to another text, speaker, voice or setting.
        """
        if not self.journal.is_file():
            return
        key, passages = self._read_journal()
        if key != self.key:
            raise InputError(
                f"{self.samples}: belongs to another text, speaker, voice or setting; give the same ones, or leave out "
                "--resume to begin anew."
            )
        if not passages:
            return
        # Whether the last piece was spoken to its end is not known.
        self.first_piece = passages[-1]["piece"]
        kept = [passage for passage in passages if passage["piece"] < self.first_piece]
        self.first_sample, self.sampling_rate = sum(passage["samples"] for passage in kept), passages[-1]["rate"]
        with named_if_unwritable(self.samples):
            with open(self.samples, "r+b") as file:
                file.truncate(2 * self.first_sample)
        with atomic_path(self.journal) as partial:
            partial.write_text("".join(json.dumps(line) + "\n" for line in ({"key": key}, *kept)))
        self.times.seconds = self.first_sample / self.sampling_rate
        for passage in kept:
            self.times.words += [Word(*word) for word in passage["words"]]
            self.times.characters += [Word(*character) for character in passage["characters"]]

    def _read_journal(self) -> tuple[str, list[dict]]:
        """The key, and the passages whose samples are there; a last line that was cut off does not count."""
        lines = []
        for line in self.journal.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
        if not lines:
            return "", []
        available = self.samples.stat().st_size // 2 if self.samples.is_file() else 0
        passages = []
        for passage in lines[1:]:
            available -= passage["samples"]
            if available < 0:
                break
            passages.append(passage)
        return lines[0]["key"], passages

    def speak(self, passages: Iterator[Passage]) -> None:
        """Keeps each of `passages`, the rest of the speech, as it comes, and writes the audio file of all.

        Whatever ends it before, passages that are complete stay, but for text that the voice refuses.

        Raises:
            OSError: if something cannot be written.
        """
        complete = self.first_piece
        try:
            with ExitStack() as files:
                with named_if_unwritable(self.path):
                    if self.path.is_dir():
                        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                    mode = "a" if self.first_piece else "w"
                    samples = files.enter_context(open(self.samples, f"{mode}b"))
                    journal = files.enter_context(open(self.journal, mode))
                    if not self.first_piece:
                        journal.write(json.dumps({"key": self.key}) + "\n")
                for passage in passages:
                    with named_if_unwritable(self.path):
                        samples.write(to_int16(passage.waveform).tobytes())
                        samples.flush()
                        journal.write(self._line(passage))
                        journal.flush()
                    self.times.add(passage)
                    self.sampling_rate, complete = passage.sampling_rate, complete + 1
        except BaseException as error:
            if not complete or isinstance(error, InputError):
                self.remove()
            elif isinstance(error, KeyboardInterrupt):
                print(
                    f"{self.samples}: holds what was spoken; run the same command with --resume to continue.",
                    file=sys.stderr,
                )
            raise
        count = self.samples.stat().st_size // 2
        write_audio(self._blocks(count), self.path, count)
        self.remove()

    @staticmethod
    def _line(passage: Passage) -> str:
        content: dict = {"piece": passage.piece, "samples": len(passage.waveform), "rate": passage.sampling_rate}
        content["words"] = [astuple(word) for word in passage.words]
        content["characters"] = [astuple(character) for character in passage.characters]
        return json.dumps(content) + "\n"

    def _blocks(self, count: int) -> Iterator[Passage]:
        stored = np.memmap(self.samples, "<i2", "r", shape=(count,))
        for start in range(0, count, BLOCK):
            # Back to what `to_int16` rounds to the same numbers.
            yield Passage(stored[start : start + BLOCK].astype(np.float32) / 32767, self.sampling_rate)

    def remove(self) -> None:
        """Removes what was kept."""
        for path in (self.samples, self.journal):
            # Where there is no such folder, there is no file.
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()


class SpokenPrompts:
    """Which prompts of a file are spoken, in a hidden file beside their audio until all are.

    Args:
        folder: of the audio.
        request: what decides how all prompts sound: voice and settings, as JSON takes it.
        resume: whether the prompts of an interrupted run count.
    """

    def __init__(self, folder: Path, request: object, resume: bool) -> None:
        self.folder, self.request, self.journal = folder, request, folder / ".spoken"
        if not resume:
            self.remove()
        lines = self.journal.read_text(encoding="utf-8").splitlines() if self.journal.is_file() else []
        # A line that was cut off is the key of no prompt.
        self.keys = set(lines)

    def _key(self, name: str, prompt: Prompt) -> str:
        return key_of([name, prompt.text, prompt.speaker, self.request])

    def has(self, name: str, prompt: Prompt) -> bool:
        """Whether the file `name` holds this prompt."""
        return self._key(name, prompt) in self.keys and (self.folder / name).is_file()

    def add(self, name: str, prompt: Prompt) -> None:
        with named_if_unwritable(self.journal), open(self.journal, "a", encoding="utf-8") as file:
            file.write(f"{self._key(name, prompt)}\n")

    def remove(self) -> None:
        """Forgets them all: the run is over, or begins anew."""
        self.journal.unlink(missing_ok=True)

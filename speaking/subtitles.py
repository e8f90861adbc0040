"""Word times as files: JSON, SubRip (`.srt`) and WebVTT (`.vtt`)."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors_tts_trm import InputError
from ..files import named_if_unwritable
from .speech import Passage, Word

# Characters and seconds of a subtitle.
MAX_LINE_LENGTH, MAX_CUE_SECONDS = 42, 6.0


@dataclass
class Times:
    """The times of a speech, without its sound."""

    seconds: float = 0.0
    words: list[Word] = field(default_factory=list)
    characters: list[Word] = field(default_factory=list)

    def add(self, passage: Passage) -> None:
        """Takes in the next passage."""
        self.seconds += passage.seconds
        self.words += passage.words
        self.characters += passage.characters


def write_times(times: Times | Passage, path: str | Path) -> None:
    """Writes the times of a speech's words, in the format that the name of the file asks for.

    Raises:
        ValueError: if the name ends in none of `.json`, `.srt` and `.vtt`.
        OSError: if the file cannot be written; a failed write leaves no file.
    """
    path = Path(path)
    formats = {".json": to_json, ".srt": to_srt, ".vtt": to_webvtt}
    if path.suffix.lower() not in formats:
        raise InputError(f"{path}: times are written as {', '.join(formats)}; choose one by the end of the name.")
    partial = path.with_name(f"{path.name}.partial")
    content = formats[path.suffix.lower()](times)
    with named_if_unwritable(path):
        try:
            # half a surrogate pair is written as JSON escapes it
            partial.write_text(content, encoding="utf-8", errors="backslashreplace")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def to_json(times: Times | Passage) -> str:
    """`seconds`, `words` and `characters`; each has `text`, `start` and `end` in seconds, and its place in the text."""
    content = {
        "seconds": round(times.seconds, 3),
        "words": [_rounded(word) for word in times.words],
        "characters": [_rounded(character) for character in times.characters],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def to_srt(times: Times | Passage) -> str:
    cues = [
        f"{number}\n{_clock(cue[0].start, ',')} --> {_clock(cue[-1].end, ',')}\n{_line(cue)}\n"
        for number, cue in enumerate(_cues(times.words), 1)
    ]
    return "\n".join(cues)


def to_webvtt(times: Times | Passage) -> str:
    cues = [f"{_clock(cue[0].start, '.')} --> {_clock(cue[-1].end, '.')}\n{_line(cue)}\n" for cue in _cues(times.words)]
    return "\n".join(["WEBVTT\n", *cues])


def _rounded(word: Word) -> dict:
    return asdict(word) | {"start": round(word.start, 3), "end": round(word.end, 3)}


def _line(words: list[Word]) -> str:
    # an arrow would end the cue
    return " ".join(" ".join(word.text.split()) for word in words).replace("-->", "->")


def _cues(words: list[Word]) -> list[list[Word]]:
    """Words by subtitle: up to a line, ending where a sentence ends."""
    cues: list[list[Word]] = []
    for word in words:
        last = cues[-1] if cues else []
        fits = last and len(_line([*last, word])) <= MAX_LINE_LENGTH and word.end - last[0].start <= MAX_CUE_SECONDS
        if fits and last[-1].text.rstrip("\"')]”’")[-1:] not in tuple(".!?…"):
            last.append(word)
        else:
            cues.append([word])
    return cues


def _clock(seconds: float, point: str) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"

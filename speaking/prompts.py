"""Texts to speak, from a file: one prompt a line, with or without its speaker.

# a comment
1|the speaker's number first
anna|or the speaker's name
no speaker, which means the default one
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..errors_tts_trm import InputError
from .language_check import AUTO


class PromptError(InputError):
    """A prompts file that cannot be read; the message names the file, the line and the fix."""


@dataclass
class Prompt:
    """A text to speak."""

    text: str
    # Number or name; whether the voice has it shows when it is spoken.
    speaker: int | str = 0
    # Where it stands in its file, counted from 1.
    line: int = 0


def parse_prompt(line: str, speakers: Collection[str] = (), default_speaker: int | str = 0) -> Prompt:
    """One line: what precedes the first `|` is the speaker, by number, by name in any case, or as a blend;
    `auto` is the first one who reads the language of the text.

    Raises:
        InputError: for a name that is none of `speakers`; it names the nearest one.
    """
    first, bar, rest = line.partition("|")
    first = first.strip()
    if bar and re.fullmatch(r"[+-]?[0-9]+", first):
        return Prompt(rest.strip(), int(first))
    if bar and first.casefold() == AUTO and AUTO not in speakers:
        return Prompt(rest.strip(), AUTO)
    # A text may hold a bar, too: what has a space in it, or the end of a sentence, is not a name.
    named = first in speakers or re.fullmatch(r"[^\W\d_][\w'-]*(:[\d.]+)?(,[^\W\d_][\w'-]*:[\d.]+)*", first)
    if not (bar and speakers and named):
        return Prompt(line.strip(), default_speaker)
    known = {name.casefold(): name for name in speakers}
    for part in first.split(",") if ":" in first else [first]:
        name = part.rpartition(":")[0] if ":" in first else part
        if name.strip().casefold() not in known and name not in speakers:
            near = difflib.get_close_matches(name.casefold(), known, 1, 0.0)
            raise InputError(
                f"unknown speaker {name!r}, did you mean {known[near[0]]}? The voice has: {', '.join(speakers)}. "
                "If a text contains a bar, write the speaker's number and a bar before it."
            )
    return Prompt(rest.strip(), known.get(first.casefold(), first))


def read_prompts(path: str | Path, speakers: Collection[str] = (), default_speaker: int | str = 0) -> list[Prompt]:
    """The prompts of a file, in order; blank lines and comments are left out.

    Raises:
        PromptError: if the file is missing, is not UTF-8 text, holds no prompt, or names a speaker that there is not.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror or error}).") from error
    try:
        lines = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except UnicodeDecodeError as error:
        broken = content.count(b"\n", 0, error.start) + 1
        raise PromptError(f"{path}, line {broken}: is not UTF-8; save the file as UTF-8.") from error
    prompts = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                prompt = parse_prompt(line, speakers, default_speaker)
            except InputError as error:
                raise PromptError(f"{path}, line {number}: {error}") from error
            prompt.line = number
            prompts.append(prompt)
    if not prompts:
        raise PromptError(f"{path}: has no prompts; write one text per line, `speaker|text` or the text alone.")
    return prompts

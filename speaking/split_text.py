"""Text of any length in pieces that a voice can speak in one go: sentences, or clauses where these are too long."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors_tts_trm import InputError
from ..normalization_tts_trm import SpokenText

# Seconds of silence after such a piece.
SENTENCE_PAUSE, CLAUSE_PAUSE, PARAGRAPH_PAUSE = 0.4, 0.2, 0.8
MAX_PAUSE = 60.0
# Characters below which a sentence is joined to its neighbour, if it has one.
MIN_LENGTH = 25
# White space is looked at from its beginning only: from each of its places would take forever.
BREAK = re.compile(
    r"(?:(?<!\s)\s+)?\[pause\s+(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s)\]\s*|(?<!\s)\s*\n[^\S\n]*\n\s*",
    re.IGNORECASE,
)
# Quotation marks may close a sentence or a clause, in French with a space before them.
CLOSED = r"(?:[\"')\]»«”“’›‹]| [»›])*$"
SENTENCE_END = re.compile(rf"[.!?…]{CLOSED}")
QUOTED = re.compile(r"[.!?…] ?[\"')\]»«”“’›‹]+$")
INITIAL = re.compile(r"(?:^|\W)\w\.$")
CONSONANTS = re.compile(r"(?:^|[\s(])[^\W\d_aeiouyàáâãäèéêëìíîïòóôõöùúûü]{2,6}\.$", re.IGNORECASE)
SPACE = re.compile(" ")
CLAUSE_END = re.compile(rf"[,;:…–—-]{CLOSED}")
# Of the text behind a space, where it is that space.
CLOSES = re.compile(r"[»›](?:\s|$)")


@dataclass
class Piece:
    """A stretch of speech; without text it is silence alone."""

    # As it is spoken.
    text: str
    # For each character of `text`, the stretch of the user's text it stands for.
    origins: list[tuple[int, int]]
    # Seconds of silence after it.
    pause: float = 0.0


def split_text(text: str, speak_out: Callable[[str], SpokenText], limit: int) -> Iterator[Piece]:
    """The pieces of `text`, in order; together they hold every word of it.

    Args:
        text: of any length. Empty lines end paragraphs, `[pause 500ms]` and `[pause 2s]` are silence.
        speak_out: makes spoken text of a written paragraph.
        limit: characters of a piece, at most.

    Raises:
        ValueError: for a pause of more than a minute.
    """
    start = 0
    for match in [*BREAK.finditer(text), None]:
        end = match.start() if match else len(text)
        spoken = speak_out(text[start:end])
        paragraph = SpokenText(spoken.text, [(start + a, start + b) for a, b in spoken.origins])
        pieces = list(_pieces(paragraph, text, limit)) or [Piece("", [])]
        pieces[-1].pause = _pause(match) if match else 0.0
        yield from (piece for piece in pieces if piece.text or piece.pause)
        start = match.end() if match else end


def split_sentences(text: str, speak_out: Callable[[str], SpokenText]) -> Iterator[str]:
    """The sentences of `text` as they are spoken, one by one; arguments as for [`split_text`]."""
    start = 0
    for match in [*BREAK.finditer(text), None]:
        written, begin = text[start : match.start() if match else len(text)], 0
        spoken = speak_out(written)
        for end in [*_sentence_ends(spoken, written), len(spoken.text)]:
            if sentence := " ".join(spoken.text[begin:end].split()):
                yield sentence
            begin = end
        start = match.end() if match else len(text)


def _pause(match: re.Match) -> float:
    if match["number"] is None:
        return PARAGRAPH_PAUSE
    seconds = float(match["number"]) / (1000 if match["unit"].lower() == "ms" else 1)
    if seconds > MAX_PAUSE:
        raise InputError(f"{match[0].strip()[:40]} is longer than {MAX_PAUSE:.0f} s; shorten it.")
    return seconds


def _sentence_ends(spoken: SpokenText, written: str) -> Iterator[int]:
    """The spaces of `spoken` that end a sentence; its origins are places of the user's text `written`."""
    for place, kind in _cuts(spoken):
        quoted = QUOTED.search(spoken.text, max(0, place - 4), place)
        following = written[spoken.origins[place + 1][0]]
        # An abbreviation that no table knows, `tbl. 2`.
        unknown = CONSONANTS.search(spoken.text, max(0, place - 8), place) and (
            following.islower() or following.isdecimal()
        )
        # "Where to?" she asked. What is spoken may have lost its capitals.
        if kind == "sentence" and not unknown and not (quoted and following.islower()):
            yield place


def _pieces(paragraph: SpokenText, written: str, limit: int) -> Iterator[Piece]:
    """Sentences, short ones joined to what follows (the last one to what precedes), long ones split."""
    text, start = paragraph.text, 0
    sentences: list[range] = []
    for end in [*_sentence_ends(paragraph, written), len(text)]:
        joined = sentences and (len(sentences[-1]) < MIN_LENGTH or end - start < MIN_LENGTH and end == len(text))
        if joined and end - sentences[-1].start <= limit:
            sentences[-1] = range(sentences[-1].start, end)
        elif end > start:
            sentences.append(range(start, end))
        start = end + 1
    for sentence in sentences:
        yield from split_piece(_cut_out(paragraph, sentence.start, sentence.stop, SENTENCE_PAUSE), limit)


def split_piece(piece: Piece, limit: int) -> list[Piece]:
    """A piece in parts of at most `limit` characters: at clauses, else between words, inside a word only if it must."""
    whole, parts, start = SpokenText(piece.text, piece.origins), [], 0
    while (length := len(whole.text) - start) > limit:
        cuts = [
            (place, kind) for place, kind in _cuts(whole, start + 1, start + limit + 1) if length > place - start + 1
        ]
        clauses = [place for place, kind in cuts if kind != "word" and place - start >= min(limit, MIN_LENGTH) // 2]
        places = clauses or [place for place, _ in cuts]
        # Cut so that the remaining parts have about equal lengths.
        wanted = start + length / -(-length // limit)
        place = min(places, key=lambda place: abs(place - wanted)) if places else start + limit
        parts.append(_cut_out(whole, start, place, CLAUSE_PAUSE if clauses else 0.0))
        start = place
        while whole.text[start : start + 1] == " ":
            start += 1
    return [*parts, _cut_out(whole, start, len(whole.text), piece.pause)] if parts else [piece]


def halve(piece: Piece) -> list[Piece]:
    """A piece in two parts of about one length, or the piece alone if it has no place to cut."""
    whole, middle = SpokenText(piece.text, piece.origins), len(piece.text) / 2
    places = [place for place, _ in _cuts(whole)]
    if not places:
        return [piece]
    place = min(places, key=lambda place: abs(place - middle))
    return [_cut_out(whole, 0, place, 0.0), _cut_out(whole, place + 1, len(piece.text), piece.pause)]


def _cut_out(text: SpokenText, start: int, end: int, pause: float) -> Piece:
    """A stretch of it, without a space at either end, which the voice would not read."""
    while start < end and text.text[start] == " ":
        start += 1
    while end > start and text.text[end - 1] == " ":
        end -= 1
    return Piece(text.text[start:end], text.origins[start:end], pause)


def _cuts(text: SpokenText, start: int = 0, end: int | None = None) -> Iterator[tuple[int, str]]:
    """The spaces in a stretch of it at which it may be cut, and what each ends: a sentence, a clause or a word."""
    words, origins = text
    for place in (match.start() for match in SPACE.finditer(words, start, len(words) if end is None else end)):
        if origins[place - 1] == origins[place + 1] or origins[place][0] == origins[place][1]:
            # Within the words of one number, or of one word of the user's.
            continue
        if CLOSES.match(words, place + 1):
            continue
        before = words[max(0, place - 4) : place]
        # A dot behind a letter belongs to an initial, unless the letter ends an abbreviation.
        whole = origins[place - 1][1] - origins[place - 1][0] > 1
        # And not the letter of a number, 2a.
        whole = whole or (place > 2 and origins[place - 3][0] == origins[place - 3][1])
        if SENTENCE_END.search(before) and (whole or not INITIAL.search(before)):
            yield place, "sentence"
        else:
            yield place, "clause" if CLAUSE_END.search(before) else "word"

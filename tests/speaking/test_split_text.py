"""Long text in pieces: every word once, in order, no piece too long, pauses where they belong."""

import random
import re

import pytest

from tts_trm.normalization_tts_trm import SpokenText
from tts_trm.speaking.split_text import (
    CLAUSE_PAUSE,
    MIN_LENGTH,
    PARAGRAPH_PAUSE,
    SENTENCE_PAUSE,
    Piece,
    halve,
    split_piece,
    split_sentences,
    split_text,
)
from tts_trm.text_tts_trm import normalize_text


def plain(text: str) -> SpokenText:
    """The text as it is, its white space made single spaces."""
    origins, characters = [], []
    for place, character in enumerate(text.strip(), len(text) - len(text.lstrip())):
        if character.isspace() and characters[-1] == " ":
            continue
        characters.append(" " if character.isspace() else character)
        origins.append((place, place + 1))
    return SpokenText("".join(characters), origins)


def pieces(text: str, limit: int = 60, speak_out=plain) -> list[Piece]:
    return list(split_text(text, speak_out, limit))


def test_sentences_with_pauses():
    text = "This is the first sentence of it. And is this the second one?\n\nA new paragraph begins with this."
    found = pieces(text)
    assert [piece.text for piece in found] == re.split(r"(?<=[.?])\s+", text)
    assert [piece.pause for piece in found] == [SENTENCE_PAUSE, PARAGRAPH_PAUSE, 0.0]
    for piece in found:
        assert "".join(text[start:end] for start, end in piece.origins) == piece.text


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("fr", "Il dit : « Bonjour. » Puis il part.", ["Il dit : « Bonjour. »", "Puis il part."]),
        ("fr", "« Où vas-tu ? » demanda-t-elle. Voilà !", ["« Où vas-tu ? » demanda-t-elle.", "Voilà !"]),
        (
            "es",
            "«¿Adónde vas?» preguntó. “No lo sé.” ¡Qué día!",
            ["«¿Adónde vas?» preguntó.", "“No lo sé.”", "¡Qué día!"],
        ),
        ("de", "„Ich weiß nicht.“ Er ging. »Ja.« Gut.", ["„Ich weiß nicht.“", "Er ging.", "»Ja.«", "Gut."]),
        ("en", "“Where to?” she asked. “Home.” He left.", ["“Where to?” she asked.", "“Home.”", "He left."]),
        ("en", 'He said "stop." (He did.) Then he left.', ['He said "stop."', "(He did.)", "Then he left."]),
    ],
)
def test_quotation_marks_close_sentences(language, text, sentences):
    assert list(split_sentences(text, lambda part: normalize_text(part, language))) == sentences


def test_line_breaks_are_spaces_and_pauses_are_as_long_as_asked_for():
    found = pieces("One line that goes\non in the next. [pause 500ms] Then [PAUSE 1.5 s]\n[pause 2s] the end")
    assert [(piece.text, piece.pause) for piece in found] == [
        ("One line that goes on in the next.", 0.5),
        ("Then", 1.5),
        ("", 2.0),
        ("the end", 0.0),
    ]
    with pytest.raises(ValueError, match=r"\[pause 61s\] is longer than 60 s"):
        pieces("a [pause 61s] b")
    assert [piece.text for piece in pieces("a [pause soon] b")] == ["a [pause soon] b"]


def test_short_sentences_stay_together():
    found = pieces("Yes. No. Why is that so, in your opinion? He said: no. I. K. Brown and J. Smith came, too. Bye.")
    assert [piece.text for piece in found] == [
        "Yes. No. Why is that so, in your opinion?",
        "He said: no. I. K. Brown and J. Smith came, too. Bye.",
    ]
    assert all(len(piece.text) >= MIN_LENGTH for piece in found)


def test_long_sentences_are_split_at_clauses_first():
    found = pieces("When the sun had set behind the hills, we lit a fire, and told each other stories of the sea.")
    assert [piece.text[-1] for piece in found] == [",", "."] and found[0].pause == CLAUSE_PAUSE
    found = pieces("word " * 40)
    assert " ".join(piece.text for piece in found) == ("word " * 40).strip()
    assert [piece.pause for piece in found[:-1]] == [0.0] * (len(found) - 1)
    assert max(len(piece.text) for piece in found) - min(len(piece.text) for piece in found) < 10  # no tiny rest


def test_the_words_of_a_number_are_not_torn_apart():
    text = "It cost $1,234,567.89 and 99 cents."
    found = pieces(text, 90, lambda part: normalize_text(part))
    assert len(found) == 1 or all("dollars" not in piece.text or "one million" in piece.text for piece in found)
    # What has no space at all is cut.
    assert "".join(piece.text for piece in pieces("x" * 150)) == "x" * 150


@pytest.mark.parametrize("limit", [20, 60, 140])
def test_no_word_is_lost_or_torn(limit):
    generator = random.Random(limit)
    for _ in range(50):
        words = [
            generator.choice(["a", "be,", "sea.", "well-known", "No!", "(so)", "J.", "wait...", "and"])
            for _ in range(120)
        ]
        text = "".join(word + generator.choice([" ", " ", "  ", "\n", "\n\n"]) for word in words)
        found = pieces(text, limit)
        assert " ".join(piece.text for piece in found).split() == words
        assert all(0 < len(piece.text) <= limit and piece.text.strip() == piece.text for piece in found)
        assert all(len(piece.text) == len(piece.origins) for piece in found)


def test_halves():
    piece = pieces("one two three four five six seven eight", 60)[0]
    piece.pause = 1.0
    first, second = halve(piece)
    assert f"{first.text} {second.text}" == piece.text and abs(len(first.text) - len(second.text)) < 10
    assert (first.pause, second.pause) == (0.0, 1.0)
    assert halve(Piece("single", [])) == [Piece("single", [])]
    assert [part.text for part in halve(Piece("a longestword", [(i, i + 1) for i in range(13)]))] == [
        "a",
        "longestword",
    ]
    assert split_piece(piece, 60) == [piece]


def test_words_that_must_be_torn_leave_no_space_at_an_edge():
    """Emoji become many words of one character: no cut is allowed between them, and the limit may fall on a space."""
    found = pieces("😀" * 30 + "yes", 41, speak_out=normalize_text)
    assert len(found) > 5
    assert all(piece.text == piece.text.strip() and len(piece.text) == len(piece.origins) for piece in found)
    spoken = normalize_text("😀" * 30 + "yes").text
    assert "".join(piece.text for piece in found).replace(" ", "") == spoken.replace(" ", "")

"""Sentences are chosen for the words that they add."""

import itertools
import math
from collections import Counter

import pytest

from tts_trm.scripts import choose_sentences as script

SENTENCES = ["The cat saw the cat.", "The dog saw the cat.", "A quarry lodge.", "The dog saw it.", "A lodge, a quarry."]


def heard(sentences) -> set[str]:
    return {word for text in sentences for word in script.words_of(text)}


def test_words_have_no_case_and_keep_their_apostrophes():
    assert script.words_of("L'été, DON'T! 3 snake_case über-alles") == "l'été don't snake case über alles".split()


def test_each_sentence_adds_the_most_words_for_its_length():
    chosen = script.choose(SENTENCES, Counter(), 3)
    assert len(set(chosen)) == 3
    # No three sentences together have more words.
    assert len(heard(chosen)) == max(len(heard(three)) for three in itertools.combinations(SENTENCES, 3))
    # Nothing is chosen for what is known.
    known = script.count_words(["The cat saw a dog. It is a lodge."] * 5)
    assert "quarry" in script.choose(SENTENCES, known, 1)[0]
    assert sorted(script.choose(SENTENCES, Counter(), 99)) == sorted(SENTENCES)


def test_the_lazy_choice_is_that_of_looking_at_all():
    texts = [" ".join(words) for words in itertools.combinations("ab cde fg hijk l mno pqrstu vw xyz".split(), 3)]
    texts = [text for index, text in enumerate(texts) if index % 3]
    frequency, known, left, chosen = script.count_words(texts), Counter(), list(texts), []

    def value(text):
        gained = sum(math.log(1 + frequency[word]) / (1 + 2 * known[word]) for word in set(text.split()))
        return gained / (len(text) + script.PAUSES)

    for _ in range(20):
        chosen.append(max(left, key=value))
        left.remove(chosen[-1])
        known.update(chosen[-1].split())
    assert script.choose(texts, Counter(), 20) == chosen


def test_a_list_of_words_may_have_a_word_twice_and_two_in_a_line(tmp_path):
    (tmp_path / "book.txt").write_text("A quarry lodge.\n", encoding="utf-8")
    (tmp_path / "words.txt").write_text("Polish\npolish\nNew York\n", encoding="utf-8-sig")
    output = tmp_path / "chosen.txt"
    command = ["--sentences", str(tmp_path / "book.txt"), "--min-length", "1", "--output", str(output)]
    assert script.main([*command, "--words", str(tmp_path / "words.txt")]) == 0
    *_, prompt = output.read_text(encoding="utf-8").splitlines()
    assert sorted(script.words_of(prompt)) == ["new", "polish", "york"]


def test_the_command_names_what_is_missing_and_strings_it_up(tmp_path, tiny_recordings, tokens, capsys):
    (tmp_path / "book.txt").write_text("\n".join(SENTENCES * 2) + "\n\n", encoding="utf-8")
    (tmp_path / "words.txt").write_text("cat\nzebra\nquince\nyeoman\nvortex\numbra\ntundra\nsylph\n", encoding="utf-8")
    output, book = tmp_path / "chosen.txt", str(tmp_path / "book.txt")
    command = ["--sentences", book, "--min-length", "5", "--output", str(output)]
    known = ["--known", str(tiny_recordings), str(tokens), book]
    assert script.main([*command, "--words", str(tmp_path / "words.txt"), "--count", "2", *known]) == 0
    lines = output.read_text(encoding="utf-8").splitlines()
    # Two sentences, and seven words that none of the texts has.
    assert len(lines) == 4 and set(lines[:2]) <= set(SENTENCES)
    assert heard(lines[2:]) == set("zebra quince yeoman vortex umbra tundra sylph".split())
    assert "of the 8 in" in capsys.readouterr().out


@pytest.mark.parametrize("book, message", [("", "holds no sentence of the wanted length"), (None, "cannot be read")])
def test_nothing_to_choose_from(book, message, tmp_path, capsys):
    if book is not None:
        (tmp_path / "book.txt").write_text(book)
    command = ["--sentences", str(tmp_path / "book.txt"), "--output", str(tmp_path / "chosen.txt")]
    assert script.main(command) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "chosen.txt").exists()

"""Written text to words: a table of cases, the places that words stand for, and what is missing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_trm import verbalization_tts_trm, verbalization_words_tts_trm
from tts_trm.text_tts_trm import LANGUAGES, language_code, normalize_text

# language, written, spoken
CASES = [line.split("\t") for line in (Path(__file__).parent / "cases.tsv").read_text("utf-8").splitlines()]


def spoken(text: str, language: str = "en") -> str:
    """With single letters for those that are spelled, and `\\n` for a line break."""
    return " ".join(normalize_text(text.replace("\\n", "\n"), language, names=False).text.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_cases(language):
    cases = [(written, words) for code, written, words in CASES if code == language]
    # British English has only what differs.
    assert len(cases) >= {"en": 160, "de": 160, "en-gb": 7}.get(language, 80)
    wrong = {written: spoken(written, language) for written, words in cases if spoken(written, language) != words}
    assert not wrong


@pytest.mark.parametrize(("language", "written", "_"), CASES)
def test_nothing_is_left_that_no_voice_can_say(language, written, _):
    assert not any(character.isdigit() or character in "$€%&@§#" for character in spoken(written, language))


def test_readme_counts_the_cases():
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert f"[{len(CASES)} test cases](tests/text/cases.tsv)" in " ".join(readme.split())


def test_a_voice_is_given_the_names_of_letters():
    assert normalize_text("A TV of the BBC at 5 pm").text == "A tee vee of the bee bee see at five pee em"
    assert normalize_text("die CDU", "de").text == "die ze de u"


def test_without_markup_signs_are_read():
    assert normalize_text("# 5 <b>", markup=False, names=False).text.split() == ["number", "five", "<b>"]


# What people write, in pieces that are put together at random.
DIGITS = st.text("0123456789", min_size=1, max_size=11)
PIECES = st.one_of(
    DIGITS,
    st.tuples(DIGITS, st.sampled_from("-–./:, ()'"), DIGITS).map("".join),
    st.tuples(st.sampled_from(["$", "€", "-", "+", "#", "No. ", "p. ", "("]), DIGITS).map("".join),
    st.tuples(DIGITS, st.sampled_from(["%", " kg", " €", "th", ".", "s", "-", " Uhr", ":30", "/2", "²", ")", "x"])).map(
        "".join
    ),
    st.sampled_from(["and", "Call", "Jan.", "der", "am", "Dr.", "to", "CA", "IV", "Mai", "=", ",", "\n", "- ", "the"]),
    st.tuples(
        DIGITS, st.sampled_from(["º", "ª", "°", "er", "e", "h", "h30", " de", " heures", " páginas", " mai"])
    ).map("".join),
    st.sampled_from(["le", "siglo", "Louis", "M.", "n.º", "tél.", "R$", "mil", "ore", "o", "il", "Sr.", "de", "XIXe"]),
)


@given(st.lists(PIECES, max_size=8), st.sampled_from([*LANGUAGES]), st.sampled_from([" ", ""]))
def test_no_digit_is_ever_lost(pieces, language, between):
    """Every stretch of digits is spoken: its characters are places that some word stands for."""
    text = between.join(pieces)
    words, origins = normalize_text(text, language)
    said = {
        place
        for (start, end), word in zip(origins, words, strict=True)
        if word.isalpha()
        for place in range(start, end)
    }
    assert not any(character.isdigit() for character in words)
    assert all(place in said for place, character in enumerate(text) if character.isdigit())
    assert [start for start, _ in origins] == sorted(start for start, _ in origins)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("Call 444 010 4477.", "4440104477"),
        ("Call 800 055 1234 today.", "8000551234"),
        ("It is 0049 30 901820.", "004930901820"),
        ("ring 07700 900 123 or 07700900123", "0770090012307700900123"),
        ("555-0100-22, 1-2-3-4", "5550100221234"),
    ],
)
def test_digits_that_are_read_one_by_one_can_be_written_down_again(text, digits):
    names = dict(zip("zero one two three four five six seven eight nine".split(), "0123456789", strict=True))
    assert "".join(names.get(word.strip(".,"), "") for word in spoken(text).split()) == digits


def test_words_are_left_alone():
    text = "She said: \"I'll go - now\", and went; didn't she? (Yes!)\n\nA new paragraph."
    assert normalize_text(text) == (text, [(index, index + 1) for index in range(len(text))])


def test_a_title_at_the_end_of_a_line_ends_no_sentence():
    assert spoken("He met Dr.\nSmith, etc.\n\nThen") == "He met Doctor Smith, et cetera. Then"


def test_every_character_knows_its_place():
    text = "Pay $5.20 for 3kg, Dr. Ed!"
    words, origins = normalize_text(text)
    assert words == "Pay five dollars and twenty cents for three kilograms, Doctor Ed!"
    places = {}
    for character, (start, end) in zip(words, origins, strict=True):
        places[start, end] = places.get((start, end), "") + character
    assert places[4, 9] == "five dollars and twenty cents" and text[4:9] == "$5.20"
    assert places[14, 17] == "three kilograms" and places[19, 22] == "Doctor"
    assert [start for start, _ in origins] == sorted(start for start, _ in origins)


def test_languages_without_a_table_have_their_numbers_spoken():
    assert spoken("Ik heb 3 katten & 21 honden.", "nl") == "Ik heb drie katten and eenentwintig honden."


def test_a_country_has_its_own_table_or_that_of_its_language():
    assert [language_code(name) for name in ("en_GB", "fr-CA", "pt_BR", "EN", "nl-BE")] == "en-gb fr pt en nl".split()
    assert spoken("3/4/2024", "en_US") == spoken("3/4/2024") != spoken("3/4/2024", "en-GB")
    assert spoken("21 ans", "fr-CA") == "vingt et un ans"


def test_what_the_library_cannot_say_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="the number 5, which num2words cannot say in 'xx'; write it out"):
        normalize_text("5", "xx")
    assert spoken("five", "xx") == "five"
    monkeypatch.setattr(verbalization_tts_trm, "num2words", None)
    with pytest.raises(ValueError, match="the number 5; have numbers spoken with `pip install num2words`"):
        normalize_text("take 5")
    monkeypatch.setattr(verbalization_words_tts_trm, "emoji", None)
    assert spoken("Dr. No 😀") == "Doctor No grinning face"


def test_no_rule_takes_long():
    """Patterns that search backwards would take minutes."""
    for text in (
        "1" * 5000,
        "1-" * 2500,
        "1." * 2500,
        "a." * 2500,
        "$" * 5000,
        "www." * 1000,
        "😀" * 2000,
        "1 000" * 900,
        "1° " * 1500,
        "1er " * 1500,
    ):
        for language in ("en", "fr", "pt"):
            assert normalize_text(text, language).text

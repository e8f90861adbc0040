"""What only says how a text is laid out is taken out, and every character left knows its place."""

import pytest

from tts_trm.markup_tts_trm import read_markup

CASES = [
    ("### Example Heading", "Example Heading"),
    ("# Big *title*\nText", "Big title. Text"),
    ("Title\n=====\nText", "Title. Text"),
    ("**bold**, _italic_, ***both*** and `code`", "bold, italic, both and code"),
    ("~~gone~~ and ==marked==", "gone and marked"),
    ("snake_case, 2*3*4, 5 < 6, a<b and c>d", "snake_case, 2*3*4, 5 < 6, a<b and c>d"),
    ("See [the site](https://example.org/a?b=1), [there][1].", "See the site, there."),
    ("![A cat](cat.png) and <https://a.org>", "A cat and https://a.org"),
    ("- milk\n- eggs\n\n* bread", "milk. eggs bread"),
    ("Buy:\n  1. milk\n  2. eggs\nThen go.", "Buy: 1, milk. 2, eggs. Then go."),
    ("- [ ] to do\n- [x] done", "to do. done"),
    ("> a quotation\n> of two lines", "a quotation of two lines"),
    ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a, b. 1, 2"),
    ("```python\nprint\n```", "print."),
    ("One\n\n---\n\nTwo", "One Two"),
    ("Tom &amp; Jerry&nbsp;said it&#39;s fine.", "Tom & Jerry said it's fine."),
    ("<p>Hello <b>there</b>.</p><p>You<br>too</p>", "Hello there. You. too"),
    ('<a href="x" class=y>link</a> <!-- note --> <script>x()</script>end', "link end"),
    ("Chapter IV\nThe Return of Mr Brown\nIt was late.", "Chapter IV. The Return of Mr Brown. It was late."),
    ("Roses are red\nViolets are blue", "Roses are red. Violets are blue"),
    (
        "This is a long line of prose that an editor has wrapped at some\nwidth. Names such as Long Island do not "
        "begin a sentence in it, nor\nJones.",
        "This is a long line of prose that an editor has wrapped at some width. Names such as Long Island do not "
        "begin a sentence in it, nor Jones.",
    ),
    ("Grüße vom\nBand.", "Grüße vom Band."),
    ("One line that goes\non in the next.", "One line that goes on in the next."),
    ("a hyphen-\nated word and a well-\nKnown one", "a hyphenated word and a well-Known one"),
    ("A fact[1] and another.[2, 3] And one[^note].", "A fact and another. And one."),
    ("\\*no emphasis\\*", "*no emphasis*"),
    ("so\u00adft, ze\u200bro", "soft, zero"),
]


@pytest.mark.parametrize(("written", "plain"), CASES)
def test_cases(written, plain):
    text, origins = read_markup(written)
    assert " ".join(text.split()) == plain
    assert len(origins) == len(text)
    for character, (start, end) in zip(text, origins, strict=True):
        assert 0 <= start < end <= len(written)
        # What was not put in is what stands at its place.
        if end == start + 1 and character.isalnum():
            assert written[start] == character
    assert [start for start, _ in origins] == sorted(start for start, _ in origins)


def test_text_without_marks_is_the_same_object():
    text = "Nothing here, at all; is there?"
    assert read_markup(text).text is text


@pytest.mark.parametrize(
    "part", ["*", "[a", "<b ", "_a", "\n", "a\n", "|", "> ", "&a", "- ", "`", "<!--", "a | ", "- a\n", "[^", "](", "\\"]
)
def test_much_of_what_could_be_a_mark_comes_to_an_end(part):
    """Patterns that tried every end from every beginning would take minutes."""
    assert len(read_markup(part * 20_000).text) <= 2 * len(part) * 20_000

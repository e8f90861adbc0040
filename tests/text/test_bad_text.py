"""Text that nobody would write: each is spoken or refused in words, alike by processor, voice and command."""

import json
import logging
from collections import Counter

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from tts_trm import TtsTrmProcessor, Voice
from tts_trm.errors_tts_trm import InputError
from tts_trm.normalization_tts_trm import SILENT
from tts_trm.scripts import synthesize
from tts_trm.speaking.prompts import PromptError, read_prompts
from tts_trm.speaking.speech import Passage, Speech
from tts_trm.speaking.split_text import Piece, split_text
from tts_trm.text_tts_trm import LANGUAGES, normalize_text

EMPTY, NO_LETTER, TOO_LONG = "is empty", "has no letter that this voice has learned", "over the limit of 510; split it"
# text, why the processor refuses it, how it begins when it is spoken (None: it is refused)
TEXTS = {
    "nothing": ("", EMPTY, None),
    "a space": (" ", EMPTY, None),
    "white space": ("\t\n\u00a0\u2003\r\n\t", EMPTY, None),
    "marks": ("...", NO_LETTER, None),
    "NUL alone": ("\0", NO_LETTER, None),
    "NUL": ("a\0b", None, "a b."),
    "control characters": ("a \x01\x07\x7f b\x1b[31mc", None, "a b thirty-one mc."),
    "half a surrogate pair alone": ("\udc80", NO_LETTER, None),
    "half a surrogate pair": ("a\ud83d b", None, "a b."),
    "a replacement character": ("\ufffd", NO_LETTER, None),
    "a byte order mark": ("\ufeffhello", None, "hello."),
    "no character": ("\uffff\U0010ffff\ue000", NO_LETTER, None),
    "emoji": ("😀👍🏽👩‍👩‍👧", None, "grinning face thumbs up"),
    "right to left": ("שלום עולם", NO_LETTER, None),
    "direction marks": ("\u202eabc\u202c one", None, "abc one."),
    "two alphabets": ("Hello мир 世界 hallo", None, "hello hallo."),
    "composed": ("Caf\u00e9", None, "cafe."),
    "decomposed": ("Cafe\u0301", None, "cafe."),
    "a thousand accents": ("e" + "\u0301" * 1000 + " a", None, "e a."),
    "zero-width joiners": ("o\u200dne tw\u200bo", None, "one two."),
    "HTML": ("<b>bold</b>&nbsp;<script>alert(1)</script>", None, "bold"),
    "special tokens": ("<pad> <unk> <boundary>", None, "pad unk boundary"),
    "a web address": ("https://user:pw@host.com:8080/a?b=c#d", None, "user colon pee double-you at host dot com colon"),
    "an address of superscripts": ("www.²³.com", None, "double-you double-you double-you dot"),
    "Arabic digits": ("٣٤٥", None, "three hundred and forty-five."),
    "Thai digits": ("๑๒๓", None, "one hundred and twenty-three."),
    "as long as may be": ("a" * 510, None, "a" * 100),
    "a character too long": ("a" * 511, TOO_LONG, "a" * 100),
    "a very long number": ("9" * 400, TOO_LONG, "nine nine nine"),
    "a very long number of things": ("9" * 400 + " km", TOO_LONG, "nine nine nine"),
    "a very long ordinal": ("9" * 400 + "th", TOO_LONG, "nine nine nine"),
    "a very long sum": ("$" + "9" * 400 + ".50", TOO_LONG, "nine nine nine"),
    "a very long decimal": ("9" * 400 + "." + "9" * 400, TOO_LONG, "nine nine nine"),
    "many thousands": ("1" + ",000" * 200, TOO_LONG, "one zero zero zero"),
    "very long versions": (f"{'9' * 400}.1.{'9' * 400}", TOO_LONG, "nine nine nine"),
    "a telephone number that is none": ("+49" + "1" * 80 + "x", None, "plus four nine one one"),
    "a pause alone": ("[pause 1s]", None, None),
    "a pause of a number of digits": (f"a [pause {'9' * 400}s] b", TOO_LONG, None),
}


@pytest.fixture(scope="module")
def voice(tiny_voice) -> Voice:
    return Voice.from_pretrained(tiny_voice, device="cpu")


def refusal(action) -> str | None:
    """The message of the error that it ends in, which must be a named one."""
    try:
        action()
    except ValueError as error:
        assert type(error) is InputError, f"{type(error).__name__} is none that the user is promised"
        return str(error)
    return None


@pytest.mark.parametrize("name", TEXTS)
def test_spoken_or_refused_alike(name, voice, tmp_path, monkeypatch, capsys):
    text, refused, spoken = TEXTS[name]
    message = refusal(lambda: voice.processor(text))
    assert (message is None) == (refused is None) and (refused or "") in (message or ""), message
    passages = []
    message = refusal(lambda: passages.extend(voice.stream(text, speed=4.0)))
    assert (message is None) == (spoken is not None)
    if refused in (EMPTY, NO_LETTER):
        assert refused in message
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(synthesize, "load_voice", lambda options: voice)
    capsys.readouterr()
    code = synthesize.main([f"--text={text}", "--speed", "4", "--output", "a.wav", "--times", "a.json"])
    out, error = capsys.readouterr()
    if spoken is None:
        assert (code, out, not list(tmp_path.iterdir())) == (1, "", True) and error.endswith(f"error: {message}\n")
        assert len(message) < 300 and message.isprintable()
        return
    assert code == 0
    assert " ".join(passage.speech.text for passage in passages if passage.speech).startswith(spoken)
    samples, rate = soundfile.read("a.wav")
    wave = np.concatenate([passage.waveform for passage in passages])
    assert rate == 24_000 and len(samples) == len(wave) > 0 and np.isfinite(wave).all()
    words = json.loads((tmp_path / "a.json").read_text("utf-8"))["words"]
    assert all(word["text"] == text[word["text_start"] : word["text_end"]] for word in words) and words


def test_what_a_voice_leaves_out_is_said(voice, caplog):
    with caplog.at_level(logging.WARNING):
        list(voice.stream("One. \ud83d мир\n\nTwo мир."))
    assert "'м' x 2" in caplog.text and "'\\ud83d' x 1" in caplog.text and len(caplog.records) == 1


def test_inverted_marks_are_no_loss(processor):
    (clean, _), left_out = processor.spoken_text("¿Sí? ¡No!")
    assert clean == "si? no!" and not left_out


# -- any text at all ----------------------------------------------------------------------------------------------

FRAGMENTS = [*"a.,-+/:@$€%°²½'’№٣0159 \n\0😀👍🏽\u200d\ufe0f\u0301\ud800XIVABßéж", "km", "th", "er", "www.", "http://"]
FRAGMENTS += [".com", "1,000", "12.5", "Jan ", "Mai ", "Dr.", "St. ", "am ", "Uhr", "3:30 p.m.", "(030) ", "[pause 1s]"]
ANY_TEXT = st.text(max_size=40) | st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=12).map("".join)


@given(ANY_TEXT, st.sampled_from([*LANGUAGES]))
@example("0. Mai 00.00.00 0th 00s 99:99 24 Uhr 0/0", "en")
@example("am 0. Mai 00.00.00 0er 99:99 24 Uhr 0/0 \u0661/\u0662", "de")
@example("www.\u200d", "en")
@example("$0.0A", "en")
@example("0º 0,0 0/0 99h99 0er IIe 00 00 00 00 1 ", "fr")
@example("0º 0,0 0/0 99h99 0er II 00 00 00 00 1 a", "it")
def test_the_normaliser_takes_any_text(text, language):
    spoken, origins = normalize_text(text, language)
    assert len(spoken) == len(origins)
    assert not any(character.isdecimal() or character in SILENT for character in spoken)
    assert all(0 <= start <= end <= len(text) for start, end in origins)
    assert [start for start, _ in origins] == sorted(start for start, _ in origins)
    kept = {place for start, end in origins for place in range(start, end)}
    assert all(place in kept for place, character in enumerate(text) if character.isalnum())


def joined(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces).replace(" ", "")


@pytest.fixture(scope="module")
def processor() -> TtsTrmProcessor:
    return TtsTrmProcessor.from_texts(
        ["abcdefghijklmnopqrstuvwxyz'\".,-!?;:"], ["anna", "bert"], languages=["en", "de"]
    )


@given(ANY_TEXT | st.text("ab .,!\n", max_size=200), st.integers(8, 60), st.sampled_from([0, 1]))
@example("aaaaaaaaa bb", 8, 0)
def test_the_splitter_loses_nothing(processor, text, limit, speaker):
    taken = []

    def speak_out(part):
        taken.append(processor.spoken_text(part, speaker)[0])
        return taken[-1]

    pieces = list(split_text(text, speak_out, limit))
    assert all(len(piece.text) == len(piece.origins) <= limit for piece in pieces)
    assert joined(pieces) == joined(taken)
    assert all(piece.text == piece.text.strip() and (piece.text or piece.pause) for piece in pieces)


@given(ANY_TEXT)
def test_any_speech_is_its_passages_and_its_words_are_timed(voice, text):
    try:
        whole = voice.synthesize(text, speed=4.0)
    except ValueError as error:
        assert type(error) is InputError
        return
    passages = list(voice.stream(text, speed=4.0))
    assert np.array_equal(whole.waveform, np.concatenate([passage.waveform for passage in passages]))
    times = [time for word in whole.words for time in (word.start, word.end)]
    assert times == sorted(times) and times[0] >= -1e-6 and times[-1] <= whole.seconds + 1e-6
    places = [place for word in whole.words for place in (word.text_start, word.text_end)]
    assert places == sorted(places) and all(word.text == text[word.text_start : word.text_end] for word in whole.words)


LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30)


@given(st.lists(LINE, max_size=8))
@example(["\x0b", "\x1c a", "\u2028", "\ufeff"])
def test_every_line_of_a_prompts_file_is_its_prompt(tmp_path_factory, lines):
    path = tmp_path_factory.getbasetemp() / "prompts.txt"
    path.write_bytes("\n".join(lines).encode())
    lines = [line.removeprefix("\ufeff") if not number else line for number, line in enumerate(lines)]
    expected = [number for number, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    try:
        prompts = read_prompts(path, ("anna",))
    except PromptError as error:
        assert "unknown speaker" in str(error) or (not expected and "has no prompts" in str(error))
        return
    assert [prompt.line for prompt in prompts] == expected
    assert all(lines[prompt.line - 1].strip().endswith(prompt.text) for prompt in prompts)


@given(st.binary(max_size=40))
def test_damaged_prompts_files_are_named(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "damaged.txt"
    path.write_bytes(content)
    try:
        assert read_prompts(path) and content.decode()
    except PromptError as error:
        assert str(path) in str(error)


# -- a megabyte ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["word ", "a.", "\t", "[pause ", "+49", "000 ", "a-", "\u0301"])
def test_long_text_is_split_in_time_that_grows_with_it_alone(processor, unit):
    """What looks from each place at the rest of the text takes hours for these, and so does a pattern that groups."""
    text = "x" + unit * ((1_000_000 if unit.isspace() else 100_000) // len(unit)) + "x"
    pieces = list(split_text(text, lambda part: processor.spoken_text(part)[0], 60))
    assert all(len(piece.text) <= 60 for piece in pieces)
    assert joined(pieces) == processor.spoken_text(text)[0].text.replace(" ", "")


def test_a_megabyte_is_refused_in_one_go_and_spoken_in_passages(voice, monkeypatch):
    def speak(text, *arguments, **settings):
        codes, ids = np.zeros((1, 32, len(text) + 2), np.int64), ["a"] * (len(text) + 2)
        durations = np.ones(len(ids), np.float32)
        return Speech(text, 0, "anna", codes, ids, durations, None, 24_000, 12.5, np.zeros(len(ids), np.float32))

    text = f"word{' ' * 46}" * 20_000
    with pytest.raises(ValueError, match="has 99999 characters, over the limit of 510; split it"):
        voice.processor(text)
    monkeypatch.setattr(voice, "speak", speak)
    monkeypatch.setattr(voice, "to_array", lambda samples: samples)
    counted = Counter()
    for passage in voice.stream(text):
        assert isinstance(passage, Passage) and len(passage.speech.text) <= 510
        counted.update(word.text for word in passage.words)
    assert counted == {"word": 20_000}

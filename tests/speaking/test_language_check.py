"""A German text with an English speaker is worth a word, or is given to a German one; a text in doubt is not."""

import logging
import sys
from types import SimpleNamespace

import pytest

from tts_trm import Voice
from tts_trm.speaking import language_check
from tts_trm.speaking.language_check import other_language, speaker_for, text_language

TEXTS = {
    "English": "The cat sat on the mat, and that was what they would have wanted from this.",
    "German": "Ich habe heute keine Zeit, weil ich arbeiten muss.",
    "French": "Bonjour, comment allez-vous aujourd'hui ?",
    "Spanish": "Hola, ¿cómo estás? Me llamo Ana y vivo en Madrid.",
    "Italian": "Buongiorno a tutti, oggi parliamo di musica.",
    "Portuguese": "Bom dia, tudo bem com você?",
}
CODES = {"English": "en", "German": "de", "French": "fr", "Spanish": "es", "Italian": "it", "Portuguese": "pt"}
VOICE = SimpleNamespace(speakers=["heart", "emma", "kerstin", "dora_br"], languages=["en", "en_GB", "de", "pt"])


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("own", TEXTS)
def test_each_language_is_told_from_the_others(name, own):
    assert text_language(TEXTS[name], CODES[own]) == CODES[name]
    assert other_language(TEXTS[name], CODES[own]) == (None if name == own else name)


@pytest.mark.parametrize(
    "text", ["", "12:30", "Yes.", "Hello, world.", "Dr. Anna Schmidt", "NASA 2020", "\U0001f600 !"]
)
def test_in_doubt_nothing_is_said(text):
    assert other_language(text, "en") is None and other_language(text, "de_CH") is None


def test_of_a_language_that_is_not_known_nothing_is_said():
    assert other_language(TEXTS["German"], "nl") is None


def test_what_is_plainly_in_its_language_loads_nothing(monkeypatch):
    monkeypatch.setattr(language_check, "_identifier", lambda: pytest.fail("it was loaded"))
    assert text_language(TEXTS["English"]) == "en" and text_language("") is None and text_language("1, 2") is None


def test_without_the_library_it_is_in_doubt(monkeypatch):
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    language_check._identifier.cache_clear()
    assert text_language(TEXTS["German"]) is None
    assert text_language("Das ist es nicht, aber wir haben es auch so gemacht.", "de") == "de"
    language_check._identifier.cache_clear()


def test_auto_is_the_first_who_reads_the_text():
    assert speaker_for(TEXTS["German"], "auto", VOICE) == "kerstin"
    assert speaker_for(TEXTS["Portuguese"], "auto", VOICE) == "dora_br"
    # If the language is uncertain, or no voice reads it, the first speaker speaks.
    for text in (TEXTS["English"], TEXTS["French"], "OK", ""):
        assert speaker_for(text, "auto", VOICE) == "heart"
    assert speaker_for(TEXTS["German"], "emma", VOICE) == "emma" and speaker_for(TEXTS["German"], 1, VOICE) == 1
    named = SimpleNamespace(speakers=["anna", "auto"], languages=["en", "en"])
    assert speaker_for(TEXTS["German"], "auto", named) == "auto"


def test_the_voice_warns_and_speaks(tiny_voice, caplog):
    voice = Voice.from_pretrained(tiny_voice, device="cpu")
    with caplog.at_level(logging.WARNING):
        next(voice.stream(TEXTS["German"], "anna"))
    assert "The text seems to be German, which anna does not read" in caplog.text


def test_the_voice_chooses_its_speaker(tiny_voice, monkeypatch):
    voice = Voice.from_pretrained(tiny_voice, device="cpu")
    voice.processor.languages = ["en", "de"]
    chosen = []
    monkeypatch.setattr(Voice, "speak", lambda self, text, speaker, *rest, **settings: chosen.append(speaker) or 1 / 0)
    for text in (TEXTS["German"], TEXTS["English"]):
        with pytest.raises(ZeroDivisionError):
            next(voice.stream(text, "auto"))
    assert chosen == ["bert", "anna"]

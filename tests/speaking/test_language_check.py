"""A German text with an English speaker is worth a word; a text in doubt is not."""

import logging

import pytest

from tts_trm import Voice
from tts_trm.speaking.language_check import other_language

TEXTS = {
    "English": "The cat sat on the mat, and that was what they would have wanted from this.",
    "German": "Die Katze ist auf dem Tisch, und das ist nicht gut, sagt der Mann mit dem Hut.",
    "French": "Le chat est dans la maison, mais les enfants sont avec elle pour une heure.",
    "Spanish": "El gato está en la casa con los niños, pero ella no se va por las tardes.",
    "Italian": "Il gatto non è nel giardino, ma gli amici sono con lui per una sera.",
    "Portuguese": "O gato não está em casa, mas os meninos são mais felizes com uma bola para ele.",
}
CODES = {"English": "en", "German": "de", "French": "fr", "Spanish": "es", "Italian": "it", "Portuguese": "pt"}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("own", TEXTS)
def test_each_language_is_told_from_the_others(name, own):
    assert other_language(TEXTS[name], CODES[own]) == (None if name == own else name)


@pytest.mark.parametrize("text", ["", "Yes.", "Der Spiegel", "NASA 2020", "Dr. Müller und Frau Schmidt"])
def test_in_doubt_nothing_is_said(text):
    assert other_language(text, "en") is None and other_language(text, "de_CH") is None


def test_the_voice_warns_and_speaks(tiny_voice, caplog):
    voice = Voice.from_pretrained(tiny_voice, device="cpu")
    with caplog.at_level(logging.WARNING):
        next(voice.stream(TEXTS["German"], "anna"))
    assert "The text seems to be German, which anna does not read" in caplog.text

"""How a voice reads text, without the voice: neither weights are loaded nor torch is imported."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

from ..errors_tts_trm import InputError
from ..normalization_tts_trm import SpokenText
from ..text_tts_trm import LANGUAGES, TextFrontEnd, language_code
from .language_check import AUTO, speaker_for, text_language
from .speech import VoiceError
from .split_text import split_sentences

TOKENIZER_FILE = "tokenizer.json"
# What holds speakers and languages: a checkpoint's processor, or an exported voice.
PROPERTY_FILES = ("processor_config.json", "voice.json")


class TextReader(TextFrontEnd):
    """The text front end of a voice.

    Args:
        character_tokenizer: of the library tokenizers.
        speakers: names; languages: of each.
    """

    def __init__(self, character_tokenizer: Tokenizer, speakers: list[str], languages: list[str]) -> None:
        self.character_tokenizer, self.speakers, self.languages = character_tokenizer, speakers, languages
        # "<pad>" in a text is five characters.
        self.character_tokenizer.encode_special_tokens = True

    @classmethod
    def from_pretrained(cls, name: str, revision: str | None = None) -> "TextReader":
        """Loads the reader of a voice from a folder or the Hub.

        Raises:
            VoiceError: if its files cannot be had.
        """
        try:
            tokenizer = Tokenizer.from_str(_read(name, TOKENIZER_FILE, revision))
            kind = PROPERTY_FILES[(Path(name) / PROPERTY_FILES[1]).is_file()]
            properties = json.loads(_read(name, kind, revision))
            return cls(tokenizer, properties["speakers"], properties["languages"])
        except Exception as error:
            # The tokenizers library raises nothing more special.
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise VoiceError(f"{name}: its tokenizer and speakers cannot be read ({reason}).") from error

    def sentences(self, text: str, speaker: str | int, language: str | None, markup: bool) -> Iterator[str]:
        """What will be spoken, sentence by sentence; letters that are spelled stand alone.

        Args:
            speaker: as for `Voice.stream`.
            language: reads by the rules of this language instead of the speaker's; `"auto"` finds it out.

        Raises:
            ValueError: for an unknown speaker or language.
        """
        speaker = speaker_for(text, speaker, self)
        if language == AUTO:
            language = text_language(text)
        if language is not None and language_code(language) not in {*self.languages, *LANGUAGES}:
            raise InputError(f"--language {language}: is not supported; choose {', '.join(LANGUAGES)} or auto.")
        unknown: Counter = Counter()

        def speak_out(part: str) -> SpokenText:
            spoken, left_out = self.spoken_text(part, speaker, markup=markup, names=False, language=language)
            unknown.update(left_out)
            return spoken

        for sentence in split_sentences(text, speak_out):
            if any(character.isalnum() for character in sentence):
                yield sentence
        self.left_out = unknown


def _read(name: str, file: str, revision: str | None) -> str:
    folder = Path(name)
    if not folder.is_dir():
        from huggingface_hub import hf_hub_download

        folder = Path(hf_hub_download(name, file, revision=revision)).parent
    return (folder / file).read_text(encoding="utf-8")

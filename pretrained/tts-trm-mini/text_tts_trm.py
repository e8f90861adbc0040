"""The text front end of a voice: written text to the characters that it knows, speakers to numbers and shares.

It imports neither torch nor transformers, so that a voice exported to ONNX reads text as the processor does.
"""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from .errors_tts_trm import InputError
from .languages_english_tts_trm import BRITISH, ENGLISH
from .languages_german_tts_trm import GERMAN
from .languages_iberian_tts_trm import PORTUGUESE, SPANISH
from .languages_romance_tts_trm import FRENCH, ITALIAN
from .languages_tts_trm import Language
from .markup_tts_trm import SIGNS, read_markup
from .normalization_romance_tts_trm import RomanceNormalizer
from .normalization_tts_trm import Normalizer, SpokenText

if TYPE_CHECKING:
    from tokenizers import Tokenizer

logger = logging.getLogger(__name__)

ROMANCE = (FRENCH, SPANISH, ITALIAN, PORTUGUESE)
# By code; a language without a table here has its numbers spoken, by the library.
LANGUAGES = {language.code: language for language in (ENGLISH, BRITISH, GERMAN, *ROMANCE)}
# How fast speech may be asked for, relative to the pace of the voice.
MIN_SPEED, MAX_SPEED = 0.25, 4.0
# That are remembered: a server reads texts for ever.
MAX_SPELLINGS = 10_000
SPELLING = {
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "…": "...",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "þ": "th",
    "ð": "d",
    "ŋ": "ng",
    "\u00a0": " ",
    "„": '"',
    "«": '"',
    "»": '"',
    "‹": "'",
    "›": "'",
    "‚": "'",
    "‐": "-",
    "‑": "-",
    "−": "-",
    "¿": "",
    "¡": "",
}


def language_code(name: str) -> str:
    """The code of a language's table: `en_GB` has its own, `fr-CA` uses the table of `fr`."""
    code = name.strip().lower().replace("_", "-")
    return code if code in LANGUAGES else code.split("-")[0]


def language_family(name: str) -> str:
    """The ISO 639-1 code without a country: `en` of `en-GB` or `en_US`."""
    return language_code(name).split("-")[0]


def normalize_text(text: str, language: str = "en", markup: bool = True, names: bool = True) -> SpokenText:
    """The words of a written text, in a language by its ISO 639-1 code.

    Args:
        language: a code, perhaps with a country, `en-GB`.
        markup: whether Markdown, HTML, line breaks and the like are structure, and not characters to be read.
        names: whether what is spelled is given by the names of its letters, `tee vee`, as a voice has to read it;
            otherwise as single letters, `t v`.

    Raises:
        ValueError: for a numeral, where num2words is missing or does not know the language; names the fix.
    """
    if not (markup and SIGNS.search(text)):
        return _normalizer(language)(text, names)
    plain = read_markup(text)
    spoken = _normalizer(language)(plain.text, names)
    ends = [*plain.origins, (len(text), len(text))]
    return SpokenText(spoken.text, [(ends[a][0], ends[b - 1][1] if b > a else ends[a][0]) for a, b in spoken.origins])


@lru_cache
def _normalizer(language: str) -> Normalizer:
    code = language_code(language)
    tables = LANGUAGES.get(code) or Language(code=code, symbols=ENGLISH.symbols)
    return RomanceNormalizer(tables) if tables in ROMANCE else Normalizer(tables)


def _relatives(character: str) -> Iterator[str]:
    """What a letter looks like without its accent or stroke: `ł` like `l`, by its name in Unicode."""
    yield unicodedata.normalize("NFD", character)[0]
    if match := re.match(
        r"LATIN (?:SMALL|CAPITAL) (?:LETTER|LIGATURE) ([A-Z]{1,2})\b", unicodedata.name(character, "")
    ):
        yield match[1].lower()
        yield match[1]


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """The bounds of each character together with the accents that follow it."""
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not unicodedata.combining(text[end]):
            yield start, end
            start = end


def report_left_out(unknown: Counter) -> None:
    """Names in the log what of a text is not spoken."""
    if unknown:
        named = ", ".join(f"{character!r} x {count}" for character, count in unknown.most_common(8))
        logger.warning("Left out characters that this voice has not learned: %s", named)


class SpeechTooLongError(InputError):
    """The speech of a text would be longer than the model can make it."""


class TextFrontEnd:
    """For a class with `speakers`, their `languages`, a `character_tokenizer` and `max_text_length`.

    Attributes:
        speakers: names, in the order of their ids; languages: of each, ISO 639-1 codes.
        character_tokenizer: of the library tokenizers, one id a character.
        max_text_length: most ids of a text, the two boundaries included.
    """

    speakers: list[str]
    languages: list[str]
    character_tokenizer: "Tokenizer"
    max_text_length: int
    # What each character is spelled as, for that tokenizer.
    _spelled: "tuple[Tokenizer | None, dict[str, tuple[str, list[str]]]]" = (None, {})

    def spoken_text(
        self,
        text: str,
        speaker: str | int = 0,
        normalize: bool = True,
        markup: bool = True,
        names: bool = True,
        language: str | None = None,
    ) -> tuple[SpokenText, Counter]:
        """What of `text` the voice speaks, one character for each input id between the boundaries, and what it cannot.

        Numbers and the like become words of the speaker's language; quotes, dashes and accented letters that the voice
        has not learned become their plain relatives; the rest is counted and left out.

        Args:
            normalize: whether numbers and the like are spoken as words.
            markup, names: see [`normalize_text`].
            language: by whose rules it is read, the speaker's by default.

        Raises:
            ValueError: for a number, where num2words is missing; names the fix.
        """
        shares = self.speaker_shares(speaker)
        language = language or self.languages[max(shares, key=shares.__getitem__)]
        written = (
            normalize_text(text, language, markup, names)
            if normalize
            else SpokenText(text, [(i, i + 1) for i in range(len(text))])
        )
        unknown: Counter = Counter()
        characters: list[str] = []
        origins: list[tuple[int, int]] = []
        for start, end in _clusters(written.text):
            spelled, left_out = self._spell(written.text[start:end])
            unknown.update(left_out)
            for character in spelled:
                if character != " " or (characters and characters[-1] != " "):
                    characters.append(character)
                    origins.append((written.origins[start][0], written.origins[end - 1][1]))
        if characters and characters[-1] == " ":
            del characters[-1], origins[-1]
        return SpokenText("".join(characters), origins), unknown

    def _spell(self, cluster: str) -> tuple[str, list[str]]:
        """A character written with characters of the tokenizer, and the parts that cannot be written."""
        if self._spelled[0] is not self.character_tokenizer or len(self._spelled[1]) > MAX_SPELLINGS:
            self._spelled = (self.character_tokenizer, {})
        # Another thread may begin a new one meanwhile.
        spellings = self._spelled[1]
        if cluster not in spellings:
            known, spelled, left_out = self.character_tokenizer.get_vocab(), "", []
            whole = cluster.encode("utf-8", "ignore").decode()
            # Halves of surrogate pairs.
            left_out += [character for character in cluster if character not in whole]
            # of a space, the tokenizer's own normalizer leaves nothing
            for character in self.character_tokenizer.normalizer.normalize_str(whole):
                relatives = (character, SPELLING.get(character, ""), *_relatives(character))
                chosen = next((c for c in relatives if c and all(part in known for part in c)), None)
                # Inverted question and exclamation marks say nothing that the others do not.
                if chosen is None and not character.isspace() and SPELLING.get(character) != "":
                    left_out.append(character)
                spelled += chosen or " "
            spellings[cluster] = (spelled or " ", left_out)
        return spellings[cluster]

    def checked_text(self, text: str, speaker: str | int = 0, normalize: bool = True, truncation: bool = False) -> str:
        """The part of `text` that the voice can speak; what is left out goes to the log.

        Raises:
            ValueError: for text that is empty or has no speakable character, or is too long and without `truncation`
                will not be cut by the tokenizer; for an unknown speaker.
        """
        (clean, _), unknown = self.spoken_text(text, speaker, normalize)
        report_left_out(unknown)
        if not any(character.isalnum() for character in clean):
            reason = "is empty" if not text.strip() else "has no letter that this voice has learned"
            raise InputError(f"The text {text[:60]!r} {reason}; give it words in the voice's alphabet.")
        # Two characters are boundaries.
        limit = self.max_text_length - 2
        if len(clean) > limit and not truncation:
            raise InputError(
                f"The text {clean[:40]!r}... has {len(clean)} characters, over the limit of {limit}; split it."
            )
        return clean

    def speaker_to_id(self, speaker: str | int) -> int:
        """The number of a speaker given by name or number."""
        if isinstance(speaker, str) and speaker in self.speakers:
            return self.speakers.index(speaker)
        # In any case, where only one name is meant.
        alike = [name for name in self.speakers if name.casefold() == str(speaker).strip().casefold()]
        if len(alike) == 1:
            return self.speakers.index(alike[0])
        try:
            number = int(speaker)
        except (TypeError, ValueError):
            number = -1
        if not 0 <= number < len(self.speakers):
            names = ", ".join(f"{index} {name}" for index, name in enumerate(self.speakers))
            raise InputError(f"Unknown speaker {speaker!r}; this voice has: {names}.")
        return number

    def speaker_shares(self, speaker: str | int) -> dict[int, float]:
        """Numbers and weights of a speaker, or of a blend such as `"anna:0.7,bert:0.3"`; they sum to 1."""
        if not isinstance(speaker, str) or speaker in self.speakers or ":" not in speaker:
            return {self.speaker_to_id(speaker): 1.0}
        shares: dict[int, float] = {}
        for part in speaker.split(","):
            name, _, weight = part.rpartition(":")
            number = self.speaker_to_id(name.strip())
            try:
                shares[number] = shares.get(number, 0.0) + float(weight)
            except ValueError:
                shares[number] = -1.0
        total = sum(shares.values())
        if not (0 < total < float("inf") and all(0 <= share <= total for share in shares.values())):
            raise InputError(f"Speaker {speaker!r}: a blend is written like anna:0.7,bert:0.3, with positive weights.")
        return {number: share / total for number, share in shares.items()}

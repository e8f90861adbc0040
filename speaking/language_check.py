"""Which language a text is written in, and who of a voice reads it."""

import re
from functools import cache
from typing import TYPE_CHECKING

from ..text_tts_trm import LANGUAGES, TextFrontEnd, language_code, language_family

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# As the name of a speaker: the first one who reads the language of the text.
AUTO = "auto"
NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese"}
# Characters that are looked at.
LOOKED_AT = 2000
# Probability from which the language of a text is certain; that of one or two words is seldom.
CERTAIN, CERTAIN_OF_FEW = 0.8, 0.95
# Share of a text's words that begin sentences in its own language: more than other languages have in common with it.
OWN_SHARE = 0.3


@cache
def _identifier() -> "LanguageIdentifier | None":
    """py3langid's (Lui and Baldwin 2012), which takes half a second to load; None where it is not installed."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(NAMES))
    return identifier


def text_language(text: str, likely: str = "en") -> str | None:
    """The language of a text, an ISO 639-1 code; None in doubt, or without the library py3langid.

    Args:
        likely: the language that it probably is in, which is tried first: that costs no loading.
    """
    words = re.findall(r"[^\W\d_]+", text[:LOOKED_AT].casefold())
    table = LANGUAGES.get(language_code(likely))
    if table and words:
        starters = {word.casefold() for word in table.starters}
        if sum(word in starters for word in words) >= OWN_SHARE * len(words):
            return table.family
    identifier = _identifier() if words else None
    if identifier is None:
        return None
    language, probability = identifier.classify(text[:LOOKED_AT])
    return language if probability >= (CERTAIN if len(words) > 2 else CERTAIN_OF_FEW) else None


def other_language(text: str, language: str) -> str | None:
    """The name of the language that a text seems to be in, where that is not `language`; None in doubt.

    Args:
        language: ISO 639-1 code, perhaps with a country, `en_US`.
    """
    if language_family(language) not in NAMES:
        return None
    found = text_language(text, language)
    return None if found in (None, language_family(language)) else NAMES[found]


def speaker_for(text: str, speaker: str | int, front_end: TextFrontEnd) -> str | int:
    """`speaker`, or for `"auto"` the first one who reads the language of the text; in doubt the first of all."""
    if speaker != AUTO or AUTO in front_end.speakers:
        return speaker
    families = [language_family(language) for language in front_end.languages]
    found = text_language(text, families[0]) if len(set(families)) > 1 else None
    return front_end.speakers[families.index(found) if found in families else 0]

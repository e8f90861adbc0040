"""Whether a text is written in the language that its speaker reads."""

import re
from collections import Counter

from ..text_tts_trm import language_family

# Words that every text of a language is full of, and the other languages do not have.
COMMON_WORDS = {
    "en": "the and of is was that with this have they from which would there their what been who she you",
    "de": "der und ist nicht das ein eine mit auch auf dem sich des wird wurde sind haben ich wir zu den es",
    "fr": "le les est une dans qui pas pour sur avec sont elle mais nous vous cette aux je il et",
    "es": "el los una por con para las del se su como más pero este ella sus y muy está hay",
    "it": "il che di per non una sono con della gli nel più anche alla questo dei ha lo è",
    "pt": "que não uma com para os mais por como mas foi ao ele das tem seu sua são você em",
}
NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese"}
# Characters that are looked at, and the least number of such words that say something.
LOOKED_AT, MIN_WORDS = 2000, 3


def other_language(text: str, language: str) -> str | None:
    """The name of the language that a text seems to be in, where that is not `language`; None in doubt.

    Args:
        language: ISO 639-1 code, perhaps with a country, `en_US`.
    """
    words = Counter(re.findall(r"[^\W\d_]+", text[:LOOKED_AT].casefold()))
    counts = {code: sum(words[word] for word in common.split()) for code, common in COMMON_WORDS.items()}
    best, own = max(counts, key=counts.__getitem__), language_family(language)
    if own not in counts or best == own or counts[best] < MIN_WORDS or counts[best] < 3 * counts[own]:
        return None
    return NAMES[best]

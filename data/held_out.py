"""Which sentences are held out: a choice by text, so that it is the same for every take and every run."""

import hashlib
import unicodedata


def text_key(text: str) -> str:
    """What makes two texts the same sentence: letters and digits only, caseless."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def text_rank(text: str) -> float:
    """A number in 0..1 that the sentence alone decides; see [`is_held_out`]."""
    return int.from_bytes(hashlib.sha256(text_key(text).encode()).digest()[:6], "big") / 2**48


def is_held_out(text: str, share: float) -> bool:
    """Whether a text belongs to the held-out `share` (0..1).

    A hash of the sentence decides, never the file: all takes of one sentence fall on the same side, in every data set,
    on every machine, and a smaller share is a subset of a larger one.
    """
    return text_rank(text) < share

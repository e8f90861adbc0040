"""Measures of what a listener understood, as `evaluate.Metric` classes: word errors, words dropped and repeated.

They are instantiated directly, `WordErrorRate(keep_in_memory=True).compute(predictions=[...], references=[...])`:
`evaluate.load` would look for a script on the Hub.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import datasets
import evaluate
import numpy as np

from ..errors_tts_trm import InputError

if TYPE_CHECKING:
    import jiwer

BOOTSTRAP_DRAWS = 1000
CONFIDENCE = 0.95

TEXT_PAIRS = datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")})
TEXT_ARGUMENTS = """
Args:
    predictions: what was heard, one text a sentence.
    references: what should have been said.
"""


def plain_words(text: str) -> str:
    """Lower-case words without punctuation, as recognisers write them."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return " ".join(re.sub(r"[^\w' ]|_", " ", text).split())


def checked_references(references: Sequence[str]) -> list[str]:
    """The references as plain words; raises `ValueError` where one has none, for its error rate has no meaning."""
    plain = [plain_words(text) for text in references]
    for number, text in enumerate(plain):
        if not text:
            raise InputError(f"Reference {number}, {references[number]!r}, has no word; leave the sentence out.")
    return plain


def bootstrap_interval(
    errors: Sequence[float], sizes: Sequence[float], draws: int = BOOTSTRAP_DRAWS, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of `sum(errors) / sum(sizes)` over sentences drawn with replacement.

    Whole sentences are drawn, because the errors within one depend on each other (Bisani & Ney 2004, "Bootstrap
    estimates for confidence intervals in ASR performance evaluation", ICASSP).

    Args:
        errors, sizes: of each of N sentences, such as wrong words and words.
        draws: number of resamples of N sentences.
        seed: of the draws.

    Raises:
        ValueError: if there is no sentence, or the two differ in length.
    """
    wrong, total = np.asarray(errors, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if wrong.shape != total.shape or wrong.ndim != 1 or len(wrong) == 0:
        raise InputError(f"errors {wrong.shape} and sizes {total.shape} must be one number for each sentence.")
    drawn = np.random.default_rng(seed).integers(len(wrong), size=(draws, len(wrong)))
    rates = wrong[drawn].sum(1) / total[drawn].sum(1)
    low, high = np.quantile(rates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _edits(output: "jiwer.WordOutput | jiwer.CharacterOutput") -> tuple[int, int]:
    """Edit distance, and length of the reference, of what jiwer found."""
    missed = output.substitutions + output.deletions
    return missed + output.insertions, output.hits + missed


class WordErrorRate(evaluate.Metric):
    """Word and character error rate of all sentences together (jiwer), with their bootstrap intervals."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Edit distance of words (characters) over their number; 1 is 100 %, and more is possible.",
            citation="",
            inputs_description=TEXT_ARGUMENTS
            + """    draws, seed: of the bootstrap over sentences.

Returns:
    `word_error_rate`, `word_error_interval` (low, high; 95 %), `character_error_rate`, `character_error_interval`.
""",
            features=TEXT_PAIRS,
        )

    def _compute(
        self, predictions: list[str], references: list[str], draws: int = BOOTSTRAP_DRAWS, seed: int = 0
    ) -> dict:
        import jiwer

        pairs = list(zip(checked_references(references), map(plain_words, predictions), strict=True))
        errors, words = zip(*(_edits(jiwer.process_words(*pair)) for pair in pairs), strict=True)
        character_errors, characters = zip(*(_edits(jiwer.process_characters(*pair)) for pair in pairs), strict=True)
        return {
            "word_error_rate": sum(errors) / sum(words),
            "word_error_interval": bootstrap_interval(errors, words, draws, seed),
            "character_error_rate": sum(character_errors) / sum(characters),
            "character_error_interval": bootstrap_interval(character_errors, characters, draws, seed),
        }


def compare_words(reference: str, heard: str) -> list[tuple[str, str]]:
    """The words of a sentence and the words that were heard, by the cheapest alignment of the two texts (jiwer).

    Returns:
        Pairs `(expected, heard)` of plain words, in order. They are equal where the word was understood; what was left
        out has no word heard, what was added none expected.
    """
    import jiwer

    (reference,) = checked_references([reference])
    output = jiwer.process_words(reference, plain_words(heard))
    expected, words = output.references[0], output.hypotheses[0]
    return [
        pair
        for chunk in output.alignments[0]
        for pair in zip_longest(
            expected[chunk.ref_start_idx : chunk.ref_end_idx],
            words[chunk.hyp_start_idx : chunk.hyp_end_idx],
            fillvalue="",
        )
    ]


def count_dropped_and_repeated(reference: str, heard: str) -> tuple[int, int]:
    """Words of `reference` that nothing was heard for, and words heard once more than they stand there.

    Both come from the cheapest alignment of the two texts (jiwer): the deletions, and those inserted words that also
    stand next to the run of insertions, within as many words as the run is long ("the cat the cat sat").
    """
    import jiwer

    (reference,) = checked_references([reference])
    output = jiwer.process_words(reference, plain_words(heard))
    words, dropped, repeated = output.hypotheses[0], 0, 0
    for chunk in output.alignments[0]:
        if chunk.type == "delete":
            dropped += chunk.ref_end_idx - chunk.ref_start_idx
        elif chunk.type == "insert":
            start, end = chunk.hyp_start_idx, chunk.hyp_end_idx
            size = end - start
            neighbours = {*words[max(0, start - size) : start], *words[end : end + size]}
            # a run may itself hold both copies of a word
            repeated += sum(
                word in neighbours or word in words[start:position]
                for position, word in enumerate(words[start:end], start)
            )
    return dropped, repeated


class DroppedAndRepeatedWords(evaluate.Metric):
    """Shares of dropped and of repeated words; see [`count_dropped_and_repeated`].

    Other than an error rate it does not count words that are only misheard, so it shows the failure of attention
    that long texts provoke. A weak recogniser drops words too: compare with its result for the recordings.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Words left out and words said twice, over the number of words.",
            citation="",
            inputs_description=TEXT_ARGUMENTS
            + """
Returns:
    `words`, `dropped_words` and `repeated_words` (shares of the words, 0..1).
""",
            features=TEXT_PAIRS,
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict:
        words = sum(len(text.split()) for text in checked_references(references))
        counts = [count_dropped_and_repeated(*pair) for pair in zip(references, predictions, strict=True)]
        dropped, repeated = map(sum, zip(*counts, strict=True))
        return {"words": words, "dropped_words": dropped / words, "repeated_words": repeated / words}

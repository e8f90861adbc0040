"""What a listener understood: error rates, their intervals, dropped and repeated words."""

import numpy as np
import pytest

from tts_trm.evaluation.word_metrics import (
    DroppedAndRepeatedWords,
    WordErrorRate,
    bootstrap_interval,
    count_dropped_and_repeated,
)


def test_error_rates_count_edits_over_all_sentences_together():
    rates = WordErrorRate(keep_in_memory=True).compute(
        predictions=["the cat sat", "", "so we do"], references=["The cat sat!", "Oh, no.", "So do we"]
    )
    assert rates["word_error_rate"] == pytest.approx((0 + 2 + 2) / 8)
    assert rates["character_error_rate"] == pytest.approx((0 + 5 + 6) / (11 + 5 + 8), abs=0.1)
    low, high = rates["word_error_interval"]
    assert 0 <= low < rates["word_error_rate"] < high <= 1
    low, high = rates["character_error_interval"]
    assert 0 <= low < rates["character_error_rate"] < high <= 1


def test_the_interval_holds_the_rate_and_narrows_with_more_sentences():
    generator = np.random.default_rng(0)
    widths = []
    for sentences in (20, 200, 2000):
        words = generator.integers(4, 12, sentences)
        errors = generator.binomial(words, 0.3)
        low, high = bootstrap_interval(errors, words)
        assert low < errors.sum() / words.sum() < high
        assert (low, high) == bootstrap_interval(errors, words)  # seeded
        widths.append(high - low)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


@pytest.mark.parametrize(
    ("reference", "heard", "dropped", "repeated"),
    [
        ("The cat sat on the mat.", "the cat sat on the mat", 0, 0),
        ("The cat sat on the mat.", "the cat on mat", 2, 0),
        ("The cat sat.", "the the cat sat", 0, 1),
        ("The cat sat.", "the cat the cat sat", 0, 2),
        ("The cat sat.", "the cat sat sat sat", 0, 2),
        # A word too many, but none twice.
        ("The cat sat.", "the cat sat down", 0, 0),
        ("The cat sat.", "the hat sat", 0, 0),  # misheard is neither
        ("The cat sat.", "", 3, 0),
    ],
)
def test_dropped_and_repeated_words(reference, heard, dropped, repeated):
    assert count_dropped_and_repeated(reference, heard) == (dropped, repeated)


def test_shares_of_a_paragraph():
    counts = DroppedAndRepeatedWords(keep_in_memory=True).compute(
        predictions=["one two three", "four four five"], references=["One two three.", "Four, five, six, seven."]
    )
    assert counts == {"words": 7, "dropped_words": 2 / 7, "repeated_words": 1 / 7}


def test_a_reference_without_words_is_named():
    with pytest.raises(ValueError, match="Reference 1, '...', has no word"):
        WordErrorRate(keep_in_memory=True).compute(predictions=["a", "b"], references=["a", "..."])
    with pytest.raises(ValueError, match="one number for each sentence"):
        bootstrap_interval([1, 2], [3])

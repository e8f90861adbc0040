"""Durations that a data set teaches its own aligner."""

import itertools
import math

import numpy as np
import pytest
import torch

from tts_trm.data.aligner import BLANK_SCORE, AlignerTraining, beta_binomial_prior, forward_sum_loss, monotonic_path

CODEBOOKS, ENTRIES, CHARACTERS = 3, 24, 12


def all_paths(num_steps: int, num_characters: int):
    """Durations of every path that starts at the first character, ends at the last, and skips none."""
    for borders in itertools.combinations(range(1, num_steps), num_characters - 1):
        yield np.diff([0, *borders, num_steps])


@pytest.mark.parametrize(("num_steps", "num_characters"), [(1, 1), (4, 1), (5, 2), (5, 5), (8, 3), (9, 5)])
def test_path_is_the_best_of_all(num_steps, num_characters):
    for seed in range(20):
        scores = np.random.default_rng(seed).normal(size=(num_steps, num_characters))

        def total(durations, scores=scores):
            return scores[np.arange(len(scores)), np.repeat(np.arange(len(durations)), durations)].sum()

        best = max(all_paths(num_steps, num_characters), key=total)
        assert monotonic_path(scores).tolist() == best.tolist()


def readings(log_probabilities: np.ndarray) -> float:
    """Log-probability of all readings 1..S, blanks between them, of `[steps, 1 + S]`; position by position."""
    num_steps, size = log_probabilities.shape
    # Blank, 1, blank, 2, ..., S, blank.
    states = [0]
    for character in range(1, size):
        states += [character, 0]
    alpha = np.full((num_steps, len(states)), -np.inf)
    alpha[0, :2] = log_probabilities[0, states[:2]]
    for step in range(1, num_steps):
        for place, state in enumerate(states):
            arriving = [alpha[step - 1, place]]
            arriving += [alpha[step - 1, place - 1]] if place else []
            arriving += [alpha[step - 1, place - 2]] if place > 1 and state else []
            alpha[step, place] = np.logaddexp.reduce(arriving) + log_probabilities[step, state]
    return np.logaddexp(alpha[-1, -1], alpha[-1, -2])


def test_forward_sum_loss_sums_all_readings():
    torch.manual_seed(0)
    sizes = [(7, 3), (5, 4)]
    scores = torch.full((2, 7, 4), -1e4)
    expected = []
    for row, (steps, characters) in enumerate(sizes):
        scores[row, :steps, :characters] = torch.randn(steps, characters).log_softmax(-1)
        own = scores[row, :steps, :characters]
        own = torch.cat((torch.full((steps, 1), BLANK_SCORE), own), 1).log_softmax(-1)
        expected.append(-readings(own.double().numpy()) / characters)
    lengths = torch.tensor(sizes)
    loss = forward_sum_loss(scores, lengths[:, 1], lengths[:, 0])
    assert loss.item() == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize(("num_steps", "num_characters"), [(1, 1), (12, 1), (40, 9), (200, 60)])
def test_prior_is_a_distribution_that_runs_along_the_diagonal(num_steps, num_characters):
    prior = beta_binomial_prior(num_steps, num_characters).exp()
    assert prior.shape == (num_steps, num_characters)
    assert torch.allclose(prior.sum(-1), torch.ones(num_steps), atol=1e-3)
    means = (prior * torch.arange(num_characters)).sum(-1)
    assert (means.diff() > -1e-4).all()
    if num_steps > 1:
        assert means[-1] - means[0] >= 0.7 * (num_characters - 1)


@pytest.fixture(scope="module")
def spoken():
    """Clips whose characters each sound like an entry of their own, for 1 to 3 frames; codebooks, true durations."""
    generator = np.random.default_rng(0)
    codebooks = torch.randn(CODEBOOKS, ENTRIES, 6, generator=torch.Generator().manual_seed(0))
    rows, truth = [], []
    for _ in range(24):
        ids = np.concatenate(([0], generator.integers(1, CHARACTERS, generator.integers(12, 20)), [0])).astype(np.int32)
        durations = generator.integers(1, 4, len(ids))
        codes = np.repeat(ids, durations)[None].repeat(CODEBOOKS, 0).astype(np.int16)
        codes[1:] += CHARACTERS * generator.integers(0, 2, codes[1:].shape).astype(np.int16)  # details that vary
        rows.append((codes, ids))
        truth.append(durations)
    return rows, codebooks, truth


def boundary_error(durations, truth) -> float:
    """Mean distance in frames of the borders between characters from the true ones."""
    pairs = zip(durations, truth, strict=True)
    return float(np.mean(np.concatenate([np.abs(np.cumsum(a)[:-1] - np.cumsum(b)[:-1]) for a, b in pairs])))


def aligned(rows, codebooks, steps: int, seed: int = 1):
    training = AlignerTraining(rows, codebooks, [1, 2], CHARACTERS, seed)
    training.train(steps, progress=lambda text: None)
    return training.align(rows)


def test_durations_are_found(spoken):
    rows, codebooks, truth = spoken
    durations = aligned(rows, codebooks, 60)
    for (codes, ids), values in zip(rows, durations, strict=True):
        assert values.dtype == np.float32 and values.shape == ids.shape
        assert values.sum() == codes.shape[1] and (values > 0).all()
    uniform = [np.full(len(ids), codes.shape[1] / len(ids)) for codes, ids in rows]
    assert boundary_error(durations, truth) < 0.7 * boundary_error(uniform, truth)


def test_seed_decides(spoken):
    rows, codebooks, _ = spoken
    torch.manual_seed(5)
    first = aligned(rows, codebooks, 5)
    # The state of everything else does not matter, nor does it change.
    torch.manual_seed(6)
    before = torch.get_rng_state()
    second, other = aligned(rows, codebooks, 5), aligned(rows, codebooks, 5, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_text_that_is_too_long_for_its_clip(spoken):
    rows, codebooks, _ = spoken
    # 9 characters in 8 quarter frames.
    long_text = (rows[0][0][:, :2], np.ones(9, np.int32))
    just_fits = (rows[0][0][:, :2], np.ones(8, np.int32))
    durations = aligned([rows[0], long_text, just_fits], codebooks, 2)
    assert [len(values) for values in durations] == [len(rows[0][1]), 0, 8]
    assert durations[2].tolist() == [0.25] * 8
    with pytest.raises(ValueError, match="No clip is long enough"):
        AlignerTraining([long_text], codebooks, [1, 2], CHARACTERS)


def test_more_data_means_more_steps_within_bounds():
    from tts_trm.data.aligner import MAX_STEPS, MIN_STEPS, training_steps

    steps = [training_steps(clips) for clips in (1, 24, 1000, 100_000)]
    assert steps == sorted(steps) and steps[0] == MIN_STEPS and steps[-1] == MAX_STEPS
    assert not math.isclose(steps[1], steps[2])

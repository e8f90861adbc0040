"""Durations of characters, learned from the data set itself: no lexicon, any language.

A small network scores every character against every quarter of a frame and is trained so that reading the text from
left to right explains the audio (Badlani et al. 2021, "One TTS alignment to rule them all", arXiv:2108.10447):
scores are negative squared distances, a beta-binomial prior keeps them near the diagonal at first, and the
forward-sum loss is CTC over the positions 1..S. The most probable monotonic path then gives each character its
quarters.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from ..errors_tts_trm import InputError
from ..modeling_tts_trm_heads import chain_latents

# Of a voice: what found out which character its clips speak when.
ALIGNER_FILE = "aligner.safetensors"
# So that every character of fast speech can have a step of its own.
STEPS_PER_FRAME = 4
WIDTH, HIDDEN = 96, 192
CLIPS_PER_STEP = 12
PASSES, MIN_STEPS, MAX_STEPS = 6, 120, 2000
# Steps, if it continues from another aligner.
MIN_FURTHER_STEPS = 30
# That it can learn from.
MAX_CLIPS = MAX_STEPS * CLIPS_PER_STEP
LEARNING_RATE = 1e-3
BLANK_SCORE = -1.0
DISTANCE_SCALE = 0.02


def training_steps(num_clips: int, fewest: int = MIN_STEPS) -> int:
    """Optimizer steps for a data set: some passes over it, within bounds."""
    return min(MAX_STEPS, max(fewest, PASSES * num_clips // CLIPS_PER_STEP))


class Aligner(nn.Module):
    """Log-scores of characters against quarter frames."""

    def __init__(self, vocab_size: int, latent_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, WIDTH)
        self.text = nn.Sequential(nn.Conv1d(WIDTH, HIDDEN, 3, padding=1), nn.GELU(), nn.Conv1d(HIDDEN, WIDTH, 1))
        self.frames = nn.Sequential(
            nn.Conv1d(latent_dim, HIDDEN, 3, padding=1), nn.GELU(), nn.Conv1d(HIDDEN, STEPS_PER_FRAME * WIDTH, 1)
        )
        self.steps = nn.Sequential(nn.GELU(), nn.Conv1d(WIDTH, WIDTH, 3, padding=1))

    def forward(self, input_ids: torch.Tensor, latents: torch.Tensor, text_lengths: torch.Tensor) -> torch.Tensor:
        """`[B, S]` ids and `[B, T, latent_dim]` latents to log-probabilities over characters `[B, 4 T, S]`."""
        # Shape [B, WIDTH, S].
        keys = self.text(self.embedding(input_ids).transpose(1, 2))
        frames = self.frames(latents.transpose(1, 2))
        # [B, WIDTH, 4 T].
        steps = frames.unflatten(1, (STEPS_PER_FRAME, WIDTH)).permute(0, 2, 3, 1).flatten(2)
        queries = self.steps(steps)
        distance = torch.cdist(queries.transpose(1, 2), keys.transpose(1, 2)).square()
        padding = torch.arange(input_ids.shape[1], device=input_ids.device) >= text_lengths[:, None]
        return (-DISTANCE_SCALE * distance).masked_fill(padding[:, None, :], -1e4).log_softmax(-1)


def beta_binomial_prior(num_steps: int, num_characters: int) -> torch.Tensor:
    """Log-probability of each character position at each step `[num_steps, num_characters]`, widest in the middle."""
    n = num_characters - 1
    k = torch.arange(num_characters, dtype=torch.float32)[None]
    a = torch.arange(1, num_steps + 1, dtype=torch.float32)[:, None]
    b = num_steps - a + 1

    def log_beta(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.lgamma(x) + torch.lgamma(y) - torch.lgamma(x + y)

    choose = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    return choose + log_beta(k + a, n - k + b) - log_beta(a, b)


def forward_sum_loss(scores: torch.Tensor, text_lengths: torch.Tensor, step_lengths: torch.Tensor) -> torch.Tensor:
    """Mean negative log-probability of all monotonic readings, per character; `scores` `[B, 4 T, S]`."""
    with_blank = F.pad(scores, (1, 0), value=BLANK_SCORE).log_softmax(-1)
    positions = torch.arange(1, scores.shape[-1] + 1, device=scores.device).expand(len(scores), -1)
    return F.ctc_loss(with_blank.transpose(0, 1), positions, step_lengths, text_lengths, zero_infinity=True)


def monotonic_path(scores: np.ndarray) -> np.ndarray:
    """Steps of each character `[S]` on the most probable path through `scores` `[steps, S]`.

    The path starts at the first character, ends at the last, and stays or advances by one at every step.
    """
    num_steps, num_characters = scores.shape
    best = np.full(num_characters, -np.inf)
    best[0] = scores[0, 0]
    advanced = np.zeros((num_steps, num_characters), dtype=bool)
    for step in range(1, num_steps):
        from_left = np.concatenate(([-np.inf], best[:-1]))
        advanced[step] = from_left > best
        best = np.maximum(best, from_left) + scores[step]
    durations = np.zeros(num_characters, dtype=np.int64)
    position = num_characters - 1
    for step in range(num_steps - 1, -1, -1):
        durations[position] += 1
        position -= int(advanced[step, position])
    return durations


def latent_statistics(
    rows: Sequence, codebooks: torch.Tensor, chains: Sequence[int], frames: int = 100_000
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation `[len(chains) * D]` of the latents of up to `frames` frames of `rows`.

    Each row begins with its codes `[K, T]`; the rows are spread evenly over the data set.
    """
    average = np.mean([rows[index][0].shape[1] for index in range(0, len(rows), max(1, len(rows) // 50))])
    stride = max(1, round(len(rows) * average / frames))
    latents = torch.cat(
        [
            chain_latents(torch.from_numpy(np.asarray(rows[index][0]).T.astype(np.int64)), codebooks, chains)
            for index in range(0, len(rows), stride)
        ]
    )
    return latents.mean(0), latents.std(0).clamp(min=1e-4)


def usable_frames(rows: Sequence) -> dict[int, int]:
    """The frames of each row that is long enough for its text, by its index."""
    frames = {}
    for index in range(len(rows)):
        codes, input_ids = rows[index]
        if len(input_ids) <= STEPS_PER_FRAME * np.shape(codes)[1]:
            frames[index] = np.shape(codes)[1]
    return frames


class AlignerTraining:
    """Trains an [`Aligner`] on a data set, and aligns this one or more of its kind.

    Args:
        rows: one `(codes [K, T], input_ids [S])` a clip to learn from, as numpy arrays; read when they are needed.
        codebooks: `[K, V, D]` of the codec, `chains` the lengths of its residual chains.
        vocab_size: of the tokenizer.
        seed: of initialisation and order; the same data and seed give the same durations.
    """

    def __init__(
        self, rows: Sequence, codebooks: torch.Tensor, chains: Sequence[int], vocab_size: int, seed: int = 42
    ) -> None:
        self.rows, self.codebooks, self.chains = rows, codebooks.float(), list(chains)
        self.generator = torch.Generator().manual_seed(seed)
        self.frames = usable_frames(rows)
        if not self.frames:
            raise InputError("No clip is long enough for its text; check that texts and audio belong together.")
        self.mean, self.deviation = latent_statistics(rows, self.codebooks, self.chains)
        self.fewest_steps = MIN_STEPS
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.aligner = Aligner(vocab_size, len(self.mean))

    def _batch(self, rows: list[tuple[np.ndarray, np.ndarray]]) -> tuple[torch.Tensor, ...]:
        frames = torch.tensor([codes.shape[1] for codes, _ in rows])
        characters = torch.tensor([len(ids) for _, ids in rows])
        latents = torch.zeros(len(rows), int(frames.max()), len(self.mean))
        input_ids = torch.zeros(len(rows), int(characters.max()), dtype=torch.long)
        for row, (codes, ids) in enumerate(rows):
            codes = torch.from_numpy(np.asarray(codes).T.astype(np.int64))
            named = chain_latents(codes, self.codebooks, self.chains)
            latents[row, : len(codes)] = (named - self.mean) / self.deviation
            input_ids[row, : len(ids)] = torch.from_numpy(np.asarray(ids))
        return input_ids, latents, characters, frames * STEPS_PER_FRAME

    def _batches(self) -> Iterator[list[int]]:
        """Endless batches of clips of similar length, in an order that the seed decides."""
        pool_size, usable = 16 * CLIPS_PER_STEP, list(self.frames)
        while True:
            order = torch.randperm(len(usable), generator=self.generator).tolist()
            for start in range(0, len(order), pool_size):
                pool = sorted((usable[i] for i in order[start : start + pool_size]), key=self.frames.__getitem__)
                starts = list(range(0, len(pool), CLIPS_PER_STEP))
                for choice in torch.randperm(len(starts), generator=self.generator).tolist():
                    yield pool[starts[choice] : starts[choice] + CLIPS_PER_STEP]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """What it has learned, with the statistics of the latents that it was learned on; half precision will do."""
        state = self.aligner.state_dict() | {"latent_mean": self.mean, "latent_deviation": self.deviation}
        return {name: value.half() for name, value in state.items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Goes on from another aligner's `state_dict`, whose characters must be this one's.

        Raises:
            ValueError: if it is of another codec or other sizes.
        """
        state = {name: value.float() for name, value in state.items()}
        try:
            mean, deviation = state.pop("latent_mean"), state.pop("latent_deviation")
            self.aligner.load_state_dict(state)
        except (KeyError, RuntimeError) as error:
            raise InputError(f"The aligner is of other sizes than this one ({str(error).splitlines()[-1]}).") from error
        if mean.shape != self.mean.shape:
            raise InputError(f"The aligner hears latents of {len(mean)} numbers, this codec has {len(self.mean)}.")
        self.mean, self.deviation, self.fewest_steps = mean, deviation, MIN_FURTHER_STEPS

    def save(self, path: str | Path) -> None:
        """Writes `state_dict` as safetensors."""
        save_file(self.state_dict(), path)

    def train(self, steps: int | None = None, progress: Callable[[str], None] = print) -> float:
        """Trains for `steps`, by default as many as the data set calls for; returns the last running loss."""
        steps = steps or training_steps(len(self.frames), self.fewest_steps)
        optimizer = torch.optim.Adam(self.aligner.parameters(), lr=LEARNING_RATE)
        self.aligner.train()
        running = math.nan
        for step, indices in zip(range(1, steps + 1), self._batches(), strict=False):
            input_ids, latents, characters, step_lengths = self._batch([self.rows[index] for index in indices])
            scores = self.aligner(input_ids, latents, characters)
            prior = torch.zeros_like(scores)
            for row, (length, size) in enumerate(zip(step_lengths.tolist(), characters.tolist(), strict=True)):
                prior[row, :length, :size] = beta_binomial_prior(length, size)
            loss = forward_sum_loss(scores + prior, characters, step_lengths)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            running = loss.item() if math.isnan(running) else 0.95 * running + 0.05 * loss.item()
            if step % 100 == 0 or step == steps:
                progress(f"aligner: step {step} of {steps}, loss {running:.3f}")
        return running

    @torch.no_grad()
    def align(self, rows: Sequence, progress: Callable[[str], None] = print) -> list[np.ndarray]:
        """Durations in frames of every row, float32 `[S]` summing to T; empty where the text is too long for it."""
        self.aligner.eval()
        durations: list[np.ndarray] = [np.zeros(0, dtype=np.float32) for _ in range(len(rows))]
        frames = usable_frames(rows)
        order = sorted(frames, key=frames.__getitem__)
        for start in range(0, len(order), CLIPS_PER_STEP):
            indices = order[start : start + CLIPS_PER_STEP]
            input_ids, latents, characters, step_lengths = self._batch([rows[index] for index in indices])
            scores = self.aligner(input_ids, latents, characters)
            for row, index in enumerate(indices):
                length, size = int(step_lengths[row]), int(characters[row])
                own = scores[row, :length, :size] + beta_binomial_prior(length, size)
                durations[index] = monotonic_path(own.numpy()).astype(np.float32) / STEPS_PER_FRAME
            if start // CLIPS_PER_STEP % 100 == 99:
                progress(f"aligner: {start + len(indices)} of {len(order)} clips aligned")
        return durations

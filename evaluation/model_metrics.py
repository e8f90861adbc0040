"""What is measured of a model on held-out sentences: in training, and codebook by codebook."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ..errors_tts_trm import InputError
from ..modeling_tts_trm import TtsTrmModel
from ..modeling_tts_trm_heads import FRAMES_AT_ONCE
from ..modeling_tts_trm_layers import length_mask


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within the context the model is in evaluation mode; its own mode is restored afterwards."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def shuffle_texts(batch: dict) -> dict | None:
    """The batch with every clip given the next clip's text, its durations stretched to the clip; None for one clip.

    A model that reads gets a worse loss from it; one whose loss stays the same only knows what speech sounds like.
    """
    if len(batch["input_ids"]) < 2:
        return None
    shuffled = dict(batch)
    for name in ("input_ids", "attention_mask", "durations"):
        if name in batch:
            shuffled[name] = batch[name].roll(1, 0)
    if "durations" in shuffled:
        stretch = batch["label_lengths"] / shuffled["durations"].sum(-1).clamp(min=1e-3)
        shuffled["durations"] = shuffled["durations"] * stretch[:, None]
    return shuffled


@torch.no_grad()
def evaluate(
    model: TtsTrmModel, batches: Iterable[dict], device: torch.device, gather: Callable | None = None
) -> dict[str, float]:
    """Means over all frames (lengths: over all clips) of the held-out batches.

    Args:
        model: a `TtsTrmModel`, not wrapped; its mode is restored afterwards.
        batches: collated batches; the caller gives every process its share.
        device: where the model is.
        gather: makes a list of the processes' values of its argument, where there are several.

    Returns:
        `loss`, `shuffled_text_loss`, `codebook_loss/<c>`, `codebook_0_accuracy`, `length_error` (share of the true
        length), `frame_cosine` (of the answers of neighbouring frames), `cycle_loss/<h>` and `cycle_change/<h>` after
        each high-level cycle (from the second one on), and for the latent head `relative_error`.
    """
    # Weighted sum and sum of weights.
    sums: dict[str, tuple[float, float]] = {}

    def add(name: str, value: float | torch.Tensor, weight: float) -> None:
        total, weights = sums.get(name, (0.0, 0.0))
        sums[name] = total + float(value) * weight, weights + weight

    with evaluating(model):
        for batch in batches:
            batch = {name: value.to(device) for name, value in batch.items()}
            frames = int(batch["label_lengths"].sum())
            output = model(**batch, return_cycles=True)
            add("loss", output.loss, frames)
            for codebook, loss in enumerate(output.codebook_losses.tolist()):
                add(f"codebook_loss/{codebook:02d}", loss, frames)
            for cycle, loss in enumerate(output.cycle_losses.tolist(), 1):
                add(f"cycle_loss/{cycle}", loss, frames)
            for cycle, change in enumerate(output.cycle_changes.tolist(), 2):
                add(f"cycle_change/{cycle}", change, frames)
            mask = length_mask(batch["label_lengths"], batch["labels"].shape[-1])
            hidden, codes = output.last_hidden_state[mask], batch["labels"].transpose(1, 2)[mask]
            answers = output.last_hidden_state.float()
            cosine = torch.nn.functional.cosine_similarity(answers[:, 1:], answers[:, :-1], -1)[mask[:, 1:]]
            if len(cosine):
                add("frame_cosine", cosine.mean(), len(cosine))
            add("codebook_0_accuracy", (model.head.predict(hidden)[:, 0] == codes[:, 0]).float().mean(), frames)
            if model.config.predicts_latents:
                add("relative_error", model.head.relative_error(hidden, codes), frames)
            if output.durations is not None:
                error = (output.durations.sum(-1) - batch["label_lengths"]).abs() / batch["label_lengths"]
                add("length_error", error.mean(), len(error))
            shuffled = shuffle_texts(batch)
            if shuffled is not None:
                add("shuffled_text_loss", model(**shuffled).loss, frames)
    # Whole: a process may have no batch, or none of several clips.
    parts = [sums] if gather is None else gather(sums)
    names = dict.fromkeys(name for part in parts for name in part)
    pairs = {name: [part[name] for part in parts if name in part] for name in names}
    return {name: sum(total for total, _ in pair) / sum(weight for _, weight in pair) for name, pair in pairs.items()}


@torch.no_grad()
def measure_gain(
    model: TtsTrmModel,
    batches: Iterable[dict],
    device: torch.device,
    gather: Callable | None = None,
    speaker_ids: list[int] | None = None,
) -> None:
    """Measures on held-out batches how far each speaker's predicted latents vary less than true ones.

    `model`, `batches`, `device` and `gather` are those of [`evaluate`]; a model with another head is left as it is, and
    so are speakers outside of `speaker_ids`, where they are given.
    """
    if not model.config.predicts_latents:
        return
    # Squares of true and predicted latents.
    sums = torch.zeros(2, *model.head.latent_gain.shape, device=device)
    with evaluating(model):
        for batch in batches:
            batch = {name: value.to(device) for name, value in batch.items()}
            answers = model(**batch).last_hidden_state
            for clip, length in enumerate(batch["label_lengths"].tolist()):
                codes, speaker = batch["labels"][clip, :, :length].T, batch["speaker_id"][clip]
                complete = (codes >= 0).all(-1)
                both = model.head.target(codes[complete]), model.head.latent(answers[clip, :length][complete])
                for kind, latent in enumerate(both):
                    sums[kind, speaker] += (latent - latent.mean(0)).square().sum(0)
    parts = [sums] if gather is None else gather(sums)
    model.head.set_gain(*sum(part.to(device) for part in parts), speaker_ids)


@torch.no_grad()
def codebook_measures(model: TtsTrmModel, batches: Iterable[dict]) -> dict[str, list[float]]:
    """How well each codebook is predicted where the lower ones are true, over all frames of `batches`.

    Args:
        model: a `TtsTrmModel` in evaluation mode.
        batches: collated batches, on the model's device; every frame is labelled in all K codebooks.

    Returns:
        `cross_entropy` (nats; guessing gives log V) and `accuracy` (share of frames whose most probable code is
        the true one), K numbers each.

    Raises:
        ValueError: if there is no batch.
    """
    entropies = torch.zeros((), dtype=torch.float64)
    hits = torch.zeros((), dtype=torch.float64)
    frames = 0
    for batch in batches:
        output = model(**batch)
        mask = length_mask(batch["label_lengths"], batch["labels"].shape[-1])
        hidden, codes = output.last_hidden_state[mask], batch["labels"].transpose(1, 2)[mask]
        entropies = entropies + output.codebook_losses.double() * len(codes)
        # the logits of all codebooks are K x V numbers a frame: a few frames at a time
        for part, true in zip(hidden.split(FRAMES_AT_ONCE), codes.split(FRAMES_AT_ONCE), strict=True):
            hits = hits + (model.head.logits(part, true).argmax(-1) == true).double().sum(0)
        frames += len(codes)
    if frames == 0:
        raise InputError("There is no batch to measure; give sentences within the model's limits.")
    return {"cross_entropy": (entropies / frames).tolist(), "accuracy": (hits / frames).tolist()}

"""Batches that are accumulated make the step that one batch of the same clips makes."""

from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from runs import forget_accelerator, own_process_state  # noqa: F401
from tiny import ALIGNMENTS, HEADS, random_batch, tiny_model

from tts_trm.training.run import Run
from tts_trm.training.state import RunState

CHARACTERS, FRAMES = (7, 4, 12, 3, 9, 5, 1, 8), (9, 6, 31, 2, 20, 5, 1, 14)


def parts(config, clips_at_once: int) -> list[dict]:
    """Eight clips in batches, each padded to its own longest one."""
    whole, batches = random_batch(config, CHARACTERS, FRAMES), []
    for start in range(0, len(FRAMES), clips_at_once):
        rows = slice(start, start + clips_at_once)
        batch = {key: value[rows] for key, value in whole.items()}
        for key in ("input_ids", "attention_mask", "durations"):
            batch[key] = batch[key][:, : max(CHARACTERS[rows])]
        batch["labels"] = batch["labels"][..., : max(FRAMES[rows])]
        batches.append(batch | {"names": [str(index) for index in range(len(FRAMES))[rows]]})
    return batches


def step_of(model, group: list[dict]) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and gradients, one after another, of the real `Run.optimizer_step`."""
    forget_accelerator()
    run, seen = object.__new__(Run), []
    run.accelerator, run.device, run.state = Accelerator(cpu=True), torch.device("cpu"), RunState()
    run.model = run.wrapped = model
    run.options = SimpleNamespace(lr=1e-3, grad_clip=1e9, warmup_steps=0)
    run.total_steps, run.average = 1, SimpleNamespace(update=lambda model: None)
    groups = [{"lr_scale": 1.0}]
    run.optimizer = SimpleNamespace(
        param_groups=groups,
        step=lambda: seen.extend(parameter.grad.flatten().clone() for parameter in model.parameters()),
        zero_grad=lambda set_to_none: model.zero_grad(set_to_none),
    )
    return run.optimizer_step(group), torch.cat(seen)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("head", HEADS)
def test_one_batch_of_eight_clips_or_eight_batches_of_one(head, alignment):
    model = tiny_model(codebook_head=head, alignment=alignment)
    # where lengths place the text, frames move with the rounding of predicted durations
    tolerance = 5e-6 if alignment == "length" else 1e-6
    loss, gradients = step_of(model, parts(model.config, 8))
    for clips_at_once in (4, 1):
        accumulated_loss, accumulated = step_of(model, parts(model.config, clips_at_once))
        assert (accumulated - gradients).norm() <= tolerance * gradients.norm()
        torch.testing.assert_close(accumulated_loss, loss, rtol=1e-6, atol=0)

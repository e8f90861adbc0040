"""Optimizer, learning rate and average of the weights."""

import math

import torch

from ..modeling_tts_trm import TtsTrmModel
from . import finetuning
from .ema import ExponentialMovingAverage
from .options import TrainingOptions


def make_optimizer(options: TrainingOptions, model: TtsTrmModel) -> torch.optim.AdamW:
    """AdamW with decay on matrices only: norms, biases, embeddings and single values are left alone.

    A group's `lr_scale` is its share of the learning rate. With `--body-lr` below 1 that of all weights but the rows of
    speakers and characters is smaller, and at 0 they are frozen.
    """
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    rows, matrices, others = [], [], []
    for name, parameter in model.named_parameters():
        if options.body_lr < 1 and name in finetuning.CHARACTER_ROWS + finetuning.SPEAKER_ROWS:
            rows.append(parameter)
        elif parameter.ndim >= 2 and id(parameter) not in embeddings:
            matrices.append(parameter)
        else:
            others.append(parameter)
    for parameter in matrices + others:
        parameter.requires_grad_(options.body_lr > 0)
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay, "lr_scale": options.body_lr},
        {"params": others, "weight_decay": 0.0, "lr_scale": options.body_lr},
        {"params": rows, "weight_decay": 0.0, "lr_scale": 1.0},
    ]
    groups = [group for group in groups if group["params"] and group["lr_scale"]]
    return torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.98), fused=model.device.type in ("cuda", "cpu"))


def learning_rate(peak: float, step: int, warmup_steps: int, progress: float) -> float:
    """Linear warm-up to `peak`, then a cosine to 1 % of it.

    Args:
        peak: the highest rate.
        step: number of steps made so far.
        warmup_steps: of which the first ones are short.
        progress: share of what follows the warm-up that is over, 0..1.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, progress))) / 2)


def make_average(options: TrainingOptions, model: TtsTrmModel) -> ExponentialMovingAverage:
    return ExponentialMovingAverage(model, options.ema_decay)

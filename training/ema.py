"""Exponential moving average of the weights: what is evaluated and exported."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ..errors_tts_trm import InputError


class ExponentialMovingAverage:
    """Keeps `average = decay * average + (1 - decay) * weight` of every parameter, in float32.

    The decay grows from 0.1 as (1 + n) / (10 + n) with the number of updates n, so that a short run is not held back
    by its random start (as in TensorFlow's ExponentialMovingAverage).

    Args:
        model: whose parameters are averaged; buffers are not.
        decay: final decay, 0 for a plain copy of the weights.
    """

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise InputError(f"decay={decay} must be at least 0 and below 1.")
        self.decay, self.updates = decay, 0
        self.average = {name: p.detach().float().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Takes in the weights after an optimizer step."""
        self.updates += 1
        decay = min(self.decay, self.updates / (9 + self.updates))
        for name, parameter in model.named_parameters():
            self.average[name].lerp_(parameter.detach().float(), 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Within the context the model computes with the averaged weights."""
        own = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        self._copy(self.average, model)
        try:
            yield model
        finally:
            self._copy(own, model)

    @staticmethod
    @torch.no_grad()
    def _copy(values: dict[str, torch.Tensor], model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            parameter.copy_(values[name])

    def state_dict(self) -> dict[str, torch.Tensor]:
        return dict(self.average)

    def load_state_dict(self, average: dict[str, torch.Tensor], updates: int) -> None:
        if average.keys() != self.average.keys():
            raise InputError("The averaged weights are not this model's.")
        for name, value in average.items():
            self.average[name].copy_(value)
        self.updates = updates

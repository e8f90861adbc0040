"""The average of the weights."""

import pytest
import torch
from torch import nn

from tts_trm.training.ema import ExponentialMovingAverage


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def move(model: nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9])
def test_formula(decay):
    model = small_model()
    average = ExponentialMovingAverage(model, decay)
    naive = {name: p.detach().double() for name, p in model.named_parameters()}
    for n in range(12):
        move(model)
        average.update(model)
        now = min(decay, (1 + n) / (10 + n))
        naive = {name: now * naive[name] + (1 - now) * p.detach().double() for name, p in model.named_parameters()}
        for name, value in average.state_dict().items():
            assert torch.allclose(value.double(), naive[name], rtol=1e-5, atol=1e-6)
    if decay == 0:
        assert all(torch.equal(average.average[name], p) for name, p in model.named_parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("fails", [False, True])
def test_own_weights_come_back_bit_for_bit(fails, dtype):
    model = small_model().to(dtype)
    average = ExponentialMovingAverage(model, 0.9)
    move(model)
    average.update(model)
    own = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        with average.applied(model) as applied:
            assert applied is model
            for name, parameter in model.named_parameters():
                assert torch.equal(parameter, average.average[name].to(dtype)) and parameter.requires_grad
                assert not torch.equal(parameter, own[name])
            if fails:
                raise RuntimeError("in the middle")
    except RuntimeError:
        assert fails
    assert all(torch.equal(value, own[name]) for name, value in model.state_dict().items())


def test_state_round_trip():
    model = small_model()
    average, other = ExponentialMovingAverage(model), ExponentialMovingAverage(model)
    move(model)
    average.update(model)
    other.load_state_dict({name: value.clone() for name, value in average.state_dict().items()}, average.updates)
    move(model)
    for each in (average, other):
        each.update(model)
    assert all(torch.equal(value, other.average[name]) for name, value in average.average.items())
    with pytest.raises(ValueError, match="not this model's"):
        other.load_state_dict({}, 1)
    with pytest.raises(ValueError, match="decay=1.5"):
        ExponentialMovingAverage(model, 1.5)

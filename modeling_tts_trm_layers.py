"""The parts that text encoder and recursion are made of: positions, masks, attention, feed-forward layers."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .configuration_tts_trm import TtsTrmConfig


def sinusoidal_positions(length: int, width: int, like: torch.Tensor) -> torch.Tensor:
    """Sine and cosine positions `[length, width]` (Vaswani et al. 2017), on the device and in the dtype of `like`."""
    # computed, not stored: a buffer that is not saved comes back empty from `from_pretrained`
    positions = torch.arange(length, device=like.device, dtype=torch.float32)[:, None]
    rates = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(10_000.0) / width))
    angles = positions * rates
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1).to(like.dtype)


def length_mask(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """`[B]` lengths to a boolean mask `[B, size]`, true inside."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def of_speakers(table: torch.Tensor, speaker: torch.Tensor) -> torch.Tensor:
    """Rows `[B, D]` of a table `[num_speakers, D]`: of speakers `[B]`, or blended by weights `[B, num_speakers]`."""
    return speaker.to(table.dtype) @ table if speaker.is_floating_point() else F.embedding(speaker, table)


def eager_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[torch.Tensor, None]:
    """Attention written out, for `attn_implementation="eager"`: the fallback and the oracle of the fused kernels."""
    # The query, as it is smaller than the weights.
    weights = query * scaling @ key.transpose(2, 3)
    if attention_mask is not None:
        weights = weights + attention_mask
    weights = F.dropout(weights.softmax(-1, dtype=torch.float32).to(query.dtype), dropout, module.training)
    return (weights @ value).transpose(1, 2), weights


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm over the last dimension (Zhang and Sennrich 2019, arXiv:1910.07467)."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[..., D]` to the same shape."""
        if hidden.device.type == "cpu" and torch.is_grad_enabled():
            return _RMSNormOnCpu.apply(hidden, self.weight)
        return super().forward(hidden)


class _RMSNormOnCpu(torch.autograd.Function):
    """The same values; the library's own backward pass takes three times as long on a CPU."""

    @staticmethod
    def forward(context: Any, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        wide = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
        squares = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_()
        scale = squares.div_(wide.shape[-1]).add_(torch.finfo(wide.dtype).eps).rsqrt_()
        normed = wide * scale
        context.save_for_backward(normed, scale, weight)
        return (normed * weight).to(hidden.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, gradient: torch.Tensor) -> tuple:
        normed, scale, weight = context.saved_tensors
        along = gradient * normed
        inward = (along @ weight.to(along.dtype)).div_(weight.numel()).unsqueeze(-1)
        of_hidden = (gradient * weight).to(normed.dtype).sub_(normed * inward).mul_(scale)
        return of_hidden.to(gradient.dtype), along.flatten(0, -2).sum(0).to(weight.dtype)


class SequenceDropout(nn.Module):
    """Dropout with one mask for all positions of a sequence (Gal and Ghahramani 2016, arXiv:1512.05287).

    A mask an element costs a fifth of a training step on a CPU, for random numbers alone.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[B, L, D]` to the same shape."""
        if not self.training or self.probability == 0:
            return hidden
        return hidden * F.dropout(hidden.new_ones(len(hidden), 1, hidden.shape[-1]), self.probability)


class Attention(nn.Module):
    """Multi-head attention whose keys and values can be computed once and used many times."""

    def __init__(self, config: TtsTrmConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.head_dim = width // config.num_heads
        self.scaling = self.head_dim**-0.5
        # The library's fused attention turns causal where this is absent and nothing is padded.
        self.is_causal = False
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def _split_heads(self, states: torch.Tensor) -> torch.Tensor:
        # [B, heads, L, head_dim].
        return states.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)

    def keys_values(self, context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`[B, L, D]` to keys and values `[B, heads, L, head_dim]`."""
        return self._split_heads(self.key(context)), self._split_heads(self.value(context))

    def forward(
        self, hidden: torch.Tensor, keys_values: tuple[torch.Tensor, torch.Tensor], mask: torch.Tensor | None
    ) -> torch.Tensor:
        """`[B, T, D]` queries against `keys_values(context)`; `mask` as `create_bidirectional_mask` makes it."""
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        attended, _ = attend(
            self,
            self._split_heads(self.query(hidden)),
            *keys_values,
            mask,
            scaling=self.scaling,
        )
        return self.output(attended.flatten(2))


class DepthwiseConvolution(nn.Conv2d):
    """Convolves each channel of `[B, L, D]` by itself over the positions, with zeros beyond the edges.

    Two-dimensional over one row, which takes `[B, L, D]` as it lies in memory.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__(width, width, (1, kernel), padding=(0, kernel // 2), groups=width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[B, L, D]` to the same shape."""
        if hidden.device.type == "cpu" and torch.is_grad_enabled():
            return _DepthwiseOnCpu.apply(hidden, self.weight, self.bias)
        return _convolve_depthwise(hidden, self.weight, self.bias)


def _convolve_depthwise(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    channels = hidden.mT
    if hidden.is_cuda:
        # The layout as it lies in memory is cuDNN's, which compiles its kernels anew for every shape of a batch.
        channels = channels.contiguous()
    padding = (0, weight.shape[-1] // 2)
    return F.conv2d(channels.unsqueeze(2), weight, bias, padding=padding, groups=len(weight)).squeeze(2).mT


class _DepthwiseOnCpu(torch.autograd.Function):
    """The same values; the library's own backward pass is slow on a CPU in bfloat16."""

    @staticmethod
    def forward(context: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(hidden, weight)
        return _convolve_depthwise(hidden, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, gradient: torch.Tensor) -> tuple:
        hidden, weight = context.saved_tensors
        kernel, length = weight.shape[-1], hidden.shape[1]
        padded = F.pad(hidden.to(gradient.dtype), (0, 0, kernel // 2, kernel // 2))
        of_weight = [(padded[:, tap : tap + length] * gradient).sum((0, 1)) for tap in range(kernel)]
        of_hidden = _convolve_depthwise(gradient, weight.to(gradient.dtype).flip(-1), None)
        of_weight = torch.stack(of_weight, -1).view_as(weight).to(weight.dtype)
        return of_hidden.to(hidden.dtype), of_weight, gradient.sum((0, 1)).to(weight.dtype)


class FeedForward(nn.Module):
    """Linear, depthwise convolution, GELU, linear.

    The convolution sees `convolution_kernel` neighbours: letters spell in groups, and frames are short for a sound
    (as the 1-d convolutions of FastSpeech, arXiv:1905.09263; depthwise as in Conformer, arXiv:2005.08100). It starts
    as the identity.
    """

    def __init__(self, config: TtsTrmConfig, width: int) -> None:
        super().__init__()
        inner, kernel = config.hidden_dim, config.convolution_kernel
        self.up = nn.Linear(width, inner)
        self.convolution = DepthwiseConvolution(inner, kernel) if kernel else None
        self.down = nn.Linear(inner, width)
        self.dropout = SequenceDropout(config.dropout)

    def forward(self, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """`[B, L, D]` to the same shape; `real` `[B, L, 1]` is 1 where a position is not padding, 0 where it is."""
        hidden = self.up(hidden)
        if self.convolution is not None:
            hidden = self.convolution(hidden * real)
        return self.down(self.dropout(F.gelu(hidden)))

"""The text's side of the model: characters to vectors, their durations, and the text at every frame."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_layers import GradientCheckpointingLayer

from .configuration_tts_trm import TtsTrmConfig
from .modeling_tts_trm_layers import (
    Attention,
    FeedForward,
    RMSNorm,
    SequenceDropout,
    of_speakers,
    sinusoidal_positions,
)


class TextEncoderLayer(GradientCheckpointingLayer):
    """A pre-norm transformer layer."""

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        width = config.text_embed_dim
        self.attention_norm, self.feed_forward_norm = RMSNorm(width), RMSNorm(width)
        self.attention = Attention(config, width)
        self.feed_forward = FeedForward(config, width)
        self.dropout = SequenceDropout(config.dropout)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor | None, real: torch.Tensor) -> torch.Tensor:
        normed = self.attention_norm(hidden)
        hidden = hidden + self.dropout(self.attention(normed, self.attention.keys_values(normed), mask))
        return hidden + self.dropout(self.feed_forward(self.feed_forward_norm(hidden), real))


class TextEncoder(nn.Module):
    """Characters and speaker to one vector per character.

    The speaker is added before the layers, so that they can spell by speaker: one alphabet may serve two languages.
    """

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        self.config = config
        width = config.text_embed_dim
        self.character_embedding = nn.Embedding(config.vocab_size, width)
        # louder than the positions: at 0.1 the model is slow to tell its letters apart
        self.character_embedding.initial_deviation = 1.0
        self.speaker_embedding = nn.Embedding(config.num_speakers, config.speaker_dim)
        self.speaker_projection = nn.Linear(config.speaker_dim, width)
        self.dropout = SequenceDropout(config.dropout)
        self.layers = nn.ModuleList(TextEncoderLayer(config) for _ in range(config.text_layers))
        self.norm = RMSNorm(width)
        self.projection = nn.Linear(width, config.audio_embed_dim) if width != config.audio_embed_dim else nn.Identity()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, speaker_id: torch.Tensor) -> torch.Tensor:
        """`[B, S]` ids, `[B, S]` mask and speakers (see `TtsTrmModel.forward`) to `[B, S, audio_embed_dim]`."""
        hidden = self.character_embedding(input_ids)
        hidden = hidden + 0.5 * sinusoidal_positions(hidden.shape[1], hidden.shape[2], hidden)
        hidden = self.dropout(
            hidden + self.speaker_projection(of_speakers(self.speaker_embedding.weight, speaker_id))[:, None]
        )
        mask = create_bidirectional_mask(self.config, hidden, attention_mask)
        real = attention_mask[..., None].to(hidden.dtype)
        for layer in self.layers:
            hidden = layer(hidden, mask, real)
        return self.projection(self.norm(hidden))


class TextUpsampler(nn.Module):
    r"""Character durations, and the text at every frame.

    Character i speaks from $s_i$ to $e_i = s_i + d_i$, the sum of the durations up to it, in frames. A moment t reads
    $x_t = \sum_i w_i h_i / \sum_i w_i$ with $w_i = \sigma((t - s_i) / \tau)\, \sigma((e_i - t) / \tau)$: boxes with
    edges of one learned softness $\tau$. It replaces the Gaussians about the centres of EATS (Donahue et al. 2021,
    arXiv:2006.03575), in which a short character takes time from a long neighbour.

    Characters are shorter than frames, so the text is read at `upsampling_steps` moments of each frame, evenly spaced,
    and a linear map joins them: a frame knows not only which sounds it holds but when each begins.
    """

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        width = config.audio_embed_dim
        self.steps = config.upsampling_steps
        self.hidden = nn.Linear(width, width)
        self.duration = nn.Linear(width, 1)
        self.dropout = SequenceDropout(config.dropout)
        # Softplus of it is in quarters of a step.
        self.softness = nn.Parameter(torch.ones(()))
        self.join = nn.Linear(self.steps * width, width) if self.steps > 1 else nn.Identity()

    def predict(self, text: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """`[B, S, D]` to durations in frames `[B, S]`, 0 at padding."""
        durations = F.softplus(self.duration(self.dropout(F.silu(self.hidden(text))))[..., 0].float())
        return durations * attention_mask

    def _weights(self, durations: torch.Tensor, attention_mask: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Durations `[B, S]` to the weight of every character at every step `[B, T, steps, S]`; rows sum to 1."""
        durations = durations.float()
        ends = durations.cumsum(-1)
        moments = (torch.arange(num_frames * self.steps, device=durations.device) + 0.5) / self.steps
        softness = F.softplus(self.softness.float()) / (4 * self.steps)
        since_start = (moments[None, :, None] - (ends - durations)[:, None, :]) / softness
        until_end = (ends[:, None, :] - moments[None, :, None]) / softness
        scores = F.logsigmoid(since_start) + F.logsigmoid(until_end)
        scores = scores.masked_fill(~attention_mask.bool()[:, None, :], float("-inf"))
        return scores.softmax(-1).unflatten(1, (num_frames, self.steps))

    def alignment(self, durations: torch.Tensor, attention_mask: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Durations `[B, S]` to the weight of every character in every frame `[B, T, S]`; rows sum to 1."""
        return self._weights(durations, attention_mask, num_frames).mean(2)

    def forward(
        self, text: torch.Tensor, durations: torch.Tensor | None, attention_mask: torch.Tensor, num_frames: int
    ) -> torch.Tensor:
        """The text `[B, S, D]` at every frame: `[B, T, D]`."""
        weights = self._weights(durations, attention_mask, num_frames).to(text.dtype)
        # [B, T, steps, D].
        read = (weights.flatten(1, 2) @ text).unflatten(1, (num_frames, self.steps))
        return self.join(read.flatten(2))

"""The original specification, implemented literally: slow, and the baseline for speed and for correctness.

It computes the same numbers from the same weights as `TtsTrmModel(TtsTrmConfig.from_specification())`, but recomputes
every key and value in each of the H x L x blocks steps, and holds the logits of all codebooks of all frames in memory
at once, padding included.
"""

import math

import torch
import torch.nn.functional as F

from ...modeling_tts_trm import TtsTrmModel, TtsTrmOutput
from ...modeling_tts_trm_layers import length_mask


def attention(layer, queries: torch.Tensor, context: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """`[B, T, D]` queries against the whole context `[B, S, D]`, of which `mask` `[B, S]` is real."""
    split = (-1, layer.head_dim)
    q = layer.query(queries).unflatten(-1, split).transpose(1, 2)
    k = layer.key(context).unflatten(-1, split).transpose(1, 2)
    v = layer.value(context).unflatten(-1, split).transpose(1, 2)
    scores = q @ k.transpose(-1, -2) / math.sqrt(layer.head_dim)
    scores = scores.masked_fill(~mask[:, None, None, :], float("-inf"))
    return layer.output((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def norm(layer, states: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(states, layer.normalized_shape, layer.weight)


class LiteralSpecification(TtsTrmModel):
    """A model of `TtsTrmConfig.from_specification()` whose training pass follows the specification step by step."""

    def forward(self, input_ids, attention_mask, speaker_id, labels, label_lengths) -> TtsTrmOutput:
        config, head = self.config, self.head
        text = self.text_encoder(input_ids, attention_mask, speaker_id)
        real_text, size = attention_mask.bool(), labels.shape[-1]
        real = length_mask(label_lengths, size)
        y, z = (start.expand(len(text), size, -1) for start in (self.recursion.init_y, self.recursion.init_z))
        for _ in range(config.h_cycles):
            for _ in range(config.l_cycles):
                for block in self.recursion.blocks:
                    z = norm(block.norms[0], z + attention(block.self_attention, z, z, real))
                    z = norm(block.norms[1], z + attention(block.text_attention, z, text, real_text))
                    z = norm(block.norms[2], z + attention(block.answer_attention, z, y, real))
                    z = norm(block.norms[3], z + block.feed_forward(z, real[..., None].to(z)))
            y = self.recursion.updater(y, z, real[..., None].to(z))
        logits = torch.stack(
            [
                output(norm(head.norm, y + head.codebook_projection(embedding)))
                for output, embedding in zip(head.output, head.codebook_embedding.weight, strict=True)
            ],
            1,
        )  # [B, K, T, V]
        losses = F.cross_entropy(logits.flatten(0, 2), labels.flatten(), ignore_index=-100, reduction="none")
        # Shape [K].
        losses = losses.view_as(labels).sum((0, 2)) / real.sum()
        loss = (losses * losses.new_tensor(config.normalized_codebook_weights)).mean()
        return TtsTrmOutput(loss=loss, codebook_losses=losses.detach())

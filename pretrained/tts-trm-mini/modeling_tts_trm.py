"""TTS TRM: text and speaker to all codebooks of speech, by recursive refinement of one small network.

    input_ids [B, S] -> text encoder -> h [B, S, D] -> durations, upsampling -> x [B, T, D]
      -> recursion over the answer y and the latent z -> y [B, T, D] -> codebook head -> codes [B, K, T]

Notable choices (B batch, S characters, T frames, D width, K codebooks, V entries):
- Durations align frames and characters before the recursion begins; see [`TextUpsampler`].
- Every residual of the recursion ends in a root-mean-square norm, so the states keep their size through any number of
  cycles (TRM, Jolicoeur-Martineau 2025, arXiv:2510.04871).
- Keys and values of the text are the same in all cycles, those of y in one high-level cycle: each is computed once.
- The head sees only real frames, as a flat list: padding neither costs anything nor reaches a loss.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import ModelOutput

from .configuration_tts_trm import TtsTrmConfig
from .errors_tts_trm import InputError
from .generation_tts_trm import TtsTrmGenerationMixin, default_generation_config, one_per_item
from .modeling_tts_trm_codec import FiniteWeights
from .modeling_tts_trm_heads import LatentHead, ProjectionHead
from .modeling_tts_trm_layers import (
    Attention,
    FeedForward,
    RMSNorm,
    SequenceDropout,
    length_mask,
    sinusoidal_positions,
)
from .modeling_tts_trm_text import TextEncoder, TextUpsampler

# Frames added before the logarithm, so that silent letters have a finite target.
LOG_DURATION_OFFSET = 0.1


@dataclass
class TtsTrmOutput(ModelOutput):
    """What `TtsTrmModel.forward` returns; fields that were not asked for are None."""

    loss: torch.FloatTensor | None = None
    # [K] unweighted cross-entropies, without gradient.
    codebook_losses: torch.FloatTensor | None = None
    # The head's part of the loss.
    codebook_loss: torch.FloatTensor | None = None
    # The durations' part of the loss, unweighted.
    duration_loss: torch.FloatTensor | None = None
    # |log predicted length - log length|, mean over the batch.
    length_loss: torch.FloatTensor | None = None
    # [B, T, D] the answer y.
    last_hidden_state: torch.FloatTensor | None = None
    # [B] frames of each item.
    lengths: torch.LongTensor | None = None
    # [B, S] predicted, in frames.
    durations: torch.FloatTensor | None = None
    # [B, K, T, V], zero at padded frames.
    logits: torch.FloatTensor | None = None
    # [H] the head's loss after each high-level cycle.
    cycle_losses: torch.FloatTensor | None = None
    # [H - 1] |y - previous y| / |y| of the later high-level cycles.
    cycle_changes: torch.FloatTensor | None = None


class RecursiveBlock(GradientCheckpointingLayer):
    """One step on the latent z: attend to itself, to the text, take in the answer, feed forward; each one normed."""

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        width = config.audio_embed_dim
        self.self_attention = Attention(config, width)
        self.text_attention = Attention(config, width)
        self.answer_attention = Attention(config, width) if config.answer_injection == "cross_attention" else None
        self.feed_forward = FeedForward(config, width)
        self.norms = nn.ModuleList(RMSNorm(width) for _ in range(4))
        self.dropout = SequenceDropout(config.dropout)

    def answer(self, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What of the answer `[B, T, D]` can be computed once for a high-level cycle."""
        return (y,) if self.answer_attention is None else self.answer_attention.keys_values(y)

    def forward(
        self,
        z: torch.Tensor,
        text_mask: torch.Tensor,
        frame_mask: torch.Tensor,
        real: torch.Tensor,
        text_keys: torch.Tensor,
        text_values: torch.Tensor,
        *answer,
    ) -> torch.Tensor:
        """z `[B, T, D]` to the next z. Tensors one by one: reentrant checkpointing sees no gradient in a tuple."""
        attended = self.self_attention(z, self.self_attention.keys_values(z), frame_mask)
        z = self.norms[0](z + self.dropout(attended))
        z = self.norms[1](z + self.dropout(self.text_attention(z, (text_keys, text_values), text_mask)))
        entering = answer[0] if self.answer_attention is None else self.answer_attention(z, answer, frame_mask)
        z = self.norms[2](z + entering)
        return self.norms[3](z + self.dropout(self.feed_forward(z, real)))


class AnswerUpdater(nn.Module):
    """y from y and z: `u = W [y; z]`, `y = rms(y + u + ffn(u))`."""

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        self.merge = nn.Linear(2 * config.audio_embed_dim, config.audio_embed_dim)
        self.feed_forward = FeedForward(config, config.audio_embed_dim)
        self.norm = RMSNorm(config.audio_embed_dim)

    def forward(self, y: torch.Tensor, z: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        update = self.merge(torch.cat((y, z), -1))
        return self.norm(y + update + self.feed_forward(update, real))


class Recursion(nn.Module):
    """The tiny recursive network: `l_cycles` x `l_layers` steps on z, then one on y, `h_cycles` times over."""

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        self.config = config
        self.init_y = nn.Parameter(torch.zeros(config.audio_embed_dim))
        self.init_z = nn.Parameter(torch.zeros(config.audio_embed_dim))
        self.blocks = nn.ModuleList(RecursiveBlock(config) for _ in range(config.l_layers))
        self.updater = AnswerUpdater(config)

    def forward(
        self,
        x: torch.Tensor,
        text: torch.Tensor,
        attention_mask: torch.Tensor,
        frame_mask: torch.Tensor,
        h_cycles: int | None = None,
        l_cycles: int | None = None,
    ) -> list[torch.Tensor]:
        """Answers y `[B, T, D]` after each high-level cycle; the last one is the result.

        Args:
            x: `[B, T, D]` the text at every frame, positions included.
            text: `[B, S, D]` encoded characters, `attention_mask` `[B, S]` their mask.
            frame_mask: `[B, T]` mask of the frames.
            h_cycles, l_cycles: numbers of cycles, the configured ones by default.
        """
        config = self.config
        h_cycles, l_cycles = h_cycles or config.h_cycles, l_cycles or config.l_cycles
        text_mask = create_bidirectional_mask(config, x, attention_mask, encoder_hidden_states=text)
        self_mask = create_bidirectional_mask(config, x, frame_mask)
        real = frame_mask[..., None].to(x.dtype)
        text_keys_values = [block.text_attention.keys_values(text) for block in self.blocks]
        y, z = self.init_y + x, self.init_z + x
        answers = []
        for h_cycle in range(h_cycles):
            with_gradient = not config.gradient_cycles or h_cycle >= h_cycles - config.gradient_cycles
            with torch.set_grad_enabled(with_gradient and torch.is_grad_enabled()):
                entering = [block.answer(y) for block in self.blocks]
                for _ in range(l_cycles):
                    for block, keys_values, answer in zip(self.blocks, text_keys_values, entering, strict=True):
                        z = block(z, text_mask, self_mask, real, *keys_values, *answer)
                y = self.updater(y, z, real)
            answers.append(y)
        return answers


class TtsTrmPreTrainedModel(FiniteWeights, PreTrainedModel):
    config: TtsTrmConfig
    config_class = TtsTrmConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    input_modalities = ("text",)
    _supports_sdpa = True
    _supports_attention_backend = True
    _no_split_modules = ["TextEncoderLayer", "RecursiveBlock"]
    supports_gradient_checkpointing = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Linear):
            # LeCun: keeps the variance at any width.
            init.normal_(module.weight, std=module.in_features**-0.5)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=getattr(module, "initial_deviation", 0.1))
        elif isinstance(module, FeedForward) and module.convolution is not None:
            init.dirac_(module.convolution.weight, groups=module.convolution.groups)
            init.zeros_(module.convolution.bias)
        elif isinstance(module, TextUpsampler):
            init.ones_(module.softness)
        elif isinstance(module, Recursion):
            init.normal_(module.init_y, std=0.5)
            init.normal_(module.init_z, std=0.5)
        elif isinstance(module, LatentHead):
            init.zeros_(module.log_precision)
            init.normal_(module.codebooks)
            init.zeros_(module.latent_mean)
            init.ones_(module.latent_deviation)
            init.ones_(module.latent_gain)


class TtsTrmModel(TtsTrmPreTrainedModel, TtsTrmGenerationMixin, GenerationMixin):
    """Text and speaker to the codes of all codebooks; see the head of this file."""

    output_modalities = ("audio",)
    # The loss is a mean over the batch, which the Trainer must not rescale.
    accepts_loss_kwargs = False

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__(config)
        self.text_encoder = TextEncoder(config)
        self.upsampler = TextUpsampler(config) if config.alignment != "none" else None
        self.recursion = Recursion(config)
        self.head = LatentHead(config) if config.predicts_latents else ProjectionHead(config)
        # Replaced by the checkpoint's where there is one.
        self.generation_config = default_generation_config(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.text_encoder.character_embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.text_encoder.character_embedding = value

    def forward(
        self,
        input_ids: torch.LongTensor,
        attention_mask: torch.Tensor | None = None,
        speaker_id: torch.LongTensor | int | None = None,
        labels: torch.LongTensor | None = None,
        label_lengths: torch.LongTensor | None = None,
        durations: torch.FloatTensor | None = None,
        num_frames: torch.LongTensor | int | None = None,
        return_logits: bool = False,
        return_cycles: bool = False,
        return_dict: bool | None = None,
        **others: None,
    ) -> TtsTrmOutput:
        """The loss of known codes, or the answer for text alone.

        Args:
            input_ids: `[B, S]` character ids; `attention_mask`: `[B, S]`, 1 for real characters, all real by default.
            speaker_id: `[B]`, or one number for all; speaker 0 by default. `[B, num_speakers]` weights, floats that
                sum to 1, blend the speakers of an item.
            labels: `[B, K, T]` codes, -100 where there is none. 0 is a code like any other.
            label_lengths: `[B]` frames of each item, by default up to its last label.
            durations: `[B, S]` true durations in frames, which `alignment="durations"` trains on.
            num_frames: without labels, the wanted length of each item, `[B]` or one number; predicted by default.
            return_logits: whether to compute `logits` `[B, K, T, V]`.
            return_cycles: whether to compute `cycle_losses` and `cycle_changes`.
            others: what wrappers such as peft pass to every model (`inputs_embeds`, `output_attentions`, ...), if it is
                None or False.

        Raises:
            ValueError: if ids, speakers, codes or shapes do not fit the configuration.
        """
        if named := [name for name, value in others.items() if value is not None and value is not False]:
            raise InputError(f"{named[0]}: this model takes no such argument; leave it out.")
        input_ids, attention_mask, speaker_id = self._check_text(input_ids, attention_mask, speaker_id)
        if labels is not None:
            label_lengths = self._check_labels(labels, label_lengths, input_ids)
        text = self.text_encoder(input_ids, attention_mask, speaker_id)
        predicted = None if self.upsampler is None else self.upsampler.predict(text, attention_mask)
        if labels is None:
            used, lengths = self._plan_lengths(predicted, attention_mask, num_frames)
            size = lengths.max().item()
        else:
            used, lengths = self._training_durations(predicted, durations, attention_mask, label_lengths), label_lengths
            size = labels.shape[-1]
        # For an exported graph, which would otherwise ask whether to broadcast.
        torch._check(size > 0)
        answers = self._answers(text, used, attention_mask, lengths, size)
        output = TtsTrmOutput(last_hidden_state=answers[-1], lengths=lengths, durations=predicted)
        if labels is None and not (return_logits or return_cycles):
            return output.to_tuple() if return_dict is False else output

        frame_mask = length_mask(lengths, size)
        # [N, D], real frames only.
        frames = answers[-1][frame_mask]
        # Shape [N, K].
        codes = labels.transpose(1, 2)[frame_mask] if labels is not None else None
        if codes is not None:
            output.codebook_loss, output.codebook_losses = self.head.loss(frames, codes)
            output.loss = output.codebook_loss
            if predicted is not None:
                output.duration_loss, output.length_loss = self._duration_losses(
                    predicted, used, attention_mask, lengths
                )
                output.loss = output.loss + self.config.duration_loss_weight * output.duration_loss
        if return_logits:
            logits = self.head.logits(frames, self.head.predict(frames) if codes is None else codes)
            # [B, T, K, V].
            full = logits.new_zeros(*frame_mask.shape, *logits.shape[1:])
            output.logits = full.masked_scatter(frame_mask[..., None, None], logits).transpose(1, 2)
        if return_cycles:
            output.cycle_changes = self._cycle_changes(answers, frame_mask)
        if return_cycles and codes is not None:
            with torch.no_grad():
                losses = [self.head.loss(answer[frame_mask], codes)[0] for answer in answers]
            output.cycle_losses = torch.stack(losses)
        return output.to_tuple() if return_dict is False else output

    def _text_at_frames(
        self, text: torch.Tensor, durations: torch.Tensor | None, attention_mask: torch.Tensor, size: int
    ) -> torch.Tensor:
        """Encoded text `[B, S, D]` to what the recursion starts from `[B, T, D]`, positions included."""
        # Not `len`, which an exported graph would freeze.
        x = text.new_zeros(text.shape[0], size, text.shape[-1])
        if durations is not None and self.upsampler is not None:
            x = self.upsampler(text, durations, attention_mask, size)
        if self.config.frame_positions:
            x = x + 0.5 * sinusoidal_positions(size, x.shape[-1], x)
        return x

    def _answers(
        self,
        text: torch.Tensor,
        durations: torch.Tensor | None,
        attention_mask: torch.Tensor,
        lengths: torch.Tensor,
        size: int,
        h_cycles: int | None = None,
        l_cycles: int | None = None,
    ) -> list[torch.Tensor]:
        """The answers `[B, T, D]` of all high-level cycles for encoded text `[B, S, D]`."""
        x = self._text_at_frames(text, durations, attention_mask, size)
        return self.recursion(x, text, attention_mask, length_mask(lengths, size).long(), h_cycles, l_cycles)

    def _training_durations(
        self,
        predicted: torch.Tensor,
        durations: torch.Tensor | None,
        attention_mask: torch.Tensor,
        lengths: torch.Tensor,
    ) -> torch.Tensor | None:
        """The durations `[B, S]` that place the text in training: the true ones, or predicted ones of true length."""
        if self.config.alignment == "durations":
            if durations is None:
                raise InputError(
                    'alignment="durations" trains on durations [batch, characters]; pass them with the labels, or set '
                    'alignment="length" to learn from the total length alone.'
                )
            if durations.shape != predicted.shape:
                raise InputError(f"durations are {tuple(durations.shape)}, input_ids {tuple(predicted.shape)}.")
            # Whatever a batch is padded with.
            return durations.masked_fill(attention_mask == 0, 0)
        if self.config.alignment == "length":
            return predicted * (lengths / predicted.sum(-1).clamp(min=1e-3))[:, None]
        return None

    def _duration_losses(
        self,
        predicted: torch.Tensor,
        durations: torch.Tensor | None,
        attention_mask: torch.Tensor,
        lengths: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of characters and length together, and of the length alone.

        Items count by their frames, as in the head's loss: however clips are shared out to batches and processes that
        are weighted by frames, the gradient is the same.
        """
        shares = lengths / lengths.sum()
        length_loss = (shares * (predicted.sum(-1).clamp(min=1e-3).log() - lengths.log()).abs()).sum()
        if self.config.alignment == "length" or durations is None:
            return length_loss, length_loss.detach()
        difference = (predicted + LOG_DURATION_OFFSET).log() - (durations + LOG_DURATION_OFFSET).log()
        of_items = (difference.abs() * attention_mask).sum(-1) / attention_mask.sum(-1)
        character_loss = (shares * of_items).sum()
        return character_loss + length_loss, length_loss.detach()

    @staticmethod
    def _cycle_changes(answers: list[torch.Tensor], frame_mask: torch.Tensor) -> torch.Tensor:
        """How much each high-level cycle but the first moves the answer, relative to its size: `[H - 1]`."""
        states = [answer[frame_mask].detach().float() for answer in answers]
        changes = [(new - old).norm() / new.norm() for old, new in pairwise(states)]
        return torch.stack(changes) if changes else states[0].new_zeros(0)

    def _check_text(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, speaker_id: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        config = self.config
        if input_ids.ndim != 2 or 0 in input_ids.shape or input_ids.is_floating_point():
            raise InputError(
                "input_ids must be integers [batch, characters] and not empty, got "
                f"{input_ids.dtype} {list(input_ids.shape)}."
            )
        if input_ids.shape[1] > config.max_text_length:
            raise InputError(
                f"The text has {input_ids.shape[1]} characters, over max_text_length={config.max_text_length}; "
                "split it."
            )
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if attention_mask.shape != input_ids.shape:
            raise InputError(f"attention_mask is {tuple(attention_mask.shape)}, input_ids {tuple(input_ids.shape)}.")
        if not isinstance(speaker_id, torch.Tensor) or not speaker_id.is_floating_point():
            speaker_id = one_per_item("speaker_id", 0 if speaker_id is None else speaker_id, input_ids)
        # A graph has no values yet: what is asked of them is left to who runs it.
        if not torch.compiler.is_exporting():
            self._check_values(input_ids, attention_mask, speaker_id)
        return input_ids, attention_mask, speaker_id.to(input_ids.device)

    def _check_values(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, speaker_id: torch.Tensor) -> None:
        config = self.config
        if input_ids.min() < 0 or input_ids.max() >= config.vocab_size:
            raise InputError(
                f"input_ids reach {int(input_ids.min())}..{int(input_ids.max())}, outside 0..{config.vocab_size - 1}; "
                "the tokenizer is not this checkpoint's."
            )
        if (attention_mask.sum(-1) == 0).any():
            raise InputError("attention_mask hides every character of an item; drop empty texts from the batch.")
        if (attention_mask[:, 1:] > attention_mask[:, :-1]).any():
            raise InputError("attention_mask hides a character before a real one; pad texts on the right.")
        if speaker_id.is_floating_point():
            self._check_blend(speaker_id, input_ids)
        elif speaker_id.min() < 0 or speaker_id.max() >= config.num_speakers:
            raise InputError(
                f"speaker_id={speaker_id.tolist()} is outside 0..{config.num_speakers - 1}, this model's speakers."
            )

    def _check_blend(self, weights: torch.Tensor, input_ids: torch.Tensor) -> None:
        wanted = (len(input_ids), self.config.num_speakers)
        if tuple(weights.shape) != wanted:
            raise InputError(
                f"speaker_id as weights must be [batch, num_speakers] {wanted}, got {tuple(weights.shape)}."
            )
        if not ((weights >= 0).all() and torch.allclose(weights.sum(-1), torch.ones_like(weights[:, 0]), atol=1e-3)):
            raise InputError(f"speaker_id={weights.tolist()}: weights of speakers must be positive and sum to 1.")

    def _check_labels(self, labels: torch.Tensor, label_lengths: torch.Tensor, input_ids: torch.Tensor) -> torch.Tensor:
        """The frames `[B]` of each item of `labels`."""
        config, batch = self.config, len(input_ids)
        if labels.shape[:-1] != (batch, config.num_codebooks) or labels.shape[-1] == 0:
            raise InputError(
                f"labels must be [batch={batch}, codebooks={config.num_codebooks}, frames], got {tuple(labels.shape)}."
            )
        if not ((labels == -100) | ((labels >= 0) & (labels < config.codebook_size))).all():
            raise InputError(
                f"labels reach {int(labels.min())}..{int(labels.max())}; codes are 0..{config.codebook_size - 1}, and "
                "-100 where there is none."
            )
        if label_lengths is None:
            frames = torch.arange(1, labels.shape[-1] + 1, device=labels.device)
            label_lengths = ((labels >= 0).any(1) * frames).amax(-1)
        label_lengths = one_per_item("label_lengths", label_lengths, input_ids)
        if label_lengths.min() < 1 or label_lengths.max() > labels.shape[-1]:
            raise InputError(
                f"label_lengths={label_lengths.tolist()} are outside 1..{labels.shape[-1]}, the frames of the labels; "
                "drop clips without frames from the batch."
            )
        return label_lengths


TtsTrmModel.register_for_auto_class("AutoModel")

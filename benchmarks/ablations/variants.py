"""Variants of the model that the ablations compare with it: each one idea, in the fewest lines, none of them shipped.

Every variant is a subclass of [`TtsTrmModel`] (or a head of it) with the same `forward` and `generate`, so that
training, evaluation and speaking do not know which one they have. What `generate` may vary in a variant, such as the
number of passes, is an attribute of the model that an ablation's reading sets.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ...modeling_tts_trm import TtsTrmModel
from ...modeling_tts_trm_heads import LatentHead
from ...modeling_tts_trm_layers import Attention, length_mask
from ...modeling_tts_trm_text import TextUpsampler


class DeepSupervision(TtsTrmModel):
    """The head's loss after every high-level cycle, with weights that rise towards the last (TRM, arXiv:2510.04871)."""

    def _answers(self, *args, **kwargs):
        self.all_answers = super()._answers(*args, **kwargs)
        return self.all_answers

    def forward(self, input_ids, *, labels=None, **kwargs):
        output = super().forward(input_ids, labels=labels, **kwargs)
        if labels is not None and self.training:
            mask = length_mask(output.lengths, labels.shape[-1])
            codes, cycles = labels.transpose(1, 2)[mask], len(self.all_answers)
            for cycle, answer in enumerate(self.all_answers[:-1], 1):
                output.loss = output.loss + cycle / cycles * self.head.loss(answer[mask], codes)[0]
        return output


class RandomCycles(TtsTrmModel):
    """Trained with 1 to 2 H high-level cycles, drawn anew for every batch; speaks with `cycles` of them."""

    cycles = None

    def _answers(self, text, durations, attention_mask, lengths, size, h_cycles=None, l_cycles=None):
        h_cycles = int(torch.randint(1, 2 * self.config.h_cycles + 1, ())) if self.training else self.cycles
        return super()._answers(text, durations, attention_mask, lengths, size, h_cycles, l_cycles)


class RotaryAttention(Attention):
    """Rotates queries and keys by their position (Su et al. 2021, RoFormer, arXiv:2104.09864)."""

    def _rotated(self, states: torch.Tensor) -> torch.Tensor:
        half = self.head_dim // 2
        rates = 10_000 ** (-torch.arange(half) / half)
        angles = torch.arange(states.shape[-2])[:, None] * rates
        first, second = states.split(half, -1)
        cosine, sine = angles.cos(), angles.sin()
        return torch.cat((first * cosine - second * sine, first * sine + second * cosine), -1)

    def keys_values(self, context):
        keys, values = super().keys_values(context)
        return self._rotated(keys), values

    def _split_heads(self, states):
        heads = super()._split_heads(states)
        return self._rotated(heads) if self.rotate_queries else heads

    rotate_queries = False

    def forward(self, hidden, keys_values, mask):
        self.rotate_queries = True
        try:
            return super().forward(hidden, keys_values, mask)
        finally:
            self.rotate_queries = False


class Rotary(TtsTrmModel):
    """Rotary positions in the self-attention of text and frames, in addition to the sinusoids."""

    def __init__(self, config):
        super().__init__(config)
        for layer in self.text_encoder.layers:
            layer.attention.__class__ = RotaryAttention
        for block in self.recursion.blocks:
            block.self_attention.__class__ = RotaryAttention


class CharacterDropout(TtsTrmModel):
    """5 % of the characters are hidden in training, so that a sound is not spelled by one letter alone."""

    share = 0.05

    def forward(self, input_ids, **kwargs):
        if self.training:
            hidden = torch.rand(input_ids.shape) < self.share
            input_ids = input_ids.masked_fill(hidden, self.config.pad_token_id)
        return super().forward(input_ids, **kwargs)


class GaussianUpsampler(TextUpsampler):
    """Gaussians of one learned width about the characters' centres (EATS, arXiv:2006.03575)."""

    def _weights(self, durations, attention_mask, num_frames):
        durations = durations.float()
        centres = durations.cumsum(-1) - durations / 2
        moments = (torch.arange(num_frames * self.steps, device=durations.device) + 0.5) / self.steps
        deviation = F.softplus(self.softness.float()) / self.steps
        scores = -0.5 * ((moments[None, :, None] - centres[:, None, :]) / deviation).square()
        scores = scores.masked_fill(~attention_mask.bool()[:, None, :], float("-inf"))
        return scores.softmax(-1).unflatten(1, (num_frames, self.steps))


class Gaussian(TtsTrmModel):
    """[`GaussianUpsampler`] instead of boxes."""

    def __init__(self, config):
        super().__init__(config)
        self.upsampler.__class__ = GaussianUpsampler


class Guidance(TtsTrmModel):
    """Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598): away from what is said without the text.

    In training the encoded text, speaker included, gives way to one learned vector in 10 % of the clips. At inference
    the answer is y without text, plus `strength` times the difference that the text makes.
    """

    drop, strength = 0.1, 1.0

    def __init__(self, config):
        super().__init__(config)
        self.no_text = nn.Parameter(torch.zeros(config.audio_embed_dim))

    def _answers(self, text, *args, **kwargs):
        if self.training:
            dropped = torch.rand(len(text), 1, 1) < self.drop
            return super()._answers(torch.where(dropped, self.no_text, text), *args, **kwargs)
        answers = super()._answers(text, *args, **kwargs)
        if self.strength == 1:
            return answers
        without = super()._answers(self.no_text.expand_as(text), *args, **kwargs)
        return [blank + self.strength * (told - blank) for told, blank in zip(answers, without, strict=True)]


class MixtureHead(LatentHead):
    """A mixture of four Laplace distributions over the latent; the most probable component speaks."""

    components = 4

    def __init__(self, config):
        super().__init__(config)
        width = self.output.out_features
        self.output = nn.Linear(config.audio_embed_dim, self.components * width)
        self.weights = nn.Linear(config.audio_embed_dim, self.components)
        self.log_scale = nn.Parameter(torch.full((), -0.7))

    def _components(self, frames):
        means = self.output(frames).float().unflatten(-1, (self.components, -1))
        return means * self.latent_deviation + self.latent_mean, self.weights(frames).float().log_softmax(-1)

    def latent(self, frames):
        means, weights = self._components(frames)
        return means[torch.arange(len(frames)), weights.argmax(-1)]

    def loss(self, frames, codes):
        """Of each component the weighted mean absolute error `e_k` that `LatentHead.loss` has, in a mixture:
        `-log sum_k w_k exp(-n e_k / b) + n log b` a dimension, with n = 16 dimensions' worth of evidence a frame."""
        frames, codes = self._complete(frames, codes)
        means, weights = self._components(frames)
        errors = (means - self.target(codes)[:, None]).abs().mean(-1) / self.latent_deviation.mean()
        evidence = 16.0
        likelihood = weights - evidence * (errors / self.log_scale.exp() + self.log_scale)
        mixture = -likelihood.logsumexp(-1).mean() / evidence
        # Of the component that would speak; its precisions stay as they were set.
        with torch.no_grad():
            reported = super().loss(frames, codes)[1]
        return mixture, reported


class Mixture(TtsTrmModel):
    """[`MixtureHead`] instead of the latent head."""

    def __init__(self, config):
        super().__init__(config)
        self.head = MixtureHead(config)
        self.post_init()


class Denoising(TtsTrmModel):
    """Cycles as denoising: the recursion refines a noised latent (flow matching, Lipman et al. 2023, arXiv:2210.02747).

    In training the frames carry `t x + (1 - t) e`, with x the standardised true latent, e noise, t uniform in 0..1
    and 0 in a third of the clips; the head predicts x as ever. At inference the answer starts from noise of size
    `temperature`, and each of `passes` runs of the recursion moves it along the straight path to the prediction. One
    pass from silence, `temperature` 0, is the plain model.
    """

    passes, temperature = 1, 0.0

    def __init__(self, config):
        super().__init__(config)
        width = config.audio_embed_dim
        self.latent_input = nn.Linear(self.head.output.out_features, width)
        self.time_input = nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width))
        self.state = None
        self.post_init()

    def forward(self, input_ids, *, labels=None, **kwargs):
        self.state = None
        if labels is not None and self.training:
            codes = labels.transpose(1, 2).clamp(min=0)
            latent = self.head.target(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])
            latent = (latent - self.head.latent_mean) / self.head.latent_deviation
            time = torch.rand(len(labels), 1, 1) * (torch.rand(len(labels), 1, 1) > 1 / 3)
            self.state = time * latent + (1 - time) * torch.randn_like(latent), time
        return super().forward(input_ids, labels=labels, **kwargs)

    def _text_at_frames(self, *args):
        x = super()._text_at_frames(*args)
        state, time = self.state
        return x + self.latent_input(state) + self.time_input(time)

    def _answers(self, text, durations, attention_mask, lengths, size, h_cycles=None, l_cycles=None):
        rest = (text, durations, attention_mask, lengths, size, h_cycles, l_cycles)
        if self.training:
            return super()._answers(*rest)
        noise = self.temperature * torch.randn(
            len(text), size, self.head.output.out_features, generator=torch.Generator().manual_seed(0)
        )
        state = noise
        for step in range(self.passes):
            time, following = step / self.passes, (step + 1) / self.passes
            self.state = state, torch.full((len(text), 1, 1), time)
            answers = super()._answers(*rest)
            predicted = self.head.output(answers[-1]).float()
            state = state + (following - time) / (1 - time) * (predicted - state)
        return answers


class TokenFeedback(TtsTrmModel):
    """Committed codes of codebook 0 re-enter the frames (mask-predict, Ghazvininejad et al. 2019, arXiv:1904.09324).

    In training a share of the frames, by a cosine schedule, shows its code, a third of the batches the model's own
    instead of the true one. At inference `passes` runs commit the most confident frames first, by the same schedule;
    `temperature` 0 takes the most probable code of a frame, otherwise one is drawn.
    """

    passes, temperature, own_share = 1, 0.0, 1 / 3

    def __init__(self, config):
        super().__init__(config)
        self.code_input = nn.Linear(config.codebook_entry_dim, config.audio_embed_dim)
        self.unknown = nn.Parameter(torch.zeros(config.audio_embed_dim))
        self.known = None
        self.post_init()

    def _text_at_frames(self, *args):
        x = super()._text_at_frames(*args)
        if self.known is None:
            return x + self.unknown
        codes, shown = self.known
        entries = self.head.codebooks[0][codes] / self.head.latent_deviation.mean()
        return x + torch.where(shown[..., None], self.code_input(entries), self.unknown)

    def _first_codes(self, answer, generator=None):
        """The codes of codebook 0 for an answer `[B, T, D]`, and the confidence in each, `[B, T]`."""
        dims = self.config.codebook_entry_dim
        logits = self.head._codebook_logits(self.head.latent(answer.flatten(0, 1))[:, :dims], 0)
        probabilities = (logits / (self.temperature or 1.0)).softmax(-1)
        if self.temperature:
            codes = torch.multinomial(probabilities, 1, generator=generator)
        else:
            codes = probabilities.argmax(-1, keepdim=True)
        confidence = probabilities.gather(-1, codes)
        return codes.view(answer.shape[:2]), confidence.view(answer.shape[:2])

    def forward(self, input_ids, *, labels=None, **kwargs):
        self.known = None
        if labels is not None and self.training:
            codes = labels[:, 0].clamp(min=0)
            if torch.rand(()) < self.own_share:
                with torch.no_grad():
                    codes = self._first_codes(super().forward(input_ids, labels=labels, **kwargs).last_hidden_state)[0]
            hidden = torch.cos(math.pi / 2 * torch.rand(len(labels), 1))
            self.known = codes, torch.rand(codes.shape) > hidden
        return super().forward(input_ids, labels=labels, **kwargs)

    def _answers(self, text, durations, attention_mask, lengths, size, h_cycles=None, l_cycles=None):
        rest = (text, durations, attention_mask, lengths, size, h_cycles, l_cycles)
        if self.training:
            return super()._answers(*rest)
        self.known, generator = None, torch.Generator().manual_seed(0)
        codes = shown = None
        for step in range(1, self.passes + 1):
            answers = super()._answers(*rest)
            if step == self.passes:
                return answers
            drawn, confidence = self._first_codes(answers[-1], generator)
            if shown is not None:
                drawn, confidence = torch.where(shown, codes, drawn), confidence.masked_fill(shown, math.inf)
            codes = drawn
            count = math.ceil(size * (1 - math.cos(math.pi / 2 * step / self.passes)))
            threshold = confidence.topk(max(1, count), -1).values[:, -1:]
            shown = confidence >= threshold
            self.known = codes, shown
        return answers

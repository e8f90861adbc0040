"""Codebook heads: from the answer y of the recursion to the K codes of each frame.

All heads work on a flat list of N frames, so that padding costs nothing, and share the interface of [`CodebookHead`].
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from .configuration_tts_trm import TtsTrmConfig
from .errors_tts_trm import InputError
from .modeling_tts_trm_codec import dequantize, residual_search
from .modeling_tts_trm_layers import RMSNorm, of_speakers

# Of a training batch's frames on which the latent head's cross-entropies are computed.
REPORT_FRACTION = 1 / 64
# Beyond it a dimension is hardly predicted, and its errors would be what is amplified.
MAX_GAIN = 2.5
# Whose logits of all levels are in memory together.
FRAMES_AT_ONCE = 64
# Frames whose logits of one codebook are.
LOGITS_AT_ONCE = 8192
# The same on a CPU, which waits for its memory.
LOGITS_IN_CACHE = 512


def random_frames(num_frames: int, fraction: float, device: torch.device) -> torch.Tensor:
    """Indices of a random `fraction` of `num_frames` frames, at least one."""
    return torch.randperm(num_frames, device=device)[: max(1, round(num_frames * fraction))]


def chain_latents(codes: torch.Tensor, codebooks: torch.Tensor, chains: Sequence[int]) -> torch.Tensor:
    """The latents that codes `[N, K]` name: per residual chain the sum of its entries, `[N, len(chains) * D]`.

    `codebooks` is `[K, V, D]`; `chains` are the lengths of the residual chains, adding up to K.
    """
    parts = zip(codes.split(list(chains), 1), codebooks.split(list(chains)), strict=True)
    return torch.cat([dequantize(chain_codes, entries) for chain_codes, entries in parts], -1)


class LinearCrossEntropy(torch.autograd.Function):
    """Sum over the labelled frames of the cross-entropy of `linear(hidden)`: 0 if none has a label.

    The gradients are computed in the forward pass, where the logits are at hand, and in their place: logits are neither
    kept for the backward pass nor computed again in it (Hsu et al. 2024, arXiv:2410.10989).

    Args: `hidden` `[N, D]`, `weight` `[V, D]` and `bias` `[V]` of the linear layer, `codes` `[N]`, -100 where missing.
    """

    @staticmethod
    def forward(
        context: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, codes: torch.Tensor
    ) -> torch.Tensor:
        precision = torch.promote_types(hidden.dtype, torch.float32)
        loss, gradients = hidden.new_zeros((), dtype=precision), []
        of_weight, of_bias = (torch.zeros_like(sums, dtype=precision) for sums in (weight, bias))
        size = LOGITS_IN_CACHE if hidden.device.type == "cpu" else LOGITS_AT_ONCE
        for part, code in zip(hidden.split(size), codes.split(size), strict=True):
            logits = F.linear(part, weight, bias).to(precision)
            labelled, code = (code >= 0)[:, None], code.clamp(min=0)[:, None]
            true, top = logits.gather(1, code), logits.amax(1, keepdim=True)
            total = logits.sub_(top).exp_().sum(1, keepdim=True)
            loss += ((total.log() + top - true) * labelled).sum()
            # of the sum, not of the mean: half precision can hold it without the scale that a mean would need
            gradient = logits.mul_(labelled / total).scatter_add_(1, code, -labelled.to(precision))
            of_bias += gradient.sum(0)
            gradient = gradient.to(part.dtype)
            of_weight += gradient.T @ part
            gradients.append(gradient @ weight)
        context.save_for_backward(torch.cat(gradients), of_weight.to(weight.dtype), of_bias.to(bias.dtype))
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, scale: torch.Tensor) -> tuple:
        return *(gradient * scale for gradient in context.saved_tensors), None


def linear_cross_entropy(hidden: torch.Tensor, output: nn.Linear, codes: torch.Tensor) -> torch.Tensor:
    """[`LinearCrossEntropy`] of a layer, or its value alone where no gradient will be asked for."""
    if torch.is_grad_enabled():
        return LinearCrossEntropy.apply(hidden, output.weight, output.bias, codes)
    return F.cross_entropy(output(hidden).float(), codes, ignore_index=-100, reduction="sum")


def nearest(logits: torch.Tensor, codebook: int) -> torch.Tensor:
    """The greedy choice for `predict`: `[N, V]` to `[N]`."""
    return logits.argmax(-1)


class CodebookHead(nn.Module, ABC):
    """What the model, its training and its generation ask of a head.

    `frames` are answers `[N, D]`, the frames of a clip one after the other; `codes` are `[N, K]`, with -100 where a
    label is missing.
    """

    @abstractmethod
    def loss(self, frames: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scalar loss, and the unweighted cross-entropy of each codebook `[K]`."""

    @abstractmethod
    def logits(self, frames: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Logits `[N, K, V]` where every codebook sees the true lower ones."""

    @abstractmethod
    def gain(self, speaker_id: torch.Tensor, sharpness: float) -> torch.Tensor | None:
        """Factors `[B, latent]` that undo the smoothness of predictions with `sharpness` 1; None for none."""

    @abstractmethod
    def predict(
        self,
        frames: torch.Tensor,
        choose: Callable = nearest,
        gain: torch.Tensor | None = None,
        lengths: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Codes `[N, K]`, `choose(logits, codebook)` picking one code a frame.

        `gain` is [`gain`]'s, and needs the `lengths` `[B]` of the clips in frames.
        """


class ProjectionHead(CodebookHead):
    r"""Logits by projection, for `codebook_head` `"depth"` and `"parallel"`.

    $u_c = y + P (e_c + \sum_{q<c} E_q[k_q])$, $\mathrm{logits}_c = W_c\, \mathrm{rms}(u_c)$; the parallel head leaves
    out the sum, as the original specification does. The depth form follows the depth models of Moshi
    (arXiv:2410.00037), with a sum instead of their transformer.
    """

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        self.config = config
        width, space, codebooks = config.audio_embed_dim, config.codebook_dim, config.num_codebooks
        self.codebook_embedding = nn.Embedding(codebooks, space)
        self.codebook_projection = nn.Linear(space, width)
        if config.codebook_head == "depth":
            self.code_embedding = nn.Embedding(codebooks * config.codebook_size, space)
        self.norm = RMSNorm(width)
        # a shared projection of y + e_c would only shift all logits by a constant: it needs a nonlinearity before it
        self.mixer = nn.Linear(width, width) if config.share_output_heads else None
        projections = 1 if config.share_output_heads else codebooks
        self.output = nn.ModuleList(nn.Linear(width, config.codebook_size) for _ in range(projections))

    def _codebook_hidden(
        self, frames: torch.Tensor, context: torch.Tensor, codebook: int
    ) -> tuple[torch.Tensor, nn.Linear]:
        """What logits of one codebook are a linear map of `[N, D]`, and that map.

        `context` `[N, codebook_dim]`, or one row for all frames, sums the embeddings of the lower codes.
        """
        embedded = self.codebook_projection(self.codebook_embedding.weight[codebook] + context)
        hidden = self.norm(frames + embedded)
        if self.mixer is not None:
            return F.gelu(self.mixer(hidden)), self.output[0]
        return hidden, self.output[codebook]

    def _codebook_logits(self, frames: torch.Tensor, context: torch.Tensor, codebook: int) -> torch.Tensor:
        hidden, output = self._codebook_hidden(frames, context, codebook)
        return output(hidden)

    def _embed_code(self, codes: torch.Tensor, codebook: int | torch.Tensor) -> torch.Tensor:
        """Codes of one codebook, or `[N, K]` of all, to what they add to the contexts of the higher ones."""
        return self.code_embedding(codes.clamp(min=0) + codebook * self.config.codebook_size)

    def _no_context(self, frames: torch.Tensor) -> torch.Tensor:
        return frames.new_zeros(1, self.config.codebook_dim)

    def _contexts(self, frames: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """The contexts of all codebooks where the codes `[N, K]` are known: `[N or 1, K, codebook_dim]`."""
        if self.config.codebook_head == "parallel":
            return self._no_context(frames)[:, None].expand(-1, codes.shape[1], -1)
        embedded = self._embed_code(codes, torch.arange(codes.shape[1], device=codes.device))
        return F.pad(embedded.cumsum(1)[:, :-1], (0, 0, 1, 0))

    def loss(self, frames: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted mean cross-entropy, and of each codebook `[K]`, for frames `[N, D]` and codes `[N, K]`."""
        config, losses = self.config, []
        contexts = self._contexts(frames, codes)
        for codebook in range(config.num_codebooks):
            if self.training and config.fine_frame_fraction < 1 and codebook == config.fine_codebook_start:
                kept = random_frames(len(frames), config.fine_frame_fraction, frames.device)
                frames, contexts, codes = frames[kept], contexts.expand(len(codes), -1, -1)[kept], codes[kept]
            target = codes[:, codebook]
            hidden, output = checkpoint(
                self._codebook_hidden,
                frames,
                contexts[:, codebook],
                codebook,
                use_reentrant=False,
                preserve_rng_state=False,
            )
            total = linear_cross_entropy(hidden, output, target)
            losses.append(total / (target >= 0).sum().clamp(min=1))
        losses = torch.stack(losses)
        weights = losses.new_tensor(config.normalized_codebook_weights)
        return (losses * weights).mean(), losses.detach()

    def logits(self, frames: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Logits `[N, K, V]` where every codebook sees the lower `codes` `[N, K]`."""
        contexts = self._contexts(frames, codes).unbind(1)
        return torch.stack([self._codebook_logits(frames, context, c) for c, context in enumerate(contexts)], 1)

    def gain(self, speaker_id: torch.Tensor, sharpness: float) -> None:
        """None: what is drawn from logits is not smooth and needs no gain."""

    def predict(
        self,
        frames: torch.Tensor,
        choose: Callable = nearest,
        gain: torch.Tensor | None = None,
        lengths: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Codes `[N, K]`, each codebook seeing the codes chosen before it."""
        context, codes = self._no_context(frames), []
        for codebook in range(self.config.num_codebooks):
            codes.append(choose(self._codebook_logits(frames, context, codebook).float(), codebook))
            if self.config.codebook_head == "depth":
                context = context + self._embed_code(codes[-1], codebook)
        return torch.stack(codes, 1)


class LatentHead(CodebookHead):
    r"""Regression of the codec's latent; the codes follow by the codec's own residual search.

    One linear map predicts, for each residual chain, the sum of the chain's entries, standardised per dimension. The
    logits of level c are $-s_c |r_c - E_c|^2$ with the residual $r_c$ of the prediction after the lower entries: a
    Gaussian posterior over entries, its precision $s_c$ learned. The nearest entry is therefore also the most
    probable one, and the codes of a frame agree with each other by construction.

    `codebooks`, `latent_mean` and `latent_deviation` are buffers, filled by `set_codebooks` from codec and data;
    `latent_gain` too, filled by `set_gain` whenever the model is evaluated.
    """

    def __init__(self, config: TtsTrmConfig) -> None:
        super().__init__()
        self.config = config
        chains, entry = len(config.codebook_chains), config.codebook_entry_dim
        self.output = nn.Linear(config.audio_embed_dim, chains * entry)
        self.log_precision = nn.Parameter(torch.zeros(config.num_codebooks))
        self.register_buffer("codebooks", torch.zeros(config.num_codebooks, config.codebook_size, entry))
        self._norms: torch.Tensor | None = None
        self._norms_version: tuple[int, int] | None = None
        self.register_buffer("latent_mean", torch.zeros(chains * entry))
        self.register_buffer("latent_deviation", torch.ones(chains * entry))
        self.register_buffer("latent_gain", torch.ones(config.num_speakers, chains * entry))

    @torch.no_grad()
    def set_codebooks(self, codebooks: torch.Tensor, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        """Takes over the codec's entries `[K, V, entry_dim]` and the latents' statistics `[chains * entry_dim]`."""
        if codebooks.shape != self.codebooks.shape:
            raise InputError(
                f"The codec's codebooks are {tuple(codebooks.shape)}, the model's {tuple(self.codebooks.shape)}; "
                "set num_codebooks, codebook_size and codebook_entry_dim to the codec's."
            )
        self.codebooks.copy_(codebooks)
        self.latent_mean.copy_(mean)
        self.latent_deviation.copy_(deviation)
        # a prediction starts out explaining about half of the variance
        self.log_precision.fill_(-deviation.square().mean().log())

    @torch.no_grad()
    def set_gain(self, true: torch.Tensor, predicted: torch.Tensor, speaker_ids: list[int] | None = None) -> None:
        """Takes gains from the squares of true and predicted latents about their clips' means.

        Both are sums by speaker, `[num_speakers, chains * entry_dim]`. Real voices need more than synthetic ones, which
        are easier to predict; a speaker of whom nothing was measured gets the gain of all together. Where `speaker_ids`
        are given, those of the others stay.
        """
        measured = (predicted.sum(-1, keepdim=True) > 0).expand_as(true)
        true, predicted = torch.where(measured, true, true.sum(0)), torch.where(measured, predicted, predicted.sum(0))
        gain = (true / predicted.clamp(min=1e-12)).sqrt().clamp(1, MAX_GAIN)
        rows = slice(None) if speaker_ids is None else speaker_ids
        self.latent_gain[rows] = gain[rows]

    def gain(self, speaker_id: torch.Tensor, sharpness: float) -> torch.Tensor | None:
        """The factors `[B, chains * entry_dim]` for [`spread`]: 1 with `sharpness` 0, the speaker's own with 1."""
        return 1 + sharpness * (of_speakers(self.latent_gain, speaker_id) - 1) if sharpness else None

    def _chains(self) -> Iterator[tuple[slice, slice]]:
        """(slice of the codebooks, slice of the latent) of each chain."""
        start = 0
        for index, length in enumerate(self.config.codebook_chains):
            entry = self.config.codebook_entry_dim
            yield slice(start, start + length), slice(index * entry, (index + 1) * entry)
            start += length

    def latent(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames `[N, D]` to predicted latents `[N, chains * entry_dim]` in the codec's units, float32."""
        return self.output(frames).float() * self.latent_deviation + self.latent_mean

    def target(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes `[N, K]` to the latents `[N, chains * entry_dim]` that they name."""
        return chain_latents(codes, self.codebooks, self.config.codebook_chains)

    def quantize(self, latent: torch.Tensor) -> torch.Tensor:
        """Latents `[N, chains * entry_dim]` to codes `[N, K]`, each chain searched on its own."""
        return torch.cat([residual_search(latent[:, dims], self.codebooks[part]) for part, dims in self._chains()], -1)

    def _entry_norms(self) -> torch.Tensor:
        """Squared norms of all entries `[K, V]`, computed again only when the codebooks have changed or moved."""
        version = (self.codebooks.data_ptr(), self.codebooks._version)
        if self._norms_version != version:
            self._norms, self._norms_version = self.codebooks.float().square().sum(-1), version
        return self._norms

    def _codebook_logits(self, residual: torch.Tensor, codebook: int | slice) -> torch.Tensor:
        """Residuals `[N, D]` to logits `[N, V]` of one codebook, or `[k, N, D]` to `[k, N, V]` of a slice of them."""
        # in float32 also under autocast: distances are small differences of large numbers
        with torch.autocast(residual.device.type, enabled=False):
            entries, norms = self.codebooks[codebook].float(), self._entry_norms()[codebook].unsqueeze(-2)
            distance = residual.square().sum(-1, keepdim=True) - 2 * residual @ entries.mT + norms
            return -self.log_precision[codebook].exp()[..., None, None] * distance

    def _true_logits(self, latent: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Logits `[K, N, V]` where every level's residual is taken after the true lower `codes` `[N, K]`."""
        logits = []
        for part, dims in self._chains():
            levels = torch.arange(part.start, part.stop, device=codes.device)[:, None]
            # Shape [k, N, D].
            named = self.codebooks[levels, codes[:, part].T]
            residual = latent[:, dims] - (named.cumsum(0) - named)
            logits.append(self._codebook_logits(residual, part))
        return torch.cat(logits)

    def _cross_entropies(self, latent: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Sums over the frames `[N]` of each codebook's cross-entropy, `[K]`."""

        def compute(latent: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
            logits = self._true_logits(latent, codes)
            losses = F.cross_entropy(logits.flatten(0, 1), codes.T.flatten(), reduction="none")
            return losses.unflatten(0, (len(logits), -1)).sum(-1)

        if not latent.requires_grad:
            return compute(latent, codes)
        # recomputed in the backward pass: otherwise the logits of all frames stay in memory until then
        return checkpoint(compute, latent, codes, use_reentrant=False)

    @staticmethod
    def _complete(frames: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The frames `[N, D]` whose codebooks are all labelled: only these have a latent."""
        complete = (codes >= 0).all(-1)
        if not complete.any():
            raise InputError(
                "No frame of the batch has a label in every codebook; the latent head needs such, the heads "
                '"depth" and "parallel" do not.'
            )
        return (frames, codes) if complete.all() else (frames[complete], codes[complete])

    def loss(self, frames: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Regression loss, plus the weighted cross-entropy; and the unweighted one of each codebook `[K]`.

        The regression is the mean absolute error of the standardised latent, each dimension weighted by its
        deviation. Cross-entropies without weight are computed on all frames in evaluation, on 1/64 of them in training.
        """
        frames, codes = self._complete(frames, codes)
        latent, target = self.latent(frames), self.target(codes)
        regression = (latent - target).abs().mean() / self.latent_deviation.mean()
        weight = self.config.latent_cross_entropy_weight
        if self.training and weight == 0:
            kept = random_frames(len(frames), REPORT_FRACTION, frames.device)
            latent, codes = latent[kept], codes[kept]
        if weight == 0:
            # Only the precisions learn from it.
            latent = latent.detach()
        parts = zip(latent.split(FRAMES_AT_ONCE), codes.split(FRAMES_AT_ONCE), strict=True)
        losses = sum(self._cross_entropies(*part) for part in parts) / len(latent)
        weights = losses.new_tensor(self.config.normalized_codebook_weights)
        cross_entropy = (losses * weights).mean()
        # The precisions learn from it all the same, which the regression does not see.
        if weight == 0:
            cross_entropy = cross_entropy - cross_entropy.detach()
        return regression + (weight or 0.01) * cross_entropy, losses.detach()

    def relative_error(self, frames: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Squared error of the predicted latent over the latent's variance: 1 for the mean, 0 for the truth."""
        frames, codes = self._complete(frames, codes)
        error = (self.latent(frames) - self.target(codes)).square().sum(-1).mean()
        return error / self.latent_deviation.square().sum()

    def logits(self, frames: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Logits `[N, K, V]` where every level's residual is taken after the lower `codes` `[N, K]`."""
        return self._true_logits(self.latent(frames), codes.clamp(min=0)).transpose(0, 1)

    @staticmethod
    def spread(latent: torch.Tensor, gain: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Latents `[N, D]` that vary within each clip as much as those of recordings.

        A regression predicts the mean of what is possible, which varies less than speech does and sounds muffled: each
        dimension is spread about its mean over the clip by `gain` `[B, D]`.
        """
        means = torch.stack([clip.mean(0) for clip in latent.split(lengths.tolist())])
        mean = means.repeat_interleave(lengths, 0)
        return mean + gain.repeat_interleave(lengths, 0) * (latent - mean)

    def predict(
        self,
        frames: torch.Tensor,
        choose: Callable = nearest,
        gain: torch.Tensor | None = None,
        lengths: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Codes `[N, K]`: the codec's own search, or sampled level by level; `lengths` are needed for the gain."""
        latent = self.latent(frames)
        if gain is not None:
            latent = self.spread(latent, gain, lengths)
        if choose is nearest:
            return self.quantize(latent)
        codes = []
        for part, dims in self._chains():
            residual = latent[:, dims]
            for codebook in range(part.start, part.stop):
                codes.append(choose(self._codebook_logits(residual, codebook), codebook))
                residual = residual - self.codebooks[codebook][codes[-1]]
        return torch.stack(codes, 1)

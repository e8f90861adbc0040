"""The offline codec: Mimi's interface and token geometry at a fraction of its cost, fitted in an hour on one core.

Notable choices:
- The encoder has nothing to learn by gradient: log-mel frames, principal components, residual k-means.
- The decoder is Vocos' idea (Siuzdak 2023, arXiv:2306.00814): ConvNeXt blocks at the spectrogram's rate predict
  log-magnitude and phase, and one inverse short-time Fourier transform makes the waveform.
- Everything is local in time and zero-padded at the edges, so clips that are padded to whole frames give the same
  codes alone and in a batch.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from .configuration_tts_trm_codec import TtsTrmCodecConfig
from .errors_tts_trm import InputError


@dataclass
class TtsTrmCodecEncoderOutput(ModelOutput):
    audio_codes: torch.LongTensor | None = None  # [B, K, T]


@dataclass
class TtsTrmCodecDecoderOutput(ModelOutput):
    audio_values: torch.FloatTensor | None = None  # [B, 1, T * frame_size]


def residual_search(latent: torch.Tensor, codebooks: torch.Tensor) -> torch.Tensor:
    """Residual vector quantisation: take the nearest entry, subtract it, go to the next codebook.

    Args:
        latent: `[..., D]`, any number of leading dimensions.
        codebooks: `[K, V, D]`.

    Returns:
        Codes `[..., K]`, long. The search runs in float32 whatever the inputs are, because near ties are common.
    """
    shape, residual = latent.shape[:-1], latent.float().reshape(-1, latent.shape[-1])
    codes = []
    with torch.autocast(latent.device.type, enabled=False):
        for entries in codebooks.float():
            # argmin |r - e|^2 = argmin (|e|^2 / 2 - r.e): the residual's own norm does not matter
            half_norms = entries.square().sum(-1) / 2
            code = torch.addmm(half_norms, residual, entries.T, alpha=-1).argmin(-1)
            residual = residual - entries[code]
            codes.append(code)
    return torch.stack(codes, -1).reshape(*shape, len(codes))


def dequantize(codes: torch.Tensor, codebooks: torch.Tensor) -> torch.Tensor:
    """Sum of the entries that `codes` `[..., K']` name in the first K' of `codebooks` `[K, V, D]`: `[..., D]`."""
    latent = codebooks.new_zeros(*codes.shape[:-1], codebooks.shape[-1])
    for level in range(codes.shape[-1]):
        latent = latent + codebooks[level][codes[..., level]]
    return latent


def mel_filter_bank(sampling_rate: int, fft_size: int, num_bands: int) -> torch.Tensor:
    """Triangular filters, equally spaced on the HTK mel scale up to Nyquist: `[fft_size // 2 + 1, num_bands]`."""
    highest = 2595.0 * math.log10(1.0 + sampling_rate / 2 / 700.0)
    mels = torch.linspace(0.0, highest, num_bands + 2, dtype=torch.float64)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)  # [bands + 2], Hz
    frequencies = torch.linspace(0.0, sampling_rate / 2, fft_size // 2 + 1, dtype=torch.float64)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0.0).float()


class FiniteWeights:
    """Refuses to load a weight that is not a finite number: the codes of such a model are legal, and its speech noise.

    The nearest of entries whose distances are not numbers is still one of them, so that no later check would see it.
    """

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, **kwargs):
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        check_finite_weights(pretrained_model_name_or_path, loaded[0] if isinstance(loaded, tuple) else loaded)
        return loaded


def check_finite_weights(name: str, model: nn.Module) -> None:
    """Raises `OSError` if a weight or buffer of `model`, which was loaded from `name`, is not finite."""
    for key, tensor in model.state_dict().items():
        # by the extremes, which are not numbers if any value is not: a mask would be as large as the tensor
        if tensor.numel() and not tensor.is_meta and not torch.stack(tensor.aminmax()).isfinite().all():
            raise OSError(
                f"{name}: {key} holds values that are not finite; the weights are damaged, load another copy."
            )


class ConvNextBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer perceptron per column, residual with a learned layer scale."""

    def __init__(self, config: TtsTrmCodecConfig):
        super().__init__()
        width = config.hidden_size
        self.depthwise = nn.Conv1d(width, width, config.kernel_size, padding=config.kernel_size // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, config.intermediate_size)
        self.down = nn.Linear(config.intermediate_size, width)
        self.scale = nn.Parameter(torch.full((width,), 1.0 / config.num_layers))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[B, N, hidden_size]` to the same shape, N columns."""
        inner = self.norm(self.depthwise(hidden.transpose(1, 2)).transpose(1, 2))
        return hidden + self.scale * self.down(F.gelu(self.up(inner)))


class SpectrogramDecoder(nn.Module):
    """Log-mel columns to waveform: ConvNeXt blocks, a complex spectrogram, inverse short-time Fourier transform."""

    def __init__(self, config: TtsTrmCodecConfig):
        super().__init__()
        self.fft_size, self.hop_length = config.fft_size, config.hop_length
        self.input = nn.Conv1d(
            config.num_mel_bands, config.hidden_size, config.kernel_size, padding=config.kernel_size // 2
        )
        self.input_norm = nn.LayerNorm(config.hidden_size)
        self.blocks = nn.ModuleList(ConvNextBlock(config) for _ in range(config.num_layers))
        self.output_norm = nn.LayerNorm(config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.fft_size + 2)

    def spectrum(self, log_mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`[B, N, num_mel_bands]` to magnitudes and phases `[B, N, fft_size // 2 + 1]`."""
        hidden = self.input_norm(self.input(log_mel.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        log_magnitude, phase = self.output(self.output_norm(hidden)).float().chunk(2, dim=-1)
        return log_magnitude.clamp(max=7.0).exp(), phase  # the bound keeps a bad step from overflowing

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """`[B, N, num_mel_bands]` to `[B, N * hop_length]` samples."""
        magnitude, phase = self.spectrum(log_mel)
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        window = torch.hann_window(self.fft_size, device=log_mel.device)
        pieces = torch.fft.irfft(spectrum, n=self.fft_size, dim=-1) * window  # [B, N, fft_size]
        return self._overlap_add(pieces, window)

    def _overlap_add(self, pieces: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
        # torch.istft wants centred frames; ours start at column * hop - (fft - hop) / 2, as the analysis does
        columns, length = pieces.shape[1], pieces.shape[1] * self.hop_length
        padding = (self.fft_size - self.hop_length) // 2

        def fold(values):  # [B, fft_size, N] -> [B, total]
            total = (columns - 1) * self.hop_length + self.fft_size
            summed = F.fold(values, (1, total), kernel_size=(1, self.fft_size), stride=(1, self.hop_length))
            return summed[:, 0, 0, padding : padding + length]

        energy = fold(window.square()[None, :, None].expand(1, -1, columns))
        return fold(pieces.transpose(1, 2)) / energy.clamp(min=1e-5)


class TtsTrmCodec(FiniteWeights, PreTrainedModel):
    """Audio to codes `[B, K, T]` and back, with the signatures of transformers' `MimiModel`.

    The buffers `feature_mean`, `analysis`, `synthesis` and `codebooks` are fitted by `scripts/train_codec.py`.
    """

    config: TtsTrmCodecConfig
    config_class = TtsTrmCodecConfig
    base_model_prefix = "codec"
    main_input_name = "input_values"
    input_modalities = ("audio",)

    def __init__(self, config: TtsTrmCodecConfig):
        super().__init__(config)
        self.register_buffer("feature_mean", torch.zeros(config.frame_features))
        self.register_buffer("analysis", torch.eye(config.frame_features, config.latent_dim))
        self.register_buffer("synthesis", torch.eye(config.latent_dim, config.frame_features))
        self.register_buffer("codebooks", torch.zeros(config.num_quantizers, config.codebook_size, config.latent_dim))
        self.decoder = SpectrogramDecoder(config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, ConvNextBlock):
            init.constant_(module.scale, 1.0 / self.config.num_layers)
        elif isinstance(module, (nn.Linear, nn.Conv1d)):
            # LeCun's: the default deviation of 0.02 starts a narrow decoder nearly silent
            fan_in = module.weight[0].numel()
            init.normal_(module.weight, std=min(1.0, fan_in**-0.5))
        elif isinstance(module, TtsTrmCodec):
            init.zeros_(module.feature_mean)
            init.copy_(module.analysis, torch.eye(*module.analysis.shape))
            init.copy_(module.synthesis, torch.eye(*module.synthesis.shape))
            init.normal_(module.codebooks)

    def log_mel(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, L]` samples, L a multiple of `frame_size`, to natural-log mel magnitudes `[B, L / hop_length, F]`."""
        config = self.config
        padding = (config.fft_size - config.hop_length) // 2
        window = torch.hann_window(config.fft_size, device=waveform.device)
        spectrum = torch.stft(
            F.pad(waveform.float(), (padding, padding)),
            config.fft_size,
            config.hop_length,
            window=window,
            center=False,
            return_complex=True,
        )
        bank = mel_filter_bank(config.sampling_rate, config.fft_size, config.num_mel_bands).to(waveform.device)
        return (spectrum.abs().transpose(1, 2) @ bank).clamp(min=config.log_floor).log()

    def frame_features(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, L]` samples to one row per frame `[B, T, columns_per_frame * bands]`, zero-padded to whole frames."""
        waveform = F.pad(waveform, (0, -waveform.shape[-1] % self.config.frame_size))
        return self.log_mel(waveform).reshape(waveform.shape[0], -1, self.config.frame_features)

    def to_latent(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, L]` samples to latents before quantisation `[B, T, latent_dim]`."""
        return (self.frame_features(waveform) - self.feature_mean) @ self.analysis

    def to_log_mel(self, latent: torch.Tensor) -> torch.Tensor:
        """Latents `[B, T, latent_dim]` to log-mel columns `[B, T * columns_per_frame, num_mel_bands]`."""
        features = latent @ self.synthesis + self.feature_mean
        return features.reshape(latent.shape[0], -1, self.config.num_mel_bands)

    def decode_latent(self, latent: torch.Tensor) -> torch.Tensor:
        """Latents `[B, T, latent_dim]`, quantised or not, to samples `[B, T * frame_size]`."""
        return self.decoder(self.to_log_mel(latent))

    def get_encoded_length(self, input_length):
        """Frames that `input_length` samples become."""
        return -(-input_length // self.config.frame_size)

    @torch.no_grad()
    def encode(self, input_values, padding_mask=None, num_quantizers=None, return_dict=None):
        """Audio to codes.

        Args:
            input_values: `[B, 1, L]` samples at 24 kHz, in -1..1.
            padding_mask: accepted for the sake of Mimi's signature and not needed, as clips are padded with zeros.
            num_quantizers: number of codebooks wanted, all by default.

        Returns:
            [`TtsTrmCodecEncoderOutput`] with `audio_codes` `[B, K, T]`, T = ceil(L / frame_size).
        """
        if input_values.ndim != 3 or input_values.shape[1] != 1:
            raise InputError(f"input_values must be [batch, 1, samples] (mono), got {tuple(input_values.shape)}.")
        levels = self.config.num_quantizers if num_quantizers is None else num_quantizers
        if not 1 <= levels <= self.config.num_quantizers:
            raise InputError(f"num_quantizers={levels} is outside 1..{self.config.num_quantizers}.")
        with torch.autocast(input_values.device.type, enabled=False):  # half precision gives other codes
            codes = residual_search(self.to_latent(input_values[:, 0]), self.codebooks[:levels]).transpose(1, 2)
        return (codes,) if return_dict is False else TtsTrmCodecEncoderOutput(audio_codes=codes)

    @torch.no_grad()
    def decode(self, audio_codes, padding_mask=None, return_dict=None):
        """Codes to audio.

        Args:
            audio_codes: `[B, K, T]`, any K from 1 to `num_quantizers` (the first K codebooks), values in 0..V-1.
            padding_mask: `[B, L]`; the audio is cut to L samples, as Mimi does.

        Returns:
            [`TtsTrmCodecDecoderOutput`] with `audio_values` `[B, 1, T * frame_size]`.

        Raises:
            ValueError: if the shape is not that, or a code is outside the codebook.
        """
        if audio_codes.ndim != 3 or not 1 <= audio_codes.shape[1] <= self.config.num_quantizers:
            raise InputError(
                f"audio_codes must be [batch, 1..{self.config.num_quantizers}, frames], got {tuple(audio_codes.shape)}."
            )
        if audio_codes.numel() and not 0 <= audio_codes.min() <= audio_codes.max() < self.config.codebook_size:
            raise InputError(
                f"Codes must be in 0..{self.config.codebook_size - 1}, got {audio_codes.min()}..{audio_codes.max()}; "
                "trim padding (-1) before decoding."
            )
        with torch.autocast(audio_codes.device.type, enabled=False):
            audio = self.decode_latent(dequantize(audio_codes.transpose(1, 2), self.codebooks))[:, None]
        if padding_mask is not None:
            audio = audio[..., : padding_mask.shape[-1]]
        return (audio,) if return_dict is False else TtsTrmCodecDecoderOutput(audio_values=audio)

    def forward(self, input_values, padding_mask=None, num_quantizers=None, return_dict=None):
        """Encode and decode again: what the codec keeps of `input_values` `[B, 1, L]`, cut to L samples."""
        codes = self.encode(input_values, padding_mask, num_quantizers).audio_codes
        audio = self.decode(codes).audio_values[..., : input_values.shape[-1]]
        return (audio,) if return_dict is False else TtsTrmCodecDecoderOutput(audio_values=audio)


TtsTrmCodec.register_for_auto_class("AutoModel")

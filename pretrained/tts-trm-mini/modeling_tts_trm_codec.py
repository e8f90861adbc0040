"""The offline codec: Mimi's interface and token geometry at a fraction of its cost, fitted in an hour on one core.

Notable choices:
- The encoder has nothing to learn by gradient: log-mel frames, principal components, residual k-means.
- The decoder shapes a pulse train and noise: ConvNeXt blocks at the spectrogram's rate predict gains and a phase for
  their spectra, and one inverse short-time Fourier transform makes the waveform, as in Vocos (Siuzdak 2023,
  arXiv:2306.00814).
- What it keeps of speech are the spectrum's envelope, the pitch and how voiced it is ([`SpeechFeatures`]): the mean of
  envelopes is an envelope and the mean of pitches is a pitch, while the mean of two spectrograms with their harmonics
  is a smear. That is what a network that predicts by regression needs.
- The power spectrum is averaged over one fundamental period in frequency, so that no harmonic is left in the envelope
  (the idea of CheapTrick, Morise 2015, without its lifter).
- The pitch is the peak of the window-corrected autocorrelation (Boersma 1993), chosen a second time near the pitch of
  the columns around it, which removes jumps of an octave.
- Where there is no voice the pitch is a weighted mean of its surroundings. Every column depends on a fixed
  neighbourhood alone, so that clips give the same codes alone and padded in a batch.
- Everything is local in time and zero-padded at the edges, so clips that are padded to whole frames give the same
  codes alone and in a batch.
"""

import math
import os
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.audio_utils import mel_filter_bank
from transformers.utils import ModelOutput

from .configuration_tts_trm_codec import TtsTrmCodecConfig
from .errors_tts_trm import InputError

# After which the stored noise repeats: 2.7 s.
NOISE_COLUMNS = 273
# Magnitude of a short-time spectrum of pulses or noise at unit power.
UNIT = 20.0


# In Hz.
MIN_PITCH, MAX_PITCH = 65.0, 500.0
# Log of 181 Hz, the pitch of a clip that has none.
USUAL_LOG_PITCH = 5.2
# The shortest period wins whose peak reaches this share of the highest.
OCTAVE_COST = 0.9
# Periodicity from which the pitch of a column counts for its neighbours.
VOICED = 0.6
# Of log pitch, between a column and the mean around it.
MAX_JUMP = 0.3
# Columns in the two means that fill in the pitch.
NEAR, FAR = 31, 101
# Root mean square of a window under which its pitch is not looked for.
SILENCE = 1.5e-3
# Before the principal components, where a mel band weighs 0.5.
PITCH_WEIGHT, PERIODICITY_WEIGHT = 20.0, 4.0
# Columns of silence on either side from which no column of the clip looks any further.
CONTEXT = NEAR + FAR // 2 + 5


def mel_bank(sampling_rate: int, fft_size: int, num_bands: int) -> torch.Tensor:
    """Triangular filters, equally spaced on the HTK mel scale up to Nyquist: `[fft_size // 2 + 1, num_bands]`."""
    bank = mel_filter_bank(fft_size // 2 + 1, num_bands, 0.0, sampling_rate / 2, sampling_rate, mel_scale="htk")
    return torch.from_numpy(bank).float()


class SpeechFeatures(nn.Module):
    """Waveform to columns of scaled envelope, pitch and periodicity, and back to their natural units."""

    def __init__(self, config: TtsTrmCodecConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, L]` samples, L a multiple of `hop_length`, to `[B, L / hop_length, num_mel_bands + 2]`."""
        config, device = self.config, waveform.device
        # Which has no double precision.
        waveform = waveform.cpu() if device.type == "mps" else waveform
        around = CONTEXT * config.hop_length + (config.fft_size - config.hop_length) // 2
        windows = F.pad(waveform.float(), (around, around)).unfold(-1, config.fft_size, config.hop_length)
        windows = windows * torch.hann_window(config.fft_size, device=waveform.device)
        log_pitch, periodicity = self.pitch(windows)
        inner = slice(CONTEXT, windows.shape[1] - CONTEXT)
        log_pitch, periodicity, windows = log_pitch[:, inner], periodicity[:, inner], windows[:, inner]
        envelope = self.log_envelope(windows, log_pitch.exp())
        return torch.cat([
            (envelope + 4.0) / 2.0,
            (log_pitch[..., None] - USUAL_LOG_PITCH) * PITCH_WEIGHT,
            (periodicity[..., None] - 0.5) * PERIODICITY_WEIGHT,
        ], -1).to(device)  # fmt: skip

    def split(self, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Columns `[B, N, bands + 2]` to log envelope `[B, N, bands]`, pitch in Hz and periodicity, both `[B, N]`."""
        envelope, log_pitch, periodicity = columns.split((self.config.num_mel_bands, 1, 1), -1)
        pitch = (log_pitch[..., 0] / PITCH_WEIGHT + USUAL_LOG_PITCH).exp().clamp(MIN_PITCH / 2, MAX_PITCH * 2)
        return envelope * 2.0 - 4.0, pitch, periodicity[..., 0] / PERIODICITY_WEIGHT + 0.5

    def pitch(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Windowed pieces `[B, N, fft_size]` to log pitch, filled in where there is none, and periodicity `[B, N]`."""
        rate, size = self.config.sampling_rate, self.config.fft_size
        shortest, longest = int(rate / MAX_PITCH), int(rate / MIN_PITCH) + 1
        correlation = self._autocorrelation(windows)[..., : longest + 2]
        power = correlation[..., :1] / size
        window = torch.hann_window(size, device=windows.device)
        own = self._autocorrelation(window)[: longest + 2]
        correlation = correlation / correlation[..., :1].clamp(min=1e-9) / (own / own[0])

        middle = correlation[..., shortest : longest + 1]
        before, after = correlation[..., shortest - 1 : longest], correlation[..., shortest + 1 : longest + 2]
        peaks = torch.where((middle > before) & (middle >= after), middle, -1.0)
        highest = peaks.amax(-1, keepdim=True)
        index = ((peaks >= OCTAVE_COST * highest) & (peaks > 0)).to(torch.uint8).argmax(-1, keepdim=True)
        log_pitch, periodicity = self._at_peak(peaks, before, after, index, shortest)
        loud = power[..., 0] / (power[..., 0] + SILENCE**2)
        weight = (periodicity * loud).where(periodicity * loud > VOICED, 0.0)
        expected = _weighted_mean(log_pitch, weight, NEAR)

        # The second choice: the highest peak near the pitch around it.
        periods = torch.arange(shortest, longest + 1, device=windows.device)
        expected_period = (rate / expected.exp())[..., None]
        near = (periods / expected_period).log().abs() < MAX_JUMP
        index = torch.where(near, peaks, -1.0).argmax(-1, keepdim=True)
        log_pitch, periodicity = self._at_peak(torch.where(near, peaks, -1.0), before, after, index, shortest)
        periodicity = periodicity * loud
        weight = periodicity.where(periodicity > VOICED, 0.0)
        filled = _weighted_mean(log_pitch, weight, NEAR)
        return torch.where(weight > 0, log_pitch, filled), periodicity

    def _at_peak(
        self, peaks: torch.Tensor, before: torch.Tensor, after: torch.Tensor, index: torch.Tensor, shortest: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log pitch by parabolic interpolation, and height of the peaks at `index` `[B, N, 1]`: two `[B, N]`."""
        height = peaks.gather(-1, index)
        left, right = before.gather(-1, index), after.gather(-1, index)
        shift = 0.5 * (left - right) / (left - 2 * height + right).clamp(max=-1e-6)
        period = index + shortest + shift.clamp(-0.5, 0.5)
        return (self.config.sampling_rate / period).log()[..., 0], height[..., 0].clamp(0.0, 1.0)

    @staticmethod
    def _autocorrelation(windows: torch.Tensor) -> torch.Tensor:
        size = 2 * windows.shape[-1]
        return torch.fft.irfft(torch.fft.rfft(windows, size).abs().square(), size)

    def log_envelope(self, windows: torch.Tensor, pitch: torch.Tensor) -> torch.Tensor:
        """Log mel magnitudes without harmonics `[B, N, num_mel_bands]` of windowed pieces at `pitch` `[B, N]` Hz."""
        config = self.config
        power = torch.fft.rfft(windows).abs().square().double()
        bins = power.shape[-1]
        # Mirrored at both ends, so that the mean over one period of frequency is whole there too.
        margin = int(MAX_PITCH * 2 / config.sampling_rate * config.fft_size) + 2
        power = torch.cat([power[..., 1 : margin + 1].flip(-1), power, power[..., -margin - 1 : -1].flip(-1)], -1)
        total = F.pad(power.cumsum(-1), (1, 0))
        half = (pitch.double() * config.fft_size / config.sampling_rate / 2).clamp(min=0.5, max=margin - 1)[..., None]
        centres = torch.arange(bins, device=power.device) + margin + 0.5
        upper, lower = _interpolated(total, centres + half), _interpolated(total, centres - half)
        mean = ((upper - lower) / (2 * half)).clamp(min=0.0).float()
        bank = mel_bank(config.sampling_rate, config.fft_size, config.num_mel_bands).to(windows.device)
        mel = mean @ (bank / bank.sum(0))
        return 0.5 * mel.clamp(min=config.log_floor**2).log()


def _interpolated(total: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Values of `total` `[B, N, M]` between its entries, at `places` `[B, N, K]`."""
    lower = places.floor().long().clamp(0, total.shape[-1] - 2)
    share = places - lower
    return total.gather(-1, lower) * (1 - share) + total.gather(-1, lower + 1) * share


def _weighted_mean(values: torch.Tensor, weights: torch.Tensor, columns: int) -> torch.Tensor:
    """Hann-weighted mean of `values` `[B, N]` around each column; where no weight is near, of a wider neighbourhood."""

    def smooth(signal: torch.Tensor, size: int) -> torch.Tensor:
        kernel = torch.hann_window(size + 2, periodic=False, device=signal.device, dtype=signal.dtype)[1:-1]
        return F.conv1d(signal[:, None], kernel[None, None], padding=size // 2)[:, 0]

    values, weights = values.double(), weights.double()
    usual = 1e-6
    wide = (smooth(weights * values, FAR) + usual * USUAL_LOG_PITCH) / (smooth(weights, FAR) + usual)
    near = 1e-3
    return ((smooth(weights * values, columns) + near * wide) / (smooth(weights, columns) + near)).float()


@dataclass
class TtsTrmCodecEncoderOutput(ModelOutput):
    # Shape [B, K, T].
    audio_codes: torch.LongTensor | None = None


@dataclass
class TtsTrmCodecDecoderOutput(ModelOutput):
    # [B, 1, T * frame_size].
    audio_values: torch.FloatTensor | None = None


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


class FiniteWeights:
    """Refuses to load a weight that is not a finite number: the codes of such a model are legal, and its speech noise.

    The nearest of entries whose distances are not numbers is still one of them, so that no later check would see it.
    """

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, *args, **kwargs) -> "TtsTrmCodec":
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)  # type: ignore[misc]
        check_finite_weights(str(pretrained_model_name_or_path), loaded[0] if isinstance(loaded, tuple) else loaded)
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

    def __init__(self, config: TtsTrmCodecConfig) -> None:
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


class HarmonicNoiseDecoder(nn.Module):
    """Columns of envelope, pitch and periodicity to waveform: pulses and noise, shaped by a network.

    The harmonics are not learned: a pulse train at the pitch has them all. ConvNeXt blocks predict, for every bin and
    column, a gain and a phase for its spectrum and a gain for that of noise; one inverse transform makes the waveform.
    """

    def __init__(self, config: TtsTrmCodecConfig) -> None:
        super().__init__()
        self.config = config
        self.features = SpeechFeatures(config)
        bins, padding = config.fft_size // 2 + 1, config.kernel_size // 2
        self.input = nn.Conv1d(config.num_mel_bands + 2, config.hidden_size, config.kernel_size, padding=padding)
        self.input_norm = nn.LayerNorm(config.hidden_size)
        self.blocks = nn.ModuleList(ConvNextBlock(config) for _ in range(config.num_layers))
        self.output_norm = nn.LayerNorm(config.hidden_size)
        self.output = nn.Linear(config.hidden_size, 3 * bins)
        # The noise is stored, so that the same codes always give the same samples, whatever generates random numbers.
        self.register_buffer("noise", torch.zeros(NOISE_COLUMNS * config.hop_length))

    @property
    def padding(self) -> int:
        """Samples by which a column's window reaches beyond the column at either side."""
        return (self.config.fft_size - self.config.hop_length) // 2

    def window(self) -> torch.Tensor:
        return torch.hann_window(self.config.fft_size, device=self.noise.device)

    def controls(self, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`[B, N, num_mel_bands + 2]` to gain and phase of the pulses and gain of the noise, each `[B, N, bins]`."""
        hidden = self.input_norm(self.input(columns.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        pulse, phase, noise = self.output(self.output_norm(hidden)).float().chunk(3, dim=-1)
        envelope = columns[..., : self.config.num_mel_bands].float() @ self.band_to_bin() * 2.0 - 4.0
        # The bound keeps a bad training step from overflowing.
        pulse, noise = ((envelope + gain).clamp(max=7.0).exp() / UNIT for gain in (pulse, noise))
        return pulse, phase, noise

    def band_to_bin(self) -> torch.Tensor:
        """Linear interpolation from mel bands to bins, along the mel scale: `[num_mel_bands, bins]`."""
        config = self.config
        bins = config.fft_size // 2 + 1
        frequencies = torch.linspace(0.0, config.sampling_rate / 2, bins, device=self.noise.device)
        mels = 2595.0 * torch.log10(1.0 + frequencies / 700.0)
        places = (mels / mels[-1] * (config.num_mel_bands + 1) - 1.0).clamp(min=0.0, max=config.num_mel_bands - 1.0)
        bands = torch.arange(config.num_mel_bands, device=places.device)
        return (1.0 - (places[None] - bands[:, None]).abs()).clamp(min=0.0)

    @torch.no_grad()
    def pulses(self, pitch: torch.Tensor) -> torch.Tensor:
        """Pulse train of unit power `[B, N * hop_length]` at `pitch` `[B, N]` Hz: all harmonics up to Nyquist.

        The sum of K cosines has a closed form, sin((K + 1/2) x) / (2 sin(x / 2)) - 1/2.
        """
        config, device = self.config, pitch.device
        # Which has no double precision.
        pitch = pitch.cpu() if device.type == "mps" else pitch
        # Linear from the middle of a column to that of the next one.
        log_pitch = pitch.double().log()[..., None]
        before = torch.cat((log_pitch[:, :1], log_pitch[:, :-1]), 1)
        after = torch.cat((log_pitch[:, 1:], log_pitch[:, -1:]), 1)
        places = (torch.arange(config.hop_length, device=pitch.device) + 0.5) / config.hop_length - 0.5
        log_pitch = log_pitch + torch.where(places < 0, log_pitch - before, after - log_pitch) * places
        pitch = log_pitch.exp().flatten(1)
        # The phase is a running sum over the whole passage: in single precision it would drift.
        cycles = (pitch / config.sampling_rate).cumsum(-1)
        half = ((cycles - cycles.floor()) * math.pi).float()
        harmonics = (config.sampling_rate / 2 / pitch.float()).floor().clamp(min=1.0)
        sine = half.sin()
        at_pulse = sine.abs() < 1e-4
        total = ((2 * harmonics + 1) * half).sin() / (2 * torch.where(at_pulse, 1.0, sine)) - 0.5
        return (torch.where(at_pulse, harmonics, total) * (2.0 / harmonics).sqrt()).to(device)

    def excitation(self, pitch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Complex spectra `[B, N, bins]` of the pulses at `pitch` `[B, N]` Hz, and `[1, N, bins]` of the noise."""
        size, hop, columns = self.config.fft_size, self.config.hop_length, pitch.shape[1]
        pulses = F.pad(self.pulses(pitch), (self.padding, self.padding)).unfold(-1, size, hop)
        repeats = -(-(columns * hop + 2 * self.padding) // len(self.noise))
        noise = self.noise.float().repeat(repeats)[: columns * hop + 2 * self.padding].unfold(-1, size, hop)
        return torch.fft.rfft(pulses * self.window()), torch.fft.rfft(noise * self.window())[None]

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        """`[B, N, num_mel_bands + 2]` to `[B, N * hop_length]` samples."""
        pulse_gain, phase, noise_gain = self.controls(columns)
        pulses, noise = self.excitation(self.features.split(columns.float())[1])
        spectrum = pulses * torch.polar(pulse_gain, phase) + noise * noise_gain
        pieces = torch.fft.irfft(spectrum, n=self.config.fft_size, dim=-1) * self.window()
        return self._overlap_add(pieces)

    def _overlap_add(self, pieces: torch.Tensor) -> torch.Tensor:
        # torch.istft wants centred frames; ours start at column * hop - padding, as the analysis does.
        size, hop = self.config.fft_size, self.config.hop_length
        columns, length = pieces.shape[1], pieces.shape[1] * hop

        # [B, fft_size, N] -> [B, length].
        def fold(values: torch.Tensor) -> torch.Tensor:
            total = (columns - 1) * hop + size
            summed = F.fold(values, (1, total), kernel_size=(1, size), stride=(1, hop))
            return summed[:, 0, 0, self.padding : self.padding + length]

        energy = fold(self.window().square()[None, :, None].expand(1, -1, columns))
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

    def __init__(self, config: TtsTrmCodecConfig) -> None:
        super().__init__(config)
        self.register_buffer("feature_mean", torch.zeros(config.frame_features))
        self.register_buffer("analysis", torch.eye(config.frame_features, config.latent_dim))
        self.register_buffer("synthesis", torch.eye(config.latent_dim, config.frame_features))
        self.register_buffer("codebooks", torch.zeros(config.num_quantizers, config.codebook_size, config.latent_dim))
        self.features = SpeechFeatures(config)
        self.decoder = HarmonicNoiseDecoder(config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, ConvNextBlock):
            init.constant_(module.scale, 1.0 / self.config.num_layers)
        elif isinstance(module, (nn.Linear, nn.Conv1d)):
            # LeCun's: the default deviation of 0.02 starts a narrow decoder nearly silent
            fan_in = module.weight[0].numel()
            init.normal_(module.weight, std=min(1.0, fan_in**-0.5))
        elif isinstance(module, HarmonicNoiseDecoder):
            generator = torch.Generator().manual_seed(0)
            init.copy_(module.noise, torch.randn(module.noise.shape, generator=generator).half().float())
        elif isinstance(module, TtsTrmCodec):
            init.zeros_(module.feature_mean)
            init.copy_(module.analysis, torch.eye(*module.analysis.shape))
            init.copy_(module.synthesis, torch.eye(*module.synthesis.shape))
            init.normal_(module.codebooks)

    def frame_features(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, L]` samples to one row per frame `[B, T, columns_per_frame * bands]`, zero-padded to whole frames."""
        waveform = F.pad(waveform, (0, -waveform.shape[-1] % self.config.frame_size))
        return self.features(waveform).reshape(waveform.shape[0], -1, self.config.frame_features)

    def to_latent(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, L]` samples to latents before quantisation `[B, T, latent_dim]`."""
        return (self.frame_features(waveform) - self.feature_mean) @ self.analysis

    def to_columns(self, latent: torch.Tensor) -> torch.Tensor:
        """Latents `[B, T, latent_dim]` to columns of features `[B, T * columns_per_frame, num_mel_bands + 2]`."""
        features = latent @ self.synthesis + self.feature_mean
        return features.reshape(latent.shape[0], -1, self.config.column_features)

    def decode_latent(self, latent: torch.Tensor) -> torch.Tensor:
        """Latents `[B, T, latent_dim]`, quantised or not, to samples `[B, T * frame_size]`."""
        return self.decoder(self.to_columns(latent))

    def get_encoded_length(self, input_length: torch.Tensor) -> torch.Tensor:
        """Frames that `input_length` samples become."""
        return -(-input_length // self.config.frame_size)

    @torch.no_grad()
    def encode(
        self,
        input_values: torch.Tensor,
        padding_mask: torch.Tensor | None = None,
        num_quantizers: int | None = None,
        return_dict: bool | None = None,
    ) -> TtsTrmCodecEncoderOutput | tuple[torch.Tensor]:
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
        # Half precision gives other codes.
        with torch.autocast(input_values.device.type, enabled=False):
            codes = residual_search(self.to_latent(input_values[:, 0]), self.codebooks[:levels]).transpose(1, 2)
        return (codes,) if return_dict is False else TtsTrmCodecEncoderOutput(audio_codes=codes)

    @torch.no_grad()
    def decode(
        self, audio_codes: torch.Tensor, padding_mask: torch.Tensor | None = None, return_dict: bool | None = None
    ) -> TtsTrmCodecDecoderOutput | tuple[torch.Tensor]:
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
            audio = self.decode_latent(dequantize(audio_codes.transpose(1, 2), self.codebooks))[:, None].clamp(
                -1.0, 1.0
            )
        if padding_mask is not None:
            audio = audio[..., : padding_mask.shape[-1]]
        return (audio,) if return_dict is False else TtsTrmCodecDecoderOutput(audio_values=audio)

    def forward(
        self,
        input_values: torch.Tensor,
        padding_mask: torch.Tensor | None = None,
        num_quantizers: int | None = None,
        return_dict: bool | None = None,
    ) -> TtsTrmCodecDecoderOutput | tuple[torch.Tensor]:
        """Encode and decode again: what the codec keeps of `input_values` `[B, 1, L]`, cut to L samples."""
        codes = self.encode(input_values, padding_mask, num_quantizers).audio_codes
        audio = self.decode(codes).audio_values[..., : input_values.shape[-1]]
        return (audio,) if return_dict is False else TtsTrmCodecDecoderOutput(audio_values=audio)


TtsTrmCodec.register_for_auto_class("AutoModel")

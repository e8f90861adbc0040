"""What the offline codec keeps of speech, column by column: the spectrum's envelope, the pitch, and how voiced it is.

A spectrogram shows the harmonics themselves, and the mean of two of them at different pitches is a smear. Envelope and
pitch can be averaged: the mean of envelopes is an envelope and the mean of pitches is a pitch. That is what a network
that predicts by regression needs.

Notable choices:
- The power spectrum is averaged over one fundamental period in frequency, so that no harmonic is left in the envelope
  (the idea of CheapTrick, Morise 2015, without its lifter).
- The pitch is the peak of the window-corrected autocorrelation (Boersma 1993), chosen a second time near the pitch of
  the columns around it, which removes jumps of an octave.
- Where there is no voice the pitch is a weighted mean of its surroundings. Every column depends on a fixed
  neighbourhood alone, so that clips give the same codes alone and padded in a batch.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers.audio_utils import mel_filter_bank

from .configuration_tts_trm_codec import TtsTrmCodecConfig

MIN_PITCH, MAX_PITCH = 65.0, 500.0  # Hz
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

"""What the codec's decoder is trained by: distances of spectrograms, and discriminators that look at them."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from ..modeling_tts_trm_codec import mel_bank
from .accelerator import emulates_bfloat16

# (window, mel bands), hop a quarter of the window.
LOSS_RESOLUTIONS = ((256, 20), (512, 40), (1024, 80), (2048, 160))
DISCRIMINATOR_WINDOWS = (1024, 512, 256)
LEAK = 0.2


def spectrum(waveform: torch.Tensor, size: int, window: torch.Tensor) -> torch.Tensor:
    """Complex short-time spectrum `[B, bins, N]` of `[B, L]`, hop a quarter of the window."""
    return torch.stft(waveform, size, size // 4, window=window, center=True, return_complex=True)


class SpectralLoss(nn.Module):
    """Mean absolute difference of log-mel magnitudes plus half that of log magnitudes, at four resolutions."""

    def __init__(self, sampling_rate: int) -> None:
        super().__init__()
        for size, bands in LOSS_RESOLUTIONS:
            self.register_buffer(f"bank_{size}", mel_bank(sampling_rate, size, bands))
            self.register_buffer(f"window_{size}", torch.hann_window(size))

    def forward(self, predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Two `[B, L]` waveforms to a scalar."""
        total = predicted.new_zeros(())
        for size, _ in LOSS_RESOLUTIONS:
            (mel, fine), (true_mel, true_fine) = self._logarithms(predicted, size), self._logarithms(target, size)
            total = total + (mel - true_mel).abs().mean() + 0.5 * (fine - true_fine).abs().mean()
        return total / len(LOSS_RESOLUTIONS)

    def _logarithms(self, waveform: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        values = spectrum(waveform, size, getattr(self, f"window_{size}"))
        # The small constant keeps the magnitude's gradient finite at zero.
        magnitude = (values.real.square() + values.imag.square() + 1e-9).sqrt().transpose(1, 2)
        return (magnitude @ getattr(self, f"bank_{size}") + 1e-3).log(), (magnitude + 1e-2).log()


class SpectrogramDiscriminator(nn.Module):
    """Judges the complex spectrum at one resolution patch by patch (EnCodec, Défossez et al. 2022, section 3.4)."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        layers = [nn.Conv2d(2, channels, (9, 3), padding=(4, 1))]
        layers += [
            nn.Conv2d(channels, channels, (9, 3), stride=(2, 1), dilation=(1, dilation), padding=(4, dilation))
            for dilation in (1, 2, 4)
        ]
        layers += [nn.Conv2d(channels, channels, 3, padding=1)]
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)
        self.output = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, waveform: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """`[B, L]` to scores of patches and the activations of every layer."""
        values = spectrum(waveform.float(), self.size, self.window)
        # Compressed, so that quiet bins count: the magnitude's power 0.3, the phase as it is.
        values = values * (values.abs() + 1e-4) ** -0.7
        hidden, activations = torch.stack((values.real, values.imag), 1), []
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        with torch.autocast(hidden.device.type, torch.bfloat16, enabled=hidden.is_cuda or not emulates_bfloat16()):
            for layer in self.layers:
                hidden = F.leaky_relu(layer(hidden), LEAK)
                activations.append(hidden)
            return self.output(hidden), activations


class AdversarialLoss(nn.Module):
    """Discriminators at several resolutions, with hinge losses and feature matching."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(SpectrogramDiscriminator(size, channels) for size in DISCRIMINATOR_WINDOWS)

    def discriminate(self, predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The discriminators' own loss: recordings above 1, speech of the decoder below -1."""
        losses = []
        for discriminator in self.discriminators:
            scores = discriminator(torch.cat((target, predicted)))[0].float()
            real, fake = scores.chunk(2)
            losses.append(F.relu(1 - real).mean() + F.relu(1 + fake).mean())
        return torch.stack(losses).mean()

    def fool(self, predicted: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The decoder's losses: the discriminators' verdict, and the distance of their activations."""
        fooling, features = [], []
        for discriminator in self.discriminators:
            with torch.no_grad():
                true = discriminator(target)[1]
            scores, activations = discriminator(predicted)
            fooling.append(F.relu(1 - scores.float()).mean())
            for ours, theirs in zip(activations, true, strict=True):
                features.append(
                    (ours.float() - theirs.float()).abs().mean() / theirs.float().abs().mean().clamp(min=1e-4)
                )
        return torch.stack(fooling).mean(), torch.stack(features).mean()

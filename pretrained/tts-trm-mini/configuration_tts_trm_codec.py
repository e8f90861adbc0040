"""Configuration of the offline codec (see `modeling_tts_trm_codec.py`)."""

from huggingface_hub.dataclasses import strict
from transformers import PretrainedConfig

from .errors_tts_trm import InputError


@strict
class TtsTrmCodecConfig(PretrainedConfig):
    r"""Sizes of [`TtsTrmCodec`]. The defaults give Mimi's token geometry: 24 kHz, 12.5 frames per second, 32 x 2048.

    Args:
        sampling_rate: samples per second of the audio, mono.
        frame_size: samples that one frame of codes stands for (1920 = 80 ms).
        hop_length: samples between two columns of the log-mel spectrogram. Must divide `frame_size`.
        fft_size: length of the analysis and synthesis window in samples.
        num_mel_bands: triangular mel bands from 0 Hz to half the sampling rate.
        log_floor: smallest mel magnitude before the logarithm; about -69 dB, below which is silence.
        latent_dim: principal components kept of the `frame_size / hop_length * num_mel_bands` values of a frame.
        num_quantizers: residual codebooks.
        codebook_size: entries of one codebook.
        hidden_size, intermediate_size, num_layers, kernel_size: the decoder's ConvNeXt blocks.
    """

    model_type = "tts_trm_codec"

    sampling_rate: int = 24_000
    frame_size: int = 1920
    hop_length: int = 240
    fft_size: int = 1024
    num_mel_bands: int = 80
    log_floor: float | int = 1e-3
    latent_dim: int = 160
    num_quantizers: int = 32
    codebook_size: int = 2048
    hidden_size: int = 256
    intermediate_size: int = 768
    num_layers: int = 8
    kernel_size: int = 7
    initializer_range: float | int = 0.02

    @property
    def columns_per_frame(self) -> int:
        return self.frame_size // self.hop_length

    @property
    def frame_rate(self) -> float:
        return self.sampling_rate / self.frame_size

    @property
    def column_features(self) -> int:
        """Values of one column: the envelope's mel bands, pitch, periodicity."""
        return self.num_mel_bands + 2

    @property
    def frame_features(self) -> int:
        """Values of one frame before the principal components are taken."""
        return self.columns_per_frame * self.column_features

    def validate_architecture(self) -> None:
        for name in (
            "sampling_rate frame_size hop_length fft_size num_mel_bands latent_dim num_quantizers codebook_size "
            "hidden_size intermediate_size kernel_size"
        ).split():
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} must be at least 1.")
        if self.frame_size % self.hop_length:
            raise InputError(
                f"frame_size={self.frame_size} is not a multiple of hop_length={self.hop_length}; "
                "choose a divisor of it."
            )
        if self.hop_length > self.fft_size or (self.fft_size - self.hop_length) % 2:
            raise InputError(
                f"fft_size={self.fft_size} must exceed hop_length={self.hop_length} by an even number of samples."
            )
        if self.kernel_size % 2 == 0:
            raise InputError(f"kernel_size={self.kernel_size} must be odd, to keep the number of columns.")
        if self.latent_dim > self.frame_features:
            raise InputError(
                f"latent_dim={self.latent_dim} exceeds the {self.frame_features} values of a frame; lower it."
            )


TtsTrmCodecConfig.register_for_auto_class()

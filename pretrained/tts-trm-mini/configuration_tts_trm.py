"""Configuration of the TTS TRM model."""

from huggingface_hub.dataclasses import strict
from transformers import PretrainedConfig

from .errors_tts_trm import InputError

# What the fields that name one of several forms may be.
ALLOWED = {
    "alignment": ("durations", "length", "none"),
    "answer_injection": ("add", "cross_attention"),
    "codebook_head": ("latent", "depth", "parallel"),
}
# Fields that count something: at least one.
COUNTS = (
    "vocab_size num_speakers text_embed_dim audio_embed_dim hidden_dim text_layers l_layers h_cycles l_cycles "
    "num_heads num_codebooks codebook_size codebook_dim codebook_entry_dim speaker_dim max_text_length "
    "max_audio_frames upsampling_steps"
).split()


@strict
class TtsTrmConfig(PretrainedConfig):
    r"""Sizes and switches of [`TtsTrmModel`].

    Args:
        vocab_size: number of character ids.
        num_speakers: rows of the speaker embedding.
        text_embed_dim: width of the text encoder.
        audio_embed_dim: width of the recursion's states y and z.
        hidden_dim: inner width of every feed-forward layer.
        text_layers: transformer layers of the text encoder.
        l_layers: different blocks applied in each low-level cycle.
        h_cycles: high-level cycles, each of which ends in an update of the answer y.
        l_cycles: low-level cycles on the latent z within each high-level cycle.
        num_heads: attention heads, in text encoder and recursion.
        convolution_kernel: neighbours that a depthwise convolution inside each feed-forward layer sees, odd; 0 leaves
            the convolutions out, as the original specification does.
        num_codebooks, codebook_size: the codec's tokens, K codebooks of V entries.
        codebook_dim: width of the codebook embeddings in the heads `"depth"` and `"parallel"`.
        speaker_dim: width of the speaker embedding before its projection.
        share_output_heads: one output projection for all codebooks (`"depth"` and `"parallel"`).
        max_text_length, max_audio_frames: longest input in characters and longest output in frames.
        dropout: probability that a channel of a whole sequence is dropped after attention, feed-forward, embeddings.
        alignment: how frames find their characters. `"durations"` upsamples the text by durations that the data set
            supplies, `"length"` learns durations from the total length only, `"none"` leaves it to attention.
        upsampling_steps: moments of each frame at which the upsampled text is read; 1 is the middle of the frame.
        answer_injection: how the answer y enters the latent z. `"add"` frame by frame, or `"cross_attention"`.
        codebook_head: `"latent"` predicts the codec's latent and takes all codes from its residual search, `"depth"`
            predicts codebook after codebook, `"parallel"` all codebooks independently.
        gradient_cycles: number of last high-level cycles that carry gradient, 0 for all.
        frame_positions: whether frames carry sinusoidal positions. Without them and without alignment all frames
            are alike, as in the original specification.
        codebook_chains: lengths of the codec's residual chains, in order; they add up to `num_codebooks`. Mimi has a
            semantic chain of 1 and an acoustic chain of 31, the offline codec a single one of 32.
        codebook_entry_dim: width of the codec's codebook entries (`"latent"`).
        codebook_loss_weights: K weights of the codebooks' cross-entropies, scaled to mean 1. By default the specified
            formula: 2 for the first, from 1.43 down to 1 for the next seven, 1 for the others.
        fine_codebook_start, fine_frame_fraction: codebooks from this one on are trained on this random fraction of
            the frames (`"depth"` and `"parallel"`; Sesame's CSM uses 1/16).
        latent_cross_entropy_weight: weight of the codebooks' cross-entropy, added to the regression (`"latent"`).
        duration_loss_weight: weight of the loss of durations and total length.
        sampling_rate, frame_rate: of the codec; transformers' pipeline reads the first.
        pad_token_id: character id that pads a batch.
    """

    model_type = "tts_trm"

    vocab_size: int = 256
    num_speakers: int = 11
    text_embed_dim: int = 256
    audio_embed_dim: int = 256
    hidden_dim: int = 512
    text_layers: int = 4
    l_layers: int = 2
    h_cycles: int = 3
    l_cycles: int = 6
    num_heads: int = 8
    convolution_kernel: int = 9
    num_codebooks: int = 32
    codebook_size: int = 2048
    codebook_dim: int = 64
    speaker_dim: int = 64
    share_output_heads: bool = False
    max_text_length: int = 512
    max_audio_frames: int = 256
    dropout: float | int = 0.1
    alignment: str = "durations"
    upsampling_steps: int = 4
    answer_injection: str = "add"
    codebook_head: str = "latent"
    gradient_cycles: int = 0
    frame_positions: bool = True
    codebook_chains: list[int] | tuple[int, ...] = (1, 31)
    codebook_entry_dim: int = 256
    codebook_loss_weights: list[float | int] | tuple[float | int, ...] | None = None
    fine_codebook_start: int = 8
    fine_frame_fraction: float | int = 1.0
    latent_cross_entropy_weight: float | int = 0.0
    duration_loss_weight: float | int = 0.2
    sampling_rate: int = 24_000
    frame_rate: float | int = 12.5
    pad_token_id: int | None = 0

    # Of the model's output, what `Trainer.predict` leaves out: losses, and what is not one row an item. It joins only
    # batches whose labels are of one length; `eval_do_concat_batches=False` keeps others apart.
    keys_to_ignore_at_inference = ["codebook_losses", "codebook_loss", "duration_loss", "length_loss"]

    def __post_init__(self, **kwargs) -> None:
        # `register_for_auto_class` holds one name only; the pipeline looks for this second one
        kwargs.setdefault("auto_map", {"AutoModelForTextToWaveform": "modeling_tts_trm.TtsTrmModel"})
        super().__post_init__(**kwargs)

    @classmethod
    def from_specification(cls, **kwargs) -> "TtsTrmConfig":
        """The original specification, from which this project started, exactly as written: the baseline of comparisons.

        Its frames carry no positions and no alignment, the answer enters by cross-attention, and the codebooks are
        predicted independently. 21.6 M parameters, 5.3 M with `share_output_heads`.
        """
        literal = dict(
            alignment="none",
            answer_injection="cross_attention",
            codebook_head="parallel",
            frame_positions=False,
            convolution_kernel=0,
            dropout=0.0,
        )
        return cls(**(literal | kwargs))

    @property
    def predicts_latents(self) -> bool:
        """Whether the head predicts the codec's latents, from which all codes follow, and draws no code by chance."""
        return self.codebook_head == "latent"

    @property
    def normalized_codebook_weights(self) -> list[float]:
        """The K loss weights of the codebooks, scaled to mean 1."""
        weights = self.codebook_loss_weights or self.specified_codebook_weights(self.num_codebooks)
        mean = sum(weights) / len(weights)
        return [weight / mean for weight in weights]

    @staticmethod
    def specified_codebook_weights(num_codebooks: int) -> list[float]:
        """The original specification's formula before scaling: 2.0, then 1.5 - 0.5 i / 7 for i = 1..7, then 1.0."""
        return [2.0 if i == 0 else 1.5 - 0.5 * i / 7 if i < 8 else 1.0 for i in range(num_codebooks)]

    def validate_architecture(self) -> None:
        for name, allowed in ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"{name}={getattr(self, name)!r} is unknown; choose one of {', '.join(allowed)}.")
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} must be at least 1.")
        self._validate_sizes()
        self._validate_shares()
        self._validate_codebooks()

    def _validate_sizes(self) -> None:
        for name in ("text_embed_dim", "audio_embed_dim"):
            if getattr(self, name) % self.num_heads:
                raise InputError(
                    f"{name}={getattr(self, name)} is not a multiple of num_heads={self.num_heads}; change one."
                )
            if getattr(self, name) % 2:
                raise InputError(f"{name}={getattr(self, name)} must be even for sinusoidal positions.")
        if self.convolution_kernel != 0 and (self.convolution_kernel < 0 or self.convolution_kernel % 2 == 0):
            raise InputError(f"convolution_kernel={self.convolution_kernel} must be odd, or 0 for none.")

    def _validate_shares(self) -> None:
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout={self.dropout} must be at least 0 and below 1.")
        if not 0 < self.fine_frame_fraction <= 1:
            raise InputError(f"fine_frame_fraction={self.fine_frame_fraction} must be above 0 and at most 1.")
        if not 0 <= self.gradient_cycles <= self.h_cycles:
            raise InputError(
                f"gradient_cycles={self.gradient_cycles} must be in 0..h_cycles={self.h_cycles} (0 means all)."
            )

    def _validate_codebooks(self) -> None:
        chains = list(self.codebook_chains)
        if self.predicts_latents and (sum(chains) != self.num_codebooks or min(chains) < 1):
            raise InputError(
                f"codebook_chains={chains} do not add up to num_codebooks={self.num_codebooks}; "
                "set them to the codec's residual chains ([1, 31] for Mimi, [32] for the offline codec)."
            )
        weights = self.codebook_loss_weights
        if weights is not None and (len(weights) != self.num_codebooks or min(weights) < 0 or sum(weights) <= 0):
            raise InputError(
                f"codebook_loss_weights must be {self.num_codebooks} values of at least 0, not all 0; got {weights}."
            )


TtsTrmConfig.register_for_auto_class()

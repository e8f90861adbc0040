"""`generate()`: how long the speech is, how often the recursion runs, and how codes are drawn. Nothing about audio."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real

import torch
from torch import nn
from transformers import GenerationConfig
from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from transformers.utils import ModelOutput

from .configuration_tts_trm import TtsTrmConfig
from .errors_tts_trm import InputError
from .modeling_tts_trm_heads import nearest
from .text_tts_trm import MAX_SPEED, MIN_SPEED, SpeechTooLongError

# In generated codes, past an item's end.
PADDING_CODE = -1
# Of any: what is beyond it, or not a number, comes from a damaged file.
MAX_SETTING = 10**6
SAMPLING_KEYS = ("do_sample", "temperature", "top_k", "top_p")
# What tokenizers and transformers may pass along.
IGNORED_KEYS = {"token_type_ids", "logits_to_keep"}
# What only models that write one token after the other can follow.
TOKEN_KEYS = (
    "max_length", "max_new_tokens", "min_length", "min_new_tokens", "num_beams", "length_penalty", "early_stopping",
    "repetition_penalty", "no_repeat_ngram_size", "use_cache",
)  # fmt: skip
# Names that other models have for what is asked here by another one.
OTHER_NAMES = {
    "speaking_rate": "speed", "rate": "speed", "length_scale": "1 / speed",
    "seed": "torch.manual_seed() before the call", "generator": "torch.manual_seed() before the call",
    "streamer": "tts_trm.Voice.stream(), which yields audio sentence by sentence",
}  # fmt: skip
# settings that transformers' GenerationConfig has not
OWN_KEYS = ("greedy_from_codebook", "sharpness", "frames_per_character")


def default_generation_config(config: TtsTrmConfig) -> GenerationConfig:
    """What `generate` does where neither the checkpoint's `generation_config.json` nor the caller says otherwise."""
    greedy_from = 0 if config.predicts_latents else config.num_codebooks
    return GenerationConfig(
        do_sample=True,
        temperature=0.8,
        top_k=50,
        greedy_from_codebook=greedy_from,
        sharpness=0.75,
        frames_per_character=3.0,
    )


def one_per_item(name: str, value: int | Sequence[int] | torch.Tensor, like: torch.Tensor) -> torch.LongTensor:
    """`value`, an integer for all items or `[B]` of them, as `[B]` on the device of the batch `like` `[B, ...]`."""
    values = torch.as_tensor(value, device=like.device).reshape(-1)
    # Sizes, not `len`, which an exported graph would freeze.
    given, batch = values.shape[0], like.shape[0]
    if (given != 1 and given != batch) or values.is_floating_point():
        raise InputError(f"{name}={values.tolist()} must be one integer, or one for each of the {batch} texts.")
    return values.expand(batch)


@dataclass
class TtsTrmGenerateOutput(ModelOutput):
    """What `generate(..., return_dict_in_generate=True)` returns."""

    # [B, K, T] codes, -1 past an item's end.
    sequences: torch.LongTensor | None = None
    # [B] frames of each item.
    lengths: torch.LongTensor | None = None
    # [B, S] frames of each character, summing to the length.
    durations: torch.FloatTensor | None = None
    # [B, T, S] weight of each character in each frame.
    alignment: torch.FloatTensor | None = None
    # [H - 1] how much each later high-level cycle moved the answer.
    cycle_changes: torch.FloatTensor | None = None


class SpeechCodes(torch.Tensor):
    """Codes that a pipeline without a processor cannot take for audio, as transformers' pipeline would."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    def to(self, *args, **kwargs) -> torch.Tensor:
        if any(isinstance(each, torch.dtype) and each.is_floating_point for each in (*args, *kwargs.values())):
            raise InputError(
                "These are codes, not audio: the pipeline has no processor. Give it the folder or Hub id of a whole "
                "checkpoint, pipeline('text-to-speech', model=NAME, trust_remote_code=True), or processor=..."
            )
        return torch.Tensor.to(self, *args, **kwargs)


class CodeSampler:
    """Draws one code a frame from logits, by transformers' warpers; greedy from `greedy_from_codebook` on."""

    def __init__(self, settings: GenerationConfig, generator: torch.Generator | None) -> None:
        self.greedy_from, self.generator = settings.greedy_from_codebook, generator
        self.warpers = []
        if settings.temperature not in (None, 1.0):
            self.warpers.append(TemperatureLogitsWarper(float(settings.temperature)))
        if settings.top_k:
            self.warpers.append(TopKLogitsWarper(settings.top_k))
        if settings.top_p not in (None, 1.0):
            self.warpers.append(TopPLogitsWarper(float(settings.top_p)))

    def __call__(self, logits: torch.Tensor, codebook: int) -> torch.Tensor:
        """`[N, V]` logits of one codebook to `[N]` codes."""
        if codebook >= self.greedy_from:
            return logits.argmax(-1)
        for warper in self.warpers:
            logits = warper(None, logits)
        return torch.multinomial(logits.softmax(-1), 1, generator=self.generator)[:, 0]


class TtsTrmGenerationMixin:
    """The generating half of [`TtsTrmModel`]."""

    # Of the model.
    config: TtsTrmConfig
    text_encoder: nn.Module
    upsampler: nn.Module | None
    head: nn.Module
    _check_text: Callable
    _answers: Callable
    _cycle_changes: Callable
    _prepare_generation_config: Callable

    @torch.no_grad()
    def generate(
        self,
        input_ids: torch.LongTensor,
        attention_mask: torch.Tensor | None = None,
        speaker_id: torch.LongTensor | int | None = None,
        num_frames: torch.LongTensor | int | None = None,
        speed: float = 1.0,
        generation_config: GenerationConfig | None = None,
        generator: torch.Generator | None = None,
        h_cycles: int | None = None,
        l_cycles: int | None = None,
        output_cycles: bool = False,
        **kwargs,
    ) -> torch.LongTensor | TtsTrmGenerateOutput:
        """Speech codes of a batch of texts.

        Args:
            input_ids, attention_mask, speaker_id: what the processor makes of text; see `forward`.
            num_frames: wanted length of all items (a number) or of each (`[B]`); by default the sum of the durations.
            speed: 2 speaks twice as fast. Between 0.25 and 4; not together with `num_frames`.
            generation_config: defaults of everything below, the checkpoint's own if absent.
            generator: source of the randomness; pass a seeded one for reproducible sampling.
            h_cycles, l_cycles: numbers of cycles, the configured ones by default.
            output_cycles: whether to compute `cycle_changes`.
            kwargs: `do_sample`, `temperature` (0 is greedy), `top_k`, `top_p`, `greedy_from_codebook` (codebooks from
                this one on take the most probable code; 0, the latent head's default, means all of them unless one
                of the first four is given), `sharpness` (0 to 1, the latent head's: 0 speaks the mean of what is
                possible, 1 with the variance of recordings), `frames_per_character` (only where the model predicts no
                durations), `num_return_sequences` (of what is drawn, one after the other), `return_dict_in_generate`.
                `max_new_tokens` and the like, which transformers' pipeline passes, have no meaning for speech and are
                ignored.

        Returns:
            Codes `[B, K, T]`, -1 past an item's end, or [`TtsTrmGenerateOutput`] with `return_dict_in_generate`.

        Raises:
            ValueError: if an argument does not fit.
            SpeechTooLongError: if an item would be longer than `max_audio_frames`.
            FloatingPointError: if what the weights compute is not finite.
        """
        for name, cycles in (("h_cycles", h_cycles), ("l_cycles", l_cycles)):
            if cycles is not None and cycles < 1:
                raise InputError(f"{name}={cycles} must be at least 1.")
        settings = self._generation_settings(generation_config, kwargs)
        choose = nearest
        if settings.do_sample and settings.temperature != 0 and settings.greedy_from_codebook > 0:
            choose = CodeSampler(settings, generator)

        input_ids, attention_mask, speaker_id = self._check_text(input_ids, attention_mask, speaker_id)
        copies = settings.num_return_sequences or 1
        if copies > 1:
            if choose is nearest:
                raise InputError(
                    f"num_return_sequences={copies}: nothing is sampled, so all would be equal; give do_sample=True."
                )
            input_ids, attention_mask = (each.repeat_interleave(copies, 0) for each in (input_ids, attention_mask))
            speaker_id = torch.as_tensor(speaker_id).repeat_interleave(copies, 0)
        text = self.text_encoder(input_ids, attention_mask, speaker_id)
        durations = None if self.upsampler is None else self.upsampler.predict(text, attention_mask)
        durations, lengths = self._plan_lengths(
            durations, attention_mask, num_frames, speed, settings.frames_per_character
        )
        size = int(lengths.max())
        answers = self._answers(text, durations, attention_mask, lengths, size, h_cycles, l_cycles)

        frame_mask = torch.arange(size, device=lengths.device) < lengths[:, None]
        frames = answers[-1][frame_mask]
        # Of codes it could not be seen any more.
        if not frames.isfinite().all():
            raise FloatingPointError(
                "The model's answer is not finite: its weights are damaged, or too large for half precision; load "
                "another copy, in float32."
            )
        codes = self.head.predict(frames, choose, self.head.gain(speaker_id, settings.sharpness), lengths)
        sequences = codes.new_full((*frame_mask.shape, codes.shape[-1]), PADDING_CODE)
        sequences[frame_mask] = codes
        # Shape [B, K, T].
        sequences = sequences.transpose(1, 2)
        if not settings.return_dict_in_generate:
            return sequences
        return TtsTrmGenerateOutput(
            sequences=sequences.as_subclass(SpeechCodes),
            lengths=lengths,
            durations=durations,
            alignment=None
            if durations is None or self.upsampler is None
            else self.upsampler.alignment(durations, attention_mask, size),
            cycle_changes=self._cycle_changes(answers, frame_mask) if output_cycles else None,
        )

    def _generation_settings(self, generation_config: GenerationConfig | None, kwargs: dict) -> GenerationConfig:
        """The caller's settings over the checkpoint's over the defaults."""
        given = (generation_config.to_dict() if generation_config else {}) | kwargs
        if kwargs.get("temperature") == 0:
            kwargs = kwargs | dict.fromkeys(SAMPLING_KEYS) | {"do_sample": False}
        own = {key: kwargs[key] for key in OWN_KEYS if key in kwargs}
        others = {key: value for key, value in kwargs.items() if key not in own}
        settings, unused = self._prepare_generation_config(generation_config, **others)
        if named := unused.keys() & {"voice", "voice_preset", "speaker"}:
            raise InputError(f"generate() takes {min(named)} as speaker_id; processor(text, speaker=...) makes it.")
        if unknown := unused.keys() - IGNORED_KEYS:
            instead = "".join(f" Use {OTHER_NAMES[each]}." for each in sorted(unknown & OTHER_NAMES.keys()))
            raise InputError(f"generate() does not know {', '.join(sorted(unknown))}.{instead}")
        if idle := [key for key in TOKEN_KEYS if kwargs.get(key) not in (None, False)]:
            warnings.warn(
                f"generate() writes all frames at once: {', '.join(idle)} changes nothing. The length follows the "
                "text; speed and num_frames change it.",
                stacklevel=3,
            )
        defaults = default_generation_config(self.config)
        # Not by `update`, which would warn of what the caller did not set.
        for key in OWN_KEYS:
            values = (own.get(key), getattr(settings, key, None), getattr(defaults, key))
            setattr(settings, key, next(value for value in values if value is not None))
        for key in ("temperature", "top_k", "top_p", *OWN_KEYS):
            value = getattr(settings, key)
            if value is not None and (not isinstance(value, Real) or not abs(float(value)) <= MAX_SETTING):
                raise InputError(f"{key}={value!r} must be a number; see generation_config.json.")
        if not 0 <= settings.sharpness <= 1:
            raise InputError(f"sharpness={settings.sharpness} is outside 0..1.")
        asked = any(given.get(key) for key in SAMPLING_KEYS) and given.get("greedy_from_codebook") is None
        if asked and settings.greedy_from_codebook == 0:
            settings.greedy_from_codebook = self.config.num_codebooks
        return settings

    def _plan_lengths(
        self,
        durations: torch.Tensor | None,
        attention_mask: torch.Tensor,
        num_frames: int | Sequence[int] | torch.Tensor | None = None,
        speed: float = 1.0,
        frames_per_character: float = 3.0,
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Durations `[B, S]` scaled to the wanted length, and lengths in frames `[B]`, at least 1."""
        limit, characters = self.config.max_audio_frames, attention_mask.sum(-1)
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise InputError(f"speed={speed} is outside {MIN_SPEED}..{MAX_SPEED}.")
        if num_frames is not None:
            if speed != 1.0:
                raise InputError(
                    f"Both num_frames and speed={speed} are given; the length can follow only one of them."
                )
            lengths = one_per_item("num_frames", num_frames, attention_mask)
            if not torch.compiler.is_exporting() and lengths.min() < 1:
                raise InputError(f"num_frames={lengths.tolist()} must be at least 1.")
        elif durations is not None:
            lengths = (durations.sum(-1) / speed).round().long().clamp(min=1)
        else:
            # The original specification's rule, with its limit.
            lengths = (characters * frames_per_character / speed).round().long().clamp(min=1, max=limit)
        # A graph has no values yet.
        if not torch.compiler.is_exporting() and lengths.max() > limit:
            raise SpeechTooLongError(
                f"The speech would be {int(lengths.max())} frames long, over max_audio_frames={limit}; split the text "
                "or ask for fewer frames."
            )
        if durations is not None:
            durations = durations * (lengths / durations.sum(-1).clamp(min=1e-3))[:, None]
        return durations, lengths

"""`generate()`: how long the speech is, how often the recursion runs, and how codes are drawn. Nothing about audio."""

from dataclasses import dataclass

import torch
from transformers import GenerationConfig
from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from transformers.utils import ModelOutput

PADDING_CODE = -1  # in generated codes, past an item's end
SLOWEST, FASTEST = 0.25, 4.0


@dataclass
class TtsTrmGenerateOutput(ModelOutput):
    """What `generate(..., return_dict_in_generate=True)` returns."""

    sequences: torch.LongTensor | None = None  # [B, K, T] codes, -1 past an item's end
    lengths: torch.LongTensor | None = None  # [B] frames of each item
    durations: torch.FloatTensor | None = None  # [B, S] frames of each character, summing to the length
    alignment: torch.FloatTensor | None = None  # [B, T, S] weight of each character in each frame
    cycle_changes: torch.FloatTensor | None = None  # [H - 1] how much each later high-level cycle moved the answer


class CodeSampler:
    """Draws one code a frame from logits, by transformers' warpers; greedy from codebook `greedy_from` on."""

    def __init__(self, temperature, top_k, top_p, greedy_from: int, generator: torch.Generator | None):
        self.greedy_from, self.generator = greedy_from, generator
        self.warpers = []
        if temperature != 1.0:
            self.warpers.append(TemperatureLogitsWarper(float(temperature)))
        if top_k:
            self.warpers.append(TopKLogitsWarper(top_k))
        if top_p is not None and top_p < 1.0:
            self.warpers.append(TopPLogitsWarper(float(top_p)))

    def __call__(self, logits: torch.Tensor, codebook: int) -> torch.Tensor:
        """`[N, V]` logits of one codebook to `[N]` codes."""
        if codebook >= self.greedy_from:
            return logits.argmax(-1)
        for warper in self.warpers:
            logits = warper(None, logits)
        return torch.multinomial(logits.softmax(-1), 1, generator=self.generator)[:, 0]


class TtsTrmGenerationMixin:
    """The generating half of [`TtsTrmModel`]."""

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
                this one on take the most probable code), `frames_per_character` (only where the model predicts no
                durations), `return_dict_in_generate`. The latent head takes the nearest entries unless one of the
                first four is given here. `max_new_tokens` and the like, which transformers' pipeline passes, have no
                meaning for speech and are ignored.

        Returns:
            Codes `[B, K, T]`, -1 past an item's end, or [`TtsTrmGenerateOutput`] with `return_dict_in_generate`.

        Raises:
            ValueError: if an argument does not fit, or an item would be longer than `max_audio_frames`.
        """
        greedy = kwargs.get("temperature") == 0
        if greedy:
            kwargs |= {"temperature": None, "do_sample": False}
        asked = any(kwargs.get(name) for name in ("do_sample", "temperature", "top_k", "top_p"))
        settings, unused = self._prepare_generation_config(generation_config, **kwargs)
        unknown = set(unused) - {"use_cache", "logits_to_keep", "token_type_ids"}
        if unknown:
            raise ValueError(f"generate() does not know {', '.join(sorted(unknown))}.")
        choose = self._chooser(settings, greedy, asked, generator)

        input_ids, attention_mask, speaker_id = self._check_text(input_ids, attention_mask, speaker_id)
        text = self.text_encoder(input_ids, attention_mask, speaker_id)
        durations = None if self.upsampler is None else self.upsampler.predict(text, attention_mask)
        frames_per_character = getattr(settings, "frames_per_character", None) or 3.0
        durations, lengths = self._plan_lengths(durations, attention_mask, num_frames, speed, frames_per_character)
        size = int(lengths.max())
        answers = self._answers(text, durations, attention_mask, lengths, size, h_cycles, l_cycles)

        frame_mask = torch.arange(size, device=lengths.device) < lengths[:, None]
        frames = answers[-1][frame_mask]
        codes = self.head.predict(frames) if choose is None else self.head.predict(frames, choose)
        sequences = codes.new_full((*frame_mask.shape, codes.shape[-1]), PADDING_CODE)
        sequences[frame_mask] = codes
        sequences = sequences.transpose(1, 2)  # [B, K, T]
        if not settings.return_dict_in_generate:
            return sequences
        return TtsTrmGenerateOutput(
            sequences=sequences,
            lengths=lengths,
            durations=durations,
            alignment=None if durations is None else self.upsampler.alignment(durations, attention_mask, size),
            cycle_changes=self._cycle_changes(answers, frame_mask) if output_cycles else None,
        )

    def _chooser(self, settings, greedy: bool, asked: bool, generator) -> CodeSampler | None:
        """How codes are drawn; None for the greedy way of the head."""
        latent = self.config.codebook_head == "latent"
        greedy_from = getattr(settings, "greedy_from_codebook", None)
        if greedy_from is None:
            greedy_from = 0 if latent and not asked else self.config.num_codebooks
        if greedy or not settings.do_sample or greedy_from <= 0:
            return None
        if settings.temperature is not None and settings.temperature < 0:
            raise ValueError(f"temperature={settings.temperature} must be at least 0.")
        return CodeSampler(settings.temperature or 1.0, settings.top_k, settings.top_p, greedy_from, generator)

    def _plan_lengths(self, durations, attention_mask, num_frames=None, speed=1.0, frames_per_character=3.0):
        """Durations `[B, S]` scaled to the wanted length, and lengths in frames `[B]`, at least 1."""
        limit, characters = self.config.max_audio_frames, attention_mask.sum(-1)
        if not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"speed={speed} is outside {SLOWEST}..{FASTEST}.")
        if num_frames is not None:
            if speed != 1.0:
                raise ValueError(
                    f"Both num_frames and speed={speed} are given; the length can follow only one of them."
                )
            lengths = torch.as_tensor(num_frames, device=attention_mask.device).reshape(-1).expand(len(characters))
            if lengths.min() < 1:
                raise ValueError(f"num_frames={lengths.tolist()} must be at least 1.")
        elif durations is not None:
            lengths = (durations.sum(-1) / speed).round().long().clamp(min=1)
        else:  # the guide's rule, cut at the limit as the guide does
            lengths = (characters * frames_per_character / speed).round().long().clamp(min=1, max=limit)
        if lengths.max() > limit:
            raise ValueError(
                f"The speech would be {int(lengths.max())} frames long, over max_audio_frames={limit}; split the text."
            )
        if durations is not None:
            durations = durations * (lengths / durations.sum(-1).clamp(min=1e-3))[:, None]
        return durations, lengths

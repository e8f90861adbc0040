"""A voice: model and processor together, for text of any length, as one waveform or piece by piece, with word times.

voice = Voice.from_pretrained("pretrained/tts-trm-mini")
speech = voice.synthesize("Hello! This may be as long as you like.", speaker="kathleen")
for piece in voice.stream(open("book.txt").read()):  # the first one comes at once
    play(piece.waveform, piece.sampling_rate)
"""

from pathlib import Path

import torch
from transformers.utils import logging

from ..audio.writing import write_audio, write_pcm
from ..configuration_tts_trm import TtsTrmConfig
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import CodecError, TtsTrmProcessor, check_weight_files
from .speech import LongTextVoice, Passage, Speech, VoiceError, Word, join

__all__ = ["Passage", "Speech", "Voice", "VoiceError", "Word", "generate_speech", "join", "write_pcm", "write_audio"]


def generate_speech(
    model: TtsTrmModel,
    processor: TtsTrmProcessor,
    text: str,
    speaker: str | int = 0,
    normalize: bool = True,
    **generate_kwargs,
) -> Speech:
    """Speaks a text in one go, up to its codes; `processor.decode(speech.codes)` makes the waveform.

    Raises:
        ValueError: if the voice cannot speak it: an unknown speaker, no letter it knows, too long.
    """
    inputs = processor(text=text, speaker=speaker, normalize=normalize).to(model.device)
    output = model.generate(**inputs, return_dict_in_generate=True, **generate_kwargs)
    shares = processor.speaker_shares(speaker)
    speaker_id = max(shares, key=shares.__getitem__)
    durations, alignment = (
        None if values is None else values[0].float().cpu().numpy() for values in (output.durations, output.alignment)
    )
    return Speech(
        text=text,
        speaker_id=speaker_id,
        speaker=processor.speakers[speaker_id] if len(shares) == 1 else str(speaker),
        codes=output.sequences.cpu(),
        characters=processor.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist()),
        durations=durations,
        alignment=alignment,
        sampling_rate=processor.sampling_rate,
        frame_rate=model.config.frame_rate,
    )


class Voice(LongTextVoice):
    """A model and its processor."""

    def __init__(self, model: TtsTrmModel, processor: TtsTrmProcessor) -> None:
        self.model, self.processor = model, processor

    @classmethod
    def from_pretrained(cls, name: str | Path, revision: str | None = None, device: str = "auto") -> "Voice":
        """A voice from a folder or the Hub, its codec loaded, everything in float32.

        Args:
            name: folder or Hub id; `revision` is for the Hub.
            device: `auto` (a GPU where there is one), `cpu`, `cuda` or `mps`.

        Raises:
            VoiceError: if anything is missing, or does not fit together.
        """
        logging.disable_progress_bar()
        logging.set_verbosity_error()
        # A CPU multiplies numbers next to nothing very slowly.
        torch.set_flush_denormal(True)
        device, name = choose_device(device), str(name)
        where = {"revision": revision} if revision else {}
        try:
            model_type = TtsTrmConfig.get_config_dict(name, **where)[0].get("model_type")
            if model_type != TtsTrmConfig.model_type:
                found = f"is a model of type {model_type!r}" if model_type else "holds no config.json of a model"
                raise VoiceError(f"{name}: {found}; give a TTS TRM checkpoint.")
            check_weight_files(name)
            model, report = TtsTrmModel.from_pretrained(
                name, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **where
            )
            if report["missing_keys"]:
                raise VoiceError(
                    f"{name}: the weights lack {min(report['missing_keys'])} and {len(report['missing_keys']) - 1} "
                    "more; save the checkpoint again."
                )
            processor = TtsTrmProcessor.from_pretrained(name, **where)
            processor.codec_model.to(device)
        except (VoiceError, CodecError) as error:
            raise VoiceError(str(error)) from error
        except Exception as error:
            # The tokenizers library raises nothing more special.
            lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            reason = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
            private = "" if Path(name).is_dir() else " (if it is private, log in: `hf auth login`, or set HF_TOKEN)"
            raise VoiceError(
                f"{name}: cannot be loaded ({reason}); give a checkpoint folder or a Hub id{private}."
            ) from error
        _check_fit(name, model, processor)
        return cls(model.eval().to(device), processor)

    @property
    def text_front_end(self) -> TtsTrmProcessor:
        return self.processor

    @property
    def sampling_rate(self) -> int:
        return self.processor.sampling_rate

    @property
    def max_audio_frames(self) -> int:
        return self.model.config.max_audio_frames

    @property
    def num_codebooks(self) -> int:
        return self.model.config.num_codebooks

    def speak(
        self, text: str, speaker: str | int = 0, seed: int = 42, num_codebooks: int | None = None, **generate_kwargs
    ) -> Speech:
        """Speaks a sentence in one go; see `LongTextVoice.speak`."""
        generator = torch.Generator(self.model.device).manual_seed(seed)
        speech = generate_speech(
            self.model, self.processor, text, speaker, normalize=False, generator=generator, **generate_kwargs
        )
        speech.waveform = self.processor.decode(speech.codes[:, :num_codebooks])[0]
        return speech

    to_array = staticmethod(torch.from_numpy)


def choose_device(name: str) -> str:
    """The device of that name, for `auto` the best there is; raises `VoiceError` if this machine has it not."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, present in available.items() if present)
    if not available.get(name):
        present = ", ".join(device for device, there in available.items() if there)
        raise VoiceError(f"The device {name!r} is not available; available devices: {present}.")
    return name


def _check_tokenizer(name: str, processor: TtsTrmProcessor, vocab_size: int) -> None:
    """Every letter must be one id between two boundaries, or the times of words would belong to other words."""
    letters = [token for token in processor.tokenizer.get_vocab() if len(token) == 1 and token.isalnum()]
    limit, reason = processor.max_text_length, ""
    try:
        encodings = processor.character_tokenizer.encode_batch(letters)
    except BaseException as error:
        # The library panics, which is no Exception.
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        encodings, reason = [], f" ({error})"
    fits = letters and all(len(each.ids) == 3 and max(each.ids) < vocab_size for each in encodings)
    if reason or not fits or not isinstance(limit, int) or limit < 3:
        raise VoiceError(
            f"{name}: tokenizer.json or tokenizer_config.json is damaged{reason}; take them from another copy."
        )


def _check_fit(name: str, model: TtsTrmModel, processor: TtsTrmProcessor) -> None:
    characters, speakers = len(processor.tokenizer), len(processor.speakers)
    if characters > model.config.vocab_size or speakers > model.config.num_speakers:
        raise VoiceError(
            f"{name}: its tokenizer has {characters} characters and its processor {speakers} speakers, the model "
            f"{model.config.vocab_size} and {model.config.num_speakers}; take all files from one checkpoint."
        )
    _check_tokenizer(name, processor, model.config.vocab_size)
    codec = processor.codec_model.config
    rates = {(each.sampling_rate, each.frame_rate) for each in (model.config, codec)}
    if len(rates) > 1 or processor.sampling_rate != codec.sampling_rate:
        raise VoiceError(
            f"{name}: the model has {model.config.sampling_rate} Hz and {model.config.frame_rate} frames per second, "
            f"its processor {processor.sampling_rate} Hz, its codec {codec.sampling_rate} Hz and {codec.frame_rate}; "
            "take all files from one checkpoint."
        )
    if model.config.codebook_size != codec.codebook_size or model.config.num_codebooks > codec.num_quantizers:
        raise VoiceError(
            f"{name}: the model predicts {model.config.num_codebooks} x {model.config.codebook_size} codes, its codec "
            f"{processor.codec} has {codec.num_quantizers} x {codec.codebook_size}; use the codec of its training."
        )

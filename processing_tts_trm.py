"""Text to character ids, speakers to numbers, audio to codes and codes to audio.

The processor owns the codec, which is no part of the model: it is loaded when it is first needed, by name, from
anywhere `from_pretrained` can reach or from the folder `codec/` of the checkpoint itself.
"""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from huggingface_hub.utils import validate_repo_id
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BatchFeature,
    EncodecFeatureExtractor,
    MimiModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    ProcessorMixin,
    TokenizersBackend,
)
from transformers.utils import cached_file

from .errors_tts_trm import InputError, TtsTrmError
from .modeling_tts_trm_codec import TtsTrmCodec, check_finite_weights
from .text_tts_trm import TextFrontEnd

# Only needed for audio whose rate is not the codec's, and to write files.
try:
    import soundfile
    import soxr
except ImportError:
    soundfile = soxr = None

PAD, UNKNOWN, BOUNDARY = "<pad>", "<unk>", "<boundary>"
# By suffix, libsndfile's format and subtype.
FILE_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "OPUS"),
    ".opus": ("OGG", "OPUS"),
}
# Of `from_pretrained`, and handed on to the codec.
HUB_KEYS = ("cache_dir", "token", "local_files_only")
SPEAKER_ALIASES = ("voice", "voice_preset", "speaker_id")
# Attributes that are not saved.
PRIVATE = ("_origin", "_spelled", "_subfolder", "_hub")
# Of a checkpoint that brings its codec along.
CODEC_FOLDER = "codec"
CODEC_FILES = ("config.json", "model.safetensors")

# Codecs in use, outside the processors: these are deep-copied whenever they are saved.
_loaded_codecs: dict = {}


class CodecError(TtsTrmError, OSError):
    """A codec that cannot be loaded; the message names it and the fix."""


def build_tokenizer(texts: Iterable[str], max_length: int = 512) -> TokenizersBackend:
    """A character tokenizer for the characters of `texts`: lower case, one id a character, a boundary at both ends.

    The boundaries take up the silence at the edges of a clip.
    """
    normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    characters = sorted({character for text in texts for character in normalizer.normalize_str(text)})
    vocabulary = {token: index for index, token in enumerate((PAD, UNKNOWN, BOUNDARY, *characters))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOUNDARY} $A {BOUNDARY}", special_tokens=[(BOUNDARY, vocabulary[BOUNDARY])]
    )
    tokenizer.decoder = decoders.Fuse()
    return TokenizersBackend(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        additional_special_tokens=[BOUNDARY],
        model_max_length=max_length,
        # "<pad>" in a text is five characters.
        split_special_tokens=True,
        model_input_names=["input_ids", "attention_mask"],
    )


def load_codec(name: str, subfolder: str = "", revision: str | None = None, **hub) -> PreTrainedModel:
    """A codec by Hub id or folder, in float32 and frozen: transformers' `MimiModel` or our [`TtsTrmCodec`].

    `hub` are transformers' `cache_dir`, `token` and `local_files_only`.

    Raises:
        CodecError: if it cannot be had, or is a model of another kind.
    """
    key = (os.path.abspath(name) if os.path.isdir(name) else name, subfolder, revision)
    if key in _loaded_codecs:
        return _loaded_codecs[key]
    where = {"subfolder": subfolder} | ({"revision": revision} if revision else {}) | hub
    try:
        with open(cached_file(name, "config.json", **where), encoding="utf-8") as file:
            model_type = json.load(file).get("model_type")
        codec_class = {"mimi": MimiModel, TtsTrmCodec.config_class.model_type: TtsTrmCodec}.get(model_type)
        if codec_class is None:
            raise CodecError(f"The codec {name} is a model of type {model_type!r}; use Mimi or a TtsTrmCodec.")
        check_weight_files(name, subfolder)
        codec = codec_class.from_pretrained(name, dtype=torch.float32, use_safetensors=True, **where)
        # Ours looks by itself.
        if codec_class is MimiModel:
            check_finite_weights(name, codec)
    except CodecError:
        raise
    except Exception as error:
        # A broken file may raise anything; the user needs the codec's name and a way out.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CodecError(
            f"The codec {os.path.join(name, subfolder) if subfolder else name} cannot be loaded ({reason}). "
            "Without a connection, use the offline codec: --codec pretrained/tts-trm-mini/codec"
        ) from error
    _loaded_codecs[key] = codec.eval().requires_grad_(False)
    return codec


def check_weight_files(folder: str, subfolder: str = "") -> None:
    """Raises `CodecError` if weights in several files leave their folder: transformers would follow `../x` anywhere."""
    index = os.path.join(folder, subfolder, "model.safetensors.index.json")
    # On the Hub a name that leaves the repository is refused.
    if not os.path.isfile(index):
        return
    with open(index, encoding="utf-8") as file:
        names = json.load(file)["weight_map"].values()
    for name in names:
        if os.path.basename(name) != name:
            raise CodecError(f"{index}: {name!r} leaves the folder; keep all weights next to it.")


def _suffix(path: str | os.PathLike) -> str:
    _, suffix = os.path.splitext(path)
    return suffix.lower()


def codec_codebooks(codec: PreTrainedModel) -> tuple[torch.Tensor, list[int]]:
    """The entries `[K, V, D]` of a codec's codebooks, before output projections, and the lengths of its chains."""
    if isinstance(codec, MimiModel):
        quantizer = codec.quantizer
        chains = [
            quantizer.semantic_residual_vector_quantizer.layers,
            quantizer.acoustic_residual_vector_quantizer.layers,
        ]
        entries = [
            # `embed` caches what it returns, frozen on its first device: compute the entries afresh
            layer.codebook.embed_sum / layer.codebook.cluster_usage.clamp(min=layer.codebook.epsilon)[:, None]
            for chain in chains
            for layer in chain
        ]
        acoustic = codec.config.num_quantizers - codec.config.num_semantic_quantizers
        return torch.stack(entries[: codec.config.num_quantizers]), [codec.config.num_semantic_quantizers, acoustic]
    return codec.codebooks.clone(), [codec.config.num_quantizers]


class TtsTrmProcessor(TextFrontEnd, ProcessorMixin):
    r"""Everything around the model: characters, speakers, and the codec.

    Args:
        feature_extractor: Mimi's, an `EncodecFeatureExtractor` at the codec's sampling rate.
        tokenizer: what [`build_tokenizer`] returns.
        codec: Hub id or folder of the codec; `"codec"` is the folder of that name in the checkpoint.
        codec_revision: revision of a codec on the Hub.
        speakers: names of the speakers, in the order of their ids.
        languages: their languages, ISO 639-1 codes; one for all, or one for each speaker.
    """

    text_kwargs = {"padding": True, "return_tensors": "pt"}
    audio_kwargs = {"return_tensors": "pt"}

    def __init__(
        self,
        feature_extractor: EncodecFeatureExtractor,
        tokenizer: PreTrainedTokenizerBase,
        codec: str = "kyutai/mimi",
        codec_revision: str | None = None,
        speakers: Sequence[str] = ("speaker",),
        languages: str | Sequence[str] = "en",
    ) -> None:
        self.codec = codec
        self.codec_revision = codec_revision
        self.speakers = list(speakers)
        self.languages = [languages] * len(self.speakers) if isinstance(languages, str) else list(languages)
        for name, values in (("speakers", self.speakers), ("languages", self.languages)):
            if not values or not all(isinstance(value, str) for value in values):
                raise InputError(f"{name}={values!r} must be names, at least one; see processor_config.json.")
        if len(self.languages) != len(self.speakers):
            raise InputError(f"{len(self.speakers)} speakers but {len(self.languages)} languages; give one for each.")
        # Where this processor was loaded from: folder or Hub id, and revision.
        self._origin = (None, None)
        self._subfolder = ""
        self._hub: dict = {}
        super().__init__(feature_extractor, tokenizer)

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        speakers: Sequence[str] = ("speaker",),
        codec: str = "kyutai/mimi",
        sampling_rate: int = 24_000,
        max_length: int = 512,
        languages: str | Sequence[str] = "en",
    ) -> "TtsTrmProcessor":
        """A new processor for the characters of `texts`."""
        return cls(
            EncodecFeatureExtractor(sampling_rate=sampling_rate),
            build_tokenizer(texts, max_length),
            codec=codec,
            speakers=speakers,
            languages=languages,
        )

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs) -> "TtsTrmProcessor":
        processor = super().from_pretrained(pretrained_model_name_or_path, **kwargs)
        name = str(pretrained_model_name_or_path)
        # The codec is loaded when it is first needed, perhaps from another working directory.
        processor._origin = (os.path.abspath(name) if os.path.isdir(name) else name, kwargs.get("revision"))
        processor._subfolder = kwargs.get("subfolder") or ""
        processor._hub = {key: kwargs[key] for key in HUB_KEYS if kwargs.get(key) is not None}
        # A voice of somebody else's must not name a folder of this machine.
        if processor.codec != CODEC_FOLDER:
            try:
                validate_repo_id(processor.codec)
                if os.path.isdir(processor.codec):
                    raise InputError("a folder of this name is here")
            except ValueError as error:
                raise CodecError(
                    f"{pretrained_model_name_or_path}: codec={processor.codec!r} in processor_config.json is neither "
                    f'"{CODEC_FOLDER}" nor a repository of the Hub; take the file from another copy.'
                ) from error
        return processor

    @classmethod
    def _load_tokenizer_from_pretrained(
        cls, sub_processor_type: str, pretrained_model_name_or_path: str | os.PathLike, **kwargs
    ) -> TokenizersBackend:
        # AutoTokenizer would first load the model's configuration, and ask on standard input whether to trust its code
        kwargs.pop("trust_remote_code", None)
        return TokenizersBackend.from_pretrained(pretrained_model_name_or_path, **kwargs)

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs) -> list[str]:
        """Saves everything, a codec that lies in a folder included: the checkpoint is complete in itself."""
        os.makedirs(save_directory, exist_ok=True)
        codec, revision = self.codec, self.codec_revision
        name, subfolder, source_revision = self._codec_location()
        if subfolder or os.path.isdir(name):
            target = os.path.join(str(save_directory), CODEC_FOLDER)
            os.makedirs(target, exist_ok=True)
            where = {"subfolder": subfolder} | ({"revision": source_revision} if source_revision else {}) | self._hub
            for file in CODEC_FILES:
                source = cached_file(name, file, **where)
                if os.path.realpath(source) != os.path.realpath(os.path.join(target, file)):
                    shutil.copyfile(source, os.path.join(target, file))
            self.codec, self.codec_revision = CODEC_FOLDER, None
        try:
            return super().save_pretrained(save_directory, **kwargs)
        finally:
            self.codec, self.codec_revision = codec, revision

    def to_dict(self) -> dict:
        return {key: value for key, value in super().to_dict().items() if key not in PRIVATE}

    # -- text -----------------------------------------------------------------------------------------------------

    @property
    def character_tokenizer(self) -> Tokenizer:  # type: ignore[override]
        """The tokenizer, which knows one character per id."""
        return self.tokenizer.backend_tokenizer

    @property
    def max_text_length(self) -> int:  # type: ignore[override]
        """Ids of the longest text."""
        return self.tokenizer.model_max_length

    @property
    def model_input_names(self) -> list[str]:
        return ["input_ids", "attention_mask", "speaker_id"]

    def _text_inputs(
        self, texts: list[str], speakers: str | int | Sequence | None, normalize: bool, text_kwargs: dict
    ) -> dict:
        if not texts:
            raise InputError("The list of texts is empty; give at least one.")
        unnamed = speakers is None
        if isinstance(speakers, (str, int)) or speakers is None:
            speakers = [0 if speakers is None else speakers] * len(texts)
        if len(speakers) != len(texts):
            raise InputError(f"{len(texts)} texts but {len(speakers)} speakers; give one for all or one for each.")
        cleaned, truncation = [], text_kwargs.get("truncation") not in (None, False, "do_not_truncate")
        for text, speaker in zip(texts, speakers, strict=True):
            if not isinstance(text, str):
                raise InputError(f"text must be a string or a list of strings, got {type(text).__name__}.")
            cleaned.append(self.checked_text(text, speaker, normalize, truncation))
        inputs = dict(self.tokenizer(cleaned, **text_kwargs))
        if unnamed:
            # The model speaks as speaker 0, and a pipeline's `forward_params` may name another one.
            return inputs
        shares = [self.speaker_shares(speaker) for speaker in speakers]
        inputs["speaker_id"] = torch.tensor([next(iter(each)) for each in shares])
        if any(len(each) > 1 for each in shares):
            inputs["speaker_id"] = torch.zeros(len(texts), len(self.speakers))
            for row, each in zip(inputs["speaker_id"], shares, strict=True):
                row[list(each)] = torch.tensor(list(each.values()))
        if text_kwargs.get("return_tensors") is None:
            inputs["speaker_id"] = inputs["speaker_id"].tolist()
        return inputs

    # -- audio ----------------------------------------------------------------------------------------------------

    @property
    def sampling_rate(self) -> int:
        """Samples per second of audio that goes in and comes out."""
        return self.feature_extractor.sampling_rate

    def _codec_location(self) -> tuple[str, str, str | None]:
        """(name, subfolder, revision) of the codec."""
        origin, revision = self._origin
        if self.codec == CODEC_FOLDER and origin:
            subfolder = f"{self._subfolder}/{CODEC_FOLDER}" if self._subfolder else CODEC_FOLDER
            return origin, subfolder, revision
        return self.codec, "", self.codec_revision

    @property
    def codec_model(self) -> PreTrainedModel:
        """The codec, loaded when it is first asked for."""
        return load_codec(*self._codec_location(), **self._hub)

    @property
    def frame_size(self) -> int:
        """Samples of one frame of codes."""
        config = self.codec_model.config
        return round(config.sampling_rate / config.frame_rate)

    def _audio_codes(self, clips: list, sampling_rate: int | None) -> torch.LongTensor:
        if sampling_rate is None:
            raise InputError(f"audio needs its sampling_rate, for example sampling_rate={self.sampling_rate}.")
        codec, size = self.codec_model, self.frame_size
        waveforms = []
        for clip in clips:
            samples = np.atleast_1d(np.asarray(clip).squeeze())
            if samples.ndim != 1 or len(samples) == 0 or samples.dtype.kind != "f" or not np.isfinite(samples).all():
                raise InputError(
                    "audio must be mono [samples], floats in -1..1, finite and not empty, "
                    f"got {samples.dtype} of shape {samples.shape}."
                )
            samples = samples.astype(np.float32)
            if sampling_rate != self.sampling_rate:
                if soxr is None:
                    raise ImportError(f"Audio at {sampling_rate} Hz needs resampling: pip install soxr soundfile.")
                samples = soxr.resample(samples, sampling_rate, self.sampling_rate)
            waveforms.append(torch.from_numpy(samples))
        lengths = [-(-len(waveform) // size) for waveform in waveforms]
        # whole frames of zeros: then codes in a batch equal codes alone, in both codecs
        batch = torch.zeros(len(waveforms), 1, max(lengths) * size)
        for row, waveform in zip(batch, waveforms, strict=True):
            row[0, : len(waveform)] = waveform
        # Half precision gives other codes.
        with torch.no_grad(), torch.autocast(codec.device.type, enabled=False):
            codes = codec.encode(batch.to(codec.device)).audio_codes.cpu()
        for row, length in zip(codes, lengths, strict=True):
            row[:, length:] = -1
        return codes

    def __call__(
        self,
        text: str | list[str] | None = None,
        audio: Any = None,
        speaker: str | int | Sequence | None = None,
        normalize: bool = True,
        **kwargs,
    ) -> BatchFeature:
        """Inputs of the model.

        Args:
            text: a string or a list; gives `input_ids` and `attention_mask` `[B, S]` and `speaker_id` `[B]`, or
                `[B, num_speakers]` where speakers are blended, and none where no speaker is named.
            audio: mono samples `[L]` or a list of such, at `sampling_rate`; gives `audio_codes` `[B, K, T]`, -1 past
                an item's end. Any rate will do.
            speaker: name or number, or a blend `"anna:0.7,bert:0.3"`; one for all texts or a list; 0 by default.
                `voice`, `voice_preset` and `speaker_id` are other names for it.
            normalize: whether numbers, dates, abbreviations and the like are spoken as words.
            kwargs: `sampling_rate` of the audio, and the tokenizer's, such as `padding`, `return_tensors` and
                `truncation`, without which a text that is too long is refused; flat, or in dictionaries `audio_kwargs`
                and `text_kwargs` as for any processor.

        Raises:
            ValueError: for text that is empty, too long or has no speakable character, a number where num2words is
                missing, an unknown speaker, or audio that is not mono.
        """
        if text is None and audio is None:
            raise InputError("Give text, audio or both.")
        for alias in SPEAKER_ALIASES:
            if (named := kwargs.pop(alias, None)) is not None:
                if speaker is not None:
                    raise InputError(f"Both speaker={speaker!r} and {alias}={named!r} are given; give only one.")
                speaker = named
        merged = self._merge_kwargs(tokenizer_init_kwargs=self.tokenizer.init_kwargs, **kwargs)
        data: dict = {}
        if text is not None:
            if not isinstance(text, Iterable):
                raise InputError(f"text must be a string or a list of strings, got {type(text).__name__}.")
            data |= self._text_inputs(
                [text] if isinstance(text, str) else list(text), speaker, normalize, merged["text_kwargs"]
            )
        if audio is not None:
            single = not isinstance(audio, (list, tuple)) or len(audio) == 0 or np.ndim(audio[0]) == 0
            data["audio_codes"] = self._audio_codes(
                [audio] if single else list(audio), merged["audio_kwargs"].get("sampling_rate")
            )
        return BatchFeature(data, tensor_type=merged["text_kwargs"].get("return_tensors"))

    @torch.no_grad()
    def decode(self, codes: torch.Tensor, lengths: torch.Tensor | None = None, **kwargs) -> list[torch.Tensor]:
        """Codes to audio.

        Args:
            codes: `[B, K, T]` (or `[K, T]`), any number K of the first codebooks; frames with -1 are left out.
            lengths: `[B]` frames of each item, by default up to the first -1.

        Returns:
            One float32 waveform `[T * frame_size]` at `sampling_rate` for each item.

        Raises:
            ValueError: if a code is outside the codebook, or the shape is not that.
        """
        codes = torch.as_tensor(codes)
        codes = codes[None] if codes.ndim == 2 else codes
        if codes.ndim != 3 or codes.is_floating_point() or codes.dtype == torch.bool:
            raise InputError(
                f"codes must be integers [batch, codebooks, frames], got {tuple(codes.shape)} {codes.dtype}."
            )
        if lengths is None:
            lengths = (codes >= 0).all(1).long().cumprod(-1).sum(-1)
        codec, waveforms = self.codec_model, []
        size, levels = codec.config.codebook_size, codec.config.num_quantizers
        if not 1 <= codes.shape[1] <= levels:
            raise InputError(f"codes have {codes.shape[1]} codebooks, the codec {levels}; is it this voice's codec?")
        for item, length in zip(codes, lengths, strict=True):
            # Alone: a decoder may look ahead into padding.
            item = item[:, : int(length)].to(codec.device)
            if item.numel() and (item.min() < 0 or item.max() >= size):
                raise InputError(
                    f"Codes reach {int(item.min())}..{int(item.max())}, the codec's are 0..{size - 1}; "
                    "give lengths, or mark padding by -1 in whole frames."
                )
            with torch.autocast(codec.device.type, enabled=False):
                audio = codec.decode(item[None]).audio_values[0, 0] if item.numel() else torch.zeros(0)
            waveforms.append(audio.float().cpu())
        return waveforms

    def batch_decode(self, codes: torch.Tensor, **kwargs) -> list[torch.Tensor]:
        return self.decode(codes, **kwargs)

    def save_audio(self, audio: Any, path: str | os.PathLike | Sequence[str | os.PathLike]) -> None:
        """Writes samples `[L]` to a file, or a list of such to a list of paths; a failed write leaves no file.

        The suffix says the format: `.wav` (16 bits), `.flac`, `.mp3`, `.ogg` or `.opus`.

        Raises:
            ValueError: for another suffix, or several waveforms and one path.
            OSError: if a file cannot be written.
        """
        if soundfile is None:
            raise ImportError("Writing audio files needs soundfile: pip install soundfile soxr.")
        several = isinstance(path, (list, tuple))
        targets: list = list(path) if isinstance(path, (list, tuple)) else [path]
        if not several and isinstance(audio, (list, tuple)) and len(audio) and np.ndim(audio[0]):
            # What `decode` gives for one text.
            if len(audio) > 1:
                raise InputError(f"{len(audio)} waveforms and one path, {path}; give a list of as many paths.")
            audio = audio[0]
        for target in targets:
            if _suffix(target) not in FILE_FORMATS:
                raise InputError(f"{target}: cannot be written; let the name end in {', '.join(FILE_FORMATS)}.")
        for samples, target in zip(audio if several else [audio], targets, strict=True):
            partial = f"{target}.partial"
            try:
                samples = np.clip(np.asarray(torch.as_tensor(samples).float()).reshape(-1), -1.0, 1.0)
                kind, subtype = FILE_FORMATS[_suffix(target)]
                soundfile.write(partial, samples, self.sampling_rate, subtype=subtype, format=kind)
                os.replace(partial, target)
            except (OSError, soundfile.SoundFileError) as error:
                if os.path.exists(partial):
                    os.unlink(partial)
                raise OSError(
                    f"{target}: cannot be written ({error}); is the disk full or the folder missing?"
                ) from error


TtsTrmProcessor.register_for_auto_class()

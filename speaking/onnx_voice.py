"""A voice that `scripts/export_onnx.py` wrote, run by onnxruntime: neither torch nor transformers is imported.

voice = OnnxVoice.from_pretrained("outputs/onnx")
speech = voice.synthesize("Hello! This may be as long as you like.", speaker="kathleen")

Its codes are greedy, as those of `Voice` without sampling. Needs numpy, onnxruntime, tokenizers and
soundfile; the package's extra `text` for numbers.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from ..errors_tts_trm import InputError
from ..text_tts_trm import SpeechTooLongError, TextFrontEnd
from .speech import LongTextVoice, Speech, VoiceError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL_FILE, CODEC_FILE, TOKENIZER_FILE, VOICE_FILE = "model.onnx", "codec.onnx", "tokenizer.json", "voice.json"


class OnnxVoice(LongTextVoice, TextFrontEnd):
    """Text front end, and the graphs of model and codec.

    Args:
        model, codec: onnxruntime sessions of the two graphs.
        tokenizer: of the library tokenizers.
        properties: what `voice.json` holds: speakers, languages, rates and limits.
    """

    def __init__(
        self, model: "InferenceSession", codec: "InferenceSession", tokenizer: Tokenizer, properties: dict
    ) -> None:
        self.model, self.codec, self.character_tokenizer = model, codec, tokenizer
        # "<pad>" in a text is five characters.
        self.character_tokenizer.encode_special_tokens = True
        self.speakers, self.languages = properties["speakers"], properties["languages"]
        self.properties, self.frame_rate, self.sharpness = properties, properties["frame_rate"], properties["sharpness"]
        self.max_text_length = properties["max_text_length"]
        self.slowest, self.fastest = properties["speeds"]

    @property
    def text_front_end(self) -> TextFrontEnd:
        return self

    @property
    def sampling_rate(self) -> int:
        return self.properties["sampling_rate"]

    @property
    def max_audio_frames(self) -> int:
        return self.properties["max_audio_frames"]

    @property
    def num_codebooks(self) -> int:
        return self.properties["num_codebooks"]

    @classmethod
    def from_pretrained(cls, folder: str | Path, num_threads: int = 0) -> "OnnxVoice":
        """A voice from its folder, on the CPU.

        Args:
            num_threads: of a sentence; 0 leaves it to onnxruntime, which takes all cores.

        Raises:
            VoiceError: if a file is missing or broken; names it.
            ImportError: where onnxruntime is missing.
        """
        import onnxruntime

        folder, options = Path(folder), onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        path = folder / VOICE_FILE
        try:
            properties = json.loads(path.read_text(encoding="utf-8"))
            path = folder / TOKENIZER_FILE
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
            sessions: list = []
            for name in (MODEL_FILE, CODEC_FILE):
                path = folder / name
                sessions.append(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))
            return cls(sessions[0], sessions[1], tokenizer, properties)
        except Exception as error:
            # Neither onnxruntime nor tokenizers raises anything more special.
            reason = f"no {error}" if isinstance(error, KeyError) else str(error).split("\n")[0]
            raise VoiceError(
                f"{path}: cannot be loaded ({reason}); write the folder by scripts/export_onnx.py."
            ) from error

    def generate(
        self, text: str, speaker: str | int = 0, speed: float = 1.0, sharpness: float | None = None, num_frames: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Codes `[1, K, T]`, and the frames `[1, S]` of each character and boundary, of text as it is spoken.

        Args:
            speaker: name or number, or a blend such as `"anna:0.7,bert:0.3"`.
            speed: 2 speaks twice as fast.
            sharpness: 0 to 1, the checkpoint's own if None; see `TtsTrmModel.generate`.
            num_frames: wanted length; 0 leaves it to the durations.

        Raises:
            ValueError: if an argument does not fit, or the voice cannot speak the text.
            SpeechTooLongError: if it would be longer than `max_audio_frames`.
        """
        sharpness = self.sharpness if sharpness is None else sharpness
        if not self.slowest <= speed <= self.fastest:
            raise InputError(f"speed={speed} is outside {self.slowest}..{self.fastest}.")
        if not 0 <= sharpness <= 1:
            raise InputError(f"sharpness={sharpness} is outside 0..1.")
        ids = np.array([self.character_tokenizer.encode(self.checked_text(text, speaker, normalize=False)).ids])
        shares = np.zeros((1, len(self.speakers)), np.float32)
        for number, share in self.speaker_shares(speaker).items():
            shares[0, number] = share
        codes, lengths, durations = self.model.run(
            ["codes", "lengths", "durations"],
            {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "speaker_shares": shares,
                "speed": np.array([speed], np.float32),
                "sharpness": np.array([sharpness], np.float32),
                "num_frames": np.array([num_frames]),
            },
        )
        if lengths[0] > self.max_audio_frames:
            raise SpeechTooLongError(
                f"The speech would be {lengths[0]} frames long, over max_audio_frames={self.max_audio_frames}; split "
                "the text or ask for fewer frames."
            )
        return codes, durations

    def speak(
        self,
        text: str,
        speaker: str | int = 0,
        seed: int = 42,
        num_codebooks: int | None = None,
        speed: float = 1.0,
        sharpness: float | None = None,
        **others,
    ) -> Speech:
        """Speaks a sentence in one go; see `LongTextVoice.speak`. Nothing is drawn, so `seed` changes nothing."""
        if others:
            raise InputError(f"{min(others)}: an ONNX voice does not sample; leave it out.")
        codes, durations = self.generate(text, speaker, speed, sharpness)
        ids = self.character_tokenizer.encode(text).ids
        shares = self.speaker_shares(speaker)
        speaker_id = max(shares, key=shares.__getitem__)
        return Speech(
            text=text,
            speaker_id=speaker_id,
            speaker=self.speakers[speaker_id] if len(shares) == 1 else str(speaker),
            codes=codes,
            characters=[self.character_tokenizer.id_to_token(number) or "" for number in ids],
            durations=durations[0],
            alignment=None,
            sampling_rate=self.sampling_rate,
            frame_rate=self.frame_rate,
            waveform=self.decode(codes[:, :num_codebooks]),
        )

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes `[1, K, T]` to samples `[L]`; the first K of the codec's codebooks will do."""
        return self.codec.run(["waveform"], {"codes": codes})[0][0]

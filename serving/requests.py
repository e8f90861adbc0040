"""What clients ask of the endpoint: OpenAI's request for speech, as the programs that people use really send it."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..audio.writing import FORMATS
from ..errors_tts_trm import InputError
from ..speaking.language_check import AUTO
from ..text_tts_trm import MAX_SPEED, MIN_SPEED, TextFrontEnd

# The names of OpenAI's voices, and which of them are men's. Clients offer these and no others.
OPENAI_VOICES = "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()
OPENAI_MEN = {"ash", "ballad", "cedar", "echo", "fable", "onyx", "verse"}
# Of the bundled voice. Which speakers of another are men is not known.
BUNDLED_MEN = {"michael"}


class VoiceReference(BaseModel):
    id: str


class SpeechRequest(BaseModel):
    """The fields of OpenAI's request. What is not known here is ignored, and null is the default.

    Open WebUI, SillyTavern, LibreChat and clients of Kokoro-FastAPI send fields of their own (`stream`, `lang_code`,
    `volume_multiplier`, `user`, ...), and null for what their user has not set.
    """

    model_config = ConfigDict(extra="ignore")

    input: str
    model: str = ""
    # A speaker, one of OpenAI's voices, or a blend such as `anna:0.7,bert:0.3`, also as Kokoro-FastAPI writes it,
    # `anna(2)+bert`; by default the first speaker.
    voice: str | VoiceReference = ""
    response_format: Literal[*FORMATS] = "mp3"  # type: ignore[valid-type]
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] = 1.0
    stream_format: Literal["audio", "sse"] | None = None
    # Taken and without effect, as with OpenAI's tts-1.
    instructions: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _null_is_the_default(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None or name == "input"}

    @field_validator("response_format", mode="before")
    @classmethod
    def _usual_name(cls, value: Any) -> Any:
        """In any case, and by the names of other programs."""
        name = value.strip().lower() if isinstance(value, str) else value
        return {"ogg": "opus", "wave": "wav"}.get(name, name) if isinstance(name, str) else name

    @property
    def speaker(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id

    @property
    def streams(self) -> bool:
        """Whether audio is sent as it is computed; a header with its length can only come when it is done."""
        asked = self.stream_format is not None and self.response_format == "wav"
        return asked or not FORMATS[self.response_format].header_has_length


class VoiceNames:
    """The voices that clients may ask for: the speakers, and other names for them.

    OpenAI's voices are spread over the speakers of the first speaker's language, unless `chosen` says otherwise.

    Args:
        front_end: of the voice.
        chosen: speakers or blends by further names.

    Raises:
        InputError: if `chosen` leads to no speaker.
    """

    def __init__(self, front_end: TextFrontEnd, chosen: Mapping[str, str] | None = None) -> None:
        self.front_end = front_end
        self.aliases = _openai_voices(front_end.speakers, front_end.languages)
        for name, speaker in (chosen or {}).items():
            try:
                front_end.speaker_shares(speaker)
            except InputError as error:
                raise InputError(f"--voice-aliases {name}={speaker}: {error}") from error
            self.aliases[name.strip().casefold()] = speaker

    def resolve(self, name: str) -> str:
        """The speaker or blend that a client means, or `"auto"`.

        Raises:
            InputError: for a name that is neither a speaker nor an alias; it names those that are.
        """
        if not name.strip():
            return self.front_end.speakers[0]
        known = {speaker.casefold() for speaker in self.front_end.speakers}
        folded = name.strip().casefold()
        if folded not in known and folded in self.aliases:
            return self.aliases[folded]
        if folded not in known and folded == AUTO:
            return AUTO
        if re.fullmatch(r"[^+():,]+(?:\([\d.]+\))?(?:\+[^+():,]+(?:\([\d.]+\))?)+", name):
            shares = re.findall(r"([^+()]+)(?:\(([\d.]+)\))?", name)
            name = ",".join(f"{speaker.strip()}:{share or 1}" for speaker, share in shares)
        self.front_end.speaker_shares(name)
        return name

    def describe(self) -> list[dict[str, str]]:
        """Each speaker with its language, as lists of voices have them."""
        pairs = zip(self.front_end.speakers, self.front_end.languages, strict=True)
        return [{"id": name, "name": name, "language": language} for name, language in pairs]


def _openai_voices(speakers: Sequence[str], languages: Sequence[str]) -> dict[str, str]:
    usual = [name for name, language in zip(speakers, languages, strict=True) if language == languages[0]]
    men = [name for name in usual if name in BUNDLED_MEN]
    women = [name for name in usual if name not in BUNDLED_MEN]
    aliases: dict[str, str] = {}
    for number, voice in enumerate(OPENAI_VOICES):
        alike = (men if voice in OPENAI_MEN else women) or usual
        # A voice with no known man has all its speakers in one list, and they are dealt out in turn.
        aliases[voice] = alike[number % len(alike)]
    return aliases

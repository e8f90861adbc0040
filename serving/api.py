"""The endpoint as OpenAI's clients speak it: speech, models and voices, and `GET /health`."""

import asyncio
import base64
import hmac
import json
import time
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import numpy as np
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from ..audio.writing import FORMATS, Encoder, encoder_missing
from ..errors_tts_trm import TtsTrmError
from ..speaking.language_check import speaker_for
from .requests import SpeechRequest, VoiceNames
from .speech_queue import QueueFullError, SpeechQueue, TextTooLongError

# Seconds after which a client that takes in nothing of its audio loses its place.
STALLED = 60.0
# Seconds; a sentence is computed in a fraction of one.
RETRY_AFTER = "1"
# Seconds of silence for a piece of text with nothing to speak, such as `---`: clients cut texts into pieces.
SILENCE = 0.3
EVENT_STREAM = "text/event-stream"


class ApiError(TtsTrmError):
    """An error for a client, in OpenAI's format."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        parameter: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
        kind = "rate_limit_error" if status == 429 else kind
        self.response = JSONResponse(
            {"error": {"message": message, "type": kind, "param": parameter, "code": code}}, status, headers
        )


class SpeechResponse(StreamingResponse):
    """Audio as it is computed. The rest of it is given up when its client is gone, or takes in nothing for a minute."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes], media_type: str) -> None:
        self.rest = rest
        super().__init__(self.chunks(first), media_type=media_type)

    async def chunks(self, first: bytes) -> AsyncIterator[bytes]:
        """The first piece and the rest."""
        yield first
        async for chunk in self.rest:
            yield chunk

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        async def send_in_time(message: dict) -> None:
            async with asyncio.timeout(STALLED):
                await send(message)

        async with aclosing(self.rest):
            await super().__call__(scope, receive, send_in_time)


class Endpoint:
    """What the routes do.

    Args:
        queue: of the voice.
        model_id: by which the server names the voice. Clients may send any name: theirs is often fixed.
        names: of the voices.
        api_key: that clients must send (`Authorization: Bearer ...`); None lets everybody in.
    """

    def __init__(self, queue: SpeechQueue, model_id: str, names: VoiceNames, api_key: str | None) -> None:
        self.queue, self.model_id, self.names, self.api_key = queue, model_id, names, api_key
        self.created = int(time.time())

    def check_key(self, request: Request) -> None:
        """Refuses who does not send the key of the server."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        right = scheme.lower() == "bearer" and hmac.compare_digest(key.encode(), (self.api_key or "").encode())
        if self.api_key and not right:
            raise ApiError(401, "Incorrect API key provided.", "invalid_api_key")

    def describe_model(self) -> dict:
        """The voice as an entry of the list of models."""
        voices = self.names.front_end.speakers
        return {
            "id": self.model_id,
            "object": "model",
            "created": self.created,
            "owned_by": "tts-trm",
            "voices": voices,
        }

    async def health(self) -> dict:
        """`GET /health`: how many requests are in work, and how many may be."""
        return {"status": "ok", "requests": self.queue.requests, "max_requests": self.queue.max_requests}

    async def models(self) -> dict:
        """`GET /v1/models`"""
        return {"object": "list", "data": [self.describe_model()]}

    async def model(self, name: str) -> dict:
        """`GET /v1/models/{name}`"""
        if name != self.model_id:
            message = f"The model {name!r} does not exist; this server has {self.model_id!r}."
            raise ApiError(404, message, "model_not_found", "model")
        return self.describe_model()

    async def audio_models(self) -> dict:
        """`GET /v1/audio/models`"""
        return {"models": [{"id": self.model_id, "name": self.model_id}]}

    async def voices(self) -> dict:
        """`GET /v1/audio/voices` and `/v1/voices`"""
        return {"voices": self.names.describe()}

    async def speech(self, body: SpeechRequest, request: Request) -> Response:
        """`POST /v1/audio/speech`: errors of the request before the first byte, with their status code."""
        try:
            speaker = self.names.resolve(body.speaker)
            speaker = str(speaker_for(body.input, speaker, self.names.front_end))
        except ValueError as error:
            raise ApiError(400, str(error), "invalid_value", "voice") from error
        missing = encoder_missing(body.response_format)
        if missing:
            raise ApiError(400, missing, "unsupported_format", "response_format")
        chunks = encode(self.queue, body, speaker, request)
        try:
            # What is wrong with a text mostly shows now, and has a status code yet.
            first = await anext(chunks, None)
        except (QueueFullError, ValueError) as error:
            raise api_error(error) from error
        if first is None:
            # Nobody is left to read it.
            return Response(status_code=499)
        if body.stream_format == "sse":
            return SpeechResponse(b"", as_events(first, chunks, body.input), EVENT_STREAM)
        media_type = FORMATS[body.response_format].media_type
        if body.streams:
            return SpeechResponse(first, chunks, media_type)
        return Response(first, media_type=media_type)


def create_api(
    queue: SpeechQueue, model_id: str, api_key: str | None = None, names: VoiceNames | None = None
) -> FastAPI:
    """The endpoint as an ASGI application, to which [`page.mount_page`] adds the page; see [`Endpoint`]."""
    # Their pages load from outside.
    api = FastAPI(title="TTS TRM", docs_url=None, redoc_url=None, openapi_url=None)
    endpoint = Endpoint(queue, model_id, names or VoiceNames(queue.voice.text_front_end), api_key)
    with_key = {"dependencies": [Depends(endpoint.check_key)], "response_model": None}
    api.add_api_route("/health", endpoint.health, response_model=None)
    api.add_api_route("/v1/models", endpoint.models, **with_key)
    api.add_api_route("/v1/models/{name:path}", endpoint.model, **with_key)
    # Open WebUI asks for the models of speech here.
    api.add_api_route("/v1/audio/models", endpoint.audio_models, **with_key)
    for path in ("/v1/audio/voices", "/v1/voices"):
        api.add_api_route(path, endpoint.voices, **with_key)
    api.add_api_route("/v1/audio/speech", endpoint.speech, methods=["POST"], **with_key)
    api.add_exception_handler(ApiError, refuse)
    api.add_exception_handler(RequestValidationError, refuse)
    api.add_exception_handler(HTTPException, refuse)
    return api


async def refuse(request: Request, error: Exception) -> Response:
    """Every error in OpenAI's shape."""
    if isinstance(error, RequestValidationError):
        error = describe_invalid(error.errors()[0])
    elif isinstance(error, HTTPException):
        error = ApiError(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    return error.response if isinstance(error, ApiError) else ApiError(500, "The server has failed.").response


async def encode(queue: SpeechQueue, body: SpeechRequest, speaker: str, request: Request) -> AsyncGenerator[bytes]:
    """The audio of a request: as it is computed if it streams, else in one piece; nothing once the client has gone."""
    rate = queue.voice.sampling_rate
    encoder = Encoder(body.response_format, rate)
    if is_silent(queue, body.input, speaker):
        chunk = encoder.write(np.zeros(round(SILENCE * rate), np.float32))
        if body.streams and chunk:
            yield chunk
    else:
        async with aclosing(queue.speak(body.input, speaker, speed=body.speed)) as passages:
            async for passage in passages:
                if await request.is_disconnected():
                    return
                chunk = await asyncio.to_thread(encoder.write, passage.waveform)
                if body.streams and chunk:
                    yield chunk
    rest = await asyncio.to_thread(encoder.close)
    yield rest if body.streams else encoder.content


def is_silent(queue: SpeechQueue, text: str, speaker: str) -> bool:
    """Whether a text that is not empty is made of marks alone, none of which is spoken, such as `---` or `**`."""
    marks = text[: queue.max_characters].strip()
    if not marks or not all(unicodedata.category(each)[0] in "PSZ" or each.isspace() for each in marks):
        return False
    (spoken, _), _ = queue.voice.text_front_end.spoken_text(text, speaker)
    return not any(character.isalnum() for character in spoken)


async def as_events(first: bytes, rest: AsyncGenerator[bytes], text: str) -> AsyncGenerator[bytes]:
    """Audio as OpenAI's server-sent events: `speech.audio.delta` with base64, and `speech.audio.done` at the end.

    Its `usage` counts characters that came in and bytes that went out, for there are no tokens.
    """
    size = 0
    async with aclosing(rest):
        chunk: bytes | None = first
        while chunk is not None:
            if chunk:
                size += len(chunk)
                yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
            chunk = await anext(rest, None)
    usage = {"input_tokens": len(text), "output_tokens": size, "total_tokens": len(text) + size}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(content: dict) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()


def api_error(error: Exception) -> ApiError:
    """What is wrong with a text, or with the queue, as an error for a client."""
    if isinstance(error, QueueFullError):
        return ApiError(429, str(error), "rate_limit_exceeded", headers={"Retry-After": RETRY_AFTER})
    code = "string_above_max_length" if isinstance(error, TextTooLongError) else "invalid_value"
    return ApiError(400, str(error), code, "input")


def describe_invalid(detail: dict) -> ApiError:
    """Pydantic's first complaint as OpenAI would word it."""
    place = [str(part) for part in detail["loc"][1:]]
    parameter = place[0] if place and detail["type"] != "json_invalid" else None
    if detail["type"] == "json_invalid" or parameter is None:
        return ApiError(400, "The body of the request must be a JSON object, sent as application/json.")
    if detail["type"] == "missing":
        return ApiError(400, f"Missing required parameter: '{parameter}'.", "missing_required_parameter", parameter)
    message = f"Invalid '{parameter}': {detail['msg'][0].lower()}{detail['msg'][1:]}."
    return ApiError(400, message, "invalid_value", parameter)

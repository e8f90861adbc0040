"""`POST /v1/audio/speech` and `GET /v1/models` as OpenAI's clients speak them, and `GET /health`."""

import asyncio
import hmac
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ..audio.writing import FORMATS, Encoder
from ..errors_tts_trm import TtsTrmError
from ..generation_tts_trm import MAX_SPEED, MIN_SPEED
from .speech_queue import QueueFullError, SpeechQueue, TextTooLongError

# Seconds after which a client that takes in nothing of its audio loses its place.
STALLED = 60.0
# Seconds; a sentence is computed in a fraction of one.
RETRY_AFTER = "1"


class VoiceReference(BaseModel):
    id: str


class SpeechRequest(BaseModel):
    """The fields of OpenAI's request; `voice` is a speaker or a blend such as `anna:0.7,bert:0.3`."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: str
    voice: str | VoiceReference
    response_format: Literal[*FORMATS] = "mp3"
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] = 1.0
    stream_format: Literal["audio"] | None = None
    # Taken and without effect, as with OpenAI's tts-1.
    instructions: str | None = None

    @property
    def speaker(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id

    @property
    def streams(self) -> bool:
        # With a header that knows no length.
        asked = self.stream_format == "audio" and self.response_format == "wav"
        return asked or not FORMATS[self.response_format].header_has_length


class ApiError(TtsTrmError):
    """What a client is told, in OpenAI's shape."""

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
        yield first
        async for chunk in self.rest:
            yield chunk

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        async def send_in_time(message: dict) -> None:
            async with asyncio.timeout(STALLED):
                await send(message)

        async with aclosing(self.rest):
            await super().__call__(scope, receive, send_in_time)


def create_api(queue: SpeechQueue, model_id: str, api_key: str | None = None) -> FastAPI:
    """The endpoint as an ASGI application, to which [`page.mount_page`] adds the page.

    Args:
        queue: of the voice.
        model_id: by which clients name the voice.
        api_key: that clients must send (`Authorization: Bearer ...`); None lets everybody in.
    """
    # Their pages load from outside.
    api = FastAPI(title="TTS TRM", docs_url=None, redoc_url=None, openapi_url=None)
    created = int(time.time())

    def check_key(request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if api_key and not (scheme.lower() == "bearer" and hmac.compare_digest(key.encode(), api_key.encode())):
            raise ApiError(401, "Incorrect API key provided.", "invalid_api_key")

    def describe() -> dict:
        voices = queue.voice.processor.speakers
        return {"id": model_id, "object": "model", "created": created, "owned_by": "tts-trm", "voices": voices}

    @api.get("/health")
    async def health() -> dict:
        return {"status": "ok", "requests": queue.requests, "max_requests": queue.max_requests}

    @api.get("/v1/models", dependencies=[Depends(check_key)])
    async def models() -> dict:
        return {"object": "list", "data": [describe()]}

    @api.get("/v1/models/{name:path}", dependencies=[Depends(check_key)])
    async def model(name: str) -> dict:
        check_model(name)
        return describe()

    def check_model(name: str) -> None:
        if name != model_id:
            raise ApiError(
                404, f"The model {name!r} does not exist; this server has {model_id!r}.", "model_not_found", "model"
            )

    @api.post("/v1/audio/speech", dependencies=[Depends(check_key)])
    async def speech(body: SpeechRequest, request: Request) -> Response:
        check_model(body.model)
        check_speaker(body.speaker)
        chunks = encode(queue, body, request)
        try:
            # What is wrong with a text mostly shows now, and has a status code yet.
            first = await anext(chunks, None)
        except (QueueFullError, ValueError) as error:
            raise api_error(error) from error
        if first is None:
            # Nobody is left to read it.
            return Response(status_code=499)
        media_type = FORMATS[body.response_format].media_type
        if body.streams:
            return SpeechResponse(first, chunks, media_type)
        return Response(first, media_type=media_type)

    def check_speaker(speaker: str) -> None:
        try:
            queue.voice.processor.speaker_shares(speaker)
        except ValueError as error:
            raise ApiError(400, str(error), "invalid_value", "voice") from error

    @api.exception_handler(ApiError)
    async def refuse(request: Request, error: ApiError) -> Response:
        return error.response

    @api.exception_handler(RequestValidationError)
    async def refuse_request(request: Request, error: RequestValidationError) -> Response:
        return describe_invalid(error.errors()[0]).response

    @api.exception_handler(HTTPException)
    async def refuse_http(request: Request, error: HTTPException) -> Response:
        return ApiError(error.status_code, str(error.detail), headers=error.headers).response

    return api


async def encode(queue: SpeechQueue, body: SpeechRequest, request: Request) -> AsyncGenerator[bytes]:
    """The audio of a request: as it is computed if it streams, else in one piece; nothing once the client has gone."""
    encoder = Encoder(body.response_format, queue.voice.processor.sampling_rate)
    async with aclosing(queue.speak(body.input, body.speaker, speed=body.speed)) as passages:
        async for passage in passages:
            if await request.is_disconnected():
                return
            chunk = await asyncio.to_thread(encoder.write, passage.waveform)
            if body.streams and chunk:
                yield chunk
    rest = await asyncio.to_thread(encoder.close)
    yield rest if body.streams else encoder.content


def api_error(error: Exception) -> ApiError:
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
    if detail["type"] == "extra_forbidden":
        return ApiError(400, f"Unknown parameter: '{parameter}'.", "unknown_parameter", parameter)
    message = f"Invalid '{parameter}': {detail['msg'][0].lower()}{detail['msg'][1:]}."
    return ApiError(400, message, "invalid_value", parameter)

"""What stands before page and endpoint: it lets in what they need, and nothing else."""

import asyncio
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .api import ApiError

# Seconds in which the body of a request must arrive.
PATIENCE = 30.0
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Of Gradio's routes, those that the page and gradio_client use. Without uploads, the fetching of URLs, proxies, ...
ROUTES = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|login|logout|login_check)/?"
    r"|/(assets|static)/.+"
    r"|/gradio_api/(info|app_id|startup-events|cancel|reset|login_check|run/predict|queue/join|queue/data|heartbeat/\w+)/?"
)
# OpenAI's, which begin with /v1.
ENDPOINT = re.compile(r"/health|/v1/audio/(speech|voices|models)|/v1/voices|/v1/models(/.+)?")
FILE = re.compile(r"/gradio_api/file=(.+)")


class Gate:
    """ASGI middleware that bounds bodies, refuses foreign web pages, and closes every route that is not needed.

    Args:
        app: behind it.
        max_body: bytes of a request.
        files: folder with the audio and pictures made for the page; no other file can be fetched by its path.
        allow_origins: web pages from elsewhere that may use a server on their reader's machine; `*` for all.
    """

    def __init__(self, app: ASGIApp, max_body: int, files: Path, allow_origins: Collection[str] = ()) -> None:
        self.app, self.max_body, self.files = app, max_body, files.resolve()
        self.allow_origins = allow_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            scope = {**scope, "path": endpoint_path(scope["path"])}
            self.check_route(scope["path"], scope["method"])
            headers = Headers(scope=scope)
            check_origin(headers, self.allow_origins)
            body = await self.read_body(headers, receive)
        except ApiError as error:
            return await error.response(scope, receive, send)
        except ClientDisconnect:
            return None
        messages = [body]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)

    def check_route(self, path: str, method: str) -> None:
        if ENDPOINT.fullmatch(path):
            allowed = "POST" if path == "/v1/audio/speech" else "GET"
            if method != allowed and (method, allowed) != ("HEAD", "GET"):
                message = f"{method} is not allowed for {path}; use {allowed}."
                raise ApiError(405, message, "method_not_allowed", headers={"Allow": allowed})
            return
        if match := FILE.fullmatch(path):
            try:
                inside = Path(match[1]).resolve().is_relative_to(self.files)
            except (ValueError, OSError, RuntimeError):
                # A null byte, a name too long, a loop of links.
                inside = False
            if inside:
                return
        elif ROUTES.fullmatch(path):
            return
        hint = " The routes of the endpoint begin with /v1: end the base URL with it."
        raise ApiError(404, f"Not found.{hint if ENDPOINT.fullmatch(f'/v1{path}') else ''}", "not_found")

    async def read_body(self, headers: Headers, receive: Receive) -> Message:
        """The whole body of a request, as one message."""
        too_large = ApiError(413, f"The body of the request is over {self.max_body} bytes.", "request_too_large")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.max_body:
            raise too_large
        body, more = b"", True
        try:
            async with asyncio.timeout(PATIENCE):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self.max_body:
                        raise too_large
        except TimeoutError:
            raise ApiError(408, f"The body of the request did not arrive within {PATIENCE:.0f} s.") from None
        return {"type": "http.request", "body": body, "more_body": False}


def endpoint_path(path: str) -> str:
    """The path of a route of the endpoint without what a base URL with a slash adds: `/v1//audio/speech/`."""
    plain = re.sub("/{2,}", "/", path).rstrip("/")
    return plain if ENDPOINT.fullmatch(plain) else path


def check_origin(headers: Headers, allowed: Collection[str] = ()) -> None:
    """A web page from elsewhere must not use a server on the reader's own machine."""
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    origin = headers.get("origin")
    if origin is None or "*" in allowed or origin in allowed or host not in LOOPBACK:
        return
    if urlsplit(origin).hostname not in LOOPBACK:
        message = f"Requests of the web page {origin[:100]} are refused; the server's --allow-origins names who may."
        raise ApiError(403, message, "forbidden_origin")

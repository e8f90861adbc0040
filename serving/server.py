"""The server: page and endpoint of one voice, behind the filter of routes."""

import argparse
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ..speaking.speech import LongTextVoice
    from .speech_queue import SpeechQueue

API_KEY = "TTS_TRM_API_KEY"
MAX_CONNECTIONS = 512


def serve(options: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    # Before the voice is loaded, which takes a while.
    listener = listen(options.host, options.port)
    # So that nothing is left behind.
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    files = Path(tempfile.mkdtemp(prefix="tts-trm-"))
    queue = None
    try:
        application, queue = build(options, files)
        import uvicorn

        config = uvicorn.Config(
            application,
            log_level="warning",
            ws="none",
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            # A Space stands behind a proxy.
            forwarded_allow_ips="*" if "SPACE_ID" in os.environ else None,
            timeout_graceful_shutdown=5,
        )
        host, port = listener.getsockname()[:2]
        print(f"http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, handler)
        listener.close()
        if queue is not None:
            queue.close()
        shutil.rmtree(files, ignore_errors=True)
    return 0


def listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"--host {host} --port {port}: cannot listen there ({reason}); choose another.") from error


def build(options: argparse.Namespace, files: Path) -> "tuple[ASGIApp, SpeechQueue]":
    """The ASGI application, and the queue behind it; `files` is for what the page hands out.

    A voice in ONNX needs no torch, and has the endpoint alone: page and pictures are torch's.

    Raises:
        VoiceError: if the voice cannot be loaded.
        InputError: if an alias leads to no speaker.
        ImportError: if a library is missing; the message names the fix.
    """
    folder = Path(options.model)
    exported = (folder / "model.onnx").is_file()
    try:
        import uvicorn  # noqa: F401
        from starlette.middleware.cors import CORSMiddleware

        from .api import create_api
        from .route_filter import Gate

        if not exported:
            from .page import mount_page
    except ImportError as error:
        raise ImportError(f"The server needs gradio, fastapi and uvicorn ({error}): pip install '.[app]'.") from error
    from .requests import VoiceNames
    from .speech_queue import SpeechQueue

    load = load_onnx_voice if exported else load_torch_voice
    queue = SpeechQueue(lambda: load(options), options.max_requests, options.max_characters)
    try:
        names = VoiceNames(queue.voice.text_front_end, options.voice_aliases)
        model_id = folder.resolve().name if folder.is_dir() else options.model
        api_key = os.environ.get(API_KEY) or None
        application = create_api(queue, model_id, api_key, names)
        if not exported:
            application = mount_page(application, queue, model_id, files, api_key)
    except BaseException:
        queue.close()
        raise
    gate = Gate(application, queue.max_body, files, options.allow_origins)
    if not options.allow_origins:
        return gate, queue
    # Outermost, so that refusals can be read by the page that asked, too.
    return CORSMiddleware(gate, options.allow_origins, allow_methods=["GET", "POST"], allow_headers=["*"]), queue


def load_torch_voice(options: argparse.Namespace) -> "LongTextVoice":
    import torch

    from ..speaking.voice import Voice

    torch.set_num_threads(options.threads)
    return Voice.from_pretrained(options.model, options.revision, options.device)


def load_onnx_voice(options: argparse.Namespace) -> "LongTextVoice":
    from ..speaking.onnx_voice import OnnxVoice

    return OnnxVoice.from_pretrained(options.model, num_threads=options.threads)

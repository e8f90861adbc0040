"""Serves a voice: a web page at `/`, and OpenAI's `POST /v1/audio/speech` beside it.

    python app.py
    python app.py --model outputs/my-voice/checkpoints/final --port 8000

Only this machine can connect, unless `--host 0.0.0.0` lets others in. Whoever connects then has to know the password in
the environment variable TTS_TRM_API_KEY, if there is one. It is ready to be the `app_file` of a Hugging Face Space.
Details: docs/serving.md.
"""

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

if not __package__:
    from scripts import _clone  # noqa: F401

from tts_trm.scripts.synthesize import BUNDLED_VOICE, number_type

API_KEY = "TTS_TRM_API_KEY"
MOST_CONNECTIONS = 512


def parse_arguments(arguments=None):
    on_space = "SPACE_ID" in os.environ
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default=str(BUNDLED_VOICE), help="checkpoint folder or Hub id (default: the bundled voice)"
    )
    parser.add_argument("--revision", help="of a model on the Hub")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="(default: auto)")
    parser.add_argument(
        "--host",
        default="0.0.0.0" if on_space else "127.0.0.1",
        help="address to listen at; 0.0.0.0 lets other machines in (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=number_type(int, 0, 65535), default=7860, help="(default: 7860; 0 is a free one)"
    )
    parser.add_argument(
        "--threads",
        type=number_type(int, 1),
        default=1,
        help="of PyTorch; more only help large models on processors that do nothing else (default: 1)",
    )
    parser.add_argument(
        "--max-characters", type=number_type(int, 1), default=4096, help="of one text (default: 4096, as OpenAI's)"
    )
    parser.add_argument(
        "--max-requests",
        type=number_type(int, 1),
        default=16,
        help="spoken at once, by turns; more are told to come again (default: 16)",
    )
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    options = parse_arguments(arguments)
    try:
        return serve(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def serve(options) -> int:
    """Serves until it is interrupted."""
    listener = listen(options.host, options.port)  # before the voice is loaded, which takes a while
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
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
            limit_concurrency=MOST_CONNECTIONS,
            forwarded_allow_ips="*" if "SPACE_ID" in os.environ else None,  # a Space stands behind a proxy
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


def build(options, files: Path):
    """The ASGI application, and the queue behind it; `files` is for what the page hands out.

    Raises:
        VoiceError: if the voice cannot be loaded.
        ImportError: if a library is missing; the message names the fix.
    """
    try:
        import uvicorn  # noqa: F401

        from tts_trm.serving.api import create_api
        from tts_trm.serving.gate import Gate
        from tts_trm.serving.page import mount_page
    except ImportError as error:
        raise ImportError(f"The server needs gradio, fastapi and uvicorn ({error}): pip install '.[app]'.") from error
    from tts_trm.serving.speech_queue import SpeechQueue
    from tts_trm.voice import Voice

    queue = SpeechQueue(
        lambda: Voice.from_pretrained(options.model, options.revision, options.device),
        options.max_requests,
        options.max_characters,
        options.threads,
    )
    folder = Path(options.model)
    model_id = folder.resolve().name if folder.is_dir() else options.model
    api_key = os.environ.get(API_KEY) or None
    application = mount_page(create_api(queue, model_id, api_key), queue, model_id, files, api_key)
    return Gate(application, queue.max_body, files), queue


if __name__ == "__main__":
    sys.exit(main())

"""The endpoint as OpenAI's own client meets it: a real server, in a thread so that it can be held up."""

import asyncio
import base64
import io
import json
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import soundfile
import uvicorn

from tts_trm import Voice, app
from tts_trm.errors_tts_trm import InputError
from tts_trm.serving import api, server
from tts_trm.serving.requests import OPENAI_VOICES, VoiceNames
from tts_trm.serving.route_filter import Gate
from tts_trm.serving.speech_queue import SpeechQueue

TEXT = "This is the first sentence of all. And here is the second one, a little longer. The third sentence ends it."
ROOT = Path(__file__).resolve().parents[2]
MAX_REQUESTS, MAX_CHARACTERS = 16, 1000


class Held:
    """A voice whose speech can be held up after the first sentence, and that counts the sentences it speaks."""

    def __init__(self, voice: Voice):
        self.voice, self.text_front_end, self.sampling_rate = voice, voice.text_front_end, voice.sampling_rate
        self.go_on = threading.Event()
        self.go_on.set()
        self.spoken = 0

    def stream(self, *arguments, **settings):
        for number, passage in enumerate(self.voice.stream(*arguments, **settings)):
            if number:
                self.go_on.wait(30)
            self.spoken += 1
            yield passage


@pytest.fixture(scope="module")
def queue(tiny_voice):
    queue = SpeechQueue(lambda: Held(Voice.from_pretrained(tiny_voice, device="cpu")), MAX_REQUESTS, MAX_CHARACTERS)
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def address(queue, tmp_path_factory):
    application = Gate(api.create_api(queue, "tiny"), queue.max_body, tmp_path_factory.mktemp("files"))
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def client(address):
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none needed", max_retries=0)


@pytest.fixture
def held(queue):
    """Speech stops after the first sentence until the test lets it go on."""
    queue.voice.go_on.clear()
    queue.voice.spoken = 0
    yield queue.voice
    queue.voice.go_on.set()
    wait_for(lambda: queue.requests == 0)


def wait_for(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it has not happened within 30 s"
        time.sleep(0.01)


def request(client, text=TEXT, voice="anna", kind="wav", **changes):
    return client.audio.speech.create(model="tiny", input=text, voice=voice, response_format=kind, **changes)


@pytest.fixture(scope="module")
def expected(tiny_voice) -> np.ndarray:
    """What `Voice` itself makes of the text, as 16-bit samples."""
    waveform = Voice.from_pretrained(tiny_voice, device="cpu").synthesize(TEXT, "anna").waveform
    return (waveform.clamp(-1, 1) * 32767).round().numpy().astype("<i2")


def low_power(samples: np.ndarray) -> float:
    """Root of the power below 4 kHz, which every format keeps even of noise."""
    return float(np.linalg.norm(np.fft.rfft(samples, 2**20)[: 2**20 // 6]))


@pytest.mark.parametrize("stream_format", [None, "audio"])
@pytest.mark.parametrize("kind", ["wav", "pcm", "flac", "opus", "mp3"])
def test_every_format_holds_the_speech(client, expected, kind, stream_format, tmp_path):
    response = request(client, kind=kind, **({"stream_format": stream_format} if stream_format else {}))
    assert response.response.headers["content-type"].split(";")[0] == api.FORMATS[kind].media_type.split(";")[0]
    if kind == "pcm":
        assert np.array_equal(np.frombuffer(response.content, "<i2"), expected)
        return
    # In blocks: a stream's header knows no length.
    with soundfile.SoundFile(io.BytesIO(response.content)) as file:
        samples, rate = np.concatenate(list(file.blocks(24_000, dtype="int16"))), file.samplerate
    assert rate == 24_000
    if kind in ("wav", "flac"):
        assert np.array_equal(samples, expected)
    else:
        assert abs(len(samples) - len(expected)) < 0.2 * rate
        # The tiny voice hisses, and Opus makes hiss softer.
        assert low_power(samples) == pytest.approx(low_power(expected), rel=0.4)
    if kind == "flac" or (kind == "wav" and not stream_format):
        assert int(response.response.headers["content-length"]) == len(response.content)
        assert soundfile.info(io.BytesIO(response.content)).frames == len(expected)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="AAC needs ffmpeg")
def test_aac_holds_the_speech(client, expected, tmp_path):
    path = tmp_path / "speech.aac"
    path.write_bytes(request(client, kind="aac").content)
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "s16le", "-ar", "24000", "-ac", "1", "pipe:1"]
    samples = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2")
    assert abs(len(samples) - len(expected)) < 0.2 * 24_000
    assert low_power(samples) == pytest.approx(low_power(expected), rel=0.4)


def test_aac_without_ffmpeg_is_refused_with_what_is_missing(client, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(openai.BadRequestError, match="needs the program ffmpeg"):
        request(client, kind="aac")


@pytest.mark.parametrize("kind", ["pcm", "wav", "mp3", "flac"])
def test_server_sent_events(client, expected, kind):
    """As the official client asks for them; the deltas together are what comes without events."""
    with client.audio.speech.with_streaming_response.create(
        model="tiny", input=TEXT, voice="anna", response_format=kind, stream_format="sse"
    ) as response:
        assert response.headers["content-type"].split(";")[0] == "text/event-stream"
        lines = [line for line in response.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    *deltas, done = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"} and done["type"] == "speech.audio.done"
    content = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert done["usage"]["input_tokens"] == len(TEXT) and done["usage"]["output_tokens"] == len(content)
    assert len(deltas) > (1 if kind in ("pcm", "wav", "mp3") else 0)
    if kind == "pcm":
        assert content == expected.tobytes()
    if kind == "wav":
        assert content[44:] == expected.tobytes()


# What programs send, as far as we know it without running them: none of them knows the voice.
RECORDED = {
    "Open WebUI": {"model": "tts-1", "input": "Hello there.", "voice": "alloy"},
    "Open WebUI, a voice of ours": {"model": "tts-1-hd", "input": "Hello there.", "voice": "Anna"},
    "SillyTavern": {
        "model": "tts-1",
        "input": "Hello there.",
        "voice": "nova",
        "response_format": "mp3",
        "speed": 1,
        "provider_endpoint": "http://127.0.0.1:8000/v1/audio/speech",
    },
    "LibreChat": {"input": "Hello there.", "model": "tts-1", "voice": "onyx", "backend": None},
    "Kokoro-FastAPI's clients": {
        "model": "kokoro",
        "input": "Hello there.",
        "voice": "bert",
        "response_format": "wav",
        "stream": False,
        "lang_code": None,
        "volume_multiplier": 1.0,
        "normalization_options": {"normalize": True},
        "return_download_link": False,
    },
    "nulls": {"model": None, "input": "Hello there.", "voice": None, "speed": None, "response_format": None, "seed": 1},
    "OpenAI's newest voices": {"model": "gpt-4o-mini-tts", "input": "Hello there.", "voice": "marin", "user": "me"},
}


@pytest.mark.parametrize("body", RECORDED.values(), ids=RECORDED)
def test_requests_as_programs_send_them(address, body):
    response = httpx.post(f"{address}/v1/audio/speech", json=body, timeout=30)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("audio/") and len(response.content) > 1000


def test_openais_voices_are_shared_out_and_can_be_chosen(tiny_voice):
    front_end = Voice.from_pretrained(tiny_voice, device="cpu").text_front_end
    names = VoiceNames(front_end)
    assert {names.resolve(name) for name in OPENAI_VOICES} == {"anna", "bert"}
    chosen = VoiceNames(front_end, {"Alloy": "bert", "narrator": "anna:0.5,bert:0.5"})
    assert chosen.resolve("alloy") == chosen.resolve("ALLOY") == "bert"
    assert chosen.resolve("narrator") == "anna:0.5,bert:0.5" and chosen.resolve("") == "anna"
    assert names.resolve("Auto") == "auto" and VoiceNames(front_end, {"auto": "bert"}).resolve("auto") == "bert"
    # A speaker's own name is never taken for another.
    assert VoiceNames(front_end, {"anna": "bert"}).resolve("Anna") == "Anna"
    with pytest.raises(InputError, match="--voice-aliases alloy=carl"):
        VoiceNames(front_end, {"alloy": "carl"})


@pytest.mark.parametrize("path", ["/v1/audio/voices", "/v1/voices"])
def test_voices_are_listed(address, path):
    voices = httpx.get(address + path).json()["voices"]
    assert [(voice["id"], voice["name"]) for voice in voices] == [("anna", "anna"), ("bert", "bert")]


def test_models_of_speech_are_listed_as_open_webui_asks(address):
    assert httpx.get(f"{address}/v1/audio/models").json() == {"models": [{"id": "tiny", "name": "tiny"}]}


@pytest.mark.parametrize("text", ["---", "**", "...", "\u2026", "\u2014", " - ", "?!", '""', "* * *"])
@pytest.mark.parametrize("kind", ["pcm", "wav", "mp3"])
def test_pieces_without_a_letter_are_a_short_silence(address, text, kind):
    body = {"model": "tiny", "input": text, "voice": "auto", "response_format": kind}
    response = httpx.post(f"{address}/v1/audio/speech", json=body)
    assert response.status_code == 200, response.text
    if kind == "pcm":
        assert 0.1 < len(response.content) / 48_000 < 1 and not any(response.content)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/audio/speech", 405),
        ("PUT", "/v1/audio/speech", 405),
        ("POST", "/v1/models", 405),
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/chat/completions", 404),
        ("GET", "/v1/models/huge", 404),
    ],
)
def test_wrong_paths_and_methods_have_openais_shape(address, method, path, status):
    response = httpx.request(method, address + path, json={} if method != "GET" else None)
    assert response.status_code == status
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}


def test_beside_the_page_routes_are_forgiving_and_errors_keep_their_shape(tiny_voice, tmp_path):
    application, queue = server.build(app.parse_arguments(["--model", str(tiny_voice)]), tmp_path)
    body = {"input": "Hello.", "voice": "anna", "response_format": "pcm"}

    async def ask() -> dict[tuple[str, str], httpx.Response]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            asked = [("POST", "/v1/audio/speech"), ("POST", "/v1//audio/speech/"), ("GET", "/v1/models/")]
            asked += [("GET", "/v1/audio/speech"), ("OPTIONS", "/v1/audio/speech"), ("POST", "/audio/speech")]
            return {
                each: await client.request(*each, json=body if each[0] == "POST" else None, timeout=60)
                for each in asked
            }

    try:
        answers = asyncio.run(ask())
    finally:
        queue.close()
    statuses = [answer.status_code for answer in answers.values()]
    assert statuses == [200, 200, 200, 405, 405, 404]
    assert answers["POST", "/v1//audio/speech/"].content == answers["POST", "/v1/audio/speech"].content
    assert answers["GET", "/v1/audio/speech"].headers["allow"] == "POST"
    assert "/v1" in answers["POST", "/audio/speech"].json()["error"]["message"]
    assert all("message" in answer.json()["error"] for answer in list(answers.values())[3:])


@pytest.mark.parametrize(("kind", "usual"), [("PCM", "pcm"), (" wav ", "wav"), ("Wave", "wav"), ("ogg", "opus")])
def test_formats_by_other_names(client, kind, usual):
    assert request(client, kind=kind).content[:4] == request(client, kind=usual).content[:4]


def test_pages_from_elsewhere_ask_only_where_they_may(tiny_voice, tmp_path):
    def statuses(*origins: str) -> list[tuple[int, str | None]]:
        options = app.parse_arguments(["--model", str(tiny_voice), *(["--allow-origins", *origins] if origins else [])])
        application, queue = server.build(options, tmp_path)

        async def ask():
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                found = []
                for origin in ("http://chat.example", "http://other.example", "chrome-extension://abc"):
                    headers = {"origin": origin}
                    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
                    before = await client.options("/v1/audio/speech", headers=headers | asked)
                    answer = await client.get("/v1/voices", headers=headers)
                    body = {"input": "Hello.", "voice": "anna", "response_format": "pcm"}
                    spoken = await client.post("/v1/audio/speech", headers=headers, json=body)
                    allowed = {each.headers.get("access-control-allow-origin") for each in (before, answer, spoken)}
                    found.append((answer.status_code, spoken.status_code, *allowed))
                return found

        try:
            return asyncio.run(ask())
        finally:
            queue.close()

    assert [each[:2] for each in statuses()] == [(403, 403)] * 3
    chat = ("http://chat.example", "chrome-extension://abc")
    assert statuses(*chat) == [(200, 200, chat[0]), (403, 403, None), (200, 200, chat[1])]
    assert statuses("*") == [(200, 200, "*")] * 3


def test_speed_blends_and_the_voice_as_an_object(client, tiny_voice):
    voice = Voice.from_pretrained(tiny_voice, device="cpu")
    local = voice.synthesize(TEXT, "anna:0.5,bert:0.5", speed=2.0)
    served = request(client, kind="pcm", voice={"id": "anna:0.5,bert:0.5"}, speed=2.0, instructions="cheerful").content
    assert len(served) == 2 * len(local.waveform)
    assert served != request(client, kind="pcm", voice="anna", speed=2.0).content
    for blend in ("anna+bert", "anna(0.5)+bert(0.5)"):
        assert request(client, kind="pcm", voice=blend, speed=2.0).content == served


def test_the_first_sentence_arrives_before_the_second_is_spoken(client, expected, held):
    with client.audio.speech.with_streaming_response.create(
        model="tiny", input=TEXT, voice="anna", response_format="pcm"
    ) as response:
        chunks = response.iter_bytes()
        first = next(chunks)
        assert held.spoken == 1 and 0 < len(first) < 2 * len(expected)
        held.go_on.set()
        assert first + b"".join(chunks) == expected.tobytes()


def test_models(client):
    (model,) = client.models.list().data
    assert (model.id, model.voices) == ("tiny", ["anna", "bert"])
    assert client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("huge")


@pytest.mark.parametrize(
    ("changes", "status", "parameter", "named"),
    [
        ({"voice": "carl"}, 400, "voice", "anna"),
        ({"voice": "anna:0.5,carl:0.5"}, 400, "voice", "anna"),
        ({"voice": 5}, 400, "voice", "string"),
        ({"input": ""}, 400, "input", "empty"),
        ({"input": "\u4f60\u597d"}, 400, "input", "no letter"),
        ({"input": "a" * 1001}, 400, "input", "1001 characters, over the limit of 1000"),
        ({"input": "Hush. [pause 99s]"}, 400, "input", "99s"),
        ({"input": "Hush. " + "[pause 60s] " * 10}, 400, "input", "longer than 6 minutes"),
        ({"input": None}, 400, "input", "string"),
        ({"response_format": "wma"}, 400, "response_format", "'mp3', 'opus', 'flac', 'wav', 'pcm' or 'aac'"),
        ({"speed": 4.5}, 400, "speed", "4"),
        ({"speed": "fast"}, 400, "speed", "number"),
        ({"stream_format": "ndjson"}, 400, "stream_format", "audio"),
        ({"input": " \n"}, 400, "input", "empty"),
    ],
)
def test_errors_have_openais_shape(address, changes, status, parameter, named):
    body = {"model": "tiny", "input": "Hello.", "voice": "anna", "response_format": "wav"} | changes
    response = httpx.post(f"{address}/v1/audio/speech", json=body)
    error = response.json()["error"]
    assert response.status_code == status and error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", parameter) and named in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"[" * 9000, b"\xff\xfe", b'{"input": "\\ud800"}'])
def test_a_body_that_is_no_request(address, body):
    response = httpx.post(
        f"{address}/v1/audio/speech", content=body, headers={"content-type": "application/json"}, timeout=30
    )
    assert response.status_code == 400 and response.json()["error"]["message"]


def test_text_in_json_escapes_fits_and_larger_bodies_are_refused(address, client, queue):
    escaped = '{"model": "tiny", "voice": "anna", "response_format": "pcm", "input": "%s"}'
    headers = {"content-type": "application/json"}
    # Twelve bytes a letter.
    text = escaped % (("\\ud835\\udc00" * 9 + " ") * (MAX_CHARACTERS // 10))
    assert httpx.post(f"{address}/v1/audio/speech", content=text, headers=headers, timeout=30).status_code == 200

    def pieces():
        yield from [b" " * 1000] * (queue.max_body // 1000 + 1)

    # With its length in the header, and without.
    for content in (b" " * (queue.max_body + 1), pieces()):
        response = httpx.post(f"{address}/v1/audio/speech", content=content, headers=headers)
        assert response.status_code == 413 and str(queue.max_body) in response.json()["error"]["message"]


def test_clients_at_once_hear_what_each_hears_alone(client):
    requests = [(f"Number {word} is here. It says {word} again, and then it goes.", voice) for voice in ("anna", "bert")
                for word in ("one", "two", "three", "four")]  # fmt: skip
    alone = [request(client, *each).content for each in requests]
    with ThreadPoolExecutor(len(requests)) as pool:
        together = list(pool.map(lambda each: request(client, *each).content, requests))
    assert together == alone and len(set(alone)) == len(requests)


def test_a_full_queue_says_when_to_come_again(client, address, expected, held):
    with ThreadPoolExecutor(50) as pool:
        clients = [pool.submit(request, client, kind="pcm") for _ in range(50)]
        # Those that are told.
        wait_for(lambda: sum(each.done() for each in clients) == 50 - MAX_REQUESTS)
        assert httpx.get(f"{address}/health").json()["requests"] == MAX_REQUESTS
        held.go_on.set()
        refused = [each.exception() for each in clients]
        heard = [each.result().content for each, error in zip(clients, refused, strict=True) if error is None]
    assert heard == [expected.tobytes()] * MAX_REQUESTS
    for error in filter(None, refused):
        assert isinstance(error, openai.RateLimitError) and "busy" in str(error)
        assert int(error.response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("kind", ["pcm", "wav"])
def test_a_client_that_leaves_is_no_longer_computed_for(address, queue, held, kind):
    body = {"model": "tiny", "input": TEXT, "voice": "anna", "response_format": kind}
    with pytest.raises(httpx.ReadTimeout), httpx.Client(timeout=1) as client:  # which hangs up
        client.post(f"{address}/v1/audio/speech", json=body)
    held.go_on.set()
    wait_for(lambda: queue.requests == 0)
    # Of three: the one that was being spoken is.
    assert held.spoken <= 2


def test_speech_that_breaks_off_is_not_passed_off_as_whole(client):
    text = "This can be spoken.\n\nThis, too. [pause 99s] This cannot."
    with pytest.raises(openai.BadRequestError, match="99s"):
        request(client, text=text, kind="wav")
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        request(client, text=text, kind="pcm").read()


def test_a_client_that_takes_nothing_in_loses_its_place(monkeypatch):
    monkeypatch.setattr(api, "STALLED", 0.01)
    closed = []

    async def audio():
        try:
            yield b"first"
            yield b"second"
        finally:
            closed.append(True)

    async def never(*message):
        await asyncio.sleep(60)

    async def respond():
        rest = audio()
        await api.SpeechResponse(await anext(rest), rest, "audio/pcm")({"type": "http"}, never, never)

    with pytest.raises(TimeoutError):
        asyncio.run(respond())
    assert closed


def test_only_who_knows_the_key_may_speak(queue, tmp_path):
    application = Gate(api.create_api(queue, "tiny", api_key="geheim"), queue.max_body, Path(tmp_path))

    async def statuses():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            keys = ({}, {"authorization": "Bearer falsch"}, {"authorization": "Bearer geheim"})
            return [(await client.get("/v1/models", headers=headers)).status_code for headers in keys]

    assert asyncio.run(statuses()) == [401, 401, 200]

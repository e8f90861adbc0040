"""The served page as its users meet it: `python app.py` in a process of its own, a real browser, and strangers."""

import asyncio
import html
import io
import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import gradio
import gradio_client
import httpx
import numpy as np
import pytest
import soundfile
from pages import code_blocks

from tts_trm import Voice, app
from tts_trm.serving import page, page_handlers
from tts_trm.serving.api import create_api
from tts_trm.serving.route_filter import Gate
from tts_trm.serving.speech_queue import SpeechQueue

ROOT = Path(app.__file__).resolve().parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
SENTENCE = "The weather is nice today, <b>and</b> it costs $5."
MAX_REQUESTS = 2


@contextmanager
def serve(folder: Path, *arguments, **environment):
    """The address of a server that was started in `folder`, an empty one."""
    with open(folder / "errors.txt", "w+") as errors:
        process = subprocess.Popen(
            [sys.executable, ROOT / "app.py", "--port", "0", "--device", "cpu", *map(str, arguments)],
            cwd=folder,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        address = process.stdout.readline().strip()
        try:
            assert address, (folder / "errors.txt").read_text()
            yield address
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the server is started, with its temporary files in it."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "secret.wav").write_bytes(b"RIFF")
    (folder / "temporary").mkdir()
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with serve(folder, "--max-requests", MAX_REQUESTS, TMPDIR=str(folder / "temporary")) as address:
        yield address
    # It takes its files with it.
    assert not list((folder / "temporary").glob("tts-trm-*"))


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        arguments = [*FLAGS.split(), "--no-first-run", "--autoplay-policy=no-user-gesture-required"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextmanager
def opened(browser, address, **options):
    """A page in a window of its own, which must have asked nobody else for anything, and complained of nothing."""
    context, requested, complaints = browser.new_context(**options), [], []
    window = context.new_page()
    window.on("request", lambda request: requested.append(request.url))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    window.goto(address)
    window.wait_for_selector("#text textarea")
    yield window
    context.close()
    hosts = {urlsplit(url).hostname for url in requested if not url.startswith(("data:", "blob:"))}
    assert hosts == {"127.0.0.1"} and complaints == []


def test_a_sentence_is_typed_heard_and_followed_word_by_word(browser, address):
    with opened(browser, address, viewport={"width": 1180, "height": 900}) as window:
        window.fill("#text textarea", SENTENCE)
        window.click("#speak")
        window.wait_for_selector("#words span.heard")
        assert window.locator("#words .words").inner_text() == SENTENCE  # markup stays text
        source = window.get_attribute("#audio audio", "src")
        samples, rate = soundfile.read(io.BytesIO(window.request.get(source).body()))
        assert rate == 24_000 and 2.0 < len(samples) / rate < 6.0
        assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.5
        seconds = window.evaluate("document.querySelector('#audio audio').duration")
        assert seconds == pytest.approx(len(samples) / rate, abs=0.01)

        window.evaluate("document.querySelector('#audio audio').pause()")
        spans = window.locator("#words .words span")
        assert spans.all_inner_texts() == SENTENCE.split()
        lit = []
        for share in (0.02, 0.5, 0.97):
            window.evaluate(f"document.querySelector('#audio audio').currentTime = {share * seconds}")
            window.wait_for_function(
                "time => Math.abs(document.querySelector('#audio audio').currentTime - time) < .01",
                arg=share * seconds,
            )
            window.wait_for_timeout(100)
            lit.append(window.locator("#words span.heard").inner_text())
        assert (lit[0], lit[2]) == ("The", "$5.") and lit[1] in SENTENCE.split()[2:-2]
        spans.nth(4).click()
        window.wait_for_function("document.querySelector('#words span.heard')?.textContent == 'today,'")

        window.wait_for_selector("#pictures img")
        with window.expect_download() as download:
            window.click("#subtitles")
        assert "1\n00:00:0" in Path(download.value.path()).read_text()


def test_on_a_phone_nothing_overflows_and_long_text_shows_its_progress(browser, address):
    text = "The weather is nice today, and the birds are singing. " * 30
    with opened(browser, address, viewport={"width": 390, "height": 844}, color_scheme="dark") as window:
        window.fill("#text textarea", text)
        window.click("#speak")
        window.wait_for_selector("#words .progress-text, #words .progress-level-inner")
        window.wait_for_selector("#audio audio[src]", state="attached", timeout=60_000)
        assert window.evaluate("document.documentElement.scrollWidth") <= 390
        assert window.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        seconds = window.wait_for_function("document.querySelector('#audio audio').duration").json_value()
        assert 60 < seconds < 240


def test_an_example_brings_its_voice(browser, address):
    with opened(browser, address) as window:
        window.get_by_text("Das Wetter", exact=True).click()
        window.wait_for_function("document.querySelector('#text textarea').value.startsWith('Guten Morgen')")
        window.wait_for_function("document.querySelector('#voice input').value == 'kerstin'")


def test_what_is_stopped_is_no_longer_computed(browser, address):
    def requests():
        return httpx.get(f"{address}/health").json()["requests"]

    def wait(window, count):
        for _ in range(1000):
            if requests() == count:
                return
            window.wait_for_timeout(20)
        raise AssertionError(f"{requests()} requests are being spoken, not {count}")

    with opened(browser, address) as window:
        window.fill("#text textarea", "The weather is nice today, and the birds are singing. " * 70)
        window.click("#speak")
        wait(window, 1)
        window.get_by_role("button", name="Stop").click()
        wait(window, 0)
        # It did not come to its end.
        assert window.locator("#audio audio[src]").count() == 0


def test_what_cannot_be_spoken_is_said_plainly(browser, address):
    with opened(browser, address) as window:
        window.fill("#text textarea", "\u4f60\u597d")
        window.click("#speak")
        toast = window.wait_for_selector(".toast-body")
        assert "has no letter that this voice has learned" in toast.inner_text()
        assert "Traceback" not in window.content()


def speak(address, text="Hello.", speaker="kathleen", partner="nobody", share=0.5, speed=1.0, seed=42):
    client = gradio_client.Client(address, verbose=False, analytics_enabled=False)
    return client.predict(text, speaker, partner, share, speed, 0.75, 0.0, seed, api_name="/speak")


def test_the_page_speaks_as_the_voice_does(address):
    local = Voice.from_pretrained(ROOT / "pretrained" / "tts-trm-mini", device="cpu")
    for settings, speaker in (({}, "kathleen"), ({"partner": "michael", "share": 0.25}, "kathleen:0.75,michael:0.25")):
        samples, _ = soundfile.read(speak(address, "Good morning.", **settings)[0])
        expected = local.synthesize("Good morning.", speaker).waveform.numpy()
        assert np.abs(samples - expected.clip(-1, 1)).max() < 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "a" * 4097}, "4097 characters, over the limit of 4096"),
        ({"text": ""}, "is empty"),
        ({"speaker": "/etc/passwd"}, "not in the list of choices"),
        ({"speed": 9.0}, "maximum"),
        ({"seed": -1}, "minimum"),
    ],
)
def test_the_server_checks_what_the_page_would_not_send(address, changes, message):
    with pytest.raises(gradio_client.exceptions.AppError) as refused:
        speak(address, **changes)
    assert message in str(refused.value)
    assert httpx.get(f"{address}/health").json()["requests"] == 0


def test_more_visitors_than_places_are_all_answered(address):
    def visit(number):
        try:
            return speak(address, f"Visitor number {number} is here. And he says a little more.")[0]
        except (gradio_client.exceptions.AppError, gradio_client.utils.QueueError) as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(visit, range(6)))
    heard = [answer for answer in answers if answer.endswith("speech.wav")]
    assert len(heard) >= MAX_REQUESTS
    assert all("busy" in answer or "full" in answer for answer in answers if answer not in heard), answers
    assert httpx.get(f"{address}/health").json()["requests"] == 0


def test_the_snippets_of_the_documentation_speak(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = {
        block.language: block.text for block in code_blocks("docs/serving.md") if "127.0.0.1:7860/v1" in block.text
    }
    played = []
    exec(blocks["python"].replace("http://127.0.0.1:7860", address), {"play": played.append})
    assert soundfile.info("hello.mp3").duration > 0.3 and sum(map(len, played)) > 24_000
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    subprocess.run(["bash", "-c", blocks["bash"].replace("http://127.0.0.1:7860", address)], check=True)
    assert soundfile.info("hello.wav").duration > 0.3


FILES = [
    "{folder}/secret.wav",
    "{folder}//secret.wav",
    "secret.wav",
    "./secret.wav",
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    "{cache}/../../secret.wav",
    "{cache}/%2e%2e/%2e%2e/secret.wav",
    "{cache}/..%2f..%2fsecret.wav",
    "{cache}/%252e%252e/%252e%252e/secret.wav",
    "{cache}/../..\\secret.wav",
    "{cache}/link.wav",
    "{cache}",
    "{cache}/",
    "{root}/app.py",
    "{root}/.git/config",
    "{root}/pretrained/tts-trm-mini/model.safetensors",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "https://example.com/a.wav",
    "http:/127.0.0.1/health",
    "data:text/plain,secret",
    "%00/etc/passwd",
    "~/.ssh/id_rsa",
]
ROUTES = [
    ("GET", "/gradio_api/proxy=http://127.0.0.1/health"),
    ("GET", "/gradio_api/file/etc/passwd"),
    ("GET", "/file=/etc/passwd"),
    ("GET", "/gradio_api/custom_component/1/client/component/../../../../etc/passwd"),
    ("GET", "/static/../../../../../../../etc/passwd"),
    ("GET", "/assets/%2e%2e/%2e%2e/%2e%2e/routes.py"),
    ("GET", "/gradio_api/runs"),
    ("GET", "/monitoring"),
    ("GET", "/gradio_api/vibe-code"),
    ("GET", "/docs"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/process_recording"),
    ("POST", "/gradio_api/call/speak"),
    ("GET", "/gradio_api/deep_link?session_hash=a"),
]


def raw_request(address: str, method: str, path: str) -> tuple[int, bytes]:
    """As it is written: clients tidy paths up."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        request = f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    return int(answer.split()[1]), answer


def test_no_file_is_served_but_the_speech_of_the_page(address, folder):
    url = gradio_client.Client(address, verbose=False, download_files=False).predict(
        "Hello.", "kathleen", "nobody", 0.5, 1.0, 0.75, 0.0, 42, api_name="/speak"
    )[0]["url"]
    # So the way to files is open, and the names below are what is refused.
    assert httpx.get(url).content[:4] == b"RIFF"
    (cache,) = (folder / "temporary").glob("tts-trm-*")
    (cache / "link.wav").symlink_to(folder / "secret.wav")
    for name in FILES:
        name = name.format(folder=folder, cache=cache, root=ROOT)
        for prefix in ("/gradio_api/file=", "/gradio_api/file%3D"):
            status, answer = raw_request(address, "GET", prefix + name)
            assert status in (400, 403, 404), (status, name)
            assert b"RIFF" not in answer and b"root:" not in answer


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_the_page_does_not_need_is_closed(address, method, path):
    status, answer = raw_request(address, method, path)
    assert status in (403, 404) and b"root:" not in answer


def test_other_web_pages_are_refused(address):
    body = {"model": "tts-trm-mini", "input": "Hello.", "voice": "kathleen", "response_format": "pcm"}
    for origin, status in {"http://evil.example": 403, "null": 403, address: 200}.items():
        response = httpx.post(f"{address}/v1/audio/speech", json=body, headers={"origin": origin})
        assert response.status_code == status


def test_only_this_machine_may_connect_unless_told(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert app.parse_arguments([]).host == "127.0.0.1"
    monkeypatch.setenv("SPACE_ID", "me/my-space")
    assert (app.parse_arguments([]).host, app.parse_arguments([]).port) == ("0.0.0.0", 7860)


def test_with_a_key_the_page_asks_for_it(tiny_voice, tmp_path, monkeypatch):
    # Which the page sets.
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    queue = SpeechQueue(lambda: Voice.from_pretrained(tiny_voice, device="cpu"))
    application = page.mount_page(create_api(queue, "tiny", "geheim"), queue, "tiny", tmp_path, "geheim")

    async def statuses():
        transport = httpx.ASGITransport(Gate(application, queue.max_body, tmp_path))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield (await client.get("/config")).status_code
            for password in ("falsch", "geheim"):
                login = await client.post("/login", data={"username": "anybody", "password": password})
                yield login.status_code
            yield (await client.get("/config")).status_code

    async def collect():
        return [status async for status in statuses()]

    assert run_alone(collect()) == [401, 400, 200, 200]
    queue.close()


def run_alone(coroutine):
    """`asyncio.run` in a thread of its own, for the browser keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def test_a_port_in_use_is_an_error(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert app.main(["--port", port]) == 1
    assert capsys.readouterr().err.startswith(f"error: --host 127.0.0.1 --port {port}: cannot listen there")


def test_a_voice_that_is_not_there_is_an_error(capsys, tmp_path):
    assert app.main(["--port", "0", "--model", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'none'}: cannot be loaded")


def test_errors_quote_text_without_its_markup(tiny_voice):
    queue = SpeechQueue(lambda: Voice.from_pretrained(tiny_voice, device="cpu"), max_requests=0)

    async def first(text):
        return await anext(page_handlers.speak(queue, text, "anna", page_handlers.NOBODY, 0.5, 1.0, None, 0.0, 42))

    with pytest.raises(gradio.Error, match="busy"):
        run_alone(first("Hello."))
    queue.max_requests = 1
    with pytest.raises(gradio.Error) as refused:
        run_alone(first("<\u4f60>"))
    assert html.escape("<\u4f60>") in str(refused.value) and "<" not in str(refused.value)
    queue.close()

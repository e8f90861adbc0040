"""The page of an evaluation: what a browser would find in it, made by the command from a random voice."""

import base64
import csv
import io
import re
import shutil
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from PIL import Image

from tts_trm.data.recordings import read_folder
from tts_trm.evaluation import report_page
from tts_trm.evaluation.report_page import EvaluationPage, encode_audio
from tts_trm.evaluation.word_metrics import compare_words, plain_words
from tts_trm.scripts import evaluate_voice

VOID = {"meta", "img", "link", "br", "input"}
RATE = 24_000
HOSTILE = 'Say <script>alert("x")</script> & "quote" it.'
# Which the voice refuses.
FOREIGN = "漢字"
PLAYED, SENTENCES = 3, 4


class Listener:
    """Understands every recording but for its first word, which it hears as `banana`, and nothing else at all."""

    name = "a <b>listener</b>"

    def __init__(self, clips):
        self.texts = {len(clip.load(RATE)): clip.text for clip in clips}

    def knows(self, texts: list[str]) -> bool:
        return True

    def normalize(self, text: str, language: str) -> str:
        return plain_words(text)

    def __call__(self, waveform: np.ndarray, sampling_rate: int, language: str) -> str:
        words = plain_words(self.texts.get(len(waveform), "")).split()
        return " ".join(["banana", *words[1:]]) if words else ""


class Page(HTMLParser):
    """Elements as `(tag, attributes)` and the text of each kind of element; refuses what is not closed in order."""

    def __init__(self, content: str):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(content)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag: str, name: str = "") -> list[dict]:
        return [found for kind, found in self.elements if kind == tag and (not name or found.get("class") == name)]


def content_of(address: str) -> bytes:
    return base64.b64decode(address.split(";base64,", 1)[1], validate=True)


@pytest.fixture(scope="module")
def made(tiny_voice, tiny_recordings, tmp_path_factory):
    """The content of the page, and the waveforms that it was made from."""
    data = tmp_path_factory.mktemp("hostile") / "data"
    shutil.copytree(tiny_recordings, data)
    with open(data / "metadata.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["speaker"] == "anna"][:SENTENCES]
    rows[0]["text"], rows[1]["text"] = HOSTILE, FOREIGN
    with open(data / "metadata.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    renditions, add = [], EvaluationPage.add

    def keep(page, speaker, result, spoken, table):
        renditions.append(spoken)
        add(page, speaker, result, spoken, table)

    path = tmp_path_factory.mktemp("page") / "new folder" / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tts_trm.evaluation.recognizers.load_recognizer", lambda name: Listener(read_folder(data)))
        patch.setattr(report_page, "PLAYED_SENTENCES", PLAYED)
        patch.setattr(EvaluationPage, "add", keep)
        options = ["--model", str(tiny_voice), "--data-dir", str(data), "--held-out", "1", "--page", str(path)]
        assert evaluate_voice.main(options) == 0
    return path, renditions[0]


@pytest.fixture(scope="module")
def page(made) -> Page:
    return Page(made[0].read_text(encoding="utf-8"))


def played_waveforms(spoken) -> list[np.ndarray]:
    """Those of the page's players, in order: recording, codec and model of the first sentences."""
    *_, codec, model = spoken.waveforms
    systems = ("recordings", codec, model)
    waves = [spoken.waveforms[system][index] for index in range(PLAYED) for system in systems]
    assert sum(wave is None for wave in waves) == 1
    return [wave for wave in waves if wave is not None]


def test_players_hold_the_speech(page, made):
    waves, players = played_waveforms(made[1]), page.all("audio")
    assert len(players) == len(waves)
    for player, wave in zip(players, waves, strict=True):
        samples, rate = soundfile.read(io.BytesIO(content_of(player["src"])))
        assert "controls" in player and rate == RATE and len(samples) == len(wave)
    assert np.corrcoef(soundfile.read(io.BytesIO(content_of(players[0]["src"])))[0], waves[0])[0, 1] > 0.95


def test_spectrograms_and_alignments_are_pictures(page, made):
    images = {image["alt"]: [] for image in page.all("img")}
    for image in page.all("img"):
        images[image["alt"]].append(Image.open(io.BytesIO(content_of(image["src"]))))
    sizes = [image.size for name, found in images.items() if name.startswith("Spectrogram") for image in found]
    assert sorted(sizes) == sorted((1 + len(wave) // 240, 80) for wave in played_waveforms(made[1]))
    (alignments,) = [found for name, found in images.items() if name.startswith("Alignment")]
    assert len(alignments) == PLAYED - 1 and "Bars: cross-entropy and accuracy of each codebook" in images
    times = [element for element in page.all("div") if element.get("class") == "times"]
    assert len(times) == PLAYED - 1


def test_wrong_words_are_marked(page, made):
    texts = made[1].texts
    shown = [mark for mark in page.texts["mark"] if mark != "wrong word"]  # of the explanation
    assert shown == ["banana"] * SENTENCES and page.texts["rt"] == [plain_words(text).split()[0] for text in texts]
    heard = [" ".join(text.split()) for text in page.texts["p"]]
    # The word that was expected stands beneath.
    assert plain_words(HOSTILE).replace("say", "bananasay") in heard
    # of the codec and, but for the sentence that it refuses, of the model
    assert sum(text == "nothing heard" for text in page.texts["span"]) == 2 * SENTENCES - 1
    assert "1 wrong, " in page.texts["figcaption"][0] and "7 wrong, " in page.texts["figcaption"][1]


def test_words_side_by_side():
    assert compare_words("Two big dogs, running.", "too dogs running fast") == [
        ("two", "too"), ("big", ""), ("dogs", "dogs"), ("running", "running"), ("", "fast")
    ]  # fmt: skip
    assert compare_words("Go on!", "") == [("go", ""), ("on", "")]


def test_text_of_the_data_is_only_text(page):
    assert sum(HOSTILE in text for text in page.texts["p"]) == 1
    assert page.all("script") == [{}] and "alert" not in page.texts["script"][0]
    assert "a <b>listener</b>" in page.texts["p"][0]
    assert any(text.startswith("Refused: ") for text in page.texts["p"])


def test_the_page_needs_nothing_outside_itself(page, made):
    content = made[0].read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import", content)
    for _, attributes in page.elements:
        for name in {"src", "href", "srcset", "action", "data", "poster"} & set(attributes):
            assert attributes[name].startswith(("data:", "#speaker-", "#measures"))
    anchors = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {link["href"][1:] for link in page.all("a")} == anchors == {"speaker-1", "measures"}


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_in_a_browser(made):
    """It plays, follows and complains of nothing, and on a telephone nothing is wider than the screen."""
    from playwright.sync_api import sync_playwright

    complaints = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(made[0].as_uri())
        page.wait_for_function("[...document.querySelectorAll('audio')].every((audio) => audio.readyState > 0)")
        seconds = page.evaluate("[...document.querySelectorAll('audio')].map((audio) => audio.duration)")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.click(".track >> nth=1", position={"x": 100, "y": 20})
        page.wait_for_function("document.querySelectorAll('.track i')[1].style.opacity === '1'")
        assert page.evaluate("document.querySelectorAll('audio')[1].currentTime") > 0
        browser.close()
    assert seconds == pytest.approx([len(wave) / RATE for wave in played_waveforms(made[1])], abs=0.06)
    assert complaints == []


def test_without_mp3_it_is_wav(monkeypatch):
    monkeypatch.setattr(soundfile, "available_formats", lambda: {"WAV": "Microsoft"})
    media_type, content = encode_audio(np.full(777, 2.0, np.float32), RATE)
    samples, rate = soundfile.read(io.BytesIO(content))
    assert media_type == "audio/wav" and (len(samples), rate) == (777, RATE) and samples.min() > 0.99  # clipped


def test_a_page_that_cannot_be_written_leaves_the_earlier_one(made, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("an earlier page")
    results = {"model": "a", "sentences": 0, "held_out": 0, "recognizer": "", "speaker_encoder": "", "seed": 0}

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match=r"page\.html: cannot be written .*No space left"):
        EvaluationPage(RATE).write(path, results)
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"] and path.read_text() == "an earlier page"


def test_without_matplotlib_it_is_told_before_anything_is_measured(
    tiny_voice, tiny_recordings, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr("tts_trm.speaking.voice.Voice.from_pretrained", None)
    options = ["--model", str(tiny_voice), "--data-dir", str(tiny_recordings), "--page", str(tmp_path / "page.html")]
    assert evaluate_voice.main(options) == 1
    assert "error: Pictures need matplotlib" in capsys.readouterr().err

"""docs/train-your-voice.md and docs/add-a-language.md, followed command by command with the fixture's recordings."""

import importlib
import json
import shlex
import shutil

import pages
import pytest
import soundfile
from hub_stand_in import HubStandIn
from pages import ROOT

from tts_trm.normalization_tts_trm import Normalizer

# The rest is as on the page: fewer steps, our Hub's user.
AS_HERE = {"300": "2", "4000": "2", "you/your-voice": "me/your-voice"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder that looks like the checkout, with recordings of somebody called `me` in it."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "pretrained").symlink_to(ROOT / "pretrained")
    recordings = tmp_path / "my_recordings"
    shutil.copytree(ROOT / "test_dataset", recordings, ignore=shutil.ignore_patterns("mimi_tokens", "rms_*"))
    rows = (recordings / "metadata.csv").read_text(encoding="utf-8").splitlines()
    kept = [rows[0], *(row.replace(",slt", ",me") for row in rows if row.startswith("slt"))]
    (recordings / "metadata.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def follow(page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> tuple[int, HubStandIn]:
    """Runs the page's commands; returns their number and what was uploaded."""
    blocks = "".join(block.text for block in pages.code_blocks(page) if block.language == "bash")
    commands = [shlex.split(line) for line in blocks.splitlines()]
    with HubStandIn() as hub:
        for launcher, script, *arguments in commands:
            assert launcher == "python"
            if "push" in script:
                hub.connect(monkeypatch)
            module = importlib.import_module("tts_trm." + script.removesuffix(".py").replace("/", "."))
            status = module.main([AS_HERE.get(word, word) for word in arguments])
            assert status == 0, f"{script}: {capsys.readouterr().err}"
    return len(commands), hub


def test_the_page_leads_to_a_voice(checkout, monkeypatch, capsys):
    number, hub = follow("docs/train-your-voice.md", monkeypatch, capsys)
    assert number == 9
    said = capsys.readouterr().out
    assert "me: 0.4 minutes in 12 clips" in said and "has to learn: none" in said
    assert "Learning from pretrained/tts-trm-mini and 12 texts" in said
    for name in ("check.png", "mimi_tokens/alignment_1.png"):
        assert (checkout / "my_recordings" / name).read_bytes().startswith(b"\x89PNG")
    for name in ("mine", "blend"):
        assert soundfile.info(checkout / "outputs" / f"{name}.wav").duration > 0.5
    assert "12 recordings -> clean_recordings" in said
    assert "me" in json.loads((checkout / "outputs" / "evaluation.json").read_text())["speakers"]
    assert "<audio" in (checkout / "outputs" / "evaluation.html").read_text()
    assert "model.safetensors" in hub.repositories["me/your-voice"].at("main").files


def test_the_page_leads_to_a_language(checkout, monkeypatch, capsys):
    page = "docs/add-a-language.md"
    number, hub = follow(page, monkeypatch, capsys)
    assert number == 6
    properties = json.loads(hub.repositories["me/your-voice"].at("main").files["processor_config.json"])
    assert dict(zip(properties["speakers"], properties["languages"], strict=True))["me"] == "nl"

    # The table of the page reads the cases of the page.
    blocks = {block.language: block.text for block in pages.code_blocks(page)}
    names: dict = {}
    exec(blocks["python"], names)
    normalizer = Normalizer(names["DUTCH"])
    cases = [line.split("\t") for line in blocks["text"].splitlines()]
    assert len(cases) == 3
    for language, written, spoken in cases:
        assert language == "nl" and normalizer(written, names=False).text == spoken

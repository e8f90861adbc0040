"""Every row of `generation_settings.py` can be spoken, is spoken once, and has its place in the report."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from tiny import random_batch, tiny_model

from tts_trm.benchmarks.ablations.run_ablations import read_results
from tts_trm.benchmarks.quality import generation_settings
from tts_trm.data.sources import read_sources
from tts_trm.evaluation.word_metrics import plain_words

NAMES = [row.name for row in generation_settings.ROWS]


@pytest.fixture
def arguments(tiny_voice, tiny_recordings, tmp_path, monkeypatch):
    """The command on two sentences, with a listener that hears the same in everything and knows bert's words only."""
    known = {clip.text for clip in read_sources([tiny_recordings]) if clip.speaker == "bert"}

    class Listener:
        name = "stand-in"
        normalize = staticmethod(lambda text, language: plain_words(text))

        def knows(self, texts: list[str]) -> bool:
            return set(texts) <= known

        def __call__(self, waveform: np.ndarray, sampling_rate: int, language: str) -> str:
            assert language == "en"
            return "the small window"

    def rate(waveform: np.ndarray, sampling_rate: int) -> dict[str, float]:
        return {"dnsmos_overall": float(np.abs(waveform).mean()), "dnsmos_p808": 2.5}

    monkeypatch.setattr("tts_trm.evaluation.recognizers.load_recognizer", lambda name: Listener())
    monkeypatch.setattr("tts_trm.evaluation.quality.load_quality", lambda: rate)
    options = [
        "--model",
        str(tiny_voice),
        "--data-dir",
        str(tiny_recordings),
        "--held-out",
        "0.6",
        "--sentences",
        "2",
    ]
    return [*options, "--output", str(tmp_path / "speaking.json")]


@pytest.mark.parametrize("row", generation_settings.ROWS, ids=lambda row: row.name)
def test_generate_takes_the_settings_of_a_row(row):
    model = tiny_model()
    # What starts at zero would hide a difference.
    for parameter in model.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    batch = random_batch(model.config)
    text = {name: batch[name] for name in ("input_ids", "attention_mask", "speaker_id")}

    def speak(settings):
        generator = torch.Generator().manual_seed(generation_settings.SEED)
        return model.generate(**text, num_frames=9, **generation_settings.BASE | settings, generator=generator)

    codes = speak(row.settings)
    assert codes.shape == (2, 5, 9) and torch.equal(codes, speak(row.settings))  # the same again
    changed = row.settings.keys() - {"h_cycles"} or row.settings.get("h_cycles", 2) != model.config.h_cycles
    assert torch.equal(codes, speak({})) != bool(changed)


def test_base_is_what_generate_does_by_default():
    model = tiny_model()
    text = {name: random_batch(model.config)[name] for name in ("input_ids", "attention_mask", "speaker_id")}
    assert torch.equal(
        model.generate(**text, num_frames=9), model.generate(**text, num_frames=9, **generation_settings.BASE)
    )


def result(name: str, voice: str = "new 2", rate: float = 0.5) -> dict:
    key = dict(zip(generation_settings.KEY, (voice, "ears", "anna", 0.04, 2), strict=True))
    rates = {"word_error_rate": rate, "word_error_interval": [0.1, 0.9], "character_error_rate": rate / 2}
    return key | rates | {"name": name, "dnsmos_overall": 2.958, "dnsmos_p808": 3.5, "seconds_per_audio_second": 0.05}


def test_rows_are_measured_once_and_reported_in_order(arguments, tmp_path, monkeypatch, capsys):
    measured, page = [], tmp_path / "ablations.md"

    class Studio:
        key = {name: result("")[name] for name in generation_settings.KEY}
        model = tiny_model(num_codebooks=12, codebook_chains=[12])

        def __init__(self, command):
            pass

        def measure(self, row):
            measured.append(row.name)
            if len(measured) == 3:
                raise OSError("stopped")
            return result(row.name)

    monkeypatch.setattr(generation_settings, "Studio", Studio)
    monkeypatch.setattr(generation_settings, "PAGE", page)
    # It has only 12.
    names = [name for name in NAMES if name != "first 16 codebooks"]
    assert generation_settings.main(arguments) == 1 and "error: stopped" in capsys.readouterr().err
    assert generation_settings.main(arguments) == 0 and generation_settings.main(arguments) == 0
    assert measured == [*names[:3], *names[2:]]
    assert [entry["name"] for entry in read_results(tmp_path / "speaking.json")] == names

    page.write_text("before\n<!-- table: speaking -->\nold\n<!-- end -->\nafter\n")
    # A second report changes nothing.
    for _ in range(2):
        assert generation_settings.main([*arguments, "--report"]) == 0
        text = page.read_text()
        assert text.startswith("before\n<!-- table: speaking -->\n") and text.endswith("\n<!-- end -->\nafter\n")
        cells = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
        titles = {row.table for row in generation_settings.ROWS}
        assert [cell for cell in cells if cell not in titles] == names and titles <= set(cells)
        assert "old" not in text


def test_a_row_is_spoken_and_measured(arguments, tmp_path, monkeypatch):
    chosen = [generation_settings.RECORDINGS, generation_settings.CODEC, "first 8 codebooks", "first 16 codebooks"]
    monkeypatch.setattr(generation_settings, "ROWS", [row for row in generation_settings.ROWS if row.name in chosen])
    assert generation_settings.main(arguments) == 0
    results = read_results(tmp_path / "speaking.json")
    for entry in results:
        assert entry["speaker"] == "bert" and entry["sentences"] == 2 and entry["voice"].startswith("tiny_voice ")
        low, high = entry["word_error_interval"]
        assert low <= entry["word_error_rate"] <= high
    recordings, codec, coarse, fine = results
    assert recordings["seconds_per_audio_second"] is None and codec["seconds_per_audio_second"] is None
    assert len({entry["dnsmos_overall"] for entry in results}) == 4 and fine["seconds_per_audio_second"] > 0


def test_the_report_has_the_latest_voice_only(tmp_path):
    results = [result(NAMES[1], "old 1", 0.8), result(NAMES[5], "old 1", 0.7), result(NAMES[5], "new 2", 0.5)]
    text = generation_settings.tables(results)
    assert f"| {NAMES[5]} | 50.0 % (10-90) | 25.0 % | 2.96 / 3.50 | 0.050 |" in text and "Voice new 2" in text
    assert NAMES[1] not in text and "70.0" not in text
    assert "Not run yet." in generation_settings.tables([])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--speaker", "carl"], "of speaker 'carl' is held out"),
        (["--speaker", "anna"], "stand-in does not know the words of anna; give"),
        (["--model", "nowhere"], "nowhere: "),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, changes, message, capsys):
    assert generation_settings.main([*arguments, *changes]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error


def test_a_speaker_that_the_voice_has_not_is_refused(arguments, request, capsys):
    assert generation_settings.main([*arguments, "--data-dir", str(request.config.rootpath / "test_dataset")]) == 1
    assert "Unknown speaker 'rms'; this voice has: 0 anna, 1 bert." in capsys.readouterr().err


def test_what_the_voice_refuses_is_left_out(arguments, tmp_path, monkeypatch, capsys):
    generate, refused = generation_settings.Studio._generate, []

    def generate_unless_first(studio, clip, settings):
        refused.append(clip.text)
        if clip.text == refused[0]:
            raise ValueError("too long")
        return generate(studio, clip, settings)

    monkeypatch.setattr(generation_settings.Studio, "_generate", generate_unless_first)
    monkeypatch.setattr(generation_settings, "ROWS", generation_settings.ROWS[5:6])
    assert generation_settings.main(arguments) == 0
    assert f"left out: {refused[0]!r}: too long" in capsys.readouterr().out
    assert [entry["sentences"] for entry in read_results(tmp_path / "speaking.json")] == [1]


def test_help_imports_nothing_slow(request, tmp_path):
    command = [
        sys.executable,
        "-X",
        "importtime",
        str(request.config.rootpath / "benchmarks" / "quality" / "generation_settings.py"),
        "--help",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: ")
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported and not imported & {"torch", "transformers", "datasets"}

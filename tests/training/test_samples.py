import io
import json
import logging
import sys

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from tts_trm import TtsTrmModel, TtsTrmProcessor
from tts_trm.plots import alignment_from_durations, draw_durations, draw_spectrogram, draw_speech, frequency_ticks
from tts_trm.speaking.prompts import Prompt
from tts_trm.training.samples import SampleWriter

PROMPTS = [Prompt("Hello there, this is one.", "bert", 1), Prompt("And two.", 0, 2)]


@pytest.fixture
def model(tiny_voice):
    return TtsTrmModel.from_pretrained(tiny_voice).train()


@pytest.fixture
def processor(tiny_voice):
    return TtsTrmProcessor.from_pretrained(tiny_voice)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def read_info(folder, step):
    return json.loads((folder / "samples" / step / "info.json").read_text(encoding="utf-8"))


def test_layout_and_info(tmp_path, model, processor):
    writer = SampleWriter(tmp_path, processor, PROMPTS, generate_kwargs={"temperature": 0.8, "top_k": 5})
    assert writer.write_ground_truth() == []
    spoken = writer.write(model, 500)
    assert files(tmp_path / "samples") == [
        "step_000500/info.json",
        "step_000500/sample_1.png",
        "step_000500/sample_1_generated.wav",
        "step_000500/sample_2.png",
        "step_000500/sample_2_generated.wav",
    ]
    info = read_info(tmp_path, "step_000500")
    assert (info["step"], info["temperature"], info["top_k"]) == (500, 0.8, 5)
    samples, rate = soundfile.read(tmp_path / "samples/step_000500/sample_1_generated.wav")
    assert info["samples"][0] == {
        "sample": 1,
        "text": "Hello there, this is one.",
        "speaker": "bert",
        "speaker_id": 1,
        "frames": len(samples) // 1920,
        "seconds": len(samples) / rate,
        "file": "sample_1_generated.wav",
        "picture": "sample_1.png",
    }
    assert rate == 24_000 and len(samples) == len(spoken[0].waveform) > 0
    assert len(spoken[0].alignment) == info["samples"][0]["frames"]
    assert (tmp_path / "samples/step_000500/sample_1.png").read_bytes() == spoken[0].picture


def test_rows_of_the_data_set_are_prompts_and_ground_truth(tmp_path, model, processor):
    rows = [
        {"text": f"Row number {n}.", "speaker_id": n % 2, "audio_codes": np.full((32, 3 + n), n, np.int16)}
        for n in range(4)
    ]
    ids = np.asarray(processor(text=rows[0]["text"])["input_ids"][0], np.int32)
    rows[0] |= {"input_ids": ids, "durations": np.full(len(ids), 3 / len(ids), np.float32)}
    # A clip that could not be aligned.
    rows[1] |= {"durations": np.zeros(0, np.float32)}
    writer = SampleWriter(tmp_path, processor, rows=rows, num_samples=2)
    recordings = writer.write_ground_truth()
    assert [(one.text, one.speaker, one.number) for one in recordings] == [
        ("Row number 0.", "anna", 1),
        ("Row number 1.", "bert", 2),
    ]
    assert recordings[0].alignment.shape == (3, len(recordings[0].characters)) and recordings[1].alignment is None
    assert all(one.picture.startswith(b"\x89PNG") for one in recordings)
    assert files(tmp_path / "samples") == [f"sample_{n}_ground_truth.{kind}" for n in (1, 2) for kind in ("png", "wav")]
    paths = [tmp_path / f"samples/sample_{number}_ground_truth.wav" for number in (1, 2)]
    assert [soundfile.info(path).frames for path in paths] == [3 * 1920, 4 * 1920]
    written = paths[0].stat().st_mtime_ns
    again = writer.write_ground_truth()
    # Once, resumed or not.
    assert len(again) == 2 and paths[0].stat().st_mtime_ns == written
    assert [(speech.text, speech.speaker) for speech in writer.write(model, 1)] == [
        ("Row number 0.", "anna"),
        ("Row number 1.", "bert"),
    ]


def test_training_is_not_disturbed(tmp_path, model, processor):
    writer = SampleWriter(tmp_path, processor, PROMPTS[:1], generate_kwargs={"temperature": 50.0})
    torch.manual_seed(7)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = writer.write(model, 1)
    assert torch.equal(torch.get_rng_state(), state) and (np.random.get_state()[1] == numpy_state).all()
    assert model.training and all(module.training for module in model.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    # The run's own randomness is not the samples'.
    torch.manual_seed(8)
    second = writer.write(model, 2)
    assert torch.equal(first[0].codes, second[0].codes)
    writer.seed += 1
    assert not torch.equal(first[0].codes, writer.write(model, 3)[0].codes)


def test_a_prompt_that_fails_is_told_in_info(tmp_path, model, processor, caplog):
    prompts = [Prompt("???", 0, 1), Prompt("Fine.", "carl", 2), Prompt("Fine.", 1, 3)]
    with caplog.at_level(logging.WARNING):
        spoken = SampleWriter(tmp_path, processor, prompts).write(model, 3)
    assert [(speech.number, speech.text) for speech in spoken] == [(3, "Fine.")]
    entries = read_info(tmp_path, "step_000003")["samples"]
    assert "no letter" in entries[0]["error"] and "Unknown speaker 'carl'" in entries[1]["error"]
    assert entries[2]["file"] == "sample_3_generated.wav" and "error" not in entries[2]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["No sample 1", "No sample 2"]
    assert model.training


def test_a_missing_codec_is_reported_once_and_pictures_go_on(tmp_path, model, processor, caplog):
    processor.codec = str(tmp_path / "nowhere")
    rows = [{"text": "A row.", "speaker_id": 0, "audio_codes": np.zeros((32, 3), np.int16)}]
    writer = SampleWriter(tmp_path, processor, rows=rows)
    with caplog.at_level(logging.WARNING):
        assert writer.write_ground_truth() == []
        assert [speech.waveform for speech in writer.write(model, 1) + writer.write(model, 2)] == [None, None]
    assert len(caplog.records) == 1 and "nowhere" in caplog.text
    assert "nowhere" in read_info(tmp_path, "step_000002")["samples"][0]["error"]
    assert [name for name in files(tmp_path) if name.endswith((".wav", ".png"))] == [
        "samples/step_000001/sample_1.png",
        "samples/step_000002/sample_1.png",
    ]


def test_a_full_disk_does_not_end_the_run(tmp_path, model, processor, monkeypatch, caplog):
    def full(path, *arguments, **settings):
        open(path, "wb").write(b"RIFF")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("soundfile.write", full)
    with caplog.at_level(logging.WARNING):
        SampleWriter(tmp_path, processor, PROMPTS[:1]).write(model, 1)
    assert files(tmp_path / "samples") == ["step_000001/info.json", "step_000001/sample_1.png"]
    assert "No space left" in caplog.text


def test_without_matplotlib_there_are_no_pictures(tmp_path, model, processor, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with caplog.at_level(logging.WARNING):
        SampleWriter(tmp_path, processor, PROMPTS).write(model, 1)
    assert not list(tmp_path.rglob("*.png")) and len(list(tmp_path.rglob("*.wav"))) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "No picture of sample 1: Pictures need matplotlib: pip install 'tts-trm[pictures]'."
    ]


def read_png(path):
    """Width and height of a PNG, which must not be blank."""
    from matplotlib.image import imread

    pixels = imread(path)
    assert pixels.std() > 0.02
    return pixels.shape[1], pixels.shape[0]


def test_pictures_grow_with_text_and_time(tmp_path):
    """With both panels, and without audio; dollars and underscores are text, not formulas."""
    noise = np.random.default_rng(0).standard_normal(24_000 * 2).astype(np.float32)
    characters = ["<boundary>", *"$5_x^2$ \\frac 漢", "<boundary>"]
    draw_speech(tmp_path / "both.png", "$5_x^2$ \\frac 漢", characters, np.eye(25, len(characters)), noise)
    draw_durations(tmp_path / "durations.png", "a long text", ["a"] * 60, np.full(60, 1.1))
    (width, height), (longer, taller) = read_png(tmp_path / "both.png"), read_png(tmp_path / "durations.png")
    assert 500 < width < longer < 2500 and 400 < height < taller < 2500
    with pytest.raises(OSError, match=r"missing/a\.png: cannot be written"):
        draw_speech(tmp_path / "missing" / "a.png", "text", waveform=noise)
    assert files(tmp_path) == ["both.png", "durations.png"]


def test_a_spectrogram_alone_is_as_large_as_its_sound():
    tone = np.sin(2 * np.pi * 1000 * np.arange(4800) / 24_000)
    image, silence = (Image.open(io.BytesIO(draw_spectrogram(wave, 24_000))) for wave in (tone, 0 * tone))
    assert image.size == silence.size == (21, 80)
    brightest = np.asarray(image.convert("L"), float).mean(1).argmax()
    # The lowest band is the last row.
    assert abs(79 - brightest - frequency_ticks(24_000)["1"]) < 1
    assert np.asarray(silence.convert("L")).max() == 0


def test_alignment_from_durations():
    durations = np.array([1.5, 0.0, 0.25, 2.25])
    alignment = alignment_from_durations(durations, steps_per_frame=2)
    assert alignment.shape == (8, 4)
    np.testing.assert_allclose(alignment.sum(1), 1.0)
    np.testing.assert_allclose(alignment.sum(0), 2 * durations)
    np.testing.assert_allclose(alignment[3], [0, 0, 0.5, 0.5])

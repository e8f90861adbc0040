"""What a run leaves in TensorBoard and Weights & Biases, read back from their files, and trackers that fail."""

import io
import logging
import signal
import sys

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from tts_trm import run_training
from tts_trm.speaking.voice import Speech
from tts_trm.training.tracking import Trackers

SIZES = (
    "--text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 16 --text-layers 1 --L-layers 1 --H-cycles 2 --L-cycles 1"
)


def new_accelerator(folder, *trackers):
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState
    from accelerate.utils import ProjectConfiguration

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    configuration = ProjectConfiguration(str(folder), logging_dir=str(folder / "logs"))
    return Accelerator(cpu=True, log_with=list(trackers) or None, project_config=configuration)


def read_events(folder):
    """Everything that TensorBoard shows of the logs in `folder`."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "logs" / "tts-trm"), {"images": 0, "audio": 0, "scalars": 0, "tensors": 0})
    return events.Reload()


def steps(events) -> list[int]:
    return [event.step for event in events]


@pytest.fixture(scope="module")
def events(tokens, tmp_path_factory):
    """Those of a short run, with an evaluation and samples in the middle and at the end."""
    folder = tmp_path_factory.mktemp("run")
    # A fresh state of accelerate.
    new_accelerator(folder)
    options = f"{SIZES} --batch-size 2 --num-workers 0 --device cpu --max-steps 4 --log-interval 1"
    options += f" --eval-interval 2 --sample-interval 2 --num-samples 1 --token-dir {tokens} --output-dir {folder}"
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.config.HF_DATASETS_CACHE", folder / "cache")
        assert run_training.main(options.split()) == 0
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return read_events(folder)


def test_curves(events):
    scalars = events.Tags()["scalars"]
    for name in ("loss", "lr", "gradient_norm", "frames_per_second", "length_loss", "codebook_loss/31"):
        assert steps(events.Scalars(f"train/{name}")) == [1, 2, 3, 4]
    for name in ("loss", "codebook_loss/00", "codebook_loss/31", "cycle_loss/1", "cycle_loss/2"):
        assert steps(events.Scalars(f"eval/{name}")) == [2, 4]
    for kind in ("train", "eval"):
        assert sum(name.startswith(f"{kind}/codebook_loss/") for name in scalars) == 32
    assert all(event.value > 0 for event in events.Scalars("train/gradient_norm"))
    assert "custom_scalars__config__" in events.Tags()["tensors"]


def test_pictures_are_pngs_of_sensible_size(events):
    expected = {
        "sample_1/recording/picture": [0],
        "sample_1/picture": [2, 4],
        "eval/codebooks": [2, 4],
    }
    assert {name: steps(events.Images(name)) for name in events.Tags()["images"]} == expected
    for name in expected:
        for event in events.Images(name):
            image = Image.open(io.BytesIO(event.encoded_image_string))
            assert image.format == "PNG" and image.size == (event.width, event.height)
            assert 400 < event.width < 2000 and 200 < event.height < 2000 and np.asarray(image).std() > 5


def test_speech_is_to_be_heard(events):
    expected = {"sample_1/recording/audio": [0], "sample_1/audio": [2, 4]}
    assert {name: steps(events.Audio(name)) for name in events.Tags()["audio"]} == expected
    for name in expected:
        for event in events.Audio(name):
            samples, rate = soundfile.read(io.BytesIO(event.encoded_audio_string))
            assert rate == 24_000 and len(samples) % 1920 == 0 and np.abs(samples).max() > 0
    # TensorBoard shows only one kind of data by each name.
    assert not set(expected) & set(events.Tags()["images"])


def a_speech() -> Speech:
    waveform = torch.sin(torch.arange(4800) / 10)
    speech = Speech("a", 0, "anna", torch.zeros(1, 32, 3).long(), ["a"], None, None, 24_000, 12.5, waveform)
    picture = io.BytesIO()
    Image.new("RGB", (7, 5), "red").save(picture, "PNG")
    speech.picture = picture.getvalue()
    return speech


@pytest.mark.parametrize("moment", ["start", "log", "log_audio"])
def test_a_tracker_that_fails_stops_no_other(moment, tmp_path, monkeypatch, caplog):
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    calls = []

    class Failing:
        """Weights & Biases on the day its server is down; it fails from one moment on."""

        name, requires_logging_directory = "wandb", False

        def __init__(self, project, **settings):
            self.tracker = self

        def __getattr__(self, name):
            def method(*values, **settings):
                calls.append(name)
                audio = values and isinstance(values[0], dict) and any("audio" in key for key in values[0])
                if name == moment or (moment == "log_audio" and audio):
                    raise ConnectionError("no server")

            return method

    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "wandb", Failing)
    with caplog.at_level(logging.WARNING):
        trackers = Trackers(new_accelerator(tmp_path, "wandb", "tensorboard"), "a run", {"batch_size": 2})
        for step in (1, 2):
            trackers.log({"train/loss": 1.5}, step)
            trackers.log_speech("sample_1", a_speech(), step)
        trackers.finish()
    assert [record.getMessage() for record in caplog.records] == [
        "Tracking with wandb stops, the run continues: ConnectionError: no server"
    ]
    # It is left alone from then on.
    assert calls[-1] == moment.split("_")[0]
    events = read_events(tmp_path)
    assert steps(events.Scalars("train/loss")) == steps(events.Images("sample_1/picture")) == [1, 2]
    assert steps(events.Audio("sample_1/audio")) == [1, 2]


def test_wandb_keeps_what_is_logged_with_an_earlier_step(tmp_path, monkeypatch):
    """Its file is not for others to read; its summary holds the last value of every name, if that was not dropped."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    trackers = Trackers(new_accelerator(tmp_path, "wandb"), "a run", {})
    trackers.log({"train/loss": 1.5}, 10)
    trackers.log_speech("sample_1", a_speech(), 4)
    trackers.log({"train/loss": 0.5}, 5)
    summary = dict(trackers._trackers[0].tracker.summary)
    trackers.finish()
    assert summary["train/loss"] == 0.5 and summary["step"] == 5
    assert summary["sample_1/picture"]["width"] == 7
    (folder,) = (tmp_path / "logs" / "wandb").glob("offline-run-*")
    media = {path.suffix: path for path in (folder / "files" / "media").rglob("*.*")}
    assert len(soundfile.read(media[".wav"])[0]) == 4800
    assert Image.open(media[".png"]).size == (7, 5)


def test_without_matplotlib_numbers_and_speech_are_logged(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    trackers = Trackers(new_accelerator(tmp_path, "tensorboard"), "a run", {})
    speech = a_speech()
    speech.picture = None
    for step in (1, 2):
        trackers.log_evaluation({"loss": 2.0, "codebook_loss/00": 3.0}, step)
        trackers.log_speech("sample_1", speech, step)
    trackers.finish()
    events = read_events(tmp_path)
    assert steps(events.Scalars("eval/loss")) == steps(events.Audio("sample_1/audio")) == [1, 2]
    assert events.Tags()["images"] == [] and "pip install 'tts-trm[pictures]'" in caplog.text
    assert "Tracking with" not in caplog.text


def test_without_trackers_nothing_is_drawn_or_written(tmp_path, monkeypatch):
    monkeypatch.setattr("tts_trm.training.tracking.draw_codebooks", None)
    trackers = Trackers(new_accelerator(tmp_path), "a run", {})
    trackers.log_evaluation({"loss": 2.0, "codebook_loss/00": 3.0}, 1)
    trackers.log_speech("sample_1", a_speech(), 1)
    trackers.finish()
    assert not list(tmp_path.iterdir())

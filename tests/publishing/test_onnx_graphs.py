"""A voice as ONNX: what torch says, said without torch."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from tiny import tiny_config, tiny_mimi

from tts_trm import TtsTrmCodec, TtsTrmCodecConfig, Voice
from tts_trm.publishing import onnx_graphs
from tts_trm.scripts import export_onnx, synthesize
from tts_trm.speaking.onnx_voice import OnnxVoice
from tts_trm.speaking.speech import VoiceError, join
from tts_trm.text_tts_trm import SpeechTooLongError

ROOT = Path(synthesize.__file__).resolve().parent.parent
# Relative difference of two squared distances.
NEAR_TIE = 1e-4
TEXT = "Dr. Miller paid $5 for 3 kg of apples, and went home. [pause 300ms] Then came the rain; it fell all day long."
WITHOUT_TORCH = """
import runpy, sys
for name in ("torch", "transformers", "huggingface_hub", "onnx"):
    sys.modules[name] = None  # whoever imports it now gets an ImportError
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice.from_pretrained(synthesize.BUNDLED_VOICE, device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The bundled voice, exported by the command: half a minute, the exporter traces the model three times."""
    folder = tmp_path_factory.mktemp("exported") / "voice"
    assert export_onnx.main(["--output-dir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def exported(folder) -> OnnxVoice:
    return OnnxVoice.from_pretrained(folder, num_threads=1)


def sentences() -> list[tuple[str, str]]:
    """A hundred, each with a speaker of its language."""
    lines = (ROOT / "tests" / "text" / "cases.tsv").read_text(encoding="utf-8").splitlines()
    cases = [line.split("\t") for line in lines if not line.startswith("#") and line.count("\t") == 2]
    speakers = {"en": "kathleen", "de": "kerstin"}
    spoken = [(text, speakers[language]) for language, _, text in cases if language in speakers and len(text) > 16]
    own = (ROOT / "test_dataset" / "sentences.txt").read_text(encoding="utf-8").splitlines()
    return ([(text, ("heart", "michael")[number % 2]) for number, text in enumerate(own)] + spoken)[:100]


def test_it_is_served_without_torch(folder, tmp_path):
    """In a process of its own, where importing torch fails."""
    script = f"""
import asyncio, runpy, sys
sys.modules["torch"] = sys.modules["transformers"] = None
runpy.run_path({str(ROOT / "scripts" / "_clone.py")!r})
import httpx
from pathlib import Path
from tts_trm import app
from tts_trm.serving import server
application, queue = server.build(app.parse_arguments(["--model", {str(folder)!r}]), Path({str(tmp_path)!r}))
async def ask():
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        voices = (await client.get("/v1/audio/voices")).json()["voices"]
        body = {{"model": "tts-1", "input": "Hello there.", "voice": "alloy", "response_format": "pcm"}}
        spoken = await client.post("/v1/audio/speech", json=body)
        print([voice["id"] for voice in voices], spoken.status_code, len(spoken.content) > 10_000)
asyncio.run(ask())
queue.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert re.fullmatch(r"\[.*'kathleen', 'kerstin'.*\] 200 True", done.stdout.strip()), done.stderr


def test_codes_of_a_hundred_sentences_are_those_of_torch(voice, exported, monkeypatch):
    """But for ties: where rounding decides between two entries, it may decide the other way."""
    head, latents = voice.model.head, []
    quantize = head.quantize
    monkeypatch.setattr(head, "quantize", lambda latent: latents.append(latent) or quantize(latent))
    frames, flipped = 0, []
    for text, speaker in sentences():
        output = voice.model.generate(**voice.processor(text, speaker=speaker), return_dict_in_generate=True)
        spoken = voice.processor.spoken_text(text, speaker)[0].text
        codes, durations = exported.generate(spoken, speaker)
        assert codes.shape == output.sequences.shape
        np.testing.assert_allclose(durations, output.durations, atol=1e-4)
        frames += codes.shape[-1]
        true, codes = output.sequences[0].T, torch.from_numpy(codes[0].T)  # [T, K]
        for frame in (true != codes).any(-1).nonzero()[:, 0].tolist():
            level = int((true[frame] != codes[frame]).int().argmax())
            named = head.codebooks[torch.arange(level), true[frame, :level]].sum(0)
            choices = head.codebooks[level, torch.stack((true[frame, level], codes[frame, level]))]
            near, far = (latents[-1][frame] - named - choices).double().square().sum(-1).sort().values.tolist()
            flipped.append(far / near - 1)
    assert len(latents) == 100 and frames > 2500
    assert len(flipped) <= 0.005 * frames and max(flipped, default=0.0) < NEAR_TIE


def test_the_waveform_is_that_of_torch(voice, exported):
    codes = voice.model.generate(**voice.processor("The weather is nice today.", speaker="kathleen"))
    for levels in (32, 8, 1):
        true = voice.processor.decode(codes[:, :levels])[0].numpy()
        waveform = exported.decode(codes[:, :levels].numpy())
        assert np.abs(true).max() > 0.05
        # The phase of the pulses is a running sum of pitches in single precision, which adds up their last bits.
        np.testing.assert_allclose(waveform, true, atol=1e-3)


def test_speaking_needs_no_torch(voice, folder, tmp_path):
    arguments = ["--text", TEXT, "--speaker", "kathleen:0.7,michael:0.3", "--speed", "1.2"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-c", WITHOUT_TORCH, str(ROOT / "scripts" / "synthesize.py"), "--model", str(folder)]
    done = subprocess.run(
        [*command, *arguments, "--output", "speech.wav", "--times", "speech.json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    samples, rate = soundfile.read(tmp_path / "speech.wav", dtype="float32")
    times = json.loads((tmp_path / "speech.json").read_text(encoding="utf-8"))
    true = voice.synthesize(TEXT, "kathleen:0.7,michael:0.3", speed=1.2)
    assert rate == 24_000 and len(samples) == len(true.waveform)
    # a tie that falls the other way is no louder than this
    assert np.sqrt(np.square(samples - true.waveform.numpy()).mean()) < 0.05 * true.waveform.square().mean().sqrt()
    assert [word["text"] for word in times["words"]] == [word.text for word in true.words]
    assert [word["start"] for word in times["words"]] == pytest.approx([w.start for w in true.words], abs=2e-3)


def test_a_batch_is_its_items_alone(voice, exported):
    texts = ["The rain fell all day long on the old roof.", "It was cold."]
    inputs = voice.processor(texts, speaker=["heart", "kathleen"])
    batch = {
        "input_ids": inputs["input_ids"].numpy(),
        "attention_mask": inputs["attention_mask"].numpy(),
        "speaker_shares": np.eye(len(voice.processor.speakers), dtype=np.float32)[inputs["speaker_id"].numpy()],
        "speed": np.array([1.0, 0.5], np.float32),
        "sharpness": np.array([0.75, 0.0], np.float32),
        "num_frames": np.array([0, 1]),
    }
    codes, lengths, durations = exported.model.run(onnx_graphs.OUTPUTS, batch)
    assert lengths[1] == 1 and (codes[1, :, 1:] == -1).all() and (codes[0] >= 0).all()
    assert (
        durations.sum(-1) == pytest.approx(lengths) and not durations[1, int(batch["attention_mask"][1].sum()) :].any()
    )
    true = exported.generate(texts[0].lower(), "heart")[0]
    assert true.shape == codes[:1].shape and (true != codes[:1]).any(1).mean() < 0.05
    alone = exported.generate(texts[1].lower(), "kathleen", sharpness=0.0, num_frames=1)[0]
    assert (alone == codes[1:, :, :1]).mean() > 0.5


def test_a_speech_that_would_be_too_long_is_made_in_parts(exported, monkeypatch):
    whole = list(exported.stream(TEXT, "michael"))
    longest = max(p.speech.frames for p in whole if p.speech)
    monkeypatch.setitem(exported.properties, "max_audio_frames", longest - 1)
    with pytest.raises(SpeechTooLongError, match="over max_audio_frames"):
        exported.generate("a " * 120)
    parts = list(exported.stream(TEXT, "michael"))
    assert len(parts) > len(whole)
    assert [word.text for word in join(parts).words] == [word.text for word in join(whole).words]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "0.7"], "--temperature: "),
        (["--pictures"], "--pictures: "),
        (["--device", "cuda"], "--device cuda: "),
        (["--num-codebooks", "33"], "--num-codebooks 33: the voice has only 32"),
        (["--speaker", "carl"], "Unknown speaker 'carl'; this voice has: 0 heart"),
    ],
)
def test_what_an_exported_voice_has_not_is_refused(folder, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert synthesize.main(["--model", str(folder), "--text", "Hi there.", *arguments]) == 1
    assert capsys.readouterr().err.startswith(f"error: {message}") and not list(tmp_path.iterdir())


def test_arguments_out_of_range_are_refused(exported):
    for settings, message in (
        ({"speed": 9.0}, "speed=9.0"),
        ({"sharpness": 2}, "sharpness=2"),
        ({"top_k": 3}, "top_k"),
    ):
        with pytest.raises(ValueError, match=message):
            exported.synthesize("Hi there.", **settings)


@pytest.mark.parametrize("name", ["codec.onnx", "tokenizer.json", "voice.json"])
def test_a_broken_file_is_named(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "voice")
    (copy / name).write_bytes(b"{}")
    with pytest.raises(VoiceError, match="voice"):
        OnnxVoice.from_pretrained(copy)
    (copy / name).unlink()
    with pytest.raises(VoiceError, match=f"{name}: cannot be loaded"):
        OnnxVoice.from_pretrained(copy)


def stand_in(codec=None, **changes) -> SimpleNamespace:
    """What the exporter looks at before it begins."""
    codec = codec or TtsTrmCodec(TtsTrmCodecConfig(num_layers=1, hidden_size=8, intermediate_size=8, codebook_size=4))
    processor = SimpleNamespace(codec="kyutai/mimi", codec_model=codec)
    return SimpleNamespace(model=SimpleNamespace(config=tiny_config(**changes)), processor=processor)


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        (stand_in(codebook_head="depth"), "codebook_head='depth'.*codebook_head='latent'"),
        (stand_in(alignment="none"), "alignment='none'.*'durations'"),
        (stand_in(codec=tiny_mimi()), "codec='kyutai/mimi' is a MimiModel.*--codec"),
    ],
)
def test_what_cannot_be_exported_is_refused(voice, message, tmp_path):
    with pytest.raises(export_onnx.ExportError, match=message):
        export_onnx.export(voice, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_graphs_that_differ_from_torch_are_not_written(voice, tmp_path, monkeypatch):
    for name in ("model_graph", "codec_graph"):
        monkeypatch.setattr(onnx_graphs, name, lambda voice: b"")
    for wrong in ({"frames": 9}, {"waveform": 0.1}, {"durations": 0.1}):
        differences = onnx_graphs.Differences(all_frames=100, **wrong)
        monkeypatch.setattr(onnx_graphs, "compare", lambda *graphs, found=differences: found)
        with pytest.raises(export_onnx.ExportError, match="graphs are wrong, nothing is written"):
            export_onnx.export(voice, tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""Speech of other systems as training data, with stand-ins for both of them."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tts_trm.data.recordings import read_folder
from tts_trm.scripts import make_synthetic_speech as script

TEXTS = ["The first sentence of them all.", "And here is the second one, too.", "A third one ends the short list."]


@pytest.fixture
def sentences(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join([*TEXTS, "short"]) + "\n")
    return path


class Kokoro:
    """A tone for each sentence, between two seconds of silence."""

    said: list[tuple[str, str]] = []

    def __init__(self, model: str, voices: str) -> None:
        self.said.clear()

    def get_voices(self) -> list[str]:
        return ["af_heart", "am_michael"]

    def create(self, text: str, voice: str, lang: str, trim: bool) -> tuple[np.ndarray, int]:
        self.said.append((text, voice))
        tone = np.sin(np.arange(24_000) / 10).astype(np.float32) / 2
        return np.concatenate([np.zeros(48_000, np.float32), tone, np.zeros(48_000, np.float32)]), 24_000


def test_kokoro_speaks_what_is_missing(sentences, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kokoro_onnx", SimpleNamespace(Kokoro=Kokoro))
    for name in ("model.onnx", "voices.bin"):
        (tmp_path / name).touch()
    out = tmp_path / "speech"
    command = f"--sentences {sentences} --output-dir {out} --teacher kokoro --seed -1 --suffix ogg"
    command += f" --model {tmp_path}/model.onnx --model-voices {tmp_path}/voices.bin"
    assert script.main(command.split()) == 0
    assert Kokoro.said == list(zip(TEXTS, ["af_heart", "am_michael", "af_heart"], strict=True))
    clips = read_folder(out)
    assert [(clip.text, clip.speaker) for clip in clips] == list(zip(TEXTS, ["heart", "michael", "heart"], strict=True))
    for clip in clips:
        info = soundfile.info(clip.audio)
        # A second of speech, an eighth of silence before it, a fifth after it.
        assert info.samplerate == 24_000 and abs(info.duration - 1.325) < 0.02
    (out / "am_michael_00001.ogg").unlink()
    assert script.main(command.split()) == 0 and Kokoro.said == [(TEXTS[1], "am_michael")]


def test_flite_deals_sentences_out_to_its_voices(sentences, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "load_flite", lambda: lambda text, voice: (np.ones(16_000, np.float32) / 4, 16_000))
    assert script.main(f"--sentences {sentences} --output-dir {tmp_path}/speech --count 2".split()) == 0
    assert [clip.speaker for clip in read_folder(tmp_path / "speech")] == ["slt", "rms"]


def test_what_is_missing_is_named(sentences, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script.shutil, "which", lambda name: None)
    command = f"--sentences {sentences} --output-dir {tmp_path}/speech"
    assert script.main(command.split()) == 1 and "apt-get install flite" in capsys.readouterr().err
    kokoro = f"{command} --teacher kokoro --model {tmp_path}/a.onnx --model-voices {tmp_path}/b.bin"
    assert script.main(kokoro.split()) == 1 and "a.onnx: there is no such file" in capsys.readouterr().err
    for name in ("a.onnx", "b.bin"):
        (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, "kokoro_onnx", SimpleNamespace(Kokoro=Kokoro))
    assert script.main([*kokoro.split(), "--voices", "nobody"]) == 1
    assert "Kokoro has no such voice, but af_heart, am_michael" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        script.main([*command.split(), "--teacher", "kokoro"])

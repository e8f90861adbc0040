"""The commands that a user meets: exit codes, errors of one line, and nothing lost of what lay in a folder."""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from tts_trm import Voice
from tts_trm.scripts import synthesize

ROOT = Path(synthesize.__file__).resolve().parent.parent
# And what of the package does the work.
COMMANDS = {
    "run_training": "training.run.Run.__init__",
    "app": "app.serve",
    "scripts.synthesize": "scripts.synthesize.synthesize",
    "scripts.demo": "scripts.demo.speak",
    "scripts.tokenize_dataset": "scripts.tokenize_dataset.tokenize",
    "scripts.train_codec": "training.codec_training.CodecTraining.__init__",
    "scripts.export_voice": "publishing.release.export",
    "scripts.export_onnx": "scripts.export_onnx.export",
    "scripts.check_dataset": "scripts.check_dataset.check",
    "scripts.denoise_dataset": "scripts.denoise_dataset.denoise",
    "scripts.evaluate_voice": "scripts.evaluate_voice.evaluate",
    "scripts.push_to_hub": "publishing.upload.push_voice",
}


def run(name: str, *arguments, capsys) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command in this process."""
    capsys.readouterr()
    try:
        code = importlib.import_module(f"tts_trm.{name}").main(list(map(str, arguments)))
    except SystemExit as stop:
        code = stop.code
    except KeyboardInterrupt:
        # Which would end the tests, too.
        code = "interrupted"
    return code, *capsys.readouterr()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Where the commands run: a file and folders are in the way."""
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    Path("prompts.txt").write_text("Hi.\n")
    for name in ("folder", "folder.wav", "folder.json"):
        Path(name).mkdir()
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_usage(name, capsys):
    code, out, error = run(name, "--no-such-option", capsys=capsys)
    assert (code, out) == (2, "") and "usage: " in error and "error: " in error and "Traceback" not in error


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("scripts.demo", "--model folder", "folder"),
        ("scripts.tokenize_dataset", "--data-dir folder --output-dir out", "folder: no metadata.csv"),
        ("scripts.check_dataset", "--data-dir missing", "missing: neither a folder"),
        ("scripts.denoise_dataset", "--data-dir missing --output-dir out", "missing: is not a folder"),
        ("scripts.denoise_dataset", "--data-dir folder --output-dir out", "folder: no metadata.csv"),
        ("scripts.denoise_dataset", "--data-dir folder --output-dir file", "file"),
        ("scripts.evaluate_voice", "--model folder --data-dir missing", "missing: neither a folder"),
        ("scripts.evaluate_voice", "--data-dir missing --held-out-list list.txt", "missing: neither a folder"),
        ("scripts.evaluate_voice", "--model folder --data-dir folder --output file/a.json", "file"),
        ("scripts.export_voice", "--checkpoint missing --output-dir out", "missing"),
        ("scripts.export_voice", "--checkpoint folder --output-dir out", "folder"),
        ("scripts.export_onnx", "--model folder --output-dir out", "folder: holds no config.json"),
        ("scripts.push_to_hub", "--model folder --repo me/voice", "folder: has no README.md"),
        ("app", "--model folder --port 0", "folder: holds no config.json"),
        ("app", "--host 256.1.1.1", "--host 256.1.1.1 --port 7860: cannot listen there"),
    ],
)
def test_refused_input_is_one_line(name, arguments, named, folder, capsys):
    before = sorted(folder.iterdir())
    code, out, error = run(name, *arguments.split(), capsys=capsys)
    assert (code, out) == (1, "") and error.startswith("error: ") and error.count("\n") == 1, error
    assert named in error and sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--text Hi. --output folder.wav", "folder.wav: cannot be written (Is a directory)"),
        ("--text Hi. --output file/a.wav", "file/a.wav: cannot be written"),
        ("--text Hi. --output missing/a.wav", "missing/a.wav: cannot be written"),
        ("--text Hi. --output /proc/a.wav", "/proc/a.wav: cannot be written"),
        ("--text Hi. --output - --times folder.json", "folder.json: cannot be written (Is a directory)"),
        ("--text Hi. --output - --times missing/a.srt", "missing/a.srt: cannot be written (No such file"),
        ("--prompts-file prompts.txt --output-dir file", "file: cannot be made (File exists)"),
        ("--prompts-file prompts.txt --output-dir /proc/x", "/proc/x: cannot be made"),
    ],
)
def test_what_cannot_be_written_is_named(arguments, named, folder, tiny_voice, capfdbinary):
    before = sorted(folder.iterdir())
    capfdbinary.readouterr()
    code = synthesize.main(["--model", str(tiny_voice), "--device", "cpu", *arguments.split()])
    error = capfdbinary.readouterr().err.decode()
    assert code == 1 and error.startswith(f"error: {named}") and error.count("\n") == 1, error
    assert sorted(folder.iterdir()) == before and Path("file").read_text() == "mine"


# A server ends in no other way.
@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "app"])
def test_an_interrupted_command_ends_in_a_line(name, folder, tiny_voice, capsys, monkeypatch):
    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"tts_trm.{COMMANDS[name]}", interrupted)
    arguments = {
        "run_training": "--data-dir folder --output-dir out",
        "scripts.synthesize": "--text Hi.",
        "scripts.demo": f"--model {tiny_voice}",
        "scripts.tokenize_dataset": "--data-dir folder --output-dir out",
        "scripts.train_codec": "--data-dir folder --output-dir out",
        "scripts.export_voice": f"--checkpoint {tiny_voice} --output-dir out",
        "scripts.export_onnx": f"--model {tiny_voice} --output-dir out",
        "scripts.check_dataset": "--data-dir folder",
        "scripts.denoise_dataset": "--data-dir folder --output-dir out",
        "scripts.evaluate_voice": f"--model {tiny_voice} --data-dir folder",
        "scripts.push_to_hub": "--model folder --repo me/voice",
    }
    code, out, error = run(name, *arguments.get(name, "").split(), capsys=capsys)
    assert (code, out) == (130, "") and error.startswith("error: interrupted") and error.count("\n") == 1


def test_a_real_interrupt_leaves_no_wav(tiny_voice, tmp_path):
    """Sent when the first sentences of very many have been written; these are kept for `--resume`."""
    command = [sys.executable, str(ROOT / "scripts" / "synthesize.py"), "--model", str(tiny_voice), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    (tmp_path / "text.txt").write_text("One sentence of some length is spoken here. " * 10_000)
    with open(tmp_path / "text.txt", "rb") as file:
        process = subprocess.Popen(
            [*command, "--output", "a.wav"], stdin=file, stderr=subprocess.PIPE, cwd=tmp_path, env=environment
        )
    spoken = tmp_path / "a.wav.unfinished"
    while process.poll() is None and not (spoken.is_file() and spoken.stat().st_size > 200_000):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    hint = b"a.wav.unfinished: holds what was spoken; run the same command with --resume to continue.\n"
    assert (process.returncode, error) == (130, hint + b"error: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [spoken.name, f"{spoken.name}.jsonl", "text.txt"]


def test_an_export_keeps_what_is_not_its_own(tiny_voice, folder, capsys):
    mine = {Path("out/codec/mine.py"): "code", Path("out/notes.txt"): "notes", Path("out/data/a.wav"): "sound"}
    for path, content in mine.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    code, out, error = run("scripts.export_voice", "--checkpoint", tiny_voice, "--output-dir", "out", capsys=capsys)
    assert (code, error) == (0, "")
    assert {path: path.is_file() and path.read_text() for path in mine} == mine
    assert [path.name for path in Path("out/codec").glob("*.py")] == ["mine.py"]
    assert Voice.from_pretrained("out", device="cpu").synthesize("Hi.").seconds > 0


def test_an_export_with_one_speaker_speaks_as_before(tiny_voice, folder, capsys):
    command = ("--checkpoint", tiny_voice, "--output-dir", "out", "--speakers", "BERT")
    code, out, error = run("scripts.export_voice", *command, capsys=capsys)
    assert (code, error) == (0, "")
    whole, part = (Voice.from_pretrained(name, device="cpu") for name in (tiny_voice, "out"))
    assert part.processor.speakers == ["bert"] and part.model.config.num_speakers == 1
    inputs = [voice.processor(text="Hi there.", speaker="bert") for voice in (whole, part)]
    assert [int(each["speaker_id"]) for each in inputs] == [1, 0]
    answers = [voice.model(**each, num_frames=9) for voice, each in zip((whole, part), inputs, strict=True)]
    difference = answers[0].last_hidden_state - answers[1].last_hidden_state
    # Of weights in half precision.
    assert difference.abs().max() < 0.02
    code, out, error = run("scripts.export_voice", *command[:-1], "carl", capsys=capsys)
    assert code == 1 and "Unknown speaker 'carl'" in error


def test_a_finished_file_is_replaced_only_when_the_new_one_is_whole(tiny_voice, folder, capsys, monkeypatch):
    arguments = ("--model", tiny_voice, "--device", "cpu", "--output", "a.wav", "--text")
    assert run("scripts.synthesize", *arguments, "A first sentence.", capsys=capsys)[0] == 0
    first = Path("a.wav").read_bytes()
    assert run("scripts.synthesize", *arguments, "???", capsys=capsys)[0] == 1 and Path("a.wav").read_bytes() == first
    assert run("scripts.synthesize", *arguments, "Another, longer one.", capsys=capsys)[0] == 0
    assert soundfile.info("a.wav").frames and Path("a.wav").read_bytes() != first


def test_the_demo_lets_everybody_speak(tiny_voice, folder, capsys):
    code, out, error = run("scripts.demo", "--model", tiny_voice, "--all", "--output-dir", "out", capsys=capsys)
    assert (code, error) == (0, "")
    speakers = Voice.from_pretrained(str(tiny_voice), device="cpu").text_front_end.speakers
    expected = [f"{number}_{name}.wav" for number, name in enumerate(speakers, 1)]
    assert sorted(path.name for path in Path("out").glob("*.wav")) == sorted(expected)

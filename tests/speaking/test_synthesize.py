import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch

from tts_trm import Voice
from tts_trm.scripts import demo, synthesize

ROOT = Path(synthesize.__file__).resolve().parent.parent


@pytest.fixture
def speak(tiny_voice, capsys, monkeypatch, tmp_path):
    """Runs the command with the tiny voice in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, model=tiny_voice):
        code = synthesize.main(["--model", str(model), "--device", "cpu", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def one_error(result) -> str:
    """The error of a command that failed as it should: one line, and nothing on standard output."""
    code, out, error = result
    assert code == 1 and out == "" and error.startswith("error: ") and error.count("\n") == 1, result
    return error


def names(folder) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_text_to_file_with_picture(speak, tmp_path):
    code, out, error = speak("--text", "Hello there.", "--output", "a.wav", "--pictures")
    samples, rate = soundfile.read("a.wav")
    assert (code, error, rate) == (0, "", 24_000) and samples.any()
    assert out.startswith(f"a.wav: {len(samples) / rate:.2f} s of audio, ") and out.endswith(" per second of audio\n")
    assert names(tmp_path) == ["a.png", "a.wav"]


def test_standard_input_is_text(speak, monkeypatch):
    speak("--text", "Gr\u00fc\u00dfe vom Band.", "--output", "text.wav")
    for arguments in ((), ("--text", "-")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Grüße vom\nBand.\n".encode())))
        assert speak(*arguments)[0] == 0
        assert Path("speech.wav").read_bytes() == Path("text.wav").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    assert "not UTF-8" in one_error(speak())


def test_speaker_by_name_and_number(speak):
    for name, speaker in {"name": "bert", "number": "1", "other": "anna", "default": "0"}.items():
        speak("--text", "Who is speaking here, and how long?", "--speaker", speaker, "--output", f"{name}.wav")
    audio = {name: Path(f"{name}.wav").read_bytes() for name in ("name", "number", "other", "default")}
    assert audio["name"] == audio["number"] != audio["other"] == audio["default"]


def test_seed_decides_what_is_sampled(speak):
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        speak("--text", "Sample this.", "--temperature", 100, "--seed", seed, "--output", f"{name}.wav")
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes() != Path("c.wav").read_bytes()


def test_speed_and_number_of_codebooks(speak):
    text = ("--text", "This text is long enough to be spoken at twice the speed, is it not?")
    speak(*text, "--output", "plain.wav")
    speak(*text, "--output", "fast.wav", "--speed", 2)
    speak(*text, "--output", "rough.wav", "--num-codebooks", 4)
    plain, fast, rough = (soundfile.read(name)[0] for name in ("plain.wav", "fast.wav", "rough.wav"))
    assert len(fast) == pytest.approx(len(plain) / 2, abs=1920) and len(rough) == len(plain)
    assert (rough != plain).any()


def test_prompts_file_numbers_prompts_not_successes(speak, tmp_path):
    Path("prompts.txt").write_text("# list\nbert|First one.\n\n9|Nobody speaks.\n???\nLast one.\n", encoding="utf-8")
    Path("out").mkdir()
    Path("out/0002.wav").write_bytes(b"of an earlier run")
    code, out, error = speak("--prompts-file", "prompts.txt", "--output-dir", "out", "--pictures")
    assert code == 1
    assert names("out") == [".spoken", "0001.png", "0001.wav", "0004.png", "0004.wav"]
    assert [line.split(":")[0] for line in out.splitlines()] == ["out/0001.wav", "out/0004.wav"]
    lines = error.splitlines()
    assert lines[0].startswith("error: prompts.txt, line 4: Unknown speaker 9; this voice has: 0 anna, 1 bert")
    assert lines[1].startswith("error: prompts.txt, line 5: The text '???'")
    assert lines[2].startswith("error: 2 of 4 prompts") and len(lines) == 3

    code, _, error = speak("--text", "First one.", "--speaker", "bert", "--output", "single.wav")
    # The same alone and from a file.
    assert Path("single.wav").read_bytes() == Path("out/0001.wav").read_bytes()
    Path("prompts.txt").write_text("First one.\nanna|Last one.\n", encoding="utf-8")
    assert speak("--prompts-file", "prompts.txt", "--output-dir", "new", "--speaker", "bert")[0] == 0
    assert names("new") == ["0001.wav", "0002.wav"]
    assert Path("new/0001.wav").read_bytes() == Path("single.wav").read_bytes()


def test_other_audio_in_the_folder_is_not_touched(speak):
    Path("prompts.txt").write_text("One.\n", encoding="utf-8")
    Path("out").mkdir()
    Path("out/0002.wav").write_bytes(b"mine")
    assert "out: holds 0002.wav" in one_error(speak("--prompts-file", "prompts.txt", "--output-dir", "out"))
    assert names("out") == ["0002.wav"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "Hi.", "--speaker", "carl"], "Unknown speaker 'carl'; this voice has: 0 anna, 1 bert."),
        (["--text", ""], "The text '' is empty"),
        (["--text", "?!"], "has no letter that this voice has learned"),
        (["--text", "Hi. [pause 100s]"], "[pause 100s] is longer than 60 s"),
        (["--text", "Hi.", "--output", "missing/a.wav"], "missing/a.wav: cannot be written"),
        (["--text", "Hi.", "--output", "a.aiff"], "a.aiff: is not the name of an audio file that can be written"),
        (["--text", "Hi.", "--num-codebooks", "33"], "--num-codebooks 33: the voice has only 32"),
        (["--prompts-file", "none.txt", "--output-dir", "out"], "--prompts-file none.txt: there is no such file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(speak, tmp_path, arguments, message):
    assert message in one_error(speak(*arguments))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "Hi.", "--speed", "9"], "--speed: 9 must be at least 0.25 and at most 4.0"),
        (["--text", "Hi.", "--temperature", "-1"], "--temperature: -1 must be at least 0.0"),
        (["--text", "Hi.", "--top-p", "nan"], "--top-p: nan must be above 0.0 and at most 1.0"),
        (["--text", "Hi.", "--top-k", "many"], "--top-k: 'many' is not a number"),
        (["--text", "Hi.", "--output-dir", "out"], "--prompts-file and --output-dir go together"),
        (["--prompts-file", "a.txt"], "--prompts-file and --output-dir go together"),
        (["--prompts-file", "a.txt", "--output-dir", "out", "--text", "Hi."], "--text: not allowed with"),
    ],
)
def test_options_that_make_no_sense(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        synthesize.parse_arguments(arguments)
    assert stop.value.code == 2 and message in capsys.readouterr().err


def full(file, *arguments, **settings):
    if isinstance(file, str):
        Path(file).touch()
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("when", ["soundfile.SoundFile.write", "tts_trm.audio.writing.soundfile.SoundFile"])
def test_full_disk_keeps_what_was_there(speak, tmp_path, monkeypatch, when):
    """Whether it is noticed when the file is made or when it grows; what was spoken is not lost."""
    speak("--text", "Hi.", "--output", "whole.wav")
    whole = Path("whole.wav").read_bytes()
    Path("whole.wav").unlink()
    Path("a.wav").write_bytes(b"precious")
    with monkeypatch.context() as changed:
        changed.setattr(when, full)
        error = one_error(speak("--text", "Hi.", "--output", "a.wav", "--pictures"))
    assert "a.wav: cannot be written" in error and "No space left" in error
    assert names(tmp_path) == ["a.wav", "a.wav.unfinished", "a.wav.unfinished.jsonl"]
    assert Path("a.wav").read_bytes() == b"precious"
    assert speak("--text", "Hi.", "--output", "a.wav", "--resume")[0] == 0
    assert names(tmp_path) == ["a.wav"] and Path("a.wav").read_bytes() == whole


BOOK = "It is the first sentence of it. [pause 1s] Then comes the second one of them all. " * 3


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_an_interrupted_book_goes_on_and_is_the_same(speak, monkeypatch, suffix, tmp_path):
    whole, stopped = (("--text", BOOK, "--output", f"{name}.{suffix}", "--times", f"{name}.json") for name in "ab")
    assert speak(*whole)[0] == 0
    original, spoken = Voice.speak, []

    def counted(self, text, *arguments, **settings):
        spoken.append(text)
        if len(spoken) == 4:
            raise KeyboardInterrupt
        return original(self, text, *arguments, **settings)

    monkeypatch.setattr(Voice, "speak", counted)
    code, _, error = speak(*stopped)
    assert code == 130 and "b." + suffix + ".unfinished: holds what was spoken" in error
    assert not Path(f"b.{suffix}").exists()
    # A kill in the middle of writing.
    with open(f"b.{suffix}.unfinished", "ab") as samples, open(f"b.{suffix}.unfinished.jsonl", "a") as journal:
        samples.write(b"12345")
        journal.write('{"piece": 7, "sam')
    assert "belongs to another text" in one_error(speak(*stopped, "--resume", "--speed", 2))
    spoken[:] = ["", "", "", ""]
    assert speak(*stopped, "--resume")[0] == 0
    assert len(spoken) - 4 < 6
    for end in (suffix, "json"):
        assert Path(f"b.{end}").read_bytes() == Path(f"a.{end}").read_bytes()
    assert names(tmp_path) == sorted(f"{name}.{end}" for name in "ab" for end in (suffix, "json"))


def test_resumed_prompts_keep_what_is_spoken_and_unchanged(speak, monkeypatch):
    lines = ["One.", "anna|Two.", "?!", "Four."]
    Path("prompts.txt").write_text("\n".join(lines), encoding="utf-8")
    run = ("--prompts-file", "prompts.txt", "--output-dir", "out")
    original, spoken = Voice.stream, []

    def counted(self, text, *arguments, **settings):
        spoken.append(text)
        if len(spoken) == 4:
            raise KeyboardInterrupt
        return original(self, text, *arguments, **settings)

    monkeypatch.setattr(Voice, "stream", counted)
    code, _, error = speak(*run)
    assert code == 130 and "--resume" in error
    assert names("out") == [".spoken", "0001.wav", "0002.wav"]
    # One is kept, one is new, two are spoken at last.
    lines[1:3] = ["anna|Other.", "Three."]
    Path("prompts.txt").write_text("\n".join(lines), encoding="utf-8")
    assert speak(*run, "--resume")[0] == 0
    assert spoken[4:] == ["Other.", "Three.", "Four."]
    assert names("out") == ["0001.wav", "0002.wav", "0003.wav", "0004.wav"]
    kept = [Path(f"out/{name}").read_bytes() for name in names("out")]
    # Without the option everything is spoken again.
    assert speak(*run)[0] == 0 and len(spoken) == 11
    assert kept == [Path(f"out/{name}").read_bytes() for name in names("out")]


def test_prompts_that_could_not_be_spoken_can_be_mended(speak, monkeypatch):
    Path("prompts.txt").write_text("One.\n?!\n", encoding="utf-8")
    run = ("--prompts-file", "prompts.txt", "--output-dir", "out")
    code, _, error = speak(*run)
    assert code == 1 and "1 of 2 prompts were not spoken" in error and names("out") == [".spoken", "0001.wav"]
    Path("prompts.txt").write_text("One.\nTwo.\n", encoding="utf-8")
    code, output, _ = speak(*run, "--resume")
    assert code == 0 and "0001.wav: is there already" in output and names("out") == ["0001.wav", "0002.wav"]


def test_the_text_of_prompts_is_shown_without_a_folder(speak):
    Path("prompts.txt").write_text("It is 5. And 6.\nbert|Es sind 5.\n", encoding="utf-8")
    assert speak("--prompts-file", "prompts.txt", "--show-text")[1].splitlines() == [
        "it is five.",
        "and six.",
        "es sind five.",
    ]


def test_resume_with_nothing_to_go_on_from_begins(speak):
    assert speak("--text", "Hi.", "--output", "a.wav")[0] == 0
    assert speak("--text", "Hi.", "--output", "b.wav", "--resume")[0] == 0
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


def test_beyond_what_a_wav_header_can_hold_it_is_rf64(speak, monkeypatch):
    monkeypatch.setattr("tts_trm.audio.writing.MAX_WAV_BYTES", 1000)
    assert speak("--text", "Hi.", "--output", "a.wav")[0] == 0
    assert soundfile.info("a.wav").format == "RF64" and soundfile.read("a.wav")[0].any()


def change_json(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def voice_copy(tiny_voice, tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies") / "voice"
    shutil.copytree(tiny_voice, folder)
    return folder


def test_broken_voices_are_named(speak, tmp_path, tiny_codec_folder, voice_copy):
    hello = ("--text", "Hi.")
    assert "nowhere: there is no such folder" in one_error(speak(*hello, model="nowhere"))
    assert f"{tmp_path}: holds no config.json" in one_error(speak(*hello, model=tmp_path))
    assert "is a model of type 'tts_trm_codec'" in one_error(speak(*hello, model=tiny_codec_folder))

    change_json(voice_copy / "processor_config.json", speakers=["a", "b", "c"])
    assert "3 speakers" in one_error(speak(*hello, model=voice_copy))
    change_json(voice_copy / "processor_config.json", speakers=["a", "b"], codec=str(tmp_path / "gone"))
    assert "gone' in processor_config.json is neither" in one_error(speak(*hello, model=voice_copy))
    (voice_copy / "tokenizer.json").write_text("{}")
    assert f"{voice_copy}: cannot be loaded" in one_error(speak(*hello, model=voice_copy))
    (voice_copy / "model.safetensors").write_bytes(b"torn")
    assert f"{voice_copy}: cannot be loaded" in one_error(speak(*hello, model=voice_copy))
    assert names(tmp_path) == []


def test_weights_that_lack_a_tensor(speak, voice_copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(voice_copy / "model.safetensors")
    del weights["recursion.init_y"]
    save_file(weights, voice_copy / "model.safetensors", metadata={"format": "pt"})
    assert "the weights lack recursion.init_y" in one_error(speak("--text", "Hi.", model=voice_copy))


def test_loaded_in_single_precision(voice_copy):
    from tts_trm import TtsTrmModel

    TtsTrmModel.from_pretrained(voice_copy).half().save_pretrained(voice_copy)
    model = Voice.from_pretrained(voice_copy, device="cpu").model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32} and not model.training


def test_as_a_plain_file_in_a_clone(tiny_voice, tmp_path):
    """Quiet, from any folder, with text that would answer a question of transformers were one asked."""
    command = [sys.executable, str(ROOT / "scripts" / "synthesize.py"), "--model", str(tiny_voice), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, input=b"yes", capture_output=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, b"") and done.stdout.startswith(b"speech.wav: ")
    assert names(tmp_path) == ["speech.wav"]


def test_raw_samples_for_a_pipe(tiny_voice, tmp_path, speak):
    """All of them in order, nothing else on standard output; who stops listening early is no error to talk about."""
    command = [sys.executable, str(ROOT / "scripts" / "synthesize.py"), "--model", str(tiny_voice), "--device", "cpu"]
    command += ["--text", "One sentence of some length. " * 6, "--output", "-"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, "--times", "a.json"], capture_output=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0 and done.stderr.startswith(b"standard output: ")
    speak(*command[command.index("--text") : -1], "a.wav")
    assert len(done.stdout) == 2 * len(soundfile.read("a.wav")[0])
    assert len(json.loads(Path("a.json").read_text())["words"]) == 30
    early = subprocess.run(
        f"{shlex.join(command)} | head -c 100 | wc -c", shell=True, capture_output=True, cwd=tmp_path, env=environment
    )
    assert (early.stdout.strip(), early.stderr) == (b"100", b"")
    assert "--pictures are written next to a WAV" in one_error(speak("--text", "Hi.", "--output", "-", "--pictures"))


def test_text_as_it_is_written(speak):
    for name, more in {"words": (), "characters": ("--no-normalize",)}.items():
        assert speak("--text", "It was 5 km.", "--output", f"{name}.wav", "--times", f"{name}.json", *more)[0] == 0
    times = {name: json.loads(Path(f"{name}.json").read_text()) for name in ("words", "characters")}
    assert [word["text"] for word in times["words"]["words"]] == ["It", "was", "5 km."]
    assert [word["text"] for word in times["characters"]["words"]] == ["It", "was", "5", "km."]


def test_demo(voice_copy, tmp_path, capsys, monkeypatch):
    texts = list(demo.SENTENCES.values())
    monkeypatch.setattr(demo, "SENTENCES", dict(zip(("anna", "bert"), texts, strict=False)))
    assert demo.main(["--model", str(voice_copy), "--output-dir", str(tmp_path / "demo")]) == 0
    stems = ["1_anna", "2_bert"]
    assert names(tmp_path / "demo") == sorted(f"{stem}{suffix}" for stem in stems for suffix in (".png", ".wav"))
    assert capsys.readouterr().out.count("s per second of audio") == 2


def test_an_interrupted_command_leaves_no_file(tiny_voice, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("tts_trm.speaking.voice.Voice.speak", interrupted)
    output = tmp_path / "a.wav"
    assert synthesize.main(["--model", str(tiny_voice), "--text", "A bat.", "--output", str(output)]) == 130
    assert "error: interrupted" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_the_file_is_played_by_what_is_there(speak, monkeypatch, tmp_path):
    player = tmp_path / "aplay"
    player.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/played\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(synthesize, "PLAYERS", (("no-such-player",), ("aplay", "-q")))
    assert speak("--text", "Hello there.", "--play")[0] == 0
    assert (tmp_path / "played").read_text() == "-q speech.wav\n"
    monkeypatch.setattr(synthesize, "PLAYERS", (("no-such-player",),))
    code, _, error = speak("--text", "Hello there.", "--play")
    assert code == 1 and "speech.wav is written, but no player was found" in error
    assert Path("speech.wav").is_file()

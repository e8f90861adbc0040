"""`tts-trm JOB`: every job is a script's `main`, and a wrong one is usage."""

import importlib

import pytest
import soundfile

from tts_trm import cli


def test_help_names_every_job(capsys):
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {job} " in shown for job in cli.JOBS)


@pytest.mark.parametrize("job", cli.JOBS)
def test_every_job_has_the_options_of_its_script(job, capsys):
    helped = []
    for main in (importlib.import_module(f"tts_trm.{cli.JOBS[job][1]}").main, lambda words: cli.main([job, *words])):
        with pytest.raises(SystemExit) as end:
            main(["--help"])
        assert end.value.code == 0
        helped.append(capsys.readouterr().out.partition("options:")[2])
    assert helped[0] and helped[0] == helped[1]


def test_an_unknown_job_is_usage(capsys):
    assert cli.main(["sing"]) == 2
    assert "unknown command 'sing'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suffix", "kind"), [("wav", "WAV"), ("flac", "FLAC"), ("mp3", "MP3"), ("ogg", "OGG"), ("OPUS", "OGG")]
)
def test_speak_writes_the_format_of_the_suffix(suffix, kind, tiny_voice, tmp_path):
    path = tmp_path / f"a.{suffix}"
    assert cli.main(["speak", "one two", "--model", str(tiny_voice), "--speaker", "ANNA", "--output", str(path)]) == 0
    assert soundfile.info(path).format == kind and soundfile.info(path).frames > 1000


def test_speak_reads_a_file(tiny_voice, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("one two", encoding="utf-8")
    assert cli.main(["speak", "--text-file", "text.txt", "--model", str(tiny_voice)]) == 0
    assert cli.main(["speak", "one two", "--model", str(tiny_voice), "--output", "b.wav"]) == 0
    assert (tmp_path / "speech.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize("name", ["missing", "./missing/voice", "/no/such/voice", "../voice"])
def test_a_folder_that_does_not_exist_is_said_at_once(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for job in (["speak", "hi"], ["voices"]):
        assert cli.main([*job, "--model", name]) == 1
        assert f"error: {name}: there is no such folder" in capsys.readouterr().err


def test_voices_lists_speakers_and_languages(tiny_voice, capsys):
    assert cli.main(["voices", "--model", str(tiny_voice)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["0", "anna", "en"], ["1", "bert", "en"]]
    assert lines[2].startswith("licence: ")

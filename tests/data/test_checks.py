"""The data check finds every fault that was put into a clean data set, and nothing in the clean one."""

import csv
import json
import shutil

import numpy as np
import pytest
import soundfile

from tts_trm.scripts import check_dataset

RATE = 24_000
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen".split()


def speech(text: str, seed: int = 0) -> np.ndarray:
    """Something like speech: syllables of sound with short gaps, 14 letters a second, a tenth of silence around."""
    generator = np.random.default_rng(seed)
    seconds = sum(character.isalnum() for character in text) / 14
    times = np.arange(round(seconds * RATE)) / RATE
    syllables = np.clip(np.sin(2 * np.pi * 4 * times) + 0.6, 0, 1)
    tone = np.sin(2 * np.pi * 140 * times) + 0.3 * generator.normal(size=len(times))
    silence = np.zeros(RATE // 10)
    return np.concatenate((silence, 0.1 * syllables * tone, silence)) + 1e-4 * generator.normal(
        size=len(times) + 2 * len(silence)
    )


def write_dataset(folder, changed: dict | None = None) -> None:
    """Fourteen clips of one speaker; `changed[i]` is a `(text, samples)` in the place of those of clip i."""
    rows = ["file_name,text"]
    for index, word in enumerate(WORDS):
        text = f"The quick brown fox jumps over {word} lazy dogs, is it one of us?"
        samples = speech(text, index)
        if changed and index in changed:
            text, samples = changed[index](text, samples)
        if samples is not None:
            soundfile.write(folder / f"{index}.wav", samples, RATE)
        rows.append(f'{index}.wav,"{text}"')
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def problems(folder, *options) -> tuple[int, dict[str, set[str]]]:
    """The exit code, and the kinds of problems by file."""
    report = folder / "problems.csv"
    code = check_dataset.main(["--data-dir", str(folder), "--report", str(report), *options])
    found: dict[str, set[str]] = {}
    with open(report, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["file_name"], set()).add(row["kind"])
    return code, found


def test_a_clean_data_set_has_no_problem(tmp_path, capsys):
    write_dataset(tmp_path)
    assert problems(tmp_path) == (0, {})
    said = capsys.readouterr().out
    assert "14 clips, 14 texts, 24 kHz" in said and "14 clips: 0 to repair, 0 to listen to." in said


FAULTS = {
    "unreadable": lambda text, samples: (text, None),
    "no text": lambda text, samples: ("...", samples),
    "long": lambda text, samples: (text, np.tile(samples, 8)),
    "rate": lambda text, samples: ("Something else.", samples),
    "hurried": lambda text, samples: (4 * text, samples[: len(samples) // 2]),
    "clipped": lambda text, samples: (text, np.clip(20 * samples, -0.9, 0.9)),
    "quiet": lambda text, samples: (text, samples * 0.01),
    "uneven": lambda text, samples: (text, samples * 0.25),
    "noisy": lambda text, samples: (text, samples + 0.03 * np.random.default_rng(0).normal(size=len(samples))),
    "edges": lambda text, samples: (text, np.concatenate((samples, np.zeros(RATE)))),
    "pauses": lambda text, samples: (text, np.insert(samples, RATE, np.zeros(2 * RATE))),
    "annotation": lambda text, samples: (f"{text} [noise]", samples),
    "rare letter": lambda text, samples: (text.replace("one of", "öne of"), samples),
    "left out": lambda text, samples: (text.replace(" is ", " ∂ is "), samples),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found_where_it_is(kind, tmp_path, capsys):
    write_dataset(tmp_path, {3: FAULTS[kind]})
    code, found = problems(tmp_path)
    assert set(found) == {"3.wav"} and kind in found["3.wav"]
    assert code == (1 if kind in ("unreadable", "no text", "long", "hurried") else 0)
    assert "  3.wav: " in capsys.readouterr().out


def test_silence_a_low_rate_and_a_twin(tmp_path):
    twin = "The quick brown fox jumps over four lazy dogs, is it one of us?"
    write_dataset(tmp_path, {1: lambda text, samples: (text, 0 * samples), 5: lambda text, _: (text, speech(twin, 3))})
    samples, _ = soundfile.read(tmp_path / "7.wav")
    soundfile.write(tmp_path / "7.wav", samples[::3], 8000)
    code, found = problems(tmp_path)
    assert code == 1 and found["1.wav"] == {"unreadable"}
    assert found["5.wav"] == {"same audio"} and "low rate" in found["7.wav"]


def test_letters_that_the_voice_knows_are_not_rare(tmp_path, tiny_voice, capsys):
    without_z = lambda text, samples: (text.replace("lazy", "late"), samples)  # noqa: E731
    write_dataset(tmp_path, {index: without_z for index in range(14) if index != 3})
    assert problems(tmp_path)[1]["3.wav"] >= {"rare letter"}
    assert "3.wav" not in problems(tmp_path, "--from-pretrained", str(tiny_voice))[1]
    assert "has to learn: none" in capsys.readouterr().out


def test_limits_are_those_of_the_voice(tmp_path, tiny_voice):
    """What training from that voice would leave out, and no more."""
    config = json.loads((tiny_voice / "config.json").read_text())
    voice = shutil.copytree(tiny_voice, tmp_path / "voice")
    (tmp_path / "data").mkdir()
    write_dataset(tmp_path / "data")
    assert problems(tmp_path / "data", "--from-pretrained", str(voice)) == (0, {})
    for changed in ({"max_audio_frames": 40}, {"max_text_length": 40}):
        (voice / "config.json").write_text(json.dumps(config | changed))
        code, found = problems(tmp_path / "data", "--from-pretrained", str(voice))
        assert code == 1 and len(found) == 14 and all(kinds == {"long"} for kinds in found.values())
        name, value = next(iter(changed.items()))
        raised = f"--{name.replace('_', '-')}", str(10 * value)
        assert problems(tmp_path / "data", "--from-pretrained", str(voice), *raised) == (0, {})


def test_a_channel_without_sound_is_not_clipped(tmp_path):
    write_dataset(tmp_path)
    samples, _ = soundfile.read(tmp_path / "4.wav")
    soundfile.write(tmp_path / "4.wav", np.stack((2 * samples, 0 * samples), axis=1), RATE)
    assert problems(tmp_path) == (0, {})


def test_the_plot_is_a_picture(tmp_path):
    write_dataset(tmp_path)
    assert check_dataset.main(["--data-dir", str(tmp_path), "--plot", str(tmp_path / "check.png")]) == 0
    assert (tmp_path / "check.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_data_set_is_refused(tmp_path, capsys):
    assert check_dataset.main(["--data-dir", str(tmp_path)]) == 1
    assert "no metadata.csv" in capsys.readouterr().err
    write_dataset(tmp_path)
    assert check_dataset.main(["--data-dir", str(tmp_path), "--languages", "English"]) == 1
    assert "'English' is neither a code" in capsys.readouterr().err

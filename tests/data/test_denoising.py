"""Steady noise is taken out of recordings, and the speech stays."""

import csv

import numpy as np
import pytest
import soundfile

from tts_trm.audio.denoising import quietest_frames, reduce_noise
from tts_trm.data.recordings import read_folder
from tts_trm.errors_tts_trm import InputError
from tts_trm.scripts import denoise_dataset

RATE = 24_000


def tone_and_noise(seconds: float = 2.0, noise: float = 0.01) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A buzz that comes and goes, hiss beneath it, and where the buzz is silent."""
    times = np.arange(round(seconds * RATE)) / RATE
    loud = (times % 0.5) < 0.3
    hiss = noise * np.random.default_rng(0).normal(size=len(times))
    buzz = sum(np.sin(2 * np.pi * 150 * harmonic * times + harmonic) for harmonic in range(1, 70))
    return (0.05 * loud * buzz).astype(np.float32), hiss.astype(np.float32), ~loud


def decibels(samples: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(samples)))


def test_hiss_becomes_quieter_and_the_speech_stays():
    tone, hiss, silent = tone_and_noise()
    cleaned = reduce_noise(tone + hiss, RATE)
    assert cleaned.shape == tone.shape and cleaned.dtype == np.float32
    # What 0.8 of the amplitude is, but for the edges of the tone.
    middle = np.convolve(silent, np.ones(2400), "same") > 2399
    assert -15 < decibels(cleaned[middle]) - decibels(hiss[middle]) < -10
    assert np.corrcoef(cleaned[~silent], tone[~silent])[0, 1] > 0.995
    assert abs(decibels(cleaned[~silent]) - decibels(tone[~silent])) < 2


def test_strength_is_the_share_that_is_taken_away():
    tone, hiss, silent = tone_and_noise()
    levels = [decibels(reduce_noise(tone + hiss, RATE, strength)[silent]) for strength in (0, 0.5, 0.9)]
    assert levels[0] > levels[1] + 3 > levels[2] + 6
    # But for its lowest and highest bands.
    assert abs(levels[0] - decibels(hiss[silent])) < 0.5
    with pytest.raises(InputError, match="strength 1: must be at least 0 and less than 1"):
        reduce_noise(tone, RATE, 1)


def test_the_quietest_frames_are_those_of_the_silence():
    tone, hiss, silent = tone_and_noise()
    assert abs(decibels(quietest_frames(tone + hiss, RATE)) - decibels(hiss)) < 1
    assert len(quietest_frames(hiss[:2400], RATE)) > 0


def write_recordings(folder) -> None:
    folder.mkdir()
    tone, hiss, _ = tone_and_noise()
    soundfile.write(folder / "a.wav", np.stack([tone + hiss, tone + hiss], axis=1), RATE)
    soundfile.write(folder / "b.wav", tone[:30_000] + hiss[:30_000], 16_000)
    (folder / "broken.wav").write_bytes(b"no audio")
    rows = [("file_name", "text", "speaker"), ("a.wav", "First, a text.", "anna")]
    rows += [("b.wav", "Second.", "bert"), ("broken.wav", "Third.", "bert")]
    with open(folder / "metadata.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_a_folder_is_copied_with_its_table(tmp_path, capsys):
    write_recordings(tmp_path / "mine")
    assert denoise_dataset.main(["--data-dir", str(tmp_path / "mine"), "--output-dir", str(tmp_path / "clean")]) == 0
    said = capsys.readouterr()
    assert "2 recordings, 1 left out -> " in said.out and "left out: broken.wav: cannot be read" in said.err
    before, after = read_folder(tmp_path / "mine"), read_folder(tmp_path / "clean")
    assert [(clip.text, clip.speaker) for clip in after] == [(clip.text, clip.speaker) for clip in before[:2]]
    for old, new in zip(before, after, strict=False):
        (samples, rate), (cleaned, cleaned_rate) = soundfile.read(old.audio), soundfile.read(new.audio)
        assert (cleaned_rate, len(cleaned), cleaned.ndim) == (rate, len(samples), 1)
        assert (
            decibels(quietest_frames(cleaned, rate))
            < decibels(quietest_frames(samples.reshape(len(samples), -1).mean(1), rate)) - 8
        )


def test_a_folder_that_holds_something_is_left_alone(tmp_path, capsys):
    write_recordings(tmp_path / "mine")
    assert denoise_dataset.main(["--data-dir", str(tmp_path / "mine"), "--output-dir", str(tmp_path / "mine")]) == 1
    assert "mine: is not empty; name a new folder" in capsys.readouterr().err

"""`compare_voices.py`: which texts are spoken, and the interval of the difference of two voices."""

from types import SimpleNamespace

import pytest
import torch

from tts_trm.benchmarks.quality.compare_voices import compare, held_out_texts, main, report
from tts_trm.data.held_out import is_held_out

TEXTS = [f"sentence number {word} is here" for word in "one two three four five six seven eight nine ten".split()]


class Reader:
    """A voice whose waveform says which text it is, and whether it was read wrong."""

    sampling_rate = 24000
    text_front_end = SimpleNamespace(languages=["en"], speaker_to_id=lambda speaker: 0)

    def __init__(self, wrong: set[str]) -> None:
        self.wrong = wrong

    def synthesize(self, text: str, speaker: str, seed: int) -> SimpleNamespace:
        return SimpleNamespace(waveform=torch.tensor([TEXTS.index(text), float(text in self.wrong)]))


class Ear:
    """Hears one wrong word where the text was read wrong."""

    def __call__(self, wave, rate: int, language: str) -> str:
        text = TEXTS[int(wave[0])]
        return text.replace("here", "hear") if wave[1] else text

    @staticmethod
    def normalize(text: str, language: str) -> str:
        return text


def test_texts_are_held_out_and_have_no_digits():
    lines = [f"this is the sentence {letter}{other} of a book" for letter in "abcdefghij" for other in "klmnopqrst"]
    chosen = held_out_texts([*lines, *lines, "in 1984 all of this was true"], 100)
    assert sorted(chosen) == sorted(line for line in lines if is_held_out(line, 0.04))
    assert held_out_texts(lines, 1) == chosen[:1]


def test_difference_of_the_same_voice_is_none():
    results = compare({"a": Reader(set(TEXTS[:3])), "b": Reader(set(TEXTS[:3]))}, TEXTS, "anna", Ear(), None)
    assert results["b"]["difference"] == 0
    assert results["b"]["difference_interval"] == (0, 0)
    assert results["b"]["word_error_rate"] == pytest.approx(3 / 50)


def test_difference_has_a_sign_and_an_interval():
    results = compare({"a": Reader(set(TEXTS[:2])), "b": Reader(set(TEXTS[:8]))}, TEXTS, "anna", Ear(), None)
    low, high = results["b"]["difference_interval"]
    assert results["b"]["difference"] == pytest.approx(6 / 50)
    assert 0 < low < 6 / 50 < high
    assert "+12.0" in report(results)


def test_a_file_without_held_out_texts_is_refused(tmp_path, capsys):
    (tmp_path / "short.txt").write_text("no\n")
    assert main(["--models", "x", "--texts", str(tmp_path / "short.txt"), "--speaker", "anna"]) == 1
    assert "held out" in capsys.readouterr().err

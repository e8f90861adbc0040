"""The benchmarks' own parts: order and medians, memory, tables; and that each benchmark measures all of its sides."""

import json

import numpy as np
import pytest
import torch
from tiny import tiny_mimi

from tts_trm.benchmarks.common import measuring
from tts_trm.benchmarks.speed import data_preparation, growth, performance_report, scaling, training_step


def test_sides_take_turns_and_the_median_counts(monkeypatch):
    clock, calls, costs = [0.0], [], {"one": iter([9, 1, 5, 3]), "two": iter([9, 2, 2, 8])}

    def side(name):
        def call():
            calls.append(name)
            clock[0] += next(costs[name])

        return call

    monkeypatch.setattr(measuring.time, "perf_counter", lambda: clock[0])
    assert measuring.compare({"one": side("one"), "two": side("two")}, 3) == {"one": 3, "two": 2}
    assert calls == ["one", "two"] * 4


def allocate(before: int, during: int):
    """A call that holds `during` MB, after `before` MB have come and gone."""
    np.ones(before * 125_000)
    return lambda: np.ones(during * 125_000).sum()


def test_memory_is_that_of_the_call_alone():
    assert 55 < measuring.peak_memory(allocate, 300, 60) < 90
    with pytest.raises(RuntimeError, match=r"allocate\('many', 1\): the process that measured it died"):
        measuring.peak_memory(allocate, "many", 1)


def test_tables_are_markdown():
    assert measuring.table(["a", "b"], [["x", 1.23456], ["y", 12]]) == (
        "| a | b |\n| --- | --- |\n| x | 1.23 |\n| y | 12 |\n"
    )


SMALL = dict(text_embed_dim=16, audio_embed_dim=16, hidden_dim=16, num_heads=2, codebook_size=32, num_codebooks=12)


def test_training_step(monkeypatch, tmp_path, capsys):
    plain = training_step.make_config
    chains = {"codebook_chains": [1, 11], "codebook_entry_dim": 8}
    monkeypatch.setattr(training_step, "make_config", lambda side: plain(side, **SMALL, **chains))
    monkeypatch.setattr(training_step, "CLIPS", 5)
    monkeypatch.setattr(training_step, "peak_memory", lambda function, side, *sizes: function(side, *sizes)() or 8.0)
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    assert training_step.main(["--batch-sizes", "2", "--rounds", "1"]) == 0
    results = json.loads((tmp_path / "training_step.json").read_text())
    steps = {step["side"]: step for step in results["steps"]}
    assert list(steps) == list(training_step.SIDES) == list(results["head_memory"])
    assert steps[training_step.LITERAL]["times_literal"] == 1
    assert steps[training_step.LITERAL]["padding"] >= steps["specification"]["padding"]
    assert all(step["roofline_frames_per_second"] > 0 for step in steps.values())
    assert results["machine"]["threads"] and results["matrix_gflops"] > 0
    assert f"| {training_step.LITERAL} | 2 |" in capsys.readouterr().out


def test_operations_are_those_of_products():
    weight = torch.randn(16, 8, requires_grad=True)
    assert measuring.operations(lambda: torch.randn(4, 16) @ weight) == 2 * 4 * 16 * 8
    assert measuring.operations(lambda: (torch.randn(4, 16) @ weight).sum().backward()) == 2 * 2 * 4 * 16 * 8


def test_growth(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(growth, "CHARACTERS", (10, 20))
    for name, value in {"CLIPS": 60, "FRAMES": 20, "BATCHES": 4, "HOURS": (0.02, 0.08)}.items():
        monkeypatch.setattr(growth, name, value)
    monkeypatch.setattr(growth, "peak_memory", lambda function, *arguments: len(str(function(*arguments)())))
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    assert growth.main(["--rounds", "1"]) == 0
    results = json.loads((tmp_path / "growth.json").read_text())
    assert [entry["characters"] for entry in results["texts"]] == [10, 20]
    assert [entry["shards"] for entry in results["data"]] == [1, 3]
    assert all(entry["seconds_to_first_batch"] > 0 < entry["batches_per_second"] for entry in results["data"])


def test_data_preparation_and_what_follows_from_it(monkeypatch, tmp_path):
    """Measures the fixture once, with a small Mimi, and computes the tables of large data sets from that."""
    monkeypatch.setattr(data_preparation, "COPIES", {"offline codec": 1, "Mimi, full size": 1})
    monkeypatch.setattr(data_preparation, "PROCESSES", (1,))
    monkeypatch.setattr(data_preparation, "ALIGNER_STEPS", 2)
    monkeypatch.setattr(data_preparation, "make_mimi", lambda folder: tiny_mimi().save_pretrained(folder) or folder)
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    threads = torch.get_num_threads()
    assert data_preparation.main(["--seconds", "0.1"]) == 0
    torch.set_num_threads(threads)
    data = json.loads((tmp_path / "data_preparation.json").read_text())
    assert [entry["codec"] for entry in data["tokenising"]] == ["offline codec", "Mimi, full size"]
    assert all(entry["hours_per_hour"] > 0 and 50 < entry["bytes_per_second"] < 2000 for entry in data["tokenising"])
    assert data["aligning"]["hours_per_hour"] > 0 and 10 < data["aligning"]["bytes_per_second"] < 200
    runs = [
        {"processes": count, "losses": {10: 0.5}, "held_out_losses": {10: 0.75}, "frames_per_second_each": 100 / count}
        for count in (1, 2)
    ]
    measuring.write_results("data_parallel", {"runs": runs})
    page = tmp_path / "scaling.md"
    page.write_text(scaling.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(scaling, "PAGE", page)
    assert scaling.main() == 0
    text = page.read_text(encoding="utf-8")
    tokens = data["tokenising"][0]["bytes_per_second"] * 585 * 3600 / 1e9
    assert f"| LibriTTS-R | 585 | {tokens:.1f} GB |" in text
    hours = 585 / data["tokenising"][1]["hours_per_hour"]
    assert f"| LibriTTS-R | tokenise, Mimi, full size | {scaling.duration(hours)} |" in text
    assert "| 10 | 0.5000 | 0.5000 | 0.7500 | 0.7500 |" in text and "| 2 | 50 | 100 | 0.50 |" in text
    assert all(f"| {recipe} | " in text for recipe in scaling.RECIPES)


def test_the_page_has_a_place_for_every_benchmark(monkeypatch, tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(performance_report.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(performance_report, "PAGE", page)
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    performance_report.main()
    assert page.read_text().count("Not run yet.") == len(performance_report.BENCHMARKS)
    measuring.write_results("start_up", {"seconds": {"an empty Python": 0.0512}})
    performance_report.main()
    assert "| an empty Python | 0.05 |" in page.read_text() and " threads; torch " in page.read_text()
    assert page.read_text().count("Not run yet.") == len(performance_report.BENCHMARKS) - 1

"""The rows of the recursion's benchmark: each trains and is measured, and finds its place in the table."""

import json

import pytest
from prepared import *  # noqa: F403
from tiny import random_batch, tiny_config

from tts_trm.benchmarks.ablations import recursion
from tts_trm.training.model import model_sizes
from tts_trm.training.options import parse_arguments

SMALL = "--text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 24 --num-heads 2 --frames-per-batch 40 --warmup-steps 1"


def test_two_rows_are_trained_once_and_reported(recordings, token_dir, tiny_codec_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(recursion, "BASE", f"{recursion.BASE} {SMALL}")
    results = tmp_path / "results.json"
    command = ["--data-dir", str(recordings), "--token-dir", str(token_dir), "--codec", str(tiny_codec_folder)]
    command += ["--steps", "3", "--row", "1x1", "--row", "2x3", "--output", str(results)]
    assert recursion.main(command) == 0
    first = json.loads(results.read_text())
    assert [(row["name"], row["seed"]) for row in first] == [("1x1", 42), ("2x3", 42), ("1x1", 43)]
    once, deeper, other_seed = first
    assert once["parameters"] == deeper["parameters"]
    assert once["operations"] < deeper["operations"]
    assert once["frames"] == deeper["frames"]
    assert once["errors"] != other_seed["errors"]
    assert all(error > 0 for row in first for error in row["errors"].values())
    assert recursion.main(command) == 0
    assert json.loads(results.read_text()) == first
    lines = recursion.report(first).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 1x1", "| 1x1, seed 43", "| 2x3"]


@pytest.mark.parametrize("row", recursion.ROWS, ids=lambda row: f"{row.name}-{row.seed}")
def test_every_row_has_a_gradient(row):
    sizes = model_sizes(parse_arguments([*recursion.BASE.split(), *row.arguments.split(), *SMALL.split()]))
    model = row.model_class(tiny_config(**sizes)).train()
    model(**random_batch(model.config)).loss.backward()
    assert all(weight.grad is not None for weight in model.recursion.parameters())


def test_layers_that_are_repeated_count_once():
    def parameters(name: str) -> int:
        row = next(row for row in recursion.ROWS if row.name == name)
        sizes = model_sizes(parse_arguments([*recursion.BASE.split(), *row.arguments.split(), *SMALL.split()]))
        return sum(weight.numel() for weight in row.model_class(tiny_config(**sizes)).parameters())

    assert parameters("text 3") == parameters("text 3, twice") < parameters("text 6, twice") == parameters("1x1")

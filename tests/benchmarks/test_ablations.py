"""The ablations' rows: each one trains, speaks in all its ways, and finds its place in the report."""

import json

import pytest
import torch
from tiny import random_batch, tiny_config

from tts_trm.benchmarks.ablations import ablation_report, run_ablations, variants
from tts_trm.benchmarks.ablations.ablation_rows import BASE, ROWS
from tts_trm.benchmarks.common import markdown_tables
from tts_trm.training.model import model_sizes
from tts_trm.training.options import parse_arguments

QUESTIONS = list(dict.fromkeys(row.question for row in ROWS))
SMALL = dict(text_embed_dim=16, audio_embed_dim=16, hidden_dim=24, text_layers=1, num_heads=2, max_audio_frames=48)


def small_model(row):
    """The row's model, in small, with what the row changes of it."""
    sizes = model_sizes(parse_arguments([*BASE.split(), *row.arguments.split()]))
    torch.manual_seed(0)
    model = row.model_class(tiny_config(**(sizes | SMALL | row.config)))
    if model.config.codebook_head == "latent":
        size = len(model.config.codebook_chains) * model.config.codebook_entry_dim
        model.head.set_codebooks(torch.randn(model.head.codebooks.shape), torch.zeros(size), torch.ones(size))
    return model


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_trains_and_speaks(row):
    model = small_model(row).train()
    batch = random_batch(model.config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert sum(losses[-5:]) < sum(losses[:5])
    model.eval()
    for settings in row.readings.values():
        for name, value in settings.items():
            assert hasattr(model, name)
            setattr(model, name, value)
        spoken = {
            tuple(
                model.generate(batch["input_ids"], batch["attention_mask"], num_frames=9, do_sample=False)
                .flatten()
                .tolist()
            )
            for _ in range(2)
        }
        assert len(spoken) == 1  # the same again


def test_names_of_rows_are_unique_and_variants_are_used():
    assert len({row.name for row in ROWS}) == len(ROWS)
    defined = {
        value
        for value in vars(variants).values()
        if isinstance(value, type) and issubclass(value, variants.TtsTrmModel)
    }
    assert defined == {row.model_class for row in ROWS}


def test_readings_change_what_is_said():
    for row in ROWS:
        if len(row.readings) > 1:
            model = small_model(row).eval()
            # What starts at zero would hide the difference.
            for parameter in model.parameters():
                parameter.data.add_(0.3 * torch.randn_like(parameter))
            batch, answers = random_batch(model.config), []
            text = {name: batch[name] for name in ("input_ids", "attention_mask")}
            for settings in row.readings.values():
                for name, value in settings.items():
                    setattr(model, name, value)
                with torch.no_grad():
                    answers.append(model(**text, num_frames=9).last_hidden_state)
            assert all(not torch.allclose(answers[0], other) for other in answers[1:]), row.name


def result(name: str, seed: int = 42, **readings) -> dict:
    spoken = [
        {"reading": label, "sharpness": sharpness, "word_error_rate": rate, "character_error_rate": rate / 2}
        for label, rate in (readings or {"": 0.5}).items()
        for sharpness in (0.0, 0.75)
    ]
    losses = {"loss": 0.75, "shuffled_text_loss": 0.95, "cycle_losses": [1.0, 0.7], "cycle_changes": [0.5]}
    measured = losses | {"parameters": 1.2e6, "frames_per_second": 2000.0, "passes": 3.5, "codebook_0": [4.1, 0.15]}
    curve = [{"minutes": 1.0, "frames": 9, "loss": 0.7, "error": 0.6}]
    return {"name": name, "seed": seed, "minutes": 5.0, "curve": curve, "readings": spoken, **measured}


def test_results_are_appended_and_reported(tmp_path):
    path = tmp_path / "results" / "ablations.json"
    for name, seed in (("base", 42), ("gaussian-4", 42), ("gaussian-4", 43)):
        run_ablations.append_result(path, result(name, seed))
    run_ablations.append_result(path, result("feedback", **{"1 pass": 0.5, "4 passes": 0.4}))
    results = json.loads(path.read_text())
    assert results == run_ablations.read_results(path) and [entry["seed"] for entry in results] == [42, 42, 43, 42]

    sections = [f"<!-- table: {question} -->\nold\n<!-- end -->\nmore\n" for question in [*QUESTIONS, "diagnosis"]]
    (tmp_path / "ablations.md").write_text("prose\n" + "".join(sections))
    # A second report changes nothing.
    for _ in range(2):
        ablation_report.write_report(results, tmp_path)
        page = (tmp_path / "ablations.md").read_text()
        sections = dict(zip([*QUESTIONS, "diagnosis"], page.split("<!-- table:")[1:], strict=True))
        timing, feedback = sections["When is each character?"], sections["Cycles as decoding"]
        assert page.startswith("prose\n") and "\nold\n" not in page and page.count("\nmore\n") == len(sections)
        assert timing.index("| base |") < timing.index("| gaussian-4 |") < timing.index("| gaussian-4, seed 43 |")
        assert "| 50.0 % (25.0) |" in timing and "| feedback | 4 passes, sharpness 0.75 | 40.0 % (20.0) |" in feedback
        assert "| gaussian-4, seed 43 | 0.750 | 0.950 | 1.000 0.700 | 0.50 |  |" in sections["diagnosis"]
        assert "Not run yet." in sections["From the specification to the base"]
    assert (tmp_path / "images" / "ablations.png").stat().st_size > 10_000


@pytest.mark.parametrize("content", ["", "<!-- table: A -->\n", "<!-- table: A -->\n<!-- table: B -->\n<!-- end -->"])
def test_a_page_without_a_place_is_left_as_it_is(content, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(content)
    with pytest.raises(ValueError, match="page.md: has no place .* add lines `<!-- table: A -->` and `<!-- end -->`"):
        markdown_tables.write_table(page, "A", "new")
    assert page.read_text() == content


def test_rows_that_are_there_are_skipped(tmp_path, monkeypatch, capsys):
    class Laboratory:
        def __init__(self, command):
            pass

        def run(self, row):
            return result(row.name) | {"minutes": 4.0}

    monkeypatch.setattr(run_ablations, "Laboratory", Laboratory)
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    output = ["--output", str(tmp_path / "a.json"), "--minutes", "4"]
    run_ablations.main([*output, "--row", "base"])
    run_ablations.main([*output, "--share", "0/2"])
    run_ablations.main([*output, "--share", "1/2"])
    names = [entry["name"] for entry in run_ablations.read_results(tmp_path / "a.json")]
    assert sorted(names) == sorted(row.name for row in ROWS)  # each once

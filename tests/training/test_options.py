"""The command line of the training run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tts_trm.training.options import parse_arguments

ROOT = Path(__file__).resolve().parents[2]

# Section "CLI Reference" of the original specification: name, default, another value and what it means.
SPECIFICATION = [
    ("--data-dir", ["test_dataset"], "recordings", ["recordings"]),
    ("--token-dir", Path("test_dataset/mimi_tokens"), "tokens", Path("tokens")),
    ("--max-text-length", 512, "100", 100),
    ("--max-audio-frames", 256, "100", 100),
    ("--text-embed-dim", 256, "64", 64),
    ("--audio-embed-dim", 256, "64", 64),
    ("--hidden-dim", 512, "64", 64),
    ("--text-layers", 4, "2", 2),
    ("--L-layers", 2, "3", 3),
    ("--H-cycles", 3, "2", 2),
    ("--L-cycles", 6, "2", 2),
    ("--num-heads", 8, "2", 2),
    ("--share-output-heads", False, None, True),
    ("--epochs", 100, "3", 3),
    ("--batch-size", 8, "2", 2),
    ("--lr", 1e-4, "3e-4", 3e-4),
    ("--weight-decay", 0.1, "0", 0.0),
    ("--grad-clip", 1.0, "0.5", 0.5),
    ("--fp16", False, None, True),
    ("--log-interval", 10, "1", 1),
    ("--eval-interval", 500, "1", 1),
    ("--save-interval", 1000, "1", 1),
    ("--output-dir", Path("outputs/tts"), "out", Path("out")),
    ("--run-name", None, "first", "first"),
    ("--wandb", False, None, True),
    ("--sample-interval", 0, "500", 500),
    ("--num-samples", 3, "1", 1),
    ("--sample-prompts", None, "Hello.", ["Hello."]),
    ("--sample-prompts-file", None, "prompts.txt", Path("prompts.txt")),
    ("--sample-speaker", "0", "1", "1"),
    ("--sample-temperature", 0.8, "1", 1.0),
    ("--sample-top-k", 50, "5", 5),
    ("--num-workers", 4, "0", 0),
    ("--seed", 42, "1", 1),
    ("--device", "auto", "cpu", "cpu"),
]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(("name", "default", "value", "meaning"), SPECIFICATION, ids=[row[0] for row in SPECIFICATION])
def test_option_of_the_specification(name, default, value, meaning):
    destination = name.lstrip("-").replace("-", "_")
    assert getattr(parse_arguments([]), destination) == default
    arguments = [name] if value is None else [name, value]
    assert getattr(parse_arguments(arguments), destination) == meaning


def test_defaults_are_those_of_the_configuration():
    from tts_trm import TtsTrmConfig
    from tts_trm.training.model import model_sizes

    sizes, defaults = model_sizes(parse_arguments([])), TtsTrmConfig()
    assert sizes == {name: getattr(defaults, name) for name in sizes}


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_config_file(tmp_path, suffix):
    values = {
        "batch-size": 16,
        "lr": 0.002,
        "H_cycles": 2,
        "l-cycles": 3,
        "data-dir": ["a", "b"],
        "sample_prompts": ["One.", "Two: three"],
        "wandb": True,
        "trackio": False,
        "fp16": True,
        "share-output-heads": False,
        "codec": None,
        "output-dir": "out",
    }
    path = tmp_path / f"run.{suffix}"
    # JSON is YAML too; 2e-3 without a point is text in YAML 1.1
    path.write_text(json.dumps(values).replace("0.002", "2e-3"))
    options = parse_arguments(["--config", str(path), "--batch-size", "4", "--L-cycles", "5"])
    # The command line wins.
    assert (options.batch_size, options.L_cycles) == (4, 5)
    assert (options.lr, options.H_cycles, options.epochs) == (0.002, 2, 100)
    assert options.data_dir == ["a", "b"] and options.sample_prompts == ["One.", "Two: three"]
    assert (options.wandb, options.trackio, options.fp16, options.codec) == (True, False, True, None)
    assert options.output_dir == Path("out")


@pytest.mark.parametrize("path", sorted(ROOT.glob("configs/*.y*ml")), ids=lambda path: path.name)
def test_configs_of_the_repository(path):
    parse_arguments(["--config", str(path)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("batch-sizes: 4", "batch-sizes"),
        ("batch-size: four", "--batch-size: invalid int value: 'four'"),
        ("lr: -1", "--lr must be above 0, not -1.0"),
        ("[1, 2]", "must hold option names and values"),
        ("a: b: c", "run.yaml: is not valid YAML"),
        ("fp16: maybe", "'maybe' is neither true nor false"),
        (None, "run.yaml: cannot be read"),
    ],
)
def test_bad_config_file(tmp_path, capsys, content, message):
    if content is not None:
        (tmp_path / "run.yaml").write_text(content)
    with pytest.raises(SystemExit) as ended:
        parse_arguments(["--config", str(tmp_path / "run.yaml")])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--batch-size 0", "--batch-size must be at least 1, not 0"),
        ("--sample-interval -1", "--sample-interval must be at least 0, not -1"),
        ("--grad-clip 0", "--grad-clip must be above 0, not 0.0"),
        ("--held-out 1", "--held-out must be between 0 and 1, not 1.0"),
        (f"--output-dir {__file__}", "test_options.py is a file; give a folder"),
        ("--fp16 --bf16", "--fp16 and --bf16 exclude each other"),
        ("--device tpu", "invalid choice: 'tpu'"),
        # No abbreviations: they break when options are added.
        ("--epoch 3", "unrecognized arguments: --epoch"),
    ],
)
def test_bad_value(capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        parse_arguments(arguments.split())
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_help_needs_no_torch():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['run_training.py', '--help']\n"
        "try:\n    runpy.run_path('run_training.py', run_name='__main__')\n"
        "finally:\n    loaded = {'torch', 'transformers', 'accelerate', 'datasets'} & set(sys.modules)\n"
        "    print('loaded:', sorted(loaded))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "loaded: []" in done.stdout
    for name, *_ in SPECIFICATION:
        assert name in done.stdout

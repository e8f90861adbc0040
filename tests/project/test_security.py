"""What no file of the project may do, from its syntax tree, and what no example may teach."""

import ast
import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tts_trm import TtsTrmProcessor
from tts_trm.publishing import model_card
from tts_trm.scripts import evaluate_voice

ROOT = Path(__file__).resolve().parents[2]
# All code but the tests, and of these the programs of `make torture`; a new folder is read without being named here.
CODE = sorted(
    name
    for name in (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
    if not name.startswith((".", "tests/", "build/", "outputs/", "recordings/"))
    or (name.startswith("tests/stress/") and "/test_" not in name)
)
PAGES = [
    "README.md",
    *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
    "pretrained/tts-trm-mini/README.md",
]
NOTEBOOKS = sorted(f"notebooks/{path.name}" for path in ROOT.glob("notebooks/*.ipynb"))
CODE_THAT_UNPICKLES = {
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "jsonpickle",
}
FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "torch.hub.load"),
    *("yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all", "pandas.read_pickle", "tempfile.mktemp"),
}
FORBIDDEN_ARGUMENTS = {"shell": True, "allow_pickle": True, "weights_only": False, "trust_remote_code": True}


def forbidden(source: str) -> list[str]:
    """What is wrong in `source`, line by line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
            found += [(node.lineno, name) for name in modules if name.split(".")[0] in CODE_THAT_UNPICKLES]
            found += [(node.lineno, name) for name in imported(node) if name in FORBIDDEN]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found += [(node.lineno, name)] * (name in FORBIDDEN or name.startswith("builtins."))
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if keyword.arg in FORBIDDEN_ARGUMENTS and value is FORBIDDEN_ARGUMENTS[keyword.arg]:
                    found.append((node.lineno, f"{keyword.arg}={value}"))
        elif isinstance(node, ast.arguments):
            named = [
                *zip(node.args[::-1], node.defaults[::-1], strict=False),
                *zip(node.kwonlyargs, node.kw_defaults, strict=True),
            ]
            found += [
                (argument.lineno, f"{argument.arg} by default")
                for argument, default in named
                if FORBIDDEN_ARGUMENTS.get(argument.arg, default) is getattr(default, "value", argument)
            ]
    return [f"line {line}: {what}" for line, what in found]


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("name", CODE)
def test_no_code_runs_what_it_reads(name):
    assert forbidden((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "def f():\n    import dill as d",
        "torch.load('x', weights_only=True)",
        "from torch import load",
        "numpy.load('x', allow_pickle=True)",
        "eval('1')",
        "builtins.exec('1')",
        "yaml.load(text, Loader=yaml.Loader)",
        "subprocess.run('ls', shell=True)",
        "os.system('ls')",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "def load(name, trust_remote_code=True): pass",
        "def load(name, *, allow_pickle=True): pass",
    ],
)
def test_what_is_looked_for_is_found(source):
    assert len(forbidden(source)) == 1


def test_harmless_code_is_let_pass():
    harmless = "model.eval()\nre.compile('x')\ntorch.compile(model)\nyaml.safe_load(text)\nrun(shell=False)\n"
    assert forbidden(harmless + "def load(name, trust_remote_code=None, shell=False): pass") == []


def remote_examples(text: str) -> list[str]:
    """The calls of a text that run the code of a repository on the Hub, as they are written."""
    calls = re.findall(r"(?:from_pretrained|pipeline)\([^()]*trust_remote_code=True[^()]*\)", text)
    return [
        call
        for call in calls
        if not re.search(r"\(\\?[\"'](?:text-to-speech\\?\", model=\\?\")?(?:pretrained|outputs)/", call)
    ]


@pytest.mark.parametrize("name", [*PAGES, *NOTEBOOKS, "publishing/model_card.py", "scripts/push_to_hub.py"])
def test_every_example_that_runs_code_of_the_hub_pins_it(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [call for call in remote_examples(text) if "revision=" not in call] == []
    pinned = re.findall(r'revision=\\?"([^"\\{]*)|, revision = "[^"]*", "([^"]*)"', text)
    # Which are part of the commit that they name.
    cards = name.endswith(("model_card.py", "tts-trm-mini/README.md"))
    for revision in filter(None, map("".join, pinned)):
        assert re.fullmatch(r"[0-9a-f]{40}", revision) or (cards and revision == "main"), revision


def test_the_examples_are_found():
    assert len(remote_examples((ROOT / "docs/hub.md").read_text(encoding="utf-8"))) == 3
    assert len(remote_examples(model_card.USAGE)) == 3
    assert len(remote_examples((ROOT / "README.md").read_text(encoding="utf-8"))) == 1
    assert remote_examples('AutoModel.from_pretrained("you/voice", trust_remote_code=True)')


NAME = """x"); import os; os.system('rm -rf ~'); ("""


def test_snippets_to_copy_quote_the_names_of_somebody_elses_voice(tiny_voice):
    pytest.importorskip("gradio")
    from tts_trm.serving import page

    command = page.describe_endpoint(f"voice of {NAME}", NAME).split("```")[1].partition("\n")[2].replace("\\\n", "")
    words = shlex.split(command)
    assert json.loads(words[words.index("-d") + 1])["voice"] == NAME and words[-2:] == ["--output", "hello.wav"]

    processor = TtsTrmProcessor.from_pretrained(tiny_voice)
    processor.speakers = [NAME, NAME]
    snippet = model_card._usage(processor).split("```")[1].removeprefix("python\n")
    (call,) = [node for node in ast.walk(ast.parse(snippet)) if ast.unparse(node).startswith("processor(")]
    assert ast.literal_eval(call.keywords[-1].value) == NAME


def test_a_data_set_of_somebody_else_names_no_recording_of_this_machine(tmp_path, recordings, monkeypatch):
    import datasets

    from tts_trm.audio.reading import AudioError
    from tts_trm.data.hub_datasets import read_hub

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    own, copy = recordings / "0.wav", tmp_path / "copy"
    copy.mkdir()
    for folder in (copy, tmp_path):
        shutil.copy(own, folder / "0.wav")
    paths = [str(own), str(copy / ".." / "0.wav"), str(copy / "0.wav")]
    columns = {"audio": [{"bytes": None, "path": path} for path in paths], "text": ["one", "two", "three"]}
    datasets.Dataset.from_dict(columns).to_parquet(copy / "train-00000-of-00001.parquet")
    *outside, inside = read_hub(copy)
    for clip in outside:
        with pytest.raises(AudioError, match=r"row \d: .* is not a file of the data set"):
            clip.load(24_000)
    assert len(inside.load(24_000))


def test_a_speaker_s_name_never_leaves_the_folder(tmp_path, tiny_voice):
    processor = TtsTrmProcessor.from_pretrained(tiny_voice)
    spoken = SimpleNamespace(waveforms={"model": [np.zeros(10)]})
    for speaker in ("../../x", "/x", "anna", "Jürgen", ".."):
        evaluate_voice.save_speech(tmp_path, speaker, processor, spoken)
    expected = {f"{name}_0001.wav" for name in ("%2E%2E%2F%2E%2E%2Fx", "%2Fx", "anna", "Jürgen", "%2E%2E")}
    assert {path.name for path in tmp_path.iterdir()} == expected

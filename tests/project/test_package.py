"""The checkout as a package: wheel, bare clone, remote code; what each part may import, and how fast `--help` is."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOM = ("audio", "data", "evaluation", "publishing", "scripts", "serving", "speaking", "training")
DATA_FILES = {"evaluation/report_page.html", "serving/page.css", "serving/page.js"} | {
    path.relative_to(ROOT).as_posix()
    for path in ROOT.glob("pretrained/**/*")
    # Which the fixture leaves out.
    if path.is_file() and path.suffix != ".safetensors"
}
COMMANDS = ["cli.py", "run_training.py", "app.py", *sorted(f"scripts/{p.name}" for p in ROOT.glob("scripts/[a-z]*.py"))]
REMOTE_CODE = sorted(path.name for path in ROOT.glob("*_tts_trm*.py"))
ALLOWED = {"torch", "transformers", "huggingface_hub", "tokenizers", "numpy", "safetensors"}
ALLOWED |= {
    "abc",
    "collections",
    "dataclasses",
    "functools",
    "html",
    "itertools",
    "json",
    "logging",
    "math",
    "numbers",
    "re",
    "typing",
    "warnings",
}
# Of the last two only the names below.
ALLOWED |= {"unicodedata", "os", "shutil"}
# what code that strangers run may do with files: make a checkpoint's folder, copy the codec into it, write a WAV file
FILE_CALLS = {"os.makedirs", "os.replace", "os.unlink", "os.PathLike", "shutil.copyfile"}
FILE_CALLS |= {
    f"os.path.{name}" for name in ("abspath", "basename", "exists", "isdir", "isfile", "join", "realpath", "splitext")
}
DANGEROUS = {"eval", "exec", "compile", "__import__", "globals", "input", "breakpoint"}
IMPORT_ALL = """
import importlib, json, pkgutil, tts_trm
names = [module.name for module in pkgutil.walk_packages(tts_trm.__path__, "tts_trm.")]
left_out = ("tts_trm.setup", "tts_trm.stray")
modules = [tts_trm, *(importlib.import_module(name) for name in names if name not in left_out)]
public = {name: getattr(tts_trm, name).__name__ for name in tts_trm.__all__}
print(json.dumps([{module.__name__: module.__file__ for module in modules}, public]))
"""


def run(*command, cwd, **environment) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | environment
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The checkout as it is, but for its weights and recordings, in a folder whose name is no Python name."""
    skipped = (
        ".*",
        "build",
        "dist",
        "outputs",
        "recordings",
        "*.egg-info",
        "__pycache__",
        "*.safetensors",
        "*.flac",
        "*.wav",
    )
    folder = tmp_path_factory.mktemp("clone") / "tts-trm"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*skipped))
    (folder / "stray.py").write_text("raise SystemExit('not a module of the package')\n")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory, clone) -> Path:
    """A folder into which the wheel of the clone is installed, which is what `pip install .` does."""
    folder, pip = tmp_path_factory.mktemp("installed"), ("-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, clone, cwd=folder)
    (wheel,) = folder.glob("tts_trm-*.whl")
    run(*pip, "install", "--no-deps", "--no-index", "--target", folder / "site", wheel, cwd=folder)
    return folder / "site"


def python_files(folder: Path) -> set[str]:
    """The modules of a checkout, relative to its root."""
    files = [*folder.glob("*.py"), *(path for room in ROOM for path in (folder / room).rglob("*.py"))]
    return {path.relative_to(folder).as_posix() for path in files} - {"setup.py", "stray.py"}


def test_the_wheel_holds_the_modules_and_nothing_else(clone, installed):
    package = installed / "tts_trm"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} == python_files(clone) | DATA_FILES


def test_a_stray_script_stays_out_of_the_wheel(clone, installed):
    assert not (installed / "tts_trm" / "stray.py").exists() and (clone / "stray.py").exists()


@pytest.mark.parametrize("kind", ["wheel", "clone"])
def test_every_module_imports(kind, clone, installed, tmp_path):
    if kind == "wheel":
        done = run("-c", IMPORT_ALL, cwd=tmp_path, PYTHONPATH=str(installed))
        folder = installed / "tts_trm"
    else:
        done = run("-c", "import _clone" + IMPORT_ALL, cwd=tmp_path, PYTHONPATH=str(clone / "scripts"))
        folder = clone
    files, public = json.loads(done.stdout)
    assert {Path(file).relative_to(folder).as_posix() for file in files.values()} >= python_files(clone)
    assert all(name == actual for name, actual in public.items())


def test_a_clone_with_any_name_is_collected_by_pytest(clone):
    """pytest runs the `__init__.py` of a clone called `tts-trm` as a module without a package."""
    run("-c", "import runpy; runpy.run_path('__init__.py')", cwd=clone)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_bare_clone_is_fast(command, clone, tmp_path):
    done = run("-X", "importtime", clone / command, "--help", cwd=tmp_path)
    assert done.stdout.startswith("usage: ") and len(done.stdout.splitlines()) > 5
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert command == "cli.py" or "argparse" in imported
    assert not imported & {"torch", "transformers", "datasets", "matplotlib"}


def imports_in(node: ast.AST):
    """(line, module) of all imports, in function bodies too, but for those under `try` or `if is_..._available()`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try):
            continue
        if isinstance(child, ast.If) and "_available()" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from ((child.lineno, alias.name) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield child.lineno, "." * child.level + (child.module or "")
        yield from imports_in(child)


@pytest.mark.parametrize("name", REMOTE_CODE)
def test_remote_code_imports_only_what_every_user_has(name):
    for line, module in imports_in(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if module.startswith("."):
            # the loader finds files by `from .name import`: no packages, no `from . import name`
            assert f"{module[1:]}.py" in REMOTE_CODE, f"{name}:{line} imports {module}"
        else:
            assert module.split(".")[0] in ALLOWED, f"{name}:{line} imports {module}"


@pytest.mark.parametrize("name", REMOTE_CODE)
def test_remote_code_runs_no_other_and_writes_few_files(name):
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    of_files = {each for each in attributes if each.startswith(("os.", "shutil."))} - {"os.path"}
    assert of_files <= FILE_CALLS
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module not in ("os", "shutil"), (
                f"{name}:{node.lineno}: import the module, so that its use is seen"
            )
        if not isinstance(node, ast.Call):
            continue
        called, words = ast.unparse(node.func), [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
        assert called not in DANGEROUS and not called.startswith("builtins."), f"{name}:{node.lineno} calls {called}"
        if called == "open":
            assert all(getattr(word, "value", "w") in ("r", "rb") for word in words), f"{name}:{node.lineno} writes"


def test_bundled_voices_carry_the_code_of_this_checkout():
    voices = [path.parent for path in ROOT.glob("pretrained/*/config.json")]
    assert voices, "pretrained/ holds no voice"
    for voice in voices:
        assert sorted(path.name for path in voice.rglob("*.py")) == REMOTE_CODE
        for name in REMOTE_CODE:
            assert (voice / name).read_bytes() == (ROOT / name).read_bytes(), f"{voice / name} differs from {name}"

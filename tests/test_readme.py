"""Everything that the README tells its readers to run, run in the order in which it stands there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(r"^```(python|bash)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
# the README trains for an hour; two steps of a small model show that the command is right
SHORT = "--max-steps 2 --text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 16 --text-layers 1 --num-workers 0"


def commands() -> list[str]:
    lines = "".join(text for language, text in BLOCKS if language == "bash").splitlines()
    return [line.split("   #")[0].strip() for line in lines if line.strip() and not line.startswith("make ")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Path:
    """The checkout as a reader has it, with recordings of her own, in a folder that may be written to."""
    folder = tmp_path_factory.mktemp("reader") / "tts-trm"
    skipped = shutil.ignore_patterns(".git", ".venv", "build", "outputs", "__pycache__", ".*_cache", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=skipped)
    shutil.copytree(folder / "test_dataset", folder / "my_recordings", ignore=shutil.ignore_patterns("mimi_tokens"))
    return folder


def run(command: list[str], folder: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder.parent / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def test_every_python_block_runs(reader):
    blocks = [text for language, text in BLOCKS if language == "python"]
    assert blocks
    for text in blocks:
        run([sys.executable, "-c", text], reader)
    assert (reader / "weather.wav").stat().st_size > 10_000


def test_every_command_runs(reader):
    assert len(commands()) >= 6
    for line in commands():
        if "run_training.py --data-dir" in line:
            line += f" {SHORT}"
        run(["bash", "-c", line], reader)
    for name in ("morning.wav", "line.wav", "mine.wav", "spoken/0001.wav", "spoken/0003.png"):
        assert (reader / name).stat().st_size > 10_000


def test_the_two_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    assert set(shown) == {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in shown)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert target.startswith("https://") or (ROOT / shlex.split(target)[0]).exists(), target

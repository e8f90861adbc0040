"""Every command that the README tells its readers to run, run in the order in which it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, code_blocks

# The README trains for minutes; two steps show that the command is right.
SHORT = "--max-steps 2 --num-workers 0"
# What installs; `make` has tests of its own.
NOT_OURS = ("make ", "pip ", "git ", ". ", "#")


def commands() -> list[str]:
    """The lines of the README's shell blocks that a reader can run; a line that ends in a backslash goes on."""
    shown = [block.text for block in code_blocks("README.md") if block.language == "bash" and not block.not_run]
    lines = [line.split("   #")[0].strip() for line in "".join(shown).replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith(NOT_OURS)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Path:
    """The checkout as a reader has it, with recordings of her own, in a folder that may be written to."""
    folder = tmp_path_factory.mktemp("reader") / "tts-trm"
    skipped = shutil.ignore_patterns(".git", ".venv", "build", "outputs", "__pycache__", ".*_cache", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=skipped)
    shutil.copytree(folder / "test_dataset", folder / "my_recordings", ignore=shutil.ignore_patterns("mimi_tokens"))
    return folder


def run(command: str, folder: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder.parent / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def test_every_command_runs(reader):
    assert len(commands()) >= 6
    for line in commands():
        if "run_training.py --data-dir" in line:
            line += f" {SHORT}"
        run(line, reader)
    spoken = re.findall(r"--output (\S+\.wav)", "\n".join(commands()))
    assert spoken
    for name in spoken:
        assert (reader / name).stat().st_size > 10_000
    for folder in re.findall(r"--prompts-file .*--output-dir (\S+)", "\n".join(commands())):
        assert len(list((reader / folder).glob("*.wav"))) > 1

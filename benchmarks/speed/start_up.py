"""How long a user waits: imports, `--help`, loading the bundled voice, and the first audio of the command line.

    python benchmarks/speed/start_up.py

Every figure is the time of a new process, on a warm disk and with bytecode from the process before; the libraries' own
imports are listed as well.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import ROOT, compare, machine, table, write_results

LOAD = """
import runpy
runpy.run_path("scripts/_clone.py")
from tts_trm import Voice
Voice.from_pretrained("pretrained/tts-trm-mini")
"""


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="processes of every kind (default: 5)")
    return parser.parse_args(arguments)


def commands(folder: str) -> dict[str, list[str]]:
    """What is started, by what it stands for."""
    audio = str(Path(folder) / "audio.wav")
    return {
        "an empty Python": ["-c", "pass"],
        "import tts_trm": ["-c", "import runpy; runpy.run_path('scripts/_clone.py')"],
        "run_training.py --help": ["run_training.py", "--help"],
        "synthesize.py --help": ["scripts/synthesize.py", "--help"],
        "import torch": ["-c", "import torch"],
        "import torch, transformers.PreTrainedModel": ["-c", "import torch; from transformers import PreTrainedModel"],
        "load the bundled voice": ["-c", LOAD],
        "synthesize.py --text, to its end": [
            "scripts/synthesize.py",
            "--text",
            "This is the first audio.",
            "--output",
            audio,
        ],
    }


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of each command."""
    # Set on some machines, it has every process compile all that it imports.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        calls = {}
        for name, arguments in commands(folder).items():
            process = [sys.executable, *arguments]
            calls[name] = lambda process=process: subprocess.run(
                process, cwd=ROOT, env=environment, check=True, capture_output=True
            )
        return compare(calls, rounds)


def tables(results: dict) -> str:
    return table(["process", "s"], [[name, f"{seconds:.2f}"] for name, seconds in results["seconds"].items()])


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    results = {"seconds": measure(command.rounds)}
    print(machine())
    print(tables(results))
    print(write_results("start_up", results))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Two processes compared with one at the same global batch: losses and speed.

    python benchmarks/speed/data_parallel.py

Each side is `run_training.py` on the tokens of `test_dataset`, with a thread for every process; two processes exchange
their gradients through gloo. Every step of both sees the same clips.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import ROOT, machine, table, write_results

GLOBAL_BATCH = 16
PROCESSES = (1, 2)
OPTIONS = """
--config configs/tts-trm-mini.yaml --data-dir test_dataset --dropout 0 --lr 1e-3 --frames-per-batch 0 --num-workers 0
--ema-decay 0 --save-interval 100000 --sample-interval 0 --resume-from-checkpoint none --no-tensorboard --device cpu
"""
LOGGED = re.compile(r"^step (\d+)/\d+ epoch \d+ loss ([\d.]+) lr \S+ (\d+) frames/s$", re.M)
EVALUATED = re.compile(r"^eval at step (\d+): .*?\bloss ([\d.]+)", re.M)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="of both sides (default: 100)")
    parser.add_argument("--options", default="", help="further ones of run_training.py, for both sides")
    return parser.parse_args(arguments)


def train(processes: int, output_dir: Path, command) -> dict:
    """The losses of a run, by step, and the frames a second of each of its processes."""
    interval = max(1, command.steps // 10)
    options = f"{OPTIONS} --max-steps {command.steps} --log-interval {interval} --eval-interval {interval}".split()
    options += ["--batch-size", str(GLOBAL_BATCH // processes), "--output-dir", str(output_dir)]
    launcher = f"-m torch.distributed.run --standalone --nproc_per_node {processes}".split()
    done = subprocess.run(
        [sys.executable, *launcher, "run_training.py", *options, *command.options.split()],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"The run of {processes} processes failed:\n{done.stdout}\n{done.stderr}")
    logged = LOGGED.findall(done.stdout)
    # The first one includes the start.
    speeds = sorted(float(speed) for _, _, speed in logged[1:])
    return {
        "processes": processes,
        "losses": {int(step): float(loss) for step, loss, _ in logged},
        "held_out_losses": {int(step): float(loss) for step, loss in EVALUATED.findall(done.stdout)},
        "frames_per_second_each": speeds[len(speeds) // 2] / processes,
    }


def measure(command) -> dict:
    with tempfile.TemporaryDirectory() as name:
        return {"runs": [train(processes, Path(name) / str(processes), command) for processes in PROCESSES]}


def tables(results: dict) -> str:
    one, two = results["runs"]
    rows = [
        [
            step,
            f"{one['losses'][step]:.4f}",
            f"{two['losses'][step]:.4f}",
            f"{one['held_out_losses'][step]:.4f}",
            f"{two['held_out_losses'][step]:.4f}",
        ]
        for step in one["losses"]
    ]
    headings = ["step", "loss, 1 process", "2 processes", "held out, 1 process", "2 processes"]
    speeds = [
        [
            run["processes"],
            f"{run['frames_per_second_each']:.0f}",
            f"{run['frames_per_second_each'] * run['processes']:.0f}",
            f"{run['frames_per_second_each'] / one['frames_per_second_each']:.2f}",
        ]
        for run in results["runs"]
    ]
    return table(headings, rows) + "\n" + table(["processes", "frames/s of each", "of all", "of one alone"], speeds)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    results = measure(command)
    print(machine())
    print(tables(results))
    print(write_results("data_parallel", {"command": vars(command), **results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

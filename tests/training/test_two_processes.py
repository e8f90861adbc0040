"""A run in two processes: it trains as one does, and its checkpoints hold the state of both."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from runs import ROOT, TINY, own_process_state, run, state_of  # noqa: F401
from safetensors.torch import load_file

DRIVER = """
import json, runpy, sys
from pathlib import Path
import torch
runpy.run_path({clone!r})
torch.set_num_threads(1)
from safetensors.torch import save_file
from tts_trm import run_training
from tts_trm.training import run as training_run

class Recording(training_run.Run):
    seen = []

    def optimizer_step(self, group):
        for batch in group:
            self.seen += [str(codes[codes >= 0].tolist()) for codes in batch["labels"]]
        return super().optimizer_step(group)

    def save(self, name):
        super().save(name)
        if name == "final":
            rank = self.accelerator.process_index
            Path({folder!r}, f"seen{{rank}}.json").write_text(json.dumps(self.seen))
            save_file(dict(self.model.named_parameters()), Path({folder!r}, f"weights{{rank}}.safetensors"))

training_run.Run = Recording
sys.exit(run_training.main(sys.argv[1:]))
"""


def run_two_processes(tmp_path: Path, command: str) -> subprocess.CompletedProcess:
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER.format(clone=str(ROOT / "scripts" / "_clone.py"), folder=str(tmp_path)))
    done = subprocess.run(
        # what `accelerate launch` calls for several GPUs; on CPUs it starts only one process itself
        [sys.executable, *"-m torch.distributed.run --standalone --nproc_per_node 2".split(), str(driver),
         *f"{TINY} {command}".split(), "--output-dir", str(tmp_path / "out")],
        env=os.environ | {"HF_HOME": str(tmp_path / "hub"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_two_processes_train_as_one_does(tmp_path, tokens, capsys):
    """The same clips in every step, every frame of the same weight: the same loss curve and weights."""
    # without durations and dropout nothing is left to chance but the precisions, which learn from a few frames
    command = f"--max-steps 4 --token-dir {tokens} --alignment none --dropout 0 --lr 1e-3"
    done = run_two_processes(tmp_path, command)
    assert run(f"{command} --batch-size 4 --output-dir {tmp_path / 'alone'}") == 0
    curves = [
        re.findall(r"^step \d+/4 epoch \d+ loss ([\d.]+)", out, re.M) for out in (done.stdout, capsys.readouterr().out)
    ]
    assert len(curves[0]) == 4 and len(set(curves[0])) == 4
    assert [float(loss) for loss in curves[0]] == pytest.approx([float(loss) for loss in curves[1]], abs=2e-4)
    weights = load_file(tmp_path / "weights0.safetensors")
    alone = state_of(tmp_path / "alone" / "checkpoints" / "final")
    for name in weights.keys() - {"head.log_precision"}:
        torch.testing.assert_close(weights[name], alone[f"weights.{name}"], rtol=1e-3, atol=2e-4, msg=name)


def test_two_processes(tmp_path, tokens):
    """Equal weights, disjoint shares, and one held-out clip, which only one of them can evaluate."""
    command = f"--max-steps 2 --gradient-accumulation-steps 2 --gradient-cycles 1 --token-dir {tokens}"
    done = run_two_processes(tmp_path, command)
    assert done.stdout.count("Done: ") == 1
    first, second = (json.loads((tmp_path / f"seen{rank}.json").read_text()) for rank in (0, 1))
    assert len(first) + len(second) == 15 and not set(first) & set(second)  # one epoch
    weights = [load_file(tmp_path / f"weights{rank}.safetensors") for rank in (0, 1)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    state = state_of(tmp_path / "out" / "checkpoints" / "final")
    assert all(torch.equal(value, state[f"weights.{name}"]) for name, value in weights[0].items())
    assert not torch.equal(state["random.0"], state["random.1"])

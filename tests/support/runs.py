"""Training runs for tests: in this process, or in one of their own that can be killed; and what is left of them."""

import os
import re
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tts_trm import run_training
from tts_trm.training.checkpoints import is_valid

ROOT = Path(__file__).resolve().parents[2]
SIZES = (
    "--text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 16 --text-layers 1 --L-layers 1 --H-cycles 2 --L-cycles 1"
)
TINY = f"{SIZES} --num-heads 2 --batch-size 2 --num-workers 0 --device cpu --lr 1e-2 --log-interval 1 --no-tensorboard"
STATE = ("weights", "average", "optimizer", "random")


@pytest.fixture(autouse=True)
def own_process_state(tmp_path, monkeypatch):
    """What a run leaves behind in its process, which is usually over then."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    forget_accelerator()


def forget_accelerator() -> None:
    from accelerate.state import AcceleratorState, GradientState, PartialState

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()


def words(arguments: str, *more) -> list[str]:
    return [*f"{TINY} {arguments}".split(), *map(str, more)]


def run(arguments: str, *more) -> int:
    """`run_training.py` with these arguments, in this process."""
    forget_accelerator()
    return run_training.main(words(arguments, *more))


class ForkedRun:
    """`run_training.py` in a process of its own, without the seconds that its imports take.

    `prepare()` is called in that process first; what it prints is collected in the file `output`.
    """

    def __init__(self, output: Path, arguments: list[str], prepare=lambda: None):
        self.output = output
        self.process = os.fork()
        if self.process:
            return
        status = 70
        # the pool of threads did not survive the fork: it is made anew here, or several threads would race to do it
        torch.set_num_threads(torch.get_num_threads())
        try:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for number in (1, 2):
                os.dup2(descriptor, number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
            prepare()
            forget_accelerator()
            status = run_training.main(arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)

    def wait(self) -> int:
        """Its exit status, or minus the signal that killed it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def on_file_operation(call, under: Path) -> None:
    """Has `call(count)` called before each operation of this process on files below `under`, from now on.

    Operations that libraries in other languages do by themselves are not seen.
    """
    count = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal count
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"):
            path = str(arguments[0])
            # `shutil.rmtree` removes by names within an open folder
            if path.startswith(str(under)) or (event in ("os.remove", "os.rmdir") and os.sep not in path):
                count += 1
                call(count)

    sys.addaudithook(hook)


def die_at(operation: int, under: Path):
    """For `ForkedRun`: it kills itself just before that operation on files below `under`."""

    def hook(count: int) -> None:
        if count == operation:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: on_file_operation(hook, under)


def count_operations(file: Path, under: Path):
    """For `ForkedRun`: `file` gets one byte for each of its operations on files below `under`."""

    def prepare() -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
        on_file_operation(lambda count: os.write(descriptor, b"."), under)

    return prepare


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name in STATE
        for key, value in load_file(folder / "training_state" / f"{name}.safetensors").items()
    }


def assert_same_state(one: Path, other: Path) -> None:
    first, second = state_of(one), state_of(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def logged(text: str) -> dict[int, str]:
    """Step and what was logged of it, but for the speed; of several lines for a step the last one."""
    return {int(step): rest for step, rest in re.findall(r"^step (\d+)/\d+ (.*) \d+ frames/s$", text, re.M)}


@dataclass
class StraightRun:
    """A finished run that nothing happened to: its command without `--output-dir`, its folder and what it logged."""

    command: list[str]
    folder: Path
    lines: dict[int, str]

    def differences(self, folder: Path, log: str) -> list[str]:
        """In what another finished run of that command differs: states, samples, logged losses, what is left over."""
        found, names = [], []
        for each in (folder, self.folder):
            names.append({path.name for path in (each / "checkpoints").iterdir()})
        # Something is missing, or left lying about.
        if names[0] != names[1]:
            found.append(f"checkpoints {sorted(names[0])} instead of {sorted(names[1])}")
        for name in {"best", "final"} & names[0] & names[1]:
            if not is_valid(folder / "checkpoints" / name, found.append):
                continue
            mine, expected = (state_of(each / "checkpoints" / name) for each in (folder, self.folder))
            found += [f"{name}: {key} is in one of them" for key in mine.keys() ^ expected.keys()]
            shared = mine.keys() & expected.keys()
            found += [f"{name}: {key}" for key in sorted(shared) if not torch.equal(mine[key], expected[key])]
        heard, expected = content(folder / "samples"), content(self.folder / "samples")
        found += [f"samples/{name}" for name in heard.keys() | expected.keys() if heard.get(name) != expected.get(name)]
        if logged(log) != self.lines:
            found.append("what was logged")
        return found


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

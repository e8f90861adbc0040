"""Kills, stops and starves training runs, starts them again, and compares what they become with an undisturbed run.

    python tests/stress/interrupted_runs.py
    python tests/stress/interrupted_runs.py kills --seed 7

A run that is started again by the same command has to end with the weights, their average, the optimizer, the random
state and the logged losses of the run that nothing happened to, bit for bit, and leave nothing else behind. Everything
runs on the CPU with one thread; moments and places follow from the seed, as far as a running process can be met at
one. Linux only: `disks` mounts small disks in a namespace of its own.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

if not __package__:
    for folder in ("scripts", "tests/support"):
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / folder))
    import _clone  # noqa: F401

import runs  # tests/support/runs.py

from tts_trm.training.checkpoints import PARTIAL

ROOT = Path(__file__).resolve().parents[2]
# Seconds without an end, after which a process counts as hung.
PATIENCE = 300
COMMAND = (
    f"{runs.TINY} --text-embed-dim 32 --audio-embed-dim 32 --hidden-dim 32 --dropout 0.3 --save-interval 2 "
    "--eval-interval 3 --sample-interval 6 --num-samples 1 --keep-checkpoints 1"
).split()
LENGTH = ["--max-steps", "24"]
# Seconds before each operation on the files of a checkpoint, so that a kill can hit one.
SLOWNESS = 0.005
STOPPED = "Stopped at step"


def log_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.log")


def start(folder: Path, command: list, *, driven: list | None = None) -> subprocess.Popen:
    """`run_training.py` in a process of its own; `driven` goes by way of `drive` below, with these words."""
    program = [ROOT / "run_training.py"] if driven is None else [__file__, "--drive", *driven, "--"]
    return launch([*program, *command, "--output-dir", folder], folder)


def launch(words: list, folder: Path) -> subprocess.Popen:
    with open(log_of(folder), "ab") as log:
        return subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )


def wait_for(process: subprocess.Popen, what) -> float:
    """Until `what()` is true; the seconds that took. An error if the process ends before."""
    started = time.perf_counter()
    while not what():
        if process.poll() is not None:
            raise RuntimeError(f"the run ended with {process.returncode} before {what.__name__}")
        if time.perf_counter() - started > PATIENCE:
            process.kill()
            raise RuntimeError(f"no {what.__name__} in {PATIENCE} s")
        time.sleep(0.002)
    return time.perf_counter() - started


def logged_text(folder: Path) -> str:
    return log_of(folder).read_text(errors="replace") if log_of(folder).is_file() else ""


def straight_run(folder: Path, command: list, *, program: list | None = None) -> runs.StraightRun:
    """Runs `command` to its end, undisturbed; `program` are the words before it, if not `run_training.py`."""
    process = launch([*(program or [ROOT / "run_training.py"]), *command, "--output-dir", folder], folder)
    if process.wait(PATIENCE):
        raise RuntimeError(f"the undisturbed run ended with {process.returncode}: {logged_text(folder)[-2000:]}")
    return runs.StraightRun(list(map(str, command)), folder, runs.logged(logged_text(folder)))


def end_of(folder: Path, straight: runs.StraightRun) -> list[str]:
    """Starts the same command again and returns what differs at its end."""
    code = start(folder, straight.command).wait(PATIENCE)
    return straight.differences(folder, logged_text(folder)) if code == 0 else [f"ended with {code}"]


def leftovers(folder: Path) -> list[str]:
    """What a process that died within a write left under other names."""
    checkpoints = folder / "checkpoints"
    return sorted(path.name for path in checkpoints.glob("*.*")) if checkpoints.is_dir() else []


# -- the disturbances: each a generator of (what was done, what differs at the end) -----------------------------------


def kills(scratch: Path, tokens: Path, generator: random.Random):
    """SIGKILL at 20 moments: ten anywhere between start and end, ten after the beginning of some checkpoint."""
    command = [*COMMAND, *LENGTH, "--token-dir", tokens]
    straight = straight_run(scratch / "straight", command)
    started = time.perf_counter()
    slow = scratch / "slow"
    driven = ["slow", SLOWNESS]
    process = start(slow, command, driven=driven)

    def a_write():
        return any((slow / "checkpoints").glob(f"*{PARTIAL}"))

    def a_checkpoint():
        return bool(runs.logged(logged_text(slow))) and not a_write() and any((slow / "checkpoints").glob("step_*"))

    wait_for(process, a_write)
    seconds_of_write = wait_for(process, a_checkpoint)
    if process.wait(PATIENCE) or (found := straight.differences(slow, logged_text(slow))):
        raise RuntimeError(f"the slow run ended with {process.returncode}, {found}")
    seconds_of_run = time.perf_counter() - started
    for number in range(20):
        folder = scratch / f"kill-{number}"
        process = start(folder, command, driven=driven)
        if number < 10:
            moment = generator.uniform(0, seconds_of_run)
        else:
            save = generator.randrange(2, 24, 2)

            def the_write(target=folder / "checkpoints" / f"step_{save}{PARTIAL}"):
                return target.is_dir()

            wait_for(process, the_write)
            moment = generator.uniform(0, seconds_of_write)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        left, step = leftovers(folder), max(runs.logged(logged_text(folder)), default=0)
        happened = {"exit": process.returncode, "logged_step": step, "inside_a_write": bool(left), "left": left}
        yield happened, end_of(folder, straight)


def writes(scratch: Path, tokens: Path, generator: random.Random):
    """SIGKILL before a hundred of the operations on files of checkpoints, evenly among all that there are."""
    import tts_trm.training.preparation  # noqa: F401  what every fork would import for itself

    torch.set_num_threads(1)
    command = [*COMMAND, "--max-steps", "7", "--sample-interval", "3", "--token-dir", str(tokens)]
    straight = straight_run(scratch / "straight", command)

    def run(folder: Path, prepare=lambda: None) -> int:
        return runs.ForkedRun(log_of(folder), [*straight.command, "--output-dir", str(folder)], prepare).wait()

    counts = scratch / "operations"
    if run(scratch / "counted", runs.count_operations(counts, scratch / "counted" / "checkpoints")):
        raise RuntimeError(f"the counted run failed: {logged_text(scratch / 'counted')[-2000:]}")
    total = counts.stat().st_size
    for operation in (1 + index * total // 100 for index in range(100)):
        folder = scratch / f"write-{operation}"
        code = run(folder, runs.die_at(operation, folder / "checkpoints"))
        left, found = leftovers(folder), [] if code == -signal.SIGKILL else [f"ended with {code}, not killed"]
        again = run(folder)
        found += straight.differences(folder, logged_text(folder)) if again == 0 else [f"ended with {again}"]
        shutil.rmtree(folder)
        yield {"operation": operation, "of": total, "left": left}, found


def stops(scratch: Path, tokens: Path, generator: random.Random):
    """SIGTERM ten times and SIGINT five times, between the first step and four fifths of the run."""
    command = [*COMMAND, *LENGTH, "--token-dir", tokens]
    straight = straight_run(scratch / "straight", command)
    for number in range(15):
        folder, sent = scratch / f"stop-{number}", signal.SIGTERM if number < 10 else signal.SIGINT
        process = start(folder, command, driven=["slow", SLOWNESS])
        step = generator.randrange(1, 20)

        def the_step(folder=folder, step=step):
            return step in runs.logged(logged_text(folder))

        wait_for(process, the_step)
        time.sleep(generator.uniform(0, 0.3))
        os.kill(process.pid, sent)
        sent_at = time.perf_counter()
        code = process.wait(PATIENCE)
        seconds = time.perf_counter() - sent_at
        happened = {"signal": sent.name, "exit": code, "seconds_to_exit": round(seconds, 2), "logged_step": step}
        found = [] if code == 128 + sent else [f"exit status {code}"]
        found += [] if STOPPED in logged_text(folder) else ["it did not say where it stopped"]
        found += [f"left {name}" for name in leftovers(folder)]
        found += ["it took more than 5 s"] if seconds > 5 else []
        yield happened, found + end_of(folder, straight)


def resumes(scratch: Path, tokens: Path, generator: random.Random):
    """From twelve checkpoints of three epochs, for 2 numbers of workers x 2 accumulations x 2 kinds of batches."""
    import tts_trm.training.preparation  # noqa: F401  what every fork would import for itself

    torch.set_num_threads(1)
    for workers in (0, 2):
        for accumulation in (1, 3):
            for batches in (["--batch-size", "2"], ["--frames-per-batch", "100"]):
                name = f"{workers}-{accumulation}-{batches[0].strip('-')}"
                command = runs.words("--dropout 0.3 --save-interval 1 --eval-interval 4 --keep-checkpoints 0")
                command += [*batches, "--num-workers", str(workers), "--token-dir", str(tokens)]
                command += ["--gradient-accumulation-steps", str(accumulation)]
                # Three epochs at least.
                command += ["--max-steps", "34" if accumulation == 1 else "16"]
                straight = straight_run(scratch / name, command)
                steps = chosen_checkpoints(straight.folder / "checkpoints", 12)
                for step, edge in steps.items():
                    folder = scratch / f"{name}-{step}"
                    for kept in ("best", *(f"step_{number}" for number in range(1, step + 1))):
                        source = straight.folder / "checkpoints" / kept
                        if kept != "best" or step_of(source) <= step:
                            shutil.copytree(source, folder / "checkpoints" / kept)
                    before = "".join(f"step {n}/{max(straight.lines)} {straight.lines[n]} 1 frames/s\n" for n in
                                     range(1, step + 1))  # fmt: skip
                    log_of(folder).write_text(before)
                    happened = {"workers": workers, "accumulation": accumulation, "batches": batches[0], "step": step}
                    forked = runs.ForkedRun(log_of(folder), [*straight.command, "--output-dir", str(folder)])
                    code = forked.wait()
                    found = straight.differences(folder, logged_text(folder)) if code == 0 else [f"ended with {code}"]
                    if f"at step {step} of" not in logged_text(folder):
                        found.append("it did not go on from there")
                    shutil.rmtree(folder)
                    yield happened | {"edge_of_an_epoch": edge}, found


def step_of(folder: Path) -> int:
    return json.loads((folder / "training_state" / "state.json").read_text())["step"]


def chosen_checkpoints(checkpoints: Path, count: int) -> dict[int, bool]:
    """The edges of epochs and `count` less that many steps between, evenly: step to whether it is an edge."""
    states = {step_of(path): json.loads((path / "training_state" / "state.json").read_text())
              for path in checkpoints.glob("step_*")}  # fmt: skip
    edges = [step for step, state in sorted(states.items()) if state["batch_in_epoch"] == 0]
    others = [step for step in sorted(states) if step not in edges]
    wanted = count - len(edges)
    if wanted > len(others) or wanted <= 0:
        raise RuntimeError(f"{len(edges)} edges and {len(others)} other checkpoints, {count} are wanted")
    others = [others[round(index * (len(others) - 1) / (wanted - 1))] for index in range(wanted)]
    return {step: step in edges for step in sorted({*edges, *others})}


def disks(scratch: Path, tokens: Path, generator: random.Random):
    """A disk that is full up to 0, 10, ... 90 % of a checkpoint, from the moment that the next one is begun."""
    command = [*COMMAND, *LENGTH, "--token-dir", tokens]
    straight = straight_run(scratch / "straight", command)
    size = sum(path.stat().st_size for path in (straight.folder / "checkpoints/final").rglob("*") if path.is_file())
    for tenth in range(10):
        folder = scratch / f"disk-{tenth}"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={20 * size}", "tmpfs", folder], check=True)
        try:
            code = start(folder, command, driven=["stop", 5]).wait(PATIENCE)
            assert code == 128 + signal.SIGTERM, logged_text(folder)
            kept = runs.content(folder / "checkpoints" / "step_5")
            code = start(folder, command, driven=["fill", size * tenth // 10]).wait(PATIENCE)
            errors = [line for line in logged_text(folder).splitlines() if line.startswith("error: ")]
            found = [] if code == 1 else [f"exit status {code}"]
            if not (len(errors) == 1 and "disk space" in errors[0]):
                found.append(f"it said {errors}")
            if runs.content(folder / "checkpoints" / "step_5") != kept:
                found.append("the last good checkpoint is another one")
            found += [f"left {name}" for name in leftovers(folder)]
            (folder / "filler").unlink()
            yield {"free_share_of_a_checkpoint": tenth / 10, "exit": code}, found + end_of(folder, straight)
        finally:
            subprocess.run(["umount", folder], check=True)


def processes(scratch: Path, tokens: Path, generator: random.Random):
    """Two processes that save 20 times; killed are one of them, the other, or both and what launched them."""
    import psutil

    two = [*"-m torch.distributed.run --standalone --nproc_per_node 2".split(), ROOT / "run_training.py"]
    command = [*COMMAND, "--max-steps", "21", "--save-interval", "1", "--token-dir", tokens]
    straight = straight_run(scratch / "straight", command, program=two)
    for number in range(5):
        folder = scratch / f"processes-{number}"
        process = launch([*two, *command, "--output-dir", folder], folder)
        step = generator.randrange(2, 20)

        def the_step(folder=folder, step=step):
            return step in runs.logged(logged_text(folder))

        wait_for(process, the_step)
        time.sleep(generator.uniform(0, 0.1))
        ranks = {int(child.environ()["RANK"]): child for child in psutil.Process(process.pid).children()}
        killed = [[ranks[0]], [ranks[1]], [psutil.Process(process.pid), *ranks.values()]][number % 3]
        for each in killed:
            each.kill()
        code = process.wait(PATIENCE)
        left = leftovers(folder)
        process = launch([*two, *command, "--output-dir", folder], folder)
        again = process.wait(PATIENCE)
        found = straight.differences(folder, logged_text(folder)) if again == 0 else [f"ended with {again}"]
        who = ["the main process", "the other process", "all"][number % 3]
        yield {"killed": who, "exit": code, "logged_step": step, "left": left}, found


# -- the process that is disturbed from within ----------------------------------------------------------------------


def drive(kind: str, number: float, arguments: list[str]) -> int:
    """`run_training.py` in this process, slowed down, stopped after a step, or with a disk that fills up."""
    from tts_trm import run_training
    from tts_trm.training import run as training_run

    folder = Path(arguments[arguments.index("--output-dir") + 1])
    if kind == "slow":
        runs.on_file_operation(lambda count: time.sleep(number), folder / "checkpoints")
    elif kind == "fill":

        def fill(event: str, arguments: tuple) -> None:
            if event == "os.mkdir" and str(arguments[0]).endswith(PARTIAL) and not (folder / "filler").exists():
                descriptor = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT)
                os.posix_fallocate(descriptor, 0, shutil.disk_usage(folder).free - int(number))
                os.close(descriptor)

        sys.addaudithook(fill)
    else:
        original = training_run.Run.once_in_a_while

        def stop(self) -> None:
            original(self)
            if self.state.step == number:
                os.kill(os.getpid(), signal.SIGTERM)

        training_run.Run.once_in_a_while = stop
    return run_training.main(arguments)


KINDS = {each.__name__: each for each in (kills, writes, stops, resumes, disks, processes)}


def torture(kind: str, seed: int) -> dict:
    """Counts of one kind, what was done each time, and as `faults` what was done where the ends differ."""
    started, done, faults = time.time(), [], []
    with tempfile.TemporaryDirectory() as scratch:
        tokens = Path(scratch, "tokens")
        shutil.copytree(ROOT / "test_dataset" / "mimi_tokens", tokens)
        for happened, found in KINDS[kind](Path(scratch), tokens, random.Random(f"{kind} {seed}")):
            done.append(happened)
            print(json.dumps([kind, len(done), happened, found]), flush=True)
            if found:
                faults.append(happened | {"differs": found[:10]})
    result = {"count": len(done), "equal": len(done) - len(faults), "seed": seed, "faults": faults}
    if kind == "kills":
        result["inside_a_write"] = sum(each["inside_a_write"] for each in done)
    if kind == "stops":
        result["most_seconds_to_exit"] = max(each["seconds_to_exit"] for each in done)
    if kind not in ("resumes", "writes"):
        result["done"] = done
    return result | {"minutes": round((time.time() - started) / 60, 1)}


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = ", ".join(KINDS)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="kind", help=f"{kinds}; default: all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    from tts_trm.benchmarks.common.measuring import RESULTS, write_results

    path, failed = RESULTS / "interrupted_runs.json", False
    for kind in options.kinds or KINDS:
        result = torture(kind, options.seed)
        failed |= bool(result["faults"])
        results = json.loads(path.read_text()) if path.is_file() else {}
        results.pop("machine", None)
        write_results("interrupted_runs", results | {kind: result})
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--drive"]:
        sys.exit(drive(sys.argv[2], float(sys.argv[3]), sys.argv[5:]))
    # Where mounting is allowed, unseen.
    if "disks" in (sys.argv[1:] or KINDS) and not os.environ.get("OWN_DISKS"):
        os.execvpe("unshare", ["unshare", "-rm", sys.executable, *sys.argv], os.environ | {"OWN_DISKS": "1"})
    sys.exit(main())

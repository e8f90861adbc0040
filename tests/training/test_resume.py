"""A run that is stopped, killed or refused its disk, and started again, ends as the one that never was."""

import json
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
import torch
from runs import (  # noqa: F401
    ROOT,
    ForkedRun,
    StraightRun,
    assert_same_state,
    count_operations,
    die_at,
    logged,
    own_process_state,
    run,
    state_of,
    words,
)

from tts_trm.training import run as training_run
from tts_trm.training.checkpoints import newest_valid, verify_checkpoint

# a write, a replacement and a rotation in four steps, and samples of a step whose checkpoint is the best one
LOGGING = "--save-interval 2 --eval-interval 3 --sample-interval 3 --num-samples 1 --keep-checkpoints 1"


@pytest.fixture(scope="module")
def straight(tmp_path_factory, tokens) -> StraightRun:
    folder = tmp_path_factory.mktemp("straight")
    command = words(f"--token-dir {tokens} --dropout 0.3 --max-steps 6 --log-interval 2 {LOGGING}")
    count = count_operations(folder / "operations", folder / "out" / "checkpoints")
    done = ForkedRun(folder / "log", [*command, "--output-dir", str(folder / "out")], count)
    assert done.wait() == 0, (folder / "log").read_text()
    return StraightRun(command, folder / "out", logged((folder / "log").read_text()))


@pytest.fixture(scope="module")
def operations(straight) -> int:
    """How many operations on files its checkpoints took."""
    return (straight.folder.parent / "operations").stat().st_size


def assert_ends_as(straight: StraightRun, folder: Path, log: Path) -> None:
    """The same command, started again, ends with the same state and the same log."""
    assert ForkedRun(log, [*straight.command, "--output-dir", str(folder)]).wait() == 0, log.read_text()
    assert straight.differences(folder, log.read_text()) == []


# -- killed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(6))
def test_killed_while_a_checkpoint_is_written(tmp_path, straight, operations, part):
    """At the first of the file operations, after a sixth of them, two sixths, ..."""
    out, log = tmp_path / "out", tmp_path / "log"
    operation = operations * part // 6 + 1
    killed = ForkedRun(log, [*straight.command, "--output-dir", str(out)], die_at(operation, out / "checkpoints"))
    assert killed.wait() == -signal.SIGKILL
    assert_ends_as(straight, out, log)


def test_killed_between_the_best_checkpoint_and_that_of_its_step(tmp_path, tokens):
    command = words(f"--token-dir {tokens} --max-steps 3 --save-interval 2 --eval-interval 2")
    folders = [tmp_path / name for name in ("straight", "killed")]
    save = training_run.Run.save

    def killed(self, name):
        if name == "step_2":
            os.kill(os.getpid(), signal.SIGKILL)
        save(self, name)

    def start(folder, prepare=lambda: None) -> int:
        return ForkedRun(tmp_path / "log", [*command, "--output-dir", str(folder)], prepare).wait()

    assert start(folders[0]) == 0
    assert start(folders[1], lambda: setattr(training_run.Run, "save", killed)) == -signal.SIGKILL
    assert {path.name for path in (folders[1] / "checkpoints").iterdir()} == {"best"}
    assert start(folders[1]) == 0
    for name in ("best", "step_2", "final"):
        assert_same_state(*(folder / "checkpoints" / name for folder in folders))


# -- stopped and resumed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batches", ["--batch-size 2", "--frames-per-batch 30"])
@pytest.mark.parametrize(("accumulation", "saved"), [(1, 4), (3, 5)])
@pytest.mark.parametrize("workers", [0, 2])
def test_resumed_run_equals_the_straight_one(tmp_path, tokens, capsys, accumulation, saved, workers, batches):
    """From the middle of an epoch into a later one, with dropout, average, evaluations and samples between."""
    command = (
        f"--token-dir {tokens} --dropout 0.3 --save-interval {saved} --eval-interval 3 --sample-interval 6 "
        f"--max-steps 9 --keep-checkpoints 0 --gradient-accumulation-steps {accumulation} --num-workers {workers} "
        + batches
    )
    assert run(command, "--output-dir", tmp_path / "straight") == 0
    straight = logged(capsys.readouterr().out)
    shutil.copytree(tmp_path / f"straight/checkpoints/step_{saved}", tmp_path / f"resumed/checkpoints/step_{saved}")
    states = [
        json.loads((tmp_path / f"straight/checkpoints/{name}/training_state/state.json").read_text())
        for name in (f"step_{saved}", "final")
    ]
    assert 0 < states[0]["batch_in_epoch"] < states[0]["batches_per_epoch"]
    assert states[0]["epoch"] < states[1]["epoch"]
    assert run(command, "--output-dir", tmp_path / "resumed") == 0
    shown = capsys.readouterr().out
    resumed = logged(shown)
    assert f"at step {saved} of 9" in shown and set(resumed) == set(range(saved + 1, 10))
    assert resumed == {step: straight[step] for step in resumed}
    for name in ("best", "final"):
        assert_same_state(*(tmp_path / folder / "checkpoints" / name for folder in ("straight", "resumed")))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_in_good_order(tmp_path, tokens, capsys, monkeypatch, sent):
    command = f"--token-dir {tokens} --max-steps 5"
    assert run(command, "--output-dir", tmp_path / "straight") == 0
    original = training_run.Run.once_in_a_while

    def kill_at_two(self):
        original(self)
        if self.state.step == 2:
            os.kill(os.getpid(), sent)

    with monkeypatch.context() as patch:
        patch.setattr(training_run.Run, "once_in_a_while", kill_at_two)
        assert run(command, "--output-dir", tmp_path / "stopped") == 128 + sent
    assert "Stopped at step 2 and saved" in capsys.readouterr().out
    verify_checkpoint(tmp_path / "stopped/checkpoints/step_2")
    assert run(command, "--output-dir", tmp_path / "stopped") == 0
    assert "at step 2 of 5" in capsys.readouterr().out
    assert_same_state(*(tmp_path / folder / "checkpoints/final" for folder in ("straight", "stopped")))
    # a finished run is finished; with more steps it goes on, with other batches from the next epoch on
    assert run(command, "--output-dir", tmp_path / "stopped") == 0
    assert logged(capsys.readouterr().out) == {}
    assert run(f"{command} --max-steps 7 --batch-size 5", "--output-dir", tmp_path / "stopped") == 0
    shown = capsys.readouterr().out
    assert "a new epoch begins" in shown and set(logged(shown)) == {6, 7}


# -- damaged, no room -------------------------------------------------------------------------------------------------


def damages(path: Path):
    """The name of each damage to a file, and the bytes it leaves, None for no file."""
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 0x10
    yield "missing", None
    yield from ((f"{share} %", data[: len(data) * share // 100]) for share in (0, 50, 99))
    yield "flipped", bytes(flipped)


def test_every_damage_to_every_file_is_seen(tmp_path, straight):
    root = tmp_path / "checkpoints"
    shutil.copytree(straight.folder / "checkpoints" / "step_4", root / "step_4")
    shutil.copytree(straight.folder / "checkpoints" / "final", root / "step_6")
    files = [path for path in (root / "step_6").rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        before = path.read_bytes()
        for damage, data in damages(path):
            path.unlink() if data is None else path.write_bytes(data)
            reports = []
            # 99 % of a file of a few bytes.
            if data == before:
                continue
            assert newest_valid(root, reports.append) == root / "step_4", f"{path}: {damage}"
            assert len(reports) == 1 and "step_6" in reports[0]
            assert path.name in reports[0] or path.name == "manifest.json"
        path.write_bytes(before)
    verify_checkpoint(root / "step_6")


def test_goes_on_from_the_last_good_one(tmp_path, straight):
    shutil.copytree(straight.folder / "checkpoints" / "step_4", tmp_path / "checkpoints" / "step_4")
    shutil.copytree(straight.folder / "checkpoints" / "step_4", tmp_path / "checkpoints" / "step_5")
    (tmp_path / "checkpoints/step_5/training_state/average.safetensors").write_bytes(b"")
    log = tmp_path / "log"
    assert ForkedRun(log, [*straight.command, "--output-dir", str(tmp_path)]).wait() == 0
    assert "step_5: training_state/average.safetensors is damaged" in log.read_text()
    assert "at step 4 of 6" in log.read_text()
    assert_same_state(tmp_path / "checkpoints" / "final", straight.folder / "checkpoints" / "final")


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_full_disk(tmp_path, straight, share):
    """No file can grow over a share of a checkpoint's largest; the run says so, and its last checkpoint is good."""
    command, expected = straight.command, straight.folder
    shutil.copytree(expected / "checkpoints" / "step_4", tmp_path / "out" / "checkpoints" / "step_4")
    largest = max(path.stat().st_size for path in expected.rglob("*") if path.is_file())

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * largest),) * 2)

    log = tmp_path / "log"
    assert ForkedRun(log, [*command, "--output-dir", str(tmp_path / "out")], limit).wait() == 1
    (line,) = [line for line in log.read_text().splitlines() if line.startswith("error: ")]
    assert "could not be written" in line and "Free some disk space" in line
    assert [path.name for path in (tmp_path / "out" / "checkpoints").iterdir()] == ["step_4"]
    assert ForkedRun(log, [*command, "--output-dir", str(tmp_path / "out")]).wait() == 0
    assert_same_state(tmp_path / "out/checkpoints/final", expected / "checkpoints/final")


def test_too_little_room_is_said_before_training(tmp_path, tokens, monkeypatch, capsys):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    assert run("--max-steps 1", "--token-dir", tokens, "--output-dir", tmp_path / "out") == 1
    assert "0 MB are free on this disk, and two checkpoints need" in capsys.readouterr().err
    assert not (tmp_path / "out" / "checkpoints").exists()


# -- best and anew ----------------------------------------------------------------------------------------------------


def test_best_checkpoint_is_kept_and_made_again_when_it_is_damaged(tmp_path, tokens, monkeypatch, capsys):
    losses = {2: 0.5, 4: float("nan"), 6: 0.4, 8: 0.7, 10: 0.6}
    monkeypatch.setattr("tts_trm.evaluation.model_metrics.measure_gain", lambda *_, **__: None)

    monkeypatch.setattr(
        "tts_trm.evaluation.model_metrics.evaluate", lambda model, *_: {"loss": losses[current[0].state.step]}
    )
    current = []
    resume = training_run.Run.resume
    monkeypatch.setattr(training_run.Run, "resume", lambda self: (current.insert(0, self), resume(self))[1])
    command = f"--token-dir {tokens} --eval-interval 2 --save-interval 2 --output-dir {tmp_path}"
    best = tmp_path / "checkpoints" / "best"

    def step_of_best() -> int:
        verify_checkpoint(best)
        return json.loads((best / "training_state" / "state.json").read_text())["step"]

    # A loss that is no number is never best.
    assert run(f"{command} --max-steps 4") == 0 and step_of_best() == 2
    # The best so far is known after resuming.
    assert run(f"{command} --max-steps 8") == 0 and step_of_best() == 6
    (best / "model.safetensors").unlink()
    # Though it is not the best that ever was.
    assert run(f"{command} --max-steps 10") == 0 and step_of_best() == 10
    assert f"Not used: {best}: model.safetensors is missing" in capsys.readouterr().out


def test_started_anew(tmp_path, tokens, capsys):
    """The checkpoints of before are set aside: they would be taken for the newest of the new run."""
    command = f"--token-dir {tokens} --output-dir {tmp_path}"
    assert run(f"{command} --max-steps 3 --save-interval 1") == 0
    assert run(f"{command} --max-steps 2 --save-interval 1 --resume-from-checkpoint none") == 0
    assert f"are now in {tmp_path}/checkpoints.1" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "checkpoints.1").iterdir()} == {"step_1", "step_2", "best", "final"}
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"step_1", "best", "final"}
    for folder in (tmp_path / "checkpoints").iterdir():
        shutil.rmtree(folder / "training_state")
    # Never anew by itself where something is there.
    assert run(f"{command} --max-steps 2") == 1
    assert "none of its 3 checkpoints can be used" in capsys.readouterr().err


def test_weights_that_are_not_finite_are_never_saved(tmp_path, tokens, monkeypatch, capsys):
    update = training_run.Run.once_in_a_while

    def poison(self):
        if self.state.step == 3:
            next(self.model.parameters()).data.view(-1)[0] = float("nan")
        update(self)

    monkeypatch.setattr(training_run.Run, "once_in_a_while", poison)
    command = f"--token-dir {tokens} --max-steps 5 --save-interval 1 --output-dir {tmp_path}"
    assert run(command) == 1
    assert "are not finite" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"step_1", "step_2"}
    assert all(value.isfinite().all() for value in state_of(newest_valid(tmp_path / "checkpoints")).values())


def test_float16_goes_on_with_its_loss_scale(tmp_path, tokens, monkeypatch):
    scales = []
    make = training_run.Run.resume

    def with_scaler(self):
        self.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0 ** (16 - len(scales)))
        make(self)
        scales.append(self.accelerator.scaler.get_scale())

    monkeypatch.setattr(training_run.Run, "resume", with_scaler)
    command = f"--token-dir {tokens} --output-dir {tmp_path}"
    assert run(f"{command} --max-steps 1") == 0 and run(f"{command} --max-steps 2") == 0
    assert scales == [2.0**16, 2.0**16]


def test_same_seed_same_run(tmp_path, tokens):
    command = f"--token-dir {tokens} --dropout 0.3 --max-steps 3"
    for number in range(5):
        assert run(command, "--output-dir", tmp_path / str(number)) == 0
        assert_same_state(*(tmp_path / f"{other}/checkpoints/final" for other in (0, number)))


def test_the_losses_of_fifty_steps_are_those_of_before(tmp_path, capsys):
    """On the committed tokens: a change of them that nobody meant is seen, on whatever processor.

    Sums are rounded in another order on another processor (AVX2 and AVX-512 differ by 0.3 % after 50 steps).
    """
    tokens = shutil.copytree(ROOT / "test_dataset" / "mimi_tokens", tmp_path / "tokens")
    command = "--max-steps 50 --dropout 0.3 --eval-interval 50 --save-interval 50 --log-interval 5"
    assert run(command, "--token-dir", tokens, "--output-dir", tmp_path) == 0
    lines = logged(capsys.readouterr().out)
    losses = [float(lines[step].split()[3]) for step in range(5, 51, 5)]
    assert losses[:5] == pytest.approx([1.2237, 1.0495, 0.9195, 0.8822, 0.8630], rel=1e-3)
    assert losses[5:] == pytest.approx([0.8686, 0.8443, 0.8378, 0.8516, 0.8483], rel=2e-2)


def test_another_held_out_set_begins_a_new_best(tmp_path, tokens, monkeypatch, capsys):
    losses = iter([0.5, 0.9])
    monkeypatch.setattr("tts_trm.evaluation.model_metrics.measure_gain", lambda *_, **__: None)
    monkeypatch.setattr("tts_trm.evaluation.model_metrics.evaluate", lambda *_: {"loss": next(losses)})
    command = f"--token-dir {tokens} --eval-interval 2 --save-interval 2 --output-dir {tmp_path}"
    assert run(f"{command} --max-steps 2") == 0
    assert run(f"{command} --max-steps 4 --held-out 0.4") == 0
    assert "Other sentences are held out than before" in capsys.readouterr().out
    state = json.loads((tmp_path / "checkpoints/best/training_state/state.json").read_text())
    assert state["step"] == 4 and state["best_loss"] == 0.9


def test_a_run_that_is_finished_says_so(tmp_path, tokens, capsys):
    command = f"--token-dir {tokens} --output-dir {tmp_path} --save-interval 2"
    assert run(f"{command} --max-steps 3") == 0
    assert run(f"{command} --max-steps 2") == 0
    assert "its 3 steps are all that are asked for" in capsys.readouterr().out


def test_files_have_the_mode_of_new_files(tmp_path, tokens):
    umask = os.umask(0o027)
    try:
        assert run(f"--token-dir {tokens} --output-dir {tmp_path} --max-steps 1") == 0
    finally:
        os.umask(umask)
    files = [path for path in (tmp_path / "checkpoints" / "final").rglob("*") if path.is_file()]
    assert files and {path.stat().st_mode & 0o777 for path in files} == {0o640}

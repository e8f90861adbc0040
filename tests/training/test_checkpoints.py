"""Checkpoints: whole, verified, replaced in one step."""

import json
import os
import random
import shutil
import threading
from contextlib import nullcontext

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from tts_trm.training import checkpoints
from tts_trm.training.checkpoints import (
    CheckpointError,
    list_checkpoints,
    newest_valid,
    rotate,
    verify_checkpoint,
    write_checkpoint,
)

FILES = ["model.safetensors", "codec/config.json", "training_state/weights.safetensors", "training_state/state.json"]


def write(root, name: str, step: int, mark: str = ""):
    """A small checkpoint of the real layout."""

    def fill(folder):
        (folder / "codec").mkdir()
        (folder / "codec" / "config.json").write_text(f'{{"mark": "{mark}"}}')
        save_file({"a": torch.full((40,), float(step))}, folder / "model.safetensors")
        save_file_state(folder, step)

    return write_checkpoint(root / name, fill)


def save_file_state(folder, step: int) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    states = [torch.get_rng_state()]
    weights = dict(model.named_parameters())
    checkpoints.save_training_state(folder, weights, weights, optimizer, states, {"step": step})


def content(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def delete(path) -> None:
    path.unlink()


def truncate(path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path) -> None:
    path.write_bytes(b"")


def test_what_was_written_is_found_and_valid(tmp_path):
    assert newest_valid(tmp_path / "nothing") is None
    write(tmp_path, "best", 1)
    write(tmp_path, "step_10", 10)
    write(tmp_path, "step_9", 9)
    listing = json.loads((tmp_path / "step_10" / "manifest.json").read_text())
    assert set(FILES) < set(listing) == set(content(tmp_path / "step_10")) - {"manifest.json"}
    verify_checkpoint(tmp_path / "step_10")
    # 10 after 9, as numbers.
    assert newest_valid(tmp_path) == tmp_path / "step_10"
    assert checkpoints.load_training_state(tmp_path / "step_10")["state"] == {"step": 10}


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("damage", [delete, truncate, flip_a_bit, empty])
def test_damage_is_named_and_the_older_one_is_taken(tmp_path, damage, name):
    older, newer = write(tmp_path, "step_1", 1), write(tmp_path, "step_2", 2)
    damage(newer / name)
    with pytest.raises(CheckpointError, match=r"step_2.* (is|are) (missing|damaged)") as caught:
        verify_checkpoint(newer)
    # Which may look like damage of a file it lists.
    if not (name == "manifest.json" and damage is flip_a_bit):
        assert name in str(caught.value)
    reports = []
    assert newest_valid(tmp_path, reports.append) == older
    assert len(reports) == 1 and "step_2" in reports[0]
    damage(older / name)
    with pytest.raises(CheckpointError, match="none of its 2 checkpoints can be used; --resume-from-checkpoint none"):
        newest_valid(tmp_path, reports.append)


def test_folder_without_state_is_no_checkpoint(tmp_path):
    write_checkpoint(tmp_path / "voice", lambda folder: (folder / "config.json").write_text("{}"))
    with pytest.raises(CheckpointError, match="no training_state/ to resume from"):
        verify_checkpoint(tmp_path / "voice")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("I/O error: os error 28")])
def test_full_disk_leaves_the_older_one(tmp_path, error):
    before = content(write(tmp_path, "best", 1))

    def fill(folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise error

    with pytest.raises(CheckpointError, match="best: .* earlier checkpoints are untouched. Free some disk space"):
        write_checkpoint(tmp_path / "best", fill)
    assert content(tmp_path / "best") == before and [path.name for path in tmp_path.iterdir()] == ["best"]


def test_other_errors_leave_nothing_half_done(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path / "best", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt()))
    assert not list(tmp_path.iterdir())


def test_replacement_that_fails_puts_the_older_one_back(tmp_path, monkeypatch):
    before = content(write(tmp_path, "best", 1))
    rename = type(tmp_path).rename

    def fail_at_the_second(path, target):
        if path.name.endswith(".partial"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "rename", fail_at_the_second)
        with pytest.raises(CheckpointError, match="Input/output error"):
            write(tmp_path, "best", 2)
    assert content(tmp_path / "best") == before and [path.name for path in tmp_path.iterdir()] == ["best"]


def test_what_a_killed_process_leaves_is_put_right(tmp_path):
    before = content(write(tmp_path, "best", 1))
    # Killed between the two renames.
    (tmp_path / "best").rename(tmp_path / "best.old")
    (tmp_path / "step_7.partial").mkdir()
    assert newest_valid(tmp_path) == tmp_path / "best" and content(tmp_path / "best") == before
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    shutil.copytree(tmp_path / "best", tmp_path / "best.old")  # killed after both
    assert newest_valid(tmp_path) == tmp_path / "best" and not (tmp_path / "best.old").exists()


def test_half_written_folder_is_never_used(tmp_path):
    older = write(tmp_path, "step_1", 1)
    write(tmp_path, "step_2", 2).rename(tmp_path / "step_2.partial")
    assert newest_valid(tmp_path) == older


def test_rotation(tmp_path):
    for step in (2, 100, 30):
        write(tmp_path, f"step_{step}", step)
    write(tmp_path, "best", 1)
    final = write(tmp_path, "final", 1)

    def names():
        return {path.name for path in tmp_path.iterdir()}

    rotate(tmp_path, 0, final)
    assert len(names()) == 5
    rotate(tmp_path, 2, final)
    assert names() == {"best", "final", "step_100", "step_30"}
    # After going back to step 30.
    written = write(tmp_path, "step_40", 40)
    rotate(tmp_path, 1, written)
    assert names() == {"best", "final", "step_100", "step_40"}


@pytest.mark.parametrize("keep", [1, 2, 3])
@pytest.mark.parametrize("best", [1, 3, 5])
@pytest.mark.parametrize("scrambled", range(3))
def test_rotation_goes_by_steps_and_keeps_the_best(tmp_path, keep, best, scrambled):
    for step in range(1, 6):
        if step == best:
            write(tmp_path, "best", step)
        written = write(tmp_path, f"step_{step}", step)
        # The times of copied or restored files mean nothing.
        for path in tmp_path.iterdir():
            os.utime(path, (random.Random(f"{path.name} {step} {scrambled}").randrange(10**9),) * 2)
        rotate(tmp_path, keep, written)
        newest = {f"step_{number}" for number in range(max(1, step - keep + 1), step + 1)}
        assert {path.name for path in tmp_path.iterdir()} == newest | ({"best"} if step >= best else set())
        verify_checkpoint(newest_valid(tmp_path))


def test_a_watcher_always_sees_a_valid_checkpoint(tmp_path):
    """Fifty times one is saved, one replaced and one rotated away; another thread looks every few milliseconds."""
    root, saves = tmp_path, 50
    write(root, "step_0", 0)
    seen, over = [], threading.Event()

    def any_valid() -> bool:
        for folder in list_checkpoints(root):
            try:
                verify_checkpoint(folder)
                return True
            except CheckpointError:
                continue
        return False

    def watch():
        while not over.is_set():
            # What it just listed may have been rotated away since.
            seen.append(any_valid() or any_valid())
            over.wait(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for step in range(1, saves + 1):
            write(root, "best", step)
            rotate(root, 1, write(root, f"step_{step}", step))
    finally:
        over.set()
        watcher.join()
    assert len(seen) > saves / 2 and all(seen)


STATE = {"step": 1, "epoch": 0, "batch_in_epoch": 1, "batches_per_epoch": 2, "average_updates": 1, "num_processes": 1}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda loaded: None, None),
        (lambda loaded: loaded["weights"].pop("bias"), "weights.safetensors .*lacks weights"),
        (lambda loaded: loaded["average"]["bias"].fill_(float("nan")), "average.safetensors .*bias is not finite"),
        (lambda loaded: loaded["optimizer"].pop("0.exp_avg_sq"), "optimizer.safetensors .*lacks 0.exp_avg_sq"),
        (lambda loaded: loaded["optimizer"]["1.exp_avg_sq"].fill_(-1), "1.exp_avg_sq is negative"),
        (lambda loaded: loaded["random"].update({"1": loaded["random"].pop("0")}), "one state for each of 1 processes"),
        (lambda loaded: loaded["state"].update(batch_in_epoch=2), "batch_in_epoch is 2"),
        (lambda loaded: loaded["state"].update(losses=[]), r"losses is \[\]"),
    ],
)
def test_a_state_that_a_run_cannot_go_on_from_is_named(tmp_path, change, named):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    weights, state = dict(model.named_parameters()), STATE | {"metrics": {}, "losses": [[0.5]], "best_loss": None}
    checkpoints.save_training_state(tmp_path, weights, weights, optimizer, [torch.get_rng_state()], state)
    loaded = checkpoints.load_training_state(tmp_path)
    change(loaded)
    with pytest.raises(CheckpointError, match=named) if named else nullcontext():
        checkpoints.check_training_state(tmp_path, loaded, model, optimizer)


@pytest.mark.parametrize("fused", [False, True])
def test_optimizer_round_trip(fused):
    def make():
        torch.manual_seed(0)
        model = nn.Linear(5, 3)
        groups = [{"params": [model.weight], "weight_decay": 0.1}, {"params": [model.bias], "weight_decay": 0.0}]
        return model, torch.optim.AdamW(groups, lr=1e-2, fused=fused)

    def step(model, optimizer, seed):
        model(torch.randn(4, 5, generator=torch.Generator().manual_seed(seed))).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    model, optimizer = make()
    for seed in range(3):
        step(model, optimizer, seed)
    tensors = {name: value.clone() for name, value in checkpoints.optimizer_tensors(optimizer).items()}
    assert len(tensors) == 6 and all(isinstance(value, torch.Tensor) for value in tensors.values())
    other, restored = make()
    other.load_state_dict(model.state_dict())
    checkpoints.load_optimizer_tensors(restored, tensors)
    again = checkpoints.optimizer_tensors(restored)
    assert again.keys() == tensors.keys() and all(torch.equal(again[name], tensors[name]) for name in tensors)
    for each, its_optimizer in ((model, optimizer), (other, restored)):
        step(each, its_optimizer, 9)
    assert torch.equal(model.weight, other.weight) and torch.equal(model.bias, other.bias)
    empty_model, fresh = make()
    # Before the first step.
    checkpoints.load_optimizer_tensors(fresh, checkpoints.optimizer_tensors(make()[1]))
    step(empty_model, fresh, 1)

"""Checkpoints: written whole or not at all, verified before use, safetensors and JSON only.

A checkpoint is a folder that loads with `AutoModel.from_pretrained` (the averaged weights, the processor, the code),
plus `training_state/` to resume from. It is written under another name, listed in `manifest.json` with sizes and
SHA-256 sums, flushed to disk, and renamed last: a folder with its final name is complete. What a killed process leaves
under other names, `*.partial` and `*.old`, the next one puts right.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..errors_tts_trm import InputError
from ..files import follow_umask

MANIFEST = "manifest.json"
STATE_FOLDER = "training_state"
# Files of tensors; state.json has the rest.
STATE_FILES = ("weights", "average", "optimizer", "random")
PARTIAL = ".partial"
OLD = ".old"
# what JSON that is missing, damaged, or not of the form that it should be leads to; an infinite number is an overflow
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class CheckpointError(InputError):
    """A checkpoint that cannot be used or written; the message names it and the reason."""


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_checkpoint(folder: Path, write: Callable[[Path], None]) -> Path:
    """Fills `folder` by calling `write(partial_folder)`; an existing folder of that name is replaced at the end.

    Raises:
        CheckpointError: if the disk is full or not writable; what was there before stays as it is.
    """
    partial = folder.with_name(folder.name + PARTIAL)
    recover_interrupted(folder.parent)
    try:
        partial.mkdir(parents=True)
        write(partial)
        follow_umask(partial)
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        listing = {
            str(path.relative_to(partial)): {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in files
        }
        (partial / MANIFEST).write_text(json.dumps(listing, indent=1) + "\n")
        for path in [*partial.rglob("*"), partial]:
            _flush(path)
        if folder.exists():
            folder.rename(folder.with_name(folder.name + OLD))
        partial.rename(folder)
        _flush(folder.parent)
    except (OSError, SafetensorError) as error:
        # Safetensors reports a full disk as its own error.
        raise CheckpointError(
            f"{folder}: the checkpoint could not be written ({error}); earlier checkpoints are untouched. "
            "Free some disk space and start the same command again."
        ) from error
    finally:
        recover_interrupted(folder.parent)
    return folder


def check_room(root: Path, needed: int) -> None:
    """Raises `CheckpointError` if fewer than `needed` bytes are free on the disk that `root` is or will be on."""
    there = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise CheckpointError(
            f"{root}: {free / 1e6:.0f} MB are free on this disk, and two checkpoints need {needed / 1e6:.0f} MB. "
            "Free some disk space, or choose another --output-dir."
        )


def verify_checkpoint(folder: Path) -> None:
    """Raises `CheckpointError`, naming the file, unless everything the manifest lists is there and unchanged."""
    try:
        listing = json.loads((folder / MANIFEST).read_text())
        entries = [(name, int(entry["bytes"]), str(entry["sha256"])) for name, entry in listing.items()]
    except UNREADABLE as error:
        raise CheckpointError(f"{folder}: {MANIFEST} is missing or damaged ({error}).") from error
    for name, size, digest in entries:
        path = folder / name
        # Which bears any name.
        if not os.path.isfile(path):
            raise CheckpointError(f"{folder}: {name} is missing.")
        if path.stat().st_size != size or _digest(path) != digest:
            raise CheckpointError(f"{folder}: {name} is damaged.")
    if f"{STATE_FOLDER}/state.json" not in listing:
        raise CheckpointError(f"{folder}: holds no {STATE_FOLDER}/ to resume from.")
    for name in ("model.safetensors", *(f"{STATE_FOLDER}/{file}.safetensors" for file in STATE_FILES)):
        # What is not listed is not verified.
        if name not in listing:
            raise CheckpointError(f"{folder}: {MANIFEST} does not list {name}.")


def _step_of(folder: Path) -> int:
    try:
        return int(json.loads((folder / STATE_FOLDER / "state.json").read_text())["step"])
    except UNREADABLE:
        return -1


def list_checkpoints(root: Path) -> list[Path]:
    """Checkpoint folders under `root`, newest step first, not verified."""
    if not root.is_dir():
        return []
    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    folders = [path for path in folders if not path.name.endswith((PARTIAL, OLD))]
    return sorted(folders, key=lambda path: (_step_of(path), path.name), reverse=True)


def recover_interrupted(root: Path) -> None:
    """Ends what a killed process began: only the one that writes checkpoints may call it.

    Folders whose replacement was interrupted between its two renames are put back; half-written, replaced and
    half-deleted ones are removed.
    """
    for old in root.glob(f"*{OLD}"):
        target = old.with_name(old.name.removesuffix(OLD))
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)
    for partial in root.glob(f"*{PARTIAL}"):
        shutil.rmtree(partial, ignore_errors=True)


def set_aside(root: Path) -> Path | None:
    """Renames a folder of checkpoints to `<name>.1`, or the next free number, for a run that starts anew.

    If they stayed, later steps would be taken for the new run's newest. Returns the new name, or None where
    there was nothing.
    """
    if not list_checkpoints(root):
        return None
    number = next(number for number in count(1) if not root.with_name(f"{root.name}.{number}").exists())
    return root.rename(root.with_name(f"{root.name}.{number}"))


def is_valid(folder: Path, report: Callable[[str], None] = print) -> bool:
    """Whether `verify_checkpoint` finds nothing; what it finds is named through `report`."""
    try:
        verify_checkpoint(folder)
    except CheckpointError as error:
        report(f"Not used: {error}")
        return False
    return True


def newest_valid(root: Path, report: Callable[[str], None] = print) -> Path | None:
    """The newest checkpoint under `root` that passes verification; worse ones are named through `report`.

    Returns None where there is none yet.

    Raises:
        CheckpointError: if all are damaged: a run that began anew would soon replace the best of them.
    """
    recover_interrupted(root)
    # those without a readable step first: they may be the newest, and are to be named
    folders = sorted(list_checkpoints(root), key=lambda folder: _step_of(folder) >= 0)
    for folder in folders:
        if is_valid(folder, report):
            return folder
    if folders:
        raise CheckpointError(
            f"{root}: none of its {len(folders)} checkpoints can be used; --resume-from-checkpoint none starts over."
        )
    return None


def rotate(root: Path, keep: int, written: Path) -> None:
    """Deletes all but the newest `keep` folders `step_*` (0 keeps all); `best`, `final` and `written` are not touched.

    Folders of later steps than that just `written` may be left over from another run, or be damaged.
    """
    steps = [folder for folder in list_checkpoints(root) if folder.name.startswith("step_")]
    for folder in steps[keep:] if keep > 0 else []:
        if folder != written:
            # So that none is ever half a checkpoint.
            folder.rename(folder.with_name(folder.name + PARTIAL))
    recover_interrupted(root)


# -- the training state -----------------------------------------------------------------------------------------


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's state as flat tensors `"<parameter index>.<name>"`; learning rates are not part of it."""
    return {
        f"{index}.{name}": torch.as_tensor(value).detach().cpu().contiguous()
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def load_optimizer_tensors(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Puts back what `optimizer_tensors` returned."""
    states: dict[int, dict] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        states.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def save_training_state(
    folder: Path,
    weights: dict[str, torch.Tensor],
    average: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    random_states: list[dict],
    state: dict,
) -> None:
    """Writes `training_state/` of a checkpoint: weights, average, optimizer, one random state a process, counters.

    Raises:
        CheckpointError: if a value is not finite, before anything is written.
    """
    files = {"weights": weights, "average": average, "optimizer": optimizer_tensors(optimizer)}
    for file, tensors in files.items():
        broken = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
        if broken:
            raise CheckpointError(f"{folder}: not written, in {file} {', '.join(broken[:3])} are not finite.")
    files["random"] = {str(rank): value for rank, value in enumerate(random_states)}
    target = folder / STATE_FOLDER
    target.mkdir()
    for file, tensors in files.items():
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        save_file(tensors, target / f"{file}.safetensors")
    (target / "state.json").write_text(json.dumps(state, indent=1) + "\n")


def load_training_state(folder: Path) -> dict:
    """`{"weights", "average", "optimizer", "random", "state"}` of a verified checkpoint.

    Raises:
        CheckpointError: if one of its files cannot be read.
    """
    loaded = {}
    for name in (*STATE_FILES, "state"):
        path = folder / STATE_FOLDER / (f"{name}.safetensors" if name != "state" else "state.json")
        try:
            loaded[name] = load_file(path) if name != "state" else dict(json.loads(path.read_text(encoding="utf-8")))
        except (*UNREADABLE, SafetensorError) as error:
            raise _damaged(folder, path.name, str(error)) from error
    return loaded


def check_training_state(folder: Path, loaded: dict, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Raises `CheckpointError`, naming the file, unless `model` and `optimizer` can go on from `loaded`.

    The hashes of the manifest only say that the files are as they were written.
    """
    parameters = dict(model.named_parameters())
    for name in ("weights", "average"):
        if loaded[name].keys() != parameters.keys():
            raise _damaged(folder, f"{name}.safetensors", "it lacks weights of this model, or has others")
        for key, value in loaded[name].items():
            _check_tensor(folder, name, key, value, parameters[key].shape)
    sizes = [parameter.shape for group in optimizer.param_groups for parameter in group["params"]]
    for key, value in loaded["optimizer"].items():
        index, _, kind = key.partition(".")
        if not (index.isdecimal() and int(index) < len(sizes) and kind in ("step", "exp_avg", "exp_avg_sq")):
            raise _damaged(folder, "optimizer.safetensors", f"{key} is not part of AdamW's state")
        _check_tensor(folder, "optimizer", key, value, torch.Size() if kind == "step" else sizes[int(index)])
        # The root of it is taken.
        if kind != "exp_avg" and (value < 0).any():
            raise _damaged(folder, "optimizer.safetensors", f"{key} is negative")
    for index in {key.partition(".")[0] for key in loaded["optimizer"]}:
        for kind in ("step", "exp_avg", "exp_avg_sq"):
            if f"{index}.{kind}" not in loaded["optimizer"]:
                raise _damaged(folder, "optimizer.safetensors", f"it lacks {index}.{kind}")
    _check_counters(folder, loaded["state"])
    _check_random_states(folder, loaded["random"], loaded["state"]["num_processes"])


def _damaged(folder: Path, file: str, reason: str) -> CheckpointError:
    reason = " ".join(reason.split())[:200]
    return CheckpointError(f"{folder}: {STATE_FOLDER}/{file} cannot be used ({reason}); go on from another checkpoint.")


def _check_tensor(folder: Path, name: str, key: str, value: torch.Tensor, shape: torch.Size) -> None:
    if value.shape != shape or value.dtype != torch.float32:
        found = f"{value.dtype} {list(value.shape)}, not {torch.float32} {list(shape)}"
        raise _damaged(folder, f"{name}.safetensors", f"{key} is {found}")
    if not torch.isfinite(value).all():
        raise _damaged(folder, f"{name}.safetensors", f"{key} is not finite")


def _check_random_states(folder: Path, states: dict[str, torch.Tensor], num_processes: int) -> None:
    if len(states) != num_processes or states.keys() != set(map(str, range(num_processes))):
        raise _damaged(folder, "random.safetensors", f"it has not one state for each of {num_processes} processes")
    generator = torch.Generator()
    for rank, value in states.items():
        try:
            generator.set_state(value[: len(generator.get_state())])
        except (RuntimeError, TypeError, IndexError) as error:
            raise _damaged(folder, "random.safetensors", f"that of process {rank}: {error}") from error


def _check_counters(folder: Path, state: dict) -> None:
    def is_count(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0

    def is_number(value: object) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    best, metrics, losses, scaler = (state.get(name) for name in ("best_loss", "metrics", "losses", "scaler"))
    counters = ("step", "epoch", "batch_in_epoch", "batches_per_epoch", "average_updates", "num_processes")
    fits = {name: is_count(state.get(name)) for name in counters}
    fits["batch_in_epoch"] = all(fits.values()) and state["batch_in_epoch"] < state["batches_per_epoch"]
    fits["best_loss"] = best is None or (is_number(best) and math.isfinite(best))
    fits["metrics"] = isinstance(metrics, dict) and all(map(is_number, metrics.values()))
    fits["losses"] = (
        isinstance(losses, list)
        and len(losses) == state.get("num_processes")
        and all(isinstance(each, list) and all(map(is_number, each)) for each in losses)
    )
    of_scaler = torch.amp.GradScaler("cpu").state_dict().keys()
    fits["scaler"] = scaler is None or (isinstance(scaler, dict) and scaler.keys() == of_scaler)
    fits["scaler"] = fits["scaler"] and all(
        is_number(value) and 0 <= value < math.inf for value in (scaler or {}).values()
    )
    if wrong := [name for name, fit in fits.items() if not fit]:
        raise _damaged(folder, "state.json", f"{wrong[0]} is {state.get(wrong[0])!r}")

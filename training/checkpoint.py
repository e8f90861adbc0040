"""Checkpoints: written whole or not at all, verified before use, safetensors and JSON only.

A checkpoint is a folder that loads with `AutoModel.from_pretrained` (the averaged weights, the processor, the code),
plus `training_state/` to resume from. It is written under another name, listed in `manifest.json` with sizes and
SHA-256 sums, flushed to disk, and renamed last: a folder with its final name is complete.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

MANIFEST = "manifest.json"
STATE_FOLDER = "training_state"
PARTIAL = ".partial"


class CheckpointError(ValueError):
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


def write_checkpoint(folder: Path, write) -> Path:
    """Fills `folder` by calling `write(partial_folder)`; an existing folder of that name is replaced at the end.

    Raises:
        CheckpointError: if the disk is full or not writable; what was there before stays as it is.
    """
    partial = folder.with_name(folder.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        listing = {
            str(path.relative_to(partial)): {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in files
        }
        (partial / MANIFEST).write_text(json.dumps(listing, indent=1) + "\n")
        for path in [*partial.rglob("*"), partial]:
            _flush(path)
        if folder.exists():
            old = folder.with_name(folder.name + ".old")
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
            partial.rename(folder)
            shutil.rmtree(old)
        else:
            partial.rename(folder)
        _flush(folder.parent)
    except (OSError, SafetensorError) as error:  # safetensors reports a full disk as its own error
        raise CheckpointError(
            f"{folder}: the checkpoint could not be written ({error}); earlier checkpoints are untouched. "
            "Free some disk space and start the same command again."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def verify_checkpoint(folder: Path) -> None:
    """Raises `CheckpointError`, naming the file, unless everything the manifest lists is there and unchanged."""
    try:
        listing = json.loads((folder / MANIFEST).read_text())
        entries = [(name, int(entry["bytes"]), str(entry["sha256"])) for name, entry in listing.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder}: {MANIFEST} is missing or damaged ({error}).") from error
    for name, size, digest in entries:
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{folder}: {name} is missing.")
        if path.stat().st_size != size or _digest(path) != digest:
            raise CheckpointError(f"{folder}: {name} is damaged.")
    if not (folder / STATE_FOLDER / "state.json").is_file():
        raise CheckpointError(f"{folder}: holds no {STATE_FOLDER}/ to resume from.")


def _step_of(folder: Path) -> int:
    try:
        return int(json.loads((folder / STATE_FOLDER / "state.json").read_text())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1


def list_checkpoints(root: Path) -> list[Path]:
    """Checkpoint folders under `root`, newest step first, not verified."""
    if not root.is_dir():
        return []
    recover_interrupted(root)
    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.endswith((PARTIAL, ".old"))]
    return sorted(folders, key=lambda path: (_step_of(path), path.name), reverse=True)


def recover_interrupted(root: Path) -> None:
    """Puts back folders whose replacement was interrupted between its two renames, and ends those after the second."""
    for old in root.glob("*.old"):
        target = old.with_name(old.name.removesuffix(".old"))
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)


def newest_valid(root: Path, report=print) -> Path | None:
    """The newest checkpoint under `root` that passes verification; worse ones are named through `report`."""
    # those without a readable step first: they may be the newest, and are to be named
    for folder in sorted(list_checkpoints(root), key=lambda folder: _step_of(folder) >= 0):
        try:
            verify_checkpoint(folder)
            return folder
        except CheckpointError as error:
            report(f"Not used: {error}")
    return None


def rotate(root: Path, keep: int, written: Path) -> None:
    """Deletes all but the newest `keep` folders `step_*` (0 keeps all); `best`, `final` and `written` are not touched.

    Folders of later steps than that just `written` may be left over from another run, or be damaged.
    """
    steps = [folder for folder in list_checkpoints(root) if folder.name.startswith("step_")]
    for folder in steps[keep:] if keep > 0 else []:
        if folder != written:
            shutil.rmtree(folder, ignore_errors=True)


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


def save_training_state(folder: Path, weights, average, optimizer, random_states, state: dict) -> None:
    """Writes `training_state/` of a checkpoint: weights, average, optimizer, one random state a process, counters."""
    target = folder / STATE_FOLDER
    target.mkdir()
    save_file(
        {name: value.detach().cpu().contiguous() for name, value in weights.items()}, target / "weights.safetensors"
    )
    save_file({name: value.cpu().contiguous() for name, value in average.items()}, target / "average.safetensors")
    save_file(optimizer_tensors(optimizer), target / "optimizer.safetensors")
    save_file({str(rank): value for rank, value in enumerate(random_states)}, target / "random.safetensors")
    (target / "state.json").write_text(json.dumps(state, indent=1) + "\n")


def load_training_state(folder: Path) -> dict:
    """`{"weights", "average", "optimizer", "random", "state"}` of a verified checkpoint."""
    source = folder / STATE_FOLDER
    loaded = {name: load_file(source / f"{name}.safetensors") for name in ("weights", "average", "optimizer", "random")}
    return loaded | {"state": json.loads((source / "state.json").read_text())}

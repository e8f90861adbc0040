"""Files are written whole or not at all."""

import glob
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile


@contextmanager
def named_if_unwritable(path: str | Path) -> Iterator[None]:
    """Makes of what goes wrong with a file an `OSError` that names it."""
    try:
        yield
    except (OSError, soundfile.SoundFileError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"{path}: cannot be written ({reason}); is the disk full or the folder missing?") from error


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A name to write to instead of `path`, which it becomes once the block has ended well; otherwise it vanishes."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")
    try:
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise OSError(f"{path}: cannot be written ({error}); is the disk full?") from error
    finally:
        partial.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Removes what processes of this machine that are no more had begun to write."""
    # accelerate needs it too.
    import psutil

    for path in folder.glob(f".*.{glob.escape(platform.node())}.*.partial"):
        process = path.suffixes[-2][1:]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            path.unlink(missing_ok=True)


def follow_umask(folder: Path) -> None:
    """Gives every file in a folder the mode that a new file has; safetensors' own can be read by their writer alone."""
    # Made to be looked at: to ask for the mask itself would change it for all threads for a moment.
    probe = folder / f".{os.getpid()}.mode"
    probe.touch()
    mode = probe.stat().st_mode & 0o777
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


def write_json(path: Path, content: object) -> None:
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

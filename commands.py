"""What the commands have in common: how they end, and the types of their options."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

from .errors_tts_trm import InputError, TtsTrmError

BUNDLED_VOICE = Path(__file__).resolve().parent / "pretrained" / "tts-trm-mini"


def run_command(work: Callable[[], int | None]) -> int:
    """Runs `work` and returns the exit code: the one that `work` returns (None is 0), or the error's.

    An error that the user can put right becomes one line on standard error. Any other one is a bug of ours, and shows
    its traceback.
    """
    try:
        return work() or 0
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has closed it. What is still buffered must not raise again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TtsTrmError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def check_model_name(name: str) -> None:
    """Raises `InputError` for a name that is neither a folder nor can be a repository on the Hub, before any network.

    A repository is `name` or `owner/name`; what looks like a path of this machine is not asked for on the Hub.
    """
    if Path(name).is_dir():
        return
    parts = Path(name).parts
    if len(parts) != 2 or name.startswith((".", "/", "~")) or Path(parts[0]).is_dir():
        raise InputError(f"{name}: there is no such folder; give one, or a repository on the Hub as owner/name.")


def number_type(
    kind: type[int] | type[float], low: float, high: float = math.inf, open_low: bool = False
) -> Callable[[str], float]:
    """An argparse type: an int or float (`kind`) in low..high, without `low` itself if `open_low`."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
        if not low <= value <= high or (open_low and value == low):
            bounds = f"{'above' if open_low else 'at least'} {low}" + (
                f" and at most {high}" if high < math.inf else ""
            )
            raise argparse.ArgumentTypeError(f"{text} must be {bounds}")
        return value

    return parse

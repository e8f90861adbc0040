"""How all of this folder is timed: the sides in turn, in one process, medians; memory in a process of its own."""

import json
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"


def compare(sides: dict[str, Callable[[], object]], rounds: int = 5) -> dict:
    """Median seconds of each side's call.

    Every round calls each side once, so that whatever slows the machine for a while slows all of them; one call of
    each before that is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, call in sides.items():
            started = time.perf_counter()
            call()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_memory(function: Callable, *arguments) -> float:
    """MB by which a call raises the peak memory of a new process (Linux).

    The call is what `function(*arguments)` returns, so that loading and building are not measured. The new process
    finds `function` by its module and name.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report_peak, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError as error:
        raise RuntimeError(f"{function.__name__}{arguments}: the process that measured it died.") from error
    finally:
        process.join()


def _report_peak(sender, function: Callable, arguments) -> None:
    call = function(*arguments)
    before = memory("VmRSS")
    # Forgets the peak of loading and building.
    Path("/proc/self/clear_refs").write_text("5")
    call()
    sender.send(memory("VmHWM") - before)


def memory(field: str, process: int | str = "self") -> float:
    """MB of a process, now (`VmRSS`) or at most so far (`VmHWM`), as Linux counts them."""
    line = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1e3


def machine() -> dict:
    """What the figures were measured on."""
    import torch

    names = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    name = next((line.split(":")[1].strip() for line in names if line.startswith("model name")), platform.processor())
    return {
        "processor": name or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "date": time.strftime("%Y-%m-%d"),
    }


def matrix_speed() -> float:
    """GFLOP/s of large float32 products here and now: the physical limit that the rooflines are drawn with."""
    import torch

    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    seconds = compare({"product": lambda: [a @ b for _ in range(10)]}, rounds=7)["product"]
    return 10 * 2 * 1024**3 / seconds / 1e9


def operations(call: Callable) -> float:
    """Floating-point operations of the products and convolutions of a call, forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def write_results(name: str, results: dict) -> Path:
    """Writes `docs/results/<name>.json`: the figures and the machine."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"machine": machine(), **results}, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def table(headings: list[str], rows: list[list]) -> str:
    """Rows of cells as Markdown; floats with three significant digits."""
    text = [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    lines = [headings, ["---"] * len(headings), *text]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

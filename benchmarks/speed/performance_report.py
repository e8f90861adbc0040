"""Writes the tables of `docs/performance.md` from the figures that the benchmarks left in `docs/results`.

python benchmarks/speed/performance_report.py
"""

import json
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common import measuring
from tts_trm.benchmarks.common.markdown_tables import write_table
from tts_trm.benchmarks.quality import word_times
from tts_trm.benchmarks.speed import data_preparation, growth, start_up, synthesis, training_step

PAGE = measuring.ROOT / "docs" / "performance.md"
BENCHMARKS = {
    "synthesis": synthesis,
    "start_up": start_up,
    "training_step": training_step,
    "data_preparation": data_preparation,
    "growth": growth,
    "word_times": word_times,
}


def section(name: str) -> str:
    """The tables of one benchmark under a line on its machine, or that it has not been run."""
    path = measuring.RESULTS / f"{name}.json"
    if not path.is_file():
        return "\nNot run yet.\n\n"
    results = json.loads(path.read_text(encoding="utf-8"))
    machine = results["machine"]
    where = machine["gpu"] or f"{machine['processor']}, {machine['threads']} threads"
    limit = f", {results['matrix_gflops']:.0f} GFLOP/s of large products" if results.get("matrix_gflops") else ""
    return f"{where}{limit}; torch {machine['torch']}, {machine['date']}.\n\n{BENCHMARKS[name].tables(results)}"


def main() -> int:
    for name in BENCHMARKS:
        write_table(PAGE, name, section(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Counts the cases of the long tests and keeps the last result of each: `docs/results/torture.json`, and a table of it.

    python -m pytest tests/torture
    python -m pytest tests/torture/test_runs.py -k kill

A test's first line of documentation is its promise; its parameters are the cases. What did not run keeps its result.
"""

import json
import shlex
import sys
import time
from pathlib import Path

from tts_trm.benchmarks.measuring import RESULTS, machine, table
from tts_trm.benchmarks.report_page import write_table

PAGE = RESULTS.parent / "reliability.md"
FILE = RESULTS / "torture.json"
outcomes: dict[str, dict] = {}


def pytest_collection_modifyitems(items):
    for item in items:
        item.user_properties.append(("promise", item.function.__doc__.splitlines()[0].rstrip(".")))


def pytest_runtest_logreport(report):
    name = report.nodeid.split("[")[0].removeprefix("tests/torture/")
    if report.skipped or (report.when != "call" and report.passed):
        return
    properties = dict(report.user_properties)
    entry = outcomes.setdefault(name, {"promise": properties.pop("promise"), "held": 0, "cases": 0, "seconds": 0.0})
    cases = properties.pop("cases", 1)  # of a test that goes through them in a loop
    entry["cases"] += cases
    entry["held"] += cases if report.passed else 0
    entry["seconds"] = round(entry["seconds"] + report.duration, 1)


def pytest_sessionfinish():
    if not outcomes:
        return
    ran = {"command": shlex.join(["python", "-m", "pytest", *sys.argv[1:]]), **machine()}
    before = json.loads(FILE.read_text()) if FILE.is_file() else {}
    results = before | {name: entry | ran for name, entry in outcomes.items()}
    FILE.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    rows = [
        [each["promise"], f"{each['held']} of {each['cases']}", f"{each['seconds']:.0f}", each["date"]]
        for each in results.values()
    ]
    write_table(PAGE, "torture", table(["promise", "held", "s", "date"], rows))

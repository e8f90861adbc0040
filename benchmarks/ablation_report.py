"""Tables and curves of `docs/ablations.md`, from the results; the prose around them is written by hand.

A table stands between `<!-- table: QUESTION -->` and `<!-- end -->`, and everything between is replaced.
"""

import re
from pathlib import Path

from .ablation_rows import ROWS

HEADINGS = (
    "row | what differs | parameters | frames/s | passes | held-out error | code 0 | words wrong | sharpness 0.75"
)
IN_TABLE = (0.0, 0.75)  # the values of sharpness that have a column
TABLE = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def write_report(results: list[dict], docs: Path) -> None:
    """Replaces the tables in `docs/ablations.md`, and draws `docs/images/ablations.png`."""
    page = docs / "ablations.md"
    page.write_text(
        TABLE.sub(lambda found: f"{found[1]}{table(results, found[2])}{found[3]}", page.read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    draw_curves(results, docs / "images" / "ablations.png")


def table(results: list[dict], question: str) -> str:
    """The rows of one question that have been run, every seed of each, as Markdown; other readings below."""
    rows = [row for row in ROWS if row.question == question]
    if not rows:
        raise ValueError(f"docs/ablations.md: no row asks {question!r}; see benchmarks/ablation_rows.py.")
    if not {row.name for row in rows} & {result["name"] for result in results}:
        return "\nNot run yet.\n\n"
    lines = [f"| {HEADINGS} |", "|" + "---|" * (HEADINGS.count("|") + 1)]
    readings = []
    for row in [ROWS[0], *(row for row in rows if row != ROWS[0])]:  # the base leads every table
        for result in (result for result in results if result["name"] == row.name):
            lines.append(f"| {' | '.join(cells(row, result))} |")
            for spoken in result["readings"]:
                if spoken["reading"] != result["readings"][0]["reading"] or spoken["sharpness"] not in IN_TABLE:
                    with_what = ", ".join(filter(None, (spoken["reading"], f"sharpness {spoken['sharpness']:g}")))
                    readings.append(f"| {row.name} | {with_what} | {errors(spoken)} |")
    if readings:
        lines += ["", "| row | spoken with | words wrong |", "|---|---|---|", *readings]
    return "\n".join(lines) + "\n"


def cells(row, result: dict) -> list[str]:
    """One result as the cells of a line."""
    last, codebook, first = result["curve"][-1], result["codebook_0"], result["readings"][0]["reading"]
    spoken = {r["sharpness"]: errors(r) for r in result["readings"] if r["reading"] == first}
    return [
        row.name if result["seed"] == 42 else f"{row.name}, seed {result['seed']}",
        row.change,
        f"{result['parameters'] / 1e6:.2f} M",
        f"{result['frames_per_second']:.0f}",
        f"{result['passes']:.1f}",
        f"{last['error']:.3f}" if "error" in last else "",
        f"{codebook[0]:.2f}, {100 * codebook[1]:.1f} %",
        *(spoken.get(sharpness, "") for sharpness in IN_TABLE),
    ]


def errors(measured: dict) -> str:
    return f"{100 * measured['word_error_rate']:.1f} % ({100 * measured['character_error_rate']:.1f})"


def draw_curves(results: list[dict], path: Path) -> None:
    """Held-out error against minutes of one core, a panel for each question, the base in all of them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    questions = list(dict.fromkeys(row.question for row in ROWS))
    of_row = {row.name: row for row in ROWS}
    drawn = [result for result in results if "error" in result["curve"][-1] and result["seed"] == 42]
    questions = [name for name in questions if any(of_row[result["name"]].question == name for result in drawn)]
    figure, panels = pyplot.subplots(1, len(questions), figsize=(5 * len(questions), 4.5), sharey=True, squeeze=False)
    for panel, question in zip(panels[0], questions, strict=True):
        for result in drawn:
            if of_row[result["name"]].question == question or result["name"] == "base":
                curve = result["curve"]
                style = {"color": "black", "linewidth": 2} if result["name"] == "base" else {}
                panel.plot(
                    [p["minutes"] for p in curve], [p["error"] for p in curve], ".-", label=result["name"], **style
                )
        panel.set(title=question, xlabel="minutes of one core", yscale="log")
        panel.legend(fontsize=8)
    panels[0][0].set_ylabel("held-out squared error / variance of the speaker")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)

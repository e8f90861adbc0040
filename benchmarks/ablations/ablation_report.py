"""Tables and curves of `docs/ablations.md`, from the results; the prose around them is written by hand.

A table stands between `<!-- table: QUESTION -->` and `<!-- end -->`, and everything between is replaced.
"""

from pathlib import Path

from ..common.markdown_tables import write_table
from .ablation_rows import ROWS
from .run_ablations import MINUTES

HEADINGS = (
    "row | what differs | parameters | frames/s | passes | held-out error | code 0 | words wrong | sharpness 0.75"
)
DIAGNOSIS = (
    "row | loss | texts shuffled | head's loss after each H cycle | change of y by each later one | frame cosine"
)
# The values of sharpness that have a column.
IN_TABLE = (0.0, 0.75)


def write_report(results: list[dict], docs: Path) -> None:
    """Replaces the tables in `docs/ablations.md`, and draws `docs/images/ablations.png`."""
    for question in dict.fromkeys(row.question for row in ROWS):
        write_table(docs / "ablations.md", question, table(results, question))
    write_table(docs / "ablations.md", "diagnosis", diagnosis(results))
    draw_curves(results, docs / "images" / "ablations.png")


def table(results: list[dict], question: str) -> str:
    """The rows of one question that have been run, every seed of each, as Markdown; other readings below."""
    rows = [row for row in ROWS if row.question == question]
    if not {row.name for row in rows} & {result["name"] for result in results}:
        return "\nNot run yet.\n\n"
    lines = [f"| {HEADINGS} |", "|" + "---|" * (HEADINGS.count("|") + 1)]
    readings = []
    # The base leads every table.
    for row in [ROWS[0], *(row for row in rows if row != ROWS[0])]:
        of_row = [result for result in results if result["name"] == row.name]
        for result in sorted(of_row, key=lambda result: (result["minutes"], result["seed"])):
            lines.append(f"| {' | '.join(cells(row, result))} |")
            for spoken in result["readings"]:
                if spoken["reading"] != result["readings"][0]["reading"] or spoken["sharpness"] not in IN_TABLE:
                    with_what = ", ".join(filter(None, (spoken["reading"], f"sharpness {spoken['sharpness']:g}")))
                    readings.append(f"| {label(result)} | {with_what} | {errors(spoken)} |")
    if readings:
        lines += ["", "| row | spoken with | words wrong |", "|---|---|---|", *readings]
    return "\n".join(lines) + "\n"


def diagnosis(results: list[dict]) -> str:
    """What every row does with texts, cycles and frames, as Markdown."""
    lines = [f"| {DIAGNOSIS} |", "|" + "---|" * (DIAGNOSIS.count("|") + 1)]
    order = [row.name for row in ROWS]
    for result in sorted(results, key=lambda each: (order.index(each["name"]), each["minutes"], each["seed"])):
        cycles, changes = result["cycle_losses"], result.get("cycle_changes", [])
        cells = [
            label(result),
            f"{result['loss']:.3f}",
            f"{result['shuffled_text_loss']:.3f}",
            " ".join(f"{loss:.3f}" for loss in cycles),
            " ".join(f"{change:.2f}" for change in changes),
            f"{result['frame_cosine']:.2f}" if "frame_cosine" in result else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n" if results else "\nNot run yet.\n\n"


def label(result: dict) -> str:
    """The name of a result's row, with what is unusual about the result."""
    seed = "" if result["seed"] == 42 else f", seed {result['seed']}"
    return result["name"] + seed + ("" if result["minutes"] == MINUTES else f", {result['minutes']:g} minutes")


def cells(row, result: dict) -> list[str]:
    """One result as the cells of a line."""
    last, codebook, first = result["curve"][-1], result["codebook_0"], result["readings"][0]["reading"]
    spoken = {r["sharpness"]: errors(r) for r in result["readings"] if r["reading"] == first}
    return [
        label(result),
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
    """Held-out error against minutes of one core, a panel for each question and length, the base in all of them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    question_of = {row.name: row.question for row in ROWS}
    drawn = [result for result in results if "error" in result["curve"][-1] and result["seed"] == 42]
    # By label: what was trained for longer is compared with its like only.
    panel_of = {
        label(result): question_of[result["name"]] if result["minutes"] == MINUTES else f"{result['minutes']:g} minutes"
        for result in drawn
    }
    titles = sorted(set(panel_of.values()), key=lambda title: (title.endswith("minutes"), title))
    figure, panels = pyplot.subplots(1, len(titles), figsize=(5 * len(titles), 4.5), sharey=True, squeeze=False)
    for panel, title in zip(panels[0], titles, strict=True):
        for result in drawn:
            is_base = result["name"] == "base" and (result["minutes"] == MINUTES) != title.endswith("minutes")
            if panel_of[label(result)] == title or is_base:
                curve = result["curve"]
                style = {"color": "black", "linewidth": 2} if result["name"] == "base" else {}
                panel.plot(
                    [p["minutes"] for p in curve], [p["error"] for p in curve], ".-", label=label(result), **style
                )
        panel.set(title=title, xlabel="minutes of one core", yscale="log")
        panel.legend(fontsize=8)
    panels[0][0].set_ylabel("held-out squared error / variance of the speaker")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)

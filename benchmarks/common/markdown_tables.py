"""Tables in a Markdown page whose prose is written by hand."""

import re
from pathlib import Path


def write_table(page: Path, name: str, content: str) -> None:
    """Replaces what stands between the lines `<!-- table: name -->` and `<!-- end -->` of `page`.

    Raises:
        ValueError: if the page has no such place; it stays as it is.
    """
    start, end = f"<!-- table: {name} -->", "<!-- end -->"
    place = re.compile(rf"({re.escape(start)}\n)(?:(?!<!--).)*({end})", re.DOTALL)
    text, places = place.subn(lambda found: found[1] + content + found[2], page.read_text(encoding="utf-8"))
    if not places:
        raise ValueError(f"{page}: has no place for the table; add lines `{start}` and `{end}`.")
    page.write_text(text, encoding="utf-8")

"""The Markdown pages of the repository as its readers use them: links, headings, and the code that they can run."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("README.md", "docs/*.md", "pretrained/*/README.md", "test_dataset/README.md")
    for path in ROOT.glob(pattern)
)
# Above a block of code that its readers cannot run as it stands.
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
# An indented block has no language.
SHELLS = ("bash", "sh", "shell", "console", "")
COMMAND = re.compile(r"^(\$ )?(python|accelerate|torchrun|make|pip)(?= )|\| *python ")


@dataclass
class Code:
    """A block of code of a page."""

    language: str
    text: str
    # Of the page, counted from 1.
    line: int
    # Why it cannot be run.
    not_run: str | None


def tokens(page: str) -> list:
    return MarkdownIt("commonmark").enable("table").parse(_without_front_matter((ROOT / page).read_text("utf-8")))


def _without_front_matter(text: str) -> str:
    found = re.match(r"---\n.*?\n---\n", text, re.DOTALL)
    return "\n" * found[0].count("\n") + text[found.end() :] if found else text


def code_blocks(page: str) -> list[Code]:
    blocks, before = [], None
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            reason = NOT_RUN.search(before.content) if before is not None and before.type == "html_block" else None
            language = token.info.split()[0] if token.info.strip() else ""
            blocks.append(Code(language, token.content, token.map[0] + 1, reason and reason[1]))
        before = token
    return blocks


def links(page: str) -> list[str]:
    """What a page links to or shows, in order: `[...](here)`, `![...](here)`, `<here>`, `<img src="here">`."""
    found = []
    for token in tokens(page):
        for part in [token, *(token.children or [])]:
            if part.type in ("link_open", "image"):
                found.append(part.attrGet("href") or part.attrGet("src"))
            elif part.type in ("html_block", "html_inline"):
                found += re.findall(r'(?:href|src)="([^"]*)"', part.content)
    return found


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as the code host makes them."""
    found: dict[str, int] = {}
    parsed = tokens(page)
    for opening, heading in zip(parsed, parsed[1:], strict=False):
        if opening.type == "heading_open":
            text = "".join(part.content for part in heading.children if part.type in ("text", "code_inline"))
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found[anchor] = found.get(anchor, -1) + 1
    return {f"{anchor}-{n}" if n else anchor for anchor, last in found.items() for n in range(last + 1)}


def commands(page: str) -> list[list[str]]:
    """The commands of a page as words, of its shell blocks and inline; `a | b` and `a && b` are two, a comment none."""
    shown = [block.text for block in code_blocks(page) if block.language in SHELLS]
    inline = (part for token in tokens(page) for part in token.children or [] if part.type == "code_inline")
    shown += [part.content.removesuffix(" ...") for part in inline]
    found = []
    for line in "\n".join(shown).replace("\\\n", " ").splitlines():
        # Output, or no shell at all.
        if not COMMAND.search(line):
            continue
        words = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=";|&<>")
        words.whitespace_split, command = True, []
        for word in [*words, ";"]:
            if set(word) <= set(";|&"):
                found += [command] if command else []
                command = []
            else:
                command.append(word)
    return found

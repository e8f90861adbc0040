"""What the pages say is so: links lead somewhere, snippets run, commands have the options shown, the site builds."""

import argparse
import ast
import importlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pages
import pytest
from pages import PAGES, ROOT

from tts_trm.training.options import TrainingOptions

FOLDERS = {"benchmarks", "configs", "docs", "notebooks", "pretrained", "scripts", "test_dataset", "tests"}
# Speaks of the repository on the Hub that it lies in.
CARD = re.compile("pretrained/.+/README.md")
RUNNER = """
import json, os, runpy, sys, traceback

clone, work, answer = sys.argv[1:]
runpy.run_path(clone)
errors = {}
for page, folder, snippets in json.load(open(work)):
    os.chdir(folder)
    names = {"__name__": "__main__"}
    try:
        for line, text in snippets:
            exec(compile("\\n" * line + text, page, "exec"), names)
    except BaseException:
        errors[page] = traceback.format_exc()
json.dump(errors, open(answer, "w"))
"""


# ---- links ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in pages.links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in ("https", "mailto", "data"), f"{page}: {link}"
            assert parts.scheme != "https" or re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", parts.netloc), f"{page}: {link}"
            assert not re.search(r"\s", link), f"{page}: {link}"
            continue
        target = (ROOT / page).parent / unquote(parts.path) if parts.path else ROOT / page
        assert target.exists() and target.resolve().is_relative_to(ROOT.resolve()), f"{page}: {link} leads nowhere"
        if parts.fragment and target.suffix == ".md":
            there = pages.anchors(target.resolve().relative_to(ROOT.resolve()).as_posix())
            assert parts.fragment in there, f"{page}: {link}: there is no such heading; there are {sorted(there)}"


def test_figures_of_the_design_are_measured_ones():
    design, measured = ((ROOT / "docs" / name).read_text("utf-8") for name in ("design.md", "ablations.md"))
    figures = re.findall(r"\d+\.\d+(?= %| M)|\b0\.\d{3}\b", design)
    assert len(figures) > 15
    assert [figure for figure in figures if figure not in measured] == []


# ---- snippets ------------------------------------------------------------------------------------------------


def snippets(page: str) -> list[pages.Code]:
    return [block for block in pages.code_blocks(page) if block.language == "python"]


def runnable(page: str) -> list[pages.Code]:
    return [] if CARD.fullmatch(page) else [block for block in snippets(page) if not block.not_run]


@pytest.fixture(scope="module")
def run_of_snippets(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The snippets of all pages, run in one process, each page's in a folder of its own that looks like the checkout.

    Gives the folder of the folders, and what went wrong by page.
    """
    base = tmp_path_factory.mktemp("pages")
    work = []
    for page in PAGES:
        folder = base / page.replace("/", "_")
        folder.mkdir()
        for entry in ROOT.iterdir():
            if not entry.name.startswith(".") and entry.name not in ("outputs", "build"):
                (folder / entry.name).symlink_to(entry)
        work.append((page, str(folder), [(block.line, block.text) for block in runnable(page)]))
    (base / "work.json").write_text(json.dumps(work))
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(base / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUNNER, ROOT / "scripts" / "_clone.py", base / "work.json", base / "errors.json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return base, json.loads((base / "errors.json").read_text())


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)])
def test_snippets_run(page, run_of_snippets):
    base, errors = run_of_snippets
    assert page not in errors, errors[page]
    for name in re.findall(r'"(\w+\.wav)"', "".join(block.text for block in runnable(page))):
        assert (base / page.replace("/", "_") / name).stat().st_size > 10_000


@pytest.mark.parametrize("page", [page for page in PAGES if len(snippets(page)) > len(runnable(page))])
def test_snippets_that_cannot_run_here_compile_and_import(page):
    for block in snippets(page):
        for node in ast.walk(ast.parse(block.text, f"{page}, line {block.line}")):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                # `dir` first, as lazy modules import much to answer `hasattr`.
                for alias in node.names:
                    there = alias.name in dir(module) or hasattr(module, alias.name)
                    assert there, f"{page}, line {block.line}: {node.module} has no {alias.name}"


# ---- commands ------------------------------------------------------------------------------------------------


def of_our_script(command: list[str]) -> tuple[str, list[str]] | None:
    """The module of a command that runs a script of the repository, and the script's arguments."""
    words = [word for word in command if not re.match(r"[A-Z_]+=", word)]
    for index, word in enumerate(words):
        if index and word.endswith(".py") and not word.startswith(("-", "/")) and words[0] in LAUNCHERS:
            return "tts_trm." + word.removesuffix(".py").replace("/", "."), words[index + 1 :]
    return None


LAUNCHERS = ("python", "python3", "accelerate", "torchrun")


@pytest.mark.parametrize("page", PAGES)
def test_commands_have_the_options_shown(page, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    for command in pages.commands(page):
        if (ours := of_our_script(command)) is None:
            continue
        name, arguments = ours
        module = importlib.import_module(name)
        parse = getattr(module, "parse_arguments", None)
        try:
            assert parse or not arguments, f"{name} takes no arguments"
            if parse and "--help" not in arguments:
                assert isinstance(parse(arguments), (argparse.Namespace, TrainingOptions))
        except SystemExit:
            pytest.fail(f"{page}: {' '.join(command)}\n{capsys.readouterr().err}")


@pytest.mark.parametrize("page", PAGES)
def test_files_in_commands_exist(page):
    for command in pages.commands(page):
        for before, word in zip(["", *command], command, strict=False):
            if Path(word).parts[:1] and Path(word).parts[0] in FOLDERS and not before.startswith("--output"):
                assert (ROOT / word).exists(), f"{page}: {' '.join(command)}: there is no {word}"


def test_make_targets_and_extras_exist():
    makefile, setup = (ROOT / "Makefile").read_text("utf-8"), (ROOT / "setup.py").read_text("utf-8")
    shown = [command for page in PAGES for command in pages.commands(page)]
    targets = [command[1] for command in shown if command[0] == "make" and len(command) > 1]
    assert targets
    for target in targets:
        assert "=" in target or re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"make {target}"
    for command in shown:
        if command[:1] == ["pip"]:
            for extras in re.findall(r"\[([a-z,]+)\]", " ".join(command)):
                for extra in extras.split(","):
                    assert f'"{extra}":' in setup, f"{' '.join(command)}: setup.py has no extra {extra}"


# ---- the site ------------------------------------------------------------------------------------------------


class BuiltPage(HTMLParser):
    """What a browser fetches to show a page, and how often each element occurs in its article."""

    def __init__(self, path: Path):
        super().__init__()
        self.found, self.elements, self.in_article = [], Counter(), False
        self.feed(path.read_text("utf-8"))

    def handle_endtag(self, tag):
        self.in_article = self.in_article and tag != "article"

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.in_article = self.in_article or tag == "article"
        self.elements.update([tag] if self.in_article else [])
        if tag in ("script", "img", "iframe", "audio", "video", "source"):
            self.found.append(values.get("src") or "")
        elif tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(values.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Builds the site, strictly, and gives its folder; with the address of the repository if there is one."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    def make(repository: str | None = None) -> Path:
        folder = tmp_path_factory.mktemp("site")
        build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(folder), repo_url=repository))
        return folder

    return make


@pytest.fixture(scope="module")
def plain_site(site) -> Path:
    return site()


def test_navigation_has_every_page():
    listed = re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    pages_there = sorted(Path(page).name for page in PAGES if page.startswith("docs/"))
    assert sorted(listed) == pages_there, "mkdocs.yml and docs/ differ: list every page under nav"


def test_site_has_every_page_and_fetches_nothing_from_elsewhere(plain_site):
    built = sorted(path for path in plain_site.rglob("*.html") if path.name != "404.html")
    assert len(built) == len([page for page in PAGES if page.startswith("docs/")])
    for path in built:
        for resource in BuiltPage(path).found:
            assert not urlsplit(resource).netloc, f"{path.relative_to(plain_site)} fetches {resource}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_page_is_read_alike_on_the_site_and_on_the_code_host(page, plain_site):
    """mkdocs has a Markdown of its own, which reads lists otherwise unless they are indented by four."""
    name = Path(page).stem
    built = BuiltPage(plain_site / ("index.html" if name == "index" else f"{name}/index.html")).elements
    kinds = Counter(token.type for token in pages.tokens(page))
    assert built["pre"] == kinds["fence"] + kinds["code_block"]
    assert built["li"] == kinds["list_item_open"]
    assert built["tr"] == kinds["tr_open"]


def test_formulas_are_drawn_and_code_stays_out_of_the_site(plain_site):
    design = (plain_site / "design" / "index.html").read_text("utf-8")
    assert design.count("<svg role=") > 5
    assert "arithmatex" not in "".join(path.read_text("utf-8") for path in plain_site.rglob("*.html"))
    assert not list(plain_site.rglob("*.py"))


def test_formula_that_cannot_be_drawn_is_refused():
    from tts_trm.docs.site_hooks import draw_formula

    with pytest.raises(ValueError, match="nosuchcommand"):
        draw_formula(r"x = \nosuchcommand{y}", displayed=False)


def test_links_out_of_the_documentation_lead_to_the_repository(site, plain_site):
    published = site("https://example.org/us/tts-trm")
    links = [link for page in PAGES if page.startswith("docs/") for link in pages.links(page) if "../" in link]
    assert links
    content = "".join(path.read_text("utf-8") for path in published.rglob("*.html"))
    for link in links:
        kind = "tree" if (ROOT / "docs" / link).is_dir() else "blob"
        assert f'href="https://example.org/us/tts-trm/{kind}/main/{link.removeprefix("../")}"' in content
    assert 'href="../../' not in "".join(path.read_text("utf-8") for path in plain_site.glob("*/index.html"))


# ---- the reference -------------------------------------------------------------------------------------------


def test_reference_is_that_of_the_code():
    from tts_trm.docs import api_page

    written = (ROOT / "docs" / "api.md").read_text("utf-8")
    assert written == api_page.page(), "docs/api.md is not what the code says: python docs/api_page.py writes it again"


def test_reference_names_everything_public():
    import tts_trm

    headings = re.findall(r"^#+ `?([\w.]+)", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE)
    assert set(tts_trm.__all__) <= set(headings)


def test_figures_of_the_torture_are_those_of_its_last_run():
    """And it found nothing: what is wrong is mended, not recorded."""
    page = " ".join((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").split())
    runs, files = (
        json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("interrupted_runs", "hostile_files")
    )
    least = {"kills": 20, "stops": 15, "resumes": 96, "disks": 10, "processes": 5}
    assert runs.keys() >= least.keys() and runs["kills"]["inside_a_write"] >= 8
    for kind in runs.keys() - {"machine"}:
        assert runs[kind]["faults"] == [] and runs[kind]["equal"] == runs[kind]["count"] >= least.get(kind, 100)
        assert f"{runs[kind]['equal']} of {runs[kind]['count']} equal" in page, kind
    assert f"{runs['kills']['inside_a_write']} of them inside a write" in page
    assert f"at most {runs['stops']['most_seconds_to_exit']:.1f} s" in page
    for kind in files.keys() - {"machine"}:
        assert files[kind]["faults"] == [] and files[kind]["count"] >= 1000
        assert f"{kind.replace('_', ' ')} {files[kind]['accepted']:,} / {files[kind]['refused']:,}" in page, kind

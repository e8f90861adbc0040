"""What the site needs beyond mkdocs: links to files of the repository, and formulas without a script from elsewhere."""

import html
import os
import re
from pathlib import Path, PurePosixPath

from matplotlib import path as paths
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]+)\]\((?P<target>\.\./[^()\s#]+)(?P<anchor>#[^()\s]*)?\)")
FORMULA = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)
# Units of a drawn formula in the size of its letters.
EM = 100
COMMANDS = {paths.Path.MOVETO: "M", paths.Path.LINETO: "L", paths.Path.CURVE3: "Q", paths.Path.CURVE4: "C"}


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Links that leave docs/ lead to the published repository; their bare text stays where it is not published."""

    def rewrite(found: re.Match) -> str:
        target = os.path.normpath(os.path.join("docs", PurePosixPath(page.file.src_uri).parent, found["target"]))
        if target.startswith("docs" + os.sep):
            return found[0]
        if not config.repo_url:
            return found["text"]
        kind = "tree" if (Path(config.docs_dir).parent / target).is_dir() else "blob"
        return f"[{found['text']}]({config.repo_url.rstrip('/')}/{kind}/main/{target}{found['anchor'] or ''})"

    return LINK.sub(rewrite, markdown)


def on_page_content(content: str, page, config, files) -> str:
    """Formulas, which the code host renders by itself, become drawings."""
    return FORMULA.sub(lambda found: draw_formula(html.unescape(found["tex"]), found["tag"] == "div"), content)


def draw_formula(tex: str, displayed: bool) -> str:
    """TeX as inline SVG in the colour of the text around it.

    Raises:
        ValueError: if matplotlib's mathtext, a large part of TeX's mathematics, does not know a command.
    """
    tex, text_to_path = " ".join(tex.split()), TextToPath()
    font = FontProperties(size=EM, math_fontfamily="stix")
    width, height, descent = text_to_path.get_text_width_height_descent(f"${tex}$", font, ismath=True)
    vertices, codes = text_to_path.get_text_path(font, f"${tex}$", ismath=True)
    outline = "".join(
        COMMANDS[code] + " ".join(f"{value:.1f}" for value in points) if code in COMMANDS else "Z"
        for points, code in paths.Path(vertices, codes).iter_segments(simplify=False)
    )
    # Italics lean over their box.
    margin = 0.04 * EM
    box = f"{-margin:.0f} {descent - height - margin:.1f} {width + 2 * margin:.1f} {height + 2 * margin:.1f}"
    drawing = (
        f'<svg role="img" viewBox="{box}" style="height: {(height + 2 * margin) / EM:.3f}em; max-width: 100%; '
        f'vertical-align: {-(descent + margin) / EM:.3f}em" fill="currentColor"><title>{html.escape(tex)}</title>'
        f'<path transform="scale(1 -1)" d="{outline}"/></svg>'
    )
    return f'<p style="text-align: center; font-size: 1.15em">{drawing}</p>' if displayed else drawing

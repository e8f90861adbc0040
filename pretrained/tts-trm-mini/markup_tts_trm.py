"""The marks of written text that are not spoken: Markdown, HTML, entities, line breaks, hyphenation, footnotes.

[`read_markup`] takes them out and turns what they mean into punctuation: a heading, a list item, a row of a table or a
line of verse ends with a full stop where it has no mark of its own, so that the voice pauses there. Lines of prose that
an editor has wrapped run on.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

# A text without any of these has nothing to be taken out.
SIGNS = re.compile(r"==|[*_`~#<>&\[\]|\n\r\t\\\u00ad\u200b-\u200f\u2028\u2029\u2060-\u2064\ufeff]")
# Lines shorter than this are no lines of wrapped prose.
MIN_WRAPPED = 45
# A line that ends with one of these words goes on in the next, however short it is.
OPEN_WORDS = frozenset(
    """
    a an and as at but by for from her his if in into its my nor of on or our the their this to with your
    aber als am an auf aus bei beim das dem den der des die durch ein eine einem einen einer für im in ist mit nach oder
    seine über um und unter vom von vor wie zu zum zur
    """.split()
)
# Marks that end a line by themselves.
ENDING = ".!?…:;,—–-"
BLOCK_TAGS = (
    "p br div li ul ol dl dt dd h1 h2 h3 h4 h5 h6 tr td th table hr blockquote title section article pre".split()
)
INLINE_TAGS = (
    "a abbr b bdi bdo big body button cite code del dfn em font footer form head header html i img ins kbd label link "
    "main mark meta nav q s samp small span strike strong sub sup time tt u var wbr"
).split()
ATTRIBUTES = r"""(?:\s+[\w:-]{1,40}\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*"""


class Plain(NamedTuple):
    """A text without marks, and for each of its characters the stretch `(start, end)` of the written one."""

    text: str
    origins: list[tuple[int, int]]


def _tags(names: list[str]) -> str:
    return rf"</?(?:{'|'.join(sorted(names, key=len, reverse=True))}){ATTRIBUTES}\s*/?>"


# Whole lines that say nothing: fences of code, the rule under a table's head or a heading, a line across the page, the
# address that a link of the text refers to.
EMPTY_LINES = re.compile(
    r"^[ \t]*(?:```|~~~)[^\n]*$"
    r"|^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$"
    r"|^[ \t]*(?:(?:-[ \t]?){3,}|(?:\*[ \t]?){3,}|(?:_[ \t]?){3,}|={3,})[ \t]*$"
    r"|^[ \t]{0,3}\[[^\]\n^][^\]\n]{0,200}\]:[ \t]+\S+[^\n]*$",
    re.MULTILINE,
)
HEADING = re.compile(r"^[ \t]{0,3}(?P<start>#{1,6}[ \t]+)[^\n]*?(?P<end>[ \t]+#+[ \t]*)?$", re.MULTILINE)
QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
BULLET = re.compile(r"^[ \t]*[-*+•‣◦–—][ \t]+(?:\[[ xX]\][ \t]+)?", re.MULTILINE)
NUMBERED = re.compile(r"^[ \t]*\d{1,3}(?P<mark>[.)])(?=[ \t]+\S)", re.MULTILINE)
ROW = re.compile(r"^[ \t]*(?=\|)[^\n]*\|[ \t]*$|^[^|\n]+(?: \| [^|\n]+){1,50}$", re.MULTILINE)
BREAK_TAG, TAG = re.compile(_tags(BLOCK_TAGS), re.IGNORECASE), re.compile(_tags(INLINE_TAGS), re.IGNORECASE)
# Patterns, and what stands for the match; None for its last character.
INLINE = (
    (re.compile(r"\[\^[^\]\s]{1,20}\]:?[ \t]?"), ""),
    (re.compile(r"(?<=[\w.,;:!?\"”’)])\[\d{1,3}(?:[,–-] ?\d{1,3})*\](?![(\[])"), ""),
    # The joiner stays where it makes one emoji of two.
    (re.compile(r"[\u00ad\u200b\u200c\u200e\u200f\u2060-\u2064\ufeff]|(?<=\w)\u200d|\u200d(?=\w)"), ""),
    (re.compile(r"(?<=[^\W\d_])[-‐]\n[ \t]*(?=[a-zß-öø-ÿ])"), ""),
    (re.compile(r"(?<=[^\W_][-‐])\n[ \t]*(?=[^\W_])"), ""),
    (re.compile(r"\\[*_`#\[\]()~>|.!+-]"), None),
)
AUTOLINK = re.compile(r"<(?P<address>https?://[^<>\s]+|[\w.+-]{1,64}@[\w.-]+)>")
LINK = re.compile(
    r"(?P<open>!?\[)(?P<words>[^\[\]\n]{0,300})"
    r"(?P<close>\](?:\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+[\"'][^\"'\n]*[\"'])?\)|\[[^\[\]\n]{0,100}\]))"
)
# Marks of emphasis stand at the edge of a word; of underscores both sides are looked at, for names of files hold them.
EMPHASIS = re.compile(
    r"(?<![\w*])\*{1,3}(?=[^\s*\d])|(?<=[^\s*(])\*{1,3}(?![\w*])"
    r"|(?<!\w)_{1,3}(?=[^\W_])|(?<=[^\s_])_{1,3}(?!\w)"
    r"|(?<=[^\s~])~~(?!~)|(?<!~)~~(?=[^\s~])|`{1,3}|(?<![=\w])==(?=[^\s=][^=\n]{0,200}(?<!\s)==(?![=\w]))|(?<=[^\s=])==(?![=\w])"
)
ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
LINE_END = re.compile(r"(?<![ \t])[ \t]*(?:\r\n|[\n\r\u2028\u2029])")


def read_markup(text: str) -> Plain:
    """The text without its marks; see the top of this file."""
    if not SIGNS.search(text):
        return Plain(text, [(place, place + 1) for place in range(len(text))])
    edits = _Edits(text)
    _read_lines(edits, text)
    _read_html(edits, text)
    for match in LINK.finditer(text):
        edits.put(*match.span("open"), "")
        edits.put(*match.span("close"), "")
    for pattern, said in INLINE:
        for match in pattern.finditer(text):
            edits.put(*match.span(), match[0][-1] if said is None else said)
    for match in EMPHASIS.finditer(text):
        edits.put(*match.span(), "")
    for start, end, said in list(_line_ends(text, edits)):
        edits.put(start, end, said)
    return edits.apply()


def _read_lines(edits: "_Edits", text: str) -> None:
    """Headings, quotations, lists and tables."""
    for match in EMPTY_LINES.finditer(text):
        edits.put(*match.span(), "")
        # Under a line of text it makes a heading of it.
        edits.end_line(max(match.start() - 1, 0))
    for pattern in (HEADING, QUOTE, BULLET, NUMBERED):
        for match in pattern.finditer(text):
            _take_out(edits, match)
    for match in ROW.finditer(text):
        if edits.is_free(*match.span()):
            _read_row(edits, match)


def _take_out(edits: "_Edits", match: re.Match) -> None:
    """The marks of a heading, of a quotation or of a list item; the number of an item is spoken, and a pause."""
    if match.re is HEADING:
        edits.put(*match.span("start"), "")
        if match["end"]:
            edits.put(*match.span("end"), "")
    elif match.re is NUMBERED:
        edits.put(*match.span("mark"), ",")
    else:
        edits.put(*match.span(), "")
    if match.re is not QUOTE:
        edits.end_line(match.end())


def _read_row(edits: "_Edits", match: re.Match) -> None:
    """A row of a table: commas between its cells."""
    row = match[0]
    for bar in re.finditer(r"[ \t]*\|[ \t]*", row):
        edge = not row[: bar.start()].strip() or not row[bar.end() :].strip()
        edits.put(match.start() + bar.start(), match.start() + bar.end(), "" if edge else ", ")
    edits.end_line(match.end())


def _read_html(edits: "_Edits", text: str) -> None:
    for opening, closing in (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>")):
        start = text.find(opening)
        while start >= 0 and (end := text.find(closing, start)) >= 0:
            edits.put(start, end + len(closing), " ")
            start = text.find(opening, end)
    for match in AUTOLINK.finditer(text):
        edits.put(match.start(), match.start() + 1, "")
        edits.put(match.end() - 1, match.end(), "")
    for match in BREAK_TAG.finditer(text):
        before = text[: match.start()].rstrip()
        open_end = before and before[-1] not in ENDING + ">" and text[match.end() :].strip()
        edits.put(*match.span(), ". " if open_end else " ")
    for match in TAG.finditer(text):
        edits.put(*match.span(), "")
    for match in ENTITY.finditer(text):
        said = html.unescape(match[0])
        if said != match[0]:
            edits.put(*match.span(), " " if said == "\u00a0" else said)


def _line_ends(text: str, edits: "_Edits") -> Iterator[tuple[int, int, str]]:
    """Each line end within a paragraph, and what stands for it: a space, or a full stop and a space."""
    matches = list(LINE_END.finditer(text))
    starts = [0, *(match.end() for match in matches)]
    ends = [*(match.start() for match in matches), len(text)]
    longest = max(end - start for start, end in zip(starts, ends, strict=True))
    for number, match in enumerate(matches):
        start, end, following = starts[number], ends[number], text[match.end() : ends[number + 1]]
        # An empty line ends a paragraph all the same.
        if start == end or not following.strip() or not edits.is_free(*match.span()):
            continue
        bare = edits.kept(start, end).rstrip().rstrip("*_`~\"'”“)]")
        wrapped = end - start >= MIN_WRAPPED and end - start >= 0.7 * longest
        is_open = bare.rpartition(" ")[2].casefold() in OPEN_WORDS
        begins = not is_open and re.match(r"[\"'“„»(]*[^\W_a-zß-öø-ÿ]", following.lstrip())
        stops = start in edits.marked or starts[number + 1] in edits.marked or (begins and not wrapped)
        yield (*match.span(), ". " if stops and bare and bare[-1] not in ENDING else " ")


class _Edits:
    """Stretches of a text and what stands for them; the first that takes a character has it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.edits: list[tuple[int, int, str]] = []
        # Where lines begin that are a heading, an item of a list or a row of a table.
        self.marked: set[int] = set()
        self._free = bytearray(b"\1" * len(text))

    def is_free(self, start: int, end: int) -> bool:
        return 0 not in self._free[start:end]

    def put(self, start: int, end: int, said: str) -> None:
        if start < end and self.is_free(start, end):
            self.edits.append((start, end, said))
            self._free[start:end] = bytes(end - start)

    def end_line(self, place: int) -> None:
        """Notes that the line of this place ends with a pause, and so does the one before it."""
        begin = self.text.rfind("\n", 0, place) + 1
        self.marked.add(begin)
        self.marked.add(begin + len(self.text[begin:place]) - len(self.text[begin:place].lstrip(" \t")))

    def kept(self, start: int, end: int) -> str:
        """What of a stretch is not taken."""
        return "".join(self.text[place] for place in range(start, end) if self._free[place])

    def apply(self) -> Plain:
        characters: list[str] = []
        origins: list[tuple[int, int]] = []
        position = 0
        for start, end, said in [*sorted(self.edits), (len(self.text), len(self.text), "")]:
            characters.extend(self.text[position:start])
            origins.extend((place, place + 1) for place in range(position, start))
            characters.extend(said)
            origins.extend([(start, end)] * len(said))
            position = end
        return Plain("".join(characters), origins)

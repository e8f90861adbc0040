"""Tables of recordings as people have them: which file holds the table, what separates it, which column is which.

A table with a header is read by its header. One without is read as `file|text` or LJSpeech's `file|text|normalised`;
what could be read in two ways is refused with the reading that seems right and the option that settles it.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .clips import DataError

# In order of preference. `manifest.json` is NeMo's, the last ones are Common Voice's.
TABLES = (
    "metadata.csv metadata.tsv metadata.txt metadata.jsonl metadata.json metadata.parquet manifest.json validated.tsv "
    "train.tsv transcripts.csv"
).split()
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
# Names of columns, the better ones first; in any case, and with spaces or hyphens for underscores.
FILE_NAMES = (
    "file_name filename file path audio_file audio_path audio_filepath audio wav wav_file wav_path wav_filename clip id"
).split()
TEXT_NAMES = (
    "text normalized_text normalised_text normalized_transcription transcription transcript sentence normalized "
    "raw_text"
).split()
SPEAKER_NAMES = "speaker speaker_name speaker_id client_id spk".split()
DURATIONS = "durations"
# Share of the rows that have to look like a text, and to agree with another column, for a column to be one.
MOST = 0.6


class Row(NamedTuple):
    """A row as it is written, and its line in the file, counted from 1."""

    file: str
    text: str
    speaker: str
    durations: str
    line: int


@dataclass(frozen=True)
class Columns:
    """What the user says of the columns; what is None is found out.

    Attributes:
        text, file, speaker: names of columns of a header.
        order: of a table without a header, such as `("file", "text", "speaker")`.
    """

    text: str | None = None
    file: str | None = None
    speaker: str | None = None
    order: tuple[str, ...] | None = None


def find_table(folder: Path) -> Path | None:
    """The table of a folder, if it has one of [`TABLES`]."""
    return next((folder / name for name in TABLES if (folder / name).is_file()), None)


def other_tables(folder: Path) -> list[Path]:
    """The files of a folder that could be its table by their endings."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in TABLE_SUFFIXES and path.is_file())


def read_rows(table: Path, columns: Columns = Columns()) -> list[Row]:  # noqa: B008
    """The rows of a table.

    Raises:
        DataError: if it cannot be read, lacks a column, or can be read in two ways.
    """
    if table.suffix == ".parquet":
        return _by_name(table, _parquet_rows(table), columns)
    try:
        # Excel writes its "Unicode text" as UTF-16, with a mark at the start.
        marked = table.read_bytes()[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        content = table.read_text(encoding="utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{table}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from error
    if table.suffix in (".jsonl", ".json"):
        return _by_name(table, _json_rows(table, content), columns)
    if re.match(r"sep=.\r?\n", content):
        raise DataError(f"{table}, line 1: is a note to Excel ({content.split()[0]}), not a row; delete it.")
    separator = _separator(content)
    header = _cells(content.split("\n", 1)[0], separator)
    if columns.order is None and _is_header(header, columns):
        return _by_name(table, _separated_rows(table, content, separator), columns)
    return _without_header(table, content, separator, columns)


def _plain(name: str) -> str:
    return name.strip().strip('"').casefold().replace(" ", "_").replace("-", "_")


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.rstrip("\r").split(separator)]


def _separator(content: str) -> str:
    """What separates columns: the sign that the first line has in it, a comma if it has none."""
    first = content.split("\n", 1)[0]
    return next((sign for sign in ("|", "\t", ";") if sign in first), ",")


def _is_header(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a first line names a column of files or texts; a row has a recording there."""
    names = {_plain(cell) for cell in cells}
    known = {*FILE_NAMES, *TEXT_NAMES} - {"id", "clip", "path", "normalized"}
    chosen = {_plain(name) for name in (columns.text, columns.file, columns.speaker) if name}
    weak = len(names & {*FILE_NAMES}) == 1 and len(names & {*TEXT_NAMES}) == 1
    return bool(names & (known | chosen)) and not any("." in cell[-5:] for cell in cells if cell) or weak


# -- tables with a header ---------------------------------------------------------------------------------------


def _separated_rows(table: Path, content: str, separator: str) -> Iterator[tuple[int, dict]]:
    # Only commas have texts in quotes by habit: in the other tables a quote is a part of the text.
    quoting: Any = csv.QUOTE_MINIMAL if separator in ",;" else csv.QUOTE_NONE
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=separator, quoting=quoting)
    try:
        header = list(reader.fieldnames or ())
        if repeated := {name for name in header if header.count(name) > 1}:
            names = " and ".join(map(repr, sorted(repeated)))
            raise DataError(f"{table}: has several columns {names}; keep one of them.")
        for row in reader:
            # A separator in a text without quotes: the rest of it would be lost.
            if None in row:
                raise DataError(
                    f"{table}, line {reader.line_num}: has more fields than the header; quote texts with commas."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{table}, line {reader.line_num}: {error}; is a quote not closed before it?") from error


def _json_rows(table: Path, content: str) -> Iterator[tuple[int, dict]]:
    """An object a line, or one list of objects."""
    if content.lstrip().startswith("["):
        try:
            content = "\n".join(map(json.dumps, json.loads(content)))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{table}: is not valid JSON ({error}).") from error
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{table}, line {number}: is not valid JSON ({error}).") from error
        if not isinstance(row, dict):
            raise DataError(f"{table}, line {number}: is not a JSON object: {line[:40]!r}.")
        yield number, row


def _parquet_rows(table: Path) -> Iterator[tuple[int, dict]]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(table).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{table}: cannot be read as parquet ({error}).") from error
    yield from enumerate(rows, 1)


def _by_name(table: Path, rows: Iterator[tuple[int, dict]], columns: Columns) -> list[Row]:
    """Rows by the names of their columns."""
    found, names = [], None
    for line, row in rows:
        if names is None:
            names = _columns_of(table, list(row), columns)
        file, text, speaker, durations = (row.get(name) if name is not None else "" for name in names)
        if file is None or text is None:
            raise DataError(f"{table}, line {line}: has fewer fields than the header.")
        if not isinstance(text, str) or not isinstance(file, str):
            raise DataError(
                f"{table}, line {line}: {names[0]!r} and {names[1]!r} must be text, not {file!r}, {text!r}."
            )
        speaker = "" if speaker is None else str(speaker)
        spread = json.dumps(durations) if isinstance(durations, list) else durations or ""
        found.append(Row(file, text, speaker, spread, line))
    return found


def _columns_of(table: Path, header: list[str], columns: Columns) -> tuple[str | None, ...]:
    """The names, as the header writes them, of file, text, speaker and durations."""
    known = {_plain(name): name for name in reversed(header)}
    wanted = (
        ("--audio-column", columns.file, FILE_NAMES),
        ("--text-column", columns.text, TEXT_NAMES),
        ("--speaker-column", columns.speaker, SPEAKER_NAMES),
    )
    found: list[str | None] = []
    for option, chosen, usual in wanted:
        if chosen is not None and _plain(chosen) not in known:
            raise DataError(f"{table}: has no column {chosen!r}, but {header}; choose with {option}.")
        names = [_plain(chosen)] if chosen is not None else usual
        found.append(next((known[name] for name in names if name in known), None))
    missing = [name for name, column in zip(("file_name", "text"), found[:2], strict=True) if column is None]
    if missing:
        raise DataError(
            f"{table}: the column {' and '.join(missing)} is missing from {header}; name it in the first line, or "
            "choose with --audio-column and --text-column."
        )
    return (*found, known.get(DURATIONS))


# -- tables without one -----------------------------------------------------------------------------------------


def _without_header(table: Path, content: str, separator: str, columns: Columns) -> list[Row]:
    if any((columns.text, columns.file, columns.speaker)):
        named = next(name for name in (columns.text, columns.file, columns.speaker) if name)
        raise DataError(f"{table}: has no header with a column {named!r}; give --table-columns file,text,speaker.")
    lines = [(number, line) for number, line in enumerate(content.split("\n"), 1) if line.strip()]
    rows = [(number, [cell.strip() for cell in line.rstrip("\r").split(separator)]) for number, line in lines]
    width = len(rows[0][1]) if rows else 0
    order = columns.order or _guess_order(table, rows, width)
    if not {"file", "text"} <= set(order) <= {"file", "text", "normalised", "speaker", "-"}:
        raise DataError(
            f"--table-columns {','.join(order)}: file and text are required; normalised, speaker and - are optional."
        )
    found = []
    for number, cells in rows:
        if len(cells) < min(width, 2) or (len(cells) > max(len(order), 2)):
            raise DataError(
                f"{table}, line {number}: neither a header with file_name nor LJSpeech's id|text|normalised, but "
                f"{len(cells)} fields; name the columns with --table-columns file,text,speaker."
            )
        values = dict(zip(order, cells, strict=False))
        text = values.get("normalised") or values.get("text", "")
        found.append(Row(values.get("file", ""), text, values.get("speaker", ""), "", number))
    return found


def _guess_order(table: Path, rows: list[tuple[int, list[str]]], width: int) -> tuple[str, ...]:
    """What the columns are, by what they hold.

    Raises:
        DataError: where that leaves a doubt.
    """
    if width <= 2:
        return ("file", "text")
    if width > 3:
        number, cells = rows[0]
        raise DataError(
            f"{table}, line {number}: neither a header with file_name nor LJSpeech's id|text|normalised, but {width} "
            f"fields ({'|'.join(cells)[:80]}); name the columns with --table-columns file,text,speaker."
        )
    second, third = ([cells[place] if len(cells) > place else "" for _, cells in rows] for place in (1, 2))
    if _is_same_text(second, third) or (_is_text(second) and _is_text(third)):
        return ("file", "text", "normalised")
    example = "|".join(rows[0][1])[:80]
    guess = "file,speaker,text" if _is_text(third) and not _is_text(second) else "file,text,speaker"
    raise DataError(
        f"{table}, line {rows[0][0]}: the third column does not look like text ({example}). If the table is {guess}, "
        f"say so with --table-columns {guess}; to leave it out, --table-columns file,text,-."
    )


def _is_text(values: list[str]) -> bool:
    """Whether most of a column are several words."""
    filled = [value for value in values if value]
    worded = [value for value in filled if len(value.split()) > 1 and any(map(str.isalpha, value))]
    return len(worded) >= MOST * max(len(filled), 1)


def _is_same_text(one: list[str], other: list[str]) -> bool:
    """Whether most rows of two columns have the same letters: the second is the first, spelled out, or empty."""
    pairs = [(_letters(a), _letters(b)) for a, b in zip(one, other, strict=True) if b]
    return sum(a == b for a, b in pairs) >= MOST * len(pairs) if pairs else True


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.casefold()))

"""Chooses what to record, or what a teacher should say: the sentences with the most words that a data set lacks.

    python scripts/choose_sentences.py --sentences book.txt --known my_recordings codes/heart --output chosen.txt

A voice reads a word well when it has heard it, or one like it. A random sentence holds mostly words that were heard
before; these are chosen one after the other for the words that they add, frequent words first. `--words`, a list of
words with the most frequent first, adds prompts that string up the words that are still missing.
"""

import argparse
import heapq
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from tts_trm.commands import number_type, run_command
from tts_trm.errors_tts_trm import InputError

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# What every sentence costs besides its letters: the pauses around it. In letters.
PAUSES = 15
# What stands between the words of a prompt that is no sentence; most often a comma, as in a list that is read out.
BETWEEN = (", ", ", ", " ")
WORDS_A_PROMPT = 6


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", nargs="+", type=Path, required=True, help="text files, one sentence a line")
    parser.add_argument(
        "--known", nargs="+", type=Path, default=[], help="what there is already: recordings, tokens or text files"
    )
    parser.add_argument("--count", type=number_type(int, 1), default=1000, help="sentences (default: %(default)s)")
    parser.add_argument("--min-length", type=int, default=25, help="shortest sentence in characters")
    parser.add_argument("--max-length", type=int, default=140, help="longest sentence in characters")
    parser.add_argument("--words", type=Path, help="text file with one word a line, the most frequent first")
    parser.add_argument("--output", type=Path, required=True, help="text file for the chosen sentences")
    return parser.parse_args(arguments)


def read_lines(path: Path) -> list[str]:
    """Lines of a text file, without its empty ones.

    Raises:
        InputError: if there is no such file, or it is not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}).") from error
    return [" ".join(line.split()) for line in lines if line.strip()]


def read_known(path: Path) -> list[str]:
    """The texts of recordings or of tokens, or the lines of a text file."""
    if not path.is_dir():
        return read_lines(path)
    tables = sorted(path.glob("tokens-*.parquet"))
    if tables:
        from tts_trm.data.shards import read_table

        return [text for table in tables for text in read_table(table, ["text"]).column("text").to_pylist()]
    from tts_trm.data.sources import read_sources

    return [clip.text for clip in read_sources([path])]


def words_of(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def count_words(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in words_of(text))


def choose(candidates: Sequence[str], known: Counter[str], count: int) -> list[str]:
    """Up to `count` of the `candidates`, each the one that adds most to `known` and those before it, for its length.

    A word is worth the logarithm of how often the candidates have it, divided by how often it was heard. A sentence
    never gains value, so the greedy choice need only look again at the best (Minoux 1978).
    """
    frequency, heard = count_words(candidates), Counter(known)

    def value(text: str) -> float:
        gained = sum(math.log(1 + frequency[word]) / (1 + 2 * heard[word]) for word in set(words_of(text)))
        return gained / (len(text) + PAUSES)

    queue = [(-value(text), index) for index, text in enumerate(candidates)]
    heapq.heapify(queue)
    chosen: list[str] = []
    while queue and len(chosen) < count:
        before, index = heapq.heappop(queue)
        now = -value(candidates[index])
        if queue and now > queue[0][0]:
            heapq.heappush(queue, (now, index))
            continue
        chosen.append(candidates[index])
        heard.update(words_of(candidates[index]))
    return chosen


def string_up(words: Sequence[str], seed: int = 0) -> list[str]:
    """Prompts of six words each, with commas between most of them: `Aster, quarry benign, lodge, ...`."""
    generator, prompts = random.Random(seed), []
    for first in range(0, len(words), WORDS_A_PROMPT):
        some = list(words[first : first + WORDS_A_PROMPT])
        generator.shuffle(some)
        text = some[0] + "".join(generator.choice(BETWEEN) + word for word in some[1:])
        prompts.append(text[0].upper() + text[1:] + ".")
    return prompts


def choose_sentences(options: argparse.Namespace) -> None:
    known = count_words(text for path in options.known for text in read_known(path))
    wanted = list(count_words(read_lines(options.words))) if options.words else []
    lines = dict.fromkeys(line for path in options.sentences for line in read_lines(path))
    candidates = [line for line in lines if options.min_length <= len(line) <= options.max_length]
    if not candidates:
        raise InputError(f"{options.sentences[0]}: holds no sentence of the wanted length.")
    chosen = choose(candidates, known, options.count)
    with_them = known + count_words(chosen)
    chosen += string_up([word for word in wanted if word not in with_them])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    print(f"{len(chosen)} prompts, {sum(map(len, chosen))} characters -> {options.output}")
    print(f"words: {len(known)} before, {len(known + count_words(chosen))} with them")
    if wanted:
        print(f"of the {len(wanted)} in {options.words}: {sum(word in known for word in wanted)} before, all with them")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: choose_sentences(options))


if __name__ == "__main__":
    sys.exit(main())

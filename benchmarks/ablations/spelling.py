"""What reading characters instead of phonemes costs: words misheard, by how regularly they are spelled.

    python benchmarks/ablations/spelling.py --data-dir recordings/kathleen
    python benchmarks/ablations/spelling.py --evaluation evaluation.json --report

A word is regular if its letters predict its pronunciation. Every letter is taken to emit 0, 1 or 2 phones; how likely
each is, given the letter and its two neighbours, is fitted by expectation-maximisation on a pronunciation dictionary
without the words that are then judged. The regularity of a word is the log probability, in nats per letter, of its
first pronunciation in the dictionary, summed over all alignments. Which words were heard right is read from what
`scripts/evaluate_voice.py --output` wrote; words heard in addition are not counted, so shares are below error rates.

The most irregular words are also the most frequent ones (of, to, the, two), which a voice may know by heart. With
`--data-dir` words are therefore split by how many training texts hold them, too, and the rare ones by regularity.
`--report` also writes the tables between `<!-- table: spelling -->` and `<!-- end -->` in `docs/ablations.md`.
"""

import argparse
import functools
import json
import math
import random
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401


ROOT = Path(__file__).resolve().parents[2]

EVALUATION = ROOT / "docs" / "results" / "tts-trm-mini.json"
PAGE = ROOT / "docs" / "ablations.md"
# Of the dictionary: 15 seconds.
FITTED_WORDS = 20_000
# Each with twice as many words as the one before: the first ones only have to find the letters' main phones.
ROUNDS = 6
FIRST_WORDS = 500
# Share of a word's probability below which an emission is not counted.
NEGLIGIBLE = 1e-3
# Of US English in the dictionary, which has no stress.
PHONES = 39
# Of each string of 0, 1 or 2 phones, before a letter is known.
PRIOR = (0.2, 0.7 / PHONES, 0.1 / PHONES**2)
PRIOR_COUNT = (
    # Letters that a guess from less context counts as; of 1, 2, 4 and 8 the last two predict unseen words best.
    4.0
)
# Phones of a letter.
MAX_PHONES = len(PRIOR) - 1
# Training texts: the most of a rare word, and of one that is not yet common.
RARE, COMMON = 3, 15
HEADINGS = "words | distinct | spoken | nats per letter | examples"

Phones = tuple[str, ...]
Probability = Callable[[str, Phones], float]


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--evaluation", type=Path, default=EVALUATION, help="JSON (default: docs/results/tts-trm-mini.json)"
    )
    parser.add_argument("--dictionary", type=Path, help="one `word PHONE PHONE` per line (default: pocketsphinx's)")
    parser.add_argument(
        "--data-dir",
        nargs="+",
        help="training data, folders with metadata.csv: also split words by how often they are there",
    )
    parser.add_argument("--report", action="store_true", help="write the tables into docs/ablations.md")
    return parser.parse_args(arguments)


def read_dictionary(path: Path | None = None) -> dict[str, Phones]:
    """The first pronunciation of every word of letters and apostrophes; without a path pocketsphinx's dictionary."""
    if path is None:
        try:
            from pocketsphinx import get_model_path
        except ImportError as error:
            raise ImportError("No dictionary: pip install 'tts-trm[eval]', or name one with --dictionary.") from error
        path = Path(get_model_path("en-us/cmudict-en-us.dict"))
    dictionary: dict[str, Phones] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.lower().split() or [""]
        # Unlike `read(2)`, a second pronunciation.
        if phones and word.replace("'", "").isalpha():
            dictionary.setdefault(word, tuple(phones))
    if not dictionary:
        raise ValueError(f"--dictionary {path}: holds no word; write one `word PHONE PHONE` a line.")
    return dictionary


def contexts(word: str) -> list[str]:
    """Each letter, the next one and the previous one: "the" is `["th ", "het", "e h"]`. A prefix is less context."""
    padded = f" {word} "
    return [padded[i] + padded[i + 1] + padded[i - 1] for i in range(1, len(word) + 1)]


class Alignments:
    """All ways in which S letters can emit P phones.

    Args:
        word: the letters.
        phones: the pronunciation.
        probability: what [`fit`] returns.
    """

    def __init__(self, word: str, phones: Phones, probability: Probability):
        size = len(phones)
        # [S + 1][P + 1]: probability of all ways from the start to so many letters and phones
        self.ahead = [[1.0] + [0.0] * size, *([0.0] * (size + 1) for _ in word)]
        self.edges = []
        for i, context in enumerate(contexts(word)):
            row, following = self.ahead[i], self.ahead[i + 1]
            # the letters that are left must be able to emit the phones that are left
            for j in range(max(0, size - MAX_PHONES * (len(word) - i)), min(MAX_PHONES * i, size) + 1):
                for k in range(j, min(j + MAX_PHONES, size) + 1):
                    emitted = phones[j:k]
                    p = probability(context, emitted)
                    following[k] += row[j] * p
                    self.edges.append((i, j, k, context, emitted, p))
        # 0 if there are too many phones.
        self.total = self.ahead[-1][-1]

    def expectations(self) -> Iterator[tuple[str, Phones, float]]:
        """How often each context emits what, in the mean over all ways; without what is negligible."""
        behind = [[0.0] * len(row) for row in self.ahead]
        behind[-1][-1] = 1.0
        for i, j, k, context, emitted, p in reversed(self.edges):
            onward = p * behind[i + 1][k]
            behind[i][j] += onward
            if self.ahead[i][j] * onward > NEGLIGIBLE * self.total:
                yield context, emitted, self.ahead[i][j] * onward / self.total


def fit(dictionary: dict[str, Phones]) -> Probability:
    """Probability of the phones that a letter emits, by a context as [`contexts`] gives it, or a prefix of one.

    Letters emit nothing, a phone or two as in Black, Lenzo & Pagel 1998, "Issues in building general letter to sound
    rules" (ESCA Workshop on Speech Synthesis), but all that may be emitted is learned, with soft counts. What a rare
    context emits is interpolated with what a shorter one does (MacKay & Peto 1995, "A hierarchical Dirichlet language
    model", Natural Language Engineering 1).
    """
    words = random.Random(0).sample(sorted(dictionary), min(FITTED_WORDS, len(dictionary)))
    counts: dict[str, dict[Phones, float]] = {}
    for later_rounds in reversed(range(ROUNDS)):
        probability, counts = interpolated(counts), defaultdict(lambda: defaultdict(float))
        for word in words[: max(FIRST_WORDS, len(words) >> later_rounds)]:
            for context, emitted, expected in Alignments(word, dictionary[word], probability).expectations():
                for length in range(1, len(context) + 1):
                    counts[context[:length]][emitted] += expected
    return interpolated(counts)


def interpolated(counts: dict[str, dict[Phones, float]]) -> Probability:
    """Probabilities from how often each context emitted what; a context without counts does as its prefix does."""
    totals = {context: sum(emissions.values()) for context, emissions in counts.items()}

    @functools.cache
    def probability(context: str, emitted: Phones) -> float:
        if not context:
            return PRIOR[len(emitted)]
        seen, guess = counts.get(context, {}).get(emitted, 0.0), probability(context[:-1], emitted)
        return (seen + PRIOR_COUNT * guess) / (totals.get(context, 0.0) + PRIOR_COUNT)

    return probability


def regularity(word: str, phones: Phones, probability: Probability) -> float:
    """Log probability of the pronunciation, in nats per letter; -inf if there are too many phones."""
    total = Alignments(word, phones, probability).total
    return math.log(total) / len(word) if total else -math.inf


class Spoken(NamedTuple):
    """A word in its place."""

    word: str
    sentence: int
    # One value for every system.
    misheard: tuple[bool, ...]


def read_evaluation(path: Path) -> dict:
    """What `scripts/evaluate_voice.py` measured of the speakers whose words were recognised."""
    if not path.is_file():
        raise ValueError(f"--evaluation {path}: no such file; scripts/evaluate_voice.py --output writes one.")
    try:
        evaluation = json.loads(path.read_text(encoding="utf-8"))
        heard = {name: speaker for name, speaker in evaluation["speakers"].items() if speaker["heard"]}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"--evaluation {path}: not by scripts/evaluate_voice.py --output ({error!r}).") from error
    if not heard:
        raise ValueError(
            f"--evaluation {path}: no words were heard of {', '.join(evaluation['speakers'])}; run "
            "scripts/evaluate_voice.py with a --recognizer that knows the language."
        )
    return evaluation | {"speakers": heard}


def spoken_words(evaluation: dict) -> tuple[tuple[str, ...], list[Spoken]]:
    """The systems (recordings, the codec at all its levels, the model), and every word that they were to say."""
    from tts_trm.evaluation.word_metrics import checked_references

    spoken, sentence = [], 0
    for speaker in evaluation["speakers"].values():
        # In the order in which they are written.
        recordings, *_, codec, model = systems = tuple(speaker["heard"])
        systems = recordings, codec, model
        heard = zip(*(speaker["heard"][system] for system in systems), strict=True)
        for text, versions in zip(checked_references(speaker["texts"]), heard, strict=True):
            right = [right_words(text, version) for version in versions]
            for position, word in enumerate(text.split()):
                spoken.append(Spoken(word, sentence, tuple(position not in system for system in right)))
            sentence += 1
    return systems, spoken


def right_words(reference: str, heard: str) -> set[int]:
    """Positions of the plain words of `reference` that were heard, in the cheapest alignment of the two (jiwer)."""
    import jiwer

    from tts_trm.evaluation.word_metrics import plain_words

    chunks = jiwer.process_words(reference, plain_words(heard)).alignments[0]
    equal = (range(chunk.ref_start_idx, chunk.ref_end_idx) for chunk in chunks if chunk.type == "equal")
    return {position for positions in equal for position in positions}


def table(groups: dict[str, list[str]], systems: tuple[str, ...], spoken: list[Spoken], scores: dict) -> str:
    """Shares of misheard words in Markdown.

    Args:
        groups: distinct words of each row, from irregular to regular; a row without words is left out.
        systems: names, of which the last is compared with the one before.
        spoken: all words.
        scores: regularity of the words that have one.
    """
    lines = [f"| {HEADINGS} | {' | '.join(systems)} | {systems[-1]} - {systems[-2]} |"]
    lines += ["|---" * (lines[0].count("|") - 1) + "|"]
    for name, words in groups.items():
        chosen = [occurrence for occurrence in spoken if occurrence.word in words]
        if chosen:
            known = [word for word in words if word in scores]
            shown, middle = known or words, "-"
            if known:
                middle = f"{statistics.median(scores[word] for word in known):.2f}"
            examples = ", ".join(dict.fromkeys((shown[0], shown[len(shown) // 2], shown[-1])))
            shares = [sum(misheard) / len(chosen) for misheard in zip(*(word.misheard for word in chosen), strict=True)]
            cells = [name, len(words), len(chosen), middle, examples, *(f"{100 * share:.1f} %" for share in shares)]
            lines.append(f"| {' | '.join(map(str, cells))} | {difference(chosen)} |")
    return "\n".join(lines)


def difference(spoken: list[Spoken]) -> str:
    """Difference in points between the last two systems, and its 95 % interval over sentences."""
    from tts_trm.evaluation.word_metrics import bootstrap_interval

    # By sentence, of those that hold one of the words.
    errors, sizes = defaultdict(int), defaultdict(int)
    for occurrence in spoken:
        *_, codec, model = occurrence.misheard
        errors[occurrence.sentence] += model - codec
        sizes[occurrence.sentence] += 1
    low, high = bootstrap_interval(list(errors.values()), list(sizes.values()))
    return f"{100 * sum(errors.values()) / len(spoken):+.1f} ({100 * low:.0f} to {100 * high:.0f})"


def training_texts(folders: list[str], held_out: float) -> Counter:
    """By word how many different texts hold it, of those that training did not hold out."""
    from tts_trm.data.held_out import is_held_out
    from tts_trm.data.recordings import read_folder
    from tts_trm.evaluation.word_metrics import plain_words

    texts = {plain_words(clip.text) for folder in folders for clip in read_folder(folder)}
    return Counter(word for text in texts if not is_held_out(text, held_out) for word in set(text.split()))


def by_regularity(ranked: list[str], names: list[str]) -> dict[str, list[str]]:
    """As many parts as names, of equal numbers of distinct words."""
    bounds = [len(ranked) * part // len(names) for part in range(len(names) + 1)]
    return {name: ranked[bounds[part] : bounds[part + 1]] for part, name in enumerate(names)}


def by_training(ranked: list[str], unknown: list[str], texts: Counter) -> dict[str, list[str]]:
    """Words by the number of training texts that hold them; the rare ones that are `ranked` also by regularity."""
    words = [*ranked, *unknown]
    rare = [word for word in ranked if texts[word] <= RARE]
    return {
        "in no training text": [word for word in words if texts[word] == 0],
        f"in 1 to {RARE}": [word for word in words if 1 <= texts[word] <= RARE],
        f"in {RARE + 1} to {COMMON}": [word for word in words if RARE < texts[word] <= COMMON],
        f"in more than {COMMON}": [word for word in words if texts[word] > COMMON],
        **by_regularity(rare, [f"in 0 to {RARE}: irregular half", f"in 0 to {RARE}: regular half"]),
    }


def report(command) -> str:
    """All tables of a command line, in Markdown."""
    evaluation = read_evaluation(command.evaluation)
    dictionary = read_dictionary(command.dictionary)
    texts = training_texts(command.data_dir, evaluation["held_out"]) if command.data_dir else None
    systems, spoken = spoken_words(evaluation)
    words = {occurrence.word for occurrence in spoken}
    probability = fit({word: phones for word, phones in dictionary.items() if word not in words})
    scores = {word: regularity(word, dictionary[word], probability) for word in words & set(dictionary)}
    ranked = sorted(scores, key=lambda word: (scores[word], word))
    unknown = sorted(words - set(scores))
    groups = by_regularity(ranked, ["irregular third", "middle third", "regular third"])
    groups |= {"not in the dictionary": unknown, "all": [*ranked, *unknown]}
    sentences = len({occurrence.sentence for occurrence in spoken})
    parts = [f"{sentences} sentences of {' and '.join(evaluation['speakers'])}, heard by {evaluation['recognizer']}:"]
    parts += [table(groups, systems, spoken, scores)]
    parts += [] if texts is None else [table(by_training(ranked, unknown, texts), systems, spoken, scores)]
    return "\n\n".join(parts) + "\n"


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    try:
        tables = report(command)
        print(tables)
        if command.report:
            from tts_trm.benchmarks.common.markdown_tables import write_table

            write_table(PAGE, "spelling", tables)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

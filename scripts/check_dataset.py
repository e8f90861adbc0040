"""Checks recordings and texts before training: unreadable, clipped, noisy, silent, mistyped, mismatched clips.

    python scripts/check_dataset.py --data-dir my_recordings
    python scripts/check_dataset.py --data-dir my_recordings --from-pretrained pretrained/tts-trm-mini --plot check.png

Prints the amount of speech per speaker, then all problems, worst first. The exit code is 1 if training would skip a
clip or stop at it.
"""

import argparse
import csv
import os
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import run_command

# Problems of a kind; the report has all.
SHOWN = 5


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", nargs="+", required=True, help="folders with metadata.csv, or Hub names")
    parser.add_argument(
        "--table-columns", help="columns of tables without a header: file,text,speaker; - skips a column"
    )
    parser.add_argument("--text-column", default="text", help="name of the text column of a Hub data set")
    parser.add_argument("--audio-column", default="audio", help="name of the audio column of a Hub data set")
    parser.add_argument("--speaker-column", default="speaker", help="name of the speaker column of a Hub data set")
    parser.add_argument("--split", default="train", help="split of a Hub data set; join several with +")
    parser.add_argument("--dataset-config", help="configuration of a Hub data set that has several")
    parser.add_argument("--languages", nargs="+", default=["en"], help="languages of the texts, as for run_training.py")
    parser.add_argument(
        "--from-pretrained", metavar="VOICE", help="voice to fine-tune; letters that are new to it are listed"
    )
    parser.add_argument(
        "--max-audio-frames", type=int, help="longest clip, in frames of 80 ms (default: the voice's, or 256)"
    )
    parser.add_argument(
        "--max-text-length", type=int, help="longest text, in characters (default: the voice's, or 512)"
    )
    parser.add_argument("--plot", type=Path, help="PNG of lengths, levels and speech rates")
    parser.add_argument("--report", type=Path, help="CSV file of all problems: file_name, speaker, kind, problem")
    parser.add_argument("--num-workers", type=int, default=os.cpu_count() or 1, help="number of files read in parallel")
    return parser.parse_args(arguments)


def check(options: argparse.Namespace) -> int:
    from tts_trm.data.checks import ERROR, KINDS, draw_dataset, find_problems, measure_all
    from tts_trm.data.sources import read_chosen
    from tts_trm.text_tts_trm import normalize_text
    from tts_trm.training.options import build_parser, read_languages, read_sizes

    languages = read_languages(options.languages)
    clips = read_chosen(options)
    known = known_letters(options.from_pretrained) if options.from_pretrained else frozenset()
    sizes = read_sizes(options.from_pretrained) if options.from_pretrained else vars(build_parser().parse_args([]))
    limits = {name: getattr(options, name) or sizes[name] for name in ("max_audio_frames", "max_text_length")}

    def speak(text: str, speaker: str) -> tuple[str, Counter]:
        spoken = normalize_text(text, languages.get(speaker, languages[""])).text
        return spoken, Counter(character for character in spoken if is_silent(character))

    measured = measure_all(clips, speak, options.num_workers)
    problems = find_problems(measured, **limits, known_letters=known)
    print(summary(measured))
    if options.from_pretrained:
        new = sorted({x for one in measured for x in one.spoken.casefold() if x.isalpha()} - known)
        print(f"Letters that {options.from_pretrained} has to learn: {' '.join(new) or 'none'}")
    for kind, (severity, title, advice) in KINDS.items():
        found = [problem for problem in problems if problem.kind == kind]
        if found:
            print(f"\n{severity}: {len(found)} {title} ({advice})")
            print("\n".join(f"  {problem.name}: {problem.message}" for problem in found[:SHOWN]))
            if len(found) > SHOWN:
                print(f"  and {len(found) - SHOWN} more" + ("" if options.report else "; --report FILE names them all"))
    if options.report:
        with open(options.report, "w", newline="", encoding="utf-8") as file:
            rows = [(problem.name, problem.speaker, problem.kind, problem.message) for problem in problems]
            csv.writer(file).writerows([("file_name", "speaker", "kind", "problem"), *rows])
    if options.plot:
        draw_dataset(options.plot, measured, problems)
    errors = {(problem.name, problem.speaker) for problem in problems if KINDS[problem.kind].severity == ERROR}
    suspects = {(problem.name, problem.speaker) for problem in problems} - errors
    print(f"\n{len(clips)} clips: {len(errors)} to repair, {len(suspects)} to listen to.")
    return 1 if errors else 0


def is_silent(character: str) -> bool:
    """Whether a character of a spoken text is neither letter, mark of one, space nor punctuation."""
    return unicodedata.category(character)[0] in "SC"


def known_letters(voice: str) -> frozenset[str]:
    from tts_trm.training.finetuning import alphabet_and_speakers

    return frozenset(alphabet_and_speakers(voice)[0])


def summary(measured: list) -> str:
    """Minutes, clips and sampling rates by speaker."""
    groups = defaultdict(list)
    for one in measured:
        groups[one.clip.speaker].append(one)
    lines = []
    for speaker, group in sorted(groups.items()):
        usable = [one for one in group if one.error is None]
        rates = ", ".join(f"{rate / 1000:g}" for rate in sorted({one.sampling_rate for one in usable}))
        minutes = sum(one.seconds for one in usable) / 60
        texts = len({one.spoken for one in usable})
        lines.append(f"{speaker}: {minutes:.1f} minutes in {len(usable)} clips, {texts} texts, {rates or '-'} kHz")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: check(options))


if __name__ == "__main__":
    sys.exit(main())

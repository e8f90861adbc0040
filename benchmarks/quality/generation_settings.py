"""Has one finished voice speak in many ways, to see which settings of `generate` are best; trains nothing.

    python benchmarks/quality/generation_settings.py --model pretrained/tts-trm-mini --data-dir recordings/kathleen
    python benchmarks/quality/generation_settings.py --report

Every row says the same held-out sentences. Whisper writes down what it hears, and DNSMOS rates the sound where it is
installed (`pip install '.[ears]'`). Rows that `--output` has of this voice and these sentences are skipped, so the
command can be stopped and started again. `--report` measures nothing: it writes the rows of the voice that was measured
last between `<!-- table: speaking -->` and `<!-- end -->` in `docs/ablations.md`.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.ablations.run_ablations import ROOT, append_result, read_results
from tts_trm.benchmarks.common.markdown_tables import write_table
from tts_trm.commands import BUNDLED_VOICE, number_type
from tts_trm.scripts.synthesize import SynthesisError

RESULTS = ROOT / "docs" / "results" / "speaking.json"
PAGE = ROOT / "docs" / "ablations.md"
HEADINGS = "words wrong | characters wrong | DNSMOS overall / P.808 | s per s"
# Of what is drawn, the same for every sentence.
SEED = 0
# Rows that agree in these can be compared.
KEY = ("voice", "recognizer", "speaker", "held_out", "sentences")
RECORDINGS, CODEC = "recordings", "codec, all codebooks"


class Row(NamedTuple):
    """One way of speaking, and the table that it stands in."""

    table: str
    name: str
    # Of `generate`, on top of `BASE`.
    settings: dict = {}
    # Only the first so many are decoded.
    codebooks: int | None = None


# given in every row: the defaults of a checkpoint may change, and the rows that are there should not change with them
BASE = {"sharpness": 0.75, "do_sample": False}
DRAWN = {"do_sample": True, "temperature": 0.6, "top_k": 50}
ROWS = [
    Row("Not the model", RECORDINGS),
    Row("Not the model", CODEC),
    *(Row("Sharpness", f"sharpness {value}", {"sharpness": value}) for value in (0.0, 0.25, 0.5)),
    Row("Sharpness", "sharpness 0.75 (default, as in all rows below)"),
    Row("Sharpness", "sharpness 1.0", {"sharpness": 1.0}),
    *(Row("Drawn codes", f"temperature {t}, top 50", DRAWN | {"temperature": t}) for t in (0.3, 0.6, 1.0)),
    Row("Drawn codes", "temperature 0.6, top 5", DRAWN | {"top_k": 5}),
    Row("Drawn codes", "temperature 0.6, all codes", DRAWN | {"top_k": 0}),
    Row("Drawn codes", "temperature 0.6, top 50, codebook 0 only", DRAWN | {"greedy_from_codebook": 1}),
    Row("Drawn codes", "temperature 0.6, top 50, codebooks 0-7 only", DRAWN | {"greedy_from_codebook": 8}),
    Row("Drawn codes", "temperature 0.6, top 50, sharpness 0", DRAWN | {"sharpness": 0.0}),  # drawn, not spread
    *(Row("Decoded codebooks", f"first {number} codebooks", codebooks=number) for number in (8, 16)),
    *(Row("High-level cycles", f"h_cycles {number}", {"h_cycles": number}) for number in (1, 3, 4)),
]


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(BUNDLED_VOICE), help="folder or Hub id (default: the bundled voice)")
    parser.add_argument("--data-dir", nargs="+", help="folders with metadata.csv and audio")
    parser.add_argument("--speaker", help="whose sentences (default: the first one whose words the recogniser knows)")
    parser.add_argument(
        "--held-out", type=number_type(float, 0, 1), default=0.04, help="share of sentences that training left out"
    )
    parser.add_argument("--sentences", type=number_type(int, 1), default=40, help="at most so many (default: 40)")
    parser.add_argument("--recognizer", help="as for evaluate_voice.py (default: Whisper base)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON (default: docs/results/speaking.json)")
    parser.add_argument("--report", action="store_true", help="write the tables into docs/ablations.md")
    command = parser.parse_args(arguments)
    if not command.report and not command.data_dir:
        parser.error("give --data-dir with recordings, or --report to write the tables alone")
    return command


class Studio:
    """A voice, recordings of sentences that it has never seen, and how a row of them is spoken and measured.

    Args:
        command: the parsed command line.

    Raises:
        SynthesisError, ValueError: if the voice cannot be loaded, lacks the speaker, or refuses all the sentences; if
            no sentence is held out, or the recogniser does not know the words.
    """

    def __init__(self, command):
        from tts_trm.data.sources import read_sources
        from tts_trm.evaluation.evaluator import held_out_clips
        from tts_trm.evaluation.quality import load_quality
        from tts_trm.evaluation.recognizers import load_recognizer
        from tts_trm.speaking.voice import Voice
        from tts_trm.text_tts_trm import language_family

        self.recognizer, self.quality = load_recognizer(command.recognizer), load_quality()
        held_out = held_out_clips(read_sources(command.data_dir), command.held_out, command.speaker)
        speaker, clips = first_known(held_out, self.recognizer)
        voice = Voice.from_pretrained(command.model, device="cpu")
        self.model, self.processor = voice.model, voice.processor
        # Refuses a stranger before anything is measured.
        self.processor.speaker_to_id(speaker)
        self.rate = self.processor.sampling_rate
        # no row changes how long a sentence is, so what is refused once is always refused
        self.clips = [clip for clip in clips[: command.sentences] if self._accepts(clip)]
        if not self.clips:
            raise ValueError(f"The voice refuses all sentences of {speaker!r}; choose another one by --speaker.")
        self.recordings = [clip.load(self.rate) for clip in self.clips]
        self.language = language_family(self.processor.languages[self.processor.speaker_to_id(speaker)])
        key = (voice_name(command.model), self.recognizer.name, speaker, command.held_out, len(self.clips))
        self.key = dict(zip(KEY, key, strict=True))

    def _accepts(self, clip) -> bool:
        try:
            self._generate(clip, {})
        except ValueError as error:
            print(f"left out: {clip.text!r}: {error}", flush=True)
            return False
        return True

    def _generate(self, clip, settings: dict):
        """Codes `[1, K, T]` of the clip's text."""
        import torch

        inputs = self.processor(text=clip.text, speaker=clip.speaker)
        return self.model.generate(**inputs, **BASE | settings, generator=torch.Generator().manual_seed(SEED))

    def render(self, row: Row) -> tuple[list, float | None]:
        """Samples `[L]` of every sentence, and the seconds of one core that `generate` took for a second of them."""
        if row.name == RECORDINGS:
            return self.recordings, None
        if row.name == CODEC:
            codes = [self.processor(audio=wave, sampling_rate=self.rate)["audio_codes"] for wave in self.recordings]
            return [self.processor.decode(item)[0].numpy() for item in codes], None
        started = time.process_time()
        codes = [self._generate(clip, row.settings) for clip in self.clips]
        seconds = time.process_time() - started
        waves = [self.processor.decode(item[:, : row.codebooks])[0].numpy() for item in codes]
        return waves, seconds * self.rate / sum(map(len, waves))

    def _normalized(self, text: str) -> str:
        return self.recognizer.normalize(text, self.language)

    def measure(self, row: Row) -> dict:
        """Everything that the report says of a row, as JSON takes it."""
        from tts_trm.evaluation.word_metrics import WordErrorRate

        waves, seconds = self.render(row)
        result = {**self.key, "name": row.name, "settings": BASE | row.settings, "codebooks": row.codebooks}
        heard = [self._normalized(self.recognizer(wave, self.rate, self.language)) for wave in waves]
        texts = [self._normalized(clip.text) for clip in self.clips]
        result |= WordErrorRate(keep_in_memory=True).compute(predictions=heard, references=texts, seed=SEED)
        if self.quality:
            rated = [self.quality(wave, self.rate) for wave in waves]
            result |= {name: sum(rates[name] for rates in rated) / len(rated) for name in rated[0]}
        return result | {"seconds_per_audio_second": seconds, "when": time.strftime("%Y-%m-%d")}


def first_known(held_out: dict[str, list], recognizer) -> tuple[str, list]:
    """The first speaker whose words `recognizer` knows, and her clips; raises `ValueError` if there is none."""
    for speaker, clips in held_out.items():
        if recognizer.knows([clip.text for clip in clips]):
            return speaker, clips
    raise ValueError(
        f"{recognizer.name} does not know the words of {', '.join(held_out)}; give another --speaker, or a "
        "--recognizer of their language."
    )


def voice_name(model: str) -> str:
    """The name of a checkpoint's folder and a hash of its weights: another training is another voice."""
    import hashlib

    from transformers.utils import cached_file

    weights = Path(cached_file(model, "model.safetensors")).read_bytes()
    return f"{Path(model).resolve().name} {hashlib.sha256(weights).hexdigest()[:8]}"


def tables(results: list[dict]) -> str:
    """The rows of the voice that was measured last, as tables in Markdown."""
    if not results:
        return "\nNot run yet.\n\n"
    last = results[-1]
    of_row = {result["name"]: result for result in results if all(result[name] == last[name] for name in KEY)}
    spoken = f"{last['sentences']} held-out sentences of {last['speaker']}"
    lines = ["", f"Voice {last['voice']}, {spoken}, heard by {last['recognizer']}.", ""]
    rows = [row for row in ROWS if row.name in of_row]
    for title in dict.fromkeys(row.table for row in rows):
        lines += [f"| {title} | {HEADINGS} |", "|" + "---|" * (HEADINGS.count("|") + 2)]
        lines += [f"| {row.name} | {' | '.join(cells(of_row[row.name]))} |" for row in rows if row.table == title]
        lines.append("")
    return "\n".join(lines) + "\n"


def cells(result: dict) -> list[str]:
    """One result as the cells of a line; `-` where a row has no such measure."""
    low, high = result["word_error_interval"]
    seconds = result["seconds_per_audio_second"]
    rated = "dnsmos_overall" in result
    return [
        f"{100 * result['word_error_rate']:.1f} % ({100 * low:.0f}-{100 * high:.0f})",
        f"{100 * result['character_error_rate']:.1f} %",
        f"{result['dnsmos_overall']:.2f} / {result['dnsmos_p808']:.2f}" if rated else "-",
        "-" if seconds is None else f"{seconds:.3f}",
    ]


def run_rows(command) -> None:
    """Measures the rows that the results lack, and appends each as it is done."""
    import torch

    # One core, so that other programs disturb less.
    torch.set_num_threads(1)
    studio = Studio(command)
    for row in ROWS:
        key = studio.key | {"name": row.name}
        done = any(key.items() <= result.items() for result in read_results(command.output))
        if not done and (row.codebooks or 1) <= studio.model.config.num_codebooks:
            result = studio.measure(row)
            append_result(command.output, result)
            print(f"{row.name}: {' | '.join(cells(result))}", flush=True)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    try:
        if command.report:
            write_table(PAGE, "speaking", tables(read_results(command.output)))
        else:
            run_rows(command)
    except (SynthesisError, ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

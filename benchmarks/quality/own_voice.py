"""How many minutes of a new speaker a bundled voice needs, and what becomes of those that it knew.

    pip install '.[ears]'
    python scripts/make_synthetic_speech.py --sentences FILE --teacher kokoro --voices am_puck --output-dir puck ...
    python benchmarks/quality/own_voice.py --data-dir puck

Sentences that no training sees, also not the bundled voice's (a hash holds them out), are kept for the test. Of the
others so many minutes are taken, the voice is fine-tuned on them with `run_training.py`, and speaks the test sentences.
Whisper says which words it hears, in the new speaker's voice and in one that it knew before; DNSMOS rates the sound,
and resemblyzer says how much it is the new speaker's voice.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import RESULTS, ROOT, machine, table, write_results

NAME = "own_voice"
# Share of the sentences that trainings leave out unless told otherwise.
HELD_OUT = 0.04
PAGE = ROOT / "docs" / "train-your-voice.md"


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with the recordings of one speaker")
    parser.add_argument("--model", default=str(ROOT / "pretrained" / "tts-trm-mini"), help="the voice to start from")
    parser.add_argument("--known-speaker", default="kathleen", help="of that voice, heard before and after")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 5, 20], help="of speech to learn from")
    parser.add_argument("--body-lr", type=float, nargs="+", default=[1.0, 0.1, 0.0], help="as for run_training.py")
    parser.add_argument("--max-steps", type=int, default=300, help="of each training")
    parser.add_argument("--lr", type=float, default=1e-3, help="of each training")
    parser.add_argument("--sentences", type=int, default=40, help="for the test (default: %(default)s)")
    parser.add_argument("--recognizer", default="base", help="Whisper's size or folder (default: %(default)s)")
    parser.add_argument(
        "--work-dir", type=Path, default=ROOT / "outputs" / "own_voice", help="gets data and checkpoints"
    )
    return parser.parse_args(arguments)


def take_minutes(clips: list, minutes: float, folder: Path) -> float:
    """Copies the first clips that make up so many minutes into a data set of their own; returns the true minutes."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    rows, seconds = [("file_name", "text", "speaker")], 0.0
    for clip in clips:
        if seconds >= 60 * minutes:
            break
        name = Path(clip.audio).name
        shutil.copyfile(clip.audio, folder / name)
        rows.append((name, clip.text, clip.speaker))
        seconds += soundfile.info(clip.audio).duration
    with open(folder / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return seconds / 60


def fine_tune(command, data: Path, output: Path, body_lr: float) -> None:
    """Runs a training, or the rest of an interrupted one."""
    options = {
        "--data-dir": data,
        "--from-pretrained": command.model,
        "--output-dir": output,
        "--max-steps": command.max_steps,
        "--lr": command.lr,
        "--body-lr": body_lr,
        "--eval-interval": max(1, command.max_steps // 12),
        "--num-workers": 1,
    }
    words = [str(word) for pair in options.items() for word in pair]
    with open(f"{output}.log", "w") as log:
        subprocess.run(
            [sys.executable, ROOT / "run_training.py", *words, "--no-tensorboard"], stdout=log, stderr=log, check=True
        )


class Listener:
    """Hears the test sentences."""

    def __init__(self, clips: list, recognizer: str):
        from tts_trm.evaluation.quality import SpeechQuality
        from tts_trm.evaluation.recognizers import load_recognizer
        from tts_trm.evaluation.speaker_encoders import load_speaker_encoder

        self.clips, self.recognizer = clips, load_recognizer(recognizer)
        self.encoder, self.quality = load_speaker_encoder("resemblyzer"), SpeechQuality()

    def hear(self, waveforms: list, rate: int) -> dict:
        """Errors of words, mean of DNSMOS, mean cosine with the mean embedding of the other sentences' recordings."""
        import numpy as np

        from tts_trm.evaluation.acoustic_metrics import SpeakerSimilarity, speaker_centroids
        from tts_trm.evaluation.word_metrics import WordErrorRate

        heard = [self.recognizer.normalize(self.recognizer(wave, rate)) for wave in waveforms]
        texts = [self.recognizer.normalize(clip.text) for clip in self.clips]
        result = WordErrorRate(keep_in_memory=True).compute(predictions=heard, references=texts)
        rated = [self.quality(wave, rate) for wave in waveforms]
        centroids = speaker_centroids(np.stack([self.encoder(wave, rate) for wave in self.recordings]))
        said = [self.encoder(wave, rate) for wave in waveforms]
        similarity = SpeakerSimilarity(keep_in_memory=True).compute(predictions=said, references=list(centroids))
        return result | {name: float(np.mean([r[name] for r in rated])) for name in rated[0]} | similarity

    def hear_recordings(self, processor) -> tuple[dict, dict]:
        """Of the recordings, and of the codec's resynthesis of them."""
        rate = processor.sampling_rate
        self.recordings = [clip.load(rate) for clip in self.clips]
        decoded = [
            processor.decode(processor(audio=wave, sampling_rate=rate)["audio_codes"])[0].numpy()
            for wave in self.recordings
        ]
        return self.hear(self.recordings, rate), self.hear(decoded, rate)

    def hear_voice(self, voice, speaker: str | int) -> dict:
        waves = [voice.synthesize(clip.text, speaker).waveform.numpy() for clip in self.clips]
        return self.hear(waves, voice.processor.sampling_rate)


def measure(command) -> dict:
    from tts_trm import Voice
    from tts_trm.data.held_out import is_held_out
    from tts_trm.data.recordings import read_folder

    clips = read_folder(command.data_dir)
    test = [clip for clip in clips if is_held_out(clip.text, HELD_OUT)][: command.sentences]
    rest = [clip for clip in clips if not is_held_out(clip.text, HELD_OUT)]
    listener = Listener(test, command.recognizer)
    before = Voice.from_pretrained(command.model, device="cpu")
    recordings, codec = listener.hear_recordings(before.processor)
    speaker = test[0].speaker
    results = {
        "speaker": speaker,
        "sentences": len(test),
        "steps": command.max_steps,
        "lr": command.lr,
        "known_speaker": command.known_speaker,
        "recordings": recordings,
        "codec": codec,
        "known_before": listener.hear_voice(before, command.known_speaker),
        "runs": [],
    }
    for minutes in command.minutes:
        data = command.work_dir / f"data_{minutes:g}"
        true_minutes = take_minutes(rest, minutes, data)
        for body_lr in command.body_lr:
            output = command.work_dir / f"voice_{minutes:g}_{body_lr:g}"
            fine_tune(command, data, output, body_lr)
            voice = Voice.from_pretrained(output / "checkpoints" / "best", device="cpu")
            state = json.loads((output / "checkpoints" / "best" / "training_state" / "state.json").read_text())
            run = {"minutes": true_minutes, "body_lr": body_lr, "best_step": state["step"]}
            run["held_out_loss"] = state["best_loss"]
            run["new"] = listener.hear_voice(voice, speaker)
            run["known_after"] = listener.hear_voice(voice, command.known_speaker)
            results["runs"].append(run)
            print(json.dumps(run), flush=True)
            write_results(NAME, results)
    return results


def tables(results: dict) -> str:
    known = results["known_speaker"]

    def cells(heard: dict) -> list[str]:
        low, high = heard["word_error_interval"]
        errors = f"{heard['word_error_rate']:.1%} ({100 * low:.0f}-{100 * high:.0f})"
        sound = f"{heard['dnsmos_overall']:.2f} / {heard['dnsmos_p808']:.2f}"
        return [errors, f"{heard['character_error_rate']:.1%}", sound, f"{heard['speaker_similarity']:.2f}"]

    def row(name: str, body_lr, heard: dict, of_known: dict | None) -> list[str]:
        return [name, body_lr, *cells(heard), "" if of_known is None else f"{of_known['word_error_rate']:.1%}"]

    rows = [
        row(f"recordings of {results['speaker']}", "", results["recordings"], None),
        row("the same through the codec", "", results["codec"], None),
        row(f"{known}, before", "", results["known_before"], results["known_before"]),
    ]
    for run in results["runs"]:
        minutes = round(run["minutes"])
        name = f"after {minutes} minute{'' if minutes == 1 else 's'}"
        rows.append(row(name, f"{run['body_lr']:g}", run["new"], run["known_after"]))
    headings = ["heard", "`--body-lr`", "words wrong", "characters wrong", "DNSMOS overall / P.808", "likeness"]
    return table([*headings, f"words of {known} wrong"], rows)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    from tts_trm.benchmarks.common.markdown_tables import write_table

    try:
        results = measure(command)
        write_table(PAGE, NAME, tables(results))
    except (ValueError, OSError, ImportError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(machine())
    print(tables(results))
    print(RESULTS / f"{NAME}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())

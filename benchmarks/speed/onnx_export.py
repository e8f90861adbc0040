"""The bundled voice in ONNX compared with torch: size, differing codes, speed, and time to the first audio.

    python benchmarks/speed/onnx_export.py

Writes `docs/results/onnx.json` and the tables of `docs/onnx.md`; `--report` writes the tables alone.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.markdown_tables import write_table
from tts_trm.benchmarks.common.measuring import RESULTS, ROOT, compare, machine, table, write_results
from tts_trm.commands import BUNDLED_VOICE

PAGE = ROOT / "docs" / "onnx.md"
SENTENCES = RESULTS / "held_out_sentences.txt", ROOT / "test_dataset" / "sentences.txt"
# In characters.
MAX_LENGTH = 110
SECONDS, THREADS = (1, 5, 10), (1, 2)
TEXT = "the weather is nice today, and the birds are singing in the old trees behind the house."


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="of every measurement (default: 9)")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the tables")
    return parser.parse_args(arguments)


def sentences() -> list[tuple[str, str]]:
    """A hundred, those it can say in one go, most of which the voice has not learned; each with its speaker."""
    lines = [line for path in SENTENCES for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [line.rpartition("|") for line in lines if line.strip() and not line.startswith("#")]
    return [(text, speaker or "heart") for speaker, _, text in pairs if len(text) <= MAX_LENGTH][:100]


def differences(voice, exported) -> dict:
    """How many codes of the sentences differ: of the graph from torch, and of torch in a padded batch from torch."""
    import numpy as np

    counts = {name: {"sentences": 0, "frames": 0, "codes": 0} for name in ("ONNX", "torch in batches of 4")}
    spoken, frames, largest = sentences(), 0, 0.0
    for start in range(0, len(spoken), 4):
        texts, speakers = zip(*spoken[start : start + 4], strict=True)
        batch = voice.model.generate(**voice.processor(list(texts), speaker=list(speakers))).numpy()
        for row, (text, speaker) in enumerate(zip(texts, speakers, strict=True)):
            sequences = voice.model.generate(**voice.processor(text, speaker=speaker))
            true = sequences[0].numpy()
            codes = exported.generate(voice.processor.checked_text(text, speaker), speaker)[0][0]
            difference = np.abs(exported.decode(true[None]) - voice.processor.decode(sequences)[0].numpy()).max()
            largest, frames = max(largest, float(difference)), frames + true.shape[1]
            for name, others in zip(counts, (codes, batch[row, :, : true.shape[1]]), strict=True):
                different = others != true
                counts[name]["sentences"] += int(different.any())
                counts[name]["frames"] += int(different.any(0).sum())
                counts[name]["codes"] += int(different.sum())
    return {"sentences": len(spoken), "frames": frames, "different": counts, "largest_sample_difference": largest}


def computing(voice, folder: Path, rounds: int) -> list[dict]:
    """Seconds for a second of speech, text to audio, of both with as many threads."""
    import torch

    from tts_trm.speaking.onnx_voice import OnnxVoice

    rows = []
    for threads in THREADS:
        exported = OnnxVoice.from_pretrained(folder, num_threads=threads)
        torch.set_num_threads(threads)
        for seconds in SECONDS:
            frames = round(seconds * exported.frame_rate)
            text = (TEXT * 3)[: 14 * seconds]
            inputs = voice.processor(text, normalize=False)

            def by_torch(inputs=inputs, frames=frames):
                voice.processor.decode(voice.model.generate(**inputs, num_frames=frames))

            def by_onnx(text=text, frames=frames, exported=exported):
                exported.decode(exported.generate(text, num_frames=frames)[0])

            medians = compare({"torch": by_torch, "onnx": by_onnx}, rounds)
            audio = frames / exported.frame_rate
            rows.append({"threads": threads, "seconds": seconds} | {k: value / audio for k, value in medians.items()})
    return rows


def first_audio(folder: Path, rounds: int) -> dict[str, float]:
    """Median seconds of a new process that says one sentence, from its start to its end."""
    with tempfile.TemporaryDirectory() as output:
        calls = {}
        for name, model in {"torch": BUNDLED_VOICE, "onnx": folder}.items():
            command = [
                sys.executable,
                "scripts/synthesize.py",
                "--model",
                str(model),
                "--text",
                "This is the first audio.",
            ]
            command += ["--output", str(Path(output) / "audio.wav")]
            calls[name] = lambda command=command: subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return compare(calls, rounds)


def measure(rounds: int) -> dict:
    """All figures of the bundled voice."""
    import onnxruntime

    from tts_trm.speaking.onnx_voice import OnnxVoice
    from tts_trm.speaking.voice import Voice

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "scripts/export_onnx.py", "--output-dir", name]
        print(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout, end="")
        voice = Voice.from_pretrained(BUNDLED_VOICE, device="cpu")
        return {
            "onnxruntime": onnxruntime.__version__,
            "megabytes": {path.name: path.stat().st_size / 1e6 for path in sorted(folder.glob("*.onnx"))},
            "codes": differences(voice, OnnxVoice.from_pretrained(folder)),
            "seconds_per_audio_second": computing(voice, folder, rounds),
            "first_audio": first_audio(folder, min(rounds, 5)),
        }


def tables(results: dict) -> str:
    where, codes, first = results["machine"], results["codes"], results["first_audio"]
    different = [
        [name, counts["sentences"], counts["frames"], counts["codes"]] for name, counts in codes["different"].items()
    ]
    speed = [
        [row["threads"], row["seconds"], row["torch"], row["onnx"], f"{row['torch'] / row['onnx']:.1f}"]
        for row in results["seconds_per_audio_second"]
    ]
    parts = [
        f"{where['processor']}; onnxruntime {results['onnxruntime']}, torch {where['torch']}, {where['date']}.\n",
        table(["file", "MB"], [[name, f"{size:.1f}"] for name, size in results["megabytes"].items()]),
        table(
            [f"of {codes['sentences']} sentences, {codes['frames']} frames", "sentences", "frames", "codes"], different
        ),
        f"Largest difference of a sample, of the same codes: {codes['largest_sample_difference']:.1g}.\n",
        table(["threads", "s of audio", "torch, s per s", "ONNX, s per s", "times as fast"], speed),
        table(["a new process to the end of a sentence", "s"], [[k, f"{v:.2f}"] for k, v in first.items()]),
    ]
    return "\n".join(parts)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    if not command.report:
        results = measure(command.rounds)
        print(machine())
        print(write_results("onnx", results))
    write_table(PAGE, "onnx", tables(json.loads((RESULTS / "onnx.json").read_text(encoding="utf-8"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

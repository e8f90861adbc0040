"""The bundled voice compared with Kokoro-82M and Piper (real weights): word errors, DNSMOS, speed, memory, size.

    pip install '.[ears,onnx]' kokoro-onnx piper-tts
    python benchmarks/quality/peers.py --kokoro kokoro-folder --piper piper-folder
    python benchmarks/quality/peers.py --report

The Kokoro folder holds an ONNX file and its voices (a `.bin` or `.npz`, or a folder `voices`), the Piper folder an ONNX
file and its `.json`. All say the same 100 English sentences, which the bundled voice has never seen: sentences of
LJSpeech 1.1 (public domain) that trainings leave out by the hash of their text. What the others have seen is not known.
Each is loaded in processes of its own for the time to the first audio, for speed on one and two threads, and for
memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.markdown_tables import write_table
from tts_trm.benchmarks.common.measuring import RESULTS, ROOT, memory, table, write_results
from tts_trm.commands import run_command
from tts_trm.errors_tts_trm import InputError

# Takes a text, returns samples `[L]` and their rate.
Say = Callable[[str], tuple[np.ndarray, int]]
SYSTEMS = ("TTS TRM", "TTS TRM, ONNX", "Kokoro-82M", "Piper")
NAME = "quality_peers"
SENTENCES = RESULTS / "unseen_sentences.txt"
HELLO = "The weather is nice today."
# Sentences that are timed.
TIMED = 5


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "pretrained" / "tts-trm-mini", help="our voice")
    parser.add_argument("--speaker", default="heart", help="of our voice (default: %(default)s)")
    parser.add_argument("--kokoro", type=Path, help="folder with Kokoro's model and voices")
    parser.add_argument("--kokoro-voice", default="af_heart", help="(default: %(default)s)")
    parser.add_argument("--piper", type=Path, help="folder with a voice of Piper")
    parser.add_argument("--recognizer", default="base", help="Whisper's size or folder (default: %(default)s)")
    parser.add_argument("--sentences", type=Path, default=SENTENCES, help="text file (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each timing, of which the median is taken")
    parser.add_argument("--report", action="store_true", help="only write the table of README.md from the last results")
    # For the processes that this one starts.
    parser.add_argument("--measure", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--exported", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def read_sentences(options: argparse.Namespace) -> list[str]:
    lines = options.sentences.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


# -- the systems ----------------------------------------------------------------------------------------------------


def only_file(folder: Path | None, pattern: str) -> Path:
    found = sorted(folder.glob(pattern)) if folder else []
    if not found:
        raise InputError(f"{folder}: has no file {pattern}; give the folder of the system's weights.")
    return found[0]


def load(name: str, options: argparse.Namespace) -> Say:
    return {"TTS TRM": load_ours, "TTS TRM, ONNX": load_exported, "Kokoro-82M": load_kokoro, "Piper": load_piper}[name](
        options
    )


def load_ours(options: argparse.Namespace) -> Say:
    from tts_trm.speaking.voice import Voice

    voice = Voice.from_pretrained(options.model, device="cpu")
    return lambda text: (np.asarray(voice.synthesize(text, options.speaker).waveform), voice.sampling_rate)


def load_exported(options: argparse.Namespace) -> Say:
    from tts_trm.speaking.onnx_voice import OnnxVoice

    voice = OnnxVoice.from_pretrained(options.exported, num_threads=int(os.environ.get("OMP_NUM_THREADS", "0")))
    return lambda text: (np.asarray(voice.synthesize(text, options.speaker).waveform), voice.sampling_rate)


def load_kokoro(options: argparse.Namespace) -> Say:
    import onnxruntime
    from kokoro_onnx import Kokoro

    model, voices = only_file(options.kokoro, "*.onnx"), options.kokoro / "voices"
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    with tempfile.TemporaryDirectory() as folder:
        if voices.is_dir():
            # One file a voice, as the JavaScript package has them.
            style = np.fromfile(voices / f"{options.kokoro_voice}.bin", dtype=np.float32).reshape(-1, 1, 256)
            np.savez(Path(folder, "voices.npz"), **{options.kokoro_voice: style})
            table_of_voices = Path(folder, "voices.npz")
        else:
            table_of_voices = next(path for path in options.kokoro.iterdir() if path.suffix in (".npz", ".bin"))
        kokoro = Kokoro.from_session(session, str(table_of_voices))
    return lambda text: kokoro.create(text, voice=options.kokoro_voice, lang="en-us")


def load_piper(options: argparse.Namespace) -> Say:
    import onnxruntime
    from piper import PiperVoice

    model = only_file(options.piper, "*.onnx")
    voice = PiperVoice.load(model)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    voice.session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])

    def say(text: str) -> tuple[np.ndarray, int]:
        chunks = list(voice.synthesize(text))
        return np.concatenate([chunk.audio_float_array for chunk in chunks]), chunks[0].sample_rate

    return say


def weight_files(name: str, options: argparse.Namespace) -> list[Path]:
    """What of its weights a system reads."""
    if name == "TTS TRM":
        return sorted(options.model.rglob("*.safetensors"))
    if name == "TTS TRM, ONNX":
        return sorted(options.exported.glob("*.onnx*"))
    if name == "Piper":
        return [only_file(options.piper, "*.onnx")]
    return [only_file(options.kokoro, "*.onnx"), *options.kokoro.glob(f"voices/{options.kokoro_voice}.bin")]


def count_parameters(name: str, options: argparse.Namespace) -> float:
    """Millions of numbers in the weights, tables of the codec included."""
    if name == "TTS TRM":
        from safetensors import safe_open

        total = 0
        for path in weight_files(name, options):
            with safe_open(path, "np") as file:
                total += sum(int(np.prod(file.get_slice(key).get_shape())) for key in file.keys())  # noqa: SIM118
        return total / 1e6
    import onnx

    models = [onnx.load(str(path)) for path in weight_files(name, options) if path.suffix == ".onnx"]
    # A quantised graph also counts its scales, which are few.
    return sum(int(np.prod(each.dims)) for model in models for each in model.graph.initializer) / 1e6


# -- measuring --------------------------------------------------------------------------------------------------------


def measure_here(options: argparse.Namespace) -> None:
    """In a process of its own: a line when the first audio is there, and one with speed and memory."""
    say = load(options.measure, options)
    say(HELLO)
    print("spoken", flush=True)
    computing = spoken = 0.0
    for text in read_sentences(options)[:TIMED]:
        started = time.perf_counter()
        samples, rate = say(text)
        computing += time.perf_counter() - started
        spoken += len(samples) / rate
    # Not `getrusage`: its peak includes the parent process.
    print(json.dumps({"seconds_per_second": computing / spoken, "peak_mb": memory("VmHWM")}), flush=True)


def start_process(name: str, threads: int, options: argparse.Namespace) -> dict:
    """What [`measure_here`] says, and the seconds from the start of the process to its first line."""
    chosen = {"model": options.model, "kokoro": options.kokoro, "piper": options.piper, "exported": options.exported}
    chosen |= {"speaker": options.speaker, "kokoro_voice": options.kokoro_voice, "sentences": options.sentences}
    arguments = [f"--{key.replace('_', '-')}={value}" for key, value in chosen.items() if value is not None]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, str(Path(__file__).resolve()), "--measure", name, *arguments]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines = iter(process.stdout or ())
        for line in lines:
            if line == "spoken\n":
                break
        first = time.perf_counter() - started
        last = [line for line in lines if line.startswith("{")]
    if process.returncode or not last:
        raise InputError(f"{name}: the process that measures it failed; its message is above.")
    return {"first_audio": first} | json.loads(last[-1])


def median_of(results: list[dict]) -> dict:
    return {key: statistics.median(each[key] for each in results) for key in results[0]}


def measure_quality(say: Say, sentences: list[str], options: argparse.Namespace) -> dict:
    from tts_trm.evaluation.quality import SpeechQuality
    from tts_trm.evaluation.recognizers import WhisperRecognizer
    from tts_trm.evaluation.word_metrics import WordErrorRate

    recognizer, quality = WhisperRecognizer(options.recognizer), SpeechQuality()
    heard, measures = [], []
    for text in sentences:
        samples, rate = say(text)
        heard.append(recognizer.normalize(recognizer(samples, rate, "en"), "en"))
        measures.append(quality(samples, rate))
    references = [recognizer.normalize(text, "en") for text in sentences]
    words = WordErrorRate(keep_in_memory=True).compute(predictions=heard, references=references, seed=0)
    return words | {name: float(np.mean([each[name] for each in measures])) for name in measures[0]} | {"heard": heard}


def measure_all(options: argparse.Namespace) -> None:
    from tts_trm.scripts.export_onnx import main as export

    sentences = read_sentences(options)
    results: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        options.exported = Path(folder, "exported")
        if export(["--model", str(options.model), "--output-dir", str(options.exported)]):
            raise InputError("Our voice could not be exported; the message is above.")
        wanted = [name for name in SYSTEMS if name not in ("Kokoro-82M", "Piper")]
        wanted += ["Kokoro-82M"] * bool(options.kokoro) + ["Piper"] * bool(options.piper)
        for name in wanted:
            by_threads = {
                threads: median_of([start_process(name, threads, options) for _ in range(options.rounds)])
                for threads in (1, 2)
            }
            files = weight_files(name, options)
            results[name] = {
                "first_audio": by_threads[2]["first_audio"],
                "seconds_per_second": {threads: each["seconds_per_second"] for threads, each in by_threads.items()},
                "peak_mb": by_threads[2]["peak_mb"],
                "weights_mb": sum(path.stat().st_size for path in files) / 1e6,
                "parameters": count_parameters(name, options),
                **measure_quality(load(name, options), sentences, options),
            }
            print(report(results), flush=True)
    write_results(NAME, {"sentences": len(sentences), "rounds": options.rounds, "systems": results})
    write_report()


def write_report() -> None:
    results = json.loads((RESULTS / f"{NAME}.json").read_text(encoding="utf-8"))["systems"]
    write_table(ROOT / "README.md", NAME, report(results))


def report(results: dict[str, dict]) -> str:
    headings = ["system", "words wrong", "DNSMOS overall / P.808", "s/s, 1 thread", "s/s, 2 threads"]
    headings += ["first audio, s", "peak memory, MB", "weights, MB", "million numbers"]

    def wrong(each: dict) -> str:
        low, high = each["word_error_interval"]
        return f"{100 * each['word_error_rate']:.1f}% ({100 * low:.0f}-{100 * high:.0f})"

    rows = [
        [
            name,
            wrong(each),
            f"{each['dnsmos_overall']:.2f} / {each['dnsmos_p808']:.2f}",
            *(f"{each['seconds_per_second'][threads]:.3f}" for threads in each["seconds_per_second"]),
            f"{each['first_audio']:.1f}",
            *(f"{each[key]:.0f}" for key in ("peak_mb", "weights_mb", "parameters")),
        ]
        for name, each in results.items()
    ]
    return table(headings, rows)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    if options.report:
        return run_command(write_report)
    return run_command(lambda: measure_here(options) if options.measure else measure_all(options))


if __name__ == "__main__":
    sys.exit(main())

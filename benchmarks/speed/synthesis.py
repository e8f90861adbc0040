"""Speed of synthesis by part and compared with other systems, and its memory.

    python benchmarks/speed/synthesis.py [--device cuda]

Ours: the bundled voice with its codec, and a model of the original specification's size (random weights) with Mimi at
full size. The other systems come from `peer_shapes.py`. All make the same duration of speech. Nothing streams within a
sentence, so the time to its first sound is the time of the whole sentence.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import (
    ROOT,
    compare,
    machine,
    matrix_speed,
    operations,
    peak_memory,
    table,
    write_results,
)

VOICE = ROOT / "pretrained" / "tts-trm-mini"
BUNDLED, SPECIFIED_SIZE = "bundled voice, its codec", "specified size, Mimi"
SECONDS = (1, 5, 10)
BATCHES, BATCH_SECONDS = (1, 8, 32), 5
CYCLES = range(1, 7)
FRAME_RATE = 12.5


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="calls of every side (default: 7)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--name", default="synthesis", help="of the JSON in docs/results")
    return parser.parse_args(arguments)


class Ours:
    """A model and a codec, and their parts as calls.

    Args:
        name: `BUNDLED` or `SPECIFIED_SIZE`.
        device: of both.
    """

    def __init__(self, name: str, device: str = "cpu"):
        import torch
        from transformers import MimiConfig, MimiModel

        from tts_trm import TtsTrmConfig, TtsTrmModel
        from tts_trm.processing_tts_trm import load_codec

        # As scripts/synthesize.py does.
        torch.set_flush_denormal(True)
        self.device = device
        if name == BUNDLED:
            self.model, self.codec = TtsTrmModel.from_pretrained(VOICE), load_codec(str(VOICE / "codec"))
        else:
            self.model, self.codec = TtsTrmModel(TtsTrmConfig()), MimiModel(MimiConfig(num_quantizers=32)).eval()
        self.model, self.codec = self.model.eval().to(device), self.codec.to(device)

    def text(self, seconds: float, batch: int = 1) -> dict:
        from tts_trm.benchmarks.speed.peer_shapes import text_ids

        ids = text_ids(seconds, self.model.config.vocab_size, batch)
        return {"input_ids": ids.to(self.device), "num_frames": round(FRAME_RATE * seconds)}

    def speak(self, seconds: float, batch: int = 1, **cycles):
        """A call from ids to samples on the CPU."""
        import torch

        text = self.text(seconds, batch)

        def call():
            with torch.no_grad():
                return self.codec.decode(self.model.generate(**text, **cycles)).audio_values.cpu()

        return call

    def parts(self, seconds: float) -> dict:
        """Calls of the parts of `speak`, one sentence."""
        import torch

        text = self.text(seconds)
        codes, lengths = self.model.generate(**text), torch.tensor([text["num_frames"]])
        frames = self.model(**text).last_hidden_state.detach()[0]
        gain = self.model.head.gain(torch.tensor([0]), 0.75)
        return {
            "text and recursion": torch.no_grad()(lambda: self.model(**text)),
            "head and codes": torch.no_grad()(lambda: self.model.head.predict(frames, gain=gain, lengths=lengths)),
            "codec": lambda: self.codec.decode(codes),
        }


def memory_of(name: str, seconds: float):
    """For [`peak_memory`]: building a system and having it speak."""
    from tts_trm.benchmarks.speed.peer_shapes import PEERS

    def call():
        import torch

        if name not in PEERS:
            return Ours(name).speak(seconds)()
        with torch.no_grad():
            return PEERS[name](seconds)[1]()

    return call


def measure_parts(name: str, peak: float, rounds: int) -> list[dict]:
    """Seconds of each part, and the lower bound for its operations on this processor."""
    system, results = Ours(name), []
    for seconds in SECONDS:
        calls = system.parts(seconds)
        for part, median in compare(calls, rounds).items():
            least = operations(calls[part]) / peak / 1e9
            results.append({"system": name, "seconds": seconds, "part": part, "median": median, "roofline": least})
    return results


def measure_peers(rounds: int) -> list[dict]:
    """Seconds for the same time of speech, all systems in turn."""
    import torch

    from tts_trm.benchmarks.speed.peer_shapes import PEERS

    results = []
    with torch.no_grad():
        for seconds in SECONDS:
            spoken = {name: seconds for name in (BUNDLED, SPECIFIED_SIZE)}
            calls = {name: Ours(name).speak(seconds) for name in spoken}
            for name, make in PEERS.items():
                calls[name] = make(seconds)[1]
                spoken[name] = calls[name]()
            for name, median in compare(calls, rounds).items():
                result = {"system": name, "seconds": seconds, "median": median, "factor": median / spoken[name]}
                results.append(result | {"memory": peak_memory(memory_of, name, seconds)})
                print(results[-1], flush=True)
    return results


def measure_batches(device: str, rounds: int) -> list[dict]:
    """Seconds of audio a second, by the number of sentences that are spoken together."""
    results = []
    for name in (BUNDLED, SPECIFIED_SIZE):
        system = Ours(name, device)
        for batch in BATCHES:
            if device == "cpu" and name == SPECIFIED_SIZE and batch > BATCHES[1]:
                # Gigabytes of activations in Mimi, and nothing new.
                continue
            median = compare({"": system.speak(BATCH_SECONDS, batch)}, rounds)[""]
            results.append({"system": name, "batch": batch, "audio_per_second": batch * BATCH_SECONDS / median})
            print(results[-1], flush=True)
    return results


def measure_depth(rounds: int) -> list[dict]:
    """Seconds of a sentence without the codec by high-level cycles, and by low-level cycles in one of them."""
    results = []
    for name in (BUNDLED, SPECIFIED_SIZE):
        system = Ours(name)
        text = system.text(BATCH_SECONDS)
        for kind in ("h_cycles", "l_cycles"):
            cycles = [{"h_cycles": 1, "l_cycles": 1} | {kind: number} for number in CYCLES]
            calls = {each[kind]: partial(system.model.generate, **text, **each) for each in cycles}
            for number, median in compare(calls, rounds).items():
                results.append({"system": name, "kind": kind, "cycles": number, "median": median})
    return results


def measure(command) -> dict:
    results = {"batches": measure_batches(command.device, command.rounds)}
    if command.device == "cpu":
        peak = matrix_speed()
        parts = [part for name in (BUNDLED, SPECIFIED_SIZE) for part in measure_parts(name, peak, command.rounds)]
        results |= {"matrix_gflops": peak, "parts": parts, "depth": measure_depth(command.rounds)}
        results["systems"] = measure_peers(command.rounds)
    return results


def tables(results: dict) -> str:
    """The figures as Markdown."""
    text = []
    if "systems" in results:
        ours = {r["seconds"]: r["factor"] for r in results["systems"] if r["system"] == BUNDLED}
        rows = [
            [
                r["system"],
                r["seconds"],
                r["median"],
                r["factor"],
                f"{r['factor'] / ours[r['seconds']]:.1f}",
                f"{r['memory']:.0f}",
            ]
            for r in results["systems"]
        ]
        text.append(table(["system", "s of audio", "s", "s per s", "x bundled voice", "MB"], rows))
        rows = [
            [r["system"], r["seconds"], r["part"], r["median"] / r["seconds"], r["roofline"] / r["seconds"]]
            for r in results["parts"]
        ]
        text.append(table(["system", "s of audio", "part", "s per s", "roofline"], rows))
        rows = [[r["system"], r["kind"], r["cycles"], 1000 * r["median"] / BATCH_SECONDS] for r in results["depth"]]
        text.append(table(["system", "cycles", "number", "ms per s"], rows))
    rows = [[r["system"], r["batch"], f"{r['audio_per_second']:.0f}"] for r in results["batches"]]
    text.append(table(["system", "sentences at once", "s of audio per s"], rows))
    return "\n".join(text)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    results = measure(command)
    print(machine())
    print(tables(results))
    print(write_results(command.name, {"command": vars(command), **results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

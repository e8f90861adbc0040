"""What grows with the text, and what with the data set.

    python benchmarks/speed/growth.py

Texts of 10 to 500 characters are spoken by a model with random weights and the original specification's size, without
a codec. Data sets of 1 to 1000 hours are one shard of random codes under many names; `run_training.py --streaming`
prepares a run on them and reads batches, each in a process of its own.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common.measuring import compare, machine, peak_memory, table, write_results

CHARACTERS = (10, 50, 100, 200, 300, 400, 500)
CHARACTERS_PER_FRAME = 1.2
HOURS = (1, 10, 100, 1000)
# Of the shard, and of a clip.
CLIPS, FRAMES, RATE = 2000, 80, 12.5
BATCHES = 100


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="calls for every text (default: 5)")
    return parser.parse_args(arguments)


def speak(characters: int):
    """A call that makes the codes of a text of that length; also for [`peak_memory`]."""
    import torch

    from tts_trm import TtsTrmConfig, TtsTrmModel

    torch.set_flush_denormal(True)
    model = TtsTrmModel(TtsTrmConfig(max_audio_frames=512)).eval()
    ids = torch.randint(3, model.config.vocab_size, (1, characters), generator=torch.Generator().manual_seed(0))
    frames = max(1, round(characters / CHARACTERS_PER_FRAME))
    return lambda: model.generate(ids, num_frames=frames)


def measure_texts(rounds: int) -> list[dict]:
    seconds = compare({characters: speak(characters) for characters in CHARACTERS}, rounds)
    return [
        {"characters": characters, "seconds": seconds[characters], "memory": peak_memory(speak, characters)}
        for characters in CHARACTERS
    ]


def make_shard(folder: Path) -> Path:
    """A token folder of one shard: random codes, a sentence of its own for each clip, one speaker."""
    import numpy as np
    from datasets import Dataset

    from tts_trm.benchmarks.common.measuring import ROOT
    from tts_trm.data import codec_info, shards, token_folder, tokenizing
    from tts_trm.processing_tts_trm import codec_codebooks, load_codec

    codec = str(ROOT / "pretrained" / "tts-trm-mini" / "codec")
    model = load_codec(codec)
    info = codec_info.CodecInfo.of(model, codec)
    info.folder, info.shard_size, info.key = str(folder), CLIPS, "growth"
    tokenizing.begin_folder(folder, info, codec_codebooks(model)[0], [], 0)
    generator = np.random.default_rng(0)
    lengths = generator.integers(FRAMES // 2, FRAMES * 3 // 2, CLIPS)
    rows = {
        "name": [str(clip) for clip in range(CLIPS)],
        "text": [f"sentence {''.join('abcdefghij'[int(d)] for d in str(clip))} of very many" for clip in range(CLIPS)],
        "speaker": ["anna"] * CLIPS,
        "audio_codes": [generator.integers(0, info.codebook_size, (info.num_codebooks, n)) for n in lengths],
        "num_frames": lengths,
    }
    table = Dataset.from_dict(rows, features=shards.token_features(info.num_codebooks)).data.table
    token_folder.write_shard(folder / token_folder.shard_names(1)[0], table, info, [])
    return folder


def multiply(folder: Path, hours: float) -> int:
    """Gives the folder's shard as many names as make `hours`; returns their number."""
    from tts_trm.data.token_folder import shard_names

    (first, *others) = sorted(folder.glob("tokens-*.parquet"))
    count = max(1, round(hours * 3600 * RATE / (CLIPS * FRAMES)))
    kept = folder / "shard"
    os.link(first, kept)
    for path in (first, *others):
        path.unlink()
    for name in shard_names(count):
        os.link(kept, folder / name)
    kept.unlink()
    return count


def stream(folder: str, times: str):
    """For [`peak_memory`]: a streaming run up to its `BATCHES`th batch, its seconds in the file `times`."""

    def call():
        from tts_trm.training.options import parse_arguments
        from tts_trm.training.run import Run

        started = time.perf_counter()
        options = ["--data-dir", folder, "--token-dir", folder, "--output-dir", folder + "/run", "--streaming"]
        options += "--max-steps 1000 --alignment length --num-workers 0 --device cpu --no-tensorboard".split()
        run = Run(parse_arguments(options))
        seconds = []
        for number, _ in enumerate(run.loader, 1):
            if number in (1, BATCHES):
                seconds.append(time.perf_counter() - started)
            if number == BATCHES:
                break
        Path(times).write_text(" ".join(map(str, seconds)))

    return call


def measure_data() -> list[dict]:
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = make_shard(Path(name) / "tokens")
        for hours in HOURS:
            shards = multiply(folder, hours)
            times = Path(name) / "times"
            memory = peak_memory(stream, str(folder), str(times))
            first, last = map(float, times.read_text().split())
            result = {"hours": hours, "shards": shards, "memory": memory, "seconds_to_first_batch": first}
            results.append(result | {"batches_per_second": (BATCHES - 1) / (last - first)})
            print(results[-1], flush=True)
    return results


def measure(command) -> dict:
    return {"texts": measure_texts(command.rounds), "data": measure_data()}


def tables(results: dict) -> str:
    rows = [[r["characters"], f"{1000 * r['seconds']:.0f}", f"{r['memory']:.0f}"] for r in results["texts"]]
    text = table(["characters", "ms", "MB"], rows)
    rows = [
        [
            r["hours"],
            r["shards"],
            f"{r['seconds_to_first_batch']:.1f}",
            f"{r['memory']:.0f}",
            f"{r['batches_per_second']:.0f}",
        ]
        for r in results["data"]
    ]
    return text + "\n" + table(["hours", "shards", "s to the first batch", "MB", "batches/s"], rows)


def main(arguments=None) -> int:
    results = measure(parse_arguments(arguments))
    print(machine())
    print(tables(results))
    print(write_results("growth", results))
    return 0


if __name__ == "__main__":
    sys.exit(main())

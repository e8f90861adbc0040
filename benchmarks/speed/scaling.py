"""What large data sets take, computed from what was measured: the tables of `docs/scaling.md`.

    python benchmarks/speed/scaling.py

Reads docs/results/data_preparation.json and data_parallel.json, and counts operations and parameters of the recipes.
"""

import json
import math
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.common import measuring
from tts_trm.benchmarks.common.markdown_tables import write_table
from tts_trm.benchmarks.common.measuring import ROOT, operations, table
from tts_trm.benchmarks.speed import data_parallel

PAGE = ROOT / "docs" / "scaling.md"
HOURS = {"LJSpeech": 24, "LibriTTS-R": 585, "Emilia": 100_000}
RECIPES = ("tts-trm-mini", "libritts-r-mimi")
FRAME_RATE = 12.5
SECONDS_OF_A_CLIP, SHARD_SIZE = 6, 2000
# Of each clip of the batch whose operations are counted.
FRAMES, CHARACTERS = 96, 115


def read(name: str) -> dict:
    return json.loads((measuring.RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def size(bytes_: float) -> str:
    return f"{bytes_ / 1e6:,.0f} MB" if bytes_ < 1e9 else f"{bytes_ / 1e9:,.1f} GB"


def duration(hours: float) -> str:
    return f"{60 * hours:.0f} min" if hours < 1 else f"{hours:,.0f} h" if hours >= 10 else f"{hours:.1f} h"


def storage(data: dict) -> str:
    """What is on disk, by data set."""
    bytes_per_second = {entry["codec"]: entry["bytes_per_second"] for entry in data["tokenising"]}
    rows = []
    for name, hours in HOURS.items():
        seconds = 3600 * hours
        shards = math.ceil(seconds / SECONDS_OF_A_CLIP / SHARD_SIZE)
        tokens = [size(seconds * value) for value in bytes_per_second.values()]
        rows.append([name, f"{hours:,}", *tokens, size(seconds * data["aligning"]["bytes_per_second"]), f"{shards:,}"])
    codecs = [f"tokens, {codec}" for codec in bytes_per_second]
    return table(["data set", "hours", *codecs, "durations", f"shards of {SHARD_SIZE} clips"], rows)


def preparation(data: dict) -> str:
    """Hours of the two-core machine that everything was measured on, and how many such machines need a day."""
    processes = max(entry["processes"] for entry in data["tokenising"])
    speeds = {e["codec"]: e["hours_per_hour"] for e in data["tokenising"] if e["processes"] == processes}
    rows = []
    for name, hours in HOURS.items():
        for codec, speed in speeds.items():
            needed = hours / speed
            rows.append([name, f"tokenise, {codec}", duration(needed), f"{math.ceil(needed / 24):,}"])
        needed = data["aligning"]["hours_to_train_longest"] + hours / data["aligning"]["hours_per_hour"]
        rows.append([name, "align, 1 process", duration(needed), "-"])
    return table(["data set", "work", f"on {processes} cores", f"machines of {processes} cores for a day"], rows)


def work_of(recipe: str) -> dict:
    """Parameters of a recipe's model, and the operations of a training step for each of its frames."""
    import torch

    from tts_trm import TtsTrmModel
    from tts_trm.training.model import model_sizes
    from tts_trm.training.options import parse_arguments

    options = parse_arguments(["--config", str(ROOT / "configs" / f"{recipe}.yaml"), "--data-dir", "."])
    chains = {"codebook_chains": [1, 31], "codebook_entry_dim": 256} if "mimi" in recipe else {}
    config = TtsTrmModel.config_class(**model_sizes(options), num_speakers=100, **chains)
    torch.manual_seed(0)
    model = TtsTrmModel(config).train()
    # Whose products are counted.
    model.set_attn_implementation("eager")
    batch = {
        "input_ids": torch.randint(3, config.vocab_size, (4, CHARACTERS)),
        "attention_mask": torch.ones(4, CHARACTERS, dtype=torch.long),
        "speaker_id": torch.zeros(4, dtype=torch.long),
        "labels": torch.randint(0, config.codebook_size, (4, config.num_codebooks, FRAMES)),
        "label_lengths": torch.full((4,), FRAMES),
        "durations": torch.full((4, CHARACTERS), FRAMES / CHARACTERS),
    }
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "operations": operations(lambda: model(**batch).loss.backward()) / (4 * FRAMES),
        "frames_per_batch": options.frames_per_batch,
    }


def training(data: dict) -> str:
    """Operations, the hours of a pass at what this machine reaches with the first recipe, and what is exchanged."""
    work = {recipe: work_of(recipe) for recipe in RECIPES}
    reached = data["frames_per_second"]["training"] * work[RECIPES[0]]["operations"]
    rows = []
    for recipe, of_recipe in work.items():
        for name, hours in HOURS.items():
            frames = hours * 3600 * FRAME_RATE
            total = frames * of_recipe["operations"]
            rows.append(
                [
                    recipe,
                    f"{of_recipe['parameters'] / 1e6:.1f} M",
                    f"{of_recipe['operations'] / 1e6:.0f}",
                    f"{4 * of_recipe['parameters'] / 1e6:.0f}",
                    name,
                    f"{frames / 1e6:,.0f}",
                    f"{total / 1e15:,.2f}",
                    duration(total / reached / 3600),
                ]
            )
    headings = ["recipe", "parameters", "MFLOP a frame", "MB exchanged a step", "data set", "M frames", "PFLOP a pass"]
    return table([*headings, f"a pass at {reached / 1e9:.0f} GFLOP/s"], rows)


def main() -> int:
    data = read("data_preparation")
    write_table(PAGE, "storage", storage(data))
    write_table(PAGE, "preparation", preparation(data))
    write_table(PAGE, "training", training(data))
    write_table(PAGE, "data_parallel", data_parallel.tables(read("data_parallel")))
    return 0


if __name__ == "__main__":
    sys.exit(main())

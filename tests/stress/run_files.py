"""What a training run reads of its own: the state that it goes on from, the manifest of that, and its tokens."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .mutations import mutate_json, mutate_parquet, mutate_safetensors

WORDS = "one two three four five six seven eight".split()
SIZES = (
    "--text-embed-dim 16 --audio-embed-dim 16 --hidden-dim 16 --text-layers 1 --L-layers 1 --H-cycles 2 --L-cycles 1"
)
COMMAND = f"{SIZES} --num-heads 2 --batch-size 2 --num-workers 0 --device cpu --held-out 0.2 --no-tensorboard"
DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": mutate_json,
    ".safetensors": mutate_safetensors,
    ".parquet": mutate_parquet,
}


class RunFiles:
    """A run of a few steps on eight clips, of which `names` are damaged."""

    names: tuple[str, ...]

    def __init__(self, folder: Path):
        import datasets

        self.folder = folder
        # It would keep every damaged table.
        datasets.config.HF_DATASETS_CACHE = folder / "cache"
        make_tokens(folder)
        self.prepare()
        found = [path for pattern in self.names for path in sorted(folder.glob(pattern))]
        self.seeds = [(str(path.relative_to(folder)), path.read_bytes()) for path in found]

    def prepare(self) -> None:
        pass

    def damage(self, name: str, content: bytes, random: random.Random) -> bytes:
        return DAMAGE[Path(name).suffix](content, random)

    def train(self, output: Path, steps: int, *more) -> Path:
        """The checkpoint at the end of a run in this process; raises whatever the run does."""
        from accelerate.state import AcceleratorState, GradientState, PartialState

        from tts_trm.training.options import parse_arguments
        from tts_trm.training.run import Run

        for state in (AcceleratorState, GradientState, PartialState):
            state._reset_state()
        folders = ["--token-dir", self.folder / "tokens", "--output-dir", output, "--max-steps", steps]
        Run(parse_arguments(list(map(str, [*COMMAND.split(), *folders, *more])))).train()
        return output / "checkpoints" / "final"


class TrainingStates(RunFiles):
    """What a run goes on from, damaged before its manifest was written: the hashes are right."""

    names = ("checkpoint/training_state/*",)

    def prepare(self) -> None:
        from tts_trm.training.checkpoints import CheckpointError

        self.refusals = (CheckpointError,)
        self.train(self.folder / "whole", 2, "--save-interval", 1)
        shutil.move(self.folder / "whole/checkpoints/step_1", self.folder / "checkpoint")

    def read(self, path: Path) -> None:
        from tts_trm.training.checkpoints import CheckpointError, load_training_state

        checkpoint, out = self.folder / "checkpoint", self.folder / "out"
        vouch_for(checkpoint)
        try:
            loaded = load_training_state(self.train(out, 2, "--resume-from-checkpoint", checkpoint))
        except CheckpointError as error:
            # numbers that are finite and far too large only show when the weights they lead to are to be saved
            if str(checkpoint) not in str(error) and "are not finite" not in str(error):
                raise AssertionError(f"the checkpoint is not named: {error}") from error
            raise
        finally:
            shutil.rmtree(out, ignore_errors=True)
        for name in ("weights", "average", "optimizer"):
            if not all(value.isfinite().all() for value in loaded[name].values()):
                raise AssertionError(f"the {name} that it ends with are not finite")


class Manifests(RunFiles):
    """What lists a checkpoint's files."""

    names = ("checkpoints/step_2/manifest.json",)

    def prepare(self) -> None:
        from tts_trm.training.checkpoints import CheckpointError

        self.refusals = (CheckpointError,)
        shutil.copytree(self.train(self.folder / "whole", 1), self.folder / "checkpoints" / "step_1")
        shutil.copytree(self.folder / "checkpoints" / "step_1", self.folder / "checkpoints" / "step_2")
        state = self.folder / "checkpoints/step_2/training_state/state.json"
        state.write_text(json.dumps(json.loads(state.read_text()) | {"step": 2}))
        vouch_for(self.folder / "checkpoints" / "step_2")

    def read(self, path: Path) -> None:
        """The newest checkpoint that is good is found, and one that is not is named."""
        from tts_trm.training.checkpoints import newest_valid, verify_checkpoint

        said: list[str] = []
        found = newest_valid(path.parent.parent, said.append)
        expected = path.parent.with_name("step_1" if said else "step_2")
        if found != expected or any(str(path.parent) not in line for line in said):
            raise AssertionError(f"{found} is used, and said is {said}")
        verify_checkpoint(path.parent)


class Tokens(RunFiles):
    """Recordings as codes, and the durations that belong to them."""

    names = ("tokens/codec.json", "tokens/*.parquet", "tokens/codebooks.safetensors")

    def prepare(self) -> None:
        from tts_trm.data import aligner
        from tts_trm.data.clips import DataError
        from tts_trm.training import preparation

        self.refusals = (DataError,)
        # what is damaged is aligned anew, which takes seconds: here without learning, and without pictures
        aligner.AlignerTraining.train = preparation.draw_alignments = lambda *_, **__: None
        self.train(self.folder / "whole", 1)
        self.kept = {path: path.read_bytes() for path in (self.folder / "tokens").iterdir()}

    def read(self, path: Path) -> None:
        out = self.folder / "out"
        try:
            self.train(out, 2)
        finally:
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            # What has been aligned anew.
            for other in (self.folder / "tokens").iterdir():
                if other != path and self.kept.get(other) != other.read_bytes():
                    other.unlink()
            for other, content in self.kept.items():
                if not other.exists():
                    other.write_bytes(content)


def make_tokens(folder: Path) -> None:
    """Eight clips of noise and words in `tokens/`, and the codec that made them in `codec/`."""
    import soundfile
    import torch

    from tts_trm import TtsTrmCodec, TtsTrmCodecConfig
    from tts_trm.data.clips import Clip
    from tts_trm.data.tokenizing import tokenize_clips

    torch.manual_seed(0)
    sizes = dict(codebook_size=32, num_layers=1, hidden_size=16, intermediate_size=16, kernel_size=3)
    TtsTrmCodec(TtsTrmCodecConfig(**sizes)).save_pretrained(folder / "codec")
    clips, noise = [], np.random.default_rng(0)
    (folder / "recordings").mkdir()
    for index, word in enumerate(WORDS):
        path = folder / "recordings" / f"{index}.wav"
        soundfile.write(path, 0.1 * noise.normal(size=24_000 * (5 + index % 3) // 10), 24_000)
        clips.append(Clip(str(path), f"{word} more", ("anna", "bert")[index % 2], path.name))
    tokenize_clips(clips, str(folder / "codec"), folder / "tokens")


def vouch_for(checkpoint: Path) -> None:
    """Writes a checkpoint's manifest anew, for its files as they are."""
    from tts_trm.training.checkpoints import MANIFEST

    files = [path for path in checkpoint.rglob("*") if path.is_file() and path.name != MANIFEST]
    listing = {
        str(path.relative_to(checkpoint)): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files
    }
    (checkpoint / MANIFEST).write_text(json.dumps(listing))

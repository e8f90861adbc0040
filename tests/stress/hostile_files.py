"""Damages files in thousands of ways and has the project's own readers read them, in a process with limits.

    python tests/stress/hostile_files.py
    python tests/stress/hostile_files.py audio --count 500 --seed 7

A reader may accept a file or refuse it with an error of its own. It may not crash, hang, fill memory, raise anything
else, or give speech that the file does not hold. Each mutant follows from its kind, seed and number alone; one that a
reader does not bear stays in `outputs/torture/`, to be looked at.
"""

import argparse
import faulthandler
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.tests.stress.mutations import mend_ogg, mutate, mutate_json, mutate_safetensors
from tts_trm.tests.stress.run_files import Manifests, Tokens, TrainingStates

ROOT = Path(__file__).resolve().parents[2]
# Of the others 1,000.
COUNTS = {"audio": 10_000, "weights": 10_000, "configurations": 1_000}
# Of a processor, for one file; the others 10.
SECONDS = {"audio": 10, "weights": 2, "configurations": 2}
# Beyond what the undamaged files take; the others 1,000.
MEGABYTES = {"audio": 2_000}
# In the message of whoever asked for more than there may be.
ALLOCATION = ("memory", "alloc", "too big")


# -- readers ------------------------------------------------------------------------------------------------------


class Audio:
    """Recordings, as training reads them."""

    FORMATS = {
        "pcm16.wav": ("WAV", "PCM_16"),
        "pcm24.wav": ("WAV", "PCM_24"),
        "float.wav": ("WAV", "FLOAT"),
        "adpcm.wav": ("WAV", "IMA_ADPCM"),
        "pcm16.flac": ("FLAC", "PCM_16"),
        "pcm24.flac": ("FLAC", "PCM_24"),
        "vorbis.ogg": ("OGG", "VORBIS"),
        "opus.ogg": ("OGG", "OPUS"),
        "layer3.mp3": ("MP3", "MPEG_LAYER_III"),
        "pcm16.aiff": ("AIFF", "PCM_16"),
    }  # fmt: skip
    SECONDS = 0.5

    def __init__(self, folder: Path):
        import soundfile

        from tts_trm.audio.reading import AudioError

        self.refusals, self.folder = (AudioError,), folder
        noise = np.random.default_rng(0).normal(size=round(24_000 * self.SECONDS))
        samples = 0.3 * np.sin(np.arange(len(noise)) * 0.06) + 0.02 * noise
        for name, (container, encoding) in self.FORMATS.items():
            soundfile.write(folder / name, samples, 24_000, format=container, subtype=encoding)
        self.seeds = [(name, (folder / name).read_bytes()) for name in self.FORMATS]

    def damage(self, name: str, content: bytes, random: random.Random) -> bytes:
        damaged = mutate(content, random, focus=200)
        return mend_ogg(damaged) if name.endswith(".ogg") and random.random() < 0.5 else damaged

    def read(self, path: Path) -> None:
        from tts_trm.audio.reading import load_clip, read_samples

        samples = load_clip(path, 24_000)
        if samples.dtype != np.float32 or samples.ndim != 1 or not np.isfinite(samples).all():
            raise AssertionError(f"{samples.dtype} of shape {samples.shape}")
        if np.abs(samples).max() > 1.001:
            raise AssertionError(f"peak {np.abs(samples).max()}")
        values, _ = read_samples(path)
        # a stretch may be there twice, and 24 bits be read as 8: more is from nowhere
        if values.size > 8 * self.SECONDS * 24_000:
            raise AssertionError(f"{values.shape} samples of a file of {path.stat().st_size} bytes")


class Voices:
    """What a voice and its codec are loaded from; where that succeeds, it speaks a word."""

    def __init__(self, folder: Path):
        from tts_trm.speaking.voice import Voice, VoiceError

        self.refusals, self.folder, self.load = (VoiceError,), folder, Voice.from_pretrained
        small_voice(folder)
        self.seeds = [(name, (folder / name).read_bytes()) for name in self.names]

    def read(self, path: Path) -> None:
        from tts_trm import processing_tts_trm

        processing_tts_trm._loaded_codecs.clear()
        speech = self.speak(self.load(self.folder, device="cpu"))
        if not np.isfinite(np.asarray(speech.waveform)).all():
            raise AssertionError("the speech is not finite")

    def speak(self, voice):
        return voice.synthesize("One.")


class Weights(Voices):
    names = ("model.safetensors", "codec/model.safetensors")

    def damage(self, name: str, content: bytes, random: random.Random) -> bytes:
        return mutate_safetensors(content, random)


class Configurations(Voices):
    names = (
        "config.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "codec/config.json",
    )

    def damage(self, name: str, content: bytes, random: random.Random) -> bytes:
        return mutate_json(content, random)

    def speak(self, voice):
        try:
            return super().speak(voice)
        except ValueError as error:
            # Settings that only show when it speaks.
            raise self.refusals[0](str(error)) from error


KINDS = {
    "audio": Audio,
    "weights": Weights,
    "configurations": Configurations,
    "training_states": TrainingStates,
    "manifests": Manifests,
    "tokens": Tokens,
}


def small_voice(folder: Path) -> None:
    """A random voice that is loaded in a few hundredths of a second."""
    import torch

    from tts_trm import TtsTrmCodec, TtsTrmCodecConfig, TtsTrmConfig, TtsTrmModel, TtsTrmProcessor

    torch.manual_seed(0)
    codec = TtsTrmCodec(
        TtsTrmCodecConfig(codebook_size=32, num_layers=1, hidden_size=16, intermediate_size=16, kernel_size=3)
    )
    codec.save_pretrained(folder / "codec")
    processor = TtsTrmProcessor.from_texts(["One two three four."], ("anna", "bert"), codec=str(folder / "codec"))
    processor.save_pretrained(folder)
    config = TtsTrmConfig(
        vocab_size=len(processor.tokenizer),
        num_speakers=2,
        text_embed_dim=16,
        audio_embed_dim=16,
        hidden_dim=16,
        speaker_dim=8,
        text_layers=1,
        l_layers=1,
        h_cycles=2,
        l_cycles=1,
        num_heads=2,
        codebook_size=32,
        codebook_chains=[32],
        codebook_entry_dim=160,
    )
    TtsTrmModel(config).save_pretrained(folder)


# -- the process with limits, and the one that watches it ------------------------------------------------------------


def work(kind: str, folder: Path, seed: int, first: int, last: int) -> None:
    """Reads the mutants `first` to `last - 1`; a line before each and after each."""
    import logging
    import warnings

    logging.disable()
    warnings.simplefilter("ignore")
    report = os.fdopen(os.dup(1), "w", buffering=1)
    # What a library prints is no report.
    os.dup2(2, 1)
    subject = KINDS[kind](folder)
    # Undamaged: it must be accepted, and everything is imported.
    for name, _ in subject.seeds:
        subject.read(folder / name)
    limit = _virtual_memory() + MEGABYTES.get(kind, 1_000) * 10**6
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(first, last):
        generator = random.Random(f"{kind} {seed} {number}")
        name, content = subject.seeds[number % len(subject.seeds)]
        damaged = subject.damage(name, content, generator)
        path = folder / name
        print(json.dumps([number, name]), file=report)
        # The library may still have the earlier one mapped.
        path.unlink()
        path.write_bytes(damaged)
        # Even from within a library.
        faulthandler.dump_traceback_later(SECONDS.get(kind, 10) * 15, exit=True)
        started, outcome, reason = time.process_time(), "accepted", ""
        try:
            subject.read(path)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            outcome = "refused" if isinstance(error, subject.refusals) else "unexpected"
            if outcome == "refused" and any(word in reason.casefold() for word in ALLOCATION):
                outcome = "memory"
        seconds = time.process_time() - started
        faulthandler.cancel_dump_traceback_later()
        if outcome in ("accepted", "refused") and seconds > SECONDS.get(kind, 10):
            outcome, reason = "slow", f"{seconds:.1f} s"
        if outcome not in ("accepted", "refused"):
            _keep(kind, seed, number, path, damaged)
        print(json.dumps([number, name, outcome, reason, seconds]), file=report)
        path.unlink()
        path.write_bytes(content)


def _virtual_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _keep(kind: str, seed: int, number: int, path: Path, content: bytes) -> None:
    folder = ROOT / "outputs" / "torture"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}-{seed}-{number}-{path.name}").write_bytes(content)


def started(log: Path, kind: str, folder: Path, seed: int, first: int, last: int):
    """A process that does `work`: what it prints, and how to wait for its exit status."""
    arguments = ["--work", str(folder), str(first), str(last), "--seed", str(seed)]
    # No pipe: the decoder's complaints would fill it and wait.
    with open(log, "wb") as errors:
        command = [sys.executable, __file__, kind, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    return process.stdout, process.wait


def forked(log: Path, *arguments):
    """As `started`, without the seconds that its imports take: for tests, whose process has done them."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        try:
            for number, file in ((1, writer), (2, os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))):
                os.dup2(file, number)
            sys.stderr = open(2, "w", buffering=1)
            work(*arguments)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(70)
    os.close(writer)
    return open(reader), lambda: os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def torture(kind: str, folder: Path, count: int, seed: int = 0, start=started) -> dict:
    """Has `count` mutants read and returns what became of them: counts, and what was not borne.

    `faults` lists `[number, name, outcome, reason]` of every mutant that was neither accepted nor properly refused.
    """
    outcomes, faults, slowest, next_number, begin = Counter(), [], 0.0, 0, time.time()
    log = folder.with_name(f"{folder.name}.log")
    while next_number < count:
        output, wait = start(log, kind, folder, seed, next_number, count)
        begun = None
        for line in output:
            entry = json.loads(line)
            if len(entry) == 2:
                begun = entry
                continue
            number, name, outcome, reason, seconds = entry
            outcomes[outcome] += 1
            slowest, next_number, begun = max(slowest, seconds), number + 1, None
            if outcome not in ("accepted", "refused"):
                faults.append([number, name, outcome, reason[:300]])
        output.close()
        code, errors = wait(), log.read_text(errors="replace")
        if begun is None and next_number < count:
            raise RuntimeError(f"{kind}: the reading process ended with {code} before it began: {errors[-2000:]}")
        if begun is not None:
            number, name = begun
            outcome = "hung" if "Timeout (" in errors else "crashed"
            outcomes[outcome] += 1
            faults.append([number, name, outcome, f"exit code {code}: {errors[-300:]}"])
            next_number = number + 1
            shutil.rmtree(folder)
            folder.mkdir()
    return {
        "count": count,
        "seed": seed,
        **{name: outcomes[name] for name in ("accepted", "refused")},
        "faults": faults,
        "slowest_seconds": round(slowest, 3),
        "minutes": round((time.time() - begin) / 60, 1),
    }


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = ", ".join(KINDS)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="kind", help=f"{kinds}; default: all")
    parser.add_argument("--count", type=int, help=f"mutants of each kind (default: 1,000; but {COUNTS})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", nargs=3, metavar=("FOLDER", "FIRST", "LAST"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        folder, first, last = options.work
        work(options.kinds[0], Path(folder), options.seed, int(first), int(last))
        return 0
    import tempfile

    from tts_trm.benchmarks.common.measuring import RESULTS, write_results

    path = RESULTS / "hostile_files.json"
    results = json.loads(path.read_text()) if path.is_file() else {}
    results.pop("machine", None)
    for kind in options.kinds or KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / kind
            folder.mkdir()
            results[kind] = torture(kind, folder, options.count or COUNTS.get(kind, 1_000), options.seed)
        print(f"{kind}: {json.dumps(results[kind], indent=1)}", flush=True)
        write_results("hostile_files", results)
    return 1 if any(result["faults"] for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Damages files in thousands of ways and has the project's own readers read them, in a process with limits.

    python torture/hostile_files.py
    python torture/hostile_files.py audio --count 500 --seed 7

A reader may accept a file or refuse it with an error of its own. It may not crash, hang, fill memory, raise anything
else, or give speech that the file does not hold. Each mutant follows from its kind, seed and number alone; one that a
reader does not bear stays in `outputs/torture/`, to be looked at.
"""

import argparse
import faulthandler
import itertools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
    import _clone  # noqa: F401

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
COUNTS = {"audio": 10_000, "weights": 10_000, "configurations": 1_000}
SECONDS = {"audio": 10, "weights": 2, "configurations": 2}  # that a reader may take for one file
MEGABYTES = {"audio": 2_000, "weights": 1_000, "configurations": 1_000}  # beyond what the undamaged files take
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HOSTILE_VALUES = (
    *(None, True, -1, 0, 1, 2, 3, 7, 10**9, 10**30, -(10**18), 0.5, -0.5, float("nan"), float("inf")),
    *("", "a", "\0", "../../x", "/etc/passwd", "é" * 1000, "http://127.0.0.1:9/x"),
    *([], [[]], [-1], [0] * 1000, {}, {"a": 1}),
)  # fmt: skip
ALLOCATION = ("memory", "alloc", "too big")  # in the message of whoever asked for more than there may be


# -- damage -------------------------------------------------------------------------------------------------------


def mutate(content: bytes, random: random.Random, focus: int = 0) -> bytes:
    """`content` with one to four faults; three of four lie in its first `focus` bytes, if that is given."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        end = min(focus, len(data)) if focus and random.random() < 0.75 else len(data)
        place = random.randrange(max(1, end))
        span = random.choice((1, 2, 4, 16, 256, 4096))
        fault = random.randrange(7)
        if fault == 0 and data:
            data[min(place, len(data) - 1)] ^= 1 << random.randrange(8)
        elif fault == 1:
            data[place : place + span] = random.randbytes(len(data[place : place + span]))
        elif fault == 2:
            size = random.choice((1, 2, 4))
            value = random.choice(EXTREMES) % 256**size
            data[place : place + size] = value.to_bytes(size, random.choice(("little", "big")))
        elif fault == 3:
            del data[place : place + span]
        elif fault == 4:
            data[place:place] = data[place : place + span]
        elif fault == 5:
            data[place:place] = random.randbytes(span)
        else:
            del data[place:]
    return bytes(data)


def mutate_json(content: bytes, random: random.Random) -> bytes:
    """JSON of which one to three values are hostile, gone or new; one of four is damaged as bytes."""
    if random.random() < 0.25:
        return mutate(content, random)
    document = json.loads(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        places = list(_places(document))
        if not places:
            break
        # of long lists and vocabularies as seldom as of any other value
        holder, key = random.choice(random.choice([list(group) for _, group in itertools.groupby(places, _holder)]))
        fault = random.randrange(8)
        if fault == 0:
            del holder[key]
        elif fault == 1 and isinstance(holder, dict):
            name = random.choice(("", "x", "__class__", "auto_map", "model_type", "a.b"))
            holder[name] = random.choice(HOSTILE_VALUES)
        else:
            holder[key] = random.choice(HOSTILE_VALUES)
    return json.dumps(document).encode()


def _holder(place) -> int:
    return id(place[0])


def _places(node):
    """Every (container, key) of a JSON document."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, (dict, list)):
            yield from _places(value)


def mend_ogg(data: bytes) -> bytes:
    """`data` with the checksums of its Ogg pages made right, so that the damage gets as far as the decoder."""
    data, start = bytearray(data), 0
    while (start := data.find(b"OggS", start)) >= 0 and start + 27 <= len(data):
        table = data[start + 27 : start + 27 + data[start + 26]]
        end = start + 27 + len(table) + sum(table)
        data[start + 22 : start + 26] = bytes(4)
        checksum = 0
        for byte in data[start:end]:
            checksum = (checksum << 8 & 0xFFFFFFFF) ^ OGG_TABLE[checksum >> 24 ^ byte]
        data[start + 22 : start + 26] = checksum.to_bytes(4, "little")
        start += 4
    return bytes(data)


def _ogg_table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


OGG_TABLE = _ogg_table()


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

        from tts_trm.training.audio import AudioError

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
        from tts_trm.training.audio import load_clip, read_samples

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
        from tts_trm.voice import Voice, VoiceError

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
        header = 8 + int.from_bytes(content[:8], "little")
        if random.random() < 0.5:
            return mutate(content, random, focus=header)
        entries = mutate_json(content[8:header], random)  # a header that is well formed and lies
        return len(entries).to_bytes(8, "little") + entries + content[header:]


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
        except ValueError as error:  # settings that only show when it speaks
            raise self.refusals[0](str(error)) from error


KINDS = {"audio": Audio, "weights": Weights, "configurations": Configurations}


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
    os.dup2(2, 1)  # what a library prints is no report
    subject = KINDS[kind](folder)
    for name, _ in subject.seeds:  # undamaged: it must be accepted, and everything is imported
        subject.read(folder / name)
    limit = _virtual_memory() + MEGABYTES[kind] * 10**6
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(first, last):
        generator = random.Random(f"{kind} {seed} {number}")
        name, content = subject.seeds[number % len(subject.seeds)]
        damaged = subject.damage(name, content, generator)
        path = folder / name
        print(json.dumps([number, name]), file=report)
        path.unlink()  # the library may still have the earlier one mapped
        path.write_bytes(damaged)
        faulthandler.dump_traceback_later(SECONDS[kind] * 5, exit=True)  # even from within a library
        started, outcome, reason = time.perf_counter(), "accepted", ""
        try:
            subject.read(path)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            outcome = "refused" if isinstance(error, subject.refusals) else "unexpected"
            if outcome == "refused" and any(word in reason.casefold() for word in ALLOCATION):
                outcome = "memory"
        seconds = time.perf_counter() - started
        faulthandler.cancel_dump_traceback_later()
        if outcome in ("accepted", "refused") and seconds > SECONDS[kind]:
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


def torture(kind: str, folder: Path, count: int, seed: int = 0) -> dict:
    """Has `count` mutants read and returns what became of them: counts, and what was not borne.

    `faults` lists `[number, name, outcome, reason]` of every mutant that was neither accepted nor properly refused.
    """
    outcomes, faults, slowest, next_number, started = Counter(), [], 0.0, 0, time.time()
    while next_number < count:
        command = [sys.executable, __file__, kind, "--work", str(folder), str(next_number), str(count)]
        log = folder.with_name(f"{folder.name}.log")  # no pipe: the decoder's complaints would fill it and wait
        with open(log, "wb") as errors:
            process = subprocess.Popen(
                [*command, "--seed", str(seed)], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        begun = None
        for line in process.stdout:
            entry = json.loads(line)
            if len(entry) == 2:
                begun = entry
                continue
            number, name, outcome, reason, seconds = entry
            outcomes[outcome] += 1
            slowest, next_number, begun = max(slowest, seconds), number + 1, None
            if outcome not in ("accepted", "refused"):
                faults.append([number, name, outcome, reason[:300]])
        errors, code = log.read_text(errors="replace"), process.wait()
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
        "minutes": round((time.time() - started) / 60, 1),
    }


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = ", ".join(KINDS)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="kind", help=f"{kinds}; default: all")
    parser.add_argument("--count", type=int, help=f"mutants of each kind (default: {COUNTS})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", nargs=3, metavar=("FOLDER", "FIRST", "LAST"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        folder, first, last = options.work
        work(options.kinds[0], Path(folder), options.seed, int(first), int(last))
        return 0
    import tempfile

    from tts_trm.benchmarks.measuring import RESULTS, write_results

    path = RESULTS / "hostile_files.json"
    results = json.loads(path.read_text()) if path.is_file() else {}
    results.pop("machine", None)
    for kind in options.kinds or KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / kind
            folder.mkdir()
            results[kind] = torture(kind, folder, options.count or COUNTS[kind], options.seed)
        print(f"{kind}: {json.dumps(results[kind], indent=1)}", flush=True)
        write_results("hostile_files", results)
    return 1 if any(result["faults"] for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

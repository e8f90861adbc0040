"""What the tests share: the package of this checkout, no network, and a voice small enough to build in a second."""

import os
import runpy
import shutil
import signal
import string
from pathlib import Path

# Before the first import of huggingface_hub, which reads it once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, settings

# The same examples on every machine, however slow it is.
settings.register_profile(
    "project",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")

ROOT = Path(__file__).resolve().parent.parent
# Makes the checkout importable as `tts_trm`.
runpy.run_path(str(ROOT / "scripts" / "_clone.py"))
torch.set_num_threads(1)
# A shell starts what runs in the background with SIGINT ignored, and the commands that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

TINY_CODEBOOK_SIZE = 32
TINY_SPEAKERS = ("anna", "bert")
WORDS = "one two three four five six seven eight nine ten red green blue old new big".split()
TINY_ALPHABET = string.ascii_letters + string.digits + " .,!?'\"-:;"


@pytest.fixture(scope="session")
def tiny_codec_folder(tmp_path_factory) -> Path:
    """A folder with a random offline codec: 24 kHz, 12.5 frames per second, 32 codebooks of 32 entries."""
    from tts_trm import TtsTrmCodec, TtsTrmCodecConfig

    folder = tmp_path_factory.mktemp("tiny") / "tiny_codec"
    torch.manual_seed(0)
    config = TtsTrmCodecConfig(
        codebook_size=TINY_CODEBOOK_SIZE, num_layers=1, hidden_size=16, intermediate_size=16, kernel_size=3
    )
    TtsTrmCodec(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_voice(tmp_path_factory, tiny_codec_folder) -> Path:
    """A checkpoint folder that is complete in itself: random latent-head model, processor and codec, two speakers."""
    from tts_trm import TtsTrmConfig, TtsTrmModel, TtsTrmProcessor

    folder = tmp_path_factory.mktemp("tiny") / "tiny_voice"
    processor = TtsTrmProcessor.from_texts([TINY_ALPHABET], TINY_SPEAKERS, codec=str(tiny_codec_folder))
    processor.save_pretrained(folder)
    torch.manual_seed(0)
    config = TtsTrmConfig(
        vocab_size=len(processor.tokenizer),
        num_speakers=len(TINY_SPEAKERS),
        text_embed_dim=16,
        audio_embed_dim=16,
        hidden_dim=16,
        speaker_dim=8,
        text_layers=1,
        l_layers=1,
        h_cycles=2,
        l_cycles=1,
        num_heads=2,
        codebook_size=TINY_CODEBOOK_SIZE,
        codebook_chains=[32],
        codebook_entry_dim=160,
    )
    TtsTrmModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_recordings(tmp_path_factory) -> Path:
    """The data set of the tests as recordings of the tiny voice's two speakers; tests only read it."""
    folder = tmp_path_factory.mktemp("spoken") / "recordings"
    shutil.copytree(ROOT / "test_dataset", folder, ignore=shutil.ignore_patterns("mimi_tokens"))
    table = (folder / "metadata.csv").read_text(encoding="utf-8")
    (folder / "metadata.csv").write_text(table.replace(",slt", ",anna").replace(",rms", ",bert"), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def recordings(tmp_path_factory) -> Path:
    """Sixteen short clips of two speakers, each with a sentence of its own."""
    folder = tmp_path_factory.mktemp("recordings")
    rows, generator = ["file_name,text,speaker"], np.random.default_rng(0)
    for index, word in enumerate(WORDS):
        times = np.arange(24_000 * (6 + index % 4) // 10) / 24_000
        tone = np.sin(2 * np.pi * (100 + 20 * index) * times) + 0.1 * generator.normal(size=len(times))
        soundfile.write(folder / f"{index}.wav", 0.2 * tone, 24_000)
        rows.append(f"{index}.wav,{word} more,{('anna', 'bert')[index % 2]}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def tokens(recordings, tiny_codec_folder) -> Path:
    """Their tokens and durations."""
    from tts_trm.training import preparation
    from tts_trm.training.options import parse_arguments

    folder = recordings / "mimi_tokens"
    options = parse_arguments(["--data-dir", str(recordings), "--codec", str(tiny_codec_folder), "--num-workers", "0"])
    info = preparation.prepare_tokens(options, None, print)
    preparation.prepare_durations(options, preparation.make_processor(options, info), print)
    return folder

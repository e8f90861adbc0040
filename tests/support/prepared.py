"""Recordings and their tokens, for tests that change them."""

import numpy as np
import pytest
import soundfile

from tts_trm import TtsTrmProcessor
from tts_trm.data.recordings import read_folder
from tts_trm.data.tokenizing import tokenize_clips

RATE = 16_000


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keeps what `datasets` caches out of the user's home."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write_audio(path, seconds: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    times = np.arange(int(seconds * RATE)) / RATE
    samples = np.sin(2 * np.pi * generator.uniform(100, 300) * times) + 0.1 * generator.normal(size=len(times))
    soundfile.write(path, 0.2 * samples, RATE)


@pytest.fixture(name="recordings")
def make_recordings(tmp_path):
    """Ten clips of 0.4 to 1.1 seconds, two takes of each of five sentences, by two speakers."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    rows = ["file_name,text,speaker"]
    for index in range(10):
        write_audio(folder / f"{index}.wav", 0.4 + 0.07 * index, index)
        rows.append(f'{index}.wav,"No, {"vwxyz"[index % 5]}, hi",{("anna", "bert")[index % 2]}')
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(name="token_dir")
def make_token_dir(tmp_path, recordings, tiny_codec_folder):
    tokenize_clips(read_folder(recordings), str(tiny_codec_folder), tmp_path / "tokens", shard_size=4)
    return tmp_path / "tokens"


def processor_for(table, codec="codec") -> TtsTrmProcessor:
    return TtsTrmProcessor.from_texts(table["text"], sorted(set(table["speaker"])), codec=str(codec))


def content(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

"""Recordings to codes: fills a token folder (see `tokens.py`) shard by shard, in one process or in many.

Every shard carries the key of its preparation and the clips it skipped, so a preparation that was interrupted goes
on where it stopped, and ends in the same bytes.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from ..audio.reading import TARGET_LOUDNESS, AudioError
from ..files import atomic_path, remove_partial_files
from .clips import Clip, DataError, clips_key
from .codec_info import CODEBOOKS_FILE, FORMAT_VERSION, SHARD_SIZE, CodecInfo, locate_codec
from .shards import token_features
from .token_folder import TokenizeReport, read_header, read_report, shard_names, write_shard

# Entries: codes are stored as int16.
MAX_CODEBOOK = 2**15
# what a codec's configuration says of its file, not of its codes
ABOUT_THE_FILE = ("_name_or_path", "architectures", "auto_map", "dtype", "torch_dtype", "transformers_version")
# Seconds a clip that a batch may hold, padding included: one long clip must not fill memory.
MAX_MEAN_SECONDS = 20.0


def tokenize_clips(
    clips: Sequence[Clip],
    codec: str,
    output_dir: str | Path,
    revision: str | None = None,
    shard_size: int = SHARD_SIZE,
    batch_size: int = 16,
    num_workers: int = 1,
    process_index: int = 0,
    num_processes: int = 1,
    strict: bool = False,
) -> TokenizeReport:
    """Turns `clips` into the shards of a token folder, those that are missing only.

    Workers and processes change the speed and never the result: batches are the same runs of `batch_size` clips, each
    computed in one thread.

    Args:
        codec: Hub id or folder of the codec, at `revision`.
        shard_size: clips in one file; another size, other clips or another codec make another preparation.
        num_workers: worker processes of this process, over its GPUs if there are any.
        process_index, num_processes: this process' share of the shards, where several work on one folder.
        strict: whether a clip that cannot be read ends the preparation, instead of being skipped, named and counted.

    Raises:
        DataError: if there is no clip, the folder holds tokens of another codec, or (`strict`) for a bad clip.
        CodecError: if the codec cannot be had.
        OSError: if a file cannot be written; what was finished before stays valid.
    """
    from ..processing_tts_trm import codec_codebooks, load_codec

    if not clips:
        raise DataError("There is no clip to tokenise.")
    location = locate_codec(codec)
    model = load_codec(location, revision=revision)
    folder = Path(output_dir)
    info = CodecInfo.of(model, codec, revision)
    info.folder, info.shard_size, info.clips = str(folder), shard_size, clips_key(clips)
    if info.codebook_size > MAX_CODEBOOK:
        raise DataError(f"{codec}: has {info.codebook_size} entries per codebook; only {MAX_CODEBOOK} can be stored.")
    info.key = _preparation_key(info, model)
    names = shard_names(-(-len(clips) // shard_size))
    begin_folder(folder, info, codec_codebooks(model)[0], names, process_index)

    with_durations = any(clip.durations for clip in clips)
    encoded = frames = 0
    for index in range(process_index, len(names), num_processes):
        path = folder / names[index]
        header = read_header(path)
        if header is None or header["key"] != info.key:
            header = _encode_shard(
                path,
                clips[index * shard_size : (index + 1) * shard_size],
                info,
                {
                    "location": location,
                    "revision": revision,
                    "batch_size": batch_size,
                    "process_index": process_index,
                    "with_durations": with_durations,
                    "version": FORMAT_VERSION,
                },
                num_workers,
            )
            encoded, frames = encoded + header["num_clips"], frames + header["num_frames"]
        if strict and header["skipped"]:
            bad = header["skipped"][0]
            raise DataError(f"{bad['reason']} Repair or remove the clip {bad['name']}, or continue without --strict.")
    report = read_report(folder, info.frame_rate)
    if not report.num_clips and report.skipped:
        count, first = len(report.skipped), report.skipped[0]["reason"]
        raise DataError(f"None of the {count} clips can be used. The first one: {first}")
    report.num_encoded, report.hours_encoded = encoded, frames / info.frame_rate / 3600
    return report


def _preparation_key(info: CodecInfo, codec: PreTrainedModel) -> str:
    parts = [_weights_fingerprint(codec), info.format_version, TARGET_LOUDNESS, info.shard_size, info.clips]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _weights_fingerprint(codec: PreTrainedModel) -> str:
    """sha256 of settings and weights: the same codebooks behind another encoder are given other codes."""
    settings = codec.config.to_diff_dict()
    settings = {name: value for name, value in settings.items() if name not in ABOUT_THE_FILE}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, weights in sorted(codec.state_dict().items()):
        weights = weights.detach().cpu().contiguous().flatten()
        digest.update(f"{name} {weights.dtype} {weights.shape}".encode())
        digest.update(weights.view(torch.uint8).numpy())
    return digest.hexdigest()


def begin_folder(folder: Path, info: CodecInfo, codebooks: torch.Tensor, names: list[str], process_index: int) -> None:
    """Prepares the folder: refuses tokens of another codec, removes an older preparation with this codec."""
    try:
        old = CodecInfo.read(folder)
    except DataError:
        # Absent, damaged or of another version: begun anew.
        old = None
    if old and old.fingerprint != info.fingerprint:
        raise DataError(
            f"{folder}: holds tokens of the codec {old.codec} ({old.geometry}), not of {info.codec} "
            f"({info.geometry}); give another folder, or delete this one."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{folder}: cannot be made ({error}); give another folder.") from error
    if process_index:
        return
    remove_partial_files(folder)
    if old is None or old.key != info.key:
        for path in (*folder.glob("tokens-*.parquet"), *folder.glob("durations-*.parquet")):
            if path.name not in names:
                path.unlink(missing_ok=True)
    if old != info or not _has_codebooks(info):
        _write_codebooks(folder, codebooks)
        info.write()


def _has_codebooks(info: CodecInfo) -> bool:
    try:
        return info.codebooks() is not None
    except DataError:
        return False


def _write_codebooks(folder: Path, codebooks: torch.Tensor) -> None:
    from safetensors.torch import save

    half = codebooks.half()
    exact = torch.equal(half.float(), codebooks.float())
    with atomic_path(folder / CODEBOOKS_FILE) as partial:
        partial.write_bytes(save({"codebooks": (half if exact else codebooks.float()).contiguous().cpu()}))


def _encode_shard(path: Path, clips: Sequence[Clip], info: CodecInfo, options: dict, num_workers: int) -> dict:
    """Encodes one shard and returns its header."""
    import multiprocess
    import pyarrow.compute
    from datasets import Dataset, Value

    if num_workers > 1 and torch.cuda.is_available():
        # A forked process cannot use CUDA.
        multiprocess.set_start_method("spawn", force=True)
    # One row a batch, so that no worker cuts a batch.
    starts = list(range(0, len(clips), options["batch_size"]))
    features = token_features(info.num_codebooks, options["with_durations"])
    rows = Dataset.from_dict({"start": starts}).map(
        encode_batch,
        batched=True,
        batch_size=1,
        with_rank=True,
        remove_columns=["start"],
        features=type(features)(features | {"error": Value("string")}),
        fn_kwargs={"clips": clips, **options},
        num_proc=min(num_workers, len(starts)) if num_workers > 1 else None,
        new_fingerprint=hashlib.sha256(f"{info.key} {path.name}".encode()).hexdigest()[:16],
        desc=f"{path.name} (batches)",
    )
    table = rows.data.table
    bad = table.filter(pyarrow.compute.not_equal(table["error"], "")).select(["name", "error"]).to_pylist()
    table = table.filter(pyarrow.compute.equal(table["error"], "")).drop_columns(["error"])
    skipped = [{"name": row["name"], "reason": row["error"]} for row in bad]
    return write_shard(path, table.cast(features.arrow_schema), info, skipped)


def encode_batch(
    starts: dict,
    rank: int | None,
    clips: Sequence[Clip],
    location: str,
    revision: str | None,
    batch_size: int,
    process_index: int,
    with_durations: bool,
    version: int,
) -> dict:
    """The `datasets` map step: the clips from `starts["start"][0]` on become rows of codes.

    The codec is loaded here, once in each worker: were it an argument, all its weights would travel and be hashed.
    """
    from ..processing_tts_trm import load_codec

    threads = torch.get_num_threads()
    # The workers share the cores, and sums do not depend on their number.
    torch.set_num_threads(1)
    try:
        codec = load_codec(location, revision=revision)
        if torch.cuda.is_available():
            codec = codec.to(f"cuda:{(process_index + (rank or 0)) % torch.cuda.device_count()}")
        chosen = clips[starts["start"][0] : starts["start"][0] + batch_size]
        waveforms, errors = {}, {}
        for index, clip in enumerate(chosen):
            try:
                waveforms[index] = clip.load(codec.config.sampling_rate)
            except AudioError as error:
                errors[index] = str(error)
        codes = _encode(codec, waveforms, batch_size)
    finally:
        torch.set_num_threads(threads)
    levels = codec.config.num_quantizers
    rows = {
        "name": [clip.name for clip in chosen],
        "text": [clip.text for clip in chosen],
        "speaker": [clip.speaker for clip in chosen],
        "audio_codes": [codes.get(index, np.zeros((levels, 0), np.int16)) for index in range(len(chosen))],
        "num_frames": [codes[index].shape[1] if index in codes else 0 for index in range(len(chosen))],
        "error": [errors.get(index, "") for index in range(len(chosen))],
    }
    return rows | ({"durations": [clip.durations or [] for clip in chosen]} if with_durations else {})


@torch.no_grad()
def _encode(codec: PreTrainedModel, waveforms: dict[int, np.ndarray], batch_size: int) -> dict[int, np.ndarray]:
    """Waveforms `[L]` to codes `[K, T]` int16, longest first, in batches that are bounded in samples."""
    size = round(codec.config.sampling_rate / codec.config.frame_rate)
    budget = int(batch_size * MAX_MEAN_SECONDS * codec.config.sampling_rate)
    left = sorted(waveforms, key=lambda index: -len(waveforms[index]))
    codes = {}
    while left:
        frames = -(-len(waveforms[left[0]]) // size)
        count = max(budget // (frames * size), 1)
        batch, left = left[:count], left[count:]
        # whole frames of zeros: then codes in a batch equal codes alone, in both codecs
        padded = torch.zeros(len(batch), 1, frames * size)
        for row, index in zip(padded, batch, strict=True):
            row[0, : len(waveforms[index])] = torch.from_numpy(waveforms[index])
        batch_codes = codec.encode(padded.to(codec.device)).audio_codes.cpu().numpy()
        if batch_codes.min() < 0 or batch_codes.max() >= codec.config.codebook_size:
            raise DataError(
                f"The codec gave codes {batch_codes.min()}..{batch_codes.max()}, its own range is "
                f"0..{codec.config.codebook_size - 1}; is it damaged?"
            )
        for row, index in zip(batch_codes, batch, strict=True):
            codes[int(index)] = row[:, : -(-len(waveforms[index]) // size)].astype(np.int16)
        left = list(left)
    return codes

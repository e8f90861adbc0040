"""Turns recordings into a folder of tokens before training.

    python scripts/tokenize_dataset.py --data-dir recordings --codec kyutai/mimi --output-dir tokens
    accelerate launch scripts/tokenize_dataset.py --dataset org/name --output-dir tokens --push-to-hub me/tokens

Finished shards are skipped, so the same command continues after an interruption. `run_training.py --token-dir` trains
from the folder; `datasets.load_dataset("parquet", data_files="tokens/tokens-*.parquet")` reads it too.
"""

import argparse
import os
import sys
import time
from pathlib import Path

if not __package__:
    import _clone  # noqa: F401

from collections.abc import Sequence

from tts_trm.commands import run_command
from tts_trm.errors_tts_trm import InputError


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data-dir", nargs="+", help="folders with a table and audio")
    source.add_argument("--dataset", help="Hub data set, or a folder of parquet files in the same form")
    parser.add_argument(
        "--table-columns", help="columns of tables without a header: file,text,speaker; - skips a column"
    )
    parser.add_argument("--text-column", default="text", help="name of the text column")
    parser.add_argument("--audio-column", default="audio", help="name of the audio column")
    parser.add_argument("--speaker-column", default="speaker", help="name of the speaker column")
    parser.add_argument("--split", default="train", help="split of the data set; join several Hub splits with +")
    parser.add_argument("--dataset-config", help="configuration of a Hub data set that has several")
    parser.add_argument("--codec", default="kyutai/mimi", help="Hub id or folder of the codec")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for the tokens")
    parser.add_argument(
        "--num-workers",
        type=int,
        help="worker processes (default: one per GPU, else one per core, divided among launched processes)",
    )
    parser.add_argument("--batch-size", type=int, default=16, help="clips encoded together")
    parser.add_argument("--shard-size", type=int, default=2000, help="clips per file")
    parser.add_argument("--strict", action="store_true", help="stop at the first clip that cannot be read")
    parser.add_argument("--push-to-hub", metavar="REPO", help="Hub data set to upload the tokens to")
    options = parser.parse_args(arguments)
    for name in ("num_workers", "batch_size", "shard_size"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, not {getattr(options, name)}")
    return options


def tokenize(options: argparse.Namespace) -> None:
    import torch
    from accelerate import PartialState
    from accelerate.utils import gather_object

    from tts_trm.data.codec_info import CodecInfo
    from tts_trm.data.hub_datasets import read_hub
    from tts_trm.data.sources import read_chosen
    from tts_trm.data.token_folder import read_report
    from tts_trm.data.tokenizing import tokenize_clips
    from tts_trm.publishing.token_upload import push_tokens

    state = PartialState()
    if options.dataset and options.table_columns:
        raise InputError("--table-columns is for tables in folders; name the columns of a data set one by one.")
    if options.dataset:
        columns = (options.text_column, options.audio_column, options.speaker_column)
        clips = read_hub(options.dataset, *columns, options.split, options.dataset_config)
    else:
        if missing := [folder for folder in options.data_dir if not Path(folder).is_dir()]:
            raise InputError(f"{missing[0]}: is not a folder; use --dataset for a Hub data set.")
        clips = read_chosen(options)
    devices = torch.cuda.device_count() or os.cpu_count() or 1
    started = time.time()
    report = tokenize_clips(
        clips,
        options.codec,
        options.output_dir,
        shard_size=options.shard_size,
        batch_size=options.batch_size,
        num_workers=options.num_workers or max(devices // state.num_processes, 1),
        process_index=state.process_index,
        num_processes=state.num_processes,
        strict=options.strict,
    )
    # Also waits until all have ended.
    encoded = sum(gather_object([report.hours_encoded]))
    if not state.is_main_process:
        return
    report = read_report(options.output_dir, CodecInfo.read(options.output_dir).frame_rate)
    seconds = time.time() - started
    speed = f"encoded {encoded:.2f} h in {seconds:.0f} s ({encoded * 3600 / seconds:.0f} times real time)"
    print(f"{report}; {speed} -> {options.output_dir}")
    if options.push_to_hub:
        print(push_tokens(options.output_dir, options.push_to_hub))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command(lambda: tokenize(options))


if __name__ == "__main__":
    sys.exit(main())

"""How large should the offline codec's decoder be? Each size is trained for the same minutes on the same codebooks.

    python benchmarks/quality/codec_sizes.py --data-dir recordings --codec pretrained/tts-trm-mini/codec --minutes 5
    python benchmarks/quality/codec_sizes.py --report

Sizes that `--output` has are skipped, so the command can be stopped and started again.
"""

import argparse
import sys
import tempfile
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import _clone  # noqa: F401

from tts_trm.benchmarks.ablations.run_ablations import append_result, read_results
from tts_trm.benchmarks.common.markdown_tables import write_table
from tts_trm.benchmarks.common.measuring import ROOT, compare, table

RESULTS = ROOT / "docs" / "results" / "codec_sizes.json"
PAGE = ROOT / "docs" / "ablations.md"
# Name -> fields of TtsTrmCodecConfig.
SIZES = {
    "6 layers of 128": {"hidden_size": 128, "intermediate_size": 384, "num_layers": 6},
    "6 layers of 256 (the bundled codec's)": {},
    "12 layers of 256": {"num_layers": 12},
    "6 layers of 384": {"hidden_size": 384, "intermediate_size": 1152, "num_layers": 6},
}
# Of audio, whose decoding is timed.
SECONDS = 5


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", nargs="+", help="folders with metadata.csv and audio")
    parser.add_argument("--codec", default=str(ROOT / "pretrained" / "tts-trm-mini" / "codec"), help="whose codebooks")
    parser.add_argument("--speaker", default="", help="whose held-out clips are heard (default: all speakers')")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training for each size (default: 5)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON (default: docs/results/codec_sizes.json)")
    parser.add_argument("--report", action="store_true", help="write the table into docs/ablations.md")
    command = parser.parse_args(arguments)
    if not command.report and not command.data_dir:
        parser.error("give --data-dir with recordings, or --report to write the table alone")
    return command


def untrained(codec, fields: dict):
    """A codec with the components and codebooks of `codec`, and a new decoder of another size."""
    import torch

    from tts_trm import TtsTrmCodec, TtsTrmCodecConfig

    torch.manual_seed(0)
    other = TtsTrmCodec(TtsTrmCodecConfig(**(codec.config.to_diff_dict() | fields)))
    for name, buffer in codec.named_buffers():
        other.get_buffer(name).copy_(buffer)
    return other


def run(command, name: str) -> dict:
    """Trains one size and measures it."""
    import torch

    from tts_trm.processing_tts_trm import load_codec
    from tts_trm.scripts import train_codec
    from tts_trm.training.codec_training import CodecTraining

    with tempfile.TemporaryDirectory() as folder:
        untrained(load_codec(command.codec), SIZES[name]).save_pretrained(folder)
        options = ["--data-dir", *command.data_dir, "--output-dir", folder, "--minutes", str(command.minutes)]
        training = CodecTraining(train_codec.parse_arguments([*options, "--report-speaker", command.speaker]))
        training.fit()
        training.train()
        report = training.report()
        codec = training.codec
    codes = torch.randint(0, codec.config.codebook_size, (1, 32, round(codec.config.frame_rate * SECONDS)))
    seconds = compare({name: lambda: codec.decode(codes)})[name] / SECONDS
    return {"name": name, "minutes": command.minutes, "seconds_per_audio_second": seconds, **report}


def tables(results: list[dict]) -> str:
    """The results as Markdown."""
    if not results:
        return "\nNot run yet.\n\n"
    rows = []
    for result in results:
        heard = [result.get(f"recognised_{level}") for level in ("recordings", 32, 16, 8)]
        rates = [f"{100 * each['word_error_rate']:.1f} %" if each else "" for each in heard]
        distance = f"{result['log_mel_distance']['32']:.3f}"
        row = [result["name"], f"{result['parameters'] / 1e6:.2f} M", f"{result['seconds_per_audio_second']:.4f}"]
        rows.append([*row, distance, *rates])
    headings = ["decoder", "parameters", "s per s", "log-mel distance", "recordings", "32 codebooks", "16", "8"]
    return table(headings, rows)


def main(arguments=None) -> int:
    command = parse_arguments(arguments)
    try:
        if command.data_dir:
            done = {(result["name"], result["minutes"]) for result in read_results(command.output)}
            for name in SIZES:
                if (name, command.minutes) not in done:
                    append_result(command.output, run(command, name))
        if command.report:
            write_table(PAGE, "codec", tables(read_results(command.output)))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The command line of `run_training.py`: the guide's options under their names and defaults, and ours."""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors_tts_trm import InputError

# fields of the model's configuration, and the options that decide them
MODEL_OPTIONS = {
    "text_embed_dim": "text_embed_dim",
    "audio_embed_dim": "audio_embed_dim",
    "hidden_dim": "hidden_dim",
    "text_layers": "text_layers",
    "l_layers": "L_layers",
    "h_cycles": "H_cycles",
    "l_cycles": "L_cycles",
    "num_heads": "num_heads",
    "convolution_kernel": "convolution_kernel",
    "share_output_heads": "share_output_heads",
    "max_text_length": "max_text_length",
    "max_audio_frames": "max_audio_frames",
    "dropout": "dropout",
    "alignment": "alignment",
    "upsampling_steps": "upsampling_steps",
    "answer_injection": "answer_injection",
    "codebook_head": "codebook_head",
    "gradient_cycles": "gradient_cycles",
    "fine_frame_fraction": "fine_frame_fraction",
}


class ConfigFileError(InputError):
    """A configuration file that cannot be used; the message names it and the fix."""


def build_parser() -> argparse.ArgumentParser:
    """The parser; importing this module imports neither torch nor transformers."""
    parser = argparse.ArgumentParser(
        prog="run_training.py",
        description="Trains a voice: accelerate launch run_training.py --data-dir my_recordings",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, help="YAML or JSON file with any of the options below, names as here")
    parser.add_argument(
        "--from-pretrained",
        metavar="VOICE",
        help="start from the weights of this voice, folder or Hub id; its sizes and its codec become the defaults",
    )

    data = parser.add_argument_group("data")
    data.add_argument("--data-dir", nargs="+", default=["test_dataset"], help="folders with metadata.csv, or Hub names")
    data.add_argument("--token-dir", type=Path, help="tokenised data (default: mimi_tokens in the first data folder)")
    data.add_argument("--text-column", default="text", help="of a Hub data set")
    data.add_argument("--audio-column", default="audio", help="of a Hub data set")
    data.add_argument("--speaker-column", default="speaker", help="of a Hub data set")
    data.add_argument(
        "--languages",
        nargs="+",
        default=["en"],
        help="of the texts, for numbers and abbreviations: a code (en, de, ...), and those of other speakers, anna=de",
    )
    data.add_argument("--split", default="train", help="of a Hub data set; several are joined by +")
    data.add_argument("--dataset-config", help="of a Hub data set that has several")
    data.add_argument("--codec", help="Hub id or folder (default: the tokens' own, else kyutai/mimi)")
    data.add_argument("--max-text-length", type=int, default=512, help="longer texts are left out (characters)")
    data.add_argument("--max-audio-frames", type=int, default=256, help="longer clips are left out (80 ms frames)")
    data.add_argument("--held-out", type=float, default=0.04, help="share of the sentences that is only evaluated")
    data.add_argument("--streaming", action="store_true", help="read one shard of tokens after the other (--max-steps)")
    data.add_argument("--strict", action="store_true", help="stop at the first clip that cannot be read")

    model = parser.add_argument_group("model")
    model.add_argument("--text-embed-dim", type=int, default=256, help="width of the text encoder")
    model.add_argument("--audio-embed-dim", type=int, default=256, help="width of the recursion")
    model.add_argument("--hidden-dim", type=int, default=512, help="inner width of the feed-forward layers")
    model.add_argument("--text-layers", type=int, default=4, help="layers of the text encoder")
    model.add_argument("--L-layers", "--l-layers", type=int, default=2, help="different blocks of the recursion")
    model.add_argument("--H-cycles", "--h-cycles", type=int, default=3, help="high-level cycles")
    model.add_argument("--L-cycles", "--l-cycles", type=int, default=6, help="low-level cycles in each of them")
    model.add_argument("--num-heads", type=int, default=8, help="attention heads")
    model.add_argument("--convolution-kernel", type=int, default=9, help="of the feed-forward layers (0 = none)")
    model.add_argument(
        "--share-output-heads", type=_boolean, nargs="?", const=True, default=False, help="one output for all codebooks"
    )
    model.add_argument("--alignment", default="durations", help="durations, length or none")
    model.add_argument("--upsampling-steps", type=int, default=4, help="moments of a frame at which text is read")
    model.add_argument("--answer-injection", default="add", help="add or cross_attention")
    model.add_argument("--codebook-head", default="latent", help="latent, depth or parallel")
    model.add_argument("--gradient-cycles", type=int, default=0, help="last cycles that carry gradient (0 = all)")
    model.add_argument("--fine-frame-fraction", type=float, default=1.0, help="frames that train the fine codebooks")
    model.add_argument("--dropout", type=float, default=0.1, help="dropout probability")

    training = parser.add_argument_group("training")
    training.add_argument("--epochs", type=int, default=100, help="passes over the data")
    training.add_argument("--max-steps", type=int, default=0, help="optimizer steps, instead of epochs (0 = off)")
    training.add_argument("--batch-size", type=int, default=8, help="clips a batch and process")
    training.add_argument("--frames-per-batch", type=int, default=0, help="batches of about this size (0 = batch-size)")
    training.add_argument("--gradient-accumulation-steps", type=int, default=1, help="batches an optimizer step")
    training.add_argument("--lr", type=float, default=1e-4, help="peak learning rate")
    training.add_argument(
        "--body-lr",
        type=float,
        default=1.0,
        help="share of --lr for what --from-pretrained knows: all but rows of speakers and new characters (0 = frozen)",
    )
    training.add_argument("--warmup-steps", type=int, default=150, help="steps of linear warm-up, at most a tenth")
    training.add_argument("--weight-decay", type=float, default=0.1, help="AdamW's, on matrices only")
    training.add_argument("--grad-clip", type=float, default=1.0, help="largest gradient norm")
    training.add_argument("--ema-decay", type=float, default=0.999, help="of the averaged weights (0 = no average)")
    training.add_argument(
        "--fp16", type=_boolean, nargs="?", const=True, default=False, help="mixed precision in float16 (GPU)"
    )
    training.add_argument(
        "--bf16", type=_boolean, nargs="?", const=True, default=False, help="mixed precision in bfloat16"
    )
    training.add_argument(
        "--resume-from-checkpoint", default="auto", help="folder, auto (the newest valid one, if any) or none"
    )

    logging = parser.add_argument_group("logging")
    logging.add_argument("--log-interval", type=int, default=10, help="steps between two log lines")
    logging.add_argument("--eval-interval", type=int, default=500, help="steps between two evaluations")
    logging.add_argument("--save-interval", type=int, default=1000, help="steps between two checkpoints")
    logging.add_argument("--keep-checkpoints", type=int, default=3, help="step_* checkpoints kept (0 = all)")
    logging.add_argument("--output-dir", type=Path, default=Path("outputs/tts"), help="checkpoints, samples, logs")
    logging.add_argument("--run-name", help="for the trackers (default: the output folder and the time)")
    logging.add_argument("--wandb", action="store_true", help="log to Weights & Biases (WANDB_MODE=offline works)")
    logging.add_argument("--trackio", action="store_true", help="log to trackio")
    logging.add_argument("--no-tensorboard", action="store_true", help="do not log to TensorBoard")
    logging.add_argument("--push-to-hub", metavar="REPO", help="upload the final checkpoint, and best ones on the way")

    samples = parser.add_argument_group("samples")
    samples.add_argument("--sample-interval", type=int, default=0, help="steps between two samplings (0 = off)")
    samples.add_argument("--num-samples", type=int, default=3, help="samples each time, where no prompts are given")
    samples.add_argument("--sample-prompts", nargs="+", help="texts to speak")
    samples.add_argument("--sample-prompts-file", type=Path, help="file of texts: text, id|text, name|text, # comment")
    samples.add_argument("--sample-speaker", default="0", help="speaker of texts without one")
    samples.add_argument("--sample-temperature", type=float, default=0.8, help="of sampling heads")
    samples.add_argument("--sample-top-k", type=int, default=50, help="of sampling heads")

    system = parser.add_argument_group("system")
    system.add_argument("--num-workers", type=int, default=4, help="processes that prepare and load data")
    system.add_argument("--seed", type=int, default=42, help="random seed")
    system.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"], help="where to compute")
    return parser


def _boolean(value: str) -> bool:
    lowered = str(value).lower()
    if lowered not in ("true", "false", "1", "0", "yes", "no"):
        raise argparse.ArgumentTypeError(f"{value!r} is neither true nor false")
    return lowered in ("true", "1", "yes")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options from the command line, which wins, from `--config`, and sizes from `--from-pretrained`."""
    parser = build_parser()
    config_file = parser.parse_known_args(arguments)[0].config
    try:
        chosen = {} if config_file is None else _read_config_file(parser, config_file)
        parser.set_defaults(**chosen)
        voice = parser.parse_known_args(arguments)[0].from_pretrained
        if voice is not None:
            parser.set_defaults(**read_sizes(voice) | chosen)
    except ConfigFileError as error:
        parser.error(str(error))
    options = parser.parse_args(arguments)
    _check(parser, options)
    return options


def read_sizes(voice: str) -> dict:
    """The options by which the voice in a folder or on the Hub was made.

    Raises:
        ConfigFileError: if it is no voice, or cannot be had.
    """
    try:
        path = Path(voice) / "config.json"
        if not Path(voice).is_dir():
            from huggingface_hub import hf_hub_download

            path = hf_hub_download(voice, "config.json")
        config = json.loads(Path(path).read_text(encoding="utf-8"))
        return {option: config[field] for field, option in MODEL_OPTIONS.items()}
    except (OSError, ValueError) as error:
        raise ConfigFileError(f"--from-pretrained {voice}: cannot be read ({error})") from error
    except (KeyError, TypeError) as error:
        raise ConfigFileError(f"--from-pretrained {voice}: its config.json has no {error}") from error


def _read_config_file(parser: argparse.ArgumentParser, path: Path) -> dict:
    """The file's values by option, each checked as if it stood on the command line."""
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            values = json.loads(content)
        else:
            import yaml

            values = yaml.safe_load(content)
    except (OSError, ValueError) as error:
        raise ConfigFileError(f"{path}: cannot be read ({error})") from error
    except Exception as error:  # yaml's errors share no base with the above, and yaml may be missing
        raise ConfigFileError(f"{path}: is no valid YAML ({error})") from error
    if not isinstance(values, dict):
        raise ConfigFileError(f"{path}: must hold option names and values, such as `batch-size: 16`")
    known = {
        name.lstrip("-").replace("-", "_").lower(): action
        for action in parser._actions
        for name in action.option_strings
        if action.dest not in ("help", "config")
    }
    words = []
    for name, value in values.items():
        action = known.get(str(name).replace("-", "_").lower())
        if action is None:
            raise ConfigFileError(f"{path}: the option {name!r} is unknown; see run_training.py --help")
        if value is None or (value is False and action.nargs == 0):
            continue
        words.append(action.option_strings[0])
        if not (value is True and action.nargs == 0):
            words += [str(item) for item in value] if isinstance(value, list) else [str(value)]
    chosen = parser.parse_args(words)
    named = {known[str(name).replace("-", "_").lower()].dest for name in values}
    return {name: getattr(chosen, name) for name in named}


def read_languages(words: list[str]) -> dict[str, str]:
    """`["en", "anna=de"]` as `{"": "en", "anna": "de"}`: by speaker, "" for all others.

    Raises:
        ValueError: for what is neither a language nor that of a speaker.
    """
    languages = {"": "en"}
    for word in words:
        speaker, _, code = word.rpartition("=")
        if not re.fullmatch(r"[a-z]{2,3}(?:_[A-Z]{2})?", code):
            raise InputError(f"--languages: {word!r} is neither a code such as en nor a speaker's, such as anna=de")
        languages[speaker] = code
    return languages


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuses values that can only be mistakes, before anything is loaded."""
    for name in (
        "epochs batch_size gradient_accumulation_steps log_interval eval_interval save_interval max_text_length "
        "max_audio_frames num_samples"
    ).split():
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, not {getattr(options, name)}")
    for name in "max_steps frames_per_batch warmup_steps keep_checkpoints sample_interval num_workers".split():
        if getattr(options, name) < 0:
            parser.error(f"--{name.replace('_', '-')} must be at least 0, not {getattr(options, name)}")
    for name in ("lr", "grad_clip"):
        if not getattr(options, name) > 0:
            parser.error(f"--{name.replace('_', '-')} must be above 0, not {getattr(options, name)}")
    if not 0 < options.held_out < 1:
        parser.error(f"--held-out must be between 0 and 1, not {options.held_out}")
    if options.streaming and not options.max_steps:
        parser.error("--streaming needs --max-steps: how many batches an epoch has is not known before it is over")
    try:
        options.languages = read_languages(options.languages)
    except ValueError as error:
        parser.error(str(error))
    if not 0 <= options.body_lr <= 1:
        parser.error(f"--body-lr must be between 0 and 1, not {options.body_lr}")
    if options.body_lr < 1 and not options.from_pretrained:
        parser.error(
            f"--body-lr {options.body_lr}: only a voice that can speak can keep its weights; --from-pretrained"
        )
    if options.output_dir.exists() and not options.output_dir.is_dir():
        parser.error(f"--output-dir {options.output_dir} is a file; give a folder")
    if options.fp16 and options.bf16:
        parser.error("--fp16 and --bf16 exclude each other")
    if options.token_dir is None and Path(options.data_dir[0]).is_dir():
        options.token_dir = Path(options.data_dir[0]) / "mimi_tokens"

"""The options of `run_training.py`: the original specification's names and defaults, and ours.

[`TrainingOptions`] is the list of them; parser, help, configuration files and checks are made from it. This module
imports neither torch nor transformers, so that `--help` is there at once.
"""

import argparse
import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

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


def option(
    default: Any,
    text: str,
    *,
    also: str | None = None,
    switch: bool = True,
    metavar: str | None = None,
    choices: tuple[str, ...] | None = None,
    at_least: float | None = None,
    above: float | None = None,
) -> Any:
    """A field of [`TrainingOptions`] with its help `text`.

    Args:
        default: the value; a tuple stands for a list.
        also: a second spelling of the option.
        switch: a bool that takes no value; otherwise `--bf16` and `--bf16 false` both work, as configuration files
            of other projects have them.
        metavar, choices: as in `argparse`.
        at_least, above: limits of the value.
    """
    metadata = {
        "help": text,
        "also": also,
        "switch": switch,
        "metavar": metavar,
        "choices": choices,
        "at_least": at_least,
        "above": above,
    }
    if isinstance(default, tuple):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """The options of a run, from the command line, a configuration file or code. They never change.

    Raises:
        ValueError: for values that can only be mistakes; the message names the option.
    """

    config: Path | None = option(None, "YAML or JSON file with any of the options below, by the same names")
    from_pretrained: str | None = option(
        None,
        "fine-tune this voice (folder or Hub id); its sizes and codec become the defaults",
        metavar="VOICE",
    )

    # data
    data_dir: list[str] = option(("test_dataset",), "folders with metadata.csv, or Hub names")
    token_dir: Path = option(None, "tokenised data (default: mimi_tokens in the first data folder)")
    text_column: str = option("text", "text column of a Hub data set or a table with a header")
    audio_column: str = option("audio", "audio column of a Hub data set or a table with a header")
    speaker_column: str = option("speaker", "speaker column of a Hub data set or a table with a header")
    table_columns: str | None = option(
        None, "columns of tables without a header, in order: file,text,speaker; - skips a column", metavar="NAMES"
    )
    languages: list[str] = option(
        ("en",),
        "language in which numbers and abbreviations are read (en, de, ...), and exceptions by speaker, anna=de",
    )
    split: str = option("train", "split of a Hub data set; join several with +")
    dataset_config: str | None = option(None, "configuration of a Hub data set that has several")
    codec: str | None = option(None, "Hub id or folder (default: the tokens' own, else kyutai/mimi)")
    max_text_length: int = option(512, "longest text, in characters; longer ones are skipped", at_least=1)
    max_audio_frames: int = option(256, "longest clip, in frames of 80 ms; longer ones are skipped", at_least=1)
    held_out: float = option(0.04, "share of the sentences that are held out for evaluation")
    streaming: bool = option(False, "read one shard of tokens at a time; needs --max-steps")
    strict: bool = option(False, "stop at the first clip that cannot be read")

    # model
    text_embed_dim: int = option(256, "width of the text encoder")
    audio_embed_dim: int = option(256, "width of the recursion")
    hidden_dim: int = option(512, "inner width of the feed-forward layers")
    text_layers: int = option(4, "layers of the text encoder")
    L_layers: int = option(2, "different blocks of the recursion", also="--l-layers")
    H_cycles: int = option(3, "high-level cycles", also="--h-cycles")
    L_cycles: int = option(6, "low-level cycles in each of them", also="--l-cycles")
    num_heads: int = option(8, "attention heads")
    convolution_kernel: int = option(9, "kernel size of the convolution in feed-forward layers (0 = none)")
    share_output_heads: bool = option(False, "one output for all codebooks", switch=False)
    alignment: str = option("durations", "durations, length or none")
    upsampling_steps: int = option(4, "moments per frame at which the text is read")
    answer_injection: str = option("add", "add or cross_attention")
    codebook_head: str = option("latent", "latent, depth or parallel")
    gradient_cycles: int = option(0, "number of last cycles that carry gradient (0 = all)")
    fine_frame_fraction: float = option(1.0, "share of frames that train the fine codebooks")
    dropout: float = option(0.1, "dropout probability")

    # training
    epochs: int = option(100, "passes over the data", at_least=1)
    max_steps: int = option(0, "optimizer steps; replaces --epochs (0 = off)", at_least=0)
    batch_size: int = option(8, "clips per batch and process", at_least=1)
    frames_per_batch: int = option(0, "batches of about this many frames (0 = use --batch-size)", at_least=0)
    gradient_accumulation_steps: int = option(1, "batches per optimizer step", at_least=1)
    lr: float = option(0.0001, "peak learning rate", above=0)
    body_lr: float = option(
        1.0, "share of --lr for the pretrained weights: all but speakers and new characters (0 = frozen)"
    )
    warmup_steps: int = option(150, "steps of linear warm-up, at most a tenth of all", at_least=0)
    weight_decay: float = option(0.1, "AdamW's weight decay, on matrices only")
    grad_clip: float = option(1.0, "largest gradient norm", above=0)
    ema_decay: float = option(0.999, "decay of the averaged weights (0 = no average)")
    fp16: bool = option(False, "mixed precision in float16 (GPU)", switch=False)
    bf16: bool = option(False, "mixed precision in bfloat16", switch=False)
    resume_from_checkpoint: str = option("auto", "folder, auto (the newest valid one, if any) or none")

    # logging
    log_interval: int = option(10, "steps between two log lines", at_least=1)
    eval_interval: int = option(500, "steps between two evaluations", at_least=1)
    save_interval: int = option(1000, "steps between two checkpoints", at_least=1)
    keep_checkpoints: int = option(3, "step_* checkpoints kept (0 = all)", at_least=0)
    output_dir: Path = option(Path("outputs/tts"), "folder for checkpoints, samples and logs")
    run_name: str | None = option(None, "name for the trackers (default: output folder and time)")
    wandb: bool = option(False, "log to Weights & Biases (WANDB_MODE=offline works)")
    trackio: bool = option(False, "log to trackio")
    no_tensorboard: bool = option(False, "do not log to TensorBoard")
    push_to_hub: str | None = option(None, "upload each best checkpoint and the final one", metavar="REPO")

    # samples
    sample_interval: int = option(0, "steps between spoken samples (0 = off)", at_least=0)
    num_samples: int = option(3, "number of samples if no prompts are given", at_least=1)
    sample_prompts: list[str] | None = option(None, "texts to speak")
    sample_prompts_file: Path | None = option(None, "file of texts: text, id|text, name|text, # comment")
    sample_speaker: str = option("0", "speaker of texts without one")
    sample_temperature: float = option(0.8, "temperature of heads that sample")
    sample_top_k: int = option(50, "top-k of heads that sample")

    # system
    num_workers: int = option(4, "processes that prepare and load data", at_least=0)
    seed: int = option(42, "random seed")
    device: str = option("auto", "device to compute on", choices=("auto", "cuda", "mps", "cpu"))

    def __post_init__(self) -> None:
        self._check_limits()
        self._check_together()
        if self.token_dir is None:
            # Data sets of the Hub have no folder of their own.
            recordings, own = Path(self.data_dir[0]), self.output_dir / "tokens"
            object.__setattr__(self, "token_dir", recordings / "mimi_tokens" if recordings.is_dir() else own)

    def _check_limits(self) -> None:
        for field in dataclasses.fields(self):
            name, value = "--" + field.name.replace("_", "-"), getattr(self, field.name)
            at_least, above = field.metadata["at_least"], field.metadata["above"]
            if at_least is not None and not value >= at_least:
                raise InputError(f"{name} must be at least {at_least}, not {value}")
            if above is not None and not value > above:
                raise InputError(f"{name} must be above {above}, not {value}")
        read_languages(self.languages)
        if not 0 < self.held_out < 1:
            raise InputError(f"--held-out must be between 0 and 1, not {self.held_out}")
        if not 0 <= self.body_lr <= 1:
            raise InputError(f"--body-lr must be between 0 and 1, not {self.body_lr}")

    def _check_together(self) -> None:
        if self.body_lr < 1 and not self.from_pretrained:
            raise InputError(f"--body-lr {self.body_lr}: needs --from-pretrained: a new voice has no weights to keep")
        if self.streaming and not self.max_steps:
            raise InputError("--streaming needs --max-steps: the number of batches in an epoch is unknown")
        if self.output_dir.exists() and not self.output_dir.is_dir():
            raise InputError(f"--output-dir {self.output_dir} is a file; give a folder")
        if self.fp16 and self.bf16:
            raise InputError("--fp16 and --bf16 exclude each other")

    @property
    def languages_by_speaker(self) -> dict[str, str]:
        """`--languages` as [`read_languages`] gives them."""
        return read_languages(self.languages)


# The first option of each group of --help.
GROUPS = {
    "data_dir": "data",
    "text_embed_dim": "model",
    "epochs": "training",
    "log_interval": "logging",
    "sample_interval": "samples",
    "num_workers": "system",
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of the options; their names are the fields' names."""
    parser = argparse.ArgumentParser(
        prog="run_training.py",
        description="Trains a voice: accelerate launch run_training.py --data-dir my_recordings",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    types = get_type_hints(TrainingOptions)
    group: Any = parser
    for field in dataclasses.fields(TrainingOptions):
        if field.name in GROUPS:
            group = parser.add_argument_group(GROUPS[field.name])
        names = ["--" + field.name.replace("_", "-"), *filter(None, [field.metadata["also"]])]
        group.add_argument(*names, dest=field.name, help=field.metadata["help"], **_parsing(field, types[field.name]))
    return parser


def _parsing(field: dataclasses.Field, kind: type) -> dict[str, Any]:
    """How `argparse` reads the value of a field of this type."""
    factory: Any = field.default_factory
    default = factory() if field.default is dataclasses.MISSING else field.default
    if kind is bool and field.metadata["switch"]:
        return {"action": "store_true"}
    if kind is bool:
        return {"type": _boolean, "nargs": "?", "const": True, "default": default}
    named = {name: field.metadata[name] for name in ("metavar", "choices") if field.metadata[name]}
    kinds = [each for each in get_args(kind) if each is not type(None)]
    kind = kinds[0] if type(None) in get_args(kind) else kind
    if kind == list[str]:
        return {"nargs": "+", "default": default, **named}
    return {"type": kind, "default": default, **named}


def _boolean(value: str) -> bool:
    lowered = str(value).lower()
    if lowered not in ("true", "false", "1", "0", "yes", "no"):
        raise argparse.ArgumentTypeError(f"{value!r} is neither true nor false")
    return lowered in ("true", "1", "yes")


def parse_arguments(arguments: Sequence[str] | None = None) -> TrainingOptions:
    """Options from the command line, which wins, from `--config`, and sizes from `--from-pretrained`."""
    parser = build_parser()
    config_file = parser.parse_known_args(arguments)[0].config
    try:
        chosen = {} if config_file is None else _read_config_file(parser, config_file)
        parser.set_defaults(**chosen)
        voice = parser.parse_known_args(arguments)[0].from_pretrained
        if voice is not None:
            parser.set_defaults(**read_sizes(voice) | chosen)
        return TrainingOptions(**vars(parser.parse_args(arguments)))
    except InputError as error:
        parser.error(str(error))


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
    except Exception as error:
        # Yaml's errors share no base with the above, and yaml may be missing.
        raise ConfigFileError(f"{path}: is not valid YAML ({error})") from error
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
        ValueError: for a word that is neither a language nor a speaker's language.
    """
    languages = {"": "en"}
    for word in words:
        speaker, _, code = word.rpartition("=")
        if not re.fullmatch(r"[a-z]{2,3}(?:_[A-Z]{2})?", code):
            raise InputError(f"--languages: {word!r} is neither a code such as en nor a speaker's, such as anna=de")
        languages[speaker] = code
    return languages

"""The model of a run, its samples and trackers, and the voice in a checkpoint."""

import dataclasses
import shutil
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from huggingface_hub.errors import StrictDataclassError
from safetensors import safe_open

from ..configuration_tts_trm import TtsTrmConfig
from ..data.aligner import ALIGNER_FILE, latent_statistics
from ..data.codec_info import CodecInfo
from ..data.dataset import SpeechDataset
from ..data.token_folder import aligner_path, tokenizer_hash
from ..errors_tts_trm import InputError
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import TtsTrmProcessor
from ..publishing.model_card import write_model_card
from ..speaking.prompts import Prompt, read_prompts
from . import checkpoints, finetuning
from .checkpoints import CheckpointError
from .ema import ExponentialMovingAverage
from .options import MODEL_OPTIONS, TrainingOptions
from .samples import SampleWriter
from .tracking import Trackers


def check_sizes(options: TrainingOptions) -> None:
    """Raises `ValueError`, naming the value, before hours of preparation and not after them."""
    try:
        TtsTrmConfig(**model_sizes(options))
    except StrictDataclassError as error:
        raise InputError(str(error.__cause__ or error)) from error
    ExponentialMovingAverage(torch.nn.Identity(), options.ema_decay)


def model_sizes(options: TrainingOptions) -> dict:
    """What the options decide of a `TtsTrmConfig`; data and codec decide the rest."""
    return {field: getattr(options, option) for field, option in MODEL_OPTIONS.items()}


def make_model(
    options: TrainingOptions,
    processor: TtsTrmProcessor,
    info: CodecInfo,
    train_set: SpeechDataset,
    model_class: type[TtsTrmModel] = TtsTrmModel,
    **fields,
) -> TtsTrmModel:
    """A model of the sizes that options, processor and codec ask for, the codec's entries in its latent head.

    Its weights are new, or come from `--from-pretrained`. `fields` of the configuration have no option of their own.
    """
    codebooks = info.codebooks()
    if options.from_pretrained:
        fields = finetuning.further_fields(options.from_pretrained) | fields
    config = TtsTrmConfig(
        vocab_size=len(processor.tokenizer),
        num_speakers=len(processor.speakers),
        num_codebooks=info.num_codebooks,
        codebook_size=info.codebook_size,
        codebook_chains=list(info.codebook_chains),
        codebook_entry_dim=codebooks.shape[-1],
        **model_sizes(options),
        sampling_rate=info.sampling_rate,
        frame_rate=info.frame_rate,
        **fields,
    )
    set_seed(options.seed)
    model = model_class(config)
    if config.predicts_latents:
        rows = [
            (train_set[index]["audio_codes"],) for index in range(0, len(train_set), max(1, len(train_set) // 2000))
        ]
        model.head.set_codebooks(codebooks, *latent_statistics(rows, codebooks, info.codebook_chains))
    if options.from_pretrained:
        finetuning.load_weights(model, processor, options.from_pretrained)
    if options.body_lr < 1 and options.from_pretrained:
        finetuning.keep_known_characters(model, processor, options.from_pretrained)
    return model


def make_sample_writer(
    options: TrainingOptions, processor: TtsTrmProcessor, held_out_set: SpeechDataset
) -> tuple[SampleWriter, str]:
    """The writer of samples, and where its prompts come from."""
    prompts, source = [], "sentences of the held-out data"
    if options.sample_prompts_file:
        prompts = read_prompts(options.sample_prompts_file, processor.speakers, options.sample_speaker)
        source = f"custom prompts from {options.sample_prompts_file}"
    elif options.sample_prompts:
        prompts = [Prompt(text, options.sample_speaker, line) for line, text in enumerate(options.sample_prompts, 1)]
        source = "custom prompts from CLI"
    for prompt in prompts:
        # A speaker that does not exist is a mistake to hear of now.
        processor.speaker_to_id(prompt.speaker)
    sampling = {}
    # Takes the nearest entries, unless sampling is on.
    if options.codebook_head != "latent":
        sampling = {"temperature": options.sample_temperature, "top_k": options.sample_top_k}
    rows = (held_out_set[index] for index in range(len(held_out_set)))
    writer = SampleWriter(options.output_dir, processor, prompts, rows, options.num_samples, options.seed, sampling)
    return writer, source


def make_trackers(options: TrainingOptions, accelerator: Accelerator) -> Trackers:
    run_name = options.run_name or f"{options.output_dir.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    return Trackers(accelerator, run_name, dataclasses.asdict(options))


def save_voice(
    folder: Path, model: TtsTrmModel, processor: TtsTrmProcessor, metrics: dict[str, float], options: TrainingOptions
) -> None:
    """Everything that `from_pretrained` needs: weights, configurations, tokenizer, code, codec, model card."""
    broken = [name for name, value in model.named_parameters() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{folder}: not written, the weights {', '.join(broken[:3])} are not finite.")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    aligner = aligner_path(options.token_dir, tokenizer_hash(processor.tokenizer))
    if aligner.is_file():
        shutil.copyfile(aligner, folder / ALIGNER_FILE)
    shown = {name: value for name, value in metrics.items() if "/" not in name}
    of_the_hub = [name for name in options.data_dir if not Path(name).exists()]
    base = options.from_pretrained
    base = None if base is None or Path(base).exists() else base
    write_model_card(folder, model, processor, shown, datasets=of_the_hub, base_model=base)


def check_room(folder: Path, model: TtsTrmModel, processor: TtsTrmProcessor) -> None:
    """Raises `CheckpointError` before training where not even two checkpoints would fit on the disk."""
    # the averaged weights twice, as a voice and as a state, the weights, and two moments of AdamW
    needed = 5 * sum(parameter.numel() * 4 for parameter in model.parameters())
    # A folder's is copied.
    needed += sum(path.stat().st_size for path in Path(processor.codec).glob("*.safetensors"))
    checkpoints.check_room(folder, 2 * needed)


def check_same_run(
    folder: Path, model: TtsTrmModel, processor: TtsTrmProcessor, state: dict, num_processes: int
) -> None:
    """Raises `CheckpointError` if a checkpoint is of another model, vocabulary or number of processes than this run."""
    advice = "give the run another --output-dir, or --resume-from-checkpoint none to start over"
    try:
        config = TtsTrmConfig.from_pretrained(folder)
        saved = TtsTrmProcessor.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: cannot be read ({error}); {advice}.") from error
    ignored = {"auto_map", "architectures", "dtype", "transformers_version", "_name_or_path", "torch_dtype"}
    ours, theirs = model.config.to_dict(), config.to_dict()
    for name in sorted((ours.keys() | theirs.keys()) - ignored):
        if ours.get(name) != theirs.get(name):
            raise CheckpointError(
                f"{folder}: was trained with {name}={theirs.get(name)}, this run has {ours.get(name)}; {advice}."
            )
    if saved.tokenizer.get_vocab() != processor.tokenizer.get_vocab() or saved.speakers != processor.speakers:
        raise CheckpointError(f"{folder}: has another vocabulary or other speakers than the data; {advice}.")
    if state.get("num_processes") != num_processes:
        raise CheckpointError(
            f"{folder}: was written by {state.get('num_processes')} processes, this run has {num_processes}; {advice}."
        )


def load_buffers(folder: Path, model: TtsTrmModel) -> None:
    """Takes over a checkpoint's buffers: its latents' statistics, which new data may have moved.

    Raises:
        CheckpointError: if its codebooks are another codec's.
    """
    with safe_open(folder / "model.safetensors", "pt") as saved:
        for name, buffer in model.named_buffers():
            value = saved.get_tensor(name).to(buffer)
            if name == "head.codebooks" and not torch.equal(value, buffer):
                raise CheckpointError(
                    f"{folder}: was trained on tokens of another codec; give the run another --output-dir, or "
                    "--resume-from-checkpoint none to start over."
                )
            buffer.copy_(value)

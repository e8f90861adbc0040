"""What a run says of itself before it starts."""

from collections import Counter
from collections.abc import Sequence

import torch

from ..configuration_tts_trm import TtsTrmConfig
from ..modeling_tts_trm import TtsTrmModel
from ..processing_tts_trm import TtsTrmProcessor
from .options import TrainingOptions

PARTS = {"text_encoder": "text encoder", "upsampler": "durations", "recursion": "recursion", "head": "codebook head"}


def parameter_counts(model: TtsTrmModel) -> dict[str, int]:
    """Trained parameters by part of the model, and in all."""
    counts = Counter({"all": 0})
    for name, parameter in model.named_parameters():
        counts[PARTS.get(name.split(".")[0], name.split(".")[0])] += parameter.numel()
        counts["all"] += parameter.numel()
    return dict(counts)


def describe_device(device: torch.device) -> str:
    """The device that computes."""
    return f"Using device: {device}"


def describe_data(processor: TtsTrmProcessor, model: TtsTrmModel, split_report: object) -> str:
    """Alphabet, speakers and codebooks, and the clips to train on and held out."""
    config = model.config
    split = "\n   ".join(str(split_report).splitlines())
    return (
        "\n📠 Setting up TTS data...\n"
        f"   Text vocab size: {len(processor.tokenizer)}\n"
        f"   Speakers: {len(processor.speakers)} ({', '.join(processor.speakers)})\n"
        f"   Codebooks: {config.num_codebooks}\n"
        f"   Codebook size: {config.codebook_size}\n"
        f"   {split}"
    )


def describe_model(model: TtsTrmModel) -> str:
    """The parameters of each part, and the settings of recursion and head."""
    config, counts = model.config, parameter_counts(model)
    total = counts.pop("all")
    buffers = sum(buffer.numel() for buffer in model.buffers())
    heads = {
        "latent": "one latent per residual chain, codes by the codec's search",
        "depth": "shared across codebooks" if config.share_output_heads else "separate per codebook",
    }
    parts = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return (
        "\n📦 Creating TTS TRM model (full multi-codebook)...\n"
        f"   Parameters: {total:,} ({total / 1e6:.2f}M): {parts}\n"
        f"   Codec entries kept as buffers: {buffers:,}\n"
        f"   Output heads: {heads.get(config.codebook_head, heads['depth'])} ({config.codebook_head})\n"
        f"   Cycles: H {config.h_cycles} x L {config.l_cycles}, {config.l_layers} blocks"
    )


def describe_weights(config: TtsTrmConfig) -> str:
    """The weights of the codebooks in the loss."""
    printed = config.codebook_loss_weights or config.specified_codebook_weights(config.num_codebooks)
    scaled = config.normalized_codebook_weights

    def average(values: Sequence[float]) -> str:
        return f"{sum(values) / len(values):.2f}" if values else "-"

    return (
        "\n📊 Codebook loss weights (scaled to mean 1 in brackets):\n"
        f"   Semantic (CB0): {printed[0]:.2f} ({scaled[0]:.2f})\n"
        f"   Early acoustic (CB1-7): {average(printed[1:8])} avg ({average(scaled[1:8])})\n"
        f"   Late acoustic (CB8-{len(printed) - 1}): {average(printed[8:])} avg ({average(scaled[8:])})"
    )


def describe_prompts(prompts: list, source: str) -> str:
    """The sentences that are spoken during training."""
    lines = [f'   {number}. [speaker {prompt.speaker}] "{prompt.text}"' for number, prompt in enumerate(prompts, 1)]
    return "\n".join([f"\n📠 Using {source}:", *lines])


def describe_plan(options: TrainingOptions, total_steps: int, epochs: int, num_codebooks: int, num_samples: int) -> str:
    """Epochs, steps and samples."""
    sampling = f"every {options.sample_interval} steps ({num_samples} samples)" if options.sample_interval else "off"
    return (
        f"\n🚀 Starting TTS training for {epochs} epochs...\n"
        f"   Total steps: {total_steps}\n"
        f"   Input: text + speaker_id → Output: ALL {num_codebooks} codebooks\n"
        f"   Sample generation: {sampling}\n"
    )

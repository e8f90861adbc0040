"""Small models, codecs and batches that the tests share; everything is random, seeded and built in milliseconds."""

import torch
from transformers import MimiConfig, MimiModel

from tts_trm import TtsTrmConfig, TtsTrmModel

HEADS = ("latent", "depth", "parallel")
ALIGNMENTS = ("durations", "length", "none")
INJECTIONS = ("add", "cross_attention")


def tiny_config(**changes) -> TtsTrmConfig:
    """A configuration of a few thousand parameters, without dropout; two residual chains, as Mimi has."""
    sizes = dict(
        vocab_size=20,
        num_speakers=3,
        text_embed_dim=16,
        audio_embed_dim=16,
        hidden_dim=24,
        text_layers=1,
        l_layers=2,
        h_cycles=2,
        l_cycles=2,
        num_heads=2,
        num_codebooks=5,
        codebook_size=12,
        codebook_dim=6,
        codebook_chains=[1, 4],
        codebook_entry_dim=6,
        speaker_dim=4,
        max_text_length=24,
        max_audio_frames=48,
        dropout=0.0,
    )
    return TtsTrmConfig(**(sizes | changes))


def tiny_model(seed: int = 0, **changes) -> TtsTrmModel:
    """A model in evaluation mode; a latent head gets codebooks whose entries shrink from level to level."""
    torch.manual_seed(seed)
    model = TtsTrmModel(tiny_config(**changes)).eval()
    if model.config.codebook_head == "latent":
        codebooks, chains = model.head.codebooks, len(model.config.codebook_chains)
        scales = 0.85 ** torch.arange(len(codebooks))
        size = chains * codebooks.shape[-1]
        model.head.set_codebooks(
            torch.randn(codebooks.shape) * scales[:, None, None], 0.1 * torch.randn(size), 0.5 + torch.rand(size)
        )
        model.head.latent_gain.copy_(1 + torch.rand(model.head.latent_gain.shape))
    return model


def random_batch(config: TtsTrmConfig, characters=(7, 4), frames=(9, 6), seed: int = 1) -> dict:
    """A padded batch with labels and durations; item i has `characters[i]` characters and `frames[i]` frames."""
    generator = torch.Generator().manual_seed(seed)
    batch, text_size, size = len(characters), max(characters), max(frames)
    ids = torch.randint(3, config.vocab_size, (batch, text_size), generator=generator)
    labels = torch.randint(0, config.codebook_size, (batch, config.num_codebooks, size), generator=generator)
    mask = (torch.arange(text_size) < torch.tensor(characters)[:, None]).long()
    labels[(torch.arange(size) >= torch.tensor(frames)[:, None])[:, None].expand_as(labels)] = -100
    durations = (torch.rand(batch, text_size, generator=generator) + 0.2) * mask
    durations = durations * (torch.tensor(frames) / durations.sum(-1))[:, None]
    return dict(
        input_ids=ids * mask,
        attention_mask=mask,
        speaker_id=torch.arange(batch) % config.num_speakers,
        labels=labels,
        label_lengths=torch.tensor(frames),
        durations=durations,
    )


def item_of(batch: dict, index: int, characters: int, frames: int) -> dict:
    """One item of a batch on its own, without padding."""
    item = {key: value[index : index + 1] for key, value in batch.items()}
    for key in ("input_ids", "attention_mask", "durations"):
        item[key] = item[key][:, :characters]
    item["labels"] = item["labels"][..., :frames]
    return item


def fill_mimi(codec: MimiModel) -> MimiModel:
    """Random codebook entries: those of an untrained Mimi are all zero, and so would be its codes.

    They lie where the latents of noise do, or it would use few of them.
    """
    codec, quantizer, latents = codec.eval(), codec.quantizer, []
    chains = (quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer)
    hooks = [chain.input_proj.register_forward_hook(lambda *seen: latents.append(seen[-1])) for chain in chains]
    with torch.no_grad():
        codec.encode(0.3 * torch.randn(1, 1, 8 * 1920))
    for hook in hooks:
        hook.remove()
    for chain, latent in zip(chains, latents, strict=True):
        deviation, mean = torch.std_mean(latent[0], 1)
        for level, layer in enumerate(chain.layers):
            entries = layer.codebook.embed_sum
            entries.copy_(deviation * 0.85**level * torch.randn(entries.shape) + (mean if level == 0 else 0))
            # What it encoded with is kept there.
            layer.codebook._embed = None
    return codec


def tiny_mimi(seed: int = 0) -> MimiModel:
    """Mimi in small: 24 kHz, 12.5 frames per second, 1 semantic and 7 acoustic codebooks of 64 entries."""
    torch.manual_seed(seed)
    config = MimiConfig(
        num_filters=8,
        hidden_size=64,
        num_hidden_layers=2,
        intermediate_size=128,
        num_attention_heads=4,
        num_key_value_heads=4,
        vector_quantization_hidden_dimension=32,
        codebook_dim=32,
        codebook_size=64,
        num_quantizers=8,
        upsample_groups=64,
    )
    return fill_mimi(MimiModel(config))

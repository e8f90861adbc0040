"""Other systems of the field as transformers has them, at their published sizes, with random weights.

What is timed does not depend on the weights, if every system is made to speak for the wanted time: durations are set
after the duration predictor has run, and autoregressive ones are kept from stopping. Each function returns a call that
computes waveforms of about `seconds`, for a text of `CHARACTERS_PER_SECOND`, and says how long they are.
"""

import math
from collections.abc import Callable

import torch

CHARACTERS_PER_SECOND = 15


def text_ids(seconds: float, vocabulary: int, batch: int = 1) -> torch.Tensor:
    """`[batch, S]` random ids of a text of that length; 0 to 3 are left to special tokens."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(4, vocabulary, (batch, max(2, round(CHARACTERS_PER_SECOND * seconds))), generator=generator)


def vits(seconds: float, batch: int = 1) -> tuple[torch.nn.Module, Callable[[], float]]:
    """VITS (Kim et al. 2021, arXiv:2106.06103) as MMS-TTS uses it: 16 kHz, frames of 16 ms."""
    from transformers import VitsConfig, VitsModel

    model = VitsModel(VitsConfig()).eval()
    ids = text_ids(seconds, model.config.vocab_size, batch)
    frames = max(1, round(seconds * model.config.sampling_rate / math.prod(model.config.upsample_rates) / ids.shape[1]))
    model.duration_predictor.register_forward_hook(
        lambda module, inputs, output: torch.full_like(output, math.log(frames - 0.5))
    )
    return model, lambda: model(ids).waveform.shape[-1] / model.config.sampling_rate


def fast_speech_2(seconds: float, batch: int = 1) -> tuple[torch.nn.Module, Callable[[], float]]:
    """FastSpeech 2 with Conformer blocks and HiFi-GAN, as ESPnet trains it on LJSpeech: 22.05 kHz."""
    from transformers import FastSpeech2ConformerWithHifiGan, FastSpeech2ConformerWithHifiGanConfig

    model = FastSpeech2ConformerWithHifiGan(FastSpeech2ConformerWithHifiGanConfig()).eval()
    acoustic, vocoder = model.config.model_config, model.config.vocoder_config
    ids = text_ids(seconds, acoustic.vocab_size, batch)
    # The configuration does not say.
    rate = 22_050
    frames = max(1, round(seconds * rate / math.prod(vocoder.upsample_rates) / ids.shape[1]))
    model.model.duration_predictor.register_forward_hook(lambda module, inputs, output: torch.full_like(output, frames))
    return model, lambda: model(ids).waveform.shape[-1] / rate


def speech_t5(seconds: float, batch: int = 1) -> tuple[torch.nn.Module, Callable[[], float]]:
    """SpeechT5 (Ao et al. 2022, arXiv:2110.07205) with HiFi-GAN: autoregressive over spectrogram frames, 16 kHz."""
    from transformers import SpeechT5Config, SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5HifiGanConfig

    model = torch.nn.ModuleDict(
        {
            "acoustic": SpeechT5ForTextToSpeech(SpeechT5Config()),
            "vocoder": SpeechT5HifiGan(SpeechT5HifiGanConfig()),
        }
    ).eval()
    config, rate = model["acoustic"].config, model["vocoder"].config.sampling_rate
    ids = text_ids(seconds, config.vocab_size, batch)
    frames = seconds * rate / math.prod(model["vocoder"].config.upsample_rates)
    ratio = frames / ids.shape[1]
    speakers = torch.zeros(batch, config.speaker_embedding_dim)

    def speak() -> float:
        waveform = model["acoustic"].generate_speech(
            ids, speakers, threshold=2.0, minlenratio=ratio, maxlenratio=ratio, vocoder=model["vocoder"]
        )
        return waveform.shape[-1] / rate

    return model, speak


def autoregressive(seconds: float, batch: int = 1) -> tuple[torch.nn.Module, Callable[[], float]]:
    """CSM's decoder (Sesame 2025) at our width: frame by frame, each of its 32 codes after the other, with caches.

    Codes only; Mimi, which it shares with the original specification's model, is timed there.
    """
    from transformers import CsmConfig, CsmForConditionalGeneration, MimiConfig

    sizes = dict(hidden_size=256, intermediate_size=1024, num_attention_heads=8, num_key_value_heads=8)
    ids = dict(pad_token_id=0, bos_token_id=1, audio_token_id=2, audio_eos_token_id=3)
    codec = MimiConfig(num_filters=4, hidden_size=16, num_hidden_layers=1, intermediate_size=16, upsample_groups=16)
    depth = dict(sizes, num_hidden_layers=4, backbone_hidden_size=256, max_position_embeddings=33)
    config = CsmConfig(
        text_vocab_size=100, num_hidden_layers=4, depth_decoder_config=depth, codec_config=codec, **sizes, **ids
    )
    model = CsmForConditionalGeneration(config).eval()
    frames = round(12.5 * seconds)
    text = text_ids(seconds, 100, batch)

    def speak() -> float:
        codes = model.generate(text, max_new_tokens=frames, min_new_tokens=frames, do_sample=False)
        return codes.shape[1] / 12.5

    return model, speak


PEERS = {
    "VITS (as MMS-TTS)": vits,
    "FastSpeech2Conformer + HiFi-GAN": fast_speech_2,
    "SpeechT5 + HiFi-GAN": speech_t5,
    "autoregressive codes (CSM's shape)": autoregressive,
}

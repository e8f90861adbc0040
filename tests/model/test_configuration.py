"""Configuration: the original specification's defaults, its formulas, and refusals that name the value and the fix."""

import pytest
from tiny import tiny_config

from tts_trm import TtsTrmCodecConfig, TtsTrmConfig, TtsTrmModel

SPECIFIED_DEFAULTS = dict(
    vocab_size=256,
    num_speakers=11,
    text_embed_dim=256,
    audio_embed_dim=256,
    hidden_dim=512,
    text_layers=4,
    l_layers=2,
    h_cycles=3,
    l_cycles=6,
    num_heads=8,
    num_codebooks=32,
    codebook_size=2048,
    codebook_dim=64,
    speaker_dim=64,
    share_output_heads=False,
    max_text_length=512,
    max_audio_frames=256,
)


def test_defaults_are_those_of_the_specification():
    for config in (TtsTrmConfig(), TtsTrmConfig.from_specification()):
        assert {name: getattr(config, name) for name in SPECIFIED_DEFAULTS} == SPECIFIED_DEFAULTS
    config = TtsTrmConfig()
    assert (config.codebook_head, config.alignment, config.answer_injection) == ("latent", "durations", "add")
    assert (config.sampling_rate, config.frame_rate, config.gradient_cycles) == (24_000, 12.5, 0)
    specified = TtsTrmConfig.from_specification()
    assert (specified.codebook_head, specified.alignment, specified.answer_injection) == (
        "parallel",
        "none",
        "cross_attention",
    )
    assert not specified.frame_positions
    assert specified.convolution_kernel == 0


@pytest.mark.parametrize("shared, millions", [(False, 21.6), (True, 5.3)])
def test_specified_model_has_the_documented_number_of_parameters(shared, millions):
    model = TtsTrmModel(TtsTrmConfig.from_specification(share_output_heads=shared))
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 1) == millions


def test_codebook_weights_follow_the_specification_and_have_mean_one():
    weights = TtsTrmConfig.specified_codebook_weights(32)
    assert [round(weight, 2) for weight in weights[:9]] == [2.0, 1.43, 1.36, 1.29, 1.21, 1.14, 1.07, 1.0, 1.0]
    assert set(weights[8:]) == {1.0}
    normalized = TtsTrmConfig().normalized_codebook_weights
    assert sum(normalized) / 32 == pytest.approx(1.0)
    assert normalized[0] / normalized[31] == pytest.approx(2.0)
    own = tiny_config(codebook_loss_weights=[3, 1, 1, 0, 0])
    assert own.normalized_codebook_weights == [3.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "changes, named",
    [
        (dict(codebook_head="fast"), "codebook_head='fast' is unknown; choose one of latent, depth, parallel"),
        (dict(alignment="attention"), "choose one of durations, length, none"),
        (dict(answer_injection="sum"), "choose one of add, cross_attention"),
        (dict(convolution_kernel=4), "convolution_kernel=4 must be odd"),
        (dict(num_heads=3), "text_embed_dim=16 is not a multiple of num_heads=3"),
        (dict(text_embed_dim=15, num_heads=1), "text_embed_dim=15 must be even"),
        (dict(l_cycles=0), "l_cycles=0 must be at least 1"),
        (dict(dropout=1.0), "dropout=1.0"),
        (dict(fine_frame_fraction=0.0), "fine_frame_fraction=0.0"),
        (dict(gradient_cycles=3), "gradient_cycles=3 must be in 0..h_cycles=2"),
        (dict(codebook_chains=[5, 5]), r"set them to the codec's residual chains \(\[1, 31\] for Mimi"),
        (dict(codebook_chains=[0, 5]), "codebook_chains"),
        (dict(codebook_loss_weights=[1.0, 2.0]), "codebook_loss_weights must be 5 values"),
    ],
)
def test_impossible_configurations_are_refused(changes, named):
    with pytest.raises(Exception, match=named):
        tiny_config(**changes)


@pytest.mark.parametrize(
    "changes, named",
    [
        (dict(hop_length=250), "frame_size=1920 is not a multiple of hop_length=250"),
        (dict(fft_size=239), "fft_size=239 must exceed hop_length=240"),
        (dict(latent_dim=657), "latent_dim=657 exceeds the 656 values"),
        (dict(kernel_size=4), "kernel_size=4 must be odd"),
        (dict(num_quantizers=0), "num_quantizers=0 must be at least 1"),
    ],
)
def test_impossible_codec_configurations_are_refused(changes, named):
    with pytest.raises(Exception, match=named):
        TtsTrmCodecConfig(**changes)


def test_wrong_types_are_refused_even_when_assigned_later():
    config = tiny_config()
    with pytest.raises(Exception, match="hidden_dim"):
        config.hidden_dim = "512"


def test_saving_and_loading_keeps_every_field(tmp_path):
    config = tiny_config(codebook_loss_weights=[2, 1, 1, 1, 1], gradient_cycles=1, alignment="length")
    config.save_pretrained(tmp_path)
    loaded = TtsTrmConfig.from_pretrained(tmp_path)
    assert loaded.to_dict() == config.to_dict()
    assert loaded.auto_map["AutoModelForTextToWaveform"] == "modeling_tts_trm.TtsTrmModel"

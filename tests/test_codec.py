"""The offline codec and Mimi: one interface, one geometry, and quantisation against a naive search."""

import pytest
import torch
from tiny import fill_mimi, tiny_mimi
from transformers import MimiConfig, MimiModel

from tts_trm import TtsTrmCodec, TtsTrmCodecConfig, TtsTrmProcessor
from tts_trm.modeling_tts_trm_codec import SpectrogramDecoder, dequantize, mel_filter_bank, residual_search

FRAME = 1920


def tiny_codec(**changes) -> TtsTrmCodec:
    sizes = dict(num_layers=1, hidden_size=16, intermediate_size=16, num_quantizers=8, codebook_size=64, latent_dim=20)
    torch.manual_seed(0)
    codec = TtsTrmCodec(TtsTrmCodecConfig(**(sizes | changes))).eval()
    codec.feature_mean.fill_(-4.0)
    return codec


def noise(*shape, seed=0):
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


CODECS = {"offline": tiny_codec, "mimi": tiny_mimi}
both_codecs = pytest.mark.parametrize("make", CODECS.values(), ids=CODECS)


# -- the interface that both share --------------------------------------------------------------------------------


@both_codecs
@pytest.mark.parametrize("samples", [1, FRAME - 1, FRAME, FRAME + 1, 5 * FRAME])
def test_frames_are_rounded_up_and_decoded_whole(make, samples):
    codec, frames = make(), -(-samples // FRAME)
    codes = codec.encode(noise(2, 1, samples)).audio_codes
    assert codes.shape == (2, 8, frames) and codes.dtype == torch.long
    assert 0 <= codes.min() and codes.max() < 64
    assert codec.decode(codes).audio_values.shape == (2, 1, frames * FRAME)
    assert int(codec.get_encoded_length(torch.tensor(samples))) == frames
    assert codec.config.sampling_rate / codec.config.frame_rate == FRAME


@both_codecs
def test_clips_in_whole_frames_have_the_same_codes_in_a_batch_as_alone(make):
    codec, lengths = make(), (5, 3, 1)
    clips = [noise(1, 1, length * FRAME, seed=length) for length in lengths]
    batch = torch.cat([torch.nn.functional.pad(clip, (0, 5 * FRAME - clip.shape[-1])) for clip in clips])
    together = codec.encode(batch).audio_codes
    for clip, row, length in zip(clips, together, lengths, strict=True):
        assert torch.equal(codec.encode(clip).audio_codes[0], row[:, :length])


@both_codecs
def test_a_prefix_of_the_codebooks_encodes_and_decodes(make):
    codec = make()
    audio = noise(1, 1, 3 * FRAME)
    codes = codec.encode(audio).audio_codes
    assert torch.equal(codec.encode(audio, num_quantizers=3).audio_codes, codes[:, :3])
    decoded = [codec.decode(codes[:, :levels]).audio_values for levels in (1, 4, 8)]
    assert all(part.shape == (1, 1, 3 * FRAME) for part in decoded)
    assert not torch.allclose(decoded[0], decoded[1]) and not torch.allclose(decoded[1], decoded[2])


@both_codecs
def test_tuples_and_truncation_as_mimi_does(make):
    codec = make()
    audio = noise(1, 1, FRAME + 100)
    codes = codec.encode(audio, return_dict=False)[0]
    assert torch.equal(codes, codec.encode(audio).audio_codes)
    cut = codec.decode(codes, padding_mask=torch.ones(1, FRAME + 100)).audio_values
    assert torch.equal(cut, codec.decode(codes).audio_values[..., : FRAME + 100])
    assert torch.equal(cut, codec.decode(codes, torch.ones(1, FRAME + 100), return_dict=False)[0])


# -- quantisation -------------------------------------------------------------------------------------------------


def test_residual_search_equals_a_double_loop():
    generator = torch.Generator().manual_seed(0)
    codebooks = torch.randn(6, 10, 4, generator=generator) * 0.8 ** torch.arange(6)[:, None, None]
    latent = torch.randn(2, 7, 4, generator=generator)
    codes = residual_search(latent, codebooks)
    assert codes.shape == (2, 7, 6)
    for item in range(2):
        for frame in range(7):
            residual = latent[item, frame]
            for level in range(6):
                distances = torch.cdist(residual[None].double(), codebooks[level].double())[0]
                assert codes[item, frame, level] == distances.argmin()
                residual = residual - codebooks[level][codes[item, frame, level]]
            torch.testing.assert_close(latent[item, frame] - dequantize(codes[item, frame], codebooks), residual)


def test_residual_search_is_exact_under_autocast():
    generator = torch.Generator().manual_seed(0)
    codebooks, latent = torch.randn(4, 500, 8, generator=generator), torch.randn(200, 8, generator=generator)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = residual_search(latent, codebooks)
    assert torch.equal(mixed, residual_search(latent, codebooks))


def test_dequantize_sums_the_named_entries_of_a_prefix():
    codebooks = torch.arange(12.0).view(3, 2, 2)
    assert dequantize(torch.tensor([[1, 0, 1], [0, 0, 0]]), codebooks).tolist() == [[16.0, 19.0], [12.0, 15.0]]
    assert dequantize(torch.tensor([[1]]), codebooks).tolist() == [[2.0, 3.0]]


def test_more_codebooks_come_closer_to_the_latent():
    codec = tiny_codec()
    codec.codebooks.copy_(torch.randn(codec.codebooks.shape) * 0.5 ** torch.arange(8)[:, None, None])
    codec.codebooks[:, 0] = 0  # so that no level can make it worse
    latent = torch.randn(1, 50, 20)
    errors = []
    for levels in range(1, 9):
        codes = residual_search(latent, codec.codebooks[:levels])
        errors.append((latent - dequantize(codes, codec.codebooks)).square().mean().item())
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.6 * errors[0]


# -- the offline codec's signal path ------------------------------------------------------------------------------


def test_overlap_add_inverts_the_analysis():
    """The true spectrum through the synthesis half gives the waveform back, the very edges aside."""
    config = TtsTrmCodecConfig()
    decoder = SpectrogramDecoder(config)
    waveform, padding = noise(2, 4 * FRAME), (config.fft_size - config.hop_length) // 2
    window = torch.hann_window(config.fft_size)
    padded = torch.nn.functional.pad(waveform, (padding, padding))
    spectrum = torch.stft(
        padded, config.fft_size, config.hop_length, window=window, center=False, return_complex=True
    ).transpose(1, 2)
    pieces = torch.fft.irfft(spectrum, n=config.fft_size) * window
    torch.testing.assert_close(decoder._overlap_add(pieces, window), waveform, rtol=1e-4, atol=1e-4)


def test_log_mel_hears_level_and_pitch():
    codec = tiny_codec()
    time = torch.arange(4 * FRAME) / 24_000
    tone = 0.5 * torch.sin(2 * torch.pi * 1000 * time)
    mel = codec.log_mel(torch.stack([tone, 2 * tone, torch.zeros_like(tone)]))
    assert mel.shape == (3, 32, 80)
    centres = 700 * (10 ** (torch.linspace(0, 2595 * torch.log10(torch.tensor(1 + 12_000 / 700)), 82) / 2595) - 1)[1:-1]
    assert (centres[mel[0, 16].argmax()] - 1000).abs() < 60
    torch.testing.assert_close((mel[1] - mel[0])[16].max(), torch.tensor(2.0).log(), rtol=1e-3, atol=1e-3)
    assert mel[2].unique().tolist() == pytest.approx([torch.tensor(codec.config.log_floor).log().item()])


def test_mel_filters_are_triangles_that_overlap_by_half():
    bank = mel_filter_bank(24_000, 1024, 80)
    assert bank.shape == (513, 80) and bank.min() == 0 and bank.max() <= 1
    inside = bank[5:490].sum(-1)  # the last band has no successor
    torch.testing.assert_close(inside, torch.ones_like(inside))


def test_full_components_keep_the_features():
    codec = tiny_codec(latent_dim=640)
    audio = noise(1, 2 * FRAME)
    latent = codec.to_latent(audio)
    torch.testing.assert_close(
        latent @ codec.synthesis + codec.feature_mean, codec.frame_features(audio), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    "audio, settings, named",
    [
        (torch.zeros(2, FRAME), {}, r"\[batch, 1, samples\] \(mono\), got \(2, 1920\)"),
        (torch.zeros(1, 2, FRAME), {}, "mono"),
        (torch.zeros(1, 1, FRAME), dict(num_quantizers=9), r"num_quantizers=9 is outside 1\.\.8"),
    ],
)
def test_unfit_audio_is_refused(audio, settings, named):
    with pytest.raises(ValueError, match=named):
        tiny_codec().encode(audio, **settings)


@pytest.mark.parametrize(
    "codes, named",
    [
        (torch.zeros(8, 3, dtype=torch.long), r"\[batch, 1\.\.8, frames\], got \(8, 3\)"),
        (torch.zeros(1, 9, 3, dtype=torch.long), r"got \(1, 9, 3\)"),
        (torch.full((1, 8, 3), 64), r"0\.\.63, got 64\.\.64"),
        (torch.full((1, 8, 3), -1), r"got -1\.\.-1; trim padding"),
    ],
)
def test_unfit_codes_are_refused(codes, named):
    with pytest.raises(ValueError, match=named):
        tiny_codec().decode(codes)


def test_saved_codec_codes_and_decodes_the_same(tmp_path):
    codec = tiny_codec()
    codec.save_pretrained(tmp_path)
    loaded = TtsTrmCodec.from_pretrained(tmp_path).eval()
    audio = noise(1, 1, 3 * FRAME)
    codes = codec.encode(audio).audio_codes
    assert torch.equal(loaded.encode(audio).audio_codes, codes)
    assert torch.equal(loaded.decode(codes).audio_values, codec.decode(codes).audio_values)
    assert loaded(audio[..., :5000]).audio_values.shape == (1, 1, 5000)


# -- Mimi in its true size ----------------------------------------------------------------------------------------


def test_full_size_mimi_through_the_processor(tmp_path):
    """96 M random values; the real ones differ in nothing that this code sees."""
    torch.manual_seed(0)
    codec = fill_mimi(MimiModel(MimiConfig()))
    assert round(sum(p.numel() for p in codec.parameters()) / 1e6) == 79
    codec.save_pretrained(tmp_path)
    audio = noise(FRAME + 1).numpy()
    expected = codec.encode(torch.nn.functional.pad(torch.from_numpy(audio), (0, FRAME - 1))[None, None]).audio_codes
    del codec
    processor = TtsTrmProcessor.from_texts(["abc"], codec=str(tmp_path))
    codes = processor(audio=audio, sampling_rate=24_000).audio_codes
    assert codes.shape == (1, 32, 2) and codes.max() > 1000
    assert torch.equal(codes, expected)
    (waveform,) = processor.decode(codes)
    assert waveform.shape == (2 * FRAME,) and waveform.isfinite().all() and waveform.abs().max() > 0

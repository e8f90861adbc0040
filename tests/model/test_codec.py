"""The offline codec and Mimi: one interface, one geometry, and quantisation against a naive search."""

from types import SimpleNamespace

import pytest
import torch
from tiny import fill_mimi, tiny_mimi
from transformers import MimiConfig, MimiModel

from tts_trm import TtsTrmCodec, TtsTrmCodecConfig, TtsTrmProcessor
from tts_trm.modeling_tts_trm_codec import (
    MAX_PITCH,
    HarmonicNoiseDecoder,
    SpeechFeatures,
    dequantize,
    mel_bank,
    residual_search,
)
from tts_trm.processing_tts_trm import CodecError, codec_codebooks

FRAME = 1920


def tiny_codec(**changes) -> TtsTrmCodec:
    sizes = dict(num_layers=1, hidden_size=16, intermediate_size=16, num_quantizers=8, codebook_size=64, latent_dim=20)
    torch.manual_seed(0)
    codec = TtsTrmCodec(TtsTrmCodecConfig(**(sizes | changes))).eval()
    # Hears the whole frame.
    codec.analysis.copy_(torch.linalg.qr(torch.randn(codec.analysis.shape))[0])
    codec.synthesis.copy_(codec.analysis.T)
    codec.feature_mean.copy_(codec.frame_features(noise(8, 5 * FRAME)).mean((0, 1)))
    scales = codec.to_latent(noise(8, 5 * FRAME)).std() * 0.85 ** torch.arange(len(codec.codebooks))
    # Or the latents of noise would use few of the entries.
    codec.codebooks.mul_(scales[:, None, None])
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


def processor_of(codec, folder) -> TtsTrmProcessor:
    codec.save_pretrained(folder)
    return TtsTrmProcessor.from_texts(["abc"], codec=str(folder))


def codes_of_batches(processor, lengths, batch_size: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The codes `[K, T]` of noises of so many samples, and those of the same ones in batches."""
    clips = [noise(samples, seed=index).numpy() for index, samples in enumerate(lengths)]
    pairs = []
    for start in range(0, len(clips), batch_size):
        batch = clips[start : start + batch_size]
        for clip, row in zip(batch, processor(audio=batch, sampling_rate=24_000).audio_codes, strict=True):
            pairs.append((processor(audio=clip, sampling_rate=24_000).audio_codes[0], row))
    return pairs


@both_codecs
def test_codes_in_a_batch_are_those_alone(make, tmp_path):
    lengths = [round(24_000 * seconds) for seconds in (0.1, 1.5, 0.37, 0.9, 0.161, 0.5, 1.1, 0.24)]
    for samples, (alone, row) in zip(
        lengths, codes_of_batches(processor_of(make(), tmp_path), lengths, 4), strict=True
    ):
        frames = -(-samples // FRAME)
        assert alone.shape == (8, frames) and torch.equal(alone, row[:, :frames]) and (row[:, frames:] == -1).all()


@both_codecs
def test_any_number_of_samples_gives_its_frames(make, tmp_path):
    """2,000 of them; half lie at an edge between two frames."""
    generator, codec = torch.Generator().manual_seed(0), make()
    processor = processor_of(codec, tmp_path)
    anywhere = torch.randint(1, 2 * 24_000, (1000,), generator=generator)
    edges = torch.randint(1, 25, (1000,), generator=generator) * FRAME + torch.arange(1000) % 3 - 1
    # The rest is the processor's own.
    processor.codec_model.encode = lambda batch: SimpleNamespace(
        audio_codes=torch.zeros(len(batch), 8, batch.shape[-1] // FRAME, dtype=torch.long)
    )
    for lengths in torch.cat([anywhere, edges]).split(100):
        frames = (lengths + FRAME - 1) // FRAME
        assert [int(codec.get_encoded_length(each)) for each in lengths] == frames.tolist()
        silence = [torch.zeros(samples).numpy() for samples in lengths.tolist()]
        codes = processor(audio=silence, sampling_rate=24_000).audio_codes
        assert torch.equal((codes[:, 0] >= 0).sum(-1), frames)


@both_codecs
def test_different_codes_sound_different_and_noise_needs_many(make):
    """Or tests on these codecs would show nothing."""
    codec = make()
    codes = codec.encode(noise(1, 1, 40 * FRAME)).audio_codes
    assert len({(level, code) for level, row in enumerate(codes[0].tolist()) for code in row}) > 100
    whole = codec.decode(codes).audio_values
    for level in range(8):
        other = codes.clone()
        other[:, level, 20] = (other[:, level, 20] + 1) % 64
        assert (codec.decode(other).audio_values - whole).abs().max() > 1e-4 * whole.abs().max()


@both_codecs
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_codecs_compute_in_float32_whatever_surrounds_them(make, dtype, tmp_path):
    processor = processor_of(make(), tmp_path)
    audio = noise(10 * FRAME).numpy()
    codes = processor(audio=audio, sampling_rate=24_000).audio_codes
    (waveform,) = processor.decode(codes)
    with torch.autocast("cpu", dtype):
        assert torch.equal(processor(audio=audio, sampling_rate=24_000).audio_codes, codes)
        assert torch.equal(processor.decode(codes)[0], waveform)


@both_codecs
def test_a_damaged_codec_is_named(make, tmp_path):
    codec = make()
    next(codec.parameters()).data.view(-1)[-1] = float("nan")
    processor = processor_of(codec, tmp_path)
    with pytest.raises(CodecError, match=f"{tmp_path} cannot be loaded .* holds values that are not finite"):
        processor.decode(torch.zeros(1, 8, 3, dtype=torch.long))


def test_entries_of_mimi_are_never_those_of_before():
    """Mimi keeps the entries that it first decoded with, whatever is loaded into it later."""
    codec, other = tiny_mimi(0), tiny_mimi(1)
    codes = codec.encode(noise(1, 1, 3 * FRAME)).audio_codes
    codec.decode(codes)
    stale, state = codec.decode(codes).audio_values, other.state_dict()
    codec.load_state_dict(state)
    assert torch.equal(codec_codebooks(codec)[0], codec_codebooks(other)[0])
    assert not torch.equal(stale, other.decode(codes).audio_values)


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
    # So that no level can make it worse.
    codec.codebooks[:, 0] = 0
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
    decoder = HarmonicNoiseDecoder(config)
    waveform = noise(2, 4 * FRAME)
    padded = torch.nn.functional.pad(waveform, (decoder.padding, decoder.padding))
    spectrum = torch.fft.rfft(padded.unfold(-1, config.fft_size, config.hop_length) * decoder.window())
    pieces = torch.fft.irfft(spectrum, n=config.fft_size) * decoder.window()
    torch.testing.assert_close(decoder._overlap_add(pieces), waveform, rtol=1e-4, atol=1e-4)


def voice_at(pitch: torch.Tensor, harmonics: int = 20) -> torch.Tensor:
    """A voice-like sound `[L]` of falling harmonics at `pitch` `[L]` in Hz."""
    phase = 2 * torch.pi * (pitch.double() / 24_000).cumsum(-1)
    return sum((number * phase).sin() / number for number in range(1, harmonics + 1)).float() * 0.1


@pytest.mark.parametrize("hertz", [80.0, 123.0, 200.0, 330.0, 450.0])
def test_features_hear_the_pitch(hertz):
    features = SpeechFeatures(TtsTrmCodecConfig())
    columns = features(voice_at(torch.full((6 * FRAME,), hertz))[None])
    _, pitch, periodicity = features.split(columns)
    assert (1200 * (pitch[0, 4:-4] / hertz).log2()).abs().max() < 10  # cents
    assert periodicity[0, 4:-4].min() > 0.9


def test_pitch_follows_a_glide_and_is_filled_in_where_there_is_none():
    features = SpeechFeatures(TtsTrmCodecConfig())
    glide = torch.linspace(150.0, 250.0, 6 * FRAME)
    sound = torch.cat([voice_at(glide), 0.01 * noise(1, 2 * FRAME)[0], voice_at(glide.flip(0))])
    _, pitch, periodicity = features.split(features(sound[None]))
    true = torch.cat([glide, torch.full((2 * FRAME,), 250.0), glide.flip(0)])[120::240]
    assert (1200 * (pitch[0, 3:-3] / true[3:-3]).log2()).abs().max() < 100
    assert periodicity[0, 52:60].max() < 0.6 < periodicity[0, 5:43].min()


def test_silence_is_silent_and_nothing_is_infinite():
    features = SpeechFeatures(TtsTrmCodecConfig())
    envelope, pitch, periodicity = features.split(features(torch.zeros(1, 2 * FRAME)))
    assert envelope.unique().tolist() == pytest.approx([torch.tensor(TtsTrmCodecConfig().log_floor).log().item()])
    assert pitch.isfinite().all() and pitch.max() < MAX_PITCH and periodicity.abs().max() < 1e-6


def test_envelope_holds_level_and_place_but_no_harmonics():
    """Two pitches with one envelope: what is left of the harmonics is little, as in the mean of the two."""
    features = SpeechFeatures(TtsTrmCodecConfig())
    low, high = (voice_at(torch.full((6 * FRAME,), hertz), int(4000 / hertz)) for hertz in (130.0, 210.0))
    envelope = features.split(features(torch.stack([low, 2 * low, high])))[0][:, 10:-10]
    torch.testing.assert_close(
        (envelope[1] - envelope[0])[:, 8:28].mean(), torch.tensor(2.0).log(), rtol=1e-2, atol=1e-2
    )
    spectrum = torch.fft.rfft(low[None].unfold(-1, 1024, 240) * torch.hann_window(1024)).abs()[0, 10:-10]
    with_harmonics = (spectrum @ mel_bank(24_000, 1024, 80)).log()
    ripple, before = (values[:, 4:16].diff(n=2, dim=1).abs().mean() for values in (envelope[0], with_harmonics))
    assert ripple < 0.3 * before


def test_pulses_have_unit_power_and_their_pitch():
    decoder = HarmonicNoiseDecoder(TtsTrmCodecConfig())
    pulses = decoder.pulses(torch.full((1, 100), 199.0))[0]
    assert pulses.square().mean() == pytest.approx(1.0, rel=0.02)
    spectrum = torch.fft.rfft(pulses).abs()
    peaks = (spectrum > 0.5 * spectrum.max()).nonzero()[:, 0] * 24_000 / len(pulses)
    assert torch.allclose(peaks, 199.0 * torch.arange(1, 61), atol=1.0)


def test_pulses_keep_their_phase_through_ten_minutes():
    decoder = HarmonicNoiseDecoder(TtsTrmCodecConfig())
    # A period is a hundred samples.
    pulses = decoder.pulses(torch.full((1, 60_000), 240.0))[0]
    torch.testing.assert_close(pulses[-24_000:-100], pulses[-23_900:], rtol=0, atol=2e-2)


def test_mel_filters_are_triangles_that_overlap_by_half():
    bank = mel_bank(24_000, 1024, 80)
    assert bank.shape == (513, 80) and bank.min() == 0 and bank.max() <= 1
    # The last band has no successor.
    inside = bank[5:490].sum(-1)
    torch.testing.assert_close(inside, torch.ones_like(inside))


def test_full_components_keep_the_features():
    codec = tiny_codec(latent_dim=656)
    audio = noise(1, 2 * FRAME)
    latent = codec.to_latent(audio)
    torch.testing.assert_close(
        latent @ codec.synthesis + codec.feature_mean, codec.frame_features(audio), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("frames", [1, 2, 5, 12, 25])
def test_parts_are_shaped_as_the_whole(frames):
    """With as many frames before and behind a part as its edges hear: 27 columns of convolutions.

    The pulses alone remember all that came before, by their phase, so that a passage is decoded whole.
    """
    codec, context = tiny_codec(num_layers=8, kernel_size=7), 4
    latent = codec.to_latent(noise(1, 60 * FRAME))
    whole = torch.cat(codec.decoder.controls(codec.to_columns(latent)), -1)

    def in_parts(context):
        for start in range(0, 60, frames):
            first = max(0, start - context)
            part = codec.to_columns(latent[:, first : start + frames + context])
            controls = torch.cat(codec.decoder.controls(part), -1)
            yield controls[:, (start - first) * 8 :][:, : min(frames, 60 - start) * 8]

    torch.testing.assert_close(torch.cat(list(in_parts(context)), 1), whole, rtol=1e-4, atol=1e-5)
    assert (torch.cat(list(in_parts(0)), 1) - whole).abs().max() > 1e-3 * whole.abs().max()


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

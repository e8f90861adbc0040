"""Reading recordings: every format becomes mono float32 at one rate and loudness, every fault names the file."""

import io
import re

import numpy as np
import pytest
import soundfile

from tts_trm.audio.reading import AudioError, load_clip, normalize_loudness, read_audio
from tts_trm.data.recordings import read_folder
from tts_trm.data.token_folder import load_tokens
from tts_trm.data.tokenizing import tokenize_clips

RATE = 24_000


def tone(rate=RATE, seconds=0.5, frequency=440.0, level=0.3):
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    "file_format, subtype, tolerance",
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "FLOAT", 1e-7),
        ("WAV", "DOUBLE", 1e-7),
        ("FLAC", "PCM_16", 1e-4),
        ("OGG", "VORBIS", 5e-2),
    ],
)
def test_formats_and_sample_widths(tmp_path, file_format, subtype, tolerance):
    path = tmp_path / f"clip.{file_format.lower()}"
    soundfile.write(path, tone(), RATE, format=file_format, subtype=subtype)
    samples = read_audio(path, RATE)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, tone(), atol=tolerance)


def test_channels_are_averaged(tmp_path):
    left, right = tone(frequency=440), tone(frequency=880)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "stereo.wav", RATE), (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_a_tone_keeps_its_pitch_and_length_at_any_rate(tmp_path, rate, channels):
    samples = np.stack([tone(rate, frequency=1000)] * channels, 1)
    soundfile.write(tmp_path / "clip.wav", samples, rate, subtype="FLOAT")
    samples = read_audio(tmp_path / "clip.wav", RATE)
    assert len(samples) == RATE // 2 and samples.dtype == np.float32
    middle = slice(2000, -2000)
    np.testing.assert_allclose(samples[middle], tone(frequency=1000)[middle], atol=2e-3)
    # Ten values a Hz.
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 10 * RATE))
    assert abs(spectrum.argmax() / 10 - 1000) <= 1


def test_bytes_are_read_as_files_are(tmp_path):
    path = tmp_path / "clip.flac"
    soundfile.write(path, tone(), RATE)
    np.testing.assert_array_equal(read_audio(path.read_bytes(), RATE), read_audio(path, RATE))
    with pytest.raises(AudioError, match="row 7: cannot be read"):
        read_audio(b"no audio", RATE, name="row 7")


@pytest.mark.parametrize("level", [0.001, 0.1, 0.9])
def test_loudness_is_made_equal(tmp_path, level):
    soundfile.write(tmp_path / "clip.wav", tone(level=level), RATE, subtype="FLOAT")
    samples = load_clip(tmp_path / "clip.wav", RATE)
    assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-20, abs=0.01)


def test_loudness_never_clips_a_peak():
    samples = np.full(RATE, 0.001, dtype=np.float32)
    samples[100] = 0.9
    louder = normalize_loudness(samples)
    assert np.abs(louder).max() == pytest.approx(1.0) and louder.dtype == np.float32


def wav(samples=None, rate=RATE, subtype="FLOAT", file_format="WAV") -> bytes:
    content = io.BytesIO()
    soundfile.write(content, tone(rate) if samples is None else samples, rate, format=file_format, subtype=subtype)
    return content.getvalue()


def with_data_size(size: int) -> bytes:
    content = wav()
    place = content.index(b"data") + 4
    return content[:place] + size.to_bytes(4, "little") + content[place + 4 :]


def cut(share: float, **kind) -> bytes:
    content = wav(tone(seconds=3) + 0.02 * np.random.default_rng(0).normal(size=3 * RATE), **kind)
    return content[: int(share * len(content))]


def without_page(number: int, subtype: str) -> bytes:
    content = cut(1, file_format="OGG", subtype=subtype)
    places = [match.start() for match in re.finditer(b"OggS", content)]
    pages = [content[start:end] for start, end in zip(places, [*places[1:], None], strict=True)]
    del pages[number]
    return b"".join(pages)


VORBIS, OPUS, MP3 = (
    {"file_format": file_format, "subtype": subtype}
    for file_format, subtype in (("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))
)
XMP = b"_PMX" + (11).to_bytes(4, "little") + b"<x:xmpmeta/\0"
# name of the file -> what it holds; `None` a folder in its place, nothing at all under "missing.wav"
ACCEPTED = {
    "shortest.wav": wav(tone()[:2400]),
    **{f"{rate}.wav": wav(rate=rate) for rate in (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)},
    **{f"{count}_channels.wav": wav(np.stack([tone()] * count, 1)) for count in (2, 6)},
    **{f"{name}.wav": wav(subtype=name) for name in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "DOUBLE")},
    "clipped.wav": wav(np.clip(tone(level=5), -1, 1)),
    "offset.wav": wav(tone() + 0.2),
    "trailing_xmp.wav": wav() + XMP,
    "of_a_pipe.wav": with_data_size(0xFFFFFFFF),
    "claims_4_gb.wav": with_data_size(4_000_000_000),
    "flac_by_another_name.wav": wav(file_format="FLAC", subtype="PCM_16"),
    "wav_by_another_name.mp3": wav(),
    "whole.ogg": cut(1, **VORBIS),
    "whole.opus": cut(1, **OPUS),
    "trailing_bytes.opus": cut(1, **OPUS) + bytes(100),
    "whole.mp3": cut(1, **MP3),
}
REJECTED = {
    **{
        f"{count}_samples.wav": (wav(tone()[:count]), f"{count} samples at 24000 Hz are less than 0.1 s")
        for count in (0, 1, 1919, 1920, 1921, 2399)
    },
    "not_a_number.wav": (wav(np.append(tone(), np.nan)), "not finite"),
    "infinite.wav": (wav(np.append(tone(), np.inf)), "not finite"),
    "silent.wav": (wav(np.zeros(RATE)), "is silent"),
    "silent_but_offset.wav": (wav(np.full((48_000, 2), [0.2, 0.1]), rate=48_000), "is silent"),
    "opposite_channels.wav": (wav(np.stack([tone(), -tone()], 1)), "is silent"),
    "cut_header.wav": (wav()[:30], "cannot be read as audio"),
    "cut.wav": (wav()[:-400], "is truncated: it holds 99%"),
    "claims_1_gb.wav": (with_data_size(1_000_000_000), "is truncated: it holds 0%"),
    "cut.aiff": (cut(0.5, file_format="AIFF", subtype="PCM_16"), "is truncated: it holds 49%"),
    "cut.rf64": (cut(0.5, file_format="RF64", subtype="PCM_16"), "is truncated: it holds 49%"),
    "cut.au": (cut(0.5, file_format="AU", subtype="PCM_16"), "is truncated: it holds 49%"),
    "cut.mp3": (cut(0.6, **MP3), "is truncated: it holds"),
    "cut.flac": (cut(0.6, file_format="FLAC", subtype="PCM_16"), "cannot be read as audio"),
    "cut_header.flac": (cut(0.0003, file_format="FLAC", subtype="PCM_16"), "cannot be read as audio"),
    "cut_in_the_last_page.ogg": (cut(0.999, **VORBIS), "is truncated: its last page"),
    "cut.ogg": (cut(0.6, **VORBIS), "is truncated: its last page"),
    "cut_in_the_last_page.opus": (cut(0.999, **OPUS), "is truncated: its last page"),
    "cut.opus": (cut(0.6, **OPUS), "is truncated: its last page"),
    "cut_between_pages.ogg": (without_page(-1, "VORBIS"), "is truncated: its last page"),
    "cut_between_pages.opus": (without_page(-1, "OPUS"), "is truncated: its last page"),
    "hole.ogg": (without_page(2, "VORBIS"), "a part of it is missing"),
    "hole.opus": (without_page(2, "OPUS"), "a part of it is missing"),
    "text.wav": (b"this is text", "cannot be read as audio"),
    "no_bytes.wav": (b"", "cannot be read as audio"),
    "folder.wav": (None, "there is no such file"),
    "missing.wav": (None, "there is no such file"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with all of them, and a table with a row for each."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in (ACCEPTED | {name: content for name, (content, _) in REJECTED.items()}).items():
        if content is not None:
            (folder / name).write_bytes(content)
    (folder / "folder.wav").mkdir()
    rows = [f"{name},It is number {row}." for row, name in enumerate((*ACCEPTED, *REJECTED))]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text", *rows]), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ACCEPTED)
def test_usable_files_become_mono_at_one_rate_and_loudness(files, name):
    original, rate = soundfile.read(files / name)
    samples = load_clip(files / name, RATE)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert abs(len(samples) - len(original) * RATE / rate) <= 1
    assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-20, abs=0.01)


@pytest.mark.parametrize("name", REJECTED)
def test_unusable_files_are_named_with_the_reason(files, name):
    content, reason = REJECTED[name]
    for source in (files / name, content):
        if source is not None:
            with pytest.raises(AudioError, match=f"{name}: .*{reason}"):
                load_clip(source, RATE, name)


def test_a_preparation_skips_and_names_exactly_the_unusable_ones(files, tiny_codec_folder, tmp_path):
    report = tokenize_clips(read_folder(files), str(tiny_codec_folder), tmp_path / "tokens")
    assert report.num_clips == len(ACCEPTED) and len(report.skipped) == len(REJECTED)
    assert set(load_tokens(tmp_path / "tokens")[0]["name"]) == set(ACCEPTED)
    for clip in report.skipped:
        assert re.match(f"{clip['name']}: .*{REJECTED[clip['name']][1]}", clip["reason"])

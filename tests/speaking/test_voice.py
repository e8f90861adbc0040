"""A voice on text of any length: all of it, in order, timed, and the same however it is asked for."""

import io
import json

import numpy as np
import pytest
import soundfile
import torch

from tts_trm import Voice
from tts_trm.audio.writing import write_audio, write_pcm
from tts_trm.speaking import subtitles
from tts_trm.speaking.speech import MARGIN, Passage, Word, join
from tts_trm.speaking.subtitles import Times, write_times

TEXT = (
    "Dr. Miller paid $5 for 3 kg of apples, and went home. Then came the rain; it fell all day long.\n\n"
    "[pause 300ms] A new paragraph begins here. Yes."
)


@pytest.fixture(scope="module")
def voice(tiny_voice) -> Voice:
    return Voice.from_pretrained(tiny_voice, device="cpu")


@pytest.fixture(scope="module")
def passages(voice) -> list[Passage]:
    return list(voice.stream(TEXT, "anna"))


def test_a_stream_is_the_whole_in_parts(voice, passages):
    whole = voice.synthesize(TEXT, "anna")
    assert torch.equal(whole.waveform, torch.cat([passage.waveform for passage in passages]))
    assert len(passages) >= 3 and whole.waveform.isfinite().all()
    assert whole.seconds == pytest.approx(sum(passage.seconds for passage in passages))
    starts = np.cumsum([0, *(len(passage.waveform) for passage in passages[:-1])]) / 24_000
    assert [passage.start for passage in passages] == pytest.approx(starts.tolist())
    assert whole.words == [word for passage in passages for word in passage.words]
    assert whole.speech is None and join(passages[:1]).speech is passages[0].speech


def test_passages_come_when_they_are_asked_for(voice, monkeypatch):
    made = []
    generate = voice.model.generate
    monkeypatch.setattr(voice.model, "generate", lambda **settings: made.append(1) or generate(**settings))
    stream = voice.stream("This is a sentence of some length. " * 1000, "bert")
    next(stream)
    assert len(made) == 1


def test_every_word_is_timed(passages):
    words = join(passages).words
    # what is spoken as one is one; the mark of a pause is no word
    assert [word.text for word in words] == [
        word for word in TEXT.split() if word not in ("[pause", "300ms]", "3", "kg")
    ][:5] + ["3 kg"] + TEXT.split("kg ")[1].replace("[pause 300ms] ", "").split()
    for word in words:
        assert TEXT[word.text_start : word.text_end] == word.text and word.start < word.end
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times) and 0 <= times[0] and times[-1] <= join(passages).seconds
    characters = join(passages).characters
    assert "".join(character.text for character in characters).startswith(
        "doctormillerpaidfivedollarsforthreekilograms"
    )
    assert len(characters) == sum(c.isalnum() for passage in passages for c in passage.speech.text if passage.speech)


def test_silence_is_cut_and_made_to_measure(passages):
    first = passages[0]
    speech, rate = first.speech, first.sampling_rate
    spoken = speech.durations[1:-1].sum() / speech.frame_rate
    assert spoken < first.seconds <= speech.seconds + 0.4
    alone = passages[-2] if passages[-2].speech is None else next((p for p in passages if p.speech is None), None)
    if alone is not None:
        assert not alone.waveform.any() and alone.seconds == pytest.approx(0.3)
    assert first.waveform[0] == 0 and abs(float(first.waveform[-1])) < 1e-6  # no click
    assert round(MARGIN * rate) < len(first.waveform)


def test_speech_that_would_be_too_long_is_made_in_parts(voice, passages, monkeypatch):
    monkeypatch.setattr(voice.model.config, "max_audio_frames", max(p.speech.frames for p in passages if p.speech) // 2)
    parts = list(voice.stream(TEXT, "anna"))
    assert len(parts) > len(passages)
    assert [word.text for word in join(parts).words] == [word.text for word in join(passages).words]
    assert max(part.speech.frames for part in parts if part.speech) <= voice.model.config.max_audio_frames
    monkeypatch.setattr(voice.model.config, "max_audio_frames", 1)
    with pytest.raises(ValueError, match="over max_audio_frames=1"):
        list(voice.stream("Antidisestablishmentarianism"))


def test_settings_reach_the_model(voice, passages):
    fast, rough, other = (
        voice.synthesize(TEXT, "anna", **settings)
        for settings in ({"speed": 2.0}, {"num_codebooks": 2}, {"temperature": 50.0, "seed": 7})
    )
    spoken = sum(p.speech.frames for p in passages if p.speech)
    assert fast.seconds < join(passages).seconds - 0.3 * spoken / 12.5
    assert len(rough.words) == len(other.words) == len(join(passages).words)
    assert not torch.equal(rough.waveform[:1000], passages[0].waveform[:1000])
    assert [word.text for word in voice.synthesize("5 kg", normalize=False).words] == ["5", "kg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("[pause 1s]", "nothing to speak"),
        ("?!", "has no letter"),
        ("a [pause 90s] b", "longer than 60 s"),
    ],
)
def test_text_that_cannot_be_spoken(voice, text, message):
    with pytest.raises(ValueError, match=message):
        list(voice.stream(text))
    with pytest.raises(ValueError, match="Unknown speaker 'carl'"):
        next(voice.stream("Hi.", "carl"))


def test_files_are_written_as_the_speech_comes(passages, tmp_path):
    whole = join(passages).waveform
    written = []

    def watched():
        for passage in passages:
            written.append((tmp_path / "a.wav.partial").stat().st_size if written else 0)
            yield passage

    write_audio(watched(), tmp_path / "a.wav")
    assert written[2] > len(passages[0].waveform) * 2
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert rate == 24_000 and len(samples) == len(whole)
    stream = io.BytesIO()
    write_pcm(passages, stream)
    raw = np.frombuffer(stream.getvalue(), "<i2")
    assert np.abs(raw.astype(int) - samples).max() <= 1

    def broken():
        yield passages[0]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_audio(broken(), tmp_path / "b.wav")
    with pytest.raises(OSError, match="nowhere/c.wav: cannot be written"):
        write_audio(passages, tmp_path / "nowhere" / "c.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def spaced(text: str) -> list[Word]:
    words, place = [], 0
    for number, word in enumerate(text.split()):
        place = text.index(word, place)
        words.append(Word(word, number * 0.5, number * 0.5 + 0.4, place, place + len(word)))
    return words


def test_subtitles(tmp_path):
    times = Times(5.5, spaced('He said: "Stop --> here." Then they all went home again, as far as I can remember.'), [])
    for name in ("a.srt", "a.vtt", "a.json"):
        write_times(times, tmp_path / name)
    assert (tmp_path / "a.srt").read_text().split("\n\n")[:2] == [
        '1\n00:00:00,000 --> 00:00:02,400\nHe said: "Stop -> here."',
        "2\n00:00:02,500 --> 00:00:07,400\nThen they all went home again, as far as I",
    ]
    webvtt = (tmp_path / "a.vtt").read_text()
    assert webvtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.400\nHe said") and webvtt.count("-->") == 3
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["seconds"] == 5.5 and content["words"][1] == {
        "text": "said:",
        "start": 0.5,
        "end": 0.9,
        "text_start": 3,
        "text_end": 8,
    }
    with pytest.raises(ValueError, match="a.txt: times are written as .json, .srt, .vtt"):
        write_times(times, tmp_path / "a.txt")
    assert subtitles._clock(3725.0049, ",") == "01:02:05,005"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.srt", "a.vtt"]

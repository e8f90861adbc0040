"""Folders of recordings and data sets of the Hub to clips; every row as it was written, or refused by name."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prepared import make_recordings, make_token_dir, own_cache, write_audio  # noqa: F401

from tts_trm.audio.reading import AudioError
from tts_trm.data.clips import DataError, clips_key
from tts_trm.data.hub_datasets import HubClips, read_hub
from tts_trm.data.recordings import read_folder
from tts_trm.data.sources import is_recordings, read_sources
from tts_trm.data.token_folder import load_tokens
from tts_trm.data.tokenizing import tokenize_clips


def test_ljspeech_table(tmp_path):
    folder = tmp_path / "LJ"
    (folder / "wavs").mkdir(parents=True)
    write_audio(folder / "wavs" / "LJ001-0001.wav", 0.4, 1)
    (folder / "metadata.csv").write_text('LJ001-0001|Mr. "5"|Mister "five"\n', encoding="utf-8")
    (clip,) = read_sources([folder])
    assert (clip.text, clip.speaker, clip.name) == ('Mister "five"', "LJ", "LJ001-0001")
    assert len(clip.load(24_000)) == 9600


def test_table_keeps_line_breaks_in_quotes_and_durations(tmp_path):
    (tmp_path / "metadata.csv").write_text(
        'file_name,text,durations\na.wav,"one\ntwo","[1, 2.5]"\nb.wav,three,1 2\nc.wav,four,\n', encoding="utf-8"
    )
    clips = read_folder(tmp_path)
    assert [clip.text for clip in clips] == ["one\ntwo", "three", "four"]
    assert [clip.durations for clip in clips] == [[1.0, 2.5], [1.0, 2.0], None]
    (tmp_path / "metadata.csv").write_text("file_name,text,durations\na.wav,one,1 x\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2: durations '1 x'"):
        read_folder(tmp_path)


def test_hub_data_set_with_embedded_audio(tmp_path, recordings, tiny_codec_folder, monkeypatch):
    import datasets

    originals = read_folder(recordings)
    table = datasets.Dataset.from_dict(
        {
            "sound": [{"bytes": open(clip.audio, "rb").read(), "path": None} for clip in originals],
            "sentence": [clip.text for clip in originals],
            "speaker": [clip.speaker for clip in originals],
            "json": [{"said": clip.text, "by": {"name": clip.speaker}} for clip in originals],
        }
    )
    (tmp_path / "hub").mkdir()
    table.to_parquet(tmp_path / "hub" / "train-00000-of-00001.parquet")
    clips = read_hub(tmp_path / "hub", "sentence", "sound")
    assert [(clip.text, clip.speaker) for clip in clips] == [(clip.text, clip.speaker) for clip in originals]
    for name, chosen, workers in (("a", originals, 1), ("b", clips, 2)):
        tokenize_clips(chosen, str(tiny_codec_folder), tmp_path / name, num_workers=workers)
    codes = [load_tokens(tmp_path / name)[0]["audio_codes"][:] for name in "ab"]
    assert codes[0] == codes[1]
    monkeypatch.setattr(HubClips, "ROWS_AT_ONCE", 3)
    nested = read_hub(tmp_path / "hub", "json.said", "sound", "json.by.name")
    assert [(clip.text, clip.speaker, clip.name) for clip in nested] == [
        (clip.text, clip.speaker, clip.name) for clip in clips
    ]
    assert list(clips) == clips[:] == [clips[index] for index in range(len(clips))]
    assert clips[-1] == clips[len(clips) - 1] and clips[2:4] == [clips[2], clips[3]]
    with pytest.raises(IndexError):
        clips[len(clips)]
    with pytest.raises(DataError, match="no column 'json.by.age'.*--speaker-column"):
        read_hub(tmp_path / "hub", "sentence", "sound", "json.by.age")
    with pytest.raises(DataError, match="'json.said' contains .* not audio"):
        read_hub(tmp_path / "hub", "sentence", "json.said")
    with pytest.raises(DataError, match="no column 'text'.*--text-column"):
        read_hub(tmp_path / "hub")


def test_folders_of_recordings_and_copies_of_the_hub_are_told_apart(tmp_path, recordings, token_dir):
    copy = tmp_path / "copy" / "clean"
    copy.mkdir(parents=True)
    (copy / "train-00000-of-00001.parquet").write_bytes(b"")
    assert is_recordings(recordings) and not is_recordings(tmp_path / "copy")
    # Tokens are no recordings, but no data set of the Hub either.
    assert is_recordings(token_dir)
    assert not is_recordings("org/data-set")


def test_source_that_is_nowhere():
    with pytest.raises(DataError, match="no_such/place: neither a folder here nor a data set"):
        read_sources(["no_such/place"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file_name,text\na.wav,Hello, world\n", "line 2: has more fields than the header; quote texts"),
        ("file_name,text,speaker\na.wav,Hello, world,anna\n", "line 2: has more fields than the header"),
        ("file_name,text\n ,Hello\n", "line 2: ' ' is not a file name"),
        ("file_name,text\na\0.wav,Hello\n", "line 2: 'a.x00.wav' is not a file name"),
        ('file_name,text\na.wav,"' + "never closed " * 20_000, "is a quote not closed before it"),
        ('file_name,text,"' + "never closed " * 20_000, "is a quote not closed before it"),
        ("file_name,text,durations\na.wav,Hello,NaN 1 -3\n", "durations 'NaN 1 -3' are not a list of numbers"),
        (f"file_name,text,durations\na.wav,Hello,[1{400 * '0'}]\n", "line 2: durations .* are not a list of numbers"),
        (f"file_name,text,durations\na.wav,Hello,{2000 * '['}\n", "line 2: durations .* are not a list of numbers"),
        ("file_name,text,text\na.wav,Hello,World\n", "has several columns 'text'; keep one of them"),
        ("file_name,text,speaker,file_name,text\n", "has several columns 'file_name' and 'text'; keep one"),
        ("name,text\na.wav,Hello\n", "the column file_name is missing from .*choose with --audio-column"),
        ("a|Hello|hello|anna\n", "line 1: neither a header .* nor LJSpeech's id.text.normalised, but 4 fields"),
        ("a|Hello\n.|World\n", "line 2: '.' is not a file name"),
        ("file_name,text\na.wav,\ud800\n".encode("utf-8", "surrogatepass"), "is not UTF-8 .* at byte 21.*save it as"),
        ("file_name,text\na.wav,Hello\n".encode("utf-16")[:-1], "is not UTF-8 .* at byte 54"),
        (b"file_name,text\na.wav,caf\xe9\n", "is not UTF-8 .* at byte 24"),
        (b"sep=;\nfile_name;text\na.wav;Hello\n", "line 1: is a note to Excel .*delete it"),
    ],
)
def test_a_damaged_table_is_named_and_no_text_is_lost(table, message, tmp_path):
    (tmp_path / "metadata.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(DataError, match=f"metadata.csv.*{message}"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        b"\xef\xbb\xbffile_name,text\na.wav,No\0 hi\n",
        b"file_name,text\r\na.wav,No\0 hi\r\n\r\n",
        b"file_name,text\ra.wav,No\0 hi",
        b"\xef\xbb\xbfa.wav|No\0 hi\r\n",
    ],
    ids=["byte order mark", "lines of Windows", "lines of old Macs", "LJSpeech"],
)
def test_marks_and_line_ends_are_no_part_of_a_text(table, tmp_path):
    (tmp_path / "metadata.csv").write_bytes(table)
    (clip,) = read_folder(tmp_path)
    assert (clip.name, clip.text) == ("a.wav", "No\0 hi")


# Lone surrogates are not UTF-8.
CHARACTERS = st.characters(exclude_categories=("Cs",))
TEXTS = st.text(st.one_of(st.sampled_from("\"',;|\n\r\t\0 \x85\u2028\ufeff"), CHARACTERS), max_size=30)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
def test_whatever_is_written_as_a_table_is_read_row_for_row(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    with open(folder / "metadata.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("file_name", "text", "speaker"), *((f"{i}.wav", *row) for i, row in enumerate(rows))])

    def plain(text: str) -> str:
        return text.replace("\r\n", "\n").replace("\r", "\n").strip()

    assert [(clip.name, clip.text, clip.speaker) for clip in read_folder(folder)] == [
        (f"{i}.wav", plain(text), plain(speaker) or folder.name) for i, (text, speaker) in enumerate(rows)
    ]


TABLES = [
    b'file_name,text,speaker,durations\na.wav,"No, ""hi""\nho",anna,"[1, 2.5]"\nb.wav,Ho,,1 2\n',
    'LJ001|Mr. "5"|Mister "five"\nLJ002|Grüße\n'.encode(),
]
PIECES = st.one_of(
    st.binary(max_size=4), st.sampled_from([b'"', b",", b"|", b"\0", b"\r", b"[[", b"..", b"/", b"1e999", b"x" * 300])
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(
    table=st.sampled_from(TABLES),
    faults=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9), PIECES), min_size=1, max_size=4),
    repeats=st.sampled_from([1, 1, 1, 5000]),
)
def test_a_damaged_table_is_read_or_refused_by_name(table, faults, repeats, tmp_path_factory):
    for place, length, piece in faults:
        table = table[:place] + piece * repeats + table[place + length :]
    folder = tmp_path_factory.mktemp("table")
    (folder / "metadata.csv").write_bytes(table)
    try:
        clips = read_folder(folder)
    except DataError as error:
        assert str(folder / "metadata.csv") in str(error)
    else:
        assert clips and clips_key(clips)
        assert all(clip.name.strip() and Path(clip.audio).is_relative_to(folder) for clip in clips)


def test_samples_and_long_strings_of_a_data_set_are_audio_too(tmp_path):
    """What is left of audio that somebody decoded, and the strings of tables written by pandas or polars."""
    from datasets import Dataset, Features, Value

    (tmp_path / "hub").mkdir()
    wave = np.sin(np.arange(4800) / 10).astype(np.float32) / 2
    sounds = [
        {"array": wave.tolist(), "sampling_rate": 24_000},
        {"array": [wave.tolist(), wave.tolist()], "sampling_rate": 24_000},
        {"array": ["no", "sound"], "sampling_rate": 24_000},
    ]
    for number, sound in enumerate(sounds):
        folder = tmp_path / f"hub{number}"
        folder.mkdir()
        Dataset.from_dict({"text": ["Hello."], "audio": [sound]}).to_parquet(folder / "train-00000-of-00001.parquet")
    mono, stereo, broken = (read_hub(tmp_path / f"hub{number}")[0] for number in range(3))
    np.testing.assert_array_equal(mono.load(24_000), stereo.load(24_000))
    assert len(mono.load(24_000)) == 4800 and len(mono.load(12_000)) == 2400
    with pytest.raises(AudioError, match="row 0: its array is not a waveform"):
        broken.load(24_000)

    write_audio(tmp_path / "hub" / "a.wav", 0.4, 1)
    table = Dataset.from_dict(
        {"text": ["Hello."], "audio": [str(tmp_path / "hub" / "a.wav")]},
        features=Features({"text": Value("large_string"), "audio": Value("large_string")}),
    )
    table.to_parquet(tmp_path / "hub" / "train-00000-of-00001.parquet")
    assert len(read_hub(tmp_path / "hub")[0].load(24_000)) == 9600

"""Tables as people have them: read as they are meant, or refused with the reading that was guessed."""

import json
import unicodedata

import pytest
from prepared import write_audio

from tts_trm.audio.reading import AudioError
from tts_trm.data.clips import DataError
from tts_trm.data.recordings import read_folder
from tts_trm.data.sources import is_recordings, read_sources
from tts_trm.data.tables import Columns
from tts_trm.errors_tts_trm import InputError

FILES = ("a.wav", "b.wav", "c.wav")
TEXTS = ("Hello there, you.", "This is the second one.", "And a third.")


def table(folder, content: str, name: str = "metadata.csv") -> None:
    (folder / name).write_text(content, encoding="utf-8")


def rows_of(folder, **chosen) -> list[tuple[str, str, str]]:
    return [(clip.name, clip.text, clip.speaker) for clip in read_folder(folder, Columns(**chosen))]


def expected(speakers=None, files=FILES, folder=None) -> list[tuple[str, str, str]]:
    return list(zip(files, TEXTS, speakers or [folder.name] * 3, strict=True))


HEADERS = [
    ("file_name", "text", "speaker"),
    ("audio_file", "transcription", "speaker_name"),
    ("Path", "Sentence", "Client_ID"),
    ("wav_filename", "transcript", "speaker_id"),
    ("Audio Path", "Normalized Text", "Speaker"),
]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header[0])
def test_a_header_is_read_whatever_the_separator(tmp_path, header, separator):
    lines = [separator.join(header)]
    for file, text in zip(FILES, TEXTS, strict=True):
        text = f'"{text}"' if separator in text else text
        lines.append(separator.join([file, text, "anna"]))
    table(tmp_path, "\n".join(lines) + "\n")
    assert rows_of(tmp_path) == expected(["anna"] * 3)


def test_columns_by_name_are_honoured_and_a_wrong_name_is_refused(tmp_path):
    header = "clip_file,text,said,who\n"
    table(tmp_path, header + "".join(f'{f},x,"{t}",bert\n' for f, t in zip(FILES, TEXTS, strict=True)))
    assert rows_of(tmp_path, file="clip_file", text="said", speaker="who") == expected(["bert"] * 3)
    with pytest.raises(DataError, match="has no column 'words', but .*--text-column"):
        rows_of(tmp_path, file="clip_file", text="words")
    sources = read_sources([tmp_path], text_column="said", audio_column="clip_file", speaker_column="who")
    assert [clip.text for clip in sources] == list(TEXTS)


@pytest.mark.parametrize("third", [["0", "1", "0"], ["en"] * 3, ["happy", "sad", "happy"], ["2.31", "1.7", "3.0"]])
@pytest.mark.parametrize("suffix", ["", ".wav"])
def test_a_third_column_that_is_no_text_is_never_read_as_one(tmp_path, third, suffix):
    names = [file.removesuffix(".wav") + suffix for file in FILES]
    table(tmp_path, "".join(f"{f}|{t}|{x}\n" for f, t, x in zip(names, TEXTS, third, strict=True)))
    with pytest.raises(
        DataError, match=r"line 1: the third column does not look like text .*--table-columns file,text,speaker"
    ):
        read_folder(tmp_path)
    assert rows_of(tmp_path, order=("file", "text", "speaker")) == expected(third, names)
    assert rows_of(tmp_path, order=("file", "text", "-")) == expected(None, names, tmp_path)


@pytest.mark.parametrize("order", [("file", "speaker"), ("file", "texts"), ("text",)])
def test_columns_that_are_none_are_refused(tmp_path, order):
    table(tmp_path, "a.wav|Hello there.|x\n")
    with pytest.raises(DataError, match=f"--table-columns {','.join(order)}: file and text are required"):
        rows_of(tmp_path, order=order)


def test_a_speaker_before_the_text_is_guessed_and_asked_about(tmp_path):
    table(tmp_path, "".join(f"{f}|p225|{t}\n" for f, t in zip(FILES, TEXTS, strict=True)))
    with pytest.raises(DataError, match="--table-columns file,speaker,text"):
        read_folder(tmp_path)
    assert rows_of(tmp_path, order=("file", "speaker", "text")) == expected(["p225"] * 3)


@pytest.mark.parametrize("separator", ["|", "\t"])
def test_ljspeech_with_and_without_the_spelled_out_text(tmp_path, separator):
    table(tmp_path, "".join(separator.join(row) + "\n" for row in zip(FILES, TEXTS, strict=True)))
    assert rows_of(tmp_path) == expected(None, FILES, tmp_path)
    table(tmp_path, "".join(separator.join([f, "Mr. 5", t]) + "\n" for f, t in zip(FILES, TEXTS, strict=True)))
    assert rows_of(tmp_path) == expected(None, FILES, tmp_path)
    table(tmp_path, "a|Yes.|yes\nb|No!|\nc|Go.|go\n")
    assert [text for _, text, _ in rows_of(tmp_path)] == ["yes", "No!", "go"]


def test_json_lines_parquet_and_common_voice(tmp_path):
    import pyarrow
    import pyarrow.parquet

    rows = [{"file_name": f, "text": t, "speaker": "anna"} for f, t in zip(FILES, TEXTS, strict=True)]
    for name in ("json", "parquet", "voice"):
        (tmp_path / name).mkdir()
    table(tmp_path / "json", "".join(json.dumps(row) + "\n" for row in rows), "metadata.jsonl")
    assert rows_of(tmp_path / "json") == expected(["anna"] * 3)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "parquet" / "metadata.parquet")
    assert rows_of(tmp_path / "parquet") == expected(["anna"] * 3) and is_recordings(tmp_path / "parquet")
    lines = ["client_id\tpath\tsentence_id\tsentence\tup_votes"]
    lines += [f"c{i}\t{f}\t{i}\t{t}\t2" for i, (f, t) in enumerate(zip(FILES, TEXTS, strict=True))]
    table(tmp_path / "voice", "\n".join(lines) + "\n", "validated.tsv")
    (tmp_path / "voice" / "clips").mkdir()
    write_audio(tmp_path / "voice" / "clips" / "a.wav", 0.4, 1)
    assert rows_of(tmp_path / "voice") == expected(["c0", "c1", "c2"])
    assert len(read_folder(tmp_path / "voice")[0].load(24_000)) == 9600
    table(tmp_path / "json", "{\n", "metadata.jsonl")
    with pytest.raises(DataError, match="line 1: is not valid JSON"):
        read_folder(tmp_path / "json")


def test_splits_in_folders_of_their_own(tmp_path):
    for split, text in (("train", "For training."), ("test", "For testing.")):
        (tmp_path / split).mkdir()
        table(tmp_path / split, f"file_name,text\na.wav,{text}\n")
    assert [clip.text for clip in read_sources([tmp_path])] == ["For training."]
    assert [clip.text for clip in read_sources([tmp_path], split="test")] == ["For testing."]
    with pytest.raises(InputError, match="--split dev: .* has no folder of this name"):
        read_sources([tmp_path], split="dev")


def test_what_no_source_can_use_is_an_error(tmp_path):
    table(tmp_path, "file_name,text\na.wav,Hello.\n")
    with pytest.raises(InputError, match="--dataset-config clean"):
        read_sources([tmp_path], config="clean")


def test_a_data_set_that_was_saved_to_disk(tmp_path, recordings):
    import datasets

    originals = read_folder(recordings)
    saved = datasets.Dataset.from_dict(
        {
            "audio": [{"bytes": open(clip.audio, "rb").read(), "path": None} for clip in originals],
            "text": [clip.text for clip in originals],
        }
    )
    saved.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": saved}).save_to_disk(tmp_path / "several")
    for name in ("one", "several"):
        clips = read_sources([tmp_path / name])
        assert [clip.text for clip in clips] == [clip.text for clip in originals]
        assert len(clips[0].load(24_000)) == len(originals[0].load(24_000))


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("a.wav", "a.wav"),
        ("a", "a.wav"),
        ("a", "a.WAV"),
        ("a.wav", "a.WAV"),
        ("a.wav", "wavs/a.wav"),
        ("a", "audio/a.flac"),
        ("a", "wav/a.wav"),
        ("a", "clips/a.ogg"),
        ("s1/a", "s1/a.wav"),
        ("s1/a", "wavs/s1/a.wav"),
        ("s1\\a.wav", "s1/a.wav"),
        ("wavs/a.wav", "wavs/a.wav"),
        (unicodedata.normalize("NFD", "grün.wav"), unicodedata.normalize("NFC", "grün.wav")),
        (unicodedata.normalize("NFC", "grün"), unicodedata.normalize("NFD", "grün.wav")),
    ],
)
def test_audio_is_found_where_it_is_usual(tmp_path, written, stored):
    path = tmp_path / stored
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = path.with_suffix(path.suffix.lower())
    write_audio(sound, 0.4, 1)
    sound.rename(path)
    table(tmp_path, f"{written}|Hello there.\n")
    (clip,) = read_folder(tmp_path)
    assert len(clip.load(24_000)) == 9600


def test_what_is_not_there_or_cannot_be_read_is_said_with_its_fix(tmp_path):
    (tmp_path / "b.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    table(tmp_path, "a.wav|Hello there.\nb.m4a|Hello.\n")
    missing, foreign = read_folder(tmp_path)
    with pytest.raises(AudioError, match=r"a\.wav: there is no such file"):
        missing.load(24_000)
    with pytest.raises(AudioError, match=r"b\.m4a: cannot be read as audio .*ffmpeg -i b\.m4a"):
        foreign.load(24_000)


def test_few_texts_for_many_clips_are_worth_a_warning(tmp_path, caplog):
    table(tmp_path, "file_name,text\n" + "".join(f"{i}.wav,{'en' if i % 2 else 'de'}\n" for i in range(40)))
    read_folder(tmp_path)
    assert "40 clips have only 2 different texts" in caplog.text


def test_without_a_table_each_recording_has_its_text_beside_it(tmp_path):
    for speaker in ("anna", "bert"):
        (tmp_path / speaker).mkdir()
        write_audio(tmp_path / speaker / "a.WAV", 1, 0)
        (tmp_path / speaker / "a.txt").write_text("Hello\nthere, you.\n", encoding="utf-8")
    (tmp_path / "wavs").mkdir()
    write_audio(tmp_path / "wavs" / "b.wav", 1, 0)
    (tmp_path / "wavs" / "b.normalized.txt").write_text("And a third.", encoding="utf-8")
    write_audio(tmp_path / "silent.wav", 1, 0)
    assert rows_of(tmp_path) == [
        ("anna/a.WAV", "Hello there, you.", "anna"),
        ("bert/a.WAV", "Hello there, you.", "bert"),
        ("wavs/b.wav", "And a third.", tmp_path.name),
    ]


def test_the_only_table_is_read_whatever_its_name_and_several_are_named(tmp_path):
    rows = "file_name,text\n" + "".join(f'{f},"{t}"\n' for f, t in zip(FILES, TEXTS, strict=True))
    table(tmp_path, rows, "my voice.csv")
    assert rows_of(tmp_path) == expected(folder=tmp_path)
    table(tmp_path, rows, "test.csv")
    with pytest.raises(DataError, match="rename my voice.csv or test.csv to metadata"):
        read_folder(tmp_path)
    # Texts next to the recordings are clearer than any of them.
    write_audio(tmp_path / "a.wav", 1, 0)
    (tmp_path / "a.txt").write_text("Hello there, you.", encoding="utf-8")
    assert rows_of(tmp_path) == [("a.wav", "Hello there, you.", tmp_path.name)]


def test_a_copy_of_a_hub_data_set_stays_one_with_a_stray_table(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train-00000.parquet").touch()
    table(tmp_path, "word,count\nthe,9\n", "frequencies.csv")
    assert not is_recordings(tmp_path)


def test_tables_of_other_programs(tmp_path):
    for folder in ("excel", "nemo", "list"):
        (tmp_path / folder).mkdir()
    pairs = list(zip(FILES, TEXTS, strict=True))
    (tmp_path / "excel" / "metadata.txt").write_text(
        "file\ttext\n" + "".join(f"{f}\t{t}\n" for f, t in pairs), "utf-16"
    )
    manifest = [{"audio_filepath": f, "text": t, "duration": 1.5} for f, t in pairs]
    table(tmp_path / "nemo", "".join(json.dumps(row) + "\n" for row in manifest), "manifest.json")
    table(tmp_path / "list", json.dumps(manifest, indent=1), "metadata.json")
    for folder in ("excel", "nemo", "list"):
        assert rows_of(tmp_path / folder) == expected(folder=tmp_path / folder)


def test_a_path_may_be_whole_if_it_stays_in_the_folder(tmp_path):
    write_audio(tmp_path / "a.wav", 1, 0)
    table(tmp_path, f"file_name,text\n{tmp_path.resolve() / 'a.wav'},Hello there.\n")
    assert read_folder(tmp_path)[0].audio == str(tmp_path / "a.wav")
    table(tmp_path, "file_name,text\n/elsewhere/a.wav,Hello there.\n")
    with pytest.raises(DataError, match="leaves the folder"):
        read_folder(tmp_path)

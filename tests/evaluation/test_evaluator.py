"""`scripts/evaluate_voice.py` on the data set of the tests and voices that are random."""

import json

import numpy as np
import pytest

from tts_trm import TtsTrmProcessor
from tts_trm.data.clips import Clip
from tts_trm.data.held_out import is_held_out
from tts_trm.data.sources import read_sources
from tts_trm.data.token_folder import load_tokens, tokenizer_hash, write_durations
from tts_trm.data.tokenizing import tokenize_clips
from tts_trm.evaluation import tables
from tts_trm.evaluation.evaluator import held_out_clips, measure_paragraph, short_inputs
from tts_trm.evaluation.word_metrics import plain_words
from tts_trm.scripts import evaluate_voice
from tts_trm.speaking.prompts import read_prompts

SOUND = set(tables.COLUMNS) - {"word_error_rate", "character_error_rate"}


class Quality:
    name = "a judge"

    def __call__(self, waveform: np.ndarray, sampling_rate: int) -> dict[str, float]:
        return {"dnsmos_overall": 3.0, "dnsmos_p808": len(waveform) / sampling_rate}


class Listener:
    """Hears the same words in everything, and knows anna's language; noise would cost pocketsphinx a minute."""

    name = "a listener"
    anna: set[str]

    def knows(self, texts: list[str]) -> bool:
        return set(texts) <= self.anna

    def normalize(self, text: str, language: str) -> str:
        return plain_words(text)

    def __call__(self, waveform: np.ndarray, sampling_rate: int, language: str) -> str:
        return "the small window"

    def word_times(self, waveform: np.ndarray, sampling_rate: int, text: str):
        words = plain_words(text).split()
        return None if len(words) % 2 else [(word, 0.1, 0.2) for word in words]


@pytest.fixture(scope="module")
def outputs(tiny_voice, tiny_recordings, tmp_path_factory):
    """The folder of everything that one run of the command writes."""
    folder, listener = tmp_path_factory.mktemp("outputs"), Listener()
    listener.anna = {clip.text for clip in read_sources([tiny_recordings]) if clip.speaker == "anna"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tts_trm.evaluation.recognizers.load_recognizer", lambda name: listener)
        patch.setattr("tts_trm.evaluation.quality.load_quality", lambda: Quality())
        code = evaluate_voice.main(
            [
                "--model",
                str(tiny_voice),
                "--data-dir",
                str(tiny_recordings),
                "--held-out",
                "0.6",
                "--sentences",
                "3",
            ]
            + ["--output", str(folder / "results.json"), "--picture-dir", str(folder), "--audio-dir", str(folder)]
        )
    assert code == 0
    return folder


def test_every_speaker_and_system_is_measured(outputs):
    results = json.loads((outputs / "results.json").read_text())
    assert set(results["speakers"]) == {"anna", "bert"} and results["sentences"] == 6
    assert results["recognizer"] == "a listener"
    for speaker, result in results["speakers"].items():
        systems, known = result["systems"], speaker == "anna"
        assert list(systems) == ["recordings", *(f"codec, {k} codebooks" for k in (8, 16, 32)), "model"]
        for name, measures in systems.items():
            assert ("word_error_rate" in measures) == known
            if known:
                low, high = measures["word_error_interval"]
                assert low <= measures["word_error_rate"] <= high
            if name != "recordings":
                assert set(measures) >= SOUND and measures["mel_cepstral_distance"] > 0
        assert systems["codec, 32 codebooks"]["length_ratio"] == pytest.approx(1, abs=0.05)
        assert systems["recordings"]["speaker_similarity"] > systems["model"]["speaker_similarity"]
        assert len(result["codebooks"]["cross_entropy"]) == len(result["codebooks"]["accuracy"]) == 32
        assert result["codebooks"]["durations"].startswith("the model's own") and result["codebooks"]["sentences"] == 3
        assert set(result["paragraph"]) == set(result["heard"]) == (set(systems) if known else set())
        assert result["short_inputs"]["inputs"] >= 5
        assert result["short_inputs"]["failures"] == pytest.approx(
            len(result["short_inputs"]["failed"]) / result["short_inputs"]["inputs"]
        )
    anna = results["speakers"]["anna"]
    assert results["error_rates"]["model"]["word_error_rate"] == anna["systems"]["model"]["word_error_rate"]
    assert "no word heard" in anna["short_inputs"]["failed"].values()
    assert "recordings" not in results["speakers"]["bert"]["short_inputs"]
    cut = anna["short_inputs"]["recordings"]
    aligned = [
        len(plain_words(anna["texts"][index]).split()) % 2 == 0 for index, _ in short_inputs(anna["texts"]).values()
    ]
    assert cut["inputs"] == sum(aligned) > 0 and cut["failures"] == len(cut["failed"]) / cut["inputs"]


def test_pictures_and_speech_are_written(outputs):
    for name in ("anna_comparison.png", "anna_codebooks.png", "bert_comparison.png", "bert_codebooks.png"):
        assert (outputs / name).read_bytes().startswith(b"\x89PNG")
    assert len(list(outputs.glob("anna_*.wav"))) == 3


def test_codebooks_are_measured_with_the_durations_of_the_training(
    tiny_voice, tiny_codec_folder, tiny_recordings, tmp_path, capsys
):
    voice = [
        "--model",
        str(tiny_voice),
        "--data-dir",
        str(tiny_recordings),
        "--held-out",
        "0.3",
        "--recognizer",
        "none",
    ]
    voice += ["--speaker", "anna", "--token-dir", str(tmp_path), "--output", str(tmp_path / "results.json")]
    processor = TtsTrmProcessor.from_pretrained(tiny_voice)
    clips = read_sources([tiny_recordings])
    tokenize_clips(clips, str(tiny_codec_folder), tmp_path)
    assert evaluate_voice.main(voice) == 1
    assert "holds no durations for this voice's tokenizer" in capsys.readouterr().err
    durations = []
    for row in load_tokens(tmp_path)[0]:
        characters = len(processor(text=row["text"])["input_ids"][0])
        durations.append(np.full(characters, row["num_frames"] / characters, np.float32))
    # A clip that could not be aligned.
    durations[0] = np.zeros(0, np.float32)
    write_durations(tmp_path, tokenizer_hash(processor.tokenizer), durations)
    assert evaluate_voice.main(voice) == 0
    result = json.loads((tmp_path / "results.json").read_text())["speakers"]["anna"]
    first = clips[0].text in result["texts"]
    assert result["codebooks"]["durations"] == "aligned in training"
    assert result["codebooks"]["sentences"] == result["sentences"] - first > 1


def test_without_a_recognizer_the_columns_of_words_are_empty(tiny_voice, tiny_recordings, capsys):
    code = evaluate_voice.main(
        ["--model", str(tiny_voice), "--data-dir", str(tiny_recordings), "--held-out", "0.6", "--sentences", "2"]
        + ["--speaker", "bert", "--recognizer", "none"]
    )
    out = capsys.readouterr().out
    heading, *lines = (line.split("|")[1:-1] for line in out.splitlines() if line.startswith("| "))
    columns = [cell.strip() for cell in heading]
    rows = {cells[0].strip(): dict(zip(columns, map(str.strip, cells), strict=True)) for cells in lines}
    assert code == 0 and out.startswith("bert: 2 held-out sentences")
    model = rows["model"]
    assert (model["WER %"], model["CER %"]) == ("-", "-")
    assert float(model["MCD dB"]) > 0 and -1 <= float(model["similarity"]) <= 1


def test_the_list_of_held_out_sentences_is_a_prompts_file(tiny_recordings, tmp_path):
    path = tmp_path / "held_out.txt"
    arguments = ["--data-dir", str(tiny_recordings), "--held-out", "0.5", "--held-out-list", str(path)]
    assert evaluate_voice.main(arguments) == 0
    prompts = read_prompts(path, ["anna", "bert"])
    expected = {(clip.speaker, clip.text) for clip in read_sources([tiny_recordings]) if is_held_out(clip.text, 0.5)}
    assert {(prompt.speaker, prompt.text) for prompt in prompts} == expected


def test_the_committed_list_is_what_the_hash_holds_out(request):
    prompts = read_prompts(
        request.config.rootpath / "docs" / "results" / "held_out_sentences.txt", ["kathleen", "kerstin"]
    )
    assert len(prompts) == 82 and all(is_held_out(prompt.text, 0.04) for prompt in prompts)


def test_one_take_of_a_sentence_is_measured_for_each_speaker():
    clips = [Clip("", text, speaker, "") for text in ("One.", "one", "Two?", "...") for speaker in ("a", "b")]
    chosen = held_out_clips(clips, 1.0)
    assert {name: [clip.text for clip in taken] for name, taken in chosen.items()} == {
        "a": ["One.", "Two?"],
        "b": ["One.", "Two?"],
    }


def test_a_paragraph_ends_with_the_sentence_that_reaches_its_length():
    texts = ["one two three", "four five", "six"]
    measured = measure_paragraph(texts, {"model": ["one three", "four five five", ""]}, words=4)
    assert measured == {"model": {"words": 5, "dropped_words": 1 / 5, "repeated_words": 1 / 5}}
    assert measure_paragraph(texts, {"model": texts})["model"]["words"] == 6


def test_short_inputs_are_the_ends_of_sentences_and_then_long_words():
    texts = ["The cat sat.", "A dog sat!", "Go.", "Stop."]
    ends = {"sat": (0, 2), "go": (2, 0), "cat sat": (0, 1), "dog sat": (1, 1)}
    assert short_inputs(texts, count=4) == ends
    assert short_inputs(texts, count=7) == ends | {"stop": (3, 0), "the": (0, 0), "cat": (0, 1)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speaker", "carl"], "of speaker 'carl' is held out"),
        (["--held-out", "0"], "held out at a share of 0.0; check --speaker and --held-out"),
        (["--recognizer", "nobody/nothing"], "--recognizer nobody/nothing: cannot be loaded"),
        (["--token-dir", "nowhere"], "nowhere: holds no tokens"),
    ],
)
def test_bad_input_is_refused_in_one_line(tiny_voice, tiny_recordings, arguments, message, capsys):
    options = ["--model", str(tiny_voice), "--data-dir", str(tiny_recordings), "--held-out", "0.6", *arguments]
    assert evaluate_voice.main(options) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error


def test_a_speaker_that_the_voice_has_not_is_refused(tiny_voice, request, capsys):
    folder = request.config.rootpath / "test_dataset"
    assert evaluate_voice.main(["--model", str(tiny_voice), "--data-dir", str(folder), "--held-out", "0.6"]) == 1
    assert "Unknown speaker" in capsys.readouterr().err

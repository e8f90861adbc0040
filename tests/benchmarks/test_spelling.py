"""Words misheard by how they are spelled: letters find their phones, and the table counts what was heard."""

import json

import pytest

from tts_trm.benchmarks.ablations import spelling

REGULAR = """
bad b ae d
bat b ae t
cab k ae b
cat k ae t
dab d ae b
sad s ae d
tab t ae b
shed sh eh d
mesh m eh sh
shot sh aa t
hot hh aa t
box b aa k s
mix m ih k s
"""
TEXTS = ["Bash, the axe.", "Bash zyx!"]
HEARD = {"recordings": ["bash the axe", "bash"], "codec, 32 codebooks": ["bash the", "bash six"], "model": ["", "bash"]}


@pytest.fixture
def files(tmp_path):
    """The folder of a dictionary and of an evaluation of two sentences."""
    (tmp_path / "words.dict").write_text(REGULAR + "bash b ae sh\naxe ae k s\nthe dh ah\nthe(2) dh iy\n")
    speakers = {"anna": {"texts": TEXTS, "heard": HEARD}, "bert": {"texts": ["Guten Tag."], "heard": {}}}
    write_evaluation(tmp_path, speakers)
    return tmp_path


def write_evaluation(folder, speakers: dict) -> None:
    evaluation = {"recognizer": "a listener", "held_out": 0.0, "speakers": speakers}
    (folder / "evaluation.json").write_text(json.dumps(evaluation))


def run(folder, *arguments: str) -> int:
    places = ["--evaluation", str(folder / "evaluation.json"), "--dictionary", str(folder / "words.dict")]
    return spelling.main([*places, *arguments])


def rows(text: str) -> dict[str, list[str]]:
    """The cells of every line by its first one."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return {first.strip(): [cell.strip() for cell in cells] for first, *cells in lines}


def test_letters_find_their_phones(tmp_path):
    (tmp_path / "words.dict").write_text(REGULAR)
    probability = spelling.fit(spelling.read_dictionary(tmp_path / "words.dict"))
    for letter, phone in {"b": "b", "t": "t", "a": "ae"}.items():
        others = {(), ("k", "s"), *((other,) for other in ("b", "d", "t", "k", "ae", "aa", "s", "sh"))} - {(phone,)}
        assert probability(letter, (phone,)) > max(probability(letter, other) for other in others), letter
    # a neighbour tells: the h after s is silent or its s is, and that of "hot" is not
    assert probability("ho ", ("hh",)) > 3 * probability("hes", ("hh",))


def test_probabilities_sum_to_one_over_all_strings_of_phones():
    phones = [f"phone {number}" for number in range(spelling.PHONES)]
    strings = [(), *((a,) for a in phones), *((a, b) for a in phones for b in phones)]
    probability = spelling.interpolated({"a": {("phone 1",): 3.0}, "ab": {(): 2.0, ("phone 2", "phone 3"): 1.0}})
    for context in ("", "a", "ab", "abc", "z"):
        assert sum(probability(context, string) for string in strings) == pytest.approx(1)


def test_a_regular_word_ranks_above_an_irregular_one(tmp_path):
    (tmp_path / "words.dict").write_text(REGULAR)
    probability = spelling.fit(spelling.read_dictionary(tmp_path / "words.dict"))
    regular, irregular = (
        spelling.regularity("tad", tuple(spoken.split()), probability) for spoken in ("t ae d", "d b")
    )
    assert irregular < regular < 0
    assert spelling.regularity("a", ("ae", "t", "d"), probability) == float("-inf")


def test_real_words_rank_as_expected():
    pytest.importorskip("pocketsphinx")
    dictionary = spelling.read_dictionary()
    words = ("of", "colonel", "plant", "disgust")
    fitted = {word: phones for number, (word, phones) in enumerate(dictionary.items()) if number % 60 == 0}
    probability = spelling.fit({word: phones for word, phones in fitted.items() if word not in words})
    assert probability("x", ("k", "s")) > max(probability("x", other) for other in [("k",), ("s",), ("z",), ()])
    scores = {word: spelling.regularity(word, dictionary[word], probability) for word in words}
    assert max(scores["of"], scores["colonel"]) < min(scores["plant"], scores["disgust"])


def test_the_table_counts_what_was_heard(files, capsys):
    pytest.importorskip("jiwer")
    assert run(files) == 0
    out = capsys.readouterr().out
    table = rows(out)
    assert "2 sentences of anna, heard by a listener:" in out
    # the, axe and bash are one third each, and bash is spoken twice; what is heard of bert is not known
    assert [table[f"{third} third"][3] for third in ("irregular", "middle", "regular")] == ["the", "axe", "bash"]
    assert table["irregular third"][:2] == ["1", "1"]
    assert table["irregular third"][4:] == ["0.0 %", "0.0 %", "100.0 %", "+100.0 (100 to 100)"]
    assert table["regular third"][:2] == ["1", "2"]
    assert table["regular third"][4:] == ["0.0 %", "0.0 %", "50.0 %", "+50.0 (0 to 100)"]
    assert table["not in the dictionary"] == ["1", "1", "-", "zyx", *["100.0 %"] * 3, "+0.0 (0 to 0)"]
    assert table["all"][:2] == ["4", "5"] and table["all"][4:7] == ["20.0 %", "40.0 %", "80.0 %"]


def test_words_are_split_by_the_training_texts_that_hold_them(files, capsys):
    pytest.importorskip("jiwer")
    # Two takes are one text.
    takes = ["The tab.", "The tab.", "the bash", "The cat.", "The dab.", "The box."]
    lines = [f"{number}.wav,{text},anna" for number, text in enumerate(takes)]
    (files / "metadata.csv").write_text("\n".join(["file_name,text,speaker", *lines]) + "\n")
    assert run(files, "--data-dir", str(files)) == 0
    table = rows(capsys.readouterr().out)
    examples = {name: table[name][3] for name in ("in no training text", "in 1 to 3", "in 4 to 15")}
    assert examples == {"in no training text": "axe", "in 1 to 3": "bash", "in 4 to 15": "the"}
    # Zyx has no regularity, but a place here.
    assert table["in no training text"][0] == "2"
    assert [table[f"in 0 to 3: {half} half"][3] for half in ("irregular", "regular")] == ["axe", "bash"]
    assert "in more than 15" not in table


def test_the_tables_find_their_place_in_the_report(files, monkeypatch, capsys):
    pytest.importorskip("jiwer")
    page = files / "ablations.md"
    monkeypatch.setattr(spelling, "PAGE", page)
    page.write_text("prose\n<!-- table: spelling -->\nold\n<!-- table: other -->\nkept\n<!-- end -->\n")
    # The first has no end of its own.
    assert run(files, "--report") == 1
    assert "add lines `<!-- table: spelling -->` and `<!-- end -->`" in capsys.readouterr().err
    page.write_text("prose\n<!-- table: spelling -->\nold\n<!-- end -->\nmore\n")
    for _ in range(2):
        assert run(files, "--report") == 0
        text = page.read_text()
        assert text.startswith("prose\n<!-- table: spelling -->\n2 sentences") and text.endswith("<!-- end -->\nmore\n")
        assert "old" not in text and text.count("| regular third |") == 1


def test_what_cannot_be_read_is_named(files, capsys):
    write_evaluation(files, {"bert": {"texts": ["Guten Tag."], "heard": {}}})
    assert run(files) == 1
    assert "no words were heard of bert; run scripts/evaluate_voice.py with a --recognizer" in capsys.readouterr().err
    (files / "evaluation.json").write_text("[]")
    assert run(files) == 1
    assert "not by scripts/evaluate_voice.py --output" in capsys.readouterr().err
    (files / "evaluation.json").unlink()
    assert run(files) == 1
    assert "evaluation.json: no such file; scripts/evaluate_voice.py --output writes one" in capsys.readouterr().err
    (files / "empty.dict").write_text("1 w ah n\n")
    with pytest.raises(ValueError, match="empty.dict: holds no word"):
        spelling.read_dictionary(files / "empty.dict")

import pytest

from tts_trm.speaking.prompts import Prompt, PromptError, parse_prompt, read_prompts

SPEAKERS = ("anna", "bert")


def write(folder, content: bytes):
    path = folder / "prompts.txt"
    path.write_bytes(content)
    return path


def test_the_guides_file(tmp_path):
    path = write(tmp_path, b"# Comments start with #\n0|Hello, this is zero.\n1|And this is one.\nJust text.\n")
    assert read_prompts(path, SPEAKERS, default_speaker=1) == [
        Prompt("Hello, this is zero.", 0, 2),
        Prompt("And this is one.", 1, 3),
        Prompt("Just text.", 1, 4),
    ]


@pytest.mark.parametrize(
    ("line", "text", "speaker"),
    [
        ("bert|Hello.", "Hello.", "bert"),
        (" bert | Hello. ", "Hello.", "bert"),
        ("7|An unknown number is found out when spoken.", "An unknown number is found out when spoken.", 7),
        ("-1|No Python index.", "No Python index.", -1),
        ("Bert|Hello.", "Hello.", "bert"),
        ("bert:0.7,anna:0.3|A blend.", "A blend.", "bert:0.7,anna:0.3"),
        ("Two words|are a text", "Two words|are a text", 0),
        ("bert|one|two", "one|two", "bert"),
        ("12 monkeys|were here", "12 monkeys|were here", 0),
        ("|no speaker", "|no speaker", 0),
        ("1|", "", 1),
        ("A # in the middle", "A # in the middle", 0),
    ],
)
def test_what_is_a_speaker(tmp_path, line, text, speaker):
    assert read_prompts(write(tmp_path, line.encode()), SPEAKERS) == [Prompt(text, speaker, 1)]


def test_files_from_other_systems(tmp_path):
    path = write(tmp_path, "\ufeff# first\r\n\r\n  \r\nanna|Grüße\r\n  # indented\r\nlast".encode())
    assert parse_prompt("Auto| Hallo.", ["anna"]) == Prompt("Hallo.", "auto")
    assert parse_prompt("auto|Hello.", ["auto"]) == Prompt("Hello.", "auto")
    assert read_prompts(path, SPEAKERS) == [Prompt("Grüße", "anna", 4), Prompt("last", 0, 6)]


def test_unusable_files_are_named_with_their_line(tmp_path):
    with pytest.raises(PromptError, match=r"prompts\.txt, line 2: is not UTF-8"):
        read_prompts(write(tmp_path, "fine\nGrüße".encode("latin-1")))
    with pytest.raises(PromptError, match=r"prompts\.txt: has no prompts"):
        read_prompts(write(tmp_path, b"# only\n\n"))
    with pytest.raises(PromptError, match=r"missing\.txt: cannot be read \(No such file"):
        read_prompts(tmp_path / "missing.txt")


@pytest.mark.parametrize("line", ["brt|Hello.", "BETR|Hello.", "anna:0.5,betr:0.5|Hello.", "carl|Hello."])
def test_an_unknown_speaker_is_an_error_that_names_the_nearest(tmp_path, line):
    path = tmp_path / "prompts.txt"
    path.write_text(f"anna|Hello.\n{line}\n")
    with pytest.raises(PromptError, match=r"line 2: unknown speaker '\w+', did you mean (bert|anna)\?"):
        read_prompts(path, ("anna", "bert"))

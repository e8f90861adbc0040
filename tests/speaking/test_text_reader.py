"""`--show-text`: what would be spoken, a sentence a line, without a model."""

import subprocess
import sys

import pytest

from tts_trm.scripts import synthesize
from tts_trm.scripts.synthesize import BUNDLED_VOICE
from tts_trm.speaking.speech import VoiceError
from tts_trm.speaking.text_reader import TextReader

CASES = [
    (["Dr. Brown paid $5. He left."], "doctor brown paid five dollars.\nhe left.\n"),
    (["He lives in the U.S. She left."], "he lives in the u s.\nshe left.\n"),
    (["It belongs to Acme Inc. He left."], "it belongs to acme incorporated.\nhe left.\n"),
    (['"No." She said no. Then she left.'], '"no."\nshe said no.\nthen she left.\n'),
    (
        ['"No?" she said. "Yes." he replied, "no?" Then she left.'],
        '"no?" she said.\n"yes." he replied, "no?"\nthen she left.\n',
    ),
    (["Rep. Jones, fig. 3, eq. 4, approx. 5 kg"], None),
    (["### Title\n\n- one\n- two"], "title\none.\ntwo\n"),
    (["Łódź and Gdańsk."], "lódz and gdańsk.\n"),
    (["J. Smith came. I. K. Brown, too."], "j. smith came.\ni. k. brown, too.\n"),
    (["Friedrich II. regierte lange.", "--speaker", "kerstin"], "friedrich der zweite regierte lange.\n"),
    (["Der 1. FC Köln", "--language", "de"], "der erste f c köln\n"),
    (["1. FC"], "one.\nf c\n"),
    # Whoever reads the language of the text.
    (["Ich habe 3 Katzen und 2 Hunde."], "ich habe drei katzen und zwei hunde.\n"),
    (["Il y a 2 chats et 3 chiens dans la maison.", "--speaker", "auto"], None),
    (["Ich habe 3 Katzen.", "--language", "auto", "--speaker", "heart"], "ich habe drei katzen.\n"),
    (["1. FC", "--plain"], "one.\nf c\n"),
    (["--text=---"], ""),
]


@pytest.mark.parametrize(("arguments", "shown"), CASES)
def test_sentences_line_by_line(arguments, shown, capsys):
    assert synthesize.main([*arguments, "--show-text"]) == 0
    out = capsys.readouterr().out
    assert out == shown if shown is not None else out.count("\n") == 1


def test_neither_torch_nor_weights_are_loaded(tmp_path):
    folder = tmp_path / "voice"
    folder.mkdir()
    for name in ("tokenizer.json", "processor_config.json"):
        (folder / name).write_bytes((BUNDLED_VOICE / name).read_bytes())
    script = (
        "import runpy, sys; sys.modules['torch'] = sys.modules['transformers'] = None; "
        f"sys.argv = ['synthesize', 'It costs 5 $.', '--show-text', '--model', {str(folder)!r}]; "
        f"sys.path.insert(0, {str(BUNDLED_VOICE.parents[1] / 'scripts')!r}); "
        f"runpy.run_path({synthesize.__file__!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "it costs five dollars.\n"), done.stderr


def test_what_is_wrong_is_said(tmp_path, capsys):
    with pytest.raises(VoiceError, match="its tokenizer and speakers cannot be read"):
        TextReader.from_pretrained(str(tmp_path))
    assert synthesize.main(["Hi.", "--show-text", "--language", "xx"]) == 1
    assert "--language xx: is not supported" in capsys.readouterr().err
    assert synthesize.main(["Hi.", "--show-text", "--speaker", "nobody"]) == 1
    assert "Unknown speaker 'nobody'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        synthesize.main(["Hi.", "--language", "de"])


def test_the_language_decides_where_no_speaker_has_it():
    reader = TextReader.from_pretrained(str(BUNDLED_VOICE))
    reader.languages = ["en"] * len(reader.languages)
    assert list(reader.sentences("5 km, 3 %", 0, "de", True)) == ["fünf kilometer, drei prozent"]

"""The processor: characters, speakers, audio in and out, and a checkpoint that is complete in itself."""

import json
import logging
import shutil

import numpy as np
import pytest
import soundfile
import torch
from tiny import tiny_mimi
from transformers import AutoTokenizer

from tts_trm import TtsTrmProcessor
from tts_trm.processing_tts_trm import CodecError, build_tokenizer, load_codec

FRAME = 1920
SPEAKERS = ["anna", "bert"]


@pytest.fixture
def processor(tiny_codec_folder):
    return TtsTrmProcessor.from_texts(
        ["abcdefghijklmnopqrstuvwxyz '\".,-!?<>/"], SPEAKERS, codec=str(tiny_codec_folder)
    )


def spelled(processor, text) -> str:
    """What the model is shown of a text, special ids by name."""
    ids = processor(text).input_ids[0].tolist()
    return "".join(processor.tokenizer.convert_ids_to_tokens(ids))


def noise(samples, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


# -- text ---------------------------------------------------------------------------------------------------------


def test_text_becomes_padded_ids_between_boundaries(processor):
    inputs = processor(["hello there", "hi"], speaker=["bert", 0])
    assert set(inputs) == {"input_ids", "attention_mask", "speaker_id"} == set(processor.model_input_names)
    assert inputs.input_ids.shape == (2, 13) and inputs.attention_mask.sum(-1).tolist() == [13, 4]
    assert inputs.speaker_id.tolist() == [1, 0]
    pad, boundary = processor.tokenizer.convert_tokens_to_ids(["<pad>", "<boundary>"])
    assert pad == 0
    assert inputs.input_ids[1].tolist()[4:] == [pad] * 9
    assert inputs.input_ids[1, 0] == inputs.input_ids[1, 3] == boundary
    assert processor.tokenizer.decode(inputs.input_ids[0], skip_special_tokens=True) == "hello there"


@pytest.mark.parametrize(
    "text, shown",
    [
        ("Hello  There\n", "hello there"),
        ("\ufb01ne ＡＢＣ", "fine abc"),
        ("it’s “fine” – or…", 'it\'s "fine" - or...'),
        ("Café, naïve, Straße", "cafe, naive, strasse"),
        ("e\u0301te\u0301", "ete"),
        ("<pad>a<boundary>b<unk><eos>", "<pad>a<boundary>b<unk><eos>"),
    ],
)
def test_spelling_that_the_voice_has_not_learned_becomes_its_plain_relative(processor, caplog, text, shown):
    with caplog.at_level(logging.WARNING):
        assert spelled(processor, text) == f"<boundary>{shown}<boundary>"
    # One id a character, special names included.
    assert processor(text).input_ids.shape == (1, len(shown) + 2)
    assert caplog.text == ""


def test_special_names_in_a_text_are_characters(processor, tmp_path):
    processor.save_pretrained(tmp_path)
    for each in (processor, TtsTrmProcessor.from_pretrained(tmp_path)):
        ids = each("a<pad>b<boundary>").input_ids[0].tolist()
        special = set(each.tokenizer.all_special_ids)
        assert [position for position, number in enumerate(ids) if number in special] == [0, len(ids) - 1]


def test_characters_without_a_relative_are_left_out_and_reported(processor, caplog):
    with caplog.at_level(logging.WARNING):
        assert spelled(processor, "aжbж ش c") == "<boundary>a b c<boundary>"
    assert "'ж' x 2" in caplog.text and "'ش' x 1" in caplog.text
    spoken, unknown = processor.spoken_text("aжbж ش c")
    assert spoken.text == "a b c" and unknown == {"ж": 2, "ش": 1}
    assert spoken.origins == [(0, 1), (1, 2), (2, 3), (3, 4), (7, 8)]


def test_letters_that_the_voice_has_learned_are_kept():
    processor = TtsTrmProcessor.from_texts(["größe é"])
    assert processor.spoken_text("Größe E\u0301")[0].text == "größe é"


def test_numbers_are_spoken_in_the_language_of_the_speaker():
    processor = TtsTrmProcessor.from_texts(["abcdefghijklmnopqrstuvwxyzü -5"], ["anna", "bert"], languages=["en", "de"])
    text = "5 km\n at 12"
    assert processor.spoken_text(text)[0].text == "five kilometers at twelve"
    spoken, unknown = processor.spoken_text(text, "bert")
    assert spoken.text == "fünf kilometer at zwölf".replace("ö", "o") and not unknown
    assert [text[slice(*place)] for place in dict.fromkeys(spoken.origins)] == ["5 km", "\n", "a", "t", " ", "12"]
    assert processor.spoken_text("5 km", normalize=False)[0].text == "5 km"
    ids = processor(["5 km", "5 km"], speaker=["anna", "bert"]).attention_mask.sum(-1) - 2
    assert ids.tolist() == [len("five kilometers"), len("fünf kilometer")]
    assert processor("5 km", normalize=False).input_ids.shape == (1, 6)
    with pytest.raises(ValueError, match="2 speakers but 1 languages"):
        TtsTrmProcessor.from_texts(["abc"], ["anna", "bert"], languages=["en"])


def test_without_tensors_everything_is_a_list(processor):
    inputs = processor(["a", "b"], speaker="bert")
    lists = processor(["a", "b"], speaker="bert", return_tensors=None)
    assert dict(lists) == {name: value.tolist() for name, value in inputs.items()}


@pytest.mark.parametrize(
    "text, named",
    [
        ("", "'' is empty"),
        (" \n", "is empty"),
        ("?!", r"'\?!' has no letter"),
        ("жж", "has no letter that this voice has learned"),
        ("a" * 511, "511 characters, over the limit of 510; split it"),
        ([], "list of texts is empty"),
        (["a", None], "must be a string or a list of strings, got NoneType"),
        (5, "must be a string or a list of strings, got int"),
    ],
)
def test_text_that_cannot_be_spoken_is_refused(processor, text, named):
    with pytest.raises(ValueError, match=named):
        processor(text)
    assert processor("a" * 510).input_ids.shape == (1, 512)


@pytest.mark.parametrize("speaker", ["carla", 2, -1, "", "2", None])
def test_speakers_by_name_and_number(processor, speaker):
    assert [processor.speaker_to_id(each) for each in ("anna", "bert", 0, 1, "1")] == [0, 1, 0, 1, 1]
    if speaker is None:
        # Named by nobody: the model's default, which a pipeline may overrule.
        assert "speaker_id" not in processor("a")
        return
    with pytest.raises(ValueError, match=rf"Unknown speaker {speaker!r}; this voice has: 0 anna, 1 bert\."):
        processor("a", speaker=speaker)


def test_blended_speakers(processor):
    inputs = processor(["a", "b"], speaker=["anna:3, bert:1", "bert"])
    assert inputs.speaker_id.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert processor("a", speaker="anna:0.5,0:0.5").speaker_id.tolist() == [0]
    for blend in ("anna:-1,bert:2", "anna:x,bert:1", "anna:0", "anna:inf,bert:1", "anna:nan"):
        with pytest.raises(ValueError, match="a blend is written like anna:0.7,bert:0.3"):
            processor("a", speaker=blend)
    with pytest.raises(ValueError, match="Unknown speaker 'carl'"):
        processor("a", speaker="carl:1,bert:1")


def test_one_speaker_for_all_texts_or_one_for_each(processor):
    assert processor(["a", "b"], speaker="bert").speaker_id.tolist() == [1, 1]
    with pytest.raises(ValueError, match="2 texts but 3 speakers"):
        processor(["a", "b"], speaker=[0, 1, 0])


def test_tokenizer_survives_saving_and_auto_tokenizer(tmp_path):
    tokenizer = build_tokenizer(["Zebra, apple\n"], max_length=40)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "apple, <pad> zebra"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.model_max_length == 40 and loaded.pad_token == "<pad>" and loaded.get_vocab() == tokenizer.get_vocab()
    assert set(loaded(text)) == {"input_ids", "attention_mask"}
    assert loaded.decode(loaded("apple, zebra")["input_ids"], skip_special_tokens=True) == "apple, zebra"
    assert not list(tmp_path.glob("*.py"))


def test_vocabulary_depends_on_the_characters_alone():
    assert build_tokenizer(["ab", "C"]).get_vocab() == build_tokenizer(["CBA", "c"]).get_vocab()
    assert len(build_tokenizer(["ab", "C"])) == 3 + 3


# -- audio --------------------------------------------------------------------------------------------------------


def test_audio_becomes_codes_with_padding_marked(processor):
    clips = [noise(3 * FRAME), noise(FRAME + 1, seed=1)]
    codes = processor(audio=clips, sampling_rate=24_000).audio_codes
    assert codes.shape == (2, 32, 3) and codes.dtype == torch.long
    assert (codes[1, :, 2] == -1).all() and codes[0].min() >= 0 and codes[1, :, :2].min() >= 0
    for clip, row, frames in zip(clips, codes, (3, 2), strict=True):
        alone = processor(audio=clip, sampling_rate=24_000).audio_codes
        assert torch.equal(alone[0], row[:, :frames])
    both = processor("hello", audio=torch.from_numpy(clips[0]), sampling_rate=24_000)
    assert set(both) == {"input_ids", "attention_mask", "audio_codes"}
    assert torch.equal(both.audio_codes[0], codes[0])


def test_audio_of_another_rate_is_resampled(processor):
    time = np.arange(0, 0.4, 1 / 48_000)
    fast = (0.2 * np.sin(2 * np.pi * 300 * time)).astype(np.float32)
    codes = processor(audio=fast, sampling_rate=48_000).audio_codes
    assert codes.shape == (1, 32, 5)
    # 300 Hz: nothing to alias.
    same = processor(audio=fast[::2].copy(), sampling_rate=24_000).audio_codes
    assert (codes[0, 0, 1:-1] == same[0, 0, 1:-1]).all()


@pytest.mark.parametrize(
    "audio, rate, named",
    [
        (noise(FRAME), None, "sampling_rate=24000"),
        (noise(2 * FRAME).reshape(2, -1), 24_000, r"mono.*\(2, 1920\)"),
        (np.zeros(0, dtype=np.float32), 24_000, "not empty"),
        ([], 24_000, "not empty"),
        (np.full(10, np.nan), 24_000, "finite"),
        ((noise(FRAME) * 32767).astype(np.int16), 24_000, r"floats in -1\.\.1.*int16"),
    ],
)
def test_unfit_audio_is_refused(processor, audio, rate, named):
    with pytest.raises(ValueError, match=named):
        processor(audio=audio, sampling_rate=rate)


def test_neither_text_nor_audio_is_refused(processor):
    with pytest.raises(ValueError, match="text, audio or both"):
        processor()


def test_decode_trims_where_codes_end(processor):
    codes = torch.randint(0, 32, (2, 32, 4), generator=torch.Generator().manual_seed(0))
    full = processor.decode(codes)
    assert [wave.shape for wave in full] == [(4 * FRAME,)] * 2
    assert full[0].dtype == torch.float32 and not full[0].requires_grad
    padded = codes.clone()
    padded[1, :, 3:] = -1
    trimmed = processor.decode(padded)
    assert [len(wave) for wave in trimmed] == [4 * FRAME, 3 * FRAME]
    assert torch.equal(trimmed[0], full[0])
    assert torch.equal(trimmed[1], processor.decode(codes[1, :, :3])[0])
    by_lengths = processor.decode(codes, lengths=[4, 3])
    assert all(torch.equal(one, other) for one, other in zip(by_lengths, trimmed, strict=True))
    # A prefix of the codebooks.
    assert len(processor.decode(codes[:, :8])[0]) == 4 * FRAME
    assert [len(wave) for wave in processor.batch_decode(torch.full((1, 32, 2), -1))] == [0]
    assert torch.equal(processor.decode(padded.numpy())[1], trimmed[1])


@pytest.mark.parametrize(
    "codes, settings, named",
    [
        (torch.full((1, 32, 2), 32), {}, r"reach 32\.\.32, the codec's are 0\.\.31"),
        (torch.full((1, 32, 2), -1), dict(lengths=[2]), r"reach -1\.\.-1"),
        (torch.zeros(1, 33, 2, dtype=torch.long), {}, "33 codebooks, the codec 32"),
        (torch.zeros(32, dtype=torch.long), {}, r"got \(32,\)"),
        (torch.zeros(1, 32, 2), {}, r"must be integers .* torch\.float32"),
    ],
)
def test_unfit_codes_are_refused(processor, codes, settings, named):
    with pytest.raises(ValueError, match=named):
        processor.decode(codes, **settings)


def test_mimi_serves_the_processor_alike(tmp_path):
    tiny_mimi().save_pretrained(tmp_path)
    processor = TtsTrmProcessor.from_texts(["abc"], codec=str(tmp_path))
    clips = [noise(3 * FRAME), noise(FRAME + 1, seed=1)]
    codes = processor(audio=clips, sampling_rate=24_000).audio_codes
    assert codes.shape == (2, 8, 3) and (codes[1, :, 2] == -1).all()
    assert torch.equal(processor(audio=clips[1], sampling_rate=24_000).audio_codes[0], codes[1, :, :2])
    waves = processor.decode(codes)
    assert [len(wave) for wave in waves] == [3 * FRAME, 2 * FRAME]
    with pytest.raises(ValueError, match="9 codebooks, the codec 8"):
        processor.decode(torch.zeros(1, 9, 2, dtype=torch.long))


# -- files --------------------------------------------------------------------------------------------------------


def test_save_audio_writes_what_can_be_read_back(processor, tmp_path):
    one, other = noise(FRAME), torch.from_numpy(noise(2 * FRAME, seed=1))
    processor.save_audio(one, tmp_path / "one.wav")
    processor.save_audio([one, other * 100], [tmp_path / "a.wav", tmp_path / "b.wav"])
    samples, rate = soundfile.read(tmp_path / "one.wav")
    assert rate == 24_000 and soundfile.info(tmp_path / "one.wav").subtype == "PCM_16"
    np.testing.assert_allclose(samples, one, atol=1e-4)
    loud, _ = soundfile.read(tmp_path / "b.wav")
    # Limited, not wrapped around.
    assert len(loud) == 2 * FRAME and np.abs(loud).max() <= 1
    np.testing.assert_array_equal(np.sign(loud), np.sign(other.numpy()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav", "one.wav"]


def test_failed_write_leaves_what_was_there_and_nothing_else(processor, tmp_path, monkeypatch):
    target = tmp_path / "one.wav"
    processor.save_audio(noise(FRAME), target)
    before = target.read_bytes()

    def full_disk(file, *args, **kwargs):
        with open(file, "wb") as handle:
            handle.write(b"RIFF")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile, "write", full_disk)
    with pytest.raises(OSError, match="one.wav: cannot be written .*No space left.* disk full"):
        processor.save_audio(noise(FRAME, seed=1), target)
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]
    monkeypatch.undo()
    with pytest.raises(OSError, match="folder missing"):
        processor.save_audio(noise(FRAME), tmp_path / "nowhere" / "one.wav")


# -- codec --------------------------------------------------------------------------------------------------------


def test_checkpoint_brings_its_codec_along(tiny_codec_folder, tmp_path):
    original = tmp_path / "codec of mine"
    shutil.copytree(tiny_codec_folder, original)
    processor = TtsTrmProcessor.from_texts(["abc"], SPEAKERS, codec=str(original))
    codes = processor(audio=noise(3 * FRAME), sampling_rate=24_000).audio_codes
    audio = processor.decode(codes)[0]
    processor.save_pretrained(tmp_path / "first")
    # Saving changes nothing here.
    assert processor.codec == str(original)
    shutil.rmtree(original)

    first = TtsTrmProcessor.from_pretrained(tmp_path / "first")
    assert torch.equal(first(audio=noise(3 * FRAME), sampling_rate=24_000).audio_codes, codes)
    first.save_pretrained(tmp_path / "second")
    shutil.rmtree(tmp_path / "first")
    second = TtsTrmProcessor.from_pretrained(tmp_path / "second")
    assert torch.equal(second.decode(codes)[0], audio) and second.speakers == SPEAKERS
    second.save_pretrained(tmp_path / "second")  # onto itself
    assert torch.equal(TtsTrmProcessor.from_pretrained(tmp_path / "second").decode(codes)[0], audio)
    saved = json.loads((tmp_path / "second" / "processor_config.json").read_text())
    assert saved["codec"] == "codec" and str(tmp_path) not in json.dumps(saved)


def test_codec_is_loaded_once_and_only_when_needed(tiny_codec_folder, tmp_path):
    shutil.copytree(tiny_codec_folder, tmp_path / "codec")
    processor = TtsTrmProcessor.from_texts(["abc"], codec=str(tmp_path / "missing"))
    # Text alone needs no codec.
    assert processor("abc").input_ids.shape == (1, 5)
    processor.codec = str(tmp_path / "codec")
    codec = processor.codec_model
    assert codec is processor.codec_model and not codec.training
    assert not any(parameter.requires_grad for parameter in codec.parameters())
    assert codec.dtype == torch.float32


def broken(change):
    def make(folder, tiny_codec_folder):
        shutil.copytree(tiny_codec_folder, folder)
        change(folder)

    return make


def rewrite_config(**changes):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


BROKEN_CODECS = {
    "missing": lambda folder, _: None,
    "empty": lambda folder, _: folder.mkdir(),
    "no weights": broken(lambda folder: (folder / "model.safetensors").unlink()),
    "truncated weights": broken(
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    ),
    "no json": broken(lambda folder: (folder / "config.json").write_text("{")),
    "another geometry": broken(rewrite_config(codebook_size=33)),
    "a wrong type": broken(rewrite_config(codebook_size="large")),
}


@pytest.mark.parametrize("make", BROKEN_CODECS.values(), ids=BROKEN_CODECS)
def test_broken_codec_is_named_with_a_way_out(tiny_codec_folder, tmp_path, make):
    folder = tmp_path / "the codec"
    make(folder, tiny_codec_folder)
    with pytest.raises(CodecError, match="the codec cannot be loaded .*--codec pretrained/tts-trm-mini/codec") as error:
        TtsTrmProcessor.from_texts(["abc"], codec=str(folder)).decode(torch.zeros(1, 32, 1).long())
    assert "\n" not in str(error.value)


def test_model_of_another_kind_is_no_codec(tiny_voice):
    with pytest.raises(CodecError, match="model of type 'tts_trm'; use Mimi or a TtsTrmCodec"):
        load_codec(str(tiny_voice))


def test_hub_codec_that_cannot_be_fetched_names_the_offline_one():
    with pytest.raises(CodecError, match="kyutai/mimi cannot be loaded .*--codec pretrained/tts-trm-mini/codec"):
        TtsTrmProcessor.from_texts(["abc"], codec="kyutai/mimi").decode(torch.zeros(1, 32, 1).long())

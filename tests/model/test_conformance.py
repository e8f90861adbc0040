"""What people of transformers try: pipelines in every form, aliases, loading from anywhere, saving by suffix."""

import os
import shutil

import numpy as np
import pytest
import soundfile
import torch
from tiny import random_batch, tiny_model
from transformers import Trainer, TrainingArguments, pipeline

from tts_trm import TtsTrmModel, TtsTrmProcessor
from tts_trm.processing_tts_trm import FILE_FORMATS


@pytest.fixture(scope="module")
def voice(tiny_voice) -> tuple[TtsTrmModel, TtsTrmProcessor]:
    return TtsTrmModel.from_pretrained(tiny_voice).eval(), TtsTrmProcessor.from_pretrained(tiny_voice)


def test_codes_never_pass_for_audio(voice, tmp_path):
    model, processor = voice
    speaking = pipeline("text-to-speech", model=model, processor=processor, tokenizer=processor.tokenizer)
    assert speaking("Hello there.")["audio"].ndim == 1
    with pytest.raises(ValueError, match="the pipeline has no processor"):
        pipeline("text-to-speech", model=model, tokenizer=processor.tokenizer)("hello there.")
    output = model.generate(**processor("Hello."), return_dict_in_generate=True)
    assert torch.equal(
        processor.decode(output.sequences)[0], processor.decode(model.generate(**processor("Hello.")))[0]
    )


def test_a_pipeline_takes_the_number_of_a_speaker(voice):
    model, processor = voice
    speaking = pipeline("text-to-speech", model=model, processor=processor, tokenizer=processor.tokenizer)
    heard = speaking("Hello there.", forward_params={"speaker_id": 1})["audio"]
    expected = processor.decode(model.generate(**processor("Hello there.", speaker="bert")))[0]
    assert np.array_equal(heard, expected.numpy())


@pytest.mark.parametrize("alias", ["voice", "voice_preset", "speaker_id"])
def test_a_speaker_by_other_names(voice, alias):
    model, processor = voice
    assert processor("Hello.", **{alias: "bert"})["speaker_id"].tolist() == [1]
    assert processor("Hello.", **{alias: 1})["speaker_id"].tolist() == [1]
    with pytest.raises(ValueError, match=f"Both speaker='anna' and {alias}='bert'"):
        processor("Hello.", speaker="anna", **{alias: "bert"})


def test_generate_says_where_a_name_belongs(voice):
    model, processor = voice
    with pytest.raises(ValueError, match=r"takes voice as speaker_id; processor\(text, speaker="):
        model.generate(**processor("Hello."), voice="bert")


def test_several_sequences_of_what_is_drawn():
    model = tiny_model(codebook_head="depth").eval()
    ids = torch.randint(3, model.config.vocab_size, (2, 7), generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    codes = model.generate(ids, num_frames=5, do_sample=True, num_return_sequences=3, generator=generator)
    assert len(codes) == 6 and len({str(each.tolist()) for each in codes[:3]}) == 3
    with pytest.raises(ValueError, match="num_return_sequences=3: nothing is sampled"):
        tiny_model().generate(ids, num_frames=5, num_return_sequences=3)


def test_what_wrappers_pass_to_every_model():
    model = tiny_model().eval()
    ids = torch.tensor([[1, 5, 6, 1]])
    plain = model(ids, num_frames=4)
    wrapped = model(ids, num_frames=4, inputs_embeds=None, output_attentions=None, output_hidden_states=False)
    assert torch.equal(plain.last_hidden_state, wrapped.last_hidden_state)
    with pytest.raises(ValueError, match="inputs_embeds: this model takes no such argument"):
        model(ids, num_frames=4, inputs_embeds=torch.zeros(1, 4, 8))


def test_a_voice_of_a_relative_path_works_from_elsewhere(tiny_voice, tmp_path, monkeypatch):
    shutil.copytree(tiny_voice, tmp_path / "voice")
    monkeypatch.chdir(tmp_path)
    processor = TtsTrmProcessor.from_pretrained("voice")
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    assert processor.decode(torch.zeros(1, 32, 2, dtype=torch.long))[0].ndim == 1
    processor.save_pretrained("copy")
    assert (tmp_path / "elsewhere" / "copy" / "codec" / "model.safetensors").is_file()


def test_where_to_load_from_is_handed_on_to_the_codec(tiny_voice, monkeypatch):
    asked = []

    def load(name, subfolder, revision, **hub):
        asked.append((subfolder, hub))
        raise RuntimeError("asked")

    processor = TtsTrmProcessor.from_pretrained(tiny_voice, cache_dir="/some/where", token="t", local_files_only=True)
    monkeypatch.setattr("tts_trm.processing_tts_trm.load_codec", load)
    with pytest.raises(RuntimeError, match="asked"):
        _ = processor.codec_model
    assert asked == [("codec", {"cache_dir": "/some/where", "token": "t", "local_files_only": True})]


def test_a_voice_in_a_subfolder(tiny_voice, tmp_path):
    shutil.copytree(tiny_voice, tmp_path / "voices" / "tiny")
    processor = TtsTrmProcessor.from_pretrained(tmp_path, subfolder="voices/tiny")
    assert processor.decode(torch.zeros(1, 32, 2, dtype=torch.long))[0].ndim == 1


@pytest.mark.parametrize("suffix", FILE_FORMATS)
def test_the_suffix_decides(voice, tmp_path, suffix):
    path = tmp_path / f"speech{suffix}"
    samples = torch.linspace(-0.5, 0.5, 24_000)
    voice[1].save_audio([samples], path)
    assert soundfile.info(path).format == FILE_FORMATS[suffix][0]
    assert abs(soundfile.info(path).duration - 1) < 0.2


def test_what_cannot_be_saved_is_refused(voice, tmp_path):
    samples = torch.zeros(100)
    with pytest.raises(ValueError, match="2 waveforms and one path"):
        voice[1].save_audio([samples, samples], tmp_path / "a.wav")
    with pytest.raises(ValueError, match=r"a\.wma: cannot be written; let the name end in \.wav"):
        voice[1].save_audio(samples, tmp_path / "a.wma")
    assert not list(tmp_path.iterdir())


def test_the_library_s_trainer_trains_evaluates_and_predicts(tmp_path):
    model = tiny_model()
    # Padded to other lengths in each.
    clips = [random_batch(model.config), random_batch(model.config, (5, 6), (7, 8), seed=2)]
    rows = [(index, row) for index, clip in enumerate(clips) for row in range(len(clip["input_ids"]))]

    def collate(chosen: list[tuple[int, int]]) -> dict[str, torch.Tensor]:
        return {name: torch.stack([clips[index][name][row] for index, row in chosen]) for name in clips[0]}

    options = TrainingArguments(
        str(tmp_path),
        max_steps=2,
        per_device_train_batch_size=1,
        per_device_eval_batch_size=1,
        # The library joins labels of one length only.
        eval_do_concat_batches=False,
        report_to=[],
        use_cpu=True,
    )
    trainer = Trainer(model, options, collate, rows, rows)
    assert trainer.train().training_loss > 0
    losses = [model.eval()(**collate([row])).loss.item() for row in rows]
    assert trainer.evaluate()["eval_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    predicted = trainer.predict(rows)
    true_lengths = [int(clips[index]["label_lengths"][row]) for index, row in rows]
    assert [lengths.tolist() for _, lengths, _ in predicted.predictions] == [[length] for length in true_lengths]
    assert [lengths.tolist() for _, lengths in predicted.label_ids] == [[length] for length in true_lengths]
    with torch.no_grad():
        alone = [model(**collate([row])).durations.numpy() for row in rows]
    for (_, _, durations), expected in zip(predicted.predictions, alone, strict=True):
        np.testing.assert_allclose(durations, expected, rtol=1e-4)


def test_truncation_cuts_a_text_that_is_refused_without_it(voice):
    _, processor = voice
    text = "hello " * 100
    with pytest.raises(ValueError, match="over the limit"):
        processor(text)
    limit = processor.tokenizer.model_max_length
    ids = processor(text, truncation=True)["input_ids"]
    assert ids.shape == (1, limit)
    whole = processor.tokenizer(text, truncation=False)["input_ids"]
    # The boundary stays at the end.
    assert ids[0].tolist() == [*whole[: limit - 1], whole[-1]]
    assert processor(text, truncation=True, max_length=9)["input_ids"].shape == (1, 9)

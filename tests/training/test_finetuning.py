"""Training that starts from a voice: it speaks as before, and learns characters and speakers beside the old ones."""

import json
import shutil
from types import SimpleNamespace

import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from tts_trm import TtsTrmConfig, TtsTrmModel, TtsTrmProcessor
from tts_trm.training import finetuning, preparation
from tts_trm.training.options import parse_arguments


@pytest.fixture
def voice(tiny_voice, tmp_path):
    """The tiny voice, with gains that differ from speaker to speaker, and no two weights alike."""
    folder = shutil.copytree(tiny_voice, tmp_path / "voice")
    weights = load_file(folder / "model.safetensors")
    torch.manual_seed(1)
    weights = {name: value + 0.1 * torch.rand_like(value) for name, value in weights.items()}
    weights["head.codebooks"] = load_file(folder / "codec" / "model.safetensors")["codebooks"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def grown(voice, texts, speakers, **changes) -> tuple[TtsTrmModel, TtsTrmProcessor]:
    """A new model and processor for what the voice knows, and for `texts` and `speakers`."""
    known, known_speakers = finetuning.alphabet_and_speakers(str(voice))
    processor = TtsTrmProcessor.from_texts([known, *texts], [*known_speakers, *speakers], codec=str(voice / "codec"))
    config = TtsTrmConfig.from_pretrained(voice).to_dict()
    config |= {"vocab_size": len(processor.tokenizer), "num_speakers": len(processor.speakers)} | changes
    model = TtsTrmModel(TtsTrmConfig(**config)).eval()
    if "codebook_head" not in changes:
        model.head.codebooks.copy_(TtsTrmModel.from_pretrained(voice).head.codebooks)
    return model, processor


def test_what_the_voice_knew_sounds_the_same(voice):
    model, processor = grown(voice, ["Grüße, Ж!"], ["carl"])
    finetuning.load_weights(model, processor, str(voice))
    before, before_processor = TtsTrmModel.from_pretrained(voice), TtsTrmProcessor.from_pretrained(voice)
    assert len(processor.tokenizer) > len(before_processor.tokenizer)
    for speaker in ("anna", "bert"):
        said = [
            each.generate(**every(text="A bat, a cab.", speaker=speaker), sharpness=1.0)
            for each, every in ((before, before_processor), (model, processor))
        ]
        assert torch.equal(*said)


def test_new_rows_start_from_what_is_known(voice):
    model, processor = grown(voice, ["ü Ж"], ["carl"])
    at_random = model.text_encoder.character_embedding.weight.detach().clone()
    finetuning.load_weights(model, processor, str(voice))
    characters, ids = model.text_encoder.character_embedding.weight, processor.tokenizer.get_vocab()
    assert torch.equal(characters[ids["ü"]], characters[ids["u"]])
    assert torch.equal(characters[ids["ж"]], at_random[ids["ж"]])
    speakers = model.text_encoder.speaker_embedding.weight
    torch.testing.assert_close(speakers[2], speakers[:2].mean(0))
    torch.testing.assert_close(model.head.latent_gain[2], model.head.latent_gain[:2].mean(0))


def test_another_codec_or_size_is_refused(voice):
    model, processor = grown(voice, [], [])
    model.head.codebooks += 1
    with pytest.raises(ValueError, match="the tokens are of another codec than the voice's, .*/codec; tokenise"):
        finetuning.load_weights(model, processor, str(voice))
    for changes, named in (
        ({"hidden_dim": 24}, "its recursion.blocks.0.feed_forward.convolution.bias is .16,., this run's .24,."),
        ({"codebook_head": "depth"}, "its head.code_embedding.weight is absent, this run's"),
        ({"l_layers": 2}, "its recursion.blocks.1.* is absent, this run's"),
    ):
        model, processor = grown(voice, [], [], **changes)
        with pytest.raises(ValueError, match=named):
            finetuning.load_weights(model, processor, str(voice))


def test_sizes_come_from_the_voice_the_file_and_the_command_line(voice, tmp_path):
    config = tmp_path / "recipe.yaml"
    config.write_text(f"from-pretrained: {voice}\ndropout: 0.3\nH-cycles: 5\n")
    options = parse_arguments(["--config", str(config), "--H-cycles", "4"])
    assert (options.text_embed_dim, options.L_layers, options.dropout, options.H_cycles) == (16, 1, 0.3, 4)
    assert parse_arguments(["--from-pretrained", str(voice)]).H_cycles == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ('{"model_type": "mimi"}', "config.json has no 'text_embed_dim'"),
    ],
)
def test_what_is_no_voice_is_refused_at_once(content, message, tmp_path, capsys):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(SystemExit):
        parse_arguments(["--from-pretrained", str(tmp_path)])
    error = capsys.readouterr().err
    assert f"--from-pretrained {tmp_path}: " in error and message in error


def test_the_codec_of_a_voice(voice, tmp_path):
    assert finetuning.codec_of(str(voice)) == str(voice / "codec")
    elsewhere = shutil.copytree(voice, tmp_path / "elsewhere")
    settings = json.loads((elsewhere / "processor_config.json").read_text())
    (elsewhere / "processor_config.json").write_text(json.dumps(settings | {"codec": "kyutai/mimi"}))
    assert finetuning.codec_of(str(elsewhere)) == "kyutai/mimi"


@pytest.fixture
def carla(tmp_path, monkeypatch):
    """A folder of recordings of a new speaker, whose texts have letters that the tiny voice does not know."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    data = tmp_path / "recordings"
    data.mkdir()
    rows = ["file_name,text,speaker"]
    for index in range(6):
        noise = 0.1 * torch.randn(12_000, generator=torch.Generator().manual_seed(index)).numpy()
        soundfile.write(data / f"{index}.wav", noise, 24_000)
        rows.append(f"{index}.wav,Größe {'abcdef'[index]}.,carla")
    (data / "metadata.csv").write_text("\n".join(rows) + "\n")
    return data


def fine_tune(data, voice, output, *options):
    """Two steps of training on `data` from `voice`; returns the checkpoint's folder, its model and its processor."""
    from tts_trm import run_training

    arguments = ["--data-dir", str(data), "--from-pretrained", str(voice), "--output-dir", str(output)]
    small = "--max-steps 2 --batch-size 2 --num-workers 0 --device cpu --no-tensorboard".split()
    assert run_training.main([*arguments, *small, *options]) == 0
    final = output / "checkpoints" / "final"
    return final, TtsTrmModel.from_pretrained(final), TtsTrmProcessor.from_pretrained(final)


def test_a_run_that_starts_from_a_voice(voice, carla, tmp_path):
    """From recordings of a new speaker to a checkpoint that speaks in her voice and in the old ones."""
    _, model, processor = fine_tune(carla, voice, tmp_path / "out", "--lr", "1e-6")
    assert processor.speakers == ["anna", "bert", "carla"] and "ö" in processor.tokenizer.get_vocab()
    assert processor.decode(model.generate(**processor(text="Größe A.", speaker="carla")))[0].isfinite().all()
    old = TtsTrmModel.from_pretrained(voice)
    moved = (model.recursion.init_y - old.recursion.init_y).abs().max()
    assert 0 < moved < 1e-4


def test_a_frozen_body_speaks_as_before(voice, carla, tmp_path):
    """Only the new speaker and the new letters are learned: what the old speakers say stays as it was, to the bit."""
    options = ("--lr", "1e-2", "--weight-decay", "0.1", "--ema-decay", "0", "--body-lr")
    final, model, processor = fine_tune(carla, voice, tmp_path / "frozen", *options, "0")
    old = TtsTrmModel.from_pretrained(voice)
    new_rows = {"text_encoder.character_embedding.weight", "text_encoder.speaker_embedding.weight"}
    for name, value in old.state_dict().items():
        if name not in new_rows | {"head.latent_gain"}:
            assert torch.equal(model.state_dict()[name], value), name
    speaker = model.text_encoder.speaker_embedding.weight
    assert not torch.allclose(speaker[2], old.text_encoder.speaker_embedding.weight.mean(0), atol=1e-3)
    before = old.generate(**TtsTrmProcessor.from_pretrained(voice)(text="A bat, a cab.", speaker="bert"))
    assert torch.equal(model.generate(**processor(text="A bat, a cab.", speaker="bert")), before)

    _, slow, _ = fine_tune(carla, voice, tmp_path / "slow", *options, "0.01")
    moved = (slow.recursion.init_y - old.recursion.init_y).abs().max()
    # Adam moves a weight by about the learning rate in each step.
    assert 0 < moved < 1e-3


def test_the_alignment_goes_on_from_the_voice(voice, carla, tmp_path, capsys):
    """A checkpoint holds its aligner, and training that starts from it continues with it, new letters added."""
    first, _, processor = fine_tune(carla, voice, tmp_path / "first")
    assert "Learning from 6 texts" in capsys.readouterr().out
    learned = load_file(first / finetuning.ALIGNER_FILE)
    assert len(learned["embedding.weight"]) == len(processor.tokenizer)

    table = (carla / "metadata.csv").read_text()
    (carla / "metadata.csv").write_text(table.replace("Größe", "Ñus").replace("carla", "dora"))
    second, _, processor = fine_tune(carla, first, tmp_path / "second")
    assert f"Learning from {first} and 6 texts" in capsys.readouterr().out
    assert processor.speakers == ["anna", "bert", "carla", "dora"]
    assert len(load_file(second / finetuning.ALIGNER_FILE)["embedding.weight"]) == len(processor.tokenizer)


def test_an_aligner_starts_where_the_other_ended(voice, tmp_path):
    """Untrained, it scores as the one that was saved, whichever row a character has now."""
    from tts_trm.data.aligner import AlignerTraining

    codebooks = torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(0))
    rows = [(torch.randint(0, 8, (4, 9)).numpy(), torch.randint(3, 20, (7,)).numpy()) for _ in range(3)]
    known = TtsTrmProcessor.from_pretrained(voice)
    training = AlignerTraining(rows, codebooks, [4], len(known.tokenizer), seed=1)
    training.train(steps=2, progress=lambda line: None)
    training.save(voice / finetuning.ALIGNER_FILE)

    texts = [known.tokenizer.decode(ids, skip_special_tokens=True) for _, ids in rows]
    more = TtsTrmProcessor.from_texts(["äöüß", *finetuning.alphabet_and_speakers(str(voice))[0]], codec="x")
    moved = [(codes, more.tokenizer(text)["input_ids"]) for (codes, _), text in zip(rows, texts, strict=True)]
    own = [(codes, known.tokenizer(text)["input_ids"]) for (codes, _), text in zip(rows, texts, strict=True)]
    going_on = AlignerTraining(moved, codebooks, [4], len(more.tokenizer), seed=2)
    assert finetuning.load_aligner(going_on, more, str(voice))
    for one, other in zip(training.align(own), going_on.align(moved), strict=True):
        assert one.tolist() == other.tolist()

    other_codec = AlignerTraining(rows, codebooks[..., :5], [4], len(known.tokenizer))
    assert not finetuning.load_aligner(other_codec, known, str(voice))


def test_speakers_of_the_voice_keep_their_languages(voice, monkeypatch):
    path = voice / "processor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"languages": ["de", "en"]}))
    monkeypatch.setattr(
        preparation, "read_columns", lambda info, names: [{"text": ["5 Uhr", "5"], "speaker": ["anna", "carl"]}]
    )
    info = SimpleNamespace(codec=str(voice / "codec"), revision=None, sampling_rate=24_000)
    for given, languages in (([], ["de", "en", "en"]), (["--languages", "fr", "anna=en"], ["en", "en", "fr"])):
        options = parse_arguments(["--from-pretrained", str(voice), *given])
        processor = preparation.make_processor(options, info)
        assert (processor.speakers, processor.languages) == (["anna", "bert", "carl"], languages)

"""A checkpoint folder alone, without this package: loaded by transformers' auto classes in a fresh process, offline."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

TEXTS = ["Hello there, small voice.", "Hi!"]
STRANGER = """
import sys
import torch
from transformers import AutoConfig, AutoModel, AutoProcessor, AutoTokenizer, pipeline

torch.set_num_threads(1)
voice, half, again, results = sys.argv[1:]
texts = {texts!r}
result = {{}}


def speak(folder):
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    inputs = processor(texts, speaker="bert")
    codes = model.generate(**inputs)
    with torch.no_grad():
        hidden = model(**inputs).last_hidden_state
    waveforms = processor.decode(codes)
    return model, processor, dict(inputs) | {{"codes": codes, "hidden": hidden, "waveforms": waveforms}}


assert AutoConfig.from_pretrained(voice, trust_remote_code=True).model_type == "tts_trm"
result["ids"] = AutoTokenizer.from_pretrained(voice, trust_remote_code=True)(texts[0]).input_ids
model, processor, result["first"] = speak(voice)
model.save_pretrained(again)
processor.save_pretrained(again)
result["second"] = speak(again)[2]

speech = pipeline("text-to-speech", model=voice, trust_remote_code=True)
speaker = {{"speaker": "bert"}}
spoken = [speech(text, preprocess_params=speaker) for text in texts]
spoken += speech(texts, batch_size=2, preprocess_params=speaker)
result["rates"] = [item["sampling_rate"] for item in spoken]
result["pipeline"] = [torch.as_tensor(item["audio"]) for item in spoken]

model, processor, _ = speak(half)
result["dtypes"] = [str(value.dtype) for m in (model, processor.codec_model) for value in m.state_dict().values()]
assert "tts_trm" not in sys.modules
torch.save(result, results)
"""


@pytest.fixture(scope="module")
def half_voice(tmp_path_factory, tiny_voice) -> Path:
    """The tiny voice as the bundled one is stored: weights in half precision, `"dtype": "float32"` beside them."""
    folder = tmp_path_factory.mktemp("half") / "voice"
    for source in sorted(tiny_voice.rglob("*")):
        target = folder / source.relative_to(tiny_voice)
        if source.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".safetensors":
            save_file({name: value.half() for name, value in load_file(source).items()}, target, {"format": "pt"})
        elif source.name == "config.json":
            target.write_text(json.dumps(json.loads(source.read_text()) | {"dtype": "float32"}))
        else:
            target.write_bytes(source.read_bytes())
    return folder


@pytest.fixture(scope="module")
def stranger(tmp_path_factory, tiny_voice, half_voice) -> dict:
    """What a process that has never heard of this package makes of the voice."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "empty").mkdir()
    (folder / "stranger.py").write_text(STRANGER.format(texts=TEXTS))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"HF_HOME": str(folder / "home"), "HF_MODULES_CACHE": str(folder / "modules"), "HF_HUB_OFFLINE": "1"}
    arguments = [tiny_voice, half_voice, folder / "again", folder / "results.pt"]
    done = subprocess.run(
        [sys.executable, folder / "stranger.py", *map(str, arguments)],
        cwd=folder / "empty",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return torch.load(folder / "results.pt") | {"again": folder / "again"}


@pytest.fixture(scope="module")
def local(tiny_voice) -> dict:
    """The same, by the classes of this checkout."""
    from tts_trm import TtsTrmModel, TtsTrmProcessor

    model, processor = TtsTrmModel.from_pretrained(tiny_voice), TtsTrmProcessor.from_pretrained(tiny_voice)
    inputs = processor(TEXTS, speaker="bert")
    codes = model.generate(**inputs)
    with torch.no_grad():
        hidden = model(**inputs).last_hidden_state
    return dict(inputs) | {"codes": codes, "hidden": hidden, "waveforms": processor.decode(codes)}


@pytest.mark.parametrize("load", ["first", "second"])
def test_remote_code_speaks_exactly_as_this_checkout_does(stranger, local, load):
    assert stranger["ids"] == local["input_ids"][0].tolist()
    assert stranger[load].keys() == local.keys()
    for name in ("input_ids", "attention_mask", "speaker_id", "hidden", "codes"):
        assert torch.equal(stranger[load][name], local[name]), name
    for heard, expected in zip(stranger[load]["waveforms"], local["waveforms"], strict=True):
        assert torch.equal(heard, expected)


def test_the_pipeline_gives_the_audio_of_generate_and_decode_each_item_at_its_own_length(stranger, local):
    long, short = local["waveforms"]
    assert len(long) > len(short)
    assert stranger["rates"] == [24_000] * 4
    for heard, expected in zip(stranger["pipeline"], [long, short] * 2, strict=True):
        np.testing.assert_allclose(heard.numpy(), expected.numpy(), atol=1e-5)


def test_a_checkpoint_saved_by_remote_code_is_complete_and_unchanged(stranger, tiny_voice):
    again = stranger["again"]
    names = {str(path.relative_to(tiny_voice)) for path in tiny_voice.rglob("*") if path.is_file()}
    assert names == {str(path.relative_to(again)) for path in again.rglob("*") if path.is_file()}
    for name in names:
        if name.endswith(".py"):
            assert (again / name).read_bytes() == (tiny_voice / name).read_bytes(), name
        elif name.endswith(".safetensors"):
            before, after = load_file(tiny_voice / name), load_file(again / name)
            assert before.keys() == after.keys()
            assert all(torch.equal(after[key], value) for key, value in before.items())


def test_half_precision_weights_load_as_float32(stranger, half_voice):
    from tts_trm import TtsTrmCodec, TtsTrmModel

    assert {value.dtype for value in load_file(half_voice / "model.safetensors").values()} == {torch.float16}
    assert set(stranger["dtypes"]) == {"torch.float32"}
    for model_class, folder in ((TtsTrmModel, half_voice), (TtsTrmCodec, half_voice / "codec")):
        assert {value.dtype for value in model_class.from_pretrained(folder).state_dict().values()} == {torch.float32}

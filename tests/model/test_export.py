"""`torch.export` and `torch.onnx.export` of the model: text to hidden states, for any number of texts of any length."""

import pytest
import torch
from tiny import tiny_model

from tts_trm.modeling_tts_trm import TtsTrmModel


def random_text(batch: int, characters: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    input_ids = torch.randint(5, 12, (batch, characters), generator=generator)
    attention_mask = torch.ones_like(input_ids)
    # The last text is shorter than the others.
    attention_mask[-1, -2:] = 0
    return {"input_ids": input_ids, "attention_mask": attention_mask, "speaker_id": torch.arange(batch) % 2}


@pytest.fixture
def model() -> TtsTrmModel:
    model = tiny_model().eval()
    model.set_attn_implementation("eager")
    return model


def test_an_exported_program_takes_other_shapes(model):
    any_size = torch.export.Dim.DYNAMIC
    shapes = {name: {0: any_size, 1: any_size} for name in ("input_ids", "attention_mask")} | {
        "speaker_id": {0: any_size}
    }
    program = torch.export.export(model, (), random_text(2, 9, 0), strict=False, dynamic_shapes=shapes).module()
    for batch, characters in ((2, 9), (3, 14)):
        text = random_text(batch, characters, seed=batch)
        with torch.no_grad():
            given, expected = program(**text), model(**text)
        for name in ("last_hidden_state", "lengths", "durations"):
            # The program adds up in another order.
            torch.testing.assert_close(given[name], expected[name], atol=1e-4, rtol=1e-4)


def test_onnx_computes_what_torch_computes(model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    text = random_text(2, 9, 0)
    torch.onnx.export(
        model, (), str(tmp_path / "model.onnx"), kwargs={**text, "return_dict": False}, dynamo=True, verbose=False
    )
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    given = session.run(None, {name: value.numpy() for name, value in text.items()})
    with torch.no_grad():
        expected = model(**text, return_dict=False)
    for one, other in zip(given, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(one), other, atol=0.01, rtol=0.01)

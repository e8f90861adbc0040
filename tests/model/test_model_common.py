"""What transformers asks of every model, in small: `make test-transformers` runs the library's own, longer form."""

import copy

import pytest
import torch
from tiny import HEADS, item_of, random_batch, tiny_config, tiny_model

from tts_trm import TtsTrmCodec, TtsTrmCodecConfig, TtsTrmModel

VARIANTS = {
    "default": {},
    "depth": dict(codebook_head="depth", alignment="length", share_output_heads=True),
    "specification": dict(codebook_head="parallel", alignment="none", answer_injection="cross_attention"),
}
variants = pytest.mark.parametrize("variant", VARIANTS)


def tiny_codec() -> TtsTrmCodec:
    return TtsTrmCodec(TtsTrmCodecConfig(codebook_size=8, num_layers=1, hidden_size=8, intermediate_size=8)).eval()


def loss_and_answer(model, batch) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        output = model(**batch)
    return output.loss, output.last_hidden_state


def gradients(model, batch) -> dict[str, torch.Tensor]:
    """Gradient of the loss by parameter name, always with the same random draws."""
    model.zero_grad()
    torch.manual_seed(3)
    model(**batch).loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@variants
@pytest.mark.parametrize("characters", [(7, 4), (6, 6)], ids=["padded", "no mask"])
@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float32, 1e-5), (torch.float16, 1e-2), (torch.bfloat16, 5e-2)], ids=str
)
def test_attention_written_out_equals_the_fused_kernels(variant, characters, dtype, tolerance):
    model = tiny_model(**VARIANTS[variant]).to(dtype)
    batch = random_batch(model.config, characters, frames=characters)
    if len(set(characters)) == 1:
        del batch["attention_mask"]
    real, results = batch["labels"][:, 0] >= 0, []
    for implementation in ("sdpa", "eager"):
        model.set_attn_implementation(implementation)
        loss, answer = loss_and_answer(model, batch)
        results.append((loss, answer[real]))
    assert results[0][1].dtype == dtype
    torch.testing.assert_close(results[1], results[0], atol=tolerance, rtol=tolerance)


@variants
def test_items_of_a_batch_do_not_see_each_other(variant):
    model = tiny_model(**VARIANTS[variant])
    batch = random_batch(model.config, characters=(7, 4, 5), frames=(9, 6, 9))
    _, together = loss_and_answer(model, batch)
    _, repeated = loss_and_answer(model, batch)
    assert torch.equal(together, repeated)
    for index, (characters, frames) in enumerate([(7, 9), (4, 6), (5, 9)]):
        _, alone = loss_and_answer(model, item_of(batch, index, characters, frames))
        torch.testing.assert_close(together[index, :frames], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_saved_and_loaded_twice_it_is_the_same_model(head, shared, tmp_path):
    model = tiny_model(codebook_head=head, share_output_heads=shared)
    batch = random_batch(model.config)
    expected = loss_and_answer(model, batch)
    loaded = model
    for name in ("first", "second"):
        loaded.save_pretrained(tmp_path / name)
        assert not {path.suffix for path in (tmp_path / name).iterdir()} - {".safetensors", ".json", ".py"}
        loaded = TtsTrmModel.from_pretrained(tmp_path / name)
        assert loaded.state_dict().keys() == model.state_dict().keys()
        for key, value in model.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value), key
        # copied, as where in a file's memory a weight lies may decide which kernel multiplies it
        for actual, wanted in zip(loss_and_answer(copy.deepcopy(loaded), batch), expected, strict=True):
            assert torch.equal(actual, wanted)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "make, name", [(tiny_model, "recursion.init_y"), (tiny_model, "head.codebooks"), (tiny_codec, "analysis")]
)
def test_a_damaged_weight_is_named_and_not_loaded(make, name, value, tmp_path):
    model = make()
    model.state_dict()[name].view(-1)[-1] = float(value)
    model.save_pretrained(tmp_path)
    with pytest.raises(OSError, match=f"{tmp_path}: {name} holds values that are not finite"):
        # By the name of the library.
        type(model).from_pretrained(pretrained_model_name_or_path=tmp_path)


@pytest.mark.parametrize("variant", [*VARIANTS, "codec"])
def test_memory_left_uninitialized_by_meta_device_is_filled(variant):
    """`from_pretrained` builds on the meta device: whatever a checkpoint lacks, `_init_weights` must fill."""
    make = tiny_codec if variant == "codec" else lambda: TtsTrmModel(tiny_config(**VARIANTS[variant]))
    with torch.device("meta"):
        model = make()
    model.to_empty(device="cpu")
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.fill_(float("nan"))
    model.init_weights()
    direct = make().state_dict()
    for name, value in model.state_dict().items():
        assert value.isfinite().all(), name
        assert (value.float().std() > 0) == (direct[name].float().std() > 0) or value.numel() == 1, name
    if variant != "codec":
        assert loss_and_answer(model.eval(), random_batch(model.config))[0].isfinite()


def test_a_missing_weight_is_drawn_and_the_others_are_kept(tmp_path):
    model = tiny_model()
    state = model.state_dict()
    del state["recursion.init_y"], state["head.output.weight"]
    loaded = TtsTrmModel.from_pretrained(None, config=copy.deepcopy(model.config), state_dict=state)
    for name, value in loaded.state_dict().items():
        if name in state:
            assert torch.equal(value, state[name]), name
        else:
            assert value.isfinite().all() and value.std() > 0, name


@variants
def test_training_reaches_every_parameter(variant):
    model = tiny_model(**VARIANTS[variant]).train()
    for name, gradient in gradients(model, random_batch(model.config)).items():
        assert gradient is not None and gradient.isfinite().all(), name
        # softmax is blind to what shifts all scores alike
        assert gradient.abs().sum() > 0 or name.endswith("key.bias"), name


@variants
@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing_gives_the_same_gradients(variant, reentrant):
    model = tiny_model(dropout=0.2, **VARIANTS[variant]).train()
    batch = random_batch(model.config)
    expected = gradients(model, batch)
    model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    assert all(block.gradient_checkpointing for block in (*model.recursion.blocks, *model.text_encoder.layers))
    calls = []
    model.recursion.blocks[0].feed_forward.register_forward_hook(lambda *_: calls.append(1))
    torch.testing.assert_close(gradients(model, batch), expected, atol=1e-6, rtol=1e-5)
    # Once forward, once again backward.
    assert len(calls) == 2 * model.config.h_cycles * model.config.l_cycles


@variants
def test_tuples_hold_what_the_dictionaries_hold(variant):
    model = tiny_model(**VARIANTS[variant])
    batch = random_batch(model.config) | dict(return_logits=True, return_cycles=True)
    with torch.no_grad():
        as_dictionary, as_tuple = model(**batch), model(**batch, return_dict=False)
    assert len(as_dictionary) == len(as_tuple) > 5
    assert all(torch.equal(*pair) for pair in zip(as_dictionary.to_tuple(), as_tuple, strict=True))


def test_tuples_of_the_codec_hold_what_its_dictionaries_hold():
    codec, audio = tiny_codec(), torch.randn(2, 1, 3000)
    codes = codec.encode(audio).audio_codes
    assert torch.equal(codec.encode(audio, return_dict=False)[0], codes)
    assert torch.equal(codec.decode(codes, return_dict=False)[0], codec.decode(codes).audio_values)
    assert torch.equal(codec(audio, return_dict=False)[0], codec(audio).audio_values)

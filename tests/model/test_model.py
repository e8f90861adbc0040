"""The model: against naive forms of itself, and unmoved by padding."""

import math
import random

import pytest
import torch
from tiny import ALIGNMENTS, HEADS, INJECTIONS, item_of, random_batch, tiny_config, tiny_model

from tts_trm import TtsTrmConfig, TtsTrmModel
from tts_trm.modeling_tts_trm_layers import DepthwiseConvolution, RMSNorm


def with_attention(model: TtsTrmModel, implementation: str) -> TtsTrmModel:
    model.set_attn_implementation(implementation)
    return model


# -- oracles ------------------------------------------------------------------------------------------------------


def naive_attention(attention, queries, context, mask):
    """One head, one query at a time: softmax over the allowed positions of q k / sqrt(d)."""
    q, k, v = attention.query(queries), attention.key(context), attention.value(context)
    size, rows = attention.head_dim, []
    for item in range(len(q)):
        allowed = mask[item].bool()
        heads = []
        for start in range(0, q.shape[-1], size):
            part = slice(start, start + size)
            scores = q[item, :, part] @ k[item, allowed, part].T / math.sqrt(size)
            heads.append(scores.softmax(-1) @ v[item, allowed, part])
        rows.append(torch.cat(heads, -1))
    return attention.output(torch.stack(rows))


def naive_recursion(recursion, x, text, text_mask, frame_mask):
    """The specified recursion: every key and value computed anew in each of the H x L x blocks steps."""
    config, applications = recursion.config, 0
    real = frame_mask[..., None].float()
    y, z = recursion.init_y + x, recursion.init_z + x
    for _ in range(config.h_cycles):
        for _ in range(config.l_cycles):
            for block in recursion.blocks:
                z = block.norms[0](z + naive_attention(block.self_attention, z, z, frame_mask))
                z = block.norms[1](z + naive_attention(block.text_attention, z, text, text_mask))
                if config.answer_injection == "add":
                    z = block.norms[2](z + y)
                else:
                    z = block.norms[2](z + naive_attention(block.answer_attention, z, y, frame_mask))
                z = block.norms[3](z + block.feed_forward(z, real))
                applications += 1
        update = recursion.updater.merge(torch.cat([y, z], -1))
        y = recursion.updater.norm(y + update + recursion.updater.feed_forward(update, real))
    return y, applications


@pytest.mark.parametrize("h_cycles", [1, 2, 3])
@pytest.mark.parametrize("l_cycles", [1, 3, 6])
@pytest.mark.parametrize("injection", INJECTIONS)
def test_cached_keys_and_values_equal_the_naive_loop(injection, l_cycles, h_cycles):
    model = tiny_model(answer_injection=injection, h_cycles=h_cycles, l_cycles=l_cycles, l_layers=2)
    recursion = model.double().recursion
    generator = torch.Generator().manual_seed(0)
    text_mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    frame_mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    results = []
    for naive in (False, True):
        generator.manual_seed(0)
        x = torch.randn(2, 5, 16, generator=generator, dtype=torch.double).requires_grad_()
        text = torch.randn(2, 4, 16, generator=generator, dtype=torch.double).requires_grad_()
        if naive:
            y, applications = naive_recursion(recursion, x, text, text_mask, frame_mask)
            assert applications == h_cycles * l_cycles * 2
        else:
            y = recursion(x, text, text_mask, frame_mask)[-1]
        recursion.zero_grad()
        (y * torch.arange(y.numel()).view_as(y).sin() * frame_mask[..., None]).sum().backward()
        gradients = {name: parameter.grad.clone() for name, parameter in recursion.named_parameters()}
        results.append((y.detach()[frame_mask.bool()], x.grad, text.grad, gradients))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_the_end_is_heard_at_the_beginning_even_when_nothing_is_padded(implementation):
    """transformers' fused attention is causal for modules that do not say otherwise, and only without padding."""
    model = with_attention(tiny_model(alignment="none", answer_injection="cross_attention"), implementation)
    encoder, recursion = model.text_encoder, model.recursion
    ids, ones = torch.tensor([[3, 4, 5, 6, 7]]), torch.ones(1, 5, dtype=torch.long)
    speaker = torch.zeros(1, dtype=torch.long)
    changed = ids.clone()
    changed[0, -1] = 8
    with torch.no_grad():
        text, other_text = encoder(ids, ones, speaker), encoder(changed, ones, speaker)
        # A later character changes an earlier one.
        assert (text - other_text)[0, 0].abs().max() > 1e-4

        x = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(0))
        y = recursion(x, text, ones, ones)[-1]
        last_character = text.clone()
        last_character[0, -1] += 1
        assert (y - recursion(x, last_character, ones, ones)[-1])[0, 0].abs().max() > 1e-4
        last_frame = x.clone()
        last_frame[0, -1] += 1
        assert (y - recursion(last_frame, text, ones, ones)[-1])[0, 0].abs().max() > 1e-4


# -- padding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_alone_in_an_equal_and_in_a_padded_batch(alignment, injection, head):
    model = tiny_model(alignment=alignment, answer_injection=injection, codebook_head=head)
    characters, frames = (7, 4), (9, 6)
    batch = random_batch(model.config, characters, frames)
    with torch.no_grad():
        padded = model(**batch)
        for index in range(2):
            item = item_of(batch, index, characters[index], frames[index])
            alone = model(**item)
            twice = model(**{key: torch.cat([value, value]) for key, value in item.items()})
            together = padded.last_hidden_state[index : index + 1, : frames[index]]
            torch.testing.assert_close(alone.last_hidden_state, together, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(twice.last_hidden_state[1:], together, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(twice.loss, alone.loss, rtol=1e-5, atol=1e-5)
            if alignment != "none":
                durations = padded.durations[index : index + 1, : characters[index]]
                torch.testing.assert_close(alone.durations, durations, rtol=1e-4, atol=1e-5)
                assert padded.durations[index, characters[index] :].sum() == 0
            codes = item["labels"][0].T
            loss, losses = model.head.loss(together[0], codes)
            torch.testing.assert_close(loss, alone.codebook_loss, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(losses, alone.codebook_losses, rtol=1e-5, atol=1e-5)


def padded_with_junk(batch: dict, characters: int, frames: int, seed: int) -> dict:
    """The batch with so many more positions, and in all of its padding what no batch should be padded with."""
    generator = torch.Generator().manual_seed(seed)
    widened = {key: torch.nn.functional.pad(batch[key], (0, characters)) for key in ("input_ids", "attention_mask")}
    durations = torch.nn.functional.pad(batch["durations"], (0, characters))
    junk = torch.randn(durations.shape, generator=generator) * 50
    junk[torch.rand(junk.shape, generator=generator) < 0.2] = float("nan")
    ids = torch.randint(0, 20, durations.shape, generator=generator)
    labels = torch.nn.functional.pad(batch["labels"], (0, frames), value=-100)
    codes, mask = torch.randint(0, 12, labels.shape, generator=generator), widened["attention_mask"] == 1
    return batch | dict(
        input_ids=torch.where(mask, widened["input_ids"], ids),
        attention_mask=widened["attention_mask"],
        durations=torch.where(mask, durations, junk),
        labels=torch.where(labels >= 0, labels, codes),
    )


@pytest.mark.parametrize("head", HEADS)
def test_what_lies_in_the_padding_is_not_read(head):
    """17 batches of random sizes for each head, in loss, gradients and logits."""
    sizes = random.Random(0)
    for trial in range(17):
        model = tiny_model(
            trial, codebook_head=head, alignment=ALIGNMENTS[trial % 3], answer_injection=INJECTIONS[trial % 2]
        )
        model.config.max_text_length = 100
        items = range(sizes.randint(1, 8))
        characters, frames = ([sizes.randint(1, longest) for _ in items] for longest in (20, 24))
        batch = random_batch(model.config, characters, frames, seed=trial)
        junk = padded_with_junk(batch, sizes.randint(0, 64), sizes.randint(0, 64), seed=trial)
        found = []
        for each in (batch, junk):
            output = model(**each, return_logits=True)
            model.zero_grad()
            output.loss.backward()
            gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
            assert output.logits[..., max(frames) :, :].abs().sum() == 0
            logits = output.logits[..., : max(frames), :]
            found.append((output.loss, logits / logits.abs().max(), gradients))
        torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-5)


# -- outputs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS)
def test_outputs_and_their_shapes(head):
    model = tiny_model(codebook_head=head, h_cycles=3)
    batch = random_batch(model.config)
    plain = model(**batch)
    assert plain.logits is None and plain.cycle_losses is None and plain.cycle_changes is None
    assert plain.codebook_losses.shape == (5,) and plain.last_hidden_state.shape == (2, 9, 16)
    assert plain.durations.shape == (2, 7) and plain.lengths.tolist() == [9, 6]
    torch.testing.assert_close(
        plain.loss, plain.codebook_loss + model.config.duration_loss_weight * plain.duration_loss
    )
    full = model(**batch, return_logits=True, return_cycles=True)
    assert full.logits.shape == (2, 5, 9, 12)
    assert full.cycle_losses.shape == (3,) and full.cycle_changes.shape == (2,)
    torch.testing.assert_close(full.cycle_losses[-1], plain.codebook_loss)
    assert not full.cycle_losses.requires_grad
    assert isinstance(model(**batch, return_dict=False), tuple)


@pytest.mark.parametrize("head", HEADS)
def test_logits_are_those_of_the_loss(head):
    model = tiny_model(codebook_head=head)
    batch = random_batch(model.config)
    output = model(**batch, return_logits=True)
    losses = torch.nn.functional.cross_entropy(
        output.logits.permute(0, 3, 1, 2), batch["labels"], ignore_index=-100, reduction="none"
    )
    torch.testing.assert_close(losses.sum((0, 2)) / 15, output.codebook_losses)


def test_label_lengths_default_to_the_last_label():
    model = tiny_model()
    batch = random_batch(model.config)
    lengths = batch.pop("label_lengths")
    output = model(**batch)
    assert torch.equal(output.lengths, lengths)


def test_without_labels_the_answer_has_the_predicted_or_the_wanted_length():
    model = tiny_model()
    ids = random_batch(model.config)["input_ids"]
    output = model(ids, num_frames=torch.tensor([5, 3]))
    assert output.last_hidden_state.shape == (2, 5, 16) and output.loss is None
    output = model(ids, return_logits=True)
    expected = output.durations.sum(-1).round().long()
    assert torch.equal(output.lengths, expected) and output.logits.shape == (2, 5, int(expected.max()), 12)


def test_speakers_and_characters_matter_and_default_speaker_is_the_first():
    model = tiny_model()
    ids = torch.tensor([[3, 4, 5]])
    states = [model(ids, speaker_id=speaker, num_frames=4).last_hidden_state for speaker in (0, 1)]
    assert (states[0] - states[1]).abs().max() > 1e-3
    assert torch.equal(states[0], model(ids, num_frames=4).last_hidden_state)
    assert (states[0] - model(torch.tensor([[3, 4, 6]]), num_frames=4).last_hidden_state).abs().max() > 1e-3


def test_specified_model_hears_no_order_of_frames_but_positions_bring_it():
    """Without positions and alignment all frames are alike: the reason why the specified voice never learned."""
    ids = torch.tensor([[3, 4, 5, 6]])
    changes = dict(alignment="none", convolution_kernel=0, answer_injection="cross_attention", codebook_head="parallel")
    literal = tiny_model(frame_positions=False, **changes)(ids, num_frames=5).last_hidden_state
    assert (literal - literal[:, :1]).abs().max() < 1e-5
    placed = tiny_model(frame_positions=True, **changes)(ids, num_frames=5).last_hidden_state
    assert (placed - placed[:, :1]).abs().max() > 1e-2


def test_specified_literal_configuration_trains_and_speaks():
    torch.manual_seed(0)
    model = TtsTrmModel(TtsTrmConfig.from_specification(share_output_heads=True))
    labels = torch.randint(0, 2048, (1, 32, 4))
    output = model(torch.randint(0, 256, (1, 6)), labels=labels)
    assert output.loss.item() == pytest.approx(math.log(2048), abs=1.0) and output.duration_loss is None
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    codes = model.eval().generate(torch.randint(0, 256, (1, 2)))
    assert codes.shape == (1, 32, 6) and 0 <= codes.min() <= codes.max() < 2048


# -- gradients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("injection", INJECTIONS)
def test_gradient_cycles_change_the_gradient_but_not_the_loss(injection):
    batch = random_batch(tiny_config())
    losses, gradients = [], []
    for cycles in (0, 2, 1):
        model = tiny_model(gradient_cycles=cycles, answer_injection=injection)
        loss = model(**batch).loss
        loss.backward()
        losses.append(loss.detach())
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(losses[2], losses[0])
    # Two of two are all.
    torch.testing.assert_close(gradients[1], gradients[0])
    # the states begin outside the last cycle, whose blocks are the same network's
    assert gradients[0]["recursion.init_z"].abs().sum() > 0 and gradients[2]["recursion.init_z"] is None
    name = "recursion.blocks.0.feed_forward.up.weight"
    assert gradients[2][name].abs().sum() > 0 and not torch.allclose(gradients[2][name], gradients[0][name])


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_every_parameter_learns(alignment, head):
    """Any that did not would stop training in several processes."""
    model = tiny_model(alignment=alignment, codebook_head=head, answer_injection="cross_attention").train()
    model(**random_batch(model.config)).loss.backward()
    silent = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert silent == []


def test_mixed_precision_trains():
    for head in HEADS:
        model = tiny_model(codebook_head=head)
        batch = random_batch(model.config)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        assert loss.dtype == torch.float32 and loss.item() == pytest.approx(model(**batch).loss.item(), rel=0.05)


@pytest.mark.parametrize("kernel", [1, 5])
def test_convolution_has_the_values_and_gradients_of_the_library(kernel):
    convolution = DepthwiseConvolution(6, kernel).double()
    hidden = torch.randn(2, 7, 6, dtype=torch.double, requires_grad=True)
    wanted = convolution._conv_forward(hidden.mT.unsqueeze(2), convolution.weight, convolution.bias).squeeze(2).mT
    inputs, gradient = (hidden, convolution.weight, convolution.bias), torch.randn_like(hidden)
    output = convolution(hidden)
    torch.testing.assert_close(output, wanted)
    torch.testing.assert_close(
        torch.autograd.grad(output, inputs, gradient), torch.autograd.grad(wanted, inputs, gradient)
    )
    with torch.no_grad():
        assert torch.equal(convolution(hidden), output)


@pytest.mark.parametrize("dtype", [torch.double, torch.float32, torch.bfloat16])
def test_norm_has_the_values_and_gradients_of_the_library(dtype):
    torch.manual_seed(0)
    norm = RMSNorm(6)
    torch.nn.init.normal_(norm.weight)
    norm.to(dtype)
    hidden = (torch.randn(2, 7, 6) * torch.tensor([1e-3, 1.0])[:, None, None]).to(dtype).requires_grad_()
    inputs, gradient = (hidden, norm.weight), torch.randn_like(hidden)
    output, wanted = norm(hidden), torch.nn.RMSNorm.forward(norm, hidden)
    torch.testing.assert_close(output, wanted)
    tolerance = {"rtol": 0.02, "atol": 0.02} if dtype == torch.bfloat16 else {}
    for ours, theirs in zip(
        torch.autograd.grad(output, inputs, gradient), torch.autograd.grad(wanted, inputs, gradient), strict=True
    ):
        torch.testing.assert_close(ours / theirs.std(), theirs / theirs.std(), **tolerance)


# -- durations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3])
def test_alignment_equals_a_double_loop(steps):
    model = tiny_model(upsampling_steps=steps)
    durations = torch.tensor([[1.5, 2.0, 0.5, 3.0], [4.0, 1.0, 0.0, 0.0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    model.upsampler.softness.data.fill_(0.3)
    softness = math.log1p(math.exp(0.3)) / (4 * steps)

    def sigmoid(value):
        return 1 / (1 + math.exp(-value))

    text, reads = torch.randn(2, 4, 16), torch.zeros(2, 7, steps, 16)
    for item, count in enumerate((4, 2)):
        ends = torch.cumsum(durations[item], 0).tolist()
        for frame in range(7):
            for step in range(steps):
                moment = frame + (step + 0.5) / steps
                weights = [
                    sigmoid((moment - end + duration.item()) / softness) * sigmoid((end - moment) / softness)
                    for end, duration in list(zip(ends, durations[item], strict=True))[:count]
                ]
                for i, weight in enumerate(weights):
                    reads[item, frame, step] += weight / sum(weights) * text[item, i]
    found = model.upsampler(text, durations, mask, 7)
    torch.testing.assert_close(found, model.upsampler.join(reads.flatten(2)), atol=1e-5, rtol=1e-4)
    weights = model.upsampler.alignment(durations, mask, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 7))
    torch.testing.assert_close(weights @ text, reads.mean(2), atol=1e-5, rtol=1e-4)


def test_a_character_rules_the_frames_of_its_duration():
    upsampler = tiny_model(upsampling_steps=1).upsampler
    weights = upsampler.alignment(torch.tensor([[4.0, 4.0, 4.0]]), torch.ones(1, 3), 12)[0]
    assert weights.argmax(-1).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    # however long its neighbours are
    weights = upsampler.alignment(torch.tensor([[0.01, 11.0, 0.99]]), torch.ones(1, 3), 12)[0]
    assert weights.argmax(-1).tolist() == [1] * 11 + [2]


def test_text_is_read_at_several_moments_of_a_frame():
    model = tiny_model(upsampling_steps=4)
    upsampler, mask, text = model.upsampler, torch.ones(1, 3), torch.randn(1, 3, 16)
    # So sharp that every moment reads one character.
    upsampler.softness.data.fill_(-5.0)
    durations = torch.tensor([[1.25, 0.5, 0.25]])
    reads = torch.tensor([[0, 0, 0, 0], [0, 1, 1, 2]])
    expected = torch.nn.functional.one_hot(reads, 3).float().mean(1)
    torch.testing.assert_close(upsampler.alignment(durations, mask, 2)[0], expected)
    joined = upsampler.join(text[0][reads].flatten(1))
    torch.testing.assert_close(upsampler(text, durations, mask, 2)[0], joined)
    # at one moment a frame, half a frame that moves within it is not seen
    once = tiny_model(upsampling_steps=1).upsampler
    once.softness.data.fill_(-5.0)
    other = torch.tensor([[1.0, 0.75, 0.25]])
    torch.testing.assert_close(once(text, durations, mask, 2), once(text, other, mask, 2))
    assert not torch.allclose(upsampler(text, durations, mask, 2), upsampler(text, other, mask, 2))


def test_duration_losses_are_zero_at_the_truth_and_grow_with_the_error():
    model = tiny_model()
    mask, lengths = torch.tensor([[1, 1, 1], [1, 1, 0]]), torch.tensor([6, 5])
    true = torch.tensor([[1.0, 2.0, 3.0], [4.0, 1.0, 0.0]])
    both, length = model._duration_losses(true, true, mask, lengths)
    assert both == pytest.approx(0, abs=1e-6) and length == pytest.approx(0, abs=1e-6)
    both, length = model._duration_losses(2 * true, true, mask, lengths)
    assert length == pytest.approx(math.log(2)) and both > length
    _, length = model._duration_losses(true.flip(1) * mask, true, mask, torch.tensor([6, 1]))
    assert length == pytest.approx(0, abs=1e-6)


def test_length_alignment_places_the_text_by_scaled_predictions():
    model = tiny_model(alignment="length")
    batch = random_batch(model.config)
    del batch["durations"]
    output = model(**batch)
    used = model._training_durations(output.durations, None, batch["attention_mask"], output.lengths)
    torch.testing.assert_close(used.sum(-1), output.lengths.float())
    output.loss.backward()
    assert model.upsampler.duration.weight.grad.abs().sum() > 0


# -- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, named",
    [
        (dict(input_ids=torch.full((2, 7), 20)), r"input_ids reach 20\.\.20, outside 0\.\.19; the tokenizer is not"),
        (dict(input_ids=torch.full((2, 7), -1)), r"input_ids reach -1"),
        (dict(input_ids=torch.zeros(2, 0, dtype=torch.long)), "not empty"),
        (dict(input_ids=torch.rand(2, 3)), r"must be integers .*, got torch\.float32"),
        (dict(input_ids=torch.zeros(2, 25, dtype=torch.long)), "25 characters, over max_text_length=24; split it"),
        (dict(attention_mask=torch.ones(2, 6)), r"attention_mask is \(2, 6\), input_ids \(2, 7\)"),
        (dict(attention_mask=torch.tensor([[1] * 7, [0] * 7])), "hides every character"),
        (dict(attention_mask=torch.tensor([[1] * 7, [0] + [1] * 6])), "before a real one; pad texts on the right"),
        (dict(speaker_id=torch.tensor([0, 3])), r"speaker_id=\[0, 3\] is outside 0\.\.2"),
        (dict(speaker_id=-1), "outside 0..2"),
        (dict(speaker_id=torch.tensor([0, 1, 2])), r"speaker_id=\[0, 1, 2\] must be one integer, or one for each of"),
        (dict(labels=torch.zeros(2, 4, 9, dtype=torch.long)), r"codebooks=5, frames\], got \(2, 4, 9\)"),
        (dict(labels=torch.zeros(5, 9, dtype=torch.long)), r"got \(5, 9\)"),
        (dict(labels=torch.full((2, 5, 9), 12)), r"labels reach 12\.\.12; codes are 0\.\.11, and -100"),
        (dict(labels=torch.full((2, 5, 9), -1)), r"labels reach -1\.\.-1"),
        (dict(labels=torch.full((2, 5, 9), -100), label_lengths=None), r"label_lengths=\[0, 0\].*drop clips"),
        (dict(label_lengths=torch.tensor([9, 10])), r"label_lengths=\[9, 10\] are outside 1\.\.9"),
        (dict(durations=None), 'trains on durations.*alignment="length"'),
        (dict(durations=torch.ones(2, 6)), r"durations are \(2, 6\), input_ids \(2, 7\)"),
    ],
)
def test_unfit_inputs_are_refused_by_value(changes, named):
    model = tiny_model()
    with pytest.raises(ValueError, match=named):
        model(**(random_batch(model.config) | changes))

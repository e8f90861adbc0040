"""Codebook heads: each against a slower way of computing the same, and against the codec's own quantisation."""

import pytest
import torch
import torch.nn.functional as F
from tiny import HEADS, random_batch, tiny_config, tiny_mimi, tiny_model

from tts_trm import TtsTrmCodec, TtsTrmCodecConfig, TtsTrmConfig, TtsTrmModel, modeling_tts_trm_heads
from tts_trm.modeling_tts_trm_heads import LinearCrossEntropy
from tts_trm.processing_tts_trm import codec_codebooks


def frames_and_codes(model, count=11, seed=3):
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    frames = torch.randn(count, config.audio_embed_dim, generator=generator)
    codes = torch.randint(0, config.codebook_size, (count, config.num_codebooks), generator=generator)
    return frames, codes


class Recorder:
    """A `choose` for `predict` that dictates the codes and keeps the logits it was shown."""

    def __init__(self, codes):
        self.codes, self.logits = codes, []

    def __call__(self, logits, codebook):
        self.logits.append(logits)
        return self.codes[:, codebook]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_one_teacher_forced_pass_equals_the_step_by_step_form(head, shared):
    model = tiny_model(codebook_head=head, share_output_heads=shared)
    frames, codes = frames_and_codes(model)
    recorder = Recorder(codes)
    predicted = model.head.predict(frames, recorder)
    torch.testing.assert_close(torch.stack(recorder.logits, 1), model.head.logits(frames, codes))
    assert torch.equal(predicted, codes)


@pytest.mark.parametrize("head", HEADS)
def test_greedy_prediction_is_its_own_teacher_forced_argmax(head):
    model = tiny_model(codebook_head=head)
    frames, _ = frames_and_codes(model)
    codes = model.head.predict(frames)
    assert torch.equal(model.head.logits(frames, codes).argmax(-1), codes)


@pytest.mark.parametrize("head", HEADS)
def test_loss_is_the_weighted_cross_entropy_of_the_logits(head):
    """Computed here at once from `[N, K, V]` logits; the head never holds them together."""
    model = tiny_model(codebook_head=head, latent_cross_entropy_weight=0.5)
    frames, codes = frames_and_codes(model)
    loss, codebook_losses = model.head.loss(frames, codes)
    expected = F.cross_entropy(model.head.logits(frames, codes).transpose(1, 2), codes, reduction="none").mean(0)
    torch.testing.assert_close(codebook_losses, expected)
    weighted = (expected * torch.tensor(model.config.normalized_codebook_weights)).mean()
    if head == "latent":
        error = (model.head.latent(frames) - model.head.target(codes)).abs()
        weighted = error.mean() / model.head.latent_deviation.mean() + 0.5 * weighted
    torch.testing.assert_close(loss, weighted)
    assert not codebook_losses.requires_grad


@pytest.mark.parametrize("rows", [3, 100])
def test_fused_cross_entropy_has_the_values_and_gradients_of_the_library(rows, monkeypatch):
    monkeypatch.setattr(modeling_tts_trm_heads, "LOGITS_IN_CACHE", rows)
    generator = torch.Generator().manual_seed(0)
    shapes = ((11, 6), (9, 6), (9,))
    inputs = [torch.randn(shape, generator=generator, dtype=torch.double, requires_grad=True) for shape in shapes]
    codes = torch.randint(0, 9, (11,), generator=generator)
    codes[[2, 7]] = -100
    loss = 3 * LinearCrossEntropy.apply(*inputs, codes)
    wanted = 3 * F.cross_entropy(F.linear(*inputs), codes, ignore_index=-100, reduction="sum")
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(torch.autograd.grad(loss, inputs), torch.autograd.grad(wanted, inputs))
    assert torch.autograd.gradcheck(lambda *values: LinearCrossEntropy.apply(*values, codes), inputs)
    # Exp of these would overflow.
    far = LinearCrossEntropy.apply(inputs[0] * 1e3, *inputs[1:], codes)
    torch.testing.assert_close(far, F.cross_entropy(F.linear(inputs[0] * 1e3, *inputs[1:]), codes, reduction="sum"))


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)], ids=str)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("head", ["depth", "parallel"])
def test_losses_in_parts_are_the_loss_at_once(head, shared, dtype, tolerance, monkeypatch):
    """In value and gradients, relative to their norms; codes of 0 count and missing ones do not."""
    # Sums of many parts.
    monkeypatch.setattr(modeling_tts_trm_heads, "LOGITS_IN_CACHE", 3)
    model = tiny_model(codebook_head=head, share_output_heads=shared).to(dtype)
    frames, codes = frames_and_codes(model, count=400)
    codes[::3], codes[5:9, 4] = 0, -100
    results = []
    for at_once in (False, True):
        model.zero_grad()
        inputs = frames.to(dtype).requires_grad_()
        if at_once:
            logits = model.head.logits(inputs, codes).float().transpose(1, 2)
            sums = F.cross_entropy(logits, codes, ignore_index=-100, reduction="none").sum(0)
            losses = sums / (codes >= 0).sum(0)
            loss = (losses * torch.tensor(model.config.normalized_codebook_weights)).mean()
        else:
            loss, losses = model.head.loss(inputs, codes)
        loss.backward()
        gradients = [inputs.grad, *(parameter.grad for parameter in model.head.parameters())]
        results.append([losses.detach(), *(gradient.float() for gradient in gradients)])
    for parts, whole in zip(*results, strict=True):
        assert (parts - whole).norm() <= tolerance * whole.norm()


@pytest.mark.parametrize("head", ["depth", "parallel"])
def test_an_evaluation_computes_no_gradients(head, monkeypatch):
    model = tiny_model(codebook_head=head).eval()
    frames, codes = frames_and_codes(model)
    codes[3:5, 1] = -100
    with_gradients = model.head.loss(frames, codes)
    monkeypatch.setattr(LinearCrossEntropy, "forward", None)
    with torch.no_grad():
        torch.testing.assert_close(model.head.loss(frames, codes), tuple(value.detach() for value in with_gradients))


@pytest.mark.parametrize("head", ["depth", "parallel"])
def test_missing_labels_change_nothing_for_the_others(head):
    model = tiny_model(codebook_head=head)
    frames, codes = frames_and_codes(model)
    holes = codes.clone()
    # The last codebook: no other one depends on it.
    holes[4:, 4] = -100
    _, losses = model.head.loss(frames, holes)
    logits = model.head.logits(frames, codes)
    torch.testing.assert_close(losses[4], F.cross_entropy(logits[:4, 4], codes[:4, 4]))
    torch.testing.assert_close(losses[:4], model.head.loss(frames, codes)[1][:4])
    holes[:, 4] = -100
    loss, losses = model.head.loss(frames, holes)
    assert losses[4] == 0 and loss.isfinite()


def test_latent_head_learns_from_completely_labelled_frames_only():
    head = tiny_model().head
    frames, codes = frames_and_codes(tiny_model())
    holes = codes.clone()
    holes[6:, 2] = -100
    torch.testing.assert_close(head.loss(frames, holes), head.loss(frames[:6], codes[:6]))
    torch.testing.assert_close(head.relative_error(frames, holes), head.relative_error(frames[:6], codes[:6]))
    holes[:, 2] = -100
    with pytest.raises(ValueError, match="label in every codebook"):
        head.loss(frames, holes)


def test_depth_head_sees_the_lower_codes_and_no_others():
    model = tiny_model(codebook_head="depth")
    frames, codes = frames_and_codes(model)
    changed = codes.clone()
    changed[:, 2] = (changed[:, 2] + 1) % model.config.codebook_size
    difference = (model.head.logits(frames, codes) - model.head.logits(frames, changed)).abs().amax((0, 2))
    assert difference[:3].max() == 0 and difference[3:].min() > 1e-4
    parallel = tiny_model(codebook_head="parallel").head
    assert torch.equal(parallel.logits(frames, codes), parallel.logits(frames, changed))


def test_shared_projection_distinguishes_codebooks_by_more_than_a_constant():
    model = tiny_model(codebook_head="parallel", share_output_heads=True)
    frames, codes = frames_and_codes(model)
    logits = model.head.logits(frames, codes).log_softmax(-1)
    shift = logits[:, 1] - logits[:, 0]
    assert (shift - shift.mean(-1, keepdim=True)).abs().max() > 1e-3


def test_fine_codebooks_are_trained_on_a_fraction_of_the_frames_yet_all_of_them():
    model = tiny_model(codebook_head="depth", fine_codebook_start=2, fine_frame_fraction=0.25).train()
    frames, codes = frames_and_codes(model, count=16)
    frames.requires_grad_()
    model.head.loss(frames, codes)[0].backward()
    assert all(projection.weight.grad.abs().sum() > 0 for projection in model.head.output)
    _, losses = model.head.loss(frames, codes)
    _, other_losses = model.head.loss(frames, codes)
    # Coarse ones see every frame.
    torch.testing.assert_close(losses[:2], other_losses[:2])
    # Fine ones another quarter each time.
    assert not torch.allclose(losses[2:], other_losses[2:])
    model.eval()
    torch.testing.assert_close(model.head.loss(frames, codes), model.head.loss(frames, codes))
    full = F.cross_entropy(model.head.logits(frames, codes).transpose(1, 2), codes, reduction="none").mean(0)
    torch.testing.assert_close(model.head.loss(frames, codes)[1], full)


# -- the latent head and the codecs -------------------------------------------------------------------------------


def latent_model(codec) -> TtsTrmModel:
    """A model whose latent head speaks the language of `codec`."""
    codebooks, chains = codec_codebooks(codec)
    levels, size, entry = codebooks.shape
    torch.manual_seed(0)
    config = tiny_config(num_codebooks=levels, codebook_size=size, codebook_entry_dim=entry, codebook_chains=chains)
    model = TtsTrmModel(config).eval()
    model.head.set_codebooks(codebooks, torch.zeros(entry * len(chains)), torch.ones(entry * len(chains)))
    return model


def test_sharpened_latents_have_the_variance_that_was_measured():
    model = tiny_model()
    head, frames, lengths = model.head, torch.randn(9, 16), torch.tensor([5, 4])
    plain, speakers = head.latent(frames), torch.tensor([2, 0])
    squares = torch.stack([(clip - clip.mean(0)).square().sum(0) for clip in plain.split([5, 4])])
    wanted = squares * torch.linspace(0.5, 4, 12)
    true, predicted = torch.zeros(3, 12), torch.zeros(3, 12)
    true[speakers], predicted[speakers] = wanted, squares
    head.set_gain(true, predicted)
    sharp = head.spread(plain, head.gain(speakers, 1.0), lengths)
    for clip, before, after, square in zip((0, 1), plain.split([5, 4]), sharp.split([5, 4]), wanted, strict=True):
        torch.testing.assert_close((after - after.mean(0)).square().sum(0), square.maximum(squares[clip]))
        torch.testing.assert_close(after.mean(0), before.mean(0))
    # a speaker of whom nothing was measured
    torch.testing.assert_close(head.latent_gain[1], (wanted.sum(0) / squares.sum(0)).sqrt().clamp(1, 2.5))
    assert head.gain(speakers, 0.0) is None
    torch.testing.assert_close(head.spread(plain, head.gain(speakers, 0.5), lengths), (plain + sharp) / 2)
    codes = head.predict(frames, gain=head.gain(speakers, 1.0), lengths=lengths)
    assert torch.equal(codes, head.quantize(sharp)) and not torch.equal(codes, head.predict(frames))
    head.set_gain(torch.full((3, 12), 1e3), torch.full((3, 12), 1e-9))
    # A dimension that is not predicted stays finite.
    assert (head.latent_gain == 2.5).all()


def test_latent_codes_are_the_offline_codecs_quantisation():
    torch.manual_seed(0)
    codec = TtsTrmCodec(TtsTrmCodecConfig(codebook_size=24, num_quantizers=6, latent_dim=20, num_layers=1)).eval()
    model = latent_model(codec)
    assert model.config.codebook_chains == [6]
    frames, _ = frames_and_codes(model, count=40)
    latent = model.head.latent(frames)
    residual, expected = latent, []
    for entries in codec.codebooks:
        expected.append(torch.cdist(residual, entries).argmin(-1))
        residual = residual - entries[expected[-1]]
    codes = model.head.predict(frames)
    assert torch.equal(codes, torch.stack(expected, -1))
    # what the codec decodes from these codes is what the head says they mean
    torch.testing.assert_close(
        codec.decode_latent(model.head.target(codes)[None])[:, None], codec.decode(codes.T[None]).audio_values
    )


def test_latent_codes_are_mimis_quantisation_in_both_chains():
    codec = tiny_mimi()
    model = latent_model(codec)
    assert model.config.codebook_chains == [1, 7]
    quantizer = codec.quantizer
    embeddings = torch.randn(1, 64, 50, generator=torch.Generator().manual_seed(5))
    chains = (quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer)
    with torch.no_grad():
        # [T, K], by Mimi itself.
        expected = quantizer.encode(embeddings)[:, 0].T
        # [T, 2 * 32].
        latent = torch.cat([chain.input_proj(embeddings)[0].T for chain in chains], -1)
        codes = model.head.quantize(latent)
        decoded = sum(
            chain.output_proj(part.T[None])
            for chain, part in zip(chains, model.head.target(codes).split(32, -1), strict=True)
        )
        torch.testing.assert_close(decoded, quantizer.decode(codes.T[None]))
    assert torch.equal(codes, expected)


def test_latent_head_predicts_in_float32_whatever_computes():
    model = tiny_model()
    frames, codes = frames_and_codes(model)
    latent = model.head.latent(frames)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model.head.quantize(latent), model.head.quantize(latent.float()))
        logits = model.head._true_logits(latent, codes).transpose(0, 1)
    torch.testing.assert_close(logits, model.head.logits(frames, codes))
    half = tiny_model().bfloat16()
    assert half.head.latent(frames.bfloat16()).dtype == torch.float32
    assert half.head.loss(frames.bfloat16(), codes)[0].isfinite()
    assert half.head.logits(frames.bfloat16(), codes).isfinite().all()


def test_codebooks_of_another_codec_are_refused():
    head = tiny_model().head
    with pytest.raises(ValueError, match=r"\(5, 12, 7\).*\(5, 12, 6\).*codebook_entry_dim"):
        head.set_codebooks(torch.zeros(5, 12, 7), torch.zeros(12), torch.ones(12))


def test_codebooks_and_statistics_survive_saving(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    loaded = TtsTrmModel.from_pretrained(tmp_path)
    for name in ("codebooks", "latent_mean", "latent_deviation", "log_precision"):
        assert torch.equal(getattr(loaded.head, name), getattr(model.head, name)), name


# -- learning -----------------------------------------------------------------------------------------------------


def overfit(model, batch, learned, steps: int, learning_rate: float = 1e-2, gradient: bool = False):
    """Trains until `learned(frames [N, D], codes [N, K])`, asked every tenth step, and a tenth of the loss is left.

    With `gradient`, of its norm as well. Fails after `steps`.
    """
    mask = batch["labels"][:, 0] >= 0
    codes = batch["labels"].transpose(1, 2)[mask]
    parameters = list(model.train().parameters())
    optimizer, first = torch.optim.Adam(parameters, learning_rate), None
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1, (step + 1) / 20) * (1 - step / steps)
        output = model(**batch)
        optimizer.zero_grad()
        output.codebook_loss.backward(retain_graph=True)
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        now = torch.stack((output.codebook_loss.detach(), norm))[: 2 if gradient else 1]
        first = now if first is None else first
        if step % 10 == 9 and (now < 0.1 * first).all() and learned(output.last_hidden_state[mask].detach(), codes):
            return
        if model.config.duration_loss_weight and output.duration_loss is not None:
            (model.config.duration_loss_weight * output.duration_loss).backward()
        optimizer.step()
    pytest.fail(f"not learned in {steps} steps; loss and gradient are {(now / first).tolist()} of the first")


OVERFIT_SIZES = dict(
    num_codebooks=32, codebook_size=16, text_embed_dim=32, audio_embed_dim=32, hidden_dim=64, l_layers=1, l_cycles=1
)


@pytest.mark.parametrize(
    "changes",
    [
        dict(codebook_head="depth"),
        dict(codebook_head="parallel"),
        dict(codebook_head="parallel", alignment="none", answer_injection="cross_attention"),
    ],
    ids=["depth", "parallel", "specification with positions"],
)
def test_projection_heads_learn_every_code_of_two_clips(changes):
    model = tiny_model(**OVERFIT_SIZES, **changes)
    batch = random_batch(model.config, characters=(4, 3), frames=(4, 3))
    overfit(
        model,
        batch,
        lambda frames, codes: (model.head.predict(frames) == codes).float().mean() > 0.99,
        300,
        gradient=True,
    )


@pytest.mark.parametrize("chains", [[32], [1, 31]], ids=["one chain", "Mimi's chains"])
def test_latent_head_learns_two_clips(chains):
    model = tiny_model(**OVERFIT_SIZES, codebook_chains=chains)
    batch = random_batch(model.config, characters=(4, 3), frames=(4, 3))
    head, mask = model.head, batch["labels"][:, 0] >= 0
    generator = torch.Generator().manual_seed(2)
    codes = head.quantize(torch.randn(7, head.latent_mean.numel(), generator=generator))
    # Codes that belong together, as a codec's do.
    batch["labels"].transpose(1, 2)[mask] = codes
    head.set_codebooks(head.codebooks.clone(), head.target(codes).mean(0), head.target(codes).std(0))

    def learned(frames, codes):
        right = (head.predict(frames) == codes)[:, 0].float().mean()
        return head.relative_error(frames, codes) < 0.01 and right > 0.99

    overfit(model, batch, learned, 300, learning_rate=2e-2)


@pytest.mark.parametrize("head", HEADS)
def test_code_zero_is_learned_like_any_other(head):
    model = tiny_model(codebook_head=head)
    batch = random_batch(model.config)
    codes = torch.zeros(1, model.config.num_codebooks, dtype=torch.long)
    # Such codes as the codec's search may give: zero in the first level of each chain.
    if head == "latent":
        codes = model.head.quantize(torch.cat([model.head.codebooks[0, 0], model.head.codebooks[1, 0]])[None])
        assert (codes[0, :2] == 0).all()
    batch["labels"] = torch.where(batch["labels"] >= 0, codes[..., None], -100)

    def learned(frames, codes):
        loss, _ = model.head.loss(frames, codes)
        return torch.equal(model.head.predict(frames), codes) and loss < 0.3

    overfit(model, batch, learned, 100)


def test_default_configuration_has_a_latent_head_without_output_matrices():
    assert TtsTrmConfig().codebook_head == "latent"
    parameters = sum(parameter.numel() for parameter in tiny_model().head.parameters())
    assert parameters < 400

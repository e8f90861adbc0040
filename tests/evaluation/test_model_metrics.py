"""What is measured on held-out sentences."""

import pytest
import torch
from tiny import HEADS, item_of, random_batch, tiny_model

from tts_trm.evaluation.model_metrics import codebook_measures, evaluate, measure_gain


def test_wrong_texts_cost_a_model_that_reads():
    model = tiny_model(codebook_head="depth").train()
    batch = random_batch(model.config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    fresh = evaluate(model, [batch], "cpu")
    for _ in range(80):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    measured = evaluate(model, [batch], "cpu")
    assert model.training
    assert measured["shuffled_text_loss"] > 2 * measured["loss"]
    assert fresh["shuffled_text_loss"] < 1.2 * fresh["loss"]
    assert measured["codebook_0_accuracy"] > fresh["codebook_0_accuracy"]
    assert {f"codebook_loss/{c:02d}" for c in range(5)} | {"cycle_loss/1", "cycle_loss/2", "length_error"} <= set(
        measured
    )
    # A clip alone has no other text.
    one = {name: value[:1] for name, value in batch.items()}
    assert "shuffled_text_loss" not in evaluate(model, [one], "cpu")
    # two processes, one of them without a batch
    nothing = evaluate(model, [], "cpu", lambda sums: [{"loss": (0.0, 1.0)}, sums])
    assert nothing == {"loss": 0.0}


def test_how_far_cycles_and_neighbouring_frames_differ():
    model = tiny_model(h_cycles=3)
    batch = random_batch(model.config)
    measured = evaluate(model, [batch], "cpu")
    with torch.no_grad():
        output = model(**batch, return_cycles=True)
    assert [measured[f"cycle_change/{cycle}"] for cycle in (2, 3)] == pytest.approx(output.cycle_changes.tolist())
    cosines = [
        torch.nn.functional.cosine_similarity(answer[frame], answer[frame - 1], 0).item()
        for answer, length in zip(output.last_hidden_state, (9, 6), strict=True)
        for frame in range(1, length)
    ]
    assert measured["frame_cosine"] == pytest.approx(sum(cosines) / 13)
    # without positions and alignment nothing tells one frame from another
    blind = tiny_model(alignment="none", frame_positions=False, convolution_kernel=0)
    assert evaluate(blind, [random_batch(blind.config)], "cpu")["frame_cosine"] == pytest.approx(1)
    single = random_batch(model.config, characters=(3, 2), frames=(1, 1))
    assert "frame_cosine" not in evaluate(model, [single], "cpu")


@pytest.mark.parametrize("head", HEADS)
def test_codebooks_are_measured_frame_by_frame(head):
    model = tiny_model(codebook_head=head)
    batch = random_batch(model.config)
    measured = codebook_measures(model, [batch])
    labels, lengths = batch["labels"], batch["label_lengths"]
    with torch.no_grad():
        # [B, K, T, V].
        logits = model(**batch, return_logits=True).logits
    real = torch.arange(labels.shape[-1]) < lengths[:, None]
    for codebook in range(5):
        truth, scores = labels[:, codebook][real], logits[:, codebook][real]
        entropy = torch.nn.functional.cross_entropy(scores, truth)
        assert measured["cross_entropy"][codebook] == pytest.approx(entropy.item(), rel=1e-4)
        assert measured["accuracy"][codebook] == pytest.approx((scores.argmax(-1) == truth).float().mean().item())
    # clips alone count by their frames
    alone = codebook_measures(model, [item_of(batch, 0, 7, 9), item_of(batch, 1, 4, 6)])
    assert alone["cross_entropy"] == pytest.approx(measured["cross_entropy"], rel=1e-4)
    with pytest.raises(ValueError, match="no batch"):
        codebook_measures(model, [])


def test_gain_is_that_of_the_deviations_about_each_clips_mean():
    model = tiny_model()
    batch = random_batch(model.config)
    # A frame without all its codes has no latent.
    batch["labels"][0, 2, 3] = -100
    with torch.no_grad():
        answers = model(**batch).last_hidden_state
    squares = torch.zeros(2, 3, 12)
    for item, kept in enumerate(([0, 1, 2, 4, 5, 6, 7, 8], list(range(6)))):
        true = model.head.target(batch["labels"][item][:, kept].T)
        predicted = model.head.latent(answers[item][kept]).detach()
        for row, latent in enumerate((true, predicted)):
            squares[row, item] += latent.var(0, correction=0) * len(kept)
    # The third speaker is not in the batch.
    squares[:, 2] = squares.sum(1)
    measure_gain(model.train(), [batch], "cpu")
    assert model.training and batch["speaker_id"].tolist() == [0, 1]
    torch.testing.assert_close(model.head.latent_gain, (squares[0] / squares[1]).sqrt().clamp(1, 2.5))
    # As two processes measure it.
    half = [item_of(batch, 0, 7, 9)], [item_of(batch, 1, 4, 6)]
    expected = model.head.latent_gain.clone()
    parts = []
    measure_gain(model, half[0], "cpu", lambda sums: parts.append(sums) or [sums])
    measure_gain(model, half[1], "cpu", lambda sums: [*parts, sums])
    torch.testing.assert_close(model.head.latent_gain, expected)
    depth = tiny_model(codebook_head="depth")
    measure_gain(depth, [random_batch(depth.config)], "cpu")  # which has none

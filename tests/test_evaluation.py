"""What is measured on held-out sentences."""

import pytest
import torch
from tiny import HEADS, item_of, random_batch, tiny_model

from tts_trm.training.evaluation import codebook_measures, evaluate


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
    one = {name: value[:1] for name, value in batch.items()}  # a clip alone has no other text
    assert "shuffled_text_loss" not in evaluate(model, [one], "cpu")
    # two processes, one of them without a batch
    nothing = evaluate(model, [], "cpu", lambda sums: [{"loss": (0.0, 1.0)}, sums])
    assert nothing == {"loss": 0.0}


@pytest.mark.parametrize("head", HEADS)
def test_codebooks_are_measured_frame_by_frame(head):
    model = tiny_model(codebook_head=head)
    batch = random_batch(model.config)
    measured = codebook_measures(model, [batch])
    labels, lengths = batch["labels"], batch["label_lengths"]
    with torch.no_grad():
        logits = model(**batch, return_logits=True).logits  # [B, K, T, V]
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

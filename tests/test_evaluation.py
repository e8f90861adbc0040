"""What is measured on held-out sentences."""

import torch
from tiny import random_batch, tiny_model

from tts_trm.training.evaluation import evaluate


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

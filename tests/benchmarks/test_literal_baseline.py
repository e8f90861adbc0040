"""The fast training pass and the original specification's literal one are the same function."""

import torch
from tiny import random_batch, tiny_config

from tts_trm import TtsTrmConfig, TtsTrmModel
from tts_trm.benchmarks.common.literal_baseline import LiteralSpecification

# the original specification's cycles and blocks, in small
SMALL = tiny_config(h_cycles=3, l_cycles=6, l_layers=2).to_dict()
SIZES = (
    "vocab_size num_speakers text_embed_dim audio_embed_dim hidden_dim text_layers l_layers h_cycles l_cycles "
    "num_heads num_codebooks codebook_size codebook_dim codebook_entry_dim speaker_dim max_text_length max_audio_frames"
).split()


def test_losses_and_gradients_are_those_of_the_literal_specification():
    config = TtsTrmConfig.from_specification(**{name: SMALL[name] for name in SIZES})
    torch.manual_seed(0)
    fast = TtsTrmModel(config).train()
    literal = LiteralSpecification(config).train()
    literal.load_state_dict(fast.state_dict())
    batch = random_batch(config, characters=(7, 4, 5), frames=(9, 6, 2))
    batch.pop("durations")
    outputs = [model(**batch) for model in (fast, literal)]
    torch.testing.assert_close(outputs[0].loss, outputs[1].loss)
    torch.testing.assert_close(outputs[0].codebook_losses, outputs[1].codebook_losses)
    for output in outputs:
        output.loss.backward()
    gradients = dict(literal.named_parameters())
    for name, parameter in fast.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name].grad, rtol=1e-4, atol=1e-6, msg=name)
    assert sum(parameter.grad.abs().sum() > 0 for parameter in fast.parameters()) == len(list(fast.parameters()))

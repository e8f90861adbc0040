"""What the compiler makes of the recursion: one graph for all sizes, with the gradients of the plain form.

The export of the whole model with any number of characters and frames is tested in test_onnx.py.
"""

import pytest
import torch
from tiny import INJECTIONS, tiny_model
from torch._dynamo.testing import CompileCounterWithBackend
from transformers.masking_utils import create_bidirectional_mask

SIZES = [(2, 5, 9), (3, 7, 12), (2, 11, 17), (4, 6, 24)]  # batch, characters, frames


def block_inputs(model, batch: int, characters: int, frames: int) -> tuple:
    """Inputs of a block as the recursion makes them, all items but the first padded; and what has gradients."""
    generator = torch.Generator().manual_seed(0)
    z, y, text = (
        torch.randn(batch, size, 16, generator=generator).requires_grad_() for size in (frames, frames, characters)
    )
    text_mask, frame_mask = (
        (torch.arange(size) < torch.tensor([size] + [size - 2] * (batch - 1))[:, None]).long()
        for size in (characters, frames)
    )
    masks = (
        create_bidirectional_mask(model.config, z, text_mask, encoder_hidden_states=text),
        create_bidirectional_mask(model.config, z, frame_mask),
    )
    block = model.recursion.blocks[0]
    keys_values, answer = block.text_attention.keys_values(text), block.answer(y)
    return (z, *masks, frame_mask[..., None].float(), *keys_values, *answer), (z, y, text)


@pytest.mark.parametrize("injection, implementation", list(zip(INJECTIONS, ("sdpa", "eager"), strict=True)))
def test_a_block_compiles_whole_and_at_most_once_a_size(injection, implementation):
    model = tiny_model(answer_injection=injection)
    model.set_attn_implementation(implementation)
    block = model.recursion.blocks[0]
    torch._dynamo.reset()
    # captures forward and backward pass; the code that the default backend makes of them takes minutes
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(block, fullgraph=True, backend=counter)
    # The second time nothing is compiled.
    for sizes in (*SIZES, *SIZES):
        results = []
        for function in (block, compiled):
            inputs, leaves = block_inputs(model, *sizes)
            block.zero_grad()
            output = function(*inputs)
            (output * torch.arange(output.numel()).view_as(output).sin()).sum().backward()
            gradients = {name: p.grad for name, p in block.named_parameters() if p.grad is not None}
            results.append((output.detach(), [leaf.grad for leaf in leaves], gradients))
        torch.testing.assert_close(results[1], results[0], atol=1e-4, rtol=1e-4)
    assert 1 <= counter.frame_count <= len(SIZES)

"""Random numbers of a run: a seed for each process, and their state in a checkpoint."""

import torch
from accelerate.utils import set_seed

# -- random numbers -------------------------------------------------------------------------------------------------


def seed_process(seed: int, rank: int) -> None:
    """Every process its own random numbers, for dropout."""
    set_seed(seed + rank)


def random_state(device: torch.device) -> torch.Tensor:
    """The state of the random numbers that training draws, CPU and then GPU, as bytes."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return torch.cat(states)


def restore_random_state(state: torch.Tensor, device: torch.device) -> None:
    """Puts back what `random_state` returned."""
    size = len(torch.get_rng_state())
    torch.set_rng_state(state[:size])
    if device.type == "cuda" and len(state) > size:
        torch.cuda.set_rng_state(state[size:], device)

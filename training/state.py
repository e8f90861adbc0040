"""The state of a run: what checkpoints hold besides tensors, and what a resumed run takes from them."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class RunState:
    """The counters of a run, and what it has measured.

    Attributes:
        step: optimizer steps done.
        epoch, batch_in_epoch: the place in the data: passes done, and batches done of the one that is going on.
        skipped: steps in a row, up to now, that were left out because their gradient was not finite.
        best_loss: lowest loss on the held-out sentences so far, infinite before the first evaluation.
        metrics: of the last evaluation.
        held_out: hash of the sentences that `best_loss` is of, None in checkpoints of before there was one.
        losses: of the steps since the last log line, on this process.
    """

    step: int = 0
    epoch: int = 0
    batch_in_epoch: int = 0
    skipped: int = 0
    best_loss: float = math.inf
    held_out: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    losses: list[torch.Tensor] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it. The losses are a process's own: the run gathers them from all of them."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "batch_in_epoch": self.batch_in_epoch,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "held_out": self.held_out,
            "metrics": self.metrics,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any], losses: list[torch.Tensor]) -> "RunState":
        """What [`to_dict`] gave, and the losses of this process."""
        best = math.inf if state["best_loss"] is None else state["best_loss"]
        return cls(
            step=state["step"],
            epoch=state["epoch"],
            batch_in_epoch=state["batch_in_epoch"],
            best_loss=best,
            held_out=state.get("held_out"),
            metrics=state["metrics"],
            losses=losses,
        )

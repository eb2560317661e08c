"""MADGRAD: steps from where learning began, by the sum of all gradients.

Defazio and Jelassi, "Adaptivity without Compromise: A Momentumized, Adaptive, Dual Averaged Gradient Method",
2021, arXiv:2101.11075, algorithm 1.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

TINY = 1e-6


class Madgrad(torch.optim.Optimizer):
    """``z = start - s / (v^(1/3) + tiny)``, where ``s`` and ``v`` sum gradients and their squares.

    Both are weighed by ``rate * sqrt(k + 1)``; parameters move a tenth of the way to ``z``.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float = 0.0, momentum: float = 0.9) -> None:
        self.decay, self.momentum = decay, momentum
        super().__init__(list(parameters), {"lr": 1.0})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One update by the gradients there are."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, float(group["lr"]))

    def _move(self, p: Tensor, rate: float) -> None:
        own = self.state[p]
        if not own:
            own["step"] = torch.zeros(())
            own["start"] = p.detach().clone()
            own["sum"], own["squares"] = torch.zeros_like(p), torch.zeros_like(p)
        grad = p.grad if p.grad is not None else torch.zeros_like(p)
        grad = grad + self.decay * p
        share = (rate + TINY) * float(own["step"] + 1) ** 0.5
        own["step"] += 1
        own["squares"].addcmul_(grad, grad, value=share)
        own["sum"].add_(grad, alpha=share)
        goal = own["start"] - own["sum"] / (own["squares"].pow(1 / 3) + TINY)
        p.lerp_(goal, 1 - self.momentum)

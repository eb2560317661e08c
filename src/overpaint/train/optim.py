# pyright: reportPrivateUsage=false
"""Optimiser and running average of the trainers.

Matrices and convolution kernels are updated by orthogonalised momentum (Muon: Jordan et al. 2024, scaled to
the size of Adam's updates as in Liu et al. 2025, arXiv 2502.16982), everything else by AdamW.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.clip_grad import clip_grad_norm_

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


@dataclass(frozen=True)
class Rates:
    """What drives one stage's optimiser. `lr` is the peak rate of both kinds of update."""

    lr: float
    warmup: int = 200
    cooldown: float = 0.3
    """Share of the steps, at the end, over which the rate falls linearly to a fiftieth."""
    decay: float = 0.01
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    muon: bool = True
    ema: float = 0.999
    """Decay of the running average; 0 keeps none."""
    shrink: float = 0.0
    """Weight decay of what AdamW updates."""

    def at(self, step: int, steps: int) -> float:
        """The rate of one step of `steps`."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        fall = (steps - step) / max(1.0, self.cooldown * steps)
        return self.lr * min(rise, max(0.02, min(1.0, fall)))


class Optimiser:
    """AdamW and Muon over the parameters of several networks, with a state of plain named tensors."""

    def __init__(self, nets: Mapping[str, nn.Module], rates: Rates) -> None:
        self.rates = rates
        self.named = {
            f"{net}.{name}": p
            for net, module in nets.items()
            for name, p in module.named_parameters()
            if p.requires_grad
        }
        flat = [name for name, p in self.named.items() if rates.muon and _is_matrix(name, p)]
        self.groups = _by_shape((name, self.named[name]) for name in flat)
        self.rest = [p for name, p in self.named.items() if name not in set(flat)]
        self.adam = torch.optim.AdamW(self.rest, rates.lr, rates.betas, weight_decay=rates.shrink, fused=True)
        self.momentum = {name: torch.zeros_like(self.named[name]) for name in flat}

    def step(self, step: int, steps: int) -> None:
        """Clip, update and clear the gradients."""
        clip_grad_norm_(self.named.values(), self.rates.clip, foreach=True)
        rate = self.rates.at(step, steps)
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        for names in self.groups:
            self._orthogonal(names, rate)
        for p in self.named.values():
            p.grad = None

    @torch.no_grad()
    def _orthogonal(self, names: list[str], rate: float) -> None:
        weights: list[Tensor] = [self.named[name] for name in names]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]
        momenta = [self.momentum[name] for name in names]
        torch._foreach_lerp_(momenta, grads, 0.05)
        ahead = torch.stack([g.lerp(m, 0.95).flatten(1) for g, m in zip(grads, momenta, strict=True)])
        update = _orthogonalised(ahead)
        scale = 0.2 * math.sqrt(max(update.shape[-2:]))
        torch._foreach_mul_(weights, 1 - rate * self.rates.decay)
        torch._foreach_add_(
            weights, [u.view_as(p) for u, p in zip(update, weights, strict=True)], alpha=-rate * scale
        )

    def state(self) -> dict[str, Tensor]:
        """Everything a resumed run needs, by name."""
        state = {f"momentum/{name}": value for name, value in self.momentum.items()}
        for index, slots in self.adam.state_dict()["state"].items():
            state |= {f"adam/{index}/{slot}": value for slot, value in slots.items()}
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up the state that `state` gave."""
        slots: dict[int, dict[str, Tensor]] = defaultdict(dict)
        for key, value in state.items():
            if key.startswith("momentum/"):
                self.momentum[key.removeprefix("momentum/")].copy_(value)
            elif key.startswith("adam/"):
                _, index, slot = key.split("/")
                slots[int(index)][slot] = value
        whole = self.adam.state_dict()
        self.adam.load_state_dict({**whole, "state": dict(slots)})


def _is_matrix(name: str, p: Tensor) -> bool:
    """Whether orthogonal updates suit: no vectors, tables of embeddings, first or last layers."""
    edges = ("embedding", "conv_in", "conv_out", "head", "projection")
    return p.ndim >= 2 and min(p.shape[0], p[0].numel()) >= 8 and not any(edge in name for edge in edges)


def _by_shape(named: Iterable[tuple[str, Tensor]]) -> list[list[str]]:
    groups: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, p in named:
        groups[tuple(p.shape)].append(name)
    return list(groups.values())


def _orthogonalised(matrices: Tensor) -> Tensor:
    """The nearest matrices with equal singular values, by five Newton-Schulz steps; "n rows columns"."""
    a, b, c = _NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    x = x.bfloat16() if x.is_cuda else x
    for _ in range(5):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


class Average:
    """Exponential moving average of the weights, warmed up as min(decay, (1 + n) / (10 + n))."""

    def __init__(self, nets: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.live = {
            f"{net}.{name}": value
            for net, module in nets.items()
            for name, value in module.state_dict(keep_vars=True).items()
            if decay and value.is_floating_point() and _moves(value)
        }
        self.mean = {name: value.detach().clone() for name, value in self.live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the weights after `step`."""
        if not self.live:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.mean.values()), list(self.live.values()), 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and average; a second call puts them back."""
        for name, value in self.live.items():
            kept = value.detach().clone()
            value.copy_(self.mean[name])
            self.mean[name].copy_(kept)


def _moves(value: Tensor) -> bool:
    """Whether training changes it: buffers, and parameters that are not frozen."""
    return value.requires_grad or not isinstance(value, nn.Parameter)

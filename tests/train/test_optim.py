"""Orthogonal updates and the running average."""

from __future__ import annotations

import torch
from torch import nn

from overpaint.train.nets import seeded
from overpaint.train.optim import Average, Optimiser, Rates


def test_the_rate_rises_holds_and_falls() -> None:
    rates = Rates(1.0, warmup=10, cooldown=0.5)
    assert rates.at(0, 100) == 0.1
    assert rates.at(30, 100) == 1.0
    assert rates.at(75, 100) == 0.5
    assert rates.at(99, 100) == 0.02


def test_matrices_move_by_orthogonal_steps() -> None:
    with seeded(0):
        net = nn.Linear(32, 16)
    before = net.weight.detach().clone()
    optimiser = Optimiser({"net": net}, Rates(0.1, warmup=0, decay=0.0, clip=1e9))
    inputs = torch.randn(64, 32, generator=torch.Generator().manual_seed(0))
    (net(inputs) ** 2).mean().backward()  # pyright: ignore[reportUnknownMemberType]
    optimiser.step(0, 100)
    moved = (net.weight.detach() - before) / (0.1 * 0.2 * 32**0.5)
    squared = moved @ moved.T
    # All singular values near 1: the square is near the identity.
    assert float((squared - torch.eye(16)).abs().max()) < 0.7
    assert 0.4 < float(squared.diagonal().min())
    assert net.weight.grad is None


def test_first_and_last_layers_and_vectors_are_left_to_adam() -> None:
    net = nn.ModuleDict(
        {"conv_in": nn.Conv2d(8, 8, 3), "middle": nn.Conv2d(8, 8, 3), "head": nn.Linear(8, 8)}
    )
    optimiser = Optimiser({"net": net}, Rates(0.1))
    assert list(optimiser.momentum) == ["net.middle.weight"]


def test_the_average_follows_the_weights() -> None:
    net = nn.Linear(2, 2)
    average = Average({"net": net}, 0.9)
    with torch.no_grad():
        net.weight.fill_(1.0)
    old = average.mean["net.weight"].clone()
    average.update(1000)
    assert torch.allclose(average.mean["net.weight"], 0.9 * old + 0.1)

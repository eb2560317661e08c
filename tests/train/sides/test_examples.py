"""Levels and sentences of a batch are drawn as published, and depend on the step alone."""

import torch
from tests.kit import shared

from overpaint.network import together
from overpaint.train.sides.examples import cubic, dropped, uniform


def test_cubic_levels_have_the_published_distribution() -> None:
    chance = (torch.arange(100_000) + 0.5) / 100_000
    share = cubic(chance, 1000).double() / 1000
    assert abs(float(share.mean()) - 0.75) < 0.01 and int(cubic(torch.zeros(1), 1000)) == 999
    assert abs(float((share > 0.5).double().mean()) - 0.794) < 0.002
    assert abs(float((share < 0.1).double().mean()) - 0.035) < 0.002
    sorted_share = share.sort().values
    wanted = 1 - (1 - sorted_share).clamp(min=0) ** (1 / 3)  # the distribution function
    apart = (wanted - (torch.arange(100_000) + 0.5) / 100_000).abs().max()
    assert float(apart) < 0.1 and float((wanted - chance).abs().mean()) < 0.01


def test_uniform_levels_miss_nothing() -> None:
    chance = (torch.arange(1000) + 0.5) / 1000
    assert torch.equal(uniform(chance, 1000), torch.arange(1000))
    assert int(uniform(torch.tensor([0.99999999]), 1000)) == 999


def test_dropped_sentences_are_those_of_no_prompt() -> None:
    family = shared("sdxl").family
    text = together([family.text("a cat"), family.text("a dog")])
    null = family.null()
    half = dropped(text, null, torch.tensor([True, False]))
    assert torch.equal(half.states[:1], null.states) and torch.equal(half.states[1:], text.states[1:])
    assert half.pooled is not None and text.pooled is not None and null.pooled is not None
    assert torch.equal(half.pooled[:1], null.pooled) and torch.equal(half.pooled[1:], text.pooled[1:])

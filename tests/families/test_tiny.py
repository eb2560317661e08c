"""Tiny networks: deterministic, small, and with a tokenizer that splits words."""

from typing import Any

import pytest
import torch
from tests.kit import shared

from overpaint.families.tiny import SHAPES, fill, tiny, tiny_tokenizer


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tiny_model_is_the_same_every_time(shape: Any) -> None:
    one = tiny(shape)
    torch.rand(3)  # whatever the global generator is at
    assert one.fingerprint == tiny(shape).fingerprint


def test_building_one_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    tiny("sdxl")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", SHAPES)
def test_tiny_is_tiny(shape: Any) -> None:
    assert sum(p.numel() for p in shared(shape).net.parameters()) < 200_000


@pytest.mark.parametrize("shape", SHAPES)
def test_weights_are_neither_dead_nor_wild(shape: Any) -> None:
    for name, p in shared(shape).net.named_parameters():
        assert torch.isfinite(p).all(), name
        assert 0 < float(p.abs().max()) < 3, name


def test_fill_depends_on_names_and_shapes_alone() -> None:
    one, two = (fill(torch.nn.Linear(3, 4)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not any(p.requires_grad for p in one.parameters())


def test_the_tokenizer_knows_words_and_splits_others() -> None:
    own: Any = tiny_tokenizer()
    lengths = {w: len(own(w, add_special_tokens=False).input_ids) for w in ("cat", "grass", "tiger", "zebra")}
    assert lengths["cat"] == lengths["grass"] == 1
    assert lengths["tiger"] == 2
    assert lengths["zebra"] > 1
    ids = own("a cat").input_ids
    assert (ids[0], ids[-1]) == (own.bos_token_id, own.eos_token_id)
    assert own.model_max_length == 16

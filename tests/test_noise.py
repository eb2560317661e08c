"""Draws by name."""

import pytest
import torch

from overpaint.errors import OverpaintError
from overpaint.noise import Draws, Further, Key, Noise, Replay
from tests.kit import numbers


def test_a_key_gives_the_same_draw_whatever_was_drawn_before() -> None:
    noise = Noise(7)
    first = noise.normal((1, 4, 8, 8), "start", 3)
    noise.normal((2, 2), "something else")
    assert torch.equal(noise.normal((1, 4, 8, 8), "start", 3), first)
    assert torch.equal(Noise(7).normal((1, 4, 8, 8), "start", 3), first)


def test_keys_and_seeds_differ() -> None:
    draws = [
        Noise(seed).normal((64,), *key)
        for seed, key in [(0, ("a",)), (1, ("a",)), (0, ("b",)), (0, ("a", 0)), (0, ("a", 1)), (0, ())]
    ]
    for k, one in enumerate(draws):
        for other in draws[:k]:
            assert not torch.equal(one, other)
            assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 0.5


def test_draws_are_standard_normal_in_float32() -> None:
    x = Noise(3).normal((20000,), "x")
    assert x.dtype == torch.float32
    assert x.device.type == "cpu"
    assert abs(float(x.mean())) < 0.03
    assert abs(float(x.std()) - 1) < 0.03


def test_integers_stay_in_their_range() -> None:
    k = Noise(3).integers(2, 5, (1000,), "t")
    assert sorted(set(numbers(k))) == [2, 3, 4]
    assert torch.equal(k, Noise(3).integers(2, 5, (1000,), "t"))


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    Noise(1).normal((5,), "x")
    Noise(1).integers(0, 9, (5,), "x")
    assert torch.equal(torch.get_rng_state(), before)


def test_any_seed_is_a_seed() -> None:
    for seed in (0, -1, 2**40, 2**64 + 1):
        assert torch.isfinite(Noise(seed).normal((3,), "x")).all()


def test_replay_hands_out_what_was_stored() -> None:
    stored: dict[tuple[Key, ...], torch.Tensor] = {("start",): torch.ones(2, 3), ("t", 4): torch.tensor([5])}
    replay: Draws = Replay(stored)
    assert torch.equal(replay.normal((2, 3), "start"), torch.ones(2, 3))
    assert int(replay.integers(0, 9, (1,), "t", 4)) == 5


def test_replay_refuses_what_it_lacks() -> None:
    replay = Replay({("start",): torch.ones(2, 3)})
    with pytest.raises(OverpaintError, match="No stored draw is called"):
        replay.normal((2, 3), "end")
    with pytest.raises(OverpaintError, match=r"has shape \(2, 3\), not \(3, 2\)"):
        replay.normal((3, 2), "start")


def test_a_further_try_has_draws_of_its_own() -> None:
    one, again, other = Further(Noise(3), 1), Further(Noise(3), 1), Further(Noise(3), 2)
    assert isinstance(one, Draws)
    drawn = [each.normal((64,), "a") for each in (one, Noise(3), other)]
    assert torch.equal(drawn[0], again.normal((64,), "a"))
    assert not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    whole = [each.integers(0, 1000, (64,), "a") for each in (one, again, other)]
    assert torch.equal(*whole[:2]) and not torch.equal(*whole[1:])

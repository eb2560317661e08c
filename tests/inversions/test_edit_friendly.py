"""Edit-friendly noise: what leads from one independently noised level to the next."""

from dataclasses import replace

import pytest
import torch
from tests.inversions.setting import setting
from tests.kit import gap

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import EditFriendly
from overpaint.noise import Noise


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("skip", [0.0, 0.5])
def test_with_its_last_noise_the_picture_comes_back(shape: Shape, skip: float) -> None:
    s = setting(shape, 6)
    for eta in (1.0, 0.5):
        inversion = EditFriendly(skip=skip, eta=eta, last_noise=True, pinned=False)
        assert gap(s.walk(inversion).home(s.model)["src"], s.x0) < 1e-4


def test_without_it_the_last_step_ends_at_its_mean() -> None:
    s = setting(steps=4)
    inversion = EditFriendly(skip=0, pinned=False)
    traj = s.run(inversion)
    assert traj.noise is not None and float(traj.noise[-1].abs().max()) == 0
    before = traj.level(3)
    p = s.model.predict({"src": before}, 3, s.path, s.walk(inversion).branches[:1])["src"]
    mean, _ = s.path.posterior(p, 3, 1.0)
    assert gap(s.walk(inversion).home(s.model)["src"], mean) < 1e-5


def test_the_source_may_be_pinned_for_a_row_less() -> None:
    s = setting(steps=5)
    rows: list[int] = []
    ends: list[torch.Tensor] = []
    for pinned in (True, False):
        walk = s.walk(EditFriendly(skip=0.2, pinned=pinned, last_noise=True))
        s.model.meter.rows = 0
        ends.append(walk.run(s.model)["tgt"])
        rows.append(s.model.meter.rows)
    assert rows == [4 * 3, 4 * 4]
    assert gap(*ends) < 1e-4


def test_its_noise_absorbs_the_guidance_of_the_source() -> None:
    s = setting(steps=4)
    for scale in (1.0, 3.5, 7.5):
        inversion = EditFriendly(skip=0, source_guidance=scale, last_noise=True, pinned=False)
        assert gap(s.walk(inversion).home(s.model)["src"], s.x0) < 1e-4
    assert EditFriendly(source_guidance=1).cost(10).rows == (7, 7)
    assert EditFriendly(source_guidance=2).cost(10).rows == (14, 14)


def test_levels_are_noised_independently() -> None:
    s = setting(steps=3)
    traj = s.run(EditFriendly(skip=0))
    drawn = [Noise(0).normal(tuple(s.x0.shape), "edit-friendly", 3 - i) for i in range(3)]
    for i, eps in enumerate(drawn):
        assert gap(traj.level(i), s.path.noised(s.x0, eps, i)) < 1e-4


def test_what_is_skipped_changes_no_draw() -> None:
    s = setting(steps=6)
    whole, part = s.run(EditFriendly(skip=0)), s.walk(EditFriendly(skip=0.5)).trajectory
    assert whole.noise is not None and part.noise is not None
    assert gap(whole.noise[3:], part.noise) < 1e-4 * float(whole.noise.abs().max())


def test_another_seed_is_another_noise() -> None:
    s = setting(steps=3)
    guide = CFG(s.source, s.null, 3.0)
    one, two = (EditFriendly(skip=0).run(s.model, s.path, s.x0, guide, Noise(k)).latents for k in (0, 1))
    assert gap(one, two) > 0.1
    assert EditFriendly().random


def test_a_level_without_noise_gives_none() -> None:
    """A path that ends twice at the same level has a step without a deviation."""
    s = setting(steps=4)
    path = s.model.path(4, offset=0)
    s = replace(s, path=path)
    traj = s.run(EditFriendly(skip=0, last_noise=True))
    assert traj.noise is not None and bool(torch.isfinite(traj.noise).all())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("order", [1, 2])
def test_in_double_precision_the_picture_comes_back_to_the_last_digits(shape: Shape, order: int) -> None:
    s = setting(shape, 6, torch.float64)
    inversion = EditFriendly(skip=0, order=order, last_noise=True, pinned=False)
    assert gap(s.walk(inversion).home(s.model)["src"], s.x0) < 1e-9

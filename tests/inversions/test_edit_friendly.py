"""Edit-friendly noise: what leads from one independently noised level to the next."""

from dataclasses import replace

import pytest
import torch
from tests.inversions.setting import plane, setting
from tests.kit import draw, gap
from torch import Tensor

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import EditFriendly
from overpaint.noise import Noise
from overpaint.path import Latent


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


def test_of_a_linear_gaussian_predictor_its_noise_has_a_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pictures drawn from ``N(0, v)`` the best guess is ``x0 = alpha v x / (alpha² v + sigma²)``.

    With it the mean of the step is that of DDPM's posterior (arXiv:2006.11239, equation 7), so the noise is
    known from the picture and its draws, without a network and without a walk.
    """
    model, family = plane()
    x0, path, v, n = draw(1, 4, 4, 4).double(), model.path(5), 0.3, 5
    level = {int(t): i for i, t in enumerate(path.t)}
    a, s = path.alpha, path.sigma

    def guess(i: int) -> Tensor:
        return a[i] * v / (a[i] ** 2 * v + s[i] ** 2)

    def best(net: object, x: Latent, t: Tensor, *rest: object) -> Latent:
        i = level[int(t)]
        return (x - a[i] * guess(i) * x) / s[i]

    monkeypatch.setattr(family, "call", best)
    guide = CFG(family.text("a"), family.null(), 3.0)
    traj = EditFriendly(skip=0, last_noise=True).run(model, path, x0, guide, Noise(0))
    drawn = [Noise(0).normal((1, 4, 4, 4), "edit-friendly", n - i).double() for i in range(n)]
    xs = [*(a[i] * x0 + s[i] * eps for i, eps in enumerate(drawn)), x0]
    assert traj.noise is not None
    for i in range(n):
        ratio = a[i] / a[i + 1]
        beta = 1 - ratio**2
        mean = (ratio * s[i + 1] ** 2 + a[i + 1] * beta * guess(i)) / s[i] ** 2 * xs[i]
        assert gap(traj.noise[i : i + 1], (xs[i + 1] - mean) / (beta.sqrt() * s[i + 1] / s[i])) < 1e-9


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

"""Fixed-point inversion: what one prediction is, what many lead to, and what guidance costs it."""

import pytest
import torch
from tests.inversions.setting import Plane, Setting, plane, setting
from tests.kit import draw, gap
from torch import Tensor, nn

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import DDIM, FixedPoint, Inversion
from overpaint.inversions.base import CONDITIONAL
from overpaint.model import Model
from overpaint.network import Residuals, Text
from overpaint.noise import Noise
from overpaint.path import Latent

MANY = FixedPoint(iterations=60)


class Wave(Plane):
    """A network whose noise is a smooth function of the latent, the steeper the longer the text."""

    def call(self, net: nn.Module, x: Latent, t: Tensor, text: Text, more: Residuals) -> Latent:
        flat = super().call(net, x, t, text, more)
        return flat + 0.15 * (1 + 0.1 * text.states[:, 0, 0].to(x))[:, None, None, None] * x.sin()


def wave(steps: int = 6) -> Setting:
    """A setting in which every step, guided too, has one latent that it leads to itself."""
    _, flat = plane()
    family = Wave(flat.schedule, heed=0.1)
    model = Model(nn.Identity(), family)
    x0 = draw(1, 4, 4, 4).double()
    return Setting(model, model.path(steps), x0, family.text("a"), family.text("abc"), family.null())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_one_prediction_is_ddim_inversion(shape: Shape, guidance: float) -> None:
    s = setting(shape, 4, torch.float64)
    one, ddim = (
        s.run(inversion).latents
        for inversion in (FixedPoint(iterations=1, guidance=guidance), DDIM(guidance=guidance))
    )
    rounding = 1e-9 * float(ddim.abs().max())
    assert gap(one, ddim) < rounding
    assert gap(s.run(FixedPoint(iterations=2, guidance=guidance)).latents, one) > 1e3 * rounding


def back(s: Setting, inversion: Inversion, scale: float) -> float:
    """How far the source that walked home is from the picture."""
    return gap(s.walk(inversion, scale).home(s.model)["src"], s.x0)


@pytest.mark.parametrize("averaged", ["always", "last"])
@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_many_predictions_bring_the_picture_back_in_double_precision(averaged: str, guidance: float) -> None:
    s = wave()
    many = MANY.changed(averaged=averaged, guidance=guidance)
    assert back(s, many, 7.5) < 1e-9  # whatever the edit's guidance
    assert back(s, DDIM(guidance=guidance), guidance) > 1e-3


@pytest.mark.parametrize("average", [1, 2])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_every_prediction_more_brings_it_nearer_than_ddim(average: int, guidance: float) -> None:
    s = wave()
    errors = [back(s, DDIM(guidance=guidance), guidance)]
    for iterations in (2, 4, 8, 16):
        inversion = FixedPoint(iterations=iterations, average=average, guidance=guidance)
        errors.append(back(s, inversion, guidance))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.001 * errors[0]


def test_even_a_wild_network_is_nearer_after_a_few() -> None:
    """Random weights: a step need not lead to one latent, so nothing is promised but this."""
    s = setting(steps=10, dtype=torch.float64)
    assert back(s, FixedPoint(iterations=8, average=1), 1.0) < 0.2 * back(s, DDIM(), 1.0)


def test_a_step_that_agrees_with_itself_is_undone_by_the_sampler() -> None:
    model, family = plane(curve=0.4)
    x0, text, path = draw(1, 4, 4, 4).double(), family.text("a"), model.path(4)
    traj = MANY.run(model, path, x0, CFG(text, family.null(), 1.0), Noise(0))
    walk = MANY.walk(model, path, x0, (text, text, family.null()), 1.0, Noise(0))
    for i in range(4):
        p = model.predict({"src": traj.level(i)}, i, path, walk.branches[:1])["src"]
        assert gap(path.at(p, i + 1), traj.level(i + 1)) < 1e-9


def test_a_network_that_heeds_no_latent_leaves_nothing_to_iterate() -> None:
    model, family = plane()
    x0, guide = draw(1, 4, 4, 4), CFG(family.text("a"), family.null(), 1.0)
    one, many = (
        FixedPoint(iterations=k).run(model, model.path(4), x0, guide, Noise(0)).latents for k in (1, 7)
    )
    assert gap(one, many) < 1e-5


def test_averages_differ_by_what_they_average() -> None:
    s = setting(steps=3)
    plain, wide, last = (
        s.run(FixedPoint.model_validate({"iterations": 4, "average": k, "averaged": at})).latents
        for k, at in ((1, "always"), (3, "always"), (3, "last"))
    )
    assert min(gap(plain, wide), gap(plain, last), gap(wide, last)) > 1e-6
    same = s.run(FixedPoint(iterations=4, average=1, averaged="last")).latents
    assert torch.equal(plain, same)


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.0])
def test_rows_are_counted(guidance: float) -> None:
    s, inversion = setting(steps=3), FixedPoint(iterations=4, guidance=guidance)
    walk = s.walk(inversion)
    assert s.model.meter.rows == inversion.cost(3).rows[1] == 12 * (2 if guidance > 1 else 1)
    s.model.meter.rows = 0
    walk.run(s.model)
    assert s.model.meter.rows == inversion.walk_cost(3).rows[1]


def test_whoever_reads_the_empty_row_gets_it() -> None:
    s = setting(steps=2)
    branch = s.walk(FixedPoint(), reads=CONDITIONAL | {"src-"}).branches[0]
    assert [line.sign for line in branch.guide.lines(0)] == ["-", "+"]


def test_it_cites_whose_averaging_it_is() -> None:
    assert [p.arxiv for p in FixedPoint().papers] == ["2309.04907", "2010.02502"]
    assert FixedPoint(averaged="last").papers[0].arxiv == "2403.14602"

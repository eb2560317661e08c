"""Virtual inversion: nothing is found, nothing is lost, and what differs is all that moves the target."""

from dataclasses import replace

import pytest
import torch
from tests.inversions.setting import Setting, plane, setting
from tests.kit import draw, gap

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import Virtual, Walk
from overpaint.inversions.base import CONDITIONAL
from overpaint.meter import Meter
from overpaint.model import Branch
from overpaint.noise import Noise
from overpaint.path import Latent, Prediction
from overpaint.sample import Latents


def same(s: Setting) -> Setting:
    return replace(s, target=s.source)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("blind", [True, False])
def test_the_same_prompt_and_guidance_are_the_picture_for_any_network(
    shape: Shape, eta: float, blind: bool
) -> None:
    s = same(setting(shape, 5))
    inversion = Virtual(eta=eta, blind=blind, source_guidance=3)
    made = s.walk(inversion, 3.0).run(s.model)
    assert gap(made["tgt"], s.x0) < 1e-4
    assert torch.equal(made["src"], s.x0)


def test_another_prompt_or_another_guidance_is_another_picture() -> None:
    s = setting(steps=4)
    assert gap(s.walk(Virtual()).run(s.model)["tgt"], s.x0) > 1e-2
    assert gap(same(s).walk(Virtual(), 3.0).run(s.model)["tgt"], s.x0) > 1e-2


def test_the_source_is_the_picture_under_known_noise_whatever_the_network() -> None:
    s = setting(steps=4)
    traj = s.run(Virtual())
    draws = {k: Noise(0).normal(tuple(s.x0.shape), "virtual", k) for k in ("start", 4, 3, 2, 1)}
    assert torch.equal(traj.level(0), draws["start"])
    for i in range(1, 4):
        assert gap(traj.level(i), s.path.noised(s.x0, draws[5 - i], i)) < 1e-6
    assert torch.equal(traj.level(4), s.x0)
    assert s.model.meter.calls == 0


def test_a_part_of_the_path_sets_out_from_the_picture_under_noise() -> None:
    s = setting(steps=4)
    walk = s.walk(Virtual(strength=0.5))
    first = Noise(0).normal(tuple(s.x0.shape), "virtual", "start")
    assert gap(walk.xs["src"], s.path.noised(s.x0, first, 2)) < 1e-6
    whole = s.walk(Virtual(blind=False))
    assert gap(whole.xs["src"], s.path.noised(s.x0, first, 0)) < 1e-6
    assert torch.equal(s.walk(Virtual(strength=0)).run(s.model)["tgt"], s.x0)


def test_without_fresh_noise_the_source_keeps_what_it_had() -> None:
    s = setting(steps=4)
    traj = s.run(Virtual(eta=0, blind=False))
    first = Noise(0).normal(tuple(s.x0.shape), "virtual", "start")
    for i in range(4):
        assert gap(traj.level(i), s.path.noised(s.x0, first, i)) < 1e-5


def step(s: Setting, walk: Walk, xs: Latents, i: int) -> tuple[Latents, dict[str, Prediction]]:
    """One step of everybody."""

    def ask(asked: Latents) -> dict[str, Prediction]:
        return s.model.predict(asked, i, walk.path, walk.branches)

    return walk.solver(ask, walk.path, i, xs)


def test_the_target_differs_from_the_source_by_what_is_said_of_it() -> None:
    """``x_tgt' - x_src' = alpha' (x0_tgt - z)``: the shared noise is no part of it."""
    s = setting(steps=4)
    walk = s.walk(Virtual(), 3.0)
    xs, believed = step(s, walk, walk.xs, 0)
    want = s.path.alpha[1] * (believed["tgt"].x0 - s.x0)
    assert gap(xs["tgt"] - xs["src"], want) < 1e-5
    said = s.model.predict(walk.xs, 0, walk.path, walk.branches)
    by_noise = (
        (walk.xs["tgt"] - walk.xs["src"]) - s.path.sigma[0] * (said["tgt"].eps - said["src"].eps)
    ) / s.path.alpha[0]
    assert gap(believed["tgt"].x0 - s.x0, by_noise) < 1e-4


def test_one_step_ends_at_what_it_believes() -> None:
    s = setting(steps=1)
    walk = s.walk(Virtual(), 3.0)
    xs, believed = step(s, walk, walk.xs, 0)
    assert torch.equal(xs["tgt"], believed["tgt"].x0)
    assert torch.equal(xs["src"], s.x0)


def test_a_network_that_heeds_the_prompt_alone_moves_the_target_by_that() -> None:
    """With ``eps`` a ramp as steep as the text is long the beliefs differ by the same ramp at every step."""
    model, family = plane(heed=0.1)
    x0, path = draw(1, 4, 4, 4), model.path(3)
    texts = family.text("a"), family.text("abc"), family.null()
    made = Virtual().walk(model, path, x0, texts, 1.0, Noise(0)).run(model)
    ramp = 0.2 * torch.linspace(-1, 1, 64).reshape(1, 4, 4, 4)
    belief = torch.zeros_like(x0)
    for i in range(3):
        apart: Latent = belief if i == 0 else path.alpha[i] * belief
        belief = (apart - path.sigma[i] * ramp) / path.alpha[i]
    assert gap(made["tgt"], x0 + belief) < 1e-3 * float(belief.abs().max())


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("blind", [True, False])
def test_a_network_that_sees_nothing_leaves_the_picture_whatever_is_wished(eta: float, blind: bool) -> None:
    model, family = plane(heed=0)
    x0, texts = draw(1, 4, 4, 4).double(), (family.text("a"), family.text("abc"), family.null())
    inversion = Virtual(eta=eta, blind=blind, source_guidance=2)
    made = inversion.walk(model, model.path(4), x0, texts, 7.5, Noise(0)).run(model)
    assert gap(made["tgt"], x0) < 1e-12 and gap(made["src"], x0) < 1e-12


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_the_source_walks_with_every_target_and_is_counted(guidance: float) -> None:
    s, inversion = setting(steps=4), Virtual(source_guidance=guidance, strength=0.75)
    both = s.walk(inversion).run(s.model)["tgt"]
    rows = s.model.meter.rows
    assert rows == inversion.cost(4).rows[1] + inversion.walk_cost(4).rows[1]
    s.model.meter.rows = 0
    assert torch.equal(s.walk(inversion).alone(s.model)["tgt"], both)
    assert s.model.meter.rows == inversion.walk_cost(4, sources=0).rows[1] == rows


def test_whoever_reads_the_empty_row_gets_it() -> None:
    branch: Branch = setting(steps=2).walk(Virtual(), reads=CONDITIONAL | {"src-"}).branches[0]
    assert [line.sign for line in branch.guide.lines(0)] == ["-", "+"]


def test_nothing_is_lost_and_that_is_said() -> None:
    assert Virtual().grade(Meter(), False).grade == "exact"


def test_another_seed_is_another_noise() -> None:
    s = setting(steps=3)
    guide = CFG(s.source, s.null, 3.0)
    one, two = (Virtual().run(s.model, s.path, s.x0, guide, Noise(k)).latents for k in (0, 1))
    assert gap(one, two) > 0.1
    assert Virtual().random

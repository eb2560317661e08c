"""EDICT: both ways the same, whatever the network, the guidance and the number of steps."""

import pytest
import torch
from tests.inversions.setting import Setting, plane, setting
from tests.kit import draw

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import Direct, Edict
from overpaint.inversions.edict import PARTNER, moved
from overpaint.meter import Meter
from overpaint.noise import Noise
from overpaint.path import Latent, Prediction
from overpaint.sample import Latents, ddim

EXACT = 1e-10


def back(s: Setting, inversion: Edict, scale: float = 3.0) -> float:
    """How far the source that walked home is from the picture, at most."""
    return float((s.walk(inversion, scale).home(s.model)["src"] - s.x0).abs().max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [4, 5])
@pytest.mark.parametrize("alternate", [True, False])
def test_the_picture_comes_back_in_double_precision(shape: Shape, steps: int, alternate: bool) -> None:
    s = setting(shape, steps, torch.float64)
    for mix, scale in ((0.93, 3.0), (0.7, 1.0), (1.0, 1.0)):
        assert back(s, Edict(mix=mix, strength=1, alternate=alternate), scale) < EXACT


@pytest.mark.parametrize("shape", SHAPES)
def test_a_network_in_single_precision_gives_the_picture_back_too(shape: Shape) -> None:
    """It answers alike both ways; only the latents need the digits."""
    assert back(setting(shape, steps=12), Edict(strength=1)) < 1e-6


def test_any_pair_comes_back() -> None:
    s, inversion = setting(dtype=torch.float64), Edict(strength=1)
    walk = s.walk(inversion)
    path, solver = walk.path, inversion.solver(walk.path, walk.trajectory)
    xs: Latents = {"src": draw(2, 4, 8, 8, seed=3).double()}

    def ask(latents: Latents) -> dict[str, Prediction]:
        return s.model.predict(latents, 0, path, walk.branches[:1])

    there, _ = solver(ask, path, 0, xs)
    x, y = there["src"][:1], there["src"][1:]
    y = (y - (1 - inversion.mix) * x) / inversion.mix
    x = (x - (1 - inversion.mix) * y) / inversion.mix
    for k in (1, 0):  # the second moved last
        other = (x, y)[1 - k]
        eps = s.model.predict({"src": other}, 0, path, walk.branches[:1])["src"].eps
        x, y = (moved(path, x, eps, 1, 0), y) if k == 0 else (x, moved(path, y, eps, 1, 0))
    assert float((torch.cat([x, y]) - xs["src"]).abs().max()) < EXACT


def test_a_network_that_heeds_no_latent_makes_it_the_deterministic_sampler() -> None:
    model, family = plane()
    x0, text, null = draw(1, 4, 4, 4).double(), family.text("a cat"), family.null()
    walk = Edict(mix=1, strength=1).walk(model, model.path(6), x0, (text, text, null), 3.0, Noise(0))
    pair = torch.cat([walk.xs["src"][:1], walk.xs["src"][1:]])
    assert torch.equal(pair[0], pair[1])
    x: Latent = walk.xs["src"][:1]
    for i in range(6):
        p = model.predict({"src": x}, i, walk.path, walk.branches[:1])["src"]
        x = ddim(walk.path, i, x, p)
    assert float((x - x0).abs().max()) < EXACT


def test_strength_says_how_much_of_the_path_is_walked() -> None:
    s = setting(steps=10)
    assert [Edict(strength=v).walked(10) for v in (0, 0.3, 0.8, 1)] == [0, 3, 8, 10]
    assert torch.equal(s.walk(Edict(strength=0)).home(s.model)["src"], s.x0)
    walk = s.walk(Edict(strength=0.3))
    assert len(walk.path) == 3 and walk.path.steps == 10
    assert torch.equal(walk.path.t, s.path.t[-3:])


def test_the_difference_of_the_two_fades_by_the_square_of_the_mixing() -> None:
    """Where the network heeds no latent, a step multiplies it by p² and the step's own share."""
    model, family = plane()
    inversion, path, text = Edict(strength=1), model.path(4), family.text("a")
    x0 = draw(1, 4, 4, 4).double()
    walk = inversion.walk(model, path, x0, (text, text, family.null()), 1.0, Noise(0))
    start = walk.xs["src"].clone()
    start[1] += 1.0

    def ask(xs: Latents) -> dict[str, Prediction]:
        return model.predict(xs, 0, path, walk.branches[:1])

    after, _ = inversion.solver(path, walk.trajectory)(ask, path, 0, {"src": start})
    share = float(path.alpha[1] / path.alpha[0])
    apart = after["src"][1] - after["src"][0]
    assert float((apart - inversion.mix**2 * share).abs().max()) < 1e-9


def test_rows_are_counted() -> None:
    s = setting(steps=5)
    walk = s.walk(Edict(strength=0.8))
    assert s.model.meter.rows == 4 * 4 == Edict(strength=0.8).cost(5).rows[1]
    s.model.meter.rows = 0
    walk.run(s.model)
    assert s.model.meter.rows == Edict(strength=0.8).walk_cost(5).rows[1] == 4 * 8


def test_it_is_exact_where_nothing_measured_it() -> None:
    assert Edict().grade(Meter(), False).grade == "exact"
    assert Edict().grade(Meter(notes={"strayed": [1e-6]}), False).grade == "good"
    assert Direct().grade(Meter(), False).grade == "not measured"


def test_both_latents_are_kept_of_every_level() -> None:
    s = setting(steps=4)
    traj = s.run(Edict(strength=1))
    assert traj.latents.shape == traj.more[PARTNER].shape == (5, 4, 8, 8)
    assert traj.latents.dtype == torch.float64
    assert torch.equal(traj.latents[-1:], s.x0.double())
    again = Edict(strength=1)(s.model, s.path, s.x0, CFG(s.source, s.null, 3.0), Noise(5))
    assert torch.equal(traj.latents, again.latents)

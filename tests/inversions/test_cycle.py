"""CycleDiffusion's noise: what the network lacks to walk where a walk towards the picture goes."""

from dataclasses import replace

import pytest
import torch
from tests.inversions.setting import plane, setting
from tests.kit import draw, gap

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import Cycle, EditFriendly, Trajectory
from overpaint.inversions.base import CONDITIONAL
from overpaint.model import Branch
from overpaint.noise import Noise
from overpaint.path import Latent, Path


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("eta", [0.1, 1.0])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_in_double_precision_the_picture_comes_back_for_any_network(
    shape: Shape, eta: float, guidance: float
) -> None:
    s = setting(shape, 6, torch.float64)
    inversion = Cycle(skip=0, eta=eta, source_guidance=guidance, pinned=False)
    assert gap(s.walk(inversion, 5.0).home(s.model)["src"], s.x0) < 1e-9


def test_in_single_precision_it_comes_back_to_its_digits() -> None:
    s = setting(steps=8)
    for skip in (0.0, 0.5):
        assert gap(s.walk(Cycle(skip=skip, pinned=False)).home(s.model)["src"], s.x0) < 1e-4


def test_a_pinned_source_is_on_its_way_to_the_bit() -> None:
    s = setting(steps=5)
    assert torch.equal(s.walk(Cycle(skip=0.2)).home(s.model)["src"], s.x0)


def noise_on(path: Path, traj: Trajectory, x0: Latent, i: int) -> Latent:
    """What is on the picture at a level."""
    return (traj.level(i) - path.alpha[i] * x0) / path.sigma[i]


def test_each_level_is_the_picture_under_noise_that_goes_on() -> None:
    """The noise at a level is ``sqrt(1 - s²)`` of that before and ``s`` of a draw, s² the new share."""
    s = setting(steps=4, dtype=torch.float64)
    for eta in (0.1, 0.7, 1.0):
        traj, path = s.run(Cycle(skip=0, eta=eta)), s.path
        before = Noise(0).normal(tuple(s.x0.shape), "cycle", 4).double()
        assert gap(noise_on(path, traj, s.x0, 0), before) < 1e-9
        for i in range(3):
            a, b = float(path.alpha[i]), float(path.alpha[i + 1])
            share = eta**2 / float(path.sigma[i]) ** 2 * (1 - (a / b) ** 2)
            drawn = Noise(0).normal(tuple(s.x0.shape), "cycle", 3 - i).double()
            before = (1 - share) ** 0.5 * before + share**0.5 * drawn
            assert gap(noise_on(path, traj, s.x0, i + 1), before) < 1e-9


def test_levels_of_edit_friendly_noise_share_nothing_where_these_do() -> None:
    s = setting(steps=4)
    shared: list[float] = []
    for inversion in (Cycle(skip=0), EditFriendly(skip=0)):
        traj = s.run(inversion)
        pair = torch.stack([noise_on(s.path, traj, s.x0, i).flatten() for i in (0, 1)])
        shared.append(float(torch.corrcoef(pair)[0, 1]))
    assert shared[0] > 0.95 and abs(shared[1]) < 0.2


def test_of_a_network_that_knows_the_picture_the_very_draws_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model, family = plane()
    x0, path = draw(1, 4, 4, 4).double(), model.path(5)
    level = {int(t): i for i, t in enumerate(path.t)}

    def knows(net: object, x: Latent, t: torch.Tensor, *rest: object) -> Latent:
        i = level[int(t)]
        return (x - path.alpha[i] * x0) / path.sigma[i]

    monkeypatch.setattr(family, "call", knows)
    text = family.text("a")
    traj = Cycle(skip=0).run(model, path, x0, CFG(text, family.null(), 3.0), Noise(0))
    assert traj.noise is not None
    for i in range(4):
        assert gap(traj.noise[i : i + 1], Noise(0).normal((1, 4, 4, 4), "cycle", 4 - i)) < 1e-9


def test_a_constant_on_the_noise_moves_the_step_by_its_deviation() -> None:
    s = setting(steps=3)
    inversion = Cycle(skip=0, pinned=False)
    walk = s.walk(inversion)
    assert walk.trajectory.noise is not None
    more = replace(walk.trajectory, noise=walk.trajectory.noise + 1)
    branches = walk.branches[:1]

    def first(traj: Trajectory) -> Latent:
        def ask(xs: dict[str, Latent]):
            return s.model.predict(xs, 0, s.path, branches)

        return inversion.solver(s.path, traj)(ask, s.path, 0, {"src": traj.start})[0]["src"]

    p = s.model.predict({"src": walk.trajectory.start}, 0, s.path, branches)["src"]
    _, std = s.path.posterior(p, 0, inversion.eta)
    assert gap(first(more) - first(walk.trajectory), std * torch.ones_like(s.x0)) < 1e-5


def test_the_source_is_that_of_any_target() -> None:
    s = setting(steps=4)
    other = replace(s, target=s.model.family.text("a castle"))
    inversion = Cycle(skip=0, pinned=False)
    one, two = (each.walk(inversion).home(s.model)["src"] for each in (s, other))
    assert torch.equal(one, two)


def test_skipping_all_steps_is_the_picture() -> None:
    s = setting(steps=4)
    assert torch.equal(s.walk(Cycle(skip=1)).run(s.model)["tgt"], s.x0)
    assert [Cycle(skip=v).walked(10) for v in (0, 0.25, 1)] == [10, 8, 0]


def test_a_step_without_a_deviation_keeps_no_noise() -> None:
    s = setting(steps=4)
    s = replace(s, path=s.model.path(4, offset=0))  # its last step stays where it is
    traj = s.run(Cycle(skip=0))
    assert traj.noise is not None and float(traj.noise[-1].abs().max()) == 0
    assert bool(torch.isfinite(traj.noise).all())


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("pinned", [True, False])
def test_rows_are_counted(guidance: float, pinned: bool) -> None:
    s, inversion = setting(steps=5), Cycle(skip=0.2, source_guidance=guidance, pinned=pinned)
    walk = s.walk(inversion)
    assert s.model.meter.rows == inversion.cost(5).rows[1] == 4 * (2 if guidance > 1 else 1)
    s.model.meter.rows = 0
    walk.run(s.model)
    assert s.model.meter.rows == inversion.walk_cost(5).rows[1]


@pytest.mark.parametrize("pinned", [True, False])
def test_whoever_reads_the_empty_row_gets_it(pinned: bool) -> None:
    s, reads = setting(steps=2), CONDITIONAL | {"src-"}
    branch: Branch = s.walk(Cycle(pinned=pinned), reads=reads).branches[0]
    assert [line.sign for line in branch.guide.lines(0)] == ["-", "+"]


def test_another_seed_is_another_noise() -> None:
    s = setting(steps=3)
    guide = CFG(s.source, s.null, 3.0)
    one, two = (Cycle(skip=0).run(s.model, s.path, s.x0, guide, Noise(k)).latents for k in (0, 1))
    assert gap(one, two) > 0.1
    assert Cycle().random

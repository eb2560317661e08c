import pytest
import torch
from tests.inversions.setting import Setting, Shout, setting

from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.inversions import Recorded
from overpaint.methods.generate import Generate
from overpaint.model import Branch
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Task


def generated(s: Setting, seed: int, guidance: float) -> Latent:
    """The picture that `generate` makes from the source prompt."""
    task = Task((1, 4, 8, 8), s.null, Noise(seed), given_target=s.source)
    return Generate(steps=len(s.path), guidance=guidance)(s.model, task)


@pytest.mark.parametrize("shape", SHAPES)
def test_alone_the_source_becomes_the_generated_picture_to_the_bit(shape: Shape) -> None:
    s = setting(shape)
    picture = generated(s, 7, 2.5)
    walk = s.walk(Recorded(seed=7, guidance=2.5), scale=6.0)
    own = Branch("src", walk.branches[0].guide)
    assert torch.equal(denoise(s.model, s.path, {"src": walk.xs["src"]}, [own])["src"], picture)


@pytest.mark.parametrize("shape", SHAPES)
def test_beside_a_target_it_is_the_generated_picture_to_rounding(shape: Shape) -> None:
    s = setting(shape)
    picture = generated(s, 7, 2.5)
    with s.model.control(Shout()):
        states = s.home(s.walk(Recorded(seed=7, guidance=2.5), scale=6.0))
    assert float((states["src"][-1] - picture).abs().max()) < 1e-5 * float(picture.abs().max())
    assert float((states["tgt"][-1] - picture).abs().max()) > 1e-2


@pytest.mark.parametrize("shape", SHAPES)
def test_pinned_it_is_the_generated_picture_to_the_bit_beside_anything(shape: Shape) -> None:
    s = setting(shape)
    picture = generated(s, 7, 2.5)
    walk = s.walk(Recorded(seed=7, guidance=2.5, pinned=True), scale=6.0)
    with s.model.control(Shout()):
        states = s.home(walk)
    assert torch.equal(states["src"][-1], picture)


def test_nothing_is_computed_unless_it_is_pinned() -> None:
    for inversion, rows in ((Recorded(), 0), (Recorded(pinned=True), 8)):
        s = setting()
        s.run(inversion)
        assert s.model.meter.rows == rows
        assert inversion.cost(4).rows == (rows, rows)


@pytest.mark.parametrize("pinned, rows", [(False, 4), (True, 3)])
def test_rows_beside_a_target(pinned: bool, rows: int) -> None:
    s, inversion = setting(), Recorded(pinned=pinned)
    walk = s.walk(inversion)
    before = s.model.meter.rows
    s.home(walk)
    assert (s.model.meter.rows - before) / 4 == inversion.source_rows + 2 == rows


def test_steps_that_differ_from_the_recipe_are_refused_before_any_work() -> None:
    s = setting()
    with pytest.raises(UsageError, match="generated in 30 steps"):
        s.run(Recorded(steps=30))
    assert s.model.meter.rows == 0
    assert torch.equal(s.run(Recorded(steps=4)).start, s.run(Recorded()).start)


def test_the_seed_of_the_recipe_counts_and_not_that_of_the_edit() -> None:
    s = setting()
    starts = [s.run(Recorded(seed=seed)).start for seed in (0, 1)]
    assert torch.equal(starts[0], Noise(0).normal((1, 4, 8, 8), "start"))
    assert not torch.equal(starts[0], starts[1])

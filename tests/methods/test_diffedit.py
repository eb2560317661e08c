"""DiffEdit: what lies inside its mask, outside, and what the mask is."""

from typing import Any

import pytest
import torch
from tests.kit import gap, shared
from tests.methods.watching import unchecked

from overpaint.contract.trial import SIZE, mask, picture, run
from overpaint.errors import UsageError
from overpaint.guides import CFG
from overpaint.inversions import DDIM, Trajectory
from overpaint.masks.blend import Blend, Blending
from overpaint.masks.contrast import Contrast
from overpaint.meter import Meter
from overpaint.methods.diffedit import DiffEdit
from overpaint.methods.sdedit import SDEdit
from overpaint.model import Branch, Model
from overpaint.noise import Draws, Replay
from overpaint.path import Latent, Path
from overpaint.sample import denoise
from overpaint.task import Request, Task

STEPS = 5
TAKEN: dict[str, Any] = {"find": False}
SOURCE, TARGET = "a photo of a cat", "a photo of a dog"


def task(where: torch.Tensor | None = None, source: str = SOURCE, target: str = TARGET) -> Task:
    card = DiffEdit.card
    request = Request(source=source, target=target)
    return Task.of(shared(), request, card.needs, picture(), SIZE, optional=card.optional, mask=where)


def method(**options: Any) -> DiffEdit:
    return DiffEdit.model_validate({"steps": STEPS, "contrast": {"samples": 3, "clamp": 2}, **options})


def made(given: Task, meter: Meter | None = None, **options: Any) -> Latent:
    return run(shared(), method(**options), given, meter).latents[0]


def test_where_nothing_may_change_the_picture_comes_back_whatever_is_wished() -> None:
    for inversion in (
        "ddim",
        "direct",
        "negative-prompt",
        "edict",
        "edit-friendly",
        "cycle",
        "virtual",
        "fixed-point",
    ):
        for guidance in (1.0, 7.5):
            given = task(torch.zeros(1, 1, *SIZE))
            o = method(inversion=inversion, guidance=guidance, **TAKEN)
            assert torch.equal(unchecked(shared(), o, given), given.x0)


def test_where_all_may_change_it_is_the_plain_way_back() -> None:
    given = task(torch.ones(1, 1, *SIZE))
    path = shared().path(STEPS).last(4)
    with torch.no_grad():
        texts = given.null, given.target, given.null
        walk = DDIM().walk(shared(), path, given.x0, texts, 7.5, given.noise)
        plain = walk.alone(shared())["tgt"]
    assert torch.equal(made(given, **TAKEN), plain)


def test_outside_of_the_mask_the_latent_is_the_pictures() -> None:
    given, meter = task(), Meter()
    end = made(given, meter)
    where = meter.maps["mask"] > 0
    assert 0 < float(where.float().mean()) < 1
    assert meter.notes["mask"] == [float(where.float().mean())]
    assert torch.equal(end[..., ~where], given.x0[..., ~where])
    assert gap(end[..., where], given.x0[..., where]) > 1e-2


def test_the_background_is_one_step_late_only_if_that_is_wished() -> None:
    given = task(torch.zeros(1, 1, *SIZE))
    path = shared().path(STEPS).last(4)
    with torch.no_grad():
        walk = DDIM().walk(shared(), path, given.x0, (given.null, given.null, given.null), 7.5, given.noise)
    late = unchecked(shared(), method(lag=True, **TAKEN), given)
    assert torch.equal(late, walk.trajectory.level(3))


class Noised(DDIM):
    """No inversion: at every level the picture under the same noise, which is that of SDEdit."""

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        eps = noise.normal(tuple(x0.shape), "sdedit")
        return Trajectory(path.t, torch.cat([*(path.noised(x0, eps, i) for i in range(len(path))), x0]))


def test_without_an_inversion_it_is_sdedit_with_a_mask() -> None:
    """The published ablation "without encoding"; where all may change it is SDEdit itself."""
    o = method(inversion=Noised(), **TAKEN)
    free = run(shared(), o, task(torch.ones(1, 1, *SIZE))).latents[0]
    plain = run(shared(), SDEdit(steps=STEPS, strength=o.ratio), task()).latents[0]
    assert torch.equal(free, plain)
    given, path = task(mask()), shared().path(STEPS).last(4)
    eps = given.noise.normal(given.shape, "sdedit")
    how = Blending(when="after", level="next", noise="fixed")
    blend = Blend(path, given.x0, [given.region()], Replay({("blend",): eps}), how)
    with torch.no_grad():
        branches, x = [Branch("tgt", CFG(given.target, given.null, 7.5))], path.noised(given.x0, eps, 0)
        masked = denoise(shared(), path, {"tgt": x}, branches, after=blend.after)["tgt"]
    assert torch.equal(run(shared(), o, given).latents[0], masked)
    assert gap(masked, free) > 1e-2 < gap(masked, given.x0)


def test_a_given_mask_limits_the_one_that_is_found() -> None:
    meters = Meter(), Meter(), Meter()
    made(task(), meters[0])
    made(task(mask()), meters[1])
    made(task(mask()), meters[2], **TAKEN)
    found, both, given = (m.maps["mask"] for m in meters)
    assert torch.equal(both, found * given)
    assert 0 < float(both.sum()) < float(found.sum())


def test_the_same_prompt_changes_nothing() -> None:
    given = task(target=SOURCE)
    assert torch.equal(made(given), given.x0)
    assert not torch.equal(made(given, contrast={"reference": "nothing", "clamp": 2}), given.x0)


def test_no_step_at_all_is_the_picture_and_refused() -> None:
    given, meter, none = task(), Meter(), DiffEdit(steps=STEPS, ratio=0, contrast=Contrast(samples=3))
    assert torch.equal(unchecked(shared(), none, given, meter), given.x0)
    assert meter.rows == none.card.cost(none).rows[0]
    with pytest.raises(UsageError, match="a larger ratio"):
        made(given, ratio=0)


def test_an_inversion_that_skips_all_that_is_left_of_the_path_is_refused_before_any_work() -> None:
    meter = Meter()
    with pytest.raises(UsageError, match="an inversion that skips less"):
        made(task(), meter, ratio=0.2, inversion={"name": "edict", "strength": 0.8})
    assert meter.calls == 0


def test_a_mask_thinner_than_a_cell_is_a_sentence() -> None:
    thin, meter = torch.zeros(1, 1, *SIZE), Meter()
    thin[..., 5, 4:20] = 1
    for options in (TAKEN, {}):
        with pytest.raises(UsageError, match=r"thinner than a cell .*; paint it wider"):
            made(task(thin), meter, **options)
    assert meter.calls == 0


def test_its_rows_are_those_of_the_paper() -> None:
    """50 steps, four fifths encoded without guidance, the mask without guidance too."""
    assert DiffEdit.card.cost(DiffEdit()).rows == (140, 140)
    assert DiffEdit.card.cost(DiffEdit(find=False)).rows == (120, 120)


@pytest.mark.parametrize("encode", ["source", "nothing"])
def test_its_rows_over_an_inversion_whose_source_walks_along(encode: str) -> None:
    meter, options = Meter(), {"encode": encode, "inversion": {"name": "virtual", "source_guidance": 2}}
    made(task(), meter, **options)
    assert method(**options).card.cost(method(**options)).rows == (meter.rows, meter.rows)


def test_what_is_missing_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="There is no mask to take"):
        made(task(), **TAKEN)
    with pytest.raises(UsageError, match="no source prompt to encode with"):
        made(task(source=""), encode="source")
    with pytest.raises(ValueError, match="does not match any of the expected tags"):
        DiffEdit.model_validate({"inversion": {"name": "recorded"}})

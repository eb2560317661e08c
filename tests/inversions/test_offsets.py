"""The published form of direct inversion: what the source lacks is measured, and added on the way back."""

import pytest
import torch
from tests.inversions.setting import Setting, Shout, setting

from overpaint.families.tiny import SHAPES, Shape
from overpaint.inversions import Direct
from overpaint.inversions.base import CONDITIONAL, Walk
from overpaint.meter import Meter
from overpaint.noise import Noise
from overpaint.path import Latent

BOTH = frozenset({"src-", "src+"})
WAYS = [{}, {"every": 2}, {"every": 9}, {"scale": 0.4}, {"scale": 0.0}, {"every": 3, "scale": 0.8}]


def walked(s: Setting, inversion: Direct, *further: str, reads: frozenset[str] = BOTH) -> Walk:
    """The walk to further targets as well."""
    also = {f"tgt{k}": s.model.family.text(words) for k, words in enumerate(further, 2)}
    return inversion.walk(s.model, s.path, s.x0, s.texts, 3.0, Noise(0), reads, also=also)


def apart(one: dict[str, Latent], other: dict[str, Latent]) -> float:
    """How far two results are from each other, over all branches."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.mark.sample(6)
@pytest.mark.parametrize("further", [(), ("a bird", "a photo of the sea")])
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_adding_equals_overwriting(shape: Shape, way: dict[str, float], further: tuple[str, ...]) -> None:
    """In double precision, for rounding that is added grows from step to step in a random network."""
    s = setting(shape, 6, torch.float64)
    inversion = Direct.model_validate(way)
    put, added = (
        walked(s, one, *further).run(s.model, Shout())
        for one in (inversion, inversion.changed(form="offset"))
    )
    assert apart(put, added) < 1e-9
    free = walked(s, Direct(scale=0), *further).run(s.model, Shout())
    assert (apart(added, free) > 1e-3) == (way.get("scale") != 0), "what is added matters"


def test_what_is_added_is_what_the_guided_source_lacks() -> None:
    s = setting(steps=4)
    offsets = s.run(Direct(form="offset")).more["offsets"]
    assert offsets.shape == (4, *s.x0.shape[1:])
    kept = s.run(Direct(form="offset", every=2)).more["offsets"]
    assert [bool(one.any()) for one in offsets] == [True] * 4
    assert [bool(one.any()) for one in kept] == [True, False, True, False]
    assert torch.equal(kept[0], offsets[0]) and not torch.equal(kept[2], offsets[2])
    other = s.run(Direct(form="offset"), 5.0).more["offsets"]
    assert float((other - offsets).abs().max()) > 1e-3, "it belongs to the guidance"


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_the_work_is_what_the_cost_says(guidance: float) -> None:
    s, inversion = setting(steps=4), Direct(form="offset", guidance=guidance)
    walk = walked(s, inversion, reads=CONDITIONAL)
    to_noise = s.model.meter.rows
    assert inversion.cost(4).rows == (to_noise, to_noise) == ((12, 12) if guidance == 1 else (16, 16))
    walk.run(s.model)
    assert inversion.walk_cost(4).rows[0] == s.model.meter.rows - to_noise == 16


def test_a_source_without_a_prompt_is_measured_as_it_walks() -> None:
    s = setting("sd1", 4, torch.float64)
    silent = Setting(s.model, s.path, s.x0, s.null, s.target, s.null)
    put, added = (walked(silent, one, reads=CONDITIONAL) for one in (Direct(), Direct(form="offset")))
    before = s.model.meter.rows
    made = added.run(s.model)
    assert s.model.meter.rows - before == Direct(form="offset").walk_cost(4, source="silent").rows[0] == 12
    assert apart(put.run(s.model), made) < 1e-9


def test_how_far_it_strayed_is_told_alike() -> None:
    s, told = setting("sd1", 4, torch.float64), list[float]()
    for inversion in (Direct(), Direct(form="offset")):
        walk = walked(s, inversion)
        with s.model.metered(Meter()) as meter:
            walk.run(s.model)
        rms = inversion.grade(meter, False).rms
        assert rms is not None
        told.append(rms)
    assert told[0] == pytest.approx(told[1], rel=1e-6) and told[0] > 0

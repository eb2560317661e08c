"""Where a thing is at a layer: painted, or found in maps that were put into the record by hand."""

from dataclasses import replace

import torch
from tests.kit import draw, shared
from torch import Tensor

from overpaint.attention import Moment, Site
from overpaint.controls import Keep
from overpaint.masks.split import Found, Painted
from overpaint.meter import Meter

AT = Moment(2, 4, ("src+", "tgt+"), 8, 8)
PLACES = {"src": [1], "tgt": [2, 3]}


def site(nth: int) -> Site:
    return next(s for s in shared().tap.sites if s.kind == "self" and s.nth == nth)


def filled(keep: Keep, seed: int, step: int = 2) -> dict[str, Tensor]:
    """A record as a layer would leave it, two heads of 4 x 4 cells."""
    maps = {role: draw(4, 4, 6, seed=seed + k).abs() for k, role in enumerate(("src+", "tgt+"))}
    keep.sums, keep.counts = {role: 2 * seen for role, seen in maps.items()}, dict.fromkeys(maps, 2)
    keep.held = step
    return maps


def found(threshold: float = 0.4, since: int = 0) -> Found:
    return Found.of(replace(shared(), meter=Meter()), (1, 4, 8, 8), PLACES, threshold, since)


def spelled_out(maps: list[Tensor], threshold: float, side: int) -> Tensor:
    """The published steps in their order."""
    seen = torch.stack(maps).mean(0)
    seen = (seen - seen.min()) / (seen.max() - seen.min())
    times = side // len(seen)
    return (seen.repeat_interleave(times, 0).repeat_interleave(times, 1) >= threshold).flatten()


def test_painted_cells_take_the_nearest_of_the_latents() -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4, 2:] = 1
    source, target = Painted(mask, 1 - mask)(site(0), AT)
    assert torch.equal(source, mask.flatten() > 0) and torch.equal(target, ~source)
    coarse, _ = Painted(mask, mask)(site(2), AT)
    assert torch.equal(coarse, mask[0, 0, ::2, ::2].flatten() > 0)


def test_words_are_found_in_the_layers_before() -> None:
    one = found()
    first, *others = one.keeps
    maps = {nth: filled(keep, 10 * nth) for nth, keep in one.keeps.items()}
    assert others, "there is more than one layer to look at"
    last = site(6)
    source, target = one(last, AT) or (None, None)
    assert source is not None and target is not None
    before = [maps[nth] for nth in one.keeps if nth < last.nth]
    assert torch.equal(source, spelled_out([m["src+"][..., 1] for m in before], 0.4, 8))
    assert torch.equal(target, spelled_out([m["tgt+"][..., [2, 3]].sum(-1) for m in before], 0.4, 8))
    early, _ = one(site(first + 1), AT) or (None, None)
    assert early is not None
    side = AT.canvas(site(first + 1))[0]
    assert torch.equal(early, spelled_out([maps[first]["src+"][..., 1]], 0.4, side)), "the first alone"


def test_nothing_is_known_before_the_first_map_of_a_step() -> None:
    one = found()
    for keep in one.keeps.values():
        filled(keep, 1, step=1)
    assert one(site(6), AT) is None, "maps of the step before are none of this one"
    assert found()(site(6), AT) is None


def test_from_a_threshold_of_nothing_on_the_thing_is_everywhere() -> None:
    one = found(threshold=0.0)
    for keep in one.keeps.values():
        filled(keep, 1)
    assert all(bool(cells.all()) for cells in one(site(6), AT) or ())


def test_a_map_without_a_peak_is_no_number_nowhere() -> None:
    one = found()
    for keep in one.keeps.values():
        filled(keep, 1)
        keep.sums = {role: torch.ones_like(seen) for role, seen in keep.sums.items()}
    assert not any(bool(cells.any()) for cells in one(site(6), AT) or ())


def test_maps_are_only_formed_from_the_first_step_on() -> None:
    (keep, *_) = found(since=2).keeps.values()
    assert [keep.when(Moment(step, 4)) for step in range(4)] == [False, False, True, True]


def test_what_was_found_is_shown_after_each_step() -> None:
    one, xs = found(), {"src": draw(1, 4, 8, 8), "tgt": draw(1, 4, 8, 8)}
    assert one.shown(2, xs) is xs and not one.meter.maps, "nothing was found yet"
    for keep in one.keeps.values():
        filled(keep, 1)
    assert one.shown(2, xs) is xs
    source, target = one(site(6), AT) or (torch.ones(1), torch.ones(1))
    assert 0 < float(one.meter.maps["mask"].mean()) < 1
    assert one.meter.maps["mask"].shape == (8, 8)
    assert torch.equal(one.meter.maps["mask"].flatten() > 0, source | target) or len(one.keeps) > 1

"""The meter: counting, reporting, stopping."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from overpaint.api import edit, generate
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.sample import denoise
from tests.kit import Copy, Mutual, call, clean, draw, equal, pair, shared
from tests.test_api import smooth


def test_every_kind_of_work_is_counted() -> None:
    meter = Meter()
    meter.tick("rows", 4)
    meter.tick("rows", 2)
    meter.tick("backward")
    meter.tick("update", 3)
    meter.tick("item")
    counted = meter.calls, meter.rows, meter.backwards, meter.updates, meter.items
    assert counted == (2, 6, 1, 3, 1)


def test_a_walk_is_counted_by_calls_and_rows() -> None:
    model, x, ticks = shared(), draw(1, 4, 8, 8), list[int]()
    meter = Meter(on_tick=lambda m: ticks.append(m.rows))
    with model.metered(meter):
        denoise(model, model.path(3), {"src": x, "tgt": x}, pair())
    assert (meter.calls, meter.rows) == (3, 12)
    assert ticks == [4, 8, 12]
    assert model.meter is not meter


def test_previews_are_offered_every_step() -> None:
    model, x, seen = shared(), draw(1, 4, 8, 8), list[torch.Tensor]()
    with model.metered(Meter(on_preview=seen.append)):
        denoise(model, model.path(3), {"src": x, "tgt": x}, pair())
    assert [s.shape for s in seen] == [(1, 4, 8, 8)] * 3


def test_nobody_has_to_listen() -> None:
    Meter().preview(torch.zeros(1, 4, 8, 8))


def test_notes_make_curves() -> None:
    meter = Meter()
    meter.note("error", 1.0)
    meter.note("error", 0.5)
    assert meter.notes == {"error": [1.0, 0.5]}


def test_time_passes() -> None:
    assert 0 <= Meter().seconds < 60


@pytest.mark.parametrize("at", [1, 2, Random(0).randint(3, 7)])
def test_cancelling_stops_at_the_next_call_and_leaves_nothing_behind(at: int) -> None:
    model, x, before = shared(), draw(1, 4, 8, 8), call(shared())
    meter = Meter(on_tick=lambda m: m.cancel() if m.calls == at else None)
    with pytest.raises(Cancelled), model.metered(meter), model.control(Copy(), Mutual()):
        denoise(model, model.path(8), {"src": x, "tgt": x}, pair())
    assert meter.calls == at
    assert clean(model)
    assert not model.meter.cancelled
    assert equal(call(model), before)


def test_the_old_meter_is_back_after_an_error() -> None:
    model = shared()
    before = model.meter
    with pytest.raises(RuntimeError), model.metered(Meter()):
        raise RuntimeError
    assert model.meter is before


def test_how_much_there_is_to_do_is_known_from_the_first_tick() -> None:
    seen = list[tuple[int, int | None, float]]()
    meter = Meter(on_tick=lambda m: seen.append((m.rows, m.total, m.share)))
    assert (meter.total, meter.share) == (None, 0.0)
    for _ in range(2):
        generate("a cat", model=shared(), steps=4, meter=meter)
    assert seen[:4] == [(2, 8, 0.25), (4, 8, 0.5), (6, 8, 0.75), (8, 8, 1.0)]
    assert seen[4][:2] == (10, 16) and (meter.total, meter.share) == (16, 1.0)


def test_work_that_is_found_done_is_not_waited_for(tmp_path: Path) -> None:
    model, meter = shared(), Meter()
    asked: dict[str, Any] = {"source": "a cat", "target": "a dog", "model": model, "steps": 2}
    with model.keeping(Cache(tmp_path)):
        edit(smooth(), **asked)
        edit(smooth(), meter=meter, **asked)
    assert (meter.rows, meter.total, meter.share) == (6, 6, 1.0)

"""What methods cost: counted calls, published rows, and the time of bare ones."""

import pytest
import torch
from tests.bench.kit import first

from overpaint.bench.cost import Costs, Sizes, backward, bare_calls, costs, markdown, told
from overpaint.bench.run import planned
from overpaint.bench.variant import Variant, variants
from overpaint.card import Cost
from overpaint.meter import Meter
from overpaint.model import Model

CASE = first("object")[0]


def chosen(model: Model, *methods: str, inversions: tuple[str, ...] = ()) -> list[Variant]:
    return variants(methods, inversions, {"steps": "2"}, model, ["region"])


def test_rows_are_those_that_were_counted(still_life: Model) -> None:
    own, edict, blended = chosen(still_life, "p2p", "edict", "blended-latent")
    (over,) = chosen(still_life, "p2p", inversions=("ddim",))
    p2p, other, edict, blended = costs(still_life, CASE, [own, over, edict, blended])
    assert p2p.published == Cost.of(450) and p2p.usual.rows == (200, 200)
    assert other.published is None and other.usual.rows == (250, 250)
    assert edict.published == Cost.of(320) and edict.usual.rows == (320, 320)
    assert (blended.rows, blended.usual.rows) == (4, (100, 100))
    assert other.rows == p2p.rows + 2 > 6
    for one in (p2p, other, edict, blended):
        assert one.seconds > 0 and one.bare > 0 and one.backwards == 0


def test_an_inversion_is_made_anew(still_life: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = object()
    monkeypatch.setattr(still_life, "cache", forbidden)
    one, two = costs(still_life, CASE, [*chosen(still_life, "p2p"), *chosen(still_life, "p2p")])
    assert one.rows == two.rows > 0
    assert still_life.cache is forbidden


def test_calls_are_noted_with_their_rows() -> None:
    sizes = Sizes()
    meter = Meter(on_tick=sizes)
    meter.tick("rows", 3)
    meter.tick("look", 1)
    meter.tick("rows", 1)
    assert sizes.seen == [3, 1]


def test_bare_calls_leave_no_trace(still_life: Model) -> None:
    (variant,) = chosen(still_life, "p2p")
    job = planned(still_life, CASE, CASE.pictures(), variant)
    before = still_life.meter.rows
    assert bare_calls(job, []) < bare_calls(job, [1, 2, 2])
    assert isinstance(backward(job), float)
    assert still_life.meter.rows == before
    assert not any(p.requires_grad or p.grad is not None for p in still_life.net.parameters())
    assert torch.is_grad_enabled()


def test_the_table_says_ranges_and_backward_passes() -> None:
    null_text = Cost((300, 750), (50, 500))
    assert told(null_text) == "300 to 750 and 50 to 500 back"
    line = Costs("p2p null-text", None, null_text, 400, 100, 12.34, 10.0)
    bare = Costs("nothing", Cost.of(0), Cost.of(0), 0, 0, 0.0, 0.0)
    assert markdown([line, bare]).splitlines()[2:] == [
        "| p2p null-text |  | 300 to 750 and 50 to 500 back | 400 | 100 | 12.3 | 1.23 |",
        "| nothing | 0 | 0 | 0 |  | 0.0 |  |",
    ]

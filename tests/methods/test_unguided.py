"""At guidance 1 the prediction is the conditional one: no other row is asked for where nobody looks at it."""

from typing import Any

import pytest
import torch

from overpaint import registry
from overpaint.contract.checks import EXACT, in_double_precision
from overpaint.contract.trial import network, result, run, short, task
from overpaint.guides import CFG
from overpaint.inversions import Inversion
from overpaint.meter import Meter
from overpaint.method import Method
from overpaint.methods import infedit

Case = tuple[str, dict[str, Any]]
GUIDED: tuple[Case, ...] = tuple(
    (name, {})
    for name in registry.METHODS
    if "guidance" in registry.find(name).model_fields and name != "spatext"  # whose guide is another one
)
MORE: tuple[Case, ...] = (
    *((name, {"inversion": "edict"}) for name in ("ddim", "p2p")),
    *(("p2p", {"inversion": one}) for one in ("ddim", "null-text", "virtual", "recorded", "cycle")),
    ("p2p", {"inversion": {"name": "direct", "form": "offset"}}),
    ("p2p", {"inversion": {"name": "fixed-point", "guidance": 2}}),
    ("p2p", {"inversion": {"name": "negative-prompt", "proximal": "l0"}}),
    ("p2p", {"unconditional_replace": 0.5}),
    ("p2p", {"unconditional_replace": 0.5, "inversion": "ddim"}),
    ("p2p", {"blend": "cat=>dog"}),
    ("masactrl", {"encode": "source"}),
    ("masactrl", {"encode": "source", "inversion": "direct"}),
    ("masactrl", {"encode": "source", "inversion": {"name": "negative-prompt", "proximal": "l0"}}),
    ("masactrl", {"thing": "cat=>dog"}),
    *(("pnp", {"inversion": one}) for one in ("ddim", "null-text", "edict", "recorded")),
    ("pnp", {"inversion": "ddim", "encode": "source"}),
    ("pnp", {"inversion": {"name": "direct", "form": "offset"}, "encode": "source"}),
    ("pnp", {"inversion": {"name": "negative-prompt", "proximal": "l0"}}),
    ("pnp", {"negative": "a red cat"}),
    ("pnp", {"negative": "a red cat", "fade": {"alpha": 0.5}}),
    ("infedit", {"inversion": {"source_guidance": 3}}),
    ("infedit", {"blend": "dog"}),
    ("pix2pix-zero", {"attention_guidance": 0}),
)
SINGLE = 1e-6
"""The same for latents that are drawn, which are in single precision."""


def made(name: str, scale: float, options: dict[str, Any]) -> tuple[Method, torch.Tensor, int]:
    """A short edit in double precision, and the rows it took."""
    kind = registry.find(name)
    method, model, meter = short(kind, guidance=scale, **options), network(kind, "sd1"), Meter()
    in_double_precision(model)
    return method, result(run(model, method, task(model, kind), meter)), meter.rows


def both_rows(patch: pytest.MonkeyPatch) -> None:
    """Ask for every row, as at any other guidance."""

    def never(*args: Any) -> bool:
        return False

    patch.setattr(CFG, "idle", frozenset[str]())
    patch.setattr(Inversion, "one_row_at", never)
    patch.setattr(infedit, "unguided", never)


@pytest.mark.sample(8)
@pytest.mark.parametrize(("name", "options"), (*GUIDED, *MORE), ids=str)
def test_it_gives_what_both_rows_give_at_the_rows_of_the_card(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    method, few, rows = made(name, 1.0, options)
    low, high = method.card.cost(method).rows
    assert low <= rows <= high
    both_rows(monkeypatch)
    _, many, all_rows = made(name, 1.0, options)
    assert rows <= all_rows
    limit = EXACT if many.dtype == torch.float64 else SINGLE
    assert float((few - many).abs().max()) <= limit * max(1.0, float(many.abs().max()))


@pytest.mark.parametrize(
    ("name", "rows"),
    [("infedit", 36), ("edict", 160), ("ddim", 100), ("p2p", 150), ("sdedit", 30), ("pnp", 150)],
)
def test_the_cards_know(name: str, rows: int) -> None:
    kind = registry.find(name)
    method = kind.model_validate({"guidance": 1})
    assert method.card.cost(method).rows == (rows, rows)


@pytest.mark.parametrize(
    ("name", "options", "one", "two"),
    [
        ("infedit", {}, 9, 15),
        ("infedit", {"inversion": {"source_guidance": 3}}, 18, 18),
        ("edict", {}, 8, 16),
        ("ddim", {}, 6, 9),
        ("p2p", {}, 9, 12),
        ("p2p", {"inversion": "ddim"}, 9, 15),
        ("p2p", {"unconditional_replace": 0.5}, 15, 15),
        ("masactrl", {"encode": "source"}, 9, 15),
        ("pnp", {}, 9, 12),
        ("pnp", {"inversion": "ddim", "encode": "source"}, 9, 15),
        ("sdedit", {"strength": 0.7}, 2, 4),
        ("generate", {}, 3, 6),
    ],
    ids=str,
)
def test_rows_that_count_are_counted(name: str, options: dict[str, Any], one: int, two: int) -> None:
    assert [made(name, scale, options)[2] for scale in (1.0, 3.0)] == [one, two]


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.5, 7.5])
def test_elsewhere_nothing_is_left_out(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    _, now, rows = made("p2p", scale, {})
    both_rows(monkeypatch)
    _, before, all_rows = made("p2p", scale, {})
    assert rows == all_rows and torch.equal(now, before)

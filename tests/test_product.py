"""The attention product: its map beside the fused kernel, and what masks hide."""

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from overpaint.attention import Control, Moment, Site
from overpaint.model import Model
from overpaint.product import allowed_by_both, scores
from tests import kit
from tests.kit import Record, Softmax, call, draw, gap, shared

CLOSE = 1e-4
"""Float error of a call whose rows or softmax are computed another way."""


@pytest.fixture(params=kit.SHAPES)
def model(request: pytest.FixtureRequest) -> Model:
    return shared(request.param)


def test_scores_are_those_of_the_fused_kernel() -> None:
    q, k, v = draw(2, 3, 5, 8).repeat(3, 1, 1, 1, 1).unbind()
    keep = draw(2, 1, 5, 5) > -0.5
    keep[..., 0] = True
    for mask in (None, keep, draw(2, 1, 5, 5)):
        for scale in (None, 0.3):
            fused = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
            assert gap(scores(q, k, mask, scale) @ v, fused) < 1e-6


def test_scores_of_half_precision_are_float32() -> None:
    q = draw(1, 2, 4, 8).bfloat16()
    assert scores(q, q, None, None).dtype == torch.float32
    assert scores(q.double(), q.double(), None, None).dtype == torch.float64


@dataclass
class Blinker(Control):
    """Lets one row's self-attention see the first keys only."""

    keys: int
    role: str = "tgt+"
    added: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def __post_init__(self) -> None:
        self.writes = frozenset({self.role})

    def where(self, site: Site) -> bool:
        return site.kind == "self"

    def mask(self, site: Site, at: Moment) -> Tensor:
        self.asked.append(at.rows)
        height, width = at.canvas(site)
        allowed = torch.ones(len(at.rows), 1, height * width, height * width, dtype=torch.bool)
        allowed[at.of(self.role), ..., self.keys :] = False
        return torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf")) if self.added else allowed


@pytest.mark.parametrize("most", [None, 1])
def test_a_mask_hides_keys_from_the_rows_it_names(model: Model, most: int | None) -> None:
    plain, blinker = call(model), Blinker(3)
    with model.control(blinker), model.sparing(most):
        seen = call(model)
    assert gap(seen["src"].eps, plain["src"].eps) < CLOSE
    assert gap(seen["tgt"].eps, plain["tgt"].eps) > 1e-3
    assert {len(rows) for rows in blinker.asked} == {4 if most is None else 1}
    for same in (Blinker(3, added=True), Softmax()):
        with model.control(Blinker(3), same):
            assert gap(call(model)["tgt"].eps, seen["tgt"].eps) < CLOSE
    with model.control(Blinker(10_000)):
        assert gap(call(model)["tgt"].eps, plain["tgt"].eps) < CLOSE


def test_hidden_keys_have_no_share_in_the_maps() -> None:
    model, record = shared(), Record("self")
    with model.control(Blinker(2), record):
        call(model)
    target = Moment(rows=("src-", "tgt-", "src+", "tgt+")).of("tgt+")[0]
    for maps in record.maps.values():
        assert float(maps[target, ..., 2:].abs().max()) == 0
        assert float(maps[target].sum(-1).sub(1).abs().max()) < 1e-5


def test_two_masks_let_through_what_both_do() -> None:
    left = torch.tensor([[[[True, True, False, False]]]])
    right = torch.tensor([[[[True, False, True, False]]]])
    shift = torch.tensor([[[[0.5, 1.0, 2.0, 3.0]]]])
    never = float("-inf")
    assert allowed_by_both(left, None) is left and allowed_by_both(None, right) is right
    assert allowed_by_both(None, None) is None
    both = allowed_by_both(left, right)
    assert both is not None and torch.equal(both, left & right)
    for mixed in (allowed_by_both(left, shift), allowed_by_both(shift, left)):
        assert mixed is not None and torch.equal(mixed.flatten(), torch.tensor([0.5, 1.0, never, never]))

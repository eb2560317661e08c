"""Laws of attention control that hold across its parts."""

from dataclasses import dataclass
from typing import Any, cast

import pytest
import torch
from tests import kit
from tests.kit import Copy, Mutual, Record, call, clean, draw, equal, gap, pair, shared
from torch import Tensor

from overpaint.attention import Control, Heads, Maps, Moment, Site
from overpaint.model import Model
from overpaint.sample import denoise


@pytest.fixture(params=["sd1", "sdxl"])  # SD 2 has the layers of SD 1
def model(request: pytest.FixtureRequest) -> Model:
    return shared(request.param)


@dataclass
class Features(Control):
    """The target's residual blocks on the way up give what the source's give."""

    reads = frozenset({"src+"})
    writes = frozenset({"tgt+", "tgt-"})

    def where(self, site: Site) -> bool:
        return site.kind == "conv" and site.place == "up"

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        order = [at.rows.index("src+") if role in self.writes else k for k, role in enumerate(at.rows)]
        return o[order]


@dataclass
class Hotter(Control):
    """Sharper maps in the cross layers, for every row."""

    needs_probs = True

    def where(self, site: Site) -> bool:
        return site.kind == "cross"

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        return (2 * p.clamp(min=1e-9).log()).softmax(-1)


@dataclass
class Longer(Control):
    """Longer queries in the self layers, for every row."""

    def where(self, site: Site) -> bool:
        return site.kind == "self"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        return q * 1.5, k, v


@pytest.mark.parametrize(
    ("one", "other"), [(Hotter(), Longer()), (Mutual(), Copy()), (Features(), Mutual()), (Copy(), Features())]
)
def test_controls_of_different_kinds_commute(model: Model, one: Control, other: Control) -> None:
    with model.control(one, other):
        first = call(model)
    with model.control(other, one):
        second = call(model)
    assert equal(first, second)
    assert not equal(first, call(model))


@pytest.mark.parametrize("control", [Mutual(), Copy(), Features()])
def test_the_source_never_feels_what_is_done_to_the_target(model: Model, control: Control) -> None:
    plain = call(model)
    with model.control(control):
        edited = call(model)
    if control.needs_probs:  # maps are computed for every row: the fused kernel to rounding
        assert gap(edited["src"].eps, plain["src"].eps) < 1e-5 * float(plain["src"].eps.abs().max())
    else:
        assert torch.equal(edited["src"].eps, plain["src"].eps)
    assert gap(edited["tgt"].eps, plain["tgt"].eps) > 1e-4


def test_copying_everything_makes_the_target_the_source(model: Model) -> None:
    """Same latent, and all that text can say replaced: the cross layers read the source's keys and values."""

    class Everything(Mutual):
        def where(self, site: Site) -> bool:
            return site.kind == "cross"

    if model.family.name == "sdxl":
        pytest.skip("pooled text reaches SDXL beside the layers")
    with model.control(Everything()):
        p = call(model)
    assert torch.equal(p["tgt"].eps, p["src"].eps)


def test_gradients_flow_through_recorded_maps_while_weights_stay_frozen(model: Model) -> None:
    weights = [p.clone() for p in model.net.parameters()]
    x = draw(1, 4, 8, 8).requires_grad_()
    record, i = Record(), 1
    with model.control(record):
        model.predict({"src": x}, i, model.path(4), [kit.single(model.family.name)])
    loss = torch.stack([(p * torch.arange(p.shape[-1])).sum() for p in record.maps.values()]).sum()
    cast(Any, loss).backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert float(x.grad.abs().max()) > 0
    assert not any(p.requires_grad or p.grad is not None for p in model.net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(weights, model.net.parameters(), strict=True))


def test_a_gradient_through_maps_is_the_true_one() -> None:
    """Against finite differences, in double precision: nothing is recorded twice and nothing is detached."""
    from overpaint.families.tiny import tiny

    model = tiny("sd1")
    model.net.double()
    direction = draw(1, 4, 8, 8, seed=9).double()

    def loss(x: Tensor) -> Tensor:
        record = Record()
        with model.control(record):
            model.predict({"src": x}, 1, model.path(4), [kit.single("sd1")])
        return torch.stack([(p**2).sum() for p in record.maps.values()]).sum()

    x = draw(1, 4, 8, 8).double().requires_grad_()
    cast(Any, loss(x)).backward()
    assert x.grad is not None
    step = 1e-5
    with torch.no_grad():
        slope = (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)
    assert float((x.grad * direction).sum()) == pytest.approx(float(slope), rel=1e-5)


def test_no_graph_is_kept_when_nobody_asked_for_one() -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    out = denoise(model, model.path(2), {"src": x, "tgt": x}, pair())
    assert not any(t.requires_grad for t in out.values())


def test_other_rows_in_the_call_change_nothing(model: Model) -> None:
    """Rows are independent: a branch alone is the branch in company, to rounding of the batch."""
    x, branches = draw(1, 4, 8, 8, seed=1), pair(model.family.name)
    alone = model.predict({"src": x}, 1, model.path(4), branches[:1])["src"].eps
    company = call(model)["src"].eps
    assert gap(alone, company) < 1e-5 * max(1.0, float(alone.abs().max()))


def test_a_recorded_tensor_is_never_written_to() -> None:
    """A record taken before an edit still holds what it held."""
    model, raw = shared(), Record()
    with model.control(raw, Copy(), Hotter()):
        call(model)
    alone = Record()
    with model.control(alone):
        call(model)
    first = next(one.name for one in model.tap.sites if one.kind == "cross")
    assert torch.equal(raw.maps[first], alone.maps[first])
    assert clean(model)

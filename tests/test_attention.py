"""The seam into the attention layers: stages, stacking, and who may act where and when."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from overpaint.attention import Control, Heads, Maps, Moment, SilentControl, Site
from overpaint.families.tiny import tiny
from overpaint.meter import Meter
from overpaint.model import Model
from tests import kit
from tests.kit import Copy, Mutual, Record, Softmax, Touch, call, clean, draw, equal, gap, shared


def site(kind: Any = "self", stride: int = 1) -> Site:
    return Site("up_blocks.1.attn1", "up", kind, 3, stride, torch.nn.Identity())


@pytest.fixture(params=kit.SHAPES)
def model(request: pytest.FixtureRequest) -> Model:
    return shared(request.param)


def test_rows_are_found_by_role() -> None:
    at = Moment(rows=("src-", "tgt-", "src+", "tgt+"))
    assert at.of("tgt+") == [3]
    assert at.of("src-", "src+") == [0, 2]
    assert at.of("nobody") == []


@pytest.mark.parametrize(
    ("height", "width", "stride", "canvas", "side"),
    [(64, 64, 4, (16, 16), 16.0), (64, 96, 8, (8, 12), 96**0.5), (9, 5, 2, (5, 3), 15**0.5)],
)
def test_a_canvas_follows_the_latent(
    height: int, width: int, stride: int, canvas: tuple[int, int], side: float
) -> None:
    at = Moment(height=height, width=width)
    assert at.canvas(site(stride=stride)) == canvas
    assert at.side(site(stride=stride)) == pytest.approx(side)


def test_canvas_is_the_size_of_the_maps_for_latents_that_are_not_square() -> None:
    model, record, x = shared("sd1"), Record("self"), draw(1, 4, 6, 10)
    with model.control(record):
        model.predict({"src": x}, 0, model.path(4), [kit.single("sd1")])
    at = Moment(height=6, width=10)
    for one in model.tap.sites:
        if one.kind == "self":
            height, width = at.canvas(one)
            assert record.maps[one.name].shape[-2:] == (height * width, height * width)
    assert {one.stride for one in model.tap.sites} == {1, 2}


def test_a_control_that_edits_nothing_changes_nothing(model: Model) -> None:
    plain = call(model)
    with model.control():
        assert equal(call(model), plain)
    with model.control(Touch()):
        assert equal(call(model), plain)
    assert clean(model)


@dataclass
class Product(Softmax):
    """Compares every layer's explicit product with the fused kernel on the same queries, keys and values."""

    inputs: list[Tensor] = field(default_factory=list[Tensor])
    worst: float = 0.0

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        self.inputs = [q, k, v]
        return q, k, v

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        if site.kind != "conv":
            q, k, v = self.inputs
            fused = torch.nn.functional.scaled_dot_product_attention(q, k, v)
            self.worst = max(self.worst, gap(fused, o) / max(1.0, float(fused.abs().max())))
        return o


def test_explicit_softmax_is_the_fused_kernel_to_rounding(model: Model) -> None:
    product = Product()
    with model.control(product):
        call(model)
    assert 0 < product.worst <= 1e-6


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_explicit_softmax_is_as_near_the_truth_as_the_fused_kernel(shape: Any) -> None:
    """Through a whole network rounding grows; none may be added. Truth is double precision."""
    model, exact = shared(shape), tiny(shape)
    exact.net.double()
    x, path = draw(1, 4, 8, 8, seed=1), shared(shape).path(4)
    truth = exact.predict({"src": x.double()}, 1, exact.path(4), [kit.single(shape)])
    fused = model.predict({"src": x}, 1, path, [kit.single(shape)])
    with model.control(Softmax()):
        explicit = model.predict({"src": x}, 1, path, [kit.single(shape)])
    limit = 3 * max(1e-6, gap(fused["src"].eps, truth["src"].eps))
    assert gap(explicit["src"].eps, truth["src"].eps) < limit


def test_maps_are_softmax_maps_in_float32(model: Model) -> None:
    record = Record("cross")
    with model.control(record):
        call(model)
    assert len(record.maps) == sum(one.kind == "cross" for one in model.tap.sites)
    for p in record.maps.values():
        assert p.dtype == torch.float32
        assert p.shape[-1] == model.family.window
        assert gap(p.sum(-1), torch.ones(p.shape[:-1])) < 1e-5


def test_nested_controls_are_one_list(model: Model) -> None:
    with model.control(Mutual(), Copy()):
        one = call(model)
    with model.control(Mutual()), model.control(Copy()):
        nested = call(model)
    assert equal(one, nested)
    assert not equal(one, call(model))
    assert clean(model)


def test_order_in_the_list_is_the_meaning() -> None:
    """Behind a copy the edited maps are seen, before it the raw ones."""
    model, raw, edited = shared(), Record(), Record()
    with model.control(raw, Copy(), edited):
        call(model)
    source, target = (Moment(rows=("src-", "tgt-", "src+", "tgt+")).of(role)[0] for role in ("src+", "tgt+"))
    first = next(one.name for one in model.tap.sites if one.kind == "cross")
    assert not torch.equal(raw.maps[first][target], raw.maps[first][source])
    assert torch.equal(edited.maps[first][target], edited.maps[first][source])


@dataclass
class Elsewhere(Control):
    """Wants a layer that is not there."""

    nth: int = 44

    def where(self, site: Site) -> bool:
        return site.kind == "self" and site.nth == self.nth


def test_a_layer_that_does_not_exist_is_refused_at_once(model: Model) -> None:
    with pytest.raises(SilentControl, match="Elsewhere names layers that this network does not have"):
        with model.control(Touch(), Elsewhere()):
            raise AssertionError("never reached")
    assert clean(model)


@pytest.mark.parametrize("attribute", ["reads", "writes"])
def test_a_misspelt_role_is_refused_before_the_network_runs(
    attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, spy = shared(), kit.Spy(lambda x: x)
    spy.on(model, monkeypatch)
    control = Touch()
    monkeypatch.setattr(control, attribute, frozenset({"target+"}))
    expected = r"Touch needs the row 'target\+', but this call has only src-, tgt-, src\+, tgt\+"
    with model.metered(Meter()) as meter, model.control(control):
        with pytest.raises(SilentControl, match=expected):
            call(model)
    assert (meter.calls, spy.told) == (0, [])
    assert clean(model)


@dataclass
class Window(Mutual):
    """Mutual attention for a stretch of the walk."""

    start: int = 0
    stop: int = 0

    def when(self, at: Moment) -> bool:
        return self.start <= at.step < self.stop


def test_an_empty_window_is_legal_and_changes_nothing(model: Model) -> None:
    plain = call(model)
    with model.control(Window()):
        assert equal(call(model), plain)


def test_roles_are_not_asked_for_outside_the_window() -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    with model.control(Window(start=2, stop=3)):
        model.predict({"src": x}, 1, model.path(4), [kit.single()])
        with pytest.raises(SilentControl, match="needs the row"):
            model.predict({"src": x}, 2, model.path(4), [kit.single()])
    assert clean(model)


def test_when_follows_the_step_of_the_call() -> None:
    model = shared()
    plain = [call(model, i=i) for i in range(4)]
    with model.control(Window(start=1, stop=3)):
        assert [equal(call(model, i=i), plain[i]) for i in range(4)] == [True, False, False, True]


@dataclass
class Reader(Control):
    """Gives cross layers another text, to read whole or for the values only."""

    states: Tensor
    stage: str

    def where(self, site: Site) -> bool:
        return site.kind == "cross"

    def context(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        return self.states.expand_as(states) if self.stage == "context" else states

    def values(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        return self.states.expand_as(states) if self.stage == "values" else states


def rows(model: Model, prompt: str = "a cat on the grass") -> Tensor:
    x = draw(1, 4, 8, 8, seed=5)
    shape: Any = model.family.name
    return model.predict({"src": x}, 1, model.path(4), [kit.single(shape, prompt)])["src"].eps


@pytest.mark.parametrize("stage", ["context", "values"])
def test_a_text_per_layer(model: Model, stage: str) -> None:
    shape: Any = model.family.name
    plain = rows(model)
    with model.control(Reader(kit.text(shape, "a cat on the grass").states, stage)):
        assert torch.equal(rows(model), plain)
    with model.control(Reader(kit.text(shape, "a dog at night").states, stage)):
        assert gap(rows(model), plain) > 1e-4
    assert torch.equal(rows(model), plain)


def test_context_replaces_what_the_layers_read() -> None:
    """In a network that takes its text through attention alone, another context is another prompt."""
    model = shared("sd1")
    with model.control(Reader(kit.text("sd1", "a dog at night").states, "context")):
        assert torch.equal(rows(model), rows(model, "a dog at night"))


def test_values_leave_the_map_as_it_was() -> None:
    model, plain, edited = shared("sd1"), Record(), Record()
    first = next(one.name for one in model.tap.sites if one.kind == "cross")
    with model.control(plain):
        rows(model)
    with model.control(Reader(kit.text("sd1", "a dog at night").states, "values"), edited):
        rows(model)
    assert torch.equal(plain.maps[first], edited.maps[first])


@dataclass
class Scale(Control):
    """Scales what leaves one kind of layer."""

    kind: str
    factor: float

    def where(self, site: Site) -> bool:
        return site.kind == self.kind and site.place == "up"

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        return o * self.factor


@pytest.mark.parametrize("kind", ["self", "cross", "conv"])
def test_outputs_can_be_edited(model: Model, kind: str) -> None:
    plain = call(model)
    with model.control(Scale(kind, 1.0)):
        assert equal(call(model), plain)
    with model.control(Scale(kind, 0.0)):
        assert not equal(call(model), plain)
    assert clean(model)


@dataclass
class Swap(Control):
    """Queries of one row for another's, by a map product rather than the fused kernel."""

    explicit: bool

    def __post_init__(self) -> None:
        self.needs_probs = self.explicit

    def where(self, site: Site) -> bool:
        return site.kind == "self"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        order = [at.rows.index(role.replace("tgt", "src")) for role in at.rows]
        return (q, k, v) if self.explicit else (q[order], k[order], v)

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        return p[[at.rows.index(role.replace("tgt", "src")) for role in at.rows]]


def test_copying_queries_and_keys_is_copying_maps(model: Model) -> None:
    plain = call(model)
    with model.control(Swap(explicit=True)):
        maps = call(model)
    with model.control(Swap(explicit=False)):
        fused = call(model)
    size = float(plain["tgt"].eps.abs().max())
    assert gap(maps["tgt"].eps, fused["tgt"].eps) < 1e-5 * max(1.0, size)
    assert not equal(maps, plain)


def test_sites_nobody_wants_are_left_to_the_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    model, entered = shared(), list[str]()
    mode: Any = torch.overrides.TorchFunctionMode
    real = mode.__enter__

    def enter(self: Any) -> Any:
        entered.append(self.site.name)
        return real(self)

    monkeypatch.setattr(mode, "__enter__", enter)
    with model.control(Elsewhere(nth=1)):
        call(model)
    assert entered == [one.name for one in model.tap.sites if one.kind == "self" and one.nth == 1]

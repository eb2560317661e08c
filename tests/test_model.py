"""The frozen denoiser: one call, its rows, and what is put on and taken off around it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from overpaint.attention import Control, Moment, Site
from overpaint.errors import OverpaintError, UsageError
from overpaint.families.tiny import tiny
from overpaint.guides import CFG, Plain
from overpaint.meter import Meter
from overpaint.model import Branch, Call, Guide, Line, Model
from overpaint.network import Family, Residuals, Text, together
from overpaint.path import Latent, Prediction
from tests import kit
from tests.kit import Sight, call, clean, draw, equal, gap, shared, single, text


def test_a_model_is_frozen() -> None:
    net = shared().net
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_families_keep_their_protocol(shape: Any) -> None:
    family = shared(shape).family
    assert isinstance(family, Family)
    assert family.name == shape
    assert (family.channels, family.factor, family.side, family.window) == (4, 4, 32, 16)
    assert isinstance(Plain(text("sd1", "a cat")), Guide)


def test_shape_of_a_latent() -> None:
    assert shared().shape(32, 48) == (1, 4, 8, 12)


@dataclass
class Roles(Control):
    """Notes who is in the call."""

    rows: tuple[str, ...] = ()
    moment: Moment | None = None

    def where(self, site: Site) -> bool:
        return site.kind == "self" and site.nth == 0

    def when(self, at: Moment) -> bool:
        self.rows, self.moment = at.rows, at
        return True


def test_rows_are_named_and_conditional_ones_come_last() -> None:
    model, roles = shared(), Roles()
    with model.control(roles):
        call(model, i=2, steps=5)
    assert roles.rows == ("src-", "tgt-", "src+", "tgt+")
    assert roles.moment == Moment(2, 5, roles.rows, 8, 8)


def test_a_source_of_one_row_may_walk_beside_a_guided_target() -> None:
    model, roles, x = shared(), Roles(), draw(1, 4, 8, 8)
    with model.control(roles):
        model.predict({"src": x, "tgt": x}, 0, model.path(4), [single(), kit.pair()[1]])
    assert roles.rows == ("tgt-", "src+", "tgt+")


@dataclass(frozen=True)
class Nosy(Guide):
    """Looks at its own rows and at those of the whole call."""

    text: Text
    seen: list[tuple[set[str], set[str]]]

    def lines(self, i: int) -> Sequence[Line]:
        return [Line("-", self.text), Line("smile", self.text), Line("+", self.text)]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        self.seen.append((set(own), set(call.rows)))
        assert all(p.x0.shape == call.x.shape for p in call.rows.values())
        return own["smile"]


def test_a_guide_sees_its_own_rows_by_sign_and_all_by_role() -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    guide = Nosy(text("sd1", "a cat"), [])
    branches = [Branch("a", guide), single()]
    model.predict({"a": x, "src": x}, 0, model.path(4), branches)
    assert guide.seen == [({"-", "smile", "+"}, {"a-", "asmile", "a+", "src+"})]


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_every_row_reads_its_own_text(shape: Any) -> None:
    model, x, path = shared(shape), draw(1, 4, 8, 8), shared(shape).path(4)
    cat, dog = text(shape, "a cat"), text(shape, "a dog")
    p = model.rows(x.expand(3, -1, -1, -1), 1, path, ["a", "b", "c"], [Line("+", t) for t in (cat, dog, cat)])
    assert gap(p.eps[0], p.eps[2]) < 1e-5
    assert gap(p.eps[0], p.eps[1]) > 1e-4


def test_extra_channels_go_to_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = shared(), list[Tensor]()

    def answer(x: Tensor) -> Tensor:
        seen.append(x)
        return x[:, :4]

    kit.Spy(answer).on(model, monkeypatch)
    x, extra, cat = draw(1, 4, 8, 8), draw(1, 5, 8, 8, seed=1), text("sd1", "a cat")
    model.rows(x, 0, model.path(4), ["a"], [Line("+", cat, extra)])
    assert torch.equal(seen[0], torch.cat([x, extra], 1))


def test_a_latent_may_sit_at_another_level_than_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, eps, path = shared(), draw(1, 4, 8, 8), draw(1, 4, 8, 8, seed=1), shared().path(4)
    spy = kit.Spy(lambda _: eps).on(model, monkeypatch)
    p = model.predict({"src": x}, 2, path, [single()], level=3)["src"]
    assert spy.told == [float(path.t[2])]
    assert torch.equal(p.x0, path.read(x, eps, 3).x0)


def test_prompt_of_a_learned_text() -> None:
    assert text("sd1", "a cat").prompt.words == ("a", "cat")
    with pytest.raises(OverpaintError, match="not made from a prompt"):
        _ = Text(torch.zeros(1, 16, 24)).prompt


def test_together_stacks_texts() -> None:
    both = together([text("sdxl", "a cat"), text("sdxl", "a dog")])
    assert both.states.shape == (2, 16, 40)
    assert both.pooled is not None
    assert both.pooled.shape == (2, 16)
    assert together([text("sd1", "a cat")]).pooled is None


@dataclass(frozen=True)
class Push:
    """A side network that adds a constant in the middle, and notes what it was shown."""

    amount: float
    width: int = 16

    fingerprint = "a test's"

    def residuals(self, x: Latent, t: Tensor, text: Text, at: Moment) -> Residuals:
        assert len(x) == len(text.states) == len(at.rows)
        return Residuals(mid=torch.full((len(x), self.width, 4, 4), self.amount))


def test_sides_add_up() -> None:
    model = shared()
    plain = call(model)
    with model.side(Push(0.0)):
        assert equal(call(model), plain)
    with model.side(Push(0.5), Push(0.25)):
        both = call(model)
    with model.side(Push(0.5)), model.side(Push(0.25)):
        nested = call(model)
    with model.side(Push(0.75)):
        once = call(model)
    assert equal(both, nested)
    assert gap(both["src"].eps, once["src"].eps) < 1e-5
    assert not equal(both, plain)
    assert clean(model)


def test_a_side_may_speak_into_the_skips_alone_or_the_middle_alone() -> None:
    """Either alone is both with zeros for the other, and neither silences what the network has itself."""
    net, family, cat = shared().net, shared().family, text("sd1", "a cat")
    x, t, zero = draw(1, 4, 8, 8), torch.tensor(300), torch.zeros(1, 16, 4, 4)
    down = tuple(draw(1, c, s, s, seed=c + s) for c, s in [(8, 8), (8, 8), (8, 4), (16, 4)])
    none = tuple(torch.zeros_like(d) for d in down)
    base = family.call(net, x, t, cat, Residuals())
    for alone, both in (
        (Residuals(down), Residuals(down, zero)),
        (Residuals(mid=zero + 1), Residuals(none, zero + 1)),
    ):
        out = family.call(net, x, t, cat, alone)
        assert torch.equal(out, family.call(net, x, t, cat, both))
        assert gap(out, base) > 1e-4


def test_residuals_of_different_kinds_add_up() -> None:
    a, b = (draw(1, 2, 3, 3, seed=s) for s in (1, 2))
    left, right = Residuals((a, b), a), Residuals((b, b), None, (a,))
    total = left + right
    assert [torch.equal(x, y) for x, y in zip(total.down, (a + b, b + b), strict=True)] == [True, True]
    assert total.mid is not None
    assert torch.equal(total.mid, a)
    assert torch.equal(total.intra[0], a)
    assert Residuals() + Residuals() == Residuals()
    three = Residuals(mid=a) + Residuals(mid=a) + Residuals(mid=b)
    assert three.mid is not None
    assert gap(three.mid, 2 * a + b) < 1e-6


def test_a_side_is_gone_after_an_error() -> None:
    model = shared()
    with pytest.raises(RuntimeError), model.side(Push(0.5)), model.side(Push(0.25)):
        raise RuntimeError
    assert model.sides == []


@dataclass(frozen=True)
class Nudge:
    """Weights moved a little, and put back; holds a tensor, so two of them cannot be compared."""

    by: Tensor

    fingerprint = "a test's"

    @contextmanager
    def apply(self, model: Model) -> Generator[None, None, None]:
        weight = next(model.net.parameters())
        before = weight.clone()
        weight.add_(float(self.by.sum()))
        try:
            yield
        finally:
            weight.copy_(before)


def test_patches_are_put_on_and_taken_off() -> None:
    model = tiny("sd1")
    plain = call(model)
    with model.patched(Nudge(torch.ones(3)), Nudge(torch.ones(3))):
        assert len(model.patches) == 2
        assert not equal(call(model), plain)
    assert model.patches == []
    assert equal(call(model), plain)
    with pytest.raises(RuntimeError), model.patched(Nudge(torch.ones(3))):
        raise RuntimeError
    assert model.patches == []
    assert equal(call(model), plain)


def test_a_call_is_not_counted_before_its_controls_are_checked() -> None:
    model, roles = shared(), Roles()
    roles.reads = frozenset({"nobody"})
    with model.metered(Meter()) as meter, model.control(roles), pytest.raises(OverpaintError):
        call(model)
    assert (meter.calls, meter.rows) == (0, 0)


def test_fingerprint_is_of_the_weights() -> None:
    assert shared("sd1").fingerprint == shared("sd1").fingerprint != shared("sd2").fingerprint


def test_guides_may_give_another_null_at_every_step() -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    nulls = [text("sd1", p) for p in ("", "a dog", "a bird", "snow")]
    guide = CFG(text("sd1", "a cat"), nulls, 5.0)
    for i, null in enumerate(nulls):
        one = model.predict({"t": x}, i, model.path(4), [Branch("t", guide)])["t"]
        same = model.predict({"t": x}, i, model.path(4), [Branch("t", CFG(guide.text, null, 5.0))])["t"]
        assert torch.equal(one.eps, same.eps)


def test_its_eye_is_opened_once_and_looks_are_counted() -> None:
    opened: list[int] = []

    class Blind(Sight):
        fingerprint = "blind"

        def tokens(self, pixels: Tensor, normed: bool = True) -> Tensor:
            return torch.ones(len(pixels), 5, 3)

        def look(self, pixels: Tensor) -> Tensor:
            return torch.ones(len(pixels), 3)

        def read(self, prompts: Sequence[str]) -> Tensor:
            return torch.ones(len(prompts), 3)

    def open_eye() -> Blind:
        opened.append(1)
        return Blind()

    base = shared()
    model = Model(base.net, base.family, open_eye=open_eye)
    for _ in range(2):
        assert model.look(torch.zeros(2, 3, 8, 8)).shape == (2, 3)
    assert model.tokens(torch.zeros(2, 4, 8, 8)).shape == (2, 5, 3)
    assert (len(opened), model.meter.looks, model.meter.decodes) == (1, 6, 2)
    with pytest.raises(UsageError, match="no image tower of CLIP"):
        Model(base.net, base.family).look(torch.zeros(1, 3, 8, 8))
    with model.metered(Meter()) as meter, pytest.raises(UsageError, match="no image tower of CLIP"):
        Model(base.net, base.family, meter=meter).tokens(torch.zeros(1, 4, 8, 8))
    assert meter.decodes == 0

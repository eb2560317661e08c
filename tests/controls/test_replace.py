"""The replacements of Prompt-to-Prompt, on the maps themselves and in a network call."""

from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F
from tests.kit import Record, call, clean, draw, equal, gap, pair, shared, single, text
from torch import Tensor

from overpaint.attention import Control, Heads, Maps, Moment, SilentControl, Site
from overpaint.controls import CrossReplace, SelfReplace, put
from overpaint.controls.replace import in_frame
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.model import Branch
from overpaint.product import scores
from overpaint.words import Alignment, Words, refine, swap, weights, windows

ROWS = ("src-", "tgt-", "src+", "tgt+")
SRC, TGT = 2, 3
STEPS = 4


def words(prompt: str) -> Words:
    return text("sd1", prompt).prompt


def cross(
    alignment: Alignment | None = None, table: Tensor | None = None, factors: Tensor | None = None
) -> CrossReplace:
    n = shared().family.window
    return CrossReplace(
        Alignment(torch.eye(n), torch.ones(n)) if alignment is None else alignment,
        torch.ones(STEPS + 1, n) if table is None else table,
        torch.ones(n) if factors is None else factors,
    )


def site(kind: str = "cross") -> Site:
    return next(s for s in shared().tap.sites if s.kind == kind)


def moment(step: int = 1, rows: tuple[str, ...] = ROWS, side: int = 8) -> Moment:
    return Moment(step, STEPS, rows, side, side)


def maps(seed: int = 0) -> Tensor:
    return draw(4, 2, 64, shared().family.window, seed=seed).softmax(-1)


def spelled_out(o: CrossReplace, step: int, src: Tensor, tgt: Tensor) -> Tensor:
    """The formula of the paper, without any folding."""
    w, a, kept = o.table[step], o.alignment.matrix, o.alignment.kept
    replaced = (kept * torch.einsum("hqs,st->hqt", src, a) + (1 - kept) * tgt) * o.factors
    return w * replaced + (1 - w) * tgt


@pytest.mark.parametrize("step", range(STEPS))
def test_the_formula(step: int) -> None:
    source, target = words("a photo of a tiger in snow"), words("a photo of a big dog on grass at night")
    table = windows(target, STEPS, (0.2, 0.9), {"dog": 0.5, "grass": (0.5, 1.0)})
    o = cross(refine(source, target), table, weights(target, {"big": 3.0, "photo": -1.0}))
    p = maps()
    new = o.probs(site(), moment(step), p)
    assert gap(new[TGT], spelled_out(o, step, p[SRC], p[TGT])) <= 1e-6
    assert torch.equal(new[:TGT], p[:TGT]), "only the target's conditional row is written"


def test_nothing_is_changed_in_place() -> None:
    p = maps()
    before = p.clone()
    cross().probs(site(), moment(), p)
    assert torch.equal(p, before)


def test_plain_copying_is_exact() -> None:
    p = maps()
    assert torch.equal(cross().probs(site(), moment(), p)[TGT], p[SRC])


def test_equal_token_counts_swap_by_copying() -> None:
    alignment = swap(words("a cat on the grass"), words("a dog on the grass"))
    p = maps()
    assert torch.equal(cross(alignment).probs(site(), moment(), p)[TGT], p[SRC])


def test_a_swapped_word_keeps_the_attention_of_the_old_one() -> None:
    source, target = words("a cat on the grass"), words("a tiger on the grass")
    p = maps()
    new = cross(swap(source, target)).probs(site(), moment(), p)[TGT]
    (cat,), tiger = source.places("cat"), list(target.places("tiger"))
    assert len(tiger) == 2
    assert gap(new[..., tiger].sum(-1), p[SRC][..., cat]) <= 1e-7
    assert torch.equal(new[..., target.places("grass")[0]], p[SRC][..., source.places("grass")[0]])


def test_refinement_keeps_own_maps_at_inserted_tokens() -> None:
    source, target = words("a cat on the grass"), words("a big cat on the blue grass")
    p = maps()
    new = cross(refine(source, target)).probs(site(), moment(), p)[TGT]
    for word in ("big", "blue"):
        (own,) = target.places(word)
        assert torch.equal(new[..., own], p[TGT][..., own])
    for word in ("cat", "grass"):
        (there,), (here,) = source.places(word), target.places(word)
        assert torch.equal(new[..., here], p[SRC][..., there])


def test_a_factor_scales_its_word_and_no_other() -> None:
    target = words("a cat on the grass")
    p = maps()
    new = cross(factors=weights(target, {"cat": 3.0})).probs(site(), moment(), p)[TGT]
    cat = list(target.places("cat"))
    others = [k for k in range(p.shape[-1]) if k not in cat]
    assert torch.equal(new[..., cat], 3 * p[SRC][..., cat])
    assert torch.equal(new[..., others], p[SRC][..., others])


def test_maps_may_be_wider_than_the_tables() -> None:
    p = maps().double()
    new = cross().probs(site(), moment(), p)
    assert new.dtype == torch.float64
    assert torch.equal(new[TGT], p[SRC])


def test_the_windows_say_when() -> None:
    table = torch.zeros(STEPS + 1, shared().family.window)
    table[1:3, 5] = 1
    o = cross(table=table)
    assert [o.when(moment(step)) for step in range(STEPS + 3)] == [
        False,
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    own = SelfReplace((0.3, 0.8))
    assert [own.when(Moment(step, 10)) for step in range(10)] == [3 <= step < 8 for step in range(10)]
    assert not any(SelfReplace(0.0).when(Moment(step, 10)) for step in range(10))
    assert all(SelfReplace(1.0).when(Moment(step, 10)) for step in range(10))


@pytest.mark.parametrize("shape", SHAPES)
def test_closed_windows_leave_the_call_bit_equal(shape: Shape) -> None:
    model = shared(shape)
    plain = call(model)
    with model.control(cross(table=torch.zeros(STEPS + 1, 16)), SelfReplace(0.0)):
        assert equal(call(model), plain)
    assert clean(model)


@dataclass
class Rows(Control):
    """Keeps what enters every attention product and what leaves it."""

    entered: dict[str, tuple[Tensor, ...]] = field(default_factory=dict[str, tuple[Tensor, ...]])
    left: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def where(self, site: Site) -> bool:
        return site.kind != "conv"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        self.entered[site.name] = (q, k, v)
        return q, k, v

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        self.left[site.name] = o
        return o


@pytest.mark.parametrize("shape", SHAPES)
def test_other_rows_never_change(shape: Shape) -> None:
    model = shared(shape)
    source, target = (text(shape, p).prompt for p in ("a cat on the grass", "a dog on the grass"))
    plain, edited = Rows(), Rows()
    with model.control(Record(), plain):  # maps are formed in both, so that kernels agree
        call(model)
    with model.control(cross(swap(source, target)), SelfReplace(1.0), edited):
        call(model)
    moved = 0.0
    for name, o in plain.left.items():
        assert gap(o[:TGT], edited.left[name][:TGT]) <= 2e-6
        moved = max(moved, gap(o[TGT], edited.left[name][TGT]))
    assert moved > 1e-4


@dataclass
class ByMaps(Control):
    """The published form of the layout's replacement: whole maps are formed and copied."""

    needs_probs = True

    def where(self, site: Site) -> bool:
        return site.kind == "self"

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        return put(p, [TGT], p[SRC : SRC + 1])


def test_queries_and_keys_give_the_same_map_as_copying_it() -> None:
    q, k, v = (draw(4, 2, 64, 8, seed=seed) for seed in (1, 2, 3))
    new_q, new_k, new_v = SelfReplace(1.0).qkv(site("self"), moment(), q, k, v)
    copied = put(scores(q, k, None, None), [TGT], scores(q, k, None, None)[SRC : SRC + 1])
    assert gap(scores(new_q, new_k, None, None), copied) <= 1e-6
    assert gap(F.scaled_dot_product_attention(new_q, new_k, new_v), copied @ v) <= 1e-6
    assert torch.equal(new_v, v)


@pytest.mark.parametrize("shape", SHAPES)
def test_so_do_they_in_a_whole_network(shape: Shape) -> None:
    model = tiny(shape)
    model.net.double()  # the kernels differ in the last digits, which a deep network blows up
    with model.control(SelfReplace(1.0)):
        fused = call(model)
    with model.control(ByMaps()):
        explicit = call(model)
    assert gap(fused["tgt"].eps, explicit["tgt"].eps) <= 1e-6
    assert gap(fused["src"].eps, explicit["src"].eps) <= 1e-6
    assert gap(fused["tgt"].eps, call(model)["tgt"].eps) > 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_open_windows_give_the_target_every_map_of_the_source(shape: Shape) -> None:
    model = shared(shape)
    crosses, selves = Record(), Record(kind="self")
    with model.control(cross(), SelfReplace(1.0), crosses, selves):
        call(model)
    assert crosses.maps and selves.maps
    for p in (*crosses.maps.values(), *selves.maps.values()):
        assert torch.equal(p[TGT], p[SRC])


def test_maps_larger_than_the_limit_are_left_alone() -> None:
    model, rows = shared(), Rows()
    xs = {"src": draw(1, 4, 8, 8, seed=1), "tgt": draw(1, 4, 8, 8, seed=2)}
    with model.control(SelfReplace(1.0, limit=4), rows):
        model.predict(xs, 1, model.path(STEPS), pair())
    sides = {s.name: moment().side(s) for s in model.tap.sites if s.kind == "self"}
    assert set(sides.values()) == {4.0, 8.0}
    for name, side in sides.items():
        q, k, v = rows.entered[name]
        assert torch.equal(q[TGT], q[SRC]) == torch.equal(k[TGT], k[SRC]) == (side <= 4)
        assert not torch.equal(v[TGT], v[SRC])


def test_the_two_replacements_commute() -> None:
    model = shared()
    with model.control(cross(), SelfReplace(1.0)):
        one = call(model)
    with model.control(SelfReplace(1.0), cross()):
        assert equal(call(model), one)


@pytest.mark.parametrize("control", [cross(), SelfReplace(1.0)])
def test_a_missing_row_is_refused_before_the_call(control: Control) -> None:
    model = shared()
    branch, calls = single(), model.meter.calls
    with model.control(control), pytest.raises(SilentControl, match="tgt"):
        model.predict({"src": draw(1, 4, 8, 8)}, 0, model.path(STEPS), [branch])
    assert model.meter.calls == calls
    assert clean(model)


def test_several_targets_may_follow_one_source_of_another_name() -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    names = ("cat", "one", "two")
    branches = [Branch(name, pair()[k > 0].guide) for k, name in enumerate(names)]
    controls = SelfReplace(1.0, source="cat+", targets=frozenset({"one+", "two+"}))
    with torch.no_grad(), model.control(controls):
        ps = model.predict(dict.fromkeys(names, x), 0, model.path(4), branches)
    assert torch.equal(ps["one"].eps, ps["two"].eps)
    with torch.no_grad():
        free = model.predict(dict.fromkeys(names, x), 0, model.path(4), branches)
    assert gap(ps["one"].eps, free["one"].eps) > 1e-5
    assert gap(ps["cat"].eps, free["cat"].eps) < 1e-5


@pytest.mark.parametrize(
    ("size", "square", "held"),
    [
        ((64, 64), 64.0, 32),
        ((56, 80), 64.0, 32),
        ((48, 88), 64.0, 32),
        ((112, 148), 128.0, 32),
        ((16, 20), 16.0, 8),
    ],
)
def test_a_limit_for_squares_holds_in_frames_that_are_rounded_up(
    size: tuple[int, int], square: float, held: int
) -> None:
    """Both for the very side of a square's map and for any below that of the next."""
    sides = [(size[0] * size[1] / 4**k) ** 0.5 for k in range(4)]
    for limit in (held, 2 * held - 1):
        found = in_frame(limit, square, *size)
        assert [side for side in sides if side <= found] == [side for side in sides if side <= held * 1.2]
    assert in_frame(held, square, size[0] // 2, size[1]) == held, "smaller than the square"

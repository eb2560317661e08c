"""The sharp edges of hooking into other people's networks: each was met once, none may cut again."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from threading import Thread
from typing import Any, cast

import pytest
import torch
from tests import kit
from tests.kit import (
    Copy,
    Mutual,
    Raise,
    Record,
    Touch,
    call,
    clean,
    depth,
    draw,
    equal,
    gap,
    hooks,
    pair,
    shared,
)
from torch import Tensor

from overpaint.attention import Control, Heads, Moment, SilentControl, Site
from overpaint.errors import OverpaintError
from overpaint.families.tiny import fill, tiny
from overpaint.guides import Plain
from overpaint.meter import Meter
from overpaint.model import Branch, Model
from overpaint.sample import denoise

networks: Any = import_module("diffusers.models.unets.unet_2d_condition")
processors: Any = import_module("diffusers.models.attention_processor")


@pytest.fixture
def fresh() -> Model:
    """A model that a test may leave changed."""
    return tiny("sd1")


STAGES = {"self": ("qkv", "probs", "out"), "cross": ("context", "qkv", "probs", "out"), "conv": ("out",)}


def places(model: Model) -> Iterator[tuple[str, str]]:
    """Every place at which a control is asked."""
    return ((one.name, stage) for one in model.tap.sites for stage in STAGES[one.kind])


@pytest.mark.parametrize(("error", "every"), [(KeyboardInterrupt, 3), (ValueError, 9)])
def test_an_interrupt_anywhere_leaves_nothing_behind(error: type[BaseException], every: int) -> None:
    model = shared()
    plain = call(model)
    for name, stage in islice(places(model), 0, None, every):
        with pytest.raises(error), model.control(Raise(error(), name, stage)):
            call(model)
        assert clean(model), (name, stage)
    assert equal(call(model), plain)


def test_an_interrupted_call_may_be_followed_by_another_inside_the_same_controls() -> None:
    model, copy = shared(), Copy()
    with model.control(copy):
        want = call(model)
    middle = next(one.name for one in model.tap.sites if one.place == "mid" and one.kind == "cross")
    with model.control(copy):
        with pytest.raises(KeyboardInterrupt), model.control(Raise(KeyboardInterrupt(), middle)):
            call(model)
        assert depth() == 0
        assert equal(call(model), want)
    assert clean(model)


def test_an_interrupt_of_the_network_itself_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a control but in the layer, between the hooks."""
    model, plain = shared(), call(shared())
    with monkeypatch.context() as patch:
        patch.setattr(processors.AttnProcessor2_0, "__call__", interrupting(3))
        with pytest.raises(KeyboardInterrupt), model.control(Touch()):
            call(model)
    assert clean(model)
    assert equal(call(model), plain)


def interrupting(after: int) -> Any:
    """A processor that is interrupted at its n-th call, before it gets anywhere."""
    real, seen = processors.AttnProcessor2_0.__call__, list[int]()

    def stand_in(self: Any, *args: Any, **kwargs: Any) -> Tensor:
        seen.append(1)
        if len(seen) == after:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    return stand_in


@dataclass
class Visits(Control):
    """Counts the layers it is asked at."""

    seen: list[str] = field(default_factory=list[str])

    def where(self, site: Site) -> bool:
        return site.kind != "conv"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        self.seen.append(site.name)
        return q, k, v


@pytest.fixture
def flat() -> Model:
    """A network of one level: compiling is slow."""
    net: Any = tiny("sd1").net
    told = {k: v for k, v in net.config.items() if k != "_use_default_values"}
    told |= {"down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"]}
    return Model(
        fill(networks.UNet2DConditionModel.from_config({**told, "block_out_channels": [8]})),
        shared("sd1").family,
    )


def compiled(model: Model, whole: bool) -> Model:
    """The model compiled, whole or by block; without generated code, so that no compiler is needed."""
    if whole:
        return Model(cast(Any, torch).compile(model.net, backend="eager"), model.family)
    for site in model.tap.sites:
        if site.kind != "conv":
            block = model.net.get_submodule(site.name.rpartition(".")[0])
            cast(Any, block).compile(backend="eager")
    return model


@pytest.mark.parametrize("whole", [True, False])
def test_a_compiled_network_still_asks_its_controls(flat: Model, whole: bool) -> None:
    plain, sites = call(flat), [one for one in flat.tap.sites if one.kind != "conv"]
    model = compiled(flat, whole)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own
        try:
            assert max(gap(call(model)[k].eps, plain[k].eps) for k in plain) < 1e-4
        except RuntimeError as error:
            pytest.skip(f"nothing can be compiled here: {error}")
        visits = Visits()
        with model.control(visits):
            controlled = call(model)
        assert visits.seen == [one.name for one in sites]
        assert equal(controlled, plain)
        with model.control(Copy()):
            assert not equal(call(model), plain)
    torch.compiler.reset()


def test_a_layer_that_was_passed_by_is_an_error(fresh: Model) -> None:
    """Whatever the reason: here the second half of the network is taken from a store."""
    net: Any = fresh.net

    def stored(sample: Tensor, *args: object, **kwargs: object) -> Tensor:
        return sample

    net.mid_block.forward = stored
    with (
        fresh.control(Visits()),
        pytest.raises(SilentControl, match=r"Visits was never asked at mid_block\."),
    ):
        call(fresh)
    assert clean(fresh)


def test_gradient_checkpointing_is_refused(fresh: Model) -> None:
    net: Any = fresh.net
    net.enable_gradient_checkpointing()
    with pytest.raises(OverpaintError, match="gradient checkpointing"), fresh.control(Touch()):
        raise AssertionError("never reached")
    assert clean(fresh)
    with fresh.control():
        call(fresh)
    net.disable_gradient_checkpointing()
    with fresh.control(Touch()):
        call(fresh)


@pytest.mark.parametrize("legacy", ["AttnProcessor", "SlicedAttnProcessor"])
def test_a_processor_that_bypasses_the_kernel_is_named(fresh: Model, legacy: str) -> None:
    net: Any = fresh.net
    net.set_attn_processor(getattr(processors, legacy)(*([1] if legacy.startswith("Sliced") else [])))
    with fresh.control(Touch()):
        with pytest.raises(SilentControl, match=r"The layer down_blocks\.0\.\S+\.attn1 bypasses"):
            call(fresh)
    assert clean(fresh)
    with fresh.control(Elsewhen()):
        call(fresh)


class Elsewhen(Touch):
    """Wants every layer, but never."""

    def when(self, at: Moment) -> bool:
        return False


@dataclass
class Answers(Control):
    """Nothing but the first token counts."""

    part: Any = "text"
    needs_probs = True
    shapes: set[int] = field(default_factory=set[int])

    def where(self, site: Site) -> bool:
        return site.kind == "cross"

    def probs(self, site: Site, at: Moment, p: Tensor) -> Tensor:
        self.shapes.add(p.shape[-1])
        return torch.nn.functional.one_hot(torch.zeros(p.shape[:-1]).long(), p.shape[-1]).float()


def with_image_prompt(model: Model, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Image-prompt processors in every cross layer; the family hands them three image tokens."""
    net: Any = model.net
    chosen: dict[str, Any] = {}
    for name, old in net.attn_processors.items():
        layer = net.get_submodule(name.removesuffix(".processor"))
        sizes = layer.inner_dim, layer.cross_attention_dim
        cross = layer.is_cross_attention
        chosen[name] = fill(processors.IPAdapterAttnProcessor2_0(*sizes, num_tokens=(3,))) if cross else old
    net.set_attn_processor(chosen)
    images = draw(1, 1, 3, 24, seed=4)

    def asked(self: Any, net: Any, x: Tensor, t: Tensor, text: Any, more: Any) -> Tensor:
        return net(x, t, (text.states, [images.expand(len(x), -1, -1, -1)]), return_dict=False)[0]

    monkeypatch.setattr(type(model.family), "call", asked)
    return dict(net.attn_processors)


def test_an_image_prompt_is_left_alone_unless_asked_for(
    fresh: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, plain = with_image_prompt(fresh, monkeypatch), call(fresh)
    text, image = Answers(), Answers("image")
    with fresh.control(Touch()):
        assert equal(call(fresh), plain)
    with fresh.control(text):
        by_text = call(fresh)
    with fresh.control(image):
        by_image = call(fresh)
    assert (text.shapes, image.shapes) == ({16}, {3})
    assert not equal(by_text, plain)
    assert not equal(by_image, plain)
    assert not equal(by_image, by_text)
    net: Any = fresh.net
    assert dict(net.attn_processors) == before
    assert hooks(net) == 0


def test_the_text_beside_an_image_prompt_can_be_replaced(
    fresh: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_image_prompt(fresh, monkeypatch)

    class Other(Touch):
        def context(self, site: Site, at: Moment, states: Tensor) -> Tensor:
            return kit.text("sd1", "a dog at night").states.expand_as(states)

    x = draw(1, 4, 8, 8)
    with fresh.control(Other()):
        got = fresh.predict({"src": x}, 1, fresh.path(4), [kit.single("sd1")])
    want = fresh.predict({"src": x}, 1, fresh.path(4), [kit.single("sd1", "a dog at night")])
    assert torch.equal(got["src"].eps, want["src"].eps)


def test_an_image_control_without_an_image_prompt_is_an_error() -> None:
    model = shared()
    with model.control(Answers("image")):
        with pytest.raises(SilentControl, match=r"Answers edits an image prompt, but .* was given none"):
            call(model)
    assert clean(model)


def test_values_of_a_layer_with_fused_projections_are_an_error(fresh: Model) -> None:
    net: Any = fresh.net

    class Values(Touch):
        def values(self, site: Site, at: Moment, states: Tensor) -> Tensor:
            return states * 2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fuse_qkv_projections()
    with fresh.control(Values()), pytest.raises(SilentControl, match="fuses its projections"):
        call(fresh)
    assert clean(fresh)


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_half_precision_has_maps_in_float32(shape: Any) -> None:
    model, record = tiny(shape), Record()
    branches = [kit.single(shape), Branch("tgt", Plain(kit.text(shape, "a dog on the grass")))]

    def controlled() -> Tensor:
        xs = {b.name: draw(1, 4, 8, 8) for b in branches}
        with model.control(record, Copy(), Echo()):
            p = model.predict(xs, 1, model.path(4), branches)["tgt"]
        assert p.eps.dtype == p.x0.dtype == torch.float32
        assert {m.dtype for m in record.maps.values()} == {torch.float32}
        return p.eps

    full = controlled()
    model.net.to(torch.bfloat16)
    half = controlled()
    assert torch.isfinite(half).all()
    assert float((half - full).abs().mean() / full.abs().mean()) < 0.1
    assert torch.equal(half, controlled())


@dataclass
class Echo(Control):
    """The target's self-attention asks with the source's queries."""

    reads = frozenset({"src+"})
    writes = frozenset({"tgt+"})

    def where(self, site: Site) -> bool:
        return site.kind == "self"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        return q[at.of("src+") * 2], k, v


def test_two_threads_take_turns() -> None:
    """One model serves one thread at a time: whoever holds the lock for a whole edit is undisturbed."""
    model, x = shared(), draw(1, 4, 8, 8)

    def edit(control: Control) -> Tensor:
        with model.lock, model.metered(Meter()) as meter, model.control(control):
            out = denoise(model, model.path(2), {"src": x, "tgt": x}, pair())["tgt"]
            assert meter.calls == 2
        return out

    want = [edit(Copy()), edit(Mutual())]
    got: dict[int, list[Tensor]] = {0: [], 1: []}

    def work(k: int, control: Control) -> None:
        got[k].extend(edit(control) for _ in range(2))

    threads = [Thread(target=work, args=(k, control)) for k, control in enumerate((Copy(), Mutual()))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in (0, 1):
        assert len(got[k]) == 2
        assert all(torch.equal(out, want[k]) for out in got[k])
    assert clean(model)

"""Values of one role from a text that is scaled and shifted."""

from typing import Any, cast

import pytest
import torch
from tests.kit import Record, call, clean, draw, equal, shared
from torch import Tensor, nn

from overpaint.attention import Moment
from overpaint.controls import ScaledValues
from overpaint.families.tiny import SHAPES, Shape
from overpaint.model import Model

STEPS = 4


def control(model: Model, role: str = "tgt+", share: float = 1.0) -> ScaledValues:
    states = model.family.null().states
    size = (STEPS, *states.shape[1:])
    return ScaledValues(1 + 0.3 * draw(*size, seed=1), 0.3 * draw(*size, seed=2), role, share)


@pytest.mark.parametrize("shape", SHAPES)
def test_values_come_of_the_changed_text_and_keys_of_the_text(shape: Shape) -> None:
    model = shared(shape)
    own = control(model)
    with model.control(own):
        changed = call(model)

    def swap(module: nn.Module, args: tuple[Tensor, ...]) -> Any:
        *others, mine = args[0].unbind()  # the target's row with its prompt is the last
        return (torch.stack([*others, mine * own.scale[1] + own.shift[1]]),)

    sites = [site for site in model.tap.sites if site.kind == "cross"]
    hooks = [cast(nn.Module, site.module.to_v).register_forward_pre_hook(swap) for site in sites]
    try:
        wanted = call(model)
    finally:
        for hook in hooks:
            hook.remove()
    assert equal(changed, wanted)
    plain = call(model)
    assert torch.equal(changed["src"].eps, plain["src"].eps)
    assert not torch.equal(changed["tgt"].eps, plain["tgt"].eps)
    assert clean(model)


def test_where_the_first_layer_looks_is_left_alone() -> None:
    model, seen = shared(), list[dict[str, Tensor]]()
    for own in ((), (control(model),)):
        record = Record()
        with model.control(*own, record):
            call(model)
        seen.append(record.maps)
    first = next(site.name for site in model.tap.sites if site.kind == "cross")
    assert torch.equal(seen[0][first], seen[1][first])


def test_one_and_nothing_change_nothing() -> None:
    model = shared()
    size = (STEPS, *model.family.null().states.shape[1:])
    with model.control(ScaledValues(torch.ones(size), torch.zeros(size), "tgt+")):
        same = call(model)
    assert equal(same, call(model))


def test_a_step_that_the_share_cuts_counts() -> None:
    own = control(shared(), share=0.6)
    rows = ("src-", "tgt-", "src+", "tgt+")
    assert [own.when(Moment(i, 5, rows)) for i in range(5)] == [True, True, True, False, False]
    assert [own.when(Moment(i, 4, rows)) for i in range(4)] == [True, True, True, False]


def test_in_a_call_without_the_role_there_is_nothing_to_do() -> None:
    model = shared()
    with model.control(control(model, "other+")):
        assert equal(call(model), call(shared()))
    assert not control(model, "src+").when(Moment(0, 4, ("tgt-", "tgt+")))

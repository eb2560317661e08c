from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import pytest
import torch
from tests.inversions.setting import setting
from tests.inversions.test_cache import EVERY, cached, rows_of, same

from overpaint.controls.keep import Keep
from overpaint.guides import CFG
from overpaint.inversions import DDIM, Direct, Inversion, NullText, Recorded
from overpaint.inversions.cache_key import key
from overpaint.model import Model
from overpaint.network import Text
from overpaint.noise import Noise


def test_whatever_it_depends_on_makes_another_key(tmp_path: FilePath) -> None:
    s = setting(steps=2)
    other = Text(s.source.states + 1e-7)
    guide = CFG(s.source, s.null, 3.0)
    model = Model(s.model.net, s.model.family)
    model.dtype = torch.bfloat16
    x, n, p = s.x0, Noise(0), s.path
    keys = [
        key(DDIM(), s.model, p, x, guide, n),
        key(Direct(), s.model, p, x, guide, n),
        key(NullText(), s.model, p, x, guide, n),
        key(NullText(inner=9), s.model, p, x, guide, n),
        key(NullText(), s.model, p, x, replace(guide, scale=4.0), n),
        key(NullText(), s.model, p, x, replace(guide, null=other), n),
        key(DDIM(), s.model, p, x, replace(guide, text=other), n),
        key(DDIM(), s.model, p, x + 1e-7, guide, n),
        key(DDIM(), s.model, s.model.path(3), x, guide, n),
        key(DDIM(), s.model, s.model.path(2, offset=0), x, guide, n),
        key(DDIM(), s.model, replace(p, kind="v_prediction"), x, guide, n),
        key(DDIM(), model, p, x, guide, n),
        key(DDIM(), setting("sd2").model, p, x, guide, n),
        key(Recorded(pinned=True), s.model, p, x, guide, n),
    ]
    assert len(set(keys)) == len(keys)
    with s.model.sparing(1):
        assert key(Recorded(pinned=True), s.model, p, x, guide, n) not in keys
        assert key(DDIM(), s.model, p, x, guide, n) == keys[0], "one row cannot be taken apart"
    with s.model.sparing(2):
        assert key(Recorded(pinned=True), s.model, p, x, guide, n) == keys[-1], "nor two that fit"
    assert key(DDIM(), s.model, p, x, replace(guide, scale=9.0), Noise(5)) == keys[0]


def waiting() -> Keep:
    """A control that looks at the target, which no inversion has."""
    watch = Keep(frozenset({"mid_block.attentions.0.transformer_blocks.0.attn2"}), frozenset({"tgt+"}))
    watch.when = lambda at: "tgt+" in at.rows  # pyright: ignore[reportAttributeAccessIssue]
    return watch


@pytest.mark.parametrize("inversion", EVERY, ids=lambda i: i.model_dump()["name"])
def test_a_control_that_does_not_act_in_the_inversion_changes_nothing(
    inversion: Inversion, tmp_path: FilePath
) -> None:
    s = cached(tmp_path)
    with s.model.control(waiting()):
        first = s.run(inversion)
        assert rows_of(s, inversion) == 0
    assert rows_of(s, inversion) == 0
    assert same(first, inversion.run(s.model, s.path, s.x0, CFG(s.source, s.null, 3.0), Noise(0)))


@pytest.mark.parametrize("inversion", EVERY, ids=lambda i: i.model_dump()["name"])
def test_every_inversion_names_the_rows_of_its_calls(
    inversion: Inversion, monkeypatch: pytest.MonkeyPatch
) -> None:
    s, asked = setting(steps=2), set[tuple[str, ...]]()
    real = Model.rows

    def rows(*args: Any, **named: Any) -> Any:
        asked.add(tuple(args[4]))
        return real(*args, **named)

    monkeypatch.setattr(Model, "rows", rows)
    s.run(inversion)
    assert asked == set(inversion.calls)

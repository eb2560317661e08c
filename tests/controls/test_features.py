"""Features of a residual block in a real network: whose they become, where, and what is left behind."""

import pytest
import torch
from tests.kit import call, clean, draw, equal, gap, shared
from torch import Tensor

from overpaint.attention import Control, Moment, SilentControl, Site
from overpaint.controls.features import FeatureReplace
from overpaint.families.tiny import SHAPES, Shape

ROWS = ("src-", "tgt-", "src+", "tgt+")
TARGETS = frozenset({"tgt-", "tgt+"})


class Look(Control):
    """Keeps what leaves the second convolution of each residual block."""

    def __init__(self) -> None:
        self.seen: dict[str, Tensor] = {}

    def where(self, site: Site) -> bool:
        return site.kind == "conv"

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        self.seen[site.name] = o
        return o


class Late(Control):
    """Raises in the last residual block."""

    def where(self, site: Site) -> bool:
        return site.kind == "conv"

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        if site.place == "up":
            raise KeyboardInterrupt
        return o


def test_every_target_takes_the_sources_and_nothing_is_changed_in_place() -> None:
    (site, *_) = (s for s in shared().tap.sites if s.kind == "conv")
    o = draw(4, 6, 8, 8)
    before = o.clone()
    new = FeatureReplace(1.0, 1, TARGETS).out(site, Moment(0, 4, ROWS, 8, 8), o)
    assert torch.equal(new[1], o[2]) and torch.equal(new[3], o[2])
    assert torch.equal(new[0], o[0]) and torch.equal(new[2], o[2]) and torch.equal(o, before)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layer", range(4))
def test_one_block_of_the_decoder_on_every_family(shape: Shape, layer: int) -> None:
    model, before, after = shared(shape), Look(), Look()
    with model.control(before):
        plain = call(model)
    with model.control(FeatureReplace(1.0, layer, TARGETS), after):
        made = call(model)
    assert clean(model)
    chosen = [s.name for s in model.tap.sites if s.kind == "conv" and s.place == "up" and s.layer == layer]
    assert len(chosen) == 1
    (name,) = chosen
    assert torch.equal(after.seen[name][1], before.seen[name][2])
    assert torch.equal(after.seen[name][3], before.seen[name][2])
    earlier = [s.name for s in model.tap.sites if s.kind == "conv" and (s.place != "up" or s.layer < layer)]
    assert all(torch.equal(after.seen[one], before.seen[one]) for one in earlier)
    assert torch.equal(made["src"].eps, plain["src"].eps)
    assert gap(made["tgt"].eps, plain["tgt"].eps) > 1e-4


def test_the_shortcut_keeps_what_is_the_targets_own() -> None:
    """The block's output is not the source's, only what its convolutions add."""
    model, outputs = shared(), list[Tensor]()
    block = model.net.get_submodule("up_blocks.0.resnets.1")

    def keep(module: object, args: object, output: Tensor) -> None:
        outputs.append(output)

    handle = block.register_forward_hook(keep)
    with model.control(FeatureReplace(1.0, 1, TARGETS)):
        call(model)
    handle.remove()
    (whole,) = outputs
    assert gap(whole[3], whole[2]) > 1e-4


def test_the_window_is_a_share_of_the_steps() -> None:
    model = shared()
    with model.control(FeatureReplace((0.25, 0.5), 1, TARGETS)):
        inside, *outside = (call(model, i=i) for i in (1, 0, 2, 3))
    assert not equal(inside, call(model, i=1))
    assert all(equal(one, call(model, i=i)) for one, i in zip(outside, (0, 2, 3), strict=True))


def test_a_block_or_a_row_that_is_not_there_is_refused_and_nothing_is_left_behind() -> None:
    model = shared()
    with pytest.raises(SilentControl, match="names layers"), model.control(FeatureReplace(1.0, 4, TARGETS)):
        pass
    with pytest.raises(SilentControl, match="needs the row"):
        with model.control(FeatureReplace(1.0, 1, TARGETS, "other+")):
            call(model)
    with pytest.raises(KeyboardInterrupt), model.control(FeatureReplace(1.0, 1, TARGETS), Late()):
        call(model)
    assert clean(model)

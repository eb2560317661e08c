"""ControlNets stored as what sets them apart from the main network's encoder (published as Control-LoRA).

A layer of many numbers is kept as two thin matrices, ``W = base + up · down``; others are kept whole; what is
not kept is the base's own. So a ControlNet takes a tenth of its size.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

MARK = "lora_controlnet"
"""An empty tensor of that name says that a file is one of these."""
KNOWN = "base_of_conv_in.bias"
"""A few numbers by which a file of ours knows the network it was made from; published ones have none."""
UP, DOWN = ".up", ".down"
WEIGHT = ".weight"
NEAR = 0.02
"""By how much those numbers may differ, as a share of the largest: they may be in half precision."""


def restored(found: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The whole network: what a file holds, and what the base has of the same name.

    Args:
        found: tensors of the file; ``X.up`` and ``X.down`` stand for what is added to ``X.weight``.
        base: the weights it began as.

    Raises:
        KeyError: the base lacks a layer that is told apart from it, or is another one.
        RuntimeError: a layer has another size.
    """
    own = KNOWN.removeprefix("base_of_")
    if KNOWN in found:
        was, here = (one.float().cpu() for one in (found[KNOWN], base[own]))
        if was.shape != here.shape or float((was - here).abs().max()) > NEAR * float(was.abs().max()):
            raise KeyError(KNOWN)
    plain = {name: value for name, value in found.items() if not name.endswith((UP, DOWN)) and name != KNOWN}
    whole = {**base, **plain}
    for name, up in found.items():
        if name.endswith(UP):
            layer = name.removesuffix(UP)
            start = base[layer + WEIGHT]
            factors = (one.to(start.device).float().flatten(1) for one in (up, found[layer + DOWN]))
            whole[layer + WEIGHT] = start.float() + torch.matmul(*factors).view_as(start)
    return whole


def apart(whole: Mapping[str, Tensor], base: Mapping[str, Tensor], kept: Iterable[str]) -> dict[str, Tensor]:
    """What has to be kept whole of a network beside its base; not the layers in ``kept``."""
    known = set(kept)
    own = {KNOWN: base[KNOWN.removeprefix("base_of_")], MARK: torch.zeros(0)}
    return own | {
        name: value
        for name, value in whole.items()
        if name not in known and not (name in base and torch.equal(value, base[name].to(value)))
    }

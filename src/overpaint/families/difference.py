"""Networks that began as a copy of another, stored as what sets them apart from it.

A layer of many numbers is kept as two thin matrices, ``W = base + up · down``; others are kept whole; what is
not kept is the base's own. That is how ControlNets of a few megabytes ("Control-LoRAs") are published.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

MARK = "lora_controlnet"
"""An empty tensor of that name says that a file is one of these."""
UP, DOWN = ".up", ".down"
WEIGHT = ".weight"


def restored(found: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The whole network: what a file holds, and what the base has of the same name and size.

    Args:
        found: tensors of the file; ``X.up`` and ``X.down`` stand for what is added to ``X.weight``.
        base: the weights it began as.

    Raises:
        KeyError: the base lacks a layer that is told apart from it.
    """
    whole = {**base, **{name: value for name, value in found.items() if not name.endswith((UP, DOWN, MARK))}}
    for name, up in found.items():
        if name.endswith(UP):
            layer = name.removesuffix(UP)
            own = base[layer + WEIGHT]
            by = up.to(own.device).float().flatten(1) @ found[layer + DOWN].to(own.device).float().flatten(1)
            whole[layer + WEIGHT] = own.float() + by.view_as(own)
    return whole


def apart(
    whole: Mapping[str, Tensor], base: Mapping[str, Tensor], kept: Iterable[str] = ()
) -> dict[str, Tensor]:
    """What has to be kept of a network beside its base, apart from the layers in ``kept``."""
    known = set(kept)
    return {
        name: value
        for name, value in whole.items()
        if name not in known and not (name in base and torch.equal(value, base[name].to(value)))
    }

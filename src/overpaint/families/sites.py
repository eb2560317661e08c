"""Where attention happens in a UNet, in execution order."""

import re
from typing import Literal, cast

from torch import nn

from overpaint.attention import Site

INNER = ".transformer_blocks."
"""What stands between the name of a transformer and those of its layers."""
_ORDER = {"down": 0, "mid": 1, "up": 2}


def sites_of(net: nn.Module) -> list[Site]:
    """Every self-attention, cross-attention and residual-block site of a ``UNet2DConditionModel``.

    ``named_modules`` lists the middle block last; execution order is down, mid, up.
    """
    net = cast(nn.Module, getattr(net, "_orig_mod", net))  # a compiled network wraps the one it was made of
    modules = _in_order(net)
    blocks = len(cast(nn.ModuleList, net.down_blocks))
    before = _residual_blocks_before(net)
    seen: dict[str, int] = {}
    readers = readers_of(net)
    sites: list[Site] = []
    for name, module in modules:
        kind = cast(Literal["self", "cross", "conv"], _kind(name))
        nth = seen.get(kind, 0)
        seen[kind] = nth + 1
        block, _, inner = name.partition(".resnets." if kind == "conv" else ".attentions.")
        layer = before.get(block, 0) + int(inner.partition(".")[0])
        reader, _ = readers.get(name, (0, None))
        sites.append(Site(name, _place(name), kind, nth, _stride(name, blocks), module, layer, reader))
    return sites


def readers_of(net: nn.Module) -> dict[str, tuple[int, nn.Module]]:
    """The cross-attention layers by name, each with its place among those that can be told a text each.

    These are the transformers in execution order: 16 of SD 1 and 2, 11 of SDXL, whose several layers read the
    same. A ControlNet has the first of them.
    """
    places: dict[str, int] = {}
    found: dict[str, tuple[int, nn.Module]] = {}
    for name, module in _in_order(net):
        if _kind(name) == "cross":
            found[name] = places.setdefault(name.partition(INNER)[0], len(places)), module
    return found


def _in_order(net: nn.Module) -> list[tuple[str, nn.Module]]:
    modules = [(n, m) for n, m in net.named_modules() if _kind(n) is not None]
    return sorted(modules, key=lambda pair: _ORDER[_place(pair[0])])


def _residual_blocks_before(net: nn.Module) -> dict[str, int]:
    """How many residual blocks of the same place come before each block of the network."""
    found: dict[str, int] = {}
    for place in ("down_blocks", "up_blocks"):
        count = 0
        for k, block in enumerate(cast(nn.ModuleList, getattr(net, place))):
            found[f"{place}.{k}"] = count
            count += len(cast(nn.ModuleList, block.resnets))
    return found


def _kind(name: str) -> Literal["self", "cross", "conv"] | None:
    last = name.rpartition(".")[2]
    if last == "attn1":
        return "self"
    if last == "attn2":
        return "cross"
    return "conv" if last == "conv2" and ".resnets." in name else None


def _place(name: str) -> Literal["down", "mid", "up"]:
    return cast(Literal["down", "mid", "up"], name.partition("_")[0])


def _stride(name: str, blocks: int) -> int:
    if name.startswith("mid"):
        return 2 ** (blocks - 1)
    found = re.match(r"(?:down|up)_blocks\.(\d+)\.", name)
    index = int(found.group(1)) if found else 0
    return 2**index if name.startswith("down") else 2 ** (blocks - 1 - index)

"""Where attention happens in a UNet, in execution order."""

import re
from typing import Literal, cast

from torch import nn

from overpaint.attention import Site

_ORDER = {"down": 0, "mid": 1, "up": 2}


def sites_of(net: nn.Module) -> list[Site]:
    """Every self-attention, cross-attention and residual-block site of a ``UNet2DConditionModel``.

    ``named_modules`` lists the middle block last; execution order is down, mid, up.
    """
    net = cast(nn.Module, getattr(net, "_orig_mod", net))  # a compiled network wraps the one it was made of
    modules = [(n, m) for n, m in net.named_modules() if _kind(n) is not None]
    modules.sort(key=lambda pair: _ORDER[_place(pair[0])])
    blocks = len(cast(nn.ModuleList, net.down_blocks))
    before = _residual_blocks_before(net)
    seen: dict[str, int] = {}
    sites: list[Site] = []
    for name, module in modules:
        kind = cast(Literal["self", "cross", "conv"], _kind(name))
        nth = seen.get(kind, 0)
        seen[kind] = nth + 1
        block, _, inner = name.partition(".resnets." if kind == "conv" else ".attentions.")
        layer = before.get(block, 0) + int(inner.partition(".")[0])
        sites.append(Site(name, _place(name), kind, nth, _stride(name, blocks), module, layer))
    return sites


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

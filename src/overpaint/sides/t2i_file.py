"""From a file or a folder to a T2I-Adapter that fits a model."""

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from torch import Tensor

from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.sides.file import SideFile
from overpaint.sides.net import Net, building, config_of, filled, misfit
from overpaint.sides.t2i_adapter import colours, levels, widths

Type = Literal["full_adapter", "full_adapter_xl", "light_adapter"]
_COLOURS = (1, 3)
"""Channels a condition may have: lines, or colours."""


def adapter_of(file: SideFile, model: Model) -> Net:
    """Read a T2I-Adapter for a model.

    Raises:
        UsageError: it is of another family, is not whole, or reads pictures of another factor.
    """
    from diffusers.models.adapter import T2IAdapter

    found = file.weights()
    if file.layout == "original":
        found = renamed(found, model)
    config = dict(file.config) or config_of_weights(found, file, model)
    with building():
        net = cast(Any, T2IAdapter).from_config(config)
    made = Net("t2i-adapter", net, file.fingerprint, model.family.factor, file.name)
    _check(made, file, model)
    filled(net, found, str(file.place), model)
    return made


def renamed(found: Mapping[str, Tensor], model: Model) -> dict[str, Tensor]:
    """Weights of the layout the adapters were first published in, by the names diffusers has for them."""
    if any(re.match(r"body\.\d+\.body\.", name) for name in found):
        return {_light(name): value for name, value in found.items()}
    count = len({name.split(".")[1] for name in found if name.startswith("body.")})
    each = max(1, count // _maps(found, model))
    return {_full(name, each): value for name, value in found.items()}


def _light(name: str) -> str:
    return "adapter." + re.sub(r"^(body\.\d+)\.body\.", r"\1.resnets.", name)


def _full(name: str, each: int) -> str:
    found = re.fullmatch(r"body\.(\d+)\.(.+)", name)
    if found is None:
        return f"adapter.{name}"
    level, k = divmod(int(found[1]), each)
    if found[2].startswith("in_conv"):
        return f"adapter.body.{level}.{found[2]}"
    return f"adapter.body.{level}.resnets.{k}.{found[2]}"


def _maps(found: Mapping[str, Tensor], model: Model) -> int:
    """How many maps an adapter of this type has for a model."""
    blocks = len(config_of(model)["block_out_channels"])
    xl = _type(int(found["conv_in.weight"].shape[1]), model.family.factor) == "full_adapter_xl"
    return blocks + xl


def _type(channels: int, factor: int) -> Type | None:
    """The type by the channels of the unshuffled condition; nothing where no type has that many."""
    if channels in [c * factor**2 for c in _COLOURS]:
        return "full_adapter"
    return "full_adapter_xl" if channels in [c * (2 * factor) ** 2 for c in _COLOURS] else None


def config_of_weights(found: Mapping[str, Tensor], file: SideFile, model: Model) -> dict[str, Any]:
    """The configuration of an adapter whose file has none, from the shapes of its weights."""
    light = "adapter.conv_in.weight" not in found
    first = found.get("adapter.body.0.in_conv.weight" if light else "adapter.conv_in.weight")
    if first is None:
        raise UsageError(f"The side network {file.place} lacks its first layer; get it again.")
    channels, factor = int(first.shape[1]), model.family.factor
    kind = _type(channels, factor)
    if kind is None or (light and kind != "full_adapter"):
        raise misfit(str(file.place), model, f"it reads {channels} values a cell")
    scale = 2 * factor if kind == "full_adapter_xl" else factor
    count = len({name.split(".")[2] for name in found if name.startswith("adapter.body.")})
    last = "out_conv.bias" if light else "resnets.0.block2.bias"
    sizes = [int(found[f"adapter.body.{k}.{last}"].shape[0]) for k in range(count)]
    return {
        "in_channels": channels // scale**2,
        # The light one of diffusers repeats its last width by itself.
        "channels": sizes[:-1] if light else sizes,
        "num_res_blocks": len(
            {n for n in found if re.fullmatch(r"adapter\.body\.0\.resnets\.\d+\.block1\.bias", n)}
        ),
        "downscale_factor": scale,
        "adapter_type": "light_adapter" if light else kind,
    }


def _check(made: Net, file: SideFile, model: Model) -> None:
    """Refuse an adapter whose maps would not fit."""
    own, told = config_of(model), made.module.config
    xl = told["adapter_type"] == "full_adapter_xl"
    want = list(own["block_out_channels"])
    if xl != (own["addition_embed_type"] is not None):
        raise misfit(str(file.place), model, f"its type is {told['adapter_type']}")
    if list(widths(made))[: len(want)] != want or levels(made) != len(want) + xl:
        raise misfit(str(file.place), model, f"its maps are {list(widths(made))} wide, not {want}")
    factor = model.family.factor * (1 + xl)
    if told["downscale_factor"] != factor:
        raise misfit(
            str(file.place),
            model,
            f"it makes pictures {told['downscale_factor']} times smaller, not {factor}",
        )
    if colours(made) not in _COLOURS:
        raise UsageError(
            f"The side network {file.place} looks at pictures of {colours(made)} channels; those of one or "
            "three are supported."
        )
    bare = [k for k, kind in enumerate(own["down_block_types"][:-1]) if not kind.startswith("CrossAttn")]
    if bare and not xl:
        raise misfit(str(file.place), model, f"level {bare[0] + 1} of the model has no attention to add to")

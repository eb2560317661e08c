"""From a file to a style adapter that fits a model and the CLIP that looks for it."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.network import Eye
from overpaint.sides.file import SideFile
from overpaint.sides.net import Net, building, config_of, filled, misfit
from overpaint.sides.style_adapter import HEADS, StyleNet

_NAMES = {
    r"^style_embedding$": "questions",
    r"^ln_pre\.": "before.",
    r"^ln_post\.": "after.",
    r"^proj$": "out",
    r"^transformer_\w+\.(\d+)\.attn\.": r"layers.\1.self_attn.",
    r"^transformer_\w+\.(\d+)\.ln_(\d)\.": r"layers.\1.norm\2.",
    r"^transformer_\w+\.(\d+)\.mlp\.c_fc\.": r"layers.\1.linear1.",
    r"^transformer_\w+\.(\d+)\.mlp\.c_proj\.": r"layers.\1.linear2.",
}


def style_of(file: SideFile, model: Model) -> Net:
    """Read a style adapter for a model.

    Raises:
        UsageError: it is not whole, or speaks to another family.
    """
    found = {renamed(name): value for name, value in file.weights().items()}
    sizes = {name: tuple(found[name].shape) if name in found else () for name in ("questions", "out")}
    if len(sizes["questions"]) != 3 or len(sizes["out"]) != 2 or sizes["out"][0] % HEADS:
        raise UsageError(f"The side network {file.place} lacks its first or its last layer; get it again.")
    width, context = sizes["out"]
    own = config_of(model)["cross_attention_dim"]
    if context != own:
        raise misfit(str(file.place), model, f"it makes tokens {context} wide, not {own}")
    with building():
        net = StyleNet(width, context, sizes["questions"][1], layers_in(found))
    filled(net, found, str(file.place), model)
    return Net("style-adapter", net, file.fingerprint, model.family.factor, file.name)


def renamed(name: str) -> str:
    """A weight of the published layout by its name here."""
    for old, new in _NAMES.items():
        name, found = re.subn(old, new, name)
        if found:
            break
    return name


def layers_in(found: Mapping[str, Tensor]) -> int:
    """How many layers of attention there are."""
    return len({name.split(".")[1] for name in found if name.startswith("layers.")})


def eye_for(net: Net, model: Model, clip: str = "") -> Eye:
    """The CLIP that looks for a style adapter.

    Raises:
        UsageError: there is none, or what it says of a patch has another width than the adapter reads.
    """
    eye, width = model.eye_of(clip), int(net.module.out.shape[0])
    seen = eye.tokens(torch.zeros(1, 3, eye.side, eye.side, device=model.device), normed=False).shape[-1]
    if seen != width:
        raise UsageError(
            f"The style adapter {net.name} reads what a CLIP of width {width} sees, and this one's is "
            f"{seen}; give the one it was trained with, as in clip=openai/clip-vit-large-patch14."
        )
    return eye

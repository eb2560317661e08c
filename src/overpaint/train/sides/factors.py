"""Training what sets a copy apart from its original: two thin matrices for every large layer.

``W + up · down`` with ``up`` zero at first (LoRA, Hu et al., arXiv:2106.09685), for all layers that a
ControlNet has from the main network; what is new in it, and all vectors, are trained whole.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.sides.control_lora import DOWN, KNOWN, MARK, UP, WEIGHT, apart
from overpaint.sides.file import SideFile
from overpaint.sides.fresh import HINT, SILENT
from overpaint.sides.load import side_net

_ORIGINAL = ".parametrizations.weight.original"
_FACTOR = ".parametrizations.weight.0"


class LowRank(nn.Module):
    """What is added to a weight, as the product of two factors."""

    def __init__(self, weight: Tensor, rank: int, name: str) -> None:
        super().__init__()
        rows, columns = len(weight), weight[0].numel()
        drawn = Noise(0).normal((rank, columns), "factors", name) * columns**-0.5
        self.up = nn.Parameter(torch.zeros(rows, rank, device=weight.device))
        self.down = nn.Parameter(drawn.to(weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with its change."""
        return weight + (self.up @ self.down).view_as(weight)


def factored(module: nn.Module, rank: int) -> None:
    """Let a copy of the main network learn by factors of that rank, where these are fewer numbers.

    Raises:
        UsageError: the rank saves nothing anywhere.
    """
    found = [(name, layer) for name, layer in _copied(module) if _saves(layer.weight, rank)]
    if not found:
        raise UsageError(f"A rank of {rank} is no less than the layers have; give a smaller one, or none.")
    for name, layer in found:
        layer.weight.requires_grad_(False)
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank, name))


def _copied(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """The layers it has from the main network."""
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and not f"{name}.".startswith((HINT, *SILENT)):
            yield name, layer


def _saves(weight: Tensor, rank: int) -> bool:
    return rank * (len(weight) + weight[0].numel()) < weight.numel()


@torch.no_grad()
def begun_with(module: nn.Module, file: SideFile, model: Model) -> None:
    """Take over what a side network has learned; factors from a difference of the same rank.

    Raises:
        UsageError: it has another form.
    """
    own = module.state_dict()
    factors = [name for name in own if _FACTOR in name]
    found = {}
    if factors and file.small and file.layout == "diffusers":
        found = {_stored(name): value for name, value in file.weights().items() if name not in (MARK, KNOWN)}
    elif not factors:
        found = side_net(file.place, model).module.state_dict()
    lost = [name for name in factors or own if name not in found]
    odd = [name for name, value in found.items() if name not in own or own[name].shape != value.shape]
    if lost or odd:
        raise UsageError(
            f"The side network {file.place} has another form than the one that is to be trained ("
            f"{(lost or odd)[0]}); begin with a difference of the same rank, or without a rank."
        )
    for name, value in found.items():
        own[name].copy_(value)


def _stored(name: str) -> str:
    """The parameter that a tensor of a difference belongs to."""
    layer, dot, end = name.rpartition(".")
    return f"{layer}{_FACTOR}.{end}" if dot + end in (UP, DOWN) else name


def whole(module: nn.Module) -> dict[str, Tensor]:
    """All weights by their own names, factors multiplied out."""
    state = module.state_dict()
    made = {name: value for name, value in state.items() if ".parametrizations." not in name}
    for name, value in state.items():
        if name.endswith(_ORIGINAL):
            layer = name.removesuffix(_ORIGINAL)
            up, down = (state[f"{layer}{_FACTOR}{end}"] for end in (UP, DOWN))
            made[layer + WEIGHT] = value + (up @ down).view_as(value)
    return made


def difference(module: nn.Module, base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What has to be kept of a network with factors, `overpaint.sides.control_lora` says how."""
    state = module.state_dict()
    factors = {name.replace(_FACTOR, ""): value for name, value in state.items() if _FACTOR in name}
    layers = {name.removesuffix(UP) + WEIGHT for name in factors if name.endswith(UP)}
    return factors | apart(whole(module), base, layers)

"""A change of few numbers to the attention of a network: what is learned where all weights would be too much.

``W + up · down`` with ``down`` drawn at random and ``up`` zero at first, so that learning begins at the
network as it is (LoRA, Hu et al., arXiv:2106.09685; strength 1).
"""

import re
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from overpaint.errors import OverpaintError
from overpaint.noise import Draws

UP, DOWN = ".low_rank_up", ".low_rank_down"
"""What the names of the two factors end with, behind that of their layer."""
ATTENTION = re.compile(r"\.(attn[12]|attentions\.\d+)\.to_(q|k|v|out\.0)$")


def layers(net: nn.Module) -> dict[str, nn.Linear]:
    """The projections of attention, by name."""
    every: dict[str, nn.Module] = dict(net.named_modules())  # pyright: ignore[reportUnknownArgumentType]
    return {name: one for name, one in every.items() if isinstance(one, nn.Linear) and ATTENTION.search(name)}


@contextmanager
def low_rank(net: nn.Module, rank: int, draws: Draws) -> Generator[dict[str, Tensor], None, None]:
    """The factors for every projection of attention, open to gradients and at work inside the ``with``.

    Factors are float32, whatever the network computes in. Nothing of the network itself is changed.

    Raises:
        OverpaintError: the network has no such layer.
    """
    found = layers(net)
    if not found:
        raise OverpaintError("The network has no attention of the known kind, so nothing of it can be tuned.")
    factors: dict[str, Tensor] = {}
    for name, layer in found.items():
        outputs, inputs = layer.weight.shape
        drawn = draws.normal((rank, inputs), "low rank", name) * inputs**-0.5
        factors[f"{name}{DOWN}"] = drawn.to(layer.weight.device).requires_grad_()
        factors[f"{name}{UP}"] = torch.zeros(outputs, rank, device=layer.weight.device).requires_grad_()
    with attached(net, factors):
        yield factors


@contextmanager
def attached(net: nn.Module, factors: Mapping[str, Tensor]) -> Generator[None, None, None]:
    """Let the factors of some layers speak for the length of a ``with``; other tensors are left aside."""
    modules: dict[str, nn.Module] = dict(net.named_modules())  # pyright: ignore[reportUnknownArgumentType]
    with ExitStack() as stack:
        for name, up in factors.items():
            if name.endswith(UP):
                layer = name.removesuffix(UP)
                hook = partial(_added, up, factors[f"{layer}{DOWN}"])
                stack.callback(modules[layer].register_forward_hook(hook).remove)
        yield


def _added(up: Tensor, down: Tensor, layer: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Tensor:
    given, *_ = args
    return out + F.linear(F.linear(given.to(down), down), up).to(out)


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The parameters that learned tensors change, and the shapes that those must have."""
    found: dict[str, tuple[int, ...]] = {}
    for name, value in tensors.items():
        layer = name.removesuffix(UP)
        if name.endswith(UP):
            found[f"{layer}.weight"] = (len(value), tensors[f"{layer}{DOWN}"].shape[1])
        elif not name.endswith(DOWN):
            found[name] = tuple(value.shape)
    return found

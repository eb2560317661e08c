"""A side network in memory, and the picture it looks at."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.families.fused import BUILDING
from overpaint.files.fingerprint import tensor_hash
from overpaint.model import Model
from overpaint.network import Text
from overpaint.sides.file import Kind
from overpaint.sides.options import Control

Condition = Float[Tensor, "pictures colours height width"]
"""What a side network looks at: a picture of the main one's size in [0, 1]; in training one for each row."""


@dataclass(frozen=True, eq=False)
class Net:
    """The weights of a side network, made for a model; several `Side`s may share them."""

    kind: Kind
    module: Any
    """A network of diffusers."""
    fingerprint: str
    factor: int
    """Pixels per latent cell along a side of the model."""
    name: str = "side network"

    @property
    def dtype(self) -> torch.dtype:
        """The type it computes in."""
        return next(self.module.parameters()).dtype


def known_by(net: Net, how: Control, condition: Condition, text: Text | None = None) -> str:
    """A hash of everything a side network says depends on, the calls it is asked in aside."""
    told = how.model_dump(mode="json", exclude={"net", "picture"})
    own = [condition] if text is None else [condition, *text.tensors]
    parts = (net.fingerprint, json.dumps(told, sort_keys=True), tensor_hash(*own))
    return sha256("/".join(parts).encode()).hexdigest()


def factors(how: Control, count: int, name: str) -> tuple[float, ...]:
    """A factor for each place a side network speaks into, fine to coarse.

    Raises:
        UsageError: another number of them was given.
    """
    if how.layers and len(how.layers) != count:
        raise UsageError(
            f"The side network {name} speaks into {count} places, and {len(how.layers)} factors were given; "
            f"give {count}, or none."
        )
    return tuple(how.scale * factor for factor in how.layers or (1.0,) * count)


def filled(net: nn.Module, found: Mapping[str, Tensor], name: str, model: Model) -> nn.Module:
    """A network that was built without values, with its weights, on the model's device and in its type.

    Raises:
        UsageError: weights are missing, left over, or of another size.
    """
    wanted = net.state_dict()
    lost, spare = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if lost or spare:
        what = f"lacks {len(lost)} weights, such as {lost[0]}" if lost else f"also holds {spare[0]}"
        raise UsageError(f"The side network {name} is built unlike others: it {what}; get it again.")
    for key, value in wanted.items():
        if found[key].shape != value.shape:
            raise misfit(
                name, model, f"{key} has the shape {tuple(found[key].shape)}, not {tuple(value.shape)}"
            )
    own = {key: found[key].to(model.device, model.dtype, copy=True).contiguous() for key in wanted}
    net.load_state_dict(own, assign=True)
    return net.eval().requires_grad_(False)


def misfit(name: str, model: Model, why: str) -> UsageError:
    """The error for a side network of another family than the model's."""
    return UsageError(
        f"The side network {name} was not made for {model.family.name} models such as {model.name} ({why}); "
        "give one that was."
    )


@contextmanager
def building() -> Generator[None, None, None]:
    """Build networks without values, alone, and without a trace in the global random state."""
    with BUILDING, torch.device("meta"):
        yield


def config_of(model: Model) -> Mapping[str, Any]:
    """How the model's own network is built.

    Raises:
        UsageError: it is none that side networks were made for.
    """
    told: Any = getattr(model.net, "config", {})
    if "cross_attention_dim" not in told:
        raise UsageError(f"Side networks are for Stable Diffusion; the model {model.name} is none.")
    return dict(told)

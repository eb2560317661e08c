"""A network stored as what differs from another one: changes of few numbers, and a wider first layer.

A network that was tuned from a base differs from it by little. Of every matrix ``W`` the file keeps two
factors of low rank, of vectors and of small matrices the change itself: ``W + up · down``, ``b + by``.
Kernels count as matrices of outputs by everything else. The first convolution, which reads further channels,
is changed as a whole; what the base does not read begins at zero (`overpaint.families.widen`).
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.families.widen import widen
from overpaint.files import atomic
from overpaint.files.fingerprint import file_hash
from overpaint.files.weightfile import TUNED, base_of, read_header

UP, DOWN, BY = ".up", ".down", ".by"
"""What the names of the two factors, or of a whole change, end with, behind that of their parameter."""
BASE = "overpaint-difference"
"""The name of the text by which a file says which base its network was tuned from."""
FIRST = "conv_in.weight"


def base_hash(home: Path, part: str = "unet") -> str:
    """A hash of the network's files in a model's folder: what a difference knows its base by."""
    files = sorted((home / part).glob("*.safetensors"))
    return sha256("".join(file_hash(file) for file in files).encode()).hexdigest()


def changed(value: Tensor, name: str, difference: Mapping[str, Tensor]) -> Tensor:
    """A parameter of the base with its part of the difference; itself where there is none."""
    if name + BY in difference:
        return value + difference[name + BY]
    if name + UP in difference:
        return value + (difference[name + UP] @ difference[name + DOWN]).view_as(value)
    return value


def restored(net: UNet2DConditionModel, difference: Mapping[str, Tensor]) -> None:
    """Turn a base into the network that was tuned from it, in place.

    Raises:
        UsageError: the difference is none of such a network.
    """
    wide = difference[FIRST + BY].shape[1] if FIRST + BY in difference else net.conv_in.in_channels
    if wide > net.conv_in.in_channels:
        widen(net, wide - net.conv_in.in_channels)
    apply(net, difference)


def apply(net: nn.Module, difference: Mapping[str, Tensor]) -> None:
    """The same for a network of any kind that reads what its base reads.

    Raises:
        UsageError: the difference is none of such a network.
    """
    own = dict(net.named_parameters())
    for name in difference:
        if not _fits(name, difference, own):
            raise UsageError(f"What differs ({name}) does not fit the network it is said to differ from.")
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(changed(value.float(), name, difference))


def read_difference(home: Path, file: str = TUNED, part: str = "unet") -> dict[str, Tensor]:
    """The difference in a folder, in float32: of the network, or of another part.

    Raises:
        UsageError: it was tuned from other weights than those in the folder above, or is not whole.
    """
    base = base_of(home)
    if read_header(home / file).said.get(BASE) != base_hash(base, part):
        raise UsageError(
            f"The network in {home} was tuned from other weights than those in {base / part}, so it cannot "
            "be put together again; tune it anew, or take both folders from the model's maker."
        )
    return {name: value.float() for name, value in load_file(home / file).items()}


def save_difference(difference: Mapping[str, Tensor], home: Path, base: str, file: str = TUNED) -> None:
    """Write a difference, in half precision, into a folder inside that of its base."""
    home.mkdir(parents=True, exist_ok=True)
    half = {name: value.detach().half().cpu().contiguous() for name, value in difference.items()}
    with atomic.drafted(home / file) as draft:
        save_file(half, draft, {BASE: base})


def _fits(name: str, difference: Mapping[str, Tensor], own: Mapping[str, nn.Parameter]) -> bool:
    parameter, _, role = name.rpartition(".")
    if parameter not in own:
        return False
    shape = own[parameter].shape
    if role == "by":
        return difference[name].shape == shape
    up, down = (difference.get(parameter + one) for one in (UP, DOWN))
    if up is None or down is None or up.ndim != 2 or down.ndim != 2:
        return False
    rows, columns = len(up), down.shape[1]
    return up.shape[1] == len(down) and (rows, rows * columns) == (shape[0], shape.numel())

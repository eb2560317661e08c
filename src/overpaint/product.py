"""The attention product itself: its map, what may be looked at, and the function modes around it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Heads = Float[Tensor, "rows heads _ width"]
Maps = Float[Tensor, "rows heads queries keys"]
Allowed = Float[Tensor, "_ _ queries keys"] | Bool[Tensor, "_ _ queries keys"]
"""By row and head (1: the same for all), query and key: true, or what is added to the score."""

ALL = 1 << 30
"""More than any layer has keys."""


def scores(q: Heads, k: Heads, mask: Tensor | None, scale: float | None) -> Maps:
    """The softmax map in float32 at least, as the fused kernel would form it."""
    wide = torch.promote_types(q.dtype, torch.float32)
    s = q.to(wide) @ k.to(wide).transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        s = s.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else s + mask
    return s.softmax(-1)


def allowed_by_both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """What two masks let through, in the form of either where they agree on it, else added to scores."""
    if one is None or other is None:
        return other if one is None else one
    if one.dtype == other.dtype == torch.bool:
        return one & other
    return _added(one, other.dtype) + _added(other, one.dtype)


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, float("-inf"))


def depth_of_modes() -> int:
    """How many function modes are installed."""
    return torch._C._len_torch_function_stack()  # pyright: ignore[reportPrivateUsage]


def pop_to(depth: int) -> None:
    """Take function modes off until so many are left."""
    while depth_of_modes() > depth:
        torch._C._pop_torch_function_stack()  # pyright: ignore[reportPrivateUsage]

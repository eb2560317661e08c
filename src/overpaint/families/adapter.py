"""What an adapter changes one layer's weight by, in every form that is read.

With W a weight, s the strength (alpha over rank) and A, B, ... what was trained:

LoRA and LoCon: W + s * up @ down, with a core up * mid * down (Hu et al., arXiv:2106.09685).
LoHa: W + s * (A1 @ B1) * (A2 @ B2), entry by entry (Hyeon-Woo et al., arXiv:2108.06098).
LoKr: W + s * kron(C, A @ B), either factor whole or low-rank (Yeh et al., arXiv:2309.14859).
DoRA: m * V / |V|, with V any of these and m a length for every output or every input (Liu et al.,
arXiv:2402.09353).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod, sqrt

import torch
from torch import Tensor

MAGNITUDE = "magnitude"
_FORMS: Mapping[str, tuple[frozenset[str], ...]] = {
    "LoRA": (frozenset({"up", "down"}), frozenset({"up", "down", "mid"})),
    "LoHa": (
        frozenset({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"}),
        frozenset({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"}),
    ),
    "LoKr": tuple(
        frozenset({*one, *other})
        for one in (("lokr_w1",), ("lokr_w1_a", "lokr_w1_b"))
        for other in (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"), ("lokr_w2_a", "lokr_w2_b", "lokr_t2"))
    ),
}
"""The parts that belong together."""
_RANK = ("down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b")
"""Whose first side is the rank, the one that counts first."""
Sizes = tuple[int, ...]


@dataclass
class Adapter:
    """What a file says about one layer."""

    module: str = ""
    """The layer, as the file calls it."""
    parts: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    alpha: float | None = None
    rooted: bool = False
    """Whether alpha is divided by the root of the rank (rank-stabilised LoRA, arXiv:2312.03732)."""
    said_rank: float | None = None
    """The rank by which alpha is divided where the parts have none of their own."""

    @property
    def form(self) -> str:
        """``LoRA``, ``LoHa`` or ``LoKr``; empty where parts are missing or do not belong together."""
        own = frozenset(self.parts) - {MAGNITUDE}
        return next((name for name, wholes in _FORMS.items() if own in wholes), "")

    @property
    def rank(self) -> float | None:
        """The inner width; none where both factors of a Kronecker product are whole."""
        return next((float(self.parts[name].shape[0]) for name in _RANK if name in self.parts), None)

    @property
    def unsaid(self) -> bool:
        """Whether the strength had to be assumed."""
        return self.alpha is None and self.rank is not None

    @property
    def strength(self) -> float:
        """Alpha over rank; 1 where there is no alpha."""
        rank = self.rank or self.said_rank
        if self.alpha is None or not rank:
            return 1.0
        return self.alpha / (sqrt(rank) if self.rooted else rank)

    def fits(self, weight: Tensor) -> bool:
        """Whether the result has the size of the layer's weight; nothing is computed for the answer."""
        parts, size = {name: tuple(value.shape) for name, value in self.parts.items()}, tuple(weight.shape)
        if any(0 in shape for shape in parts.values()) or not _long(parts.get(MAGNITUDE), size):
            return False
        match self.form:
            case "LoRA":
                return _pair_fits(parts, size)
            case "LoHa":
                both = [_product(*(parts.get(f"hada_{name}") for name in names)) for names in _HALVES]
                return all(one is not None and _matches(one, size) for one in both)
            case "LoKr":
                return _kronecker_fits(parts, size)
            case _:
                return False

    def change(self, weight: Tensor) -> Tensor:
        """What is added to the weight at full strength, in float32, before any length is set."""
        parts = {name: value.to(weight.device, torch.float32) for name, value in self.parts.items()}
        match self.form:
            case "LoRA":
                made = _pair(parts)
            case "LoHa":
                one, other = (
                    _multiplied(*(parts.get(f"hada_{name}") for name in names)) for names in _HALVES
                )
                made = one.reshape(weight.shape) * other.reshape(weight.shape)
            case _:
                small = _multiplied(
                    parts.get("lokr_w1_a"), parts.get("lokr_w1_b"), None, parts.get("lokr_w1")
                )
                names = ("lokr_w2_a", "lokr_w2_b", "lokr_t2", "lokr_w2")
                made = torch.kron(small, _multiplied(*(parts.get(name) for name in names)).flatten(1))
        return made.reshape(weight.shape) * self.strength

    def applied(self, weight: Tensor, scale: float) -> Tensor:
        """The new weight, in float32: ``scale`` of the way from the old one to that at full strength."""
        old, change = weight.float(), self.change(weight)
        if MAGNITUDE not in self.parts:
            return old + scale * change
        return old + scale * (_lengthened(old + change, self.parts[MAGNITUDE]) - old)


_HALVES = (("w1_a", "w1_b", "t1"), ("w2_a", "w2_b", "t2"))


def _flat(size: Sizes) -> int:
    """Values in a row of a weight."""
    return prod(size[1:])


def _matches(one: Sizes, size: Sizes) -> bool:
    """Whether a matrix, or a kernel, has the size of a weight."""
    return one[0] == size[0] and _flat(one) == _flat(size) if len(one) == 2 else one == size


def _pair_fits(parts: Mapping[str, Sizes], size: Sizes) -> bool:
    up, down, mid = parts["up"], parts["down"], parts.get("mid")
    if len(up) < 2 or len(down) < 2 or up[0] != size[0] or down[1] != size[1]:
        return False
    if mid is not None:
        return mid[:2] == (_flat(up), down[0]) and mid[2:] == size[2:] and _flat(down) == down[1]
    return _flat(up) == down[0] and _flat(down) == _flat(size)


def _product(
    a: Sizes | None, b: Sizes | None, core: Sizes | None = None, whole: Sizes | None = None
) -> Sizes | None:
    """The size of `_multiplied`; none where the parts do not go together."""
    if whole is not None:
        return whole if len(whole) >= 2 else None
    if a is None or b is None or len(a) != 2 or len(b) != 2:
        return None
    if core is not None:
        return (a[1], b[1], *core[2:]) if len(core) > 2 and core[:2] == (a[0], b[0]) else None
    return (a[0], b[1]) if a[1] == b[0] else None


def _kronecker_fits(parts: Mapping[str, Sizes], size: Sizes) -> bool:
    one = _product(parts.get("lokr_w1_a"), parts.get("lokr_w1_b"), None, parts.get("lokr_w1"))
    names = ("lokr_w2_a", "lokr_w2_b", "lokr_t2", "lokr_w2")
    other = _product(*(parts.get(name) for name in names))
    if one is None or other is None or len(one) != 2:
        return False
    kernel = len(other) == 2 or other[2:] == size[2:]
    return kernel and one[0] * other[0] == size[0] and one[1] * _flat(other) == _flat(size)


def _pair(parts: Mapping[str, Tensor]) -> Tensor:
    up, down = (parts[name].flatten(1) for name in ("up", "down"))
    if "mid" in parts:
        return torch.einsum("or,rskl,si->oikl", up, parts["mid"], down)
    return up @ down


def _multiplied(
    a: Tensor | None, b: Tensor | None, core: Tensor | None = None, whole: Tensor | None = None
) -> Tensor:
    """A matrix that was trained whole, as a product of two, or, for a kernel, with a core between them."""
    if whole is not None:
        return whole
    assert a is not None and b is not None
    return a @ b if core is None else torch.einsum("rskl,ro,si->oikl", core, a, b)


def _long(magnitude: Sizes | None, size: Sizes) -> bool:
    """Whether lengths are those of the outputs, or of the inputs, of a weight."""
    if magnitude is None:
        return True
    return prod(magnitude) == magnitude[_side(magnitude)] == size[_side(magnitude)]


def _side(magnitude: Sizes) -> int:
    """1 for a row of lengths, one for each input; else 0, one for each output."""
    return int(len(magnitude) > 1 and magnitude[0] == 1)


def _lengthened(weight: Tensor, magnitude: Tensor) -> Tensor:
    """Every output's, or every input's, share of a weight at its own length."""
    side = _side(tuple(magnitude.shape))
    others = [k for k in range(weight.ndim) if k != side]
    length = weight.square().sum(others, keepdim=True).sqrt().clamp(min=torch.finfo(torch.float32).tiny)
    return weight * (magnitude.to(weight).reshape(length.shape) / length)

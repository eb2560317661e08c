"""Maps of what is where as pictures: a colour for every name, so that a map can be painted and read again."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Names with their colours in bytes; a map holds the places of names in it."""

    colours: Mapping[str, Colour]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in their order."""
        return tuple(self.colours)

    def tensor(self, device: torch.device | str = "cpu") -> Float[Tensor, "names 3"]:
        """The colours in [0, 1]."""
        return torch.tensor(list(self.colours.values()), device=device) / 255

    def painted(self, segments: Int[Tensor, "b h w"]) -> Float[Tensor, "b 3 h w"]:
        """A map as colours in [0, 1]."""
        return self.tensor(segments.device)[segments.long()].movedim(-1, 1).contiguous()

    def named(self, picture: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b h w"]:
        """For every pixel the name whose colour is nearest: what `painted` gave, read again."""
        pixels = picture.movedim(1, -1).flatten(1, 2)
        apart = torch.cdist(pixels, self.tensor(picture.device)[None].expand(len(picture), -1, -1))
        return apart.argmin(-1).view(len(picture), *picture.shape[-2:])

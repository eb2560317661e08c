"""Colours shaken a little, so that no loss is won by a tint: brightness, contrast, saturation, hue."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.losses.views import uniform
from overpaint.noise import Draws, Key

Colours = Float[Tensor, "1 3 _ _"]
"""A picture in [0, 1]."""
LUMA = (0.2989, 0.587, 0.114)
"""What red, green and blue add to grey."""


def grey(picture: Float[Tensor, "rows 3 height width"]) -> Float[Tensor, "rows 3 height width"]:
    """Without colour."""
    share = torch.tensor(LUMA, device=picture.device).view(1, 3, 1, 1)
    return (picture * share).sum(1, keepdim=True).expand_as(picture)


def mixed(picture: Colours, other: Tensor, share: float) -> Colours:
    """The picture by so much, the other by the rest, within black and white."""
    return (share * picture + (1 - share) * other).clamp(0, 1)


def shifted(picture: Colours, turn: float) -> Colours:
    """Every hue turned by a share of the circle; lightness and saturation of HSV stay."""
    red, green, blue = picture.unbind(1)
    most, least = picture.amax(1), picture.amin(1)
    chroma = most - least
    safe = torch.where(chroma > 0, chroma, 1.0)
    red, green, blue = ((most - one) / safe for one in (red, green, blue))
    hue = torch.where(picture[:, 1] == most, 2 + red - blue, 4 + green - red)
    hue = torch.where(picture[:, 0] == most, blue - green, hue) / 6
    sixths = (hue + turn).remainder(1) * 6
    corners = torch.tensor((5.0, 3.0, 1.0), device=picture.device).view(1, 3, 1, 1)
    k = (corners + sixths[:, None]).remainder(6)
    return most[:, None] - chroma[:, None] * torch.minimum(k, 4 - k).clamp(0, 1)


def jittered(picture: Colours, amount: float, draws: Draws, *key: Key) -> Colours:
    """All four in an order that is drawn too, each by up to the same amount."""
    by = (uniform(draws, (4,), "jitter", *key) * 2 - 1) * amount
    light, contrast, colour, turn = (float(one) for one in by)
    changes: Sequence[Callable[[Tensor], Tensor]] = (
        lambda x: (x * (1 + light)).clamp(0, 1),
        lambda x: mixed(x, grey(x).mean((1, 2, 3), keepdim=True), 1 + contrast),
        lambda x: mixed(x, grey(x), 1 + colour),
        lambda x: shifted(x, turn),
    )
    order = uniform(draws, (4,), "jitter order", *key).argsort()
    for k in order:
        picture = changes[int(k)](picture)
    return picture

"""Many glances at one picture: the whole and pieces of it, turned, askew, in shaken colours.

The internal dataset of Text2LIVE (Bar-Tal et al., ECCV 2022, arXiv:2204.02491, section 3.3): a generator and
CLIP learn from one picture alone, so they must never see it the same way twice.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint.losses.colours import Colours, grey, jittered
from overpaint.losses.views import Warp, affine, happens, perspective, uniform
from overpaint.noise import Draws, Key

Views = Float[Tensor, "_ 3 _ _"]
WHITE = 1.0
"""What lies outside a picture that was turned."""
SHAKEN = 0.1
"""By how much colours are."""


def shrunk(picture: Float[Tensor, "1 c h w"], side: int, longest: int) -> Float[Tensor, "1 c rows columns"]:
    """The picture with a shorter side of so many pixels, or less where the longer one would be too long."""
    height, width = picture.shape[-2:]
    short, long = min(height, width), max(height, width)
    small, large = side, side * long // short
    if large > longest:
        small, large = longest * short // long, longest
    size = (small, large) if height <= width else (large, small)
    return sized(picture, size)


def sized(picture: Float[Tensor, "1 c h w"], size: tuple[int, int]) -> Float[Tensor, "1 c rows columns"]:
    """The picture at another size, smooth also where it gets smaller."""
    if tuple(picture.shape[-2:]) == size:
        return picture
    return interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)


@dataclass(frozen=True)
class Glances:
    """What CLIP is shown of a picture: the whole, then pieces of it, each changed by chance."""

    draws: Draws
    count: int
    side: int
    """Pixels of the shorter side, of the longer one at most ten sevenths of it."""
    least: float = 0.6
    """The smallest share of either side that a piece has."""

    def __call__(self, picture: Colours, *key: Key) -> Views:
        """The views of that name; gradients flow through all of them."""
        return self.changed(torch.cat(self.pieces(picture, *key)), *key)

    def pieces(self, picture: Colours, *key: Key) -> list[Colours]:
        """The whole and its pieces, at one size."""
        whole = shrunk(picture, self.side, self.side * 10 // 7)
        size = (int(whole.shape[-2]), int(whole.shape[-1]))
        parts = [piece(picture, self.least, self.draws, *key, n) for n in range(1, self.count)]
        return [whole, *(sized(part, size) for part in parts)]

    def changed(self, views: Views, *key: Key) -> Views:
        """Mirrored, turned, seen askew, in shaken colours, in grey: each by a chance of its own."""
        draws, (count, _, height, width) = self.draws, views.shape
        size = (height, width)
        views = mirrored(views, draws, *key)
        turned = affine(draws, count, size, 15.0, 0.1, "affine", *key)
        views = Warp(turned, happens(draws, count, 0.8, "turn", *key), fill=WHITE)(views)
        askew = perspective(draws, count, size, 0.4, "perspective", *key)
        views = Warp(askew, happens(draws, count, 0.5, "skew", *key), fill=WHITE)(views)
        shaken = happens(draws, count, 0.7, "shaken", *key)
        parts = [
            jittered(one, SHAKEN, draws, *key, n) if shaken[n] else one
            for n, one in enumerate(views[k : k + 1] for k in range(count))
        ]
        bare = happens(draws, count, 0.15, "grey", *key).to(views).view(-1, 1, 1, 1)
        views = torch.cat(parts)
        return torch.where(bare > 0, grey(views), views)


def piece(picture: Colours, least: float, draws: Draws, *key: Key) -> Colours:
    """A piece with an equal share of either side, anywhere in the picture."""
    share, down, across = (float(one) for one in uniform(draws, (3,), "piece", *key))
    height, width = picture.shape[-2:]
    rows, columns = (max(1, int(n * (least + (1 - least) * share))) for n in (height, width))
    top, left = int(down * (height - rows + 1)), int(across * (width - columns + 1))
    return picture[..., top : top + rows, left : left + columns]


def mirrored(views: Views, draws: Draws, *key: Key) -> Views:
    """Each by itself, half of the time."""
    over = happens(draws, len(views), 0.5, "mirror", *key).to(views).view(-1, 1, 1, 1)
    return torch.where(over > 0, views.flip(-1), views)


def example(picture: Colours, draws: Draws, *key: Key) -> Colours:
    """The picture as a generator sees it at an update: mirrored, larger or smaller, a piece of it."""
    if happens(draws, 1, 0.1, "example shaken", *key):
        picture = jittered(picture, SHAKEN, draws, "example", *key)
    picture = mirrored(picture, draws, "example", *key)
    scale = 0.8 + 0.4 * float(uniform(draws, (1,), "example scale", *key))
    height, width = (max(1, int(n * scale)) for n in picture.shape[-2:])
    return piece(sized(picture, (height, width)), 0.85, draws, "example", *key)


SMALLEST = 0.8 * 0.85
"""Share of a picture's side that such an example has at least."""

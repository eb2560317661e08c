"""Conditions made from a picture: edges, scribbles, colours; and the names of those that are not made here.

All take and give colours in [0, 1] at the size of the picture; lines are white on black, as side networks
were trained with.
"""

import re
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, max_pool2d, pad

from overpaint.errors import UsageError
from overpaint.sides.palette import Palette
from overpaint.sides.segmenter import Segmenter, Surface

Colours = Float[Tensor, "1 3 height width"]
"""A picture in [0, 1]."""
LOW, HIGH = 100.0, 200.0
"""Thresholds of the published demos for Canny's edges, on bytes."""
GRID, SQUARES = 64, 8
"""Pixels along a square of the colour grid, as published for 512; smaller pictures have as many squares."""
_TAN = 13573
"""The tangent of 22.5 degrees in units of 1/32768, as OpenCV has it."""


def canny(picture: Colours, low: float = LOW, high: float = HIGH) -> Colours:
    """Canny's edges (1986) as OpenCV computes them for colours: thin lines, white on black.

    The slope at a pixel is that of its steepest colour. A pixel is kept where it is steeper than its two
    neighbours along the slope and than ``low``, and hangs together with one that is steeper than ``high``.
    """
    bytes_ = (picture * 255).round().to(torch.float64)
    dx, dy = steepest(bytes_)
    size = dx.abs() + dy.abs()
    thin = highest(size, dx, dy) & (size > low)
    return shown(connected(thin & (size > high), thin))


def steepest(bytes_: Tensor) -> tuple[Tensor, Tensor]:
    """Sobel's slopes to the right and down, of the colour in which they are largest together."""
    smooth, slope = torch.tensor([1.0, 2.0, 1.0]).double(), torch.tensor([-1.0, 0.0, 1.0]).double()
    kernels = torch.stack([torch.outer(smooth, slope), torch.outer(slope, smooth)])[:, None]
    padded = pad(bytes_.movedim(1, 0), (1, 1, 1, 1), mode="replicate")
    both = conv2d(padded, kernels)
    best = both.abs().sum(1).argmax(0)[None, None].expand(1, 2, -1, -1)
    chosen = both.gather(0, best)
    return chosen[:, :1], chosen[:, 1:]


def highest(size: Tensor, dx: Tensor, dy: Tensor) -> Bool[Tensor, "1 1 height width"]:
    """Where the slope is larger than on both sides along its direction, of which there are four."""

    def beside(down: int, right: int) -> Tensor:
        height, width = size.shape[-2:]
        return pad(size, (1, 1, 1, 1))[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]

    across, up = dx.abs(), dy.abs() * 32768
    flat, steep = up < across * _TAN, up > across * (_TAN + 65536)
    level = (size > beside(0, -1)) & (size >= beside(0, 1))
    upright = (size > beside(-1, 0)) & (size >= beside(1, 0))
    falling = (size > beside(-1, -1)) & (size > beside(1, 1))
    rising = (size > beside(-1, 1)) & (size > beside(1, -1))
    leaning = torch.where(dx * dy < 0, rising, falling)
    return torch.where(flat, level, torch.where(steep, upright, leaning))


def connected(sure: Tensor, possible: Tensor) -> Tensor:
    """What hangs together with a sure pixel by way of possible ones."""
    while True:
        grown = (max_pool2d(sure.float(), 3, 1, 1) > 0) & possible
        if torch.equal(grown, sure):
            return sure
        sure = grown


def shown(where: Tensor) -> Colours:
    """A region as white on black."""
    return where.float().expand(1, 3, -1, -1).contiguous()


def sobel(picture: Colours) -> Colours:
    """How steep the picture is, the steepest place white."""
    dx, dy = steepest((picture * 255).round().to(torch.float64))
    size = (dx.square() + dy.square()).sqrt().float()
    return (size / size.max().clamp(min=1e-6)).expand(1, 3, -1, -1).contiguous()


def scribble(picture: Colours) -> Colours:
    """Coarse lines, as if drawn by hand: edges of the blurred picture, three pixels wide.

    Published demos make theirs from a network for edges (HED); this needs none, and finds fewer.
    """
    soft = pad(picture, (2, 2, 2, 2), mode="replicate")
    weights = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0])
    kernel = (torch.outer(weights, weights) / 256).expand(3, 1, 5, 5)
    lines = canny(conv2d(soft, kernel, groups=3), LOW / 2, HIGH / 2)
    return max_pool2d(lines, 3, 1, 1)


def colours(picture: Colours) -> Colours:
    """Squares of the picture's colours: shrunk so that each is a pixel, and enlarged again."""
    height, width = picture.shape[-2:]
    size = min(GRID, max(1, min(height, width) // SQUARES))
    grid = height // size, width // size
    small = interpolate(picture, grid, mode="bicubic", antialias=True).clamp(0, 1)
    return interpolate(small, (height, width), mode="nearest-exact")


def painted(seen: Surface, palette: Palette) -> Colours:
    """What is where, a colour for every name."""
    return palette.painted(seen.segments)


def near(seen: Surface, palette: Palette) -> Colours:
    """How near it is: white where it is nearest."""
    del palette
    return seen.near.unsqueeze(1).expand(-1, 3, -1, -1).contiguous()


def facing(seen: Surface, palette: Palette) -> Colours:
    """Normals as colours: more red to the right, more green upwards, more blue to the viewer."""
    del palette
    return (seen.normals + 1) / 2


def itself(picture: Colours) -> Colours:
    """The picture."""
    return picture


MADE: Mapping[str, Callable[[Colours], Colours]] = {
    "canny": canny,
    "sobel": sobel,
    "scribble": scribble,
    "colours": colours,
    "picture": itself,
}
"""What is made here, by name."""
_TOLD = {
    "canny": r"canny",
    "sobel": r"sobel",
    "scribble": r"scribble",
    "colours": r"colou?rs?|palette",
    "picture": r"tile|ip2p|instruct|cyclenet|style",
}
"""How side networks that want them are called."""
READ = {"depth": near, "normals": facing, "segmentation": painted}
"""What is read from a picture by a segmenter, where one lies beside the model, by name."""
_READ_BY = {
    "depth": r"depth|midas|zoe",
    "normals": r"normal(s|bae)?",
    "segmentation": r"seg(mentation)?|ade20k",
}
_WANTED = {
    "depth": "a map of depth, white where it is near",
    "normals": "a map of normals",
    "segmentation": "a map of what is where, in the colours of ADE20K",
}
NOT_MADE = {
    r"(open|key|dense)?pose": "a picture of the pose, as OpenPose draws it",
    r"mlsd": "straight lines, white on black",
    r"hed|pidi|soft ?edges?": "soft edges, white on black",
    r"line ?art(_?anime)?|sketch": "drawn lines, white on black",
    r"shuffle": "a picture with the wanted colours, shuffled",
    r"inpaint": "the picture without the part that is to be filled",
}
"""What side networks want that is not made here, and what it is."""


def made_from(name: str, net: str) -> str:
    """Which condition is to be made for a network: the named one, or the one that its own name tells.

    Raises:
        UsageError: it is none of those that are made here.
    """
    if name in MADE or name in READ:
        return name
    said = net if name == "auto" else name
    found = next((kind for kind, names in {**_TOLD, **_READ_BY}.items() if _named(names, said)), None)
    if found is not None:
        return found
    lacking = next((what for names, what in NOT_MADE.items() if _named(names, said)), None)
    if lacking is not None:
        raise not_made(net, lacking)
    why = f"The name of the side network {net} does not tell what it looks at"
    if name != "auto":
        why = f"{name[:80]!r} is neither a file nor a condition that is made here"
    raise UsageError(f"{why}; give a file, or one of: {', '.join((*MADE, *READ))}.")


def read_by(kind: str, segmenter: Segmenter | None, picture: Colours, net: str) -> Colours:
    """A condition that a segmenter reads from a picture.

    Raises:
        UsageError: there is no segmenter beside the model.
    """
    if segmenter is None:
        raise not_made(net, _WANTED[kind])
    return READ[kind](segmenter.read(picture), segmenter.palette)


def not_made(net: str, what: str) -> UsageError:
    """The error for a condition that has to be given."""
    return UsageError(
        f"The side network {net} looks at {what}, which is not made here; give the file of it as the picture."
    )


def _named(names: str, said: str) -> bool:
    """Whether one of the names stands in a name by itself: ``control_v11p_sd15_canny``."""
    return re.search(rf"(?:^|[^a-z])(?:{names})(?:$|[^a-z])", said.lower()) is not None

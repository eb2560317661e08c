"""A segmenter: a small network that says, pixel by pixel, what a picture shows there.

It goes down to cells of 8 px, where it looks around and at the whole picture, and up again beside what it saw
on the way (Ronneberger et al. 2015, arXiv 1505.04597). It also tells how near things are and where they face.
It lies in the folder of the model whose pictures it knows; that of Still Life has one.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from overpaint.errors import UsageError
from overpaint.families.blocks import Block, conv
from overpaint.model import Model
from overpaint.sides.palette import Palette

WIDTH, SIDE = 64, 128
FOLDER = "segmenter"
"""Where it lies in a model's folder."""


@dataclass(frozen=True)
class Surface:
    """What a picture shows in every pixel."""

    names: Float[Tensor, "b names h w"]
    """Logits of the names."""
    near: Float[Tensor, "b h w"]
    """One over the depth: 1 for what is nearest, little in the sky."""
    normals: Float[Tensor, "b 3 h w"]
    """To the right, up and to the viewer; of length one but where there is no surface."""

    @property
    def segments(self) -> Int[Tensor, "b h w"]:
        """Places of names in the palette."""
        return self.names.argmax(1)


class Segmenter(nn.Module):
    """The network. `read` looks at pictures of any size; `forward` gives the raw answers to train on."""

    def __init__(self, palette: Palette, width: int = WIDTH, side: int = SIDE) -> None:
        super().__init__()
        self.palette, self.width, self.side = palette, width, side
        fine, mid = width // 4, width // 2
        self.down = nn.ModuleList([conv(3, fine, 2), conv(fine, mid, 2), conv(mid, width, 2)])
        self.inner = nn.Sequential(Block(width), Block(width, 2), Block(width, 4), Block(width))
        self.whole = nn.Linear(2 * width, width)
        self.up = nn.ModuleList(
            [
                nn.Sequential(conv(width + mid, mid), Block(mid)),
                nn.Sequential(conv(mid + fine, fine), Block(fine)),
                conv(fine + 3, fine),
            ]
        )
        self.last = nn.Conv2d(fine, len(palette.names) + 4, 1)

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> Surface:
        """What pictures in [0, 1] of its own size show."""
        seen = [pictures * 2 - 1]
        for layer in self.down:
            seen.append(layer(seen[-1]))
        cells = self.inner(seen.pop())
        whole = self.whole(torch.cat([cells.mean((2, 3)), cells.amax((2, 3))], 1))
        out = torch.relu(cells + whole[:, :, None, None])
        for layer in self.up:
            larger = interpolate(out, scale_factor=2.0, mode="bilinear", align_corners=False)
            out = layer(torch.cat([larger, seen.pop()], 1))
        names, near, normals = self.last(out).split([len(self.palette.names), 1, 3], 1)
        return Surface(names, near[:, 0].sigmoid(), normals)

    @torch.no_grad()
    def read(self, pictures: Float[Tensor, "b 3 h w"]) -> Surface:
        """What pictures in [0, 1] of any size show, at their size."""
        size, own = pictures.shape[-2:], (self.side, self.side)
        seen = pictures.to(self.last.weight).clamp(0, 1)
        if size != own:
            seen = interpolate(seen, own, mode="bilinear", antialias=True, align_corners=False)
        found = self(seen)
        maps = found.names, found.near[:, None], _even(found.normals)
        if size != own:
            maps = [interpolate(one, size, mode="bilinear", align_corners=False) for one in maps]
        names, near, normals = maps
        return Surface(names, near[:, 0], normals)

    def told(self) -> dict[str, Any]:
        """What is needed to build it."""
        return {"width": self.width, "side": self.side, "palette": dict(self.palette.colours)}


def _even(normals: Tensor) -> Tensor:
    """Normals no longer than one."""
    return torch.where(normals.norm(dim=1, keepdim=True) > 1, normalize(normals), normals)


def load(folder: Path, device: str | torch.device = "cpu") -> Segmenter:
    """The segmenter in a folder, in float32 and ready to read.

    Raises:
        UsageError: there is none that is whole.
    """
    try:
        told: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        palette = Palette({str(name): tuple(colour) for name, colour in told["palette"].items()})
        made = Segmenter(palette, told["width"], told["side"])
        weights = load_file(folder / "model.safetensors")
        made.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    except FileNotFoundError:
        raise UsageError(f"There is no segmenter in {folder}.") from None
    except Exception as error:  # whatever a library says of somebody's files
        raise UsageError(f"The segmenter in {folder} cannot be read; get it again.") from error
    return made.to(device).eval()


def segmenter_of(model: Model) -> Segmenter | None:
    """The segmenter beside a model, read once; nothing where there is none."""
    if model.home is None or not (model.home / FOLDER / "config.json").is_file():
        return None
    return _kept(model.home / FOLDER, str(model.device))


@lru_cache(maxsize=2)
def _kept(folder: Path, device: str) -> Segmenter:
    return load(folder, device)


def overlap(one: Bool[Tensor, "h w"], other: Bool[Tensor, "h w"]) -> float:
    """Intersection over union of two masks; two empty ones agree."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0

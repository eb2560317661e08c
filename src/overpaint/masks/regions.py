"""Regions that are told what to show: painted into a map of vectors, and cut out of a picture to be seen.

Avrahami et al., "SpaText: Spatio-Textual Representation for Controllable Image Generation", CVPR 2023,
arXiv:2211.14305, section 3.2.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, pad

from overpaint.network import Pixels
from overpaint.task import Mask01

Vectors = Float[Tensor, "regions features"]
Map = Float[Tensor, "1 features height width"]
BLACK = -1.0


def painted(vectors: Vectors, masks: Float[Tensor, "regions height width"]) -> Map:
    """The spatio-textual map: in each region its vector, of unit spread, and zeros where there is none.

    Vectors of any length are brought to length ``sqrt(features)``, so that a network sees numbers of about
    one. Where regions overlap the later one wins.
    """
    features = vectors.shape[-1]
    found = masks.new_zeros(1, features, *masks.shape[-2:])
    for vector, mask in zip(normalize(vectors, dim=-1) * features**0.5, masks, strict=True):
        found = torch.where(mask > 0, vector.to(found).view(1, -1, 1, 1), found)
    return found


def cropped(pixels: Pixels, mask: Mask01) -> Float[Tensor, "rows 3 side side"]:
    """The tightest square around a region, black where the region is not: what CLIP is shown of it."""
    rows, columns = (mask[0, 0] > 0).nonzero(as_tuple=True)
    top, bottom = int(rows.min()), int(rows.max()) + 1
    left, right = int(columns.min()), int(columns.max()) + 1
    cut = torch.where(mask > 0, pixels, BLACK)[..., top:bottom, left:right]
    side = max(bottom - top, right - left)
    across, down = side - (right - left), side - (bottom - top)
    edges = (across // 2, across - across // 2, down // 2, down - down // 2)
    return pad(cut, edges, value=BLACK)

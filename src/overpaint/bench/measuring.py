"""How near an edit comes to what was wanted: against the true answer, the source, and the words."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, interpolate

from overpaint.bench.case import Region, differing
from overpaint.errors import UsageError
from overpaint.families.clip import ClipEye
from overpaint.images import Picture, blended, mask_of, to_tensor
from overpaint.run.inputs import Given, taken_in

EQUAL = 100.0
"""Decibels of two pictures that are equal, and the most that is said of any."""
LEAST = 0.1
"""What stays must be at least this share of a picture: less are pixels that happen to be equal."""
WINDOW = 11
"""Pixels a side that a structural similarity looks at together."""
Frame = Float[Tensor, "1 3 h w"]
Where = Bool[Tensor, "h w"]


@cache
def metrics() -> Any:
    """The image metrics of torchmetrics.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return import_module("torchmetrics.functional")
    except ImportError:
        raise UsageError(
            "Measuring needs torchmetrics, which is not installed; install it with: "
            "pip install 'overpaint[bench]'."
        ) from None


@cache
def shipped_eye() -> ClipEye:
    """The shipped towers, loaded once."""
    return ClipEye.load()


def measure(
    source: Given,
    edit: Given,
    truth: Given | None = None,
    region: Given | NDArray[np.bool_] | None = None,
    *,
    source_prompt: str = "",
    target_prompt: str = "",
    eye: ClipEye | None = None,
) -> dict[str, float]:
    """Figures of an edit, by the names that the benchmark's table uses; those that cannot be had are absent.

    Args:
        source: the picture before the edit.
        edit: the picture after it.
        truth: the right answer; figures that end in ``_inside`` and ``_whole`` are against it.
        region: where the picture may change: True, or white. By itself where source and truth differ.
        source_prompt: what the source shows; the direction of an edit is measured with both prompts.
        target_prompt: what the edit should show.
        eye: towers that compare pictures and sentences; by itself those of Still Life.

    Raises:
        UsageError: pictures of different sizes, or torchmetrics is not installed.
    """
    before, after = taken_in(source)[0], taken_in(edit)[0]
    answer = None if truth is None else taken_in(truth)[0]
    check_sizes([before, after, *([] if answer is None else [answer])])
    where = region_of(region, before, answer)
    seen = Seen(before, after, answer, where, source_prompt, target_prompt)
    return measured(seen, eye or shipped_eye())


@dataclass(frozen=True, eq=False)
class Seen:
    """All that is compared; pictures of one size."""

    source: Picture
    edit: Picture
    truth: Picture | None = None
    region: Region | None = None
    source_prompt: str = ""
    target_prompt: str = ""

    @property
    def pasted(self) -> Picture:
        """The edit inside the region, the source outside."""
        if self.region is None:
            return self.edit
        weights = np.where(self.region, 255, 0).astype(np.uint8)
        return Picture(blended(self.source.rgb, self.edit.rgb, weights))


def measured(seen: Seen, eye: ClipEye) -> dict[str, float]:
    """The figures of an edit."""
    source, edit = unit(seen.source), unit(seen.edit)
    truth = None if seen.truth is None else unit(seen.truth)
    found: dict[str, float] = {}
    if seen.region is not None:
        region = torch.tensor(seen.region)
        pasted = unit(seen.pasted)
        if float((~region).float().mean()) >= LEAST:
            found |= outside(source, edit, ~region, "")
            found |= outside(source, pasted, ~region, "_pasted")
        if truth is not None and bool(region.any()):
            found["psnr_inside"] = psnr(edit[..., region], truth[..., region])
            found["ssim_inside"] = float(ssim_map(edit, truth)[..., region].mean())
        if truth is not None:
            found["psnr_whole"], found["psnr_whole_pasted"] = psnr(edit, truth), psnr(pasted, truth)
    with torch.no_grad():
        return found | structures(seen, eye) | agreement(seen, eye)


def outside(source: Frame, edit: Frame, where: Where, ending: str) -> dict[str, float]:
    """How well what should stay has stayed."""
    return {
        f"psnr_outside{ending}": psnr(edit[..., where], source[..., where]),
        f"ssim_outside{ending}": float(ssim_map(edit, source)[..., where].mean()),
        f"mse_outside{ending}": float(metrics().mean_squared_error(edit[..., where], source[..., where])),
    }


def psnr(one: Tensor, other: Tensor) -> float:
    """Decibels; `EQUAL` for no difference at all."""
    if torch.equal(one, other):
        return EQUAL
    found = metrics().image.peak_signal_noise_ratio(one.contiguous(), other.contiguous(), data_range=1.0)
    return min(EQUAL, float(found))


def ssim_map(one: Frame, other: Frame) -> Frame:
    """Structural similarity at each pixel."""
    whole: Callable[..., tuple[Tensor, Tensor]] = metrics().image.structural_similarity_index_measure
    return whole(one, other, kernel_size=WINDOW, data_range=1.0, return_full_image=True)[1]


def structures(seen: Seen, eye: ClipEye) -> dict[str, float]:
    """Distances of layouts: of the edit to the source, and inside the region to the true answer."""
    shown = [seen.source, seen.edit, *([] if seen.truth is None else [seen.truth])]
    frames = torch.cat([to_tensor(one) for one in shown])
    if frames.shape[-2] != frames.shape[-1]:  # of these the eye would see the middle alone
        frames = interpolate(frames, (eye.side, eye.side), mode="bilinear", antialias=True)
    maps = [likeness(keys) for keys in eye.keys(frames)]
    found = {"structure": 100 * float((maps[1] - maps[0]).square().mean())}
    if seen.truth is not None and seen.region is not None and seen.region.any():
        side = round(len(maps[0]) ** 0.5)
        region = torch.tensor(seen.region).float()[None, None]
        rows = adaptive_max_pool2d(region, side).flatten().bool()
        found["structure_inside"] = 100 * float((maps[1] - maps[2])[rows].square().mean())
    return found


def likeness(keys: Float[Tensor, "patches width"]) -> Float[Tensor, "patches patches"]:
    """The cosine of every patch with every patch."""
    return metrics().pairwise_cosine_similarity(keys, keys, zero_diagonal=False)


def agreement(seen: Seen, eye: ClipEye) -> dict[str, float]:
    """How well the edit agrees with its prompt, and its change with the change of the words."""
    if not seen.target_prompt:
        return {}
    before, after = eye.look(torch.cat([to_tensor(seen.source), to_tensor(seen.edit)])).unbind()
    prompts = [seen.target_prompt, *([seen.source_prompt] if seen.source_prompt else [])]
    wanted = eye.read(prompts)
    found = {"clip": 100 * max(0.0, cosine(after, wanted[0]))}
    if seen.source_prompt and seen.source_prompt != seen.target_prompt:
        found["direction"] = cosine(after - before, wanted[0] - wanted[1])
    return found


def cosine(one: Tensor, other: Tensor) -> float:
    """The cosine of two vectors; 0 where one of them is nothing."""
    return float(metrics().pairwise_cosine_similarity(one[None], other[None])) if one.any() else 0.0


def unit(picture: Picture) -> Frame:
    """A picture in [0, 1]."""
    return (to_tensor(picture) + 1) / 2


def region_of(
    given: Given | NDArray[np.bool_] | None, source: Picture, truth: Picture | None
) -> Region | None:
    """Where a picture may change, from whatever says so.

    Raises:
        UsageError: it has another size than the picture.
    """
    if given is None:
        return None if truth is None else differing(source, truth)
    if isinstance(given, np.ndarray) and given.dtype == np.bool_:
        if given.shape != source.size:
            raise UsageError(
                f"The region has the shape {given.shape} and the picture {source.size}; make them equal."
            )
        return cast(Region, given)
    return mask_of(taken_in(given)[0], source.size).weights > 127


def check_sizes(pictures: list[Picture]) -> None:
    """Pictures that are compared have one size.

    Raises:
        UsageError: they have not.
    """
    sizes = {picture.size for picture in pictures}
    if len(sizes) > 1:
        listed = " and ".join(f"{width} x {height}" for height, width in sorted(sizes))
        raise UsageError(f"Pictures of {listed} pixels cannot be compared; give them one size.")
    if min(pictures[0].size) < WINDOW:
        raise UsageError(f"Pictures below {WINDOW} pixels a side cannot be measured; give larger ones.")

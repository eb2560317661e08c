"""Stored figures of PIE-Bench's published evaluation, held against ours.

``python -m tests.bench.pie.golden FILE`` looks at a whole file; ``... FILE --thin`` writes the small copy
that is kept in ``tests/golden/metrics``.
"""

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from tests.kit import numbers
from torch import Tensor

from overpaint.bench.pie.masks import decoded
from overpaint.bench.pie.official import PLAIN, Keys, inside, structure_distance

KEPT = Path(__file__).parents[2] / "golden" / "metrics" / "pie_bench.safetensors"
PARTS = {"": "", "_unedit_part": "unedit", "_edit_part": "edit"}
RELATIVE, SSIM, STRUCTURE = 1e-5, 2e-5, 1e-4
LARGE = (
    *("large_source", "large_target", "clip_edit_part_input"),
    *("masks", "mask512_row_sums", "mask512_col_sums"),
)
HASHED = "hashes"


def read(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The arrays of a file, and what it says of them."""
    with cast(Any, safe_open)(file, "pt") as told:
        return {name: told.get_tensor(name) for name in told.keys()}, dict(told.metadata())


def hashed(array: Tensor) -> str:
    """An array as one word."""
    return sha256(array.contiguous().numpy().tobytes()).hexdigest()


def thin(file: Path) -> None:
    """The small copy: what is large and can be computed is kept as a hash."""
    arrays, meta = read(file)
    hashes = {name: hashed(arrays[name]) for name in LARGE[2:]}
    kept = {name: array for name, array in arrays.items() if name not in LARGE}
    save_file(kept, KEPT, {**meta, HASHED: json.dumps(hashes)})


def stand_in(arrays: dict[str, Tensor]) -> Keys:
    """The small network that stands for DINO in the stored figures."""

    def keys(pixels: Tensor) -> Tensor:
        patches = torch.nn.functional.conv2d(
            pixels, arrays["vit_patch_weight"], arrays["vit_patch_bias"], stride=16
        )
        tokens = torch.cat([arrays["vit_cls"][None], patches[0].flatten(1).T])
        return (tokens @ arrays["vit_qkv_weight"].T + arrays["vit_qkv_bias"])[:, 8:16]

    return keys


def failing(file: Path) -> list[str]:
    """What is not as stored, a line each."""
    arrays, meta = read(file)
    hashes: dict[str, str] = json.loads(meta.get(HASHED, "{}"))

    def same(name: str, ours: Tensor) -> bool:
        return hashed(ours) == (hashes[name] if name in hashes else hashed(arrays[name]))

    names, size = (
        json.loads(meta["settings"])["metrics"],
        (arrays["source"].shape[0], arrays["source"].shape[1]),
    )
    source, wrong = arrays["source"].numpy(), list[str]()
    masks = [decoded([n for n in numbers(runs) if n >= 0], size) for runs in arrays["mask_runs"]]
    if not same("masks", torch.tensor(np.stack(masks)).to(torch.uint8)):
        wrong.append("masks")
    whole = torch.tensor(decoded(numbers(arrays["runs_512"]), (512, 512)))
    for name, axis in (("mask512_row_sums", 1), ("mask512_col_sums", 0)):
        if not same(name, whole.sum(axis).float()):
            wrong.append(name)
    targets = [one.numpy() for one in arrays["targets"]]
    shown = [inside(one, mask).transpose(2, 0, 1) for one, mask in zip(targets, masks, strict=True)]
    if not same("clip_edit_part_input", torch.tensor(np.stack(shown))):
        wrong.append("clip_edit_part_input")
    for s, (target, mask) in enumerate(zip(targets, masks, strict=True)):
        for j, name in enumerate(names):
            said, flag = float(arrays["values"][s, j]), int(arrays["flags"][s, j])
            ours = value(name, source, target, mask, arrays)
            if not agrees(name, ours, said, flag):
                wrong.append(f"{name} of {s}: {ours} for {said}, flag {flag}")
        plain = structure_distance(source, target, stand_in(arrays), antialias=False)
        said = float(arrays["structure_distance_no_antialias"][s])
        if not np.isclose(plain, said, rtol=STRUCTURE, atol=1e-9):
            wrong.append(f"structure without antialias of {s}: {plain}")
    return [*wrong, *large(arrays)]


def large(arrays: dict[str, Tensor]) -> Iterator[str]:
    """The pair whose resizing makes it smaller, where the file has it."""
    if "large_source" in arrays:
        pair = arrays["large_source"].numpy(), arrays["large_target"].numpy()
        for smooth, said in zip((True, False), numbers(arrays["large_structure_distance"]), strict=True):
            ours = structure_distance(*pair, stand_in(arrays), antialias=smooth)
            if not np.isclose(ours, said, rtol=STRUCTURE):
                yield f"structure of the large pair, antialias {smooth}: {ours} for {said}"


def value(name: str, source: Any, target: Any, mask: Any, arrays: dict[str, Tensor]) -> float | None:
    """A figure by its published name; nothing where ours is absent."""
    ending = next(one for one in ("_unedit_part", "_edit_part", "") if name.endswith(one))
    which, base = PARTS[ending], name.removesuffix(ending)
    if which == "unedit" and mask.all():
        return None
    if base == "structure_distance":
        keep = np.ones_like(mask) if not which else ~mask
        return structure_distance(source * keep[..., None], target * keep[..., None], stand_in(arrays))
    return PLAIN[base](source, target, mask, cast(Any, which))


def agrees(name: str, ours: float | None, said: float, flag: int) -> bool:
    """Whether a figure is the stored one; a text or an infinity there is none here."""
    if flag or ours is None:
        return ours is None and flag != 0
    if name.startswith("ssim"):
        return abs(ours - said) < SSIM
    return bool(np.isclose(ours, said, rtol=STRUCTURE if "structure" in name else RELATIVE, atol=1e-9))


if __name__ == "__main__":
    if "--thin" in sys.argv:
        thin(Path(sys.argv[1]))
    found = failing(Path(sys.argv[1]))
    print("\n".join(found) or "all as stored")
    sys.exit(bool(found))

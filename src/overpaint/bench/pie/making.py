"""A data set of PIE-Bench's layout drawn from Still Life: the whole chain without the real one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overpaint.bench.case import Case
from overpaint.bench.pie.layout import DRAWN, IMAGES, PIE, TYPES, bare
from overpaint.bench.pie.masks import encoded
from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.images import Picture, save_picture
from overpaint.run.wording import word_changes

SIDE = 512
"""Pixels a side, as the published pictures have."""


def make(folder: Path, cases: Sequence[Case]) -> Path:
    """Write the pictures, drawn large, and the list; the place of the list.

    Raises:
        UsageError: the folder holds something already, or cannot be written to.
    """
    told = dict[str, Any]()
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"The folder {folder} is not empty; choose another.")
        for number, case in enumerate(cases):
            name, kind = f"{number:012d}", TYPES.index(case.kind)
            place = Path(f"{kind}_{case.kind}") / f"{name}.png"
            told[name] = entry(case, kind, place, folder)
        atomic.write(folder / PIE, (json.dumps(told, indent=1) + "\n").encode())
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be written to ({error.strerror or error}); choose another."
        ) from None
    return folder / PIE


def entry(case: Case, kind: int, place: Path, folder: Path) -> dict[str, Any]:
    """One entry of the list; its picture is written."""
    pictures = case.pictures()
    (folder / IMAGES / place).parent.mkdir(parents=True, exist_ok=True)
    save_picture(Picture(large(pictures.source.rgb)), folder / IMAGES / place, {})
    region = np.zeros(pictures.source.size, np.bool_) if pictures.region is None else pictures.region
    changed = word_changes(case.source_prompt, case.target_prompt)
    target = " ".join(f"[{w}]" if c == "added" else w for c, w in changed if c != "removed")
    return {
        "image_path": place.as_posix(),
        "original_prompt": case.source_prompt,
        "editing_prompt": target if bare(target) == case.target_prompt else case.target_prompt,
        "editing_instruction": "",
        "editing_type_id": str(kind),
        "blended_word": case.words.replace("=>", " ") if "," not in case.words else "",
        "mask": encoded(large(region)),
        DRAWN: True,
    }


def large(pixels: Any) -> Any:
    """Every pixel several times."""
    times = SIDE // pixels.shape[0]
    return pixels.repeat(times, 0).repeat(times, 1)

"""The networks that measure on PIE-Bench, where they are on this machine."""

from collections.abc import Mapping
from pathlib import Path

from overpaint.bench.pie.lpips import FILE, Lpips
from overpaint.bench.pie.official import Yardsticks
from overpaint.families.yardsticks import CLIP, DINO, ClipAgreement, DinoKeys, home_of, mark_of
from overpaint.files.fingerprint import file_hash

NOWHERE = "is neither in the folder of --yardsticks nor in the Hub's cache"
DAMAGED = "cannot be loaded, as it is damaged or not whole; get it anew"


def yardsticks(folder: Path | None) -> Yardsticks:
    """Those that are here, and a sentence for each that is not.

    Raises:
        UsageError: the weights of LPIPS are there and cannot be used.
    """
    keys, agree = DinoKeys.load(folder), ClipAgreement.load(folder)
    place = None if folder is None else folder / FILE
    apart = Lpips.load(place) if place is not None and place.is_file() else None
    homes: Mapping[str, Path | None] = {name: home_of(folder, name) for name in (DINO, CLIP)}
    lacking = {
        f"The structure distance is missing: {told(DINO, homes[DINO])}.": keys,
        f"CLIP's figures are missing: {told(CLIP, homes[CLIP])}.": agree,
        f"LPIPS is missing: there is no {FILE} in the folder of --yardsticks.": apart,
    }
    missing = tuple(sentence for sentence, there in lacking.items() if there is None)
    loaded = {DINO: keys, CLIP: agree}
    marks = {
        name: mark_of(home) for name, home in homes.items() if home is not None and loaded[name] is not None
    }
    if place is not None and apart is not None:
        marks[FILE] = file_hash(place)[:12]
    return Yardsticks(keys, agree, apart, missing, marks)


def told(name: str, home: Path | None) -> str:
    """Why a network cannot measure: it is nowhere, or what lies there is damaged."""
    return f"{name} {NOWHERE}" if home is None else f"{name} in {home} {DAMAGED}"

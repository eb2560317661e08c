"""The networks that measure on PIE-Bench, where they are on this machine."""

from pathlib import Path

from overpaint.bench.pie.lpips import FILE, Lpips
from overpaint.bench.pie.official import Yardsticks
from overpaint.families.yardsticks import CLIP, DINO, ClipAgreement, DinoKeys


def yardsticks(folder: Path | None) -> Yardsticks:
    """Those that are here, and a sentence for each that is not.

    Raises:
        UsageError: the weights of LPIPS are there and cannot be used.
    """
    keys, agree = DinoKeys.load(folder), ClipAgreement.load(folder)
    place = None if folder is None else folder / FILE
    apart = Lpips.load(place) if place is not None and place.is_file() else None
    where = "is neither in the folder of --yardsticks nor in the Hub's cache"
    lacking = {
        f"The structure distance is missing: {DINO} {where}.": keys,
        f"CLIP's figures are missing: {CLIP} {where}.": agree,
        f"LPIPS is missing: there is no {FILE} in the folder of --yardsticks.": apart,
    }
    missing = tuple(sentence for sentence, there in lacking.items() if there is None)
    return Yardsticks(keys, agree, apart, missing)

"""The published tables of PIE-Bench, to be printed beside ours; values of several sources are kept apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from overpaint.bench.figures import OFFICIAL
from overpaint.bench.results import Line
from overpaint.bench.table import Row, grid, set_of

HEADS = ("structure ×1000", "PSNR", "LPIPS ×1000", "MSE ×10000", "SSIM ×100", "CLIP", "CLIP edited")
"""Of `OFFICIAL`, as the published table has them."""
REAL, ALL = "mapping_file", 700
"""The set that the published data are known by, and how many pictures it has."""
NONE = "–"
CHECKED = "Ju et al., ICLR 2024 (arXiv:2310.01506), or a paper that quotes it"
RECALLED = "the same table, from memory and not checked again"
INFEDIT = "Xu et al., CVPR 2024 (arXiv:2312.04965)"
SPDINV = "Li et al., ECCV 2024 (arXiv:2403.11105)"
ENM = "the paper on ENM inversion (arXiv:2509.25776)"
REFINEEDIT = "the report on RefineEdit"
SOURCES = (CHECKED, RECALLED, INFEDIT, SPDINV, ENM, REFINEEDIT)
SD14, SD15, LCM = "SD 1.4", "SD 1.5", "LCM Dreamshaper v7"
Within = Mapping[str, Any]


@dataclass(frozen=True)
class Published:
    """One row: all 700 pictures. A value that was not published, or that is not known here, is blank."""

    inversion: str
    method: str
    values: str
    """As they were printed, in the order of `HEADS`."""
    source: str = CHECKED
    how: str = f"{SD14}, 50 steps"
    """The model and the steps, where they are known."""
    name: str = ""
    """What it is called, where the inversion has several names."""
    within: Within = field(default_factory=dict[str, Any])
    """Options of the inversion that tell it from others of that inversion."""

    @property
    def cells(self) -> list[str]:
        """Its values, blanks as `NONE`."""
        return [NONE if one == "-" else one for one in self.values.split()]

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.method} {self.inversion}{f' ({self.name})' if self.name else ''}"


AIDI, FPI, RENOISE = {"average": 2, "averaged": "always"}, {"average": 1}, {"averaged": "last"}
TABLE: Sequence[Published] = (
    Published("ddim", "p2p", "69.43 17.87 208.80 219.88 71.14 25.01 22.44"),
    Published("null-text", "p2p", "13.44 27.03 60.67 35.86 84.11 24.75 21.86"),
    Published("negative-prompt", "p2p", "16.17 26.21 69.01 39.73 83.40 24.61 21.87"),
    Published("style", "p2p", "11.65 26.05 66.10 38.63 83.42 24.78 21.72"),
    Published("direct", "p2p", "11.65 27.22 54.55 32.86 84.76 25.02 22.10"),
    Published("ddim", "pnp", "28.22 22.28 113.46 83.64 79.05 25.41 22.55", RECALLED, f"{SD15}, 50 steps"),
    Published("direct", "pnp", "24.29 22.46 106.06 80.45 79.68 25.41 22.62", how=f"{SD15}, 50 steps"),
    Published("ddim", "masactrl", "28.38 22.17 106.62 86.97 79.67 23.96 21.16", RECALLED),
    Published("direct", "masactrl", "24.70 22.64 87.94 81.09 81.33 24.38 21.35", RECALLED),
    Published("ddim", "pix2pix-zero", "61.68 20.44 172.22 144.12 74.67 22.80 20.54", RECALLED),
    Published("direct", "pix2pix-zero", "49.22 21.53 138.98 127.32 77.05 23.31 21.05", RECALLED),
    Published("edict", "p2p", "4.91 29.79 37.03 20.40 87.52 23.09 20.32", RECALLED),
    Published("edit-friendly", "p2p", "18.05 24.55 91.88 94.58 81.57 23.97 21.03", RECALLED),
    Published("virtual", "infedit", "13.78 28.51 47.58 32.09 85.66 25.03 22.22", INFEDIT, f"{LCM}, 12 steps"),
    Published("virtual", "p2p", "14.22 27.52 47.98 34.17 85.05 24.89 22.03", INFEDIT, f"{SD14}, 32 steps"),
    Published("virtual", "p2p", "15.61 26.64 55.85 41.15 84.66 24.57 21.69", INFEDIT, f"{LCM}, 15 steps"),
    Published("cycle", "p2p", "6.06 28.25 43.96 25.85 85.61 23.68 20.87", INFEDIT, f"{SD14}, 32 steps"),
    Published("fixed-point", "p2p", "12.16 27.01 56.39 36.90 84.27 24.92 -", SPDINV, "", "AIDI", AIDI),
    Published("fixed-point", "p2p", "12.19 26.96 57.92 - 84.17 24.96 -", ENM, "", "AIDI", AIDI),
    Published("fixed-point", "p2p", "14.71 26.61 61.97 - 83.52 23.93 -", ENM, "", "FPI", FPI),
    Published("fixed-point", "p2p", "22.60 25.19 85.29 - 82.30 23.78 -", ENM, "", "ReNoise", RENOISE),
    Published("edit-friendly", "ledits++", "41.4 20.59 100 120 82.0 26.22 23.29", REFINEEDIT, SD15),
    Published("direct", "p2p", "22.9 23.37 81 64 85.2 25.57 22.77", REFINEEDIT, SD15, "its baseline"),
)


def markdown() -> str:
    """The published values, a table for each source."""
    parts = list[str]()
    for source in SOURCES:
        lines = [[one.title, one.how or NONE, *one.cells] for one in TABLE if one.source == source]
        parts.append(f"Published by {source}:\n\n{grid(['', 'with', *HEADS], lines)}")
    return "\n\n".join(parts) + "\n"


def beside(found: Sequence[Row]) -> str:
    """Our rows on the published data beside those that were published of them, a table for each source.

    Nothing where no row of ours is of that data, or none was published.
    """
    parts = list[str]()
    ours = [row for row in found if set_of(row.line) == REAL]
    for source in SOURCES:
        pairs = [(row, one) for row in ours for one in TABLE if one.source == source and same(one, row.line)]
        lines = [line for row, one in pairs for line in block(row, one)]
        if lines:
            parts.append(f"Ours beside {source}:\n\n{grid(['', 'with', *HEADS], lines)}")
    fewest = min((len(row.lines) for row in ours), default=ALL)
    if parts:
        parts.insert(0, caution(fewest))
    return "\n\n".join(parts) + "\n" if parts else ""


def caution(fewest: int) -> str:
    """What a difference may come from other than the method."""
    few = f"ours of {fewest} or more; " if fewest < ALL else ""
    return (
        f"Published values are of all {ALL} pictures; {few}a difference means something with the model, the "
        "steps and the options that they were made with."
    )


def same(one: Published, line: Line) -> bool:
    """Whether a row of ours is what was published."""
    inner: Any = line["options"].get("inversion")
    told: Within = cast("Within", inner) if isinstance(inner, dict) else {}
    alike = all(told.get(name) == value for name, value in one.within.items())
    return (line["method"], line["inversion"]) == (one.method, one.inversion) and alike


def block(row: Row, one: Published) -> Iterator[list[str]]:
    """Ours, what was published, and the difference."""
    means = [row.mean(name) for name in OFFICIAL]
    cases, own = (
        f"model {row.line['model'][:6]}, {len(row.lines)} cases",
        [mean and mean.value for mean in means],
    )
    yield [row.title, cases, *(NONE if value is None else f"{value:.2f}" for value in own)]
    yield [f"published: {one.title}", one.how or NONE, *one.cells]
    yield ["difference", "", *(gap(value, cell) for value, cell in zip(own, one.cells, strict=True))]


def gap(ours: float | None, theirs: str) -> str:
    """Ours less theirs, where there are both."""
    return NONE if ours is None or theirs == NONE else f"{ours - float(theirs):+.2f}"

"""What tests of the benchmark share: a case with its pictures at hand."""

from overpaint.bench.case import Case, Pictures, Region
from overpaint.bench.still_life import cases
from overpaint.images import Picture


def first(kind: str) -> tuple[Case, Pictures]:
    """The first fixed case of a type."""
    (case,) = cases(types=[kind], limit=1)
    return case, case.pictures()


def known(pictures: Pictures) -> tuple[Picture, Region]:
    """The true answer and the true region of a drawn case."""
    assert pictures.truth is not None and pictures.region is not None
    return pictures.truth, pictures.region

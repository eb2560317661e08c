"""Measuring again: edits whose pictures were kept get the figures of networks that came since.

So a network that measures can be brought later, or replaced, without making the edits again.
"""

from collections.abc import Iterator, Sequence

from overpaint.bench.case import Case, Pictures
from overpaint.bench.figures import figures
from overpaint.bench.references import REFERENCES
from overpaint.bench.results import NETWORKS, Line, behind
from overpaint.bench.run import Bench, Note, check, pictures_of, rounded
from overpaint.bench.variant import Variant
from overpaint.errors import UsageError
from overpaint.images import Picture, load_picture


def outdated(bench: Bench) -> list[tuple[Case, list[Variant]]]:
    """The results that lack figures of networks which are here, and can be looked at again."""
    found = ((case, [v for v in lacking(bench, case) if seen(bench, case, v)]) for case in bench.cases)
    return [(case, several) for case, several in found if several]


def blind(bench: Bench) -> int:
    """How many lack such figures and cannot be looked at, as no picture of them was kept."""
    return sum(not seen(bench, case, v) for case in bench.cases for v in lacking(bench, case))


def lacking(bench: Bench, case: Case) -> list[Variant]:
    """What was done with a case and not measured by all networks that are here."""
    return [v for v in bench.variants if behind(case.networks, bench.line(case, v))]


def seen(bench: Bench, case: Case, variant: Variant) -> bool:
    """Whether the picture of a result is there, or takes no work."""
    return variant.reference or bench.picture(case, variant).exists()


def measure_again(bench: Bench, note: Note = lambda case, variant, line: None) -> None:
    """Measure what was kept, case by case; each line is added at once, so a stopped run goes on.

    Raises:
        Cancelled: the meter was told to stop; all that was finished is on disk.
    """
    for case, several in outdated(bench):
        with bench.results.claimed(case.name) as ours:
            for variant, line in anew(bench, case, several) if ours else ():  # else another process does it
                bench.results.add(line)
                note(case, variant, line)


def anew(bench: Bench, case: Case, several: Sequence[Variant]) -> Iterator[tuple[Variant, Line]]:
    """The new lines of a case; none of a picture that can no longer be read."""
    pictures = pictures_of(case)
    for variant in several:
        check(bench.meter)
        line = bench.line(case, variant)
        if line is None or not behind(case.networks, line) or isinstance(pictures, UsageError):
            continue
        try:
            edit = kept(bench, case, pictures, variant)
        except UsageError:
            continue
        if edit is not None:
            yield variant, measured(case, pictures, edit, line)


def kept(bench: Bench, case: Case, pictures: Pictures, variant: Variant) -> Picture | None:
    """The picture that was made.

    Raises:
        UsageError: it cannot be read.
    """
    if variant.reference:
        return REFERENCES[variant.method](pictures, bench.model)
    return load_picture(bench.picture(case, variant))


def measured(case: Case, pictures: Pictures, edit: Picture, line: Line) -> Line:
    """A line with the figures of today's networks; those of networks that are not here now stay."""
    found = rounded(figures(case, pictures, edit))
    by = {**line.get(NETWORKS, {}), **case.networks}
    return {**line, NETWORKS: by, "figures": {**line["figures"], **found}}

"""What regions are told to show, as the command line says it."""

from overpaint.cli.facts import limits
from overpaint.cli.options import Common
from overpaint.errors import UsageError
from overpaint.run.told import ToldRegions, listed, parsed, regions_in


def told(common: Common) -> ToldRegions:
    """The regions, in whichever way they are given; none where nothing is said.

    Raises:
        UsageError: they are said in two ways, or in none that holds together.
    """
    if common.regions and (common.segments is not None or common.segment_words is not None):
        raise UsageError("Regions are files of their own, or segments of one picture; give one of both.")
    if common.segment_words is not None:
        return regions_in(listed(common.segment_words), common.segments, limits(common))
    return regions_in([parsed(one) for one in common.regions], common.segments, limits(common))

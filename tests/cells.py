"""Sheets of the galleries: pictures in lines, with words below each."""

from collections.abc import Sequence

from overpaint.images import Picture
from overpaint.images.picture import from_pil
from overpaint.images.sheets import flat, scaled, sheet


def sheet_of(cells: Sequence[tuple[Picture, str]], columns: int, side: int) -> Picture:
    """Pictures of one height with their words, so many in a line."""
    pictures = [scaled(flat(picture), side) for picture, _ in cells]
    return from_pil(sheet(pictures, [words for _, words in cells], columns))

"""What a method may ask of its task."""

import pytest
import torch

from overpaint.card import Need
from overpaint.errors import OverpaintError, UsageError
from overpaint.task import CELLS, Mask01, Request, Task
from tests.kit import draw, gap, shared

SIZE = (32, 32)


def mask_with(*pixels: tuple[int, int]) -> Mask01:
    mask = torch.zeros(1, 1, *SIZE)
    for y, x in pixels:
        mask[0, 0, y, x] = 1
    return mask


def task(mask: Mask01 | None = None, **more: object) -> Task:
    request = Request(source="a cat", target="a dog")
    needs = {Need.IMAGE, Need.SOURCE, Need.TARGET}
    return Task.of(shared(), request, needs, torch.tanh(draw(1, 3, *SIZE)), SIZE, mask=mask, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("cells", "pixels", "covered"),
    [
        ("middle", ((2, 2),), 1),
        ("middle", ((0, 0),), 0),
        ("corner", ((0, 0),), 1),
        ("corner", ((2, 2),), 0),
        ("touched", ((3, 1),), 1),
        ("half", ((3, 1),), 0),
        ("half", tuple((y, x) for y in range(3) for x in range(4)), 1),
    ],
)
def test_a_mask_covers_cells_in_four_ways(
    cells: CELLS, pixels: tuple[tuple[int, int], ...], covered: int
) -> None:
    region = task(mask_with(*pixels)).region(cells)
    assert region.shape == (1, 1, 8, 8)
    assert float(region.sum()) == float(region[0, 0, 0, 0]) == covered


def test_further_texts_are_encoded_once() -> None:
    given = task()
    assert given.text("a bird") is given.text("a bird")
    assert gap(given.text("a dog").states, given.target.states) == 0
    with pytest.raises(UsageError, match="token"):
        given.text("a cat " * 20)
    with pytest.raises(OverpaintError, match="no model to encode"):
        Task((1, 4, 8, 8), shared().family.null()).text("a bird")


def test_further_pictures_are_found_by_name() -> None:
    pixels = torch.tanh(draw(1, 3, *SIZE, seed=2))
    given = task(pictures={"examples": [pixels, pixels], "control:canny": [pixels]})
    assert len(given.pictures("examples")) == 2 and given.pictures("nothing") == ()
    assert torch.equal(given.picture("control:canny"), pixels)
    with pytest.raises(UsageError, match="one picture called 'examples', not 2"):
        given.picture("examples")


@pytest.mark.parametrize("need", [Need.MASK, Need.EXAMPLES, Need.CONTROL])
def test_what_is_needed_and_lacking_is_said(need: Need) -> None:
    with pytest.raises(UsageError, match="give"):
        Task.of(shared(), Request(source="a", target="b"), {need}, None, SIZE)


def test_what_is_optional_may_lack() -> None:
    given = Task.of(shared(), Request(target="a dog"), {Need.TARGET}, None, SIZE, optional={Need.SOURCE})
    assert given.given_source is None
    with pytest.raises(UsageError, match="source prompt"):
        _ = given.source


def test_a_further_picture_covers_the_cells_where_it_is_white() -> None:
    mask = mask_with(*((y, x) for y in range(16) for x in range(32)))
    given = task(mask)
    assert torch.equal(given.covered(mask.expand(1, 3, -1, -1) * 2 - 1), given.region())
    assert torch.equal(given.covered(1 - mask.expand(1, 3, -1, -1) * 2), 1 - given.region())

"""Regions as people give them: files, segments by value and by colour, words; and what cannot be."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from tests.kit import shared

from overpaint.errors import UsageError
from overpaint.images import Picture
from overpaint.run.plan import plan
from overpaint.run.request import EditRequest, edit_request
from overpaint.run.told import REGION, listed, of_segments, parsed, regions_in

GRID = np.zeros((32, 48), np.uint8)
GRID[4:20, 2:20], GRID[8:30, 24:46] = 1, 2


def white(value: int) -> np.ndarray[Any, Any]:
    return np.where(GRID[..., None] == value, 255, 0).astype(np.uint8).repeat(3, 2)


def palette(path: Path) -> Path:
    image = Image.fromarray(GRID).convert("P")
    image = Image.frombytes("P", (48, 32), GRID.tobytes())
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    image.save(path)
    return path


@pytest.mark.parametrize(
    ("text", "file", "words"),
    [
        ("left.png:a red cube", "left.png", "a red cube"),
        ("a:b/left.png: a  red cube ", "a:b/left.png", "a red cube"),
        ("keep.webp", "keep.webp", ""),
        ("x.png:ratio 2:1", "x.png", "ratio 2:1"),
    ],
)
def test_a_region_is_a_file_and_words(text: str, file: str, words: str) -> None:
    assert parsed(text) == (file, words)


def test_segments_are_told_by_value_and_commas_belong_to_words() -> None:
    assert listed("1=a red, shiny cube, 2 = a ball") == {"1": "a red, shiny cube", "2": "a ball"}
    assert listed("#ff0000=a cube,blue=") == {"#ff0000": "a cube", "blue": ""}
    for text, said in (("a red cube", "tells no segment"), ("1=a,1=b", "told twice")):
        with pytest.raises(UsageError, match=said):
            listed(text)


@pytest.mark.parametrize("told", [{"1": "a cube", "2": "a ball"}, {"red": "a cube", "#0000ff": "a ball"}])
def test_a_palette_is_read_by_value_and_by_colour(tmp_path: Path, told: dict[str, str]) -> None:
    found = of_segments(palette(tmp_path / "a.png"), told)
    assert found.words == ("a cube", "a ball")
    for mask, value in zip(found.masks, (1, 2), strict=True):
        assert np.array_equal(np.asarray(cast(Picture, mask).rgb)[..., 0] > 0, GRID == value)


def test_grey_levels_arrays_and_colours_are_segments_too(tmp_path: Path) -> None:
    Image.fromarray(GRID).save(tmp_path / "grey.png")
    Image.fromarray(white(2) // 255 * np.array([0, 128, 0], np.uint8)).save(tmp_path / "rgb.png")
    for segments, key in ((tmp_path / "grey.png", "2"), (GRID, "2"), (tmp_path / "rgb.png", "#008000")):
        (mask,) = of_segments(segments, {key: "a ball"}).masks
        assert np.array_equal(np.asarray(cast(Picture, mask).rgb)[..., 0] > 0, GRID == 2)


@pytest.mark.parametrize(
    ("told", "said"),
    [({"7": "x"}, "no pixel of '7'; there are 0, 1, 2"), ({"mauvish": "x"}, "neither a value nor a colour")],
)
def test_a_segment_that_is_not_there_is_named(tmp_path: Path, told: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        of_segments(palette(tmp_path / "a.png"), told)


def test_colours_have_no_values_and_arrays_no_colours(tmp_path: Path) -> None:
    Image.fromarray(white(1)).save(tmp_path / "rgb.png")
    with pytest.raises(UsageError, match="colours, not values"):
        of_segments(tmp_path / "rgb.png", {"1": "x"})
    with pytest.raises(UsageError, match="values, not colours"):
        of_segments(GRID, {"red": "x"})
    with pytest.raises(UsageError, match="whole numbers"):
        of_segments(GRID[..., None].repeat(3, 2), {"1": "x"})


def test_masks_without_words_and_words_without_masks_are_refused() -> None:
    with pytest.raises(UsageError, match="belong to a picture of segments"):
        regions_in({1: "a cube"})
    with pytest.raises(UsageError, match="Say what the segments show"):
        regions_in((), GRID)


def asked(*told: tuple[Any, str], image: Any = None, method: str = "spatext") -> EditRequest:
    found = regions_in(told)
    request = {"target": "a photo of the grass", **found.request}
    return edit_request(
        "generate" if image is None else "edit", method, image, request, {}, pictures=found.pictures
    )


def test_regions_become_masks_in_the_models_frame() -> None:
    job = plan(asked((white(1), "a red cat"), (white(2), "a blue dog")), shared("sd1-spatext"))
    height, width = (8 * n // 2 for n in job.task.shape[-2:])
    assert height < width  # of the shape of the masks
    one, two = job.task.regions
    assert (one.words, two.words) == ("a red cat", "a blue dog")
    assert not (one.mask * two.mask > 0.5).any()
    share = (float(one.mask.mean()), float((GRID == 1).mean()))
    assert abs(share[0] - share[1]) < 0.05
    assert job.notes == ()


def test_an_overlap_is_said() -> None:
    wide = np.maximum(white(1), white(2))
    notes = plan(asked((wide, "a cat"), (white(2), "a dog")), shared("sd1-spatext")).notes
    assert notes == ("The regions 1 and 2 overlap; there the later one counts.",)


def test_what_does_not_fit_together_is_one_sentence() -> None:
    small = white(1)[:16]
    with pytest.raises(UsageError, match="A region has 48 x 16 pixels and the first one 48 x 32"):
        asked((white(1), "a cat"), (small, "a dog"))
    with pytest.raises(UsageError, match="the picture 48 x 16"):
        asked((white(1), "a cat"), image=small)
    with pytest.raises(UsageError, match="black everywhere"):
        asked((white(9), "a cat"))
    with pytest.raises(UsageError, match="has no use for pictures called 'region'"):
        asked((white(1), "a cat"), method="generate")
    with pytest.raises(UsageError, match="needs a network that is told regions"):
        plan(asked((white(1), "a cat")), shared("sd1"))
    sdedit = edit_request("edit", "sdedit", white(1), {"target": "a cat"}, {})
    with pytest.raises(UsageError, match="take the method 'spatext'"):
        plan(sdedit, shared("sd1-spatext"))


def test_a_picture_of_regions_is_made_again_from_its_recipe(tmp_path: Path) -> None:
    import overpaint

    model = shared("sd1-spatext")
    told = [(white(1), "a red cat"), (white(2), "a blue dog")]
    how: dict[str, Any] = {"steps": 2, "prior_steps": 2, "method": "spatext", "model": model}
    made = overpaint.generate("a photo of the grass", regions=told, **how)
    made.save(tmp_path / "a.png")
    again = overpaint.rerun(tmp_path / "a.png", model=model)
    assert np.array_equal(again.picture.rgb, made.picture.rgb)
    assert [len(several) for name, several in made.recipe.pictures.items() if name == REGION] == [2]
    same = overpaint.generate(
        "a photo of the grass", regions={1: "a red cat", 2: "a blue dog"}, segments=GRID, **how
    )
    assert np.array_equal(same.picture.rgb, made.picture.rgb)

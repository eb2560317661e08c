"""Maps of what is where: read, changed by name, painted over, held against one another."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.kit import shared
from tests.sides.test_segmenter import PALETTE, kept, small
from tests.test_api import smooth

from overpaint.api import edit
from overpaint.errors import UsageError
from overpaint.everyday import regions
from overpaint.images import Info, Picture, load_picture, save_picture
from overpaint.run.by_map import by_map
from overpaint.run.regions import TEXT, Regions, read_regions, regions_by_words, regions_in, spread_palette
from overpaint.sides.segmenter import FOLDER


def scene() -> Regions:
    """A ball before sky and ground, which meet in the middle."""
    places = np.zeros((20, 30), np.uint8)
    places[10:] = 1
    places[6:14, 5:11] = 2
    return Regions(PALETTE, places)


def test_a_map_is_written_and_read_again(tmp_path: Path) -> None:
    own = scene()
    file = save_picture(own.picture, tmp_path / "map.png", own.picture.info.text)
    again = regions_in(load_picture(file))
    assert again.palette == PALETTE and np.array_equal(again.places, own.places)
    assert own.names == ("sky", "ground", "ball")


def test_a_thing_moves_and_the_rest_closes_behind_it() -> None:
    moved = scene().moved("ball", 12, 2)
    assert np.array_equal(moved.where("ball")[8:16, 17:23], np.ones((8, 6), bool))
    assert moved.where("ball").sum() == 48
    rest = scene().without("ball")
    assert np.array_equal(rest.places, np.repeat([[0], [1]], 10, 0).repeat(30, 1))
    assert rest.names == ("sky", "ground")


def test_moving_partly_out_cuts_and_wholly_out_is_refused() -> None:
    assert scene().moved("ball", -8, 0).where("ball").sum() == 3 * 8
    with pytest.raises(UsageError, match="would be outside of the picture"):
        scene().moved("ball", -40, 0)


def test_another_name_and_another_shape() -> None:
    with pytest.raises(UsageError, match=r"The map knows no 'cube'; there are: sky, ground, ball"):
        scene().renamed("ball", "cube")
    with pytest.raises(UsageError, match=r"There is no 'bell' in the map; did you mean 'ball'"):
        scene().renamed("bell", "sky")
    assert "ball" not in scene().renamed("ball", "ground").names
    shape = np.zeros((20, 30), bool)
    shape[0, 0] = True
    one = scene().renamed("ball", "ball", shape)
    assert one.where("ball").sum() == 1


def test_nothing_is_left_where_everything_is_one_thing() -> None:
    alone = Regions(PALETTE, np.full((4, 4), 2, np.uint8))
    with pytest.raises(UsageError, match="shows nothing but ball"):
        alone.without("ball")


def test_what_may_change_is_where_maps_differ_and_a_little_around() -> None:
    own = scene()
    assert not own.apart(own).rgb.any()
    white = own.apart(own.moved("ball", 12, 0)).rgb[..., 0] > 0
    assert white[6:14, 5:11].all() and white[6:14, 17:23].all()
    assert white[5, 4] and not white[0, 0] and not white[19, 29]
    with pytest.raises(UsageError, match="4 x 4 pixels and the picture 30 x 20"):
        own.apart(Regions(PALETTE, np.zeros((4, 4), np.uint8)))
    named = Regions(spread_palette(("ball", "ground", "sky")), np.array([2, 1, 0], np.uint8)[own.places])
    assert not own.apart(named).rgb.any()  # the same names in other places of another palette


def test_pens_are_soft_and_odd_colours_are_refused() -> None:
    picture = scene().picture
    soft = replace(picture, rgb=np.clip(picture.rgb.astype(int) + 12, 0, 255).astype(np.uint8))
    assert np.array_equal(regions_in(soft).places, scene().places)
    rgb = picture.rgb.copy()
    rgb[:4, :4] = (0, 255, 0)
    with pytest.raises(UsageError, match=r"the colour \(0, 255, 0\), which stands for none of: sky"):
        regions_in(replace(picture, rgb=rgb))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": [1, 2]}', "{}"])
def test_a_map_that_does_not_say_its_names(text: str) -> None:
    plain = scene().picture
    odd = replace(plain, info=replace(plain.info, text={TEXT: text}))
    with pytest.raises(UsageError, match="does not say what its colours stand for"):
        regions_in(odd)
    assert np.array_equal(regions_in(odd, PALETTE).places, scene().places)


def test_what_a_map_says_of_its_colours_is_believed_within_bounds() -> None:
    rgb = scene().picture.rgb
    for said in ('{"a": [1e999, 0, 0]}', '{"a": [256, 0, 0]}', '{"a": [-1, 0, 0]}', "[" * 100_000):
        with pytest.raises(UsageError, match="does not say"):
            regions_in(Picture(rgb, info=Info(text={TEXT: said})))
    many = json.dumps({str(k): [k % 256, k // 256, 0] for k in range(300)})
    with pytest.raises(UsageError, match="does not say"):
        regions_in(Picture(rgb, info=Info(text={TEXT: many})))


def test_words_share_the_picture_between_them() -> None:
    cat, grass = torch.zeros(4, 4), torch.full((4, 4), 0.1)
    cat[1:3, 1:3] = 0.01  # weak everywhere, but strongest there
    found = regions_by_words([("Cat", cat), ("grass", grass)], ["cat", "grass"], (16, 16))
    assert found.names == ("grass", "cat") and found.how == "by the attention of words"
    assert found.where("cat")[6:10, 6:10].all() and not found.where("cat")[0].any()
    with pytest.raises(UsageError, match="'dog' is no word of the source prompt"):
        regions_by_words([("cat", cat)], ["dog", "cat"], (16, 16))
    with pytest.raises(UsageError, match="name at least two"):
        regions_by_words([("cat", cat)], ["cat"], (16, 16))


def test_a_model_without_a_segmenter_needs_words() -> None:
    with pytest.raises(UsageError, match="has no segmenter that reads what is where; name the words"):
        regions(smooth(), model=shared())
    found = regions(smooth(), model=shared(), words=["cat", "grass"], source="a cat on the grass")
    assert set(found.names) <= {"cat", "grass"} and found.places.shape == smooth().size


def test_an_edit_by_a_map_may_change_what_differs(tmp_path: Path) -> None:
    kept(tmp_path / FOLDER, small())
    model = replace(shared(), home=tmp_path)
    own = read_regions(smooth(), model)
    assert own.how.startswith("read by the segmenter of ")
    same = by_map(smooth(), own.picture, model)
    assert same.mask is None and same.control[0].net == "segmentation"
    places = own.places.copy()
    places[:4, :4] = (places[:4, :4] + 1) % 3
    other = by_map(smooth(), replace(own, places=places).picture, model)
    assert other.mask is not None and other.mask.rgb[0, 0, 0] == 255
    assert np.array_equal(other.control[1].rgb, other.after.picture.rgb)
    # The side network that reads it is Still Life's, which this model is not.
    with pytest.raises(UsageError, match="segmentation"):
        edit(smooth(), target="a cat", method="sdedit", model=model, map=other.after.picture)


def test_the_picture_of_a_map_is_a_picture() -> None:
    assert isinstance(scene().picture, Picture)

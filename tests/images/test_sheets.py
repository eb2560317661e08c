import numpy as np
import pytest
import torch

from overpaint.errors import UsageError
from overpaint.images import Picture, heatmaps, strip


def plain(height: int, width: int, colour: tuple[int, int, int], alpha: int | None = None) -> Picture:
    rgb = np.full((height, width, 3), colour, np.uint8)
    return Picture(rgb, None if alpha is None else np.full((height, width), alpha, np.uint8))


def columns_of(sheet: Picture, colour: tuple[int, int, int]) -> int:
    return int((sheet.rgb == colour).all(-1).any(0).sum())


def inked_rows(sheet: Picture) -> int:
    return int((sheet.rgb == (48, 48, 52)).all(-1).any(1).sum())


def test_a_strip_shows_every_picture_and_its_caption() -> None:
    red, green = plain(256, 256, (200, 0, 0)), plain(256, 128, (0, 200, 0))
    sheet = strip([red, green], ["source", "edit"])
    assert columns_of(sheet, (200, 0, 0)) == 256 and columns_of(sheet, (0, 200, 0)) == 128
    assert (sheet.rgb[0] == 255).all() and (sheet.rgb[:, 0] == 255).all()
    assert inked_rows(sheet) > 5
    assert inked_rows(strip([red, green], ["", ""])) == 0


def test_pictures_of_one_strip_share_their_height_and_keep_their_shape() -> None:
    sheet = strip([plain(300, 150, (200, 0, 0)), plain(64, 128, (0, 200, 0))], ["a", "b"])
    assert columns_of(sheet, (200, 0, 0)) == 150 and columns_of(sheet, (0, 200, 0)) == 600


def test_small_pictures_are_enlarged() -> None:
    assert columns_of(strip([plain(32, 32, (200, 0, 0))], ["a"]), (200, 0, 0)) == 256


def test_long_captions_wrap_and_stay_inside() -> None:
    short = strip([plain(256, 256, (200, 0, 0))], ["a cat"])
    long = strip([plain(256, 256, (200, 0, 0))], ["a cat " * 20])
    assert long.size[0] > short.size[0] and long.size[1] == short.size[1]
    assert inked_rows(long) >= 3 * inked_rows(short)


def test_transparent_parts_are_paper() -> None:
    assert columns_of(strip([plain(256, 256, (200, 0, 0), 0)], ["a"]), (200, 0, 0)) == 0


def test_a_strip_needs_as_many_captions_as_pictures() -> None:
    with pytest.raises(UsageError, match="a caption for each"):
        strip([plain(8, 8, (0, 0, 0))], [])
    with pytest.raises(UsageError):
        strip([], [])


def test_heat_lies_where_the_attention_is() -> None:
    weights = torch.zeros(16, 16)
    weights[:, 12:] = 1e-3
    sheet = heatmaps([("cat", weights)], plain(256, 256, (100, 100, 100))).rgb.astype(int)
    gap = 12
    cell = sheet[gap : gap + 256, 2 * gap + 256 : 2 * gap + 512].sum(-1)
    assert cell[:, 220:].mean() > cell[:, :150].mean() + 200
    assert (sheet[gap : gap + 256, gap : gap + 256] == 100).all()


def test_words_may_come_twice_and_fill_rows() -> None:
    maps = [("a", torch.rand(4, 4, generator=torch.Generator().manual_seed(i))) for i in range(9)]
    one, two = heatmaps(maps[:4], plain(64, 64, (9, 9, 9))), heatmaps(maps, plain(64, 64, (9, 9, 9)))
    assert two.size[1] == one.size[1] and two.size[0] > 1.9 * one.size[0] - 40


def test_an_empty_map_is_dark_and_no_error() -> None:
    sheet = heatmaps([("a", torch.zeros(4, 4))], plain(64, 64, (9, 9, 9)))
    assert sheet.rgb[20, -30].max() < 60


def test_a_long_thin_picture_makes_a_small_sheet() -> None:
    long = strip([plain(2, 60_000, (255, 0, 0))] * 2, ["one", "two"])
    assert long.size[0] < 300 and long.size[1] < 2 * 60_000 + 200
    high = strip([plain(3000, 1, (255, 0, 0))], ["one"])
    assert high.size[0] < 4000 and high.size[1] < 300
    heat = heatmaps([("cat", torch.ones(4, 4))], plain(2, 60_000, (255, 0, 0)))
    assert heat.size[0] < 300

import numpy as np
import pytest

from overpaint.errors import UsageError
from overpaint.images import Picture, blended, fit, fit_mask, from_tensor, mask_of, paste_back
from overpaint.images.masking import seamless

RANDOM = np.random.default_rng(3)


def noise(height: int, width: int) -> Picture:
    return Picture(RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8))


def painted(height: int, width: int, level: int = 255) -> Picture:
    """White (or grey) in the middle, black around."""
    grey = np.zeros((height, width, 3), np.uint8)
    grey[height // 4 : height // 2, width // 4 : width - width // 4] = level
    return Picture(grey)


@pytest.mark.parametrize("how", ["pad", "crop"])
@pytest.mark.parametrize("size", [(64, 64), (61, 90), (200, 37), (33, 500)])
@pytest.mark.parametrize("feather", [0, 5])
def test_outside_the_mask_every_bit_is_the_original_s(how: str, size: tuple[int, int], feather: int) -> None:
    picture = noise(*size)
    given = painted(*size)
    fitted = fit(picture, 64, how=how)
    edit = -fitted.tensor
    back = paste_back(edit, fitted, picture, mask_of(given, size, feather).weights).rgb
    outside = given.rgb[..., 0] == 0
    assert np.array_equal(back[outside], picture.rgb[outside])
    assert not np.array_equal(back[~outside], picture.rgb[~outside])


def test_inside_the_mask_every_bit_is_the_edit_s() -> None:
    picture = noise(64, 64)
    fitted = fit(picture, 64)
    back = paste_back(-fitted.tensor, fitted, picture, mask_of(painted(64, 64), (64, 64)).weights).rgb
    inside = painted(64, 64).rgb[..., 0] == 255
    assert np.array_equal(back[inside], from_tensor(-fitted.tensor).rgb[inside])


def test_a_feather_fades_inside_and_nowhere_else() -> None:
    weights = mask_of(painted(80, 80), (80, 80), feather=6).weights
    inside = painted(80, 80).rgb[..., 0] == 255
    assert not weights[~inside].any()
    row = weights[20 + 10, 20:30].astype(int)
    assert row[0] < 60 and (np.diff(row) >= 0).all() and row[7] == 255


def test_no_feather_at_the_edge_of_the_picture() -> None:
    left = np.zeros((40, 40, 3), np.uint8)
    left[:, :20] = 255
    weights = mask_of(Picture(left), (40, 40), feather=4).weights
    assert (weights[:, 0] == 255).all() and (weights[0, :10] == 255).all()


def test_grey_takes_a_share_and_almost_black_is_black() -> None:
    original, edited = np.zeros((1, 4, 3), np.uint8), np.full((1, 4, 3), 200, np.uint8)
    grey = np.repeat(np.array([[[12], [128], [250], [0]]], np.uint8), 3, 2)
    weights = mask_of(Picture(grey), (1, 4)).weights
    assert weights.tolist() == [[0, 128, 255, 0]]
    assert blended(original, edited, weights)[0, :, 0].tolist() == [0, 100, 200, 0]


def test_what_is_transparent_in_a_mask_is_black() -> None:
    white = Picture(np.full((2, 2, 3), 255, np.uint8), np.array([[0, 255], [255, 255]], np.uint8))
    assert mask_of(white, (2, 2)).weights.tolist() == [[0, 255], [255, 255]]


@pytest.mark.parametrize(
    ("given", "feather", "sentence"),
    [
        (painted(40, 50), 0, "50 x 40 pixels and the picture 40 x 40"),
        (painted(40, 40, 0), 0, "black everywhere"),
        (painted(40, 40), 400, "feather of 400 pixels is wider"),
    ],
)
def test_a_mask_that_cannot_work_is_one_sentence(given: Picture, feather: int, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        mask_of(given, (40, 40), feather)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("how", ["pad", "crop"])
def test_the_mask_lies_in_the_frame_where_the_picture_does(how: str) -> None:
    given = painted(100, 300)
    fitted = fit(given, 64, how=how)
    frame = fit_mask(mask_of(given, (100, 300)).weights, fitted)
    assert frame.shape == (1, 1, *fitted.tensor.shape[-2:])
    assert float((frame - (fitted.tensor[:, :1] + 1) / 2).abs().mean()) < 0.01
    assert frame.min() >= 0 and frame.max() <= 1


def test_a_window_fades_only_towards_what_goes_on() -> None:
    weights = seamless((slice(0, 100), slice(50, 150)), (100, 200))
    assert (weights[0, 40:60] == 255).all() and (weights[:, 50] == 255).all()
    assert (weights[:, 0] < 128).all() and (weights[:, -1] < 128).all() and (weights > 0).all()

import numpy as np
import pytest
import torch

from overpaint.errors import UsageError
from overpaint.images import Info, Picture, fit, from_tensor, paste_back, spread, to_tensor


def noise(height: int, width: int) -> Picture:
    return Picture(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def wave(height: int, width: int) -> Picture:
    """Smooth enough to survive resampling."""
    y, x = np.mgrid[0:height, 0:width]
    low = np.stack(
        [np.sin(3 * y / height), np.cos(4 * x / width), np.sin(2 * (x + y) / (height + width))], -1
    )
    return Picture((low * 100 + 128).astype(np.uint8))


def psnr(a: Picture, b: Picture) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((a.rgb.astype(float) - b.rgb) ** 2), 1e-12)))


@pytest.mark.parametrize("size", [128, (128, 128)])
def test_a_picture_of_the_right_size_passes_untouched(size: int | tuple[int, int]) -> None:
    picture = noise(128, 128)
    fitted = fit(picture, size)
    assert torch.equal(fitted.tensor, to_tensor(picture))
    assert np.array_equal(paste_back(fitted.tensor, fitted, picture).rgb, picture.rgb)


def test_a_wide_picture_of_the_right_area_is_only_padded() -> None:
    picture = noise(60, 240)  # the area of a square of 120
    fitted = fit(picture, 120)
    assert fitted.tensor.shape == (1, 3, 64, 240)
    assert np.array_equal(paste_back(fitted.tensor, fitted, picture).rgb, picture.rgb)


@pytest.mark.parametrize(
    "shape", [(300, 400), (400, 300), (37, 91), (1000, 1000), (128, 127), (90, 700), (1, 1)]
)
@pytest.mark.parametrize("multiple", [8, 64])
def test_shape_is_kept_and_area_is_the_models(shape: tuple[int, int], multiple: int) -> None:
    fitted = fit(wave(*shape), 128, multiple)
    height, width = fitted.tensor.shape[2:]
    place = fitted.placement
    assert height % multiple == 0 and width % multiple == 0
    assert place.height <= height < place.height + multiple
    assert place.width <= width < place.width + multiple
    assert (
        abs(place.width / place.height - shape[1] / shape[0])
        <= (place.width + place.height) / place.height**2
    )
    if max(shape) / min(shape) <= 4:
        assert place.height * place.width == pytest.approx(128**2, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (2, 900)])
def test_strips_do_not_explode(shape: tuple[int, int]) -> None:
    fitted = fit(wave(*shape), 128)
    assert max(fitted.tensor.shape) == 256
    assert paste_back(fitted.tensor, fitted, wave(*shape)).size == shape


def test_a_given_frame_is_filled_from_inside() -> None:
    fitted = fit(wave(100, 300), (128, 128))
    assert fitted.tensor.shape == (1, 3, 128, 128)
    assert (fitted.placement.height, fitted.placement.width) == (43, 128)


def test_a_frame_that_does_not_divide_is_refused() -> None:
    with pytest.raises(UsageError, match="multiple of 8"):
        fit(wave(100, 100), (100, 128))


def test_padding_repeats_the_edge() -> None:
    fitted = fit(noise(61, 64), (64, 64))
    assert fitted.placement.top == 1
    assert torch.equal(fitted.tensor[..., 0, :], fitted.tensor[..., 1, :])
    assert torch.equal(fitted.tensor[..., 63, :], fitted.tensor[..., 61, :])
    assert fitted.tensor.min() >= -1 and fitted.tensor.max() <= 1


@pytest.mark.parametrize("shape", [(300, 400), (64, 64), (37, 91)])
def test_there_and_back_keeps_size_and_content(shape: tuple[int, int]) -> None:
    picture = wave(*shape)
    fitted = fit(picture, 128)
    assert psnr(paste_back(fitted.tensor, fitted, picture), picture) > 40


def test_an_edit_lands_where_it_was_made() -> None:
    picture = wave(100, 300)
    fitted = fit(picture, 128)
    edited = fitted.tensor.clone()
    place = fitted.placement
    edited[..., : place.top + place.height // 2, : place.left + place.width // 2] = 1
    back = paste_back(edited, fitted, picture).rgb
    assert (back[:40, :140] == 255).all()
    assert np.abs(back[60:, 160:].astype(int) - picture.rgb[60:, 160:]).max() <= 4


def test_transparency_and_profile_come_back_and_recipes_do_not() -> None:
    alpha = np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8)
    picture = Picture(wave(50, 70).rgb, alpha, Info("PNG", {"overpaint": "old"}, b"icc", notes=("seen.",)))
    fitted = fit(picture, 64)
    back = paste_back(fitted.tensor, fitted, picture)
    assert back.alpha is not None and np.array_equal(back.alpha, alpha)
    assert back.info == Info("PNG", {}, b"icc")


def test_an_edit_of_another_shape_is_refused() -> None:
    picture = wave(64, 64)
    with pytest.raises(UsageError, match="another shape"):
        paste_back(torch.zeros(1, 3, 32, 32), fit(picture, 64), picture)


@pytest.mark.parametrize("shape", [(300, 400), (90, 700), (64, 64), (8, 900), (37, 36)])
def test_a_crop_is_the_middle_in_the_model_s_shape_and_the_rest_stays(shape: tuple[int, int]) -> None:
    picture = wave(*shape)
    fitted = fit(picture, 64, how="crop")
    region = fitted.region
    assert fitted.tensor.shape == (1, 3, 64, 64)
    assert region.height == region.width == min(shape)
    assert abs(region.top - (shape[0] - region.top - region.height)) <= 1
    back = paste_back(torch.ones_like(fitted.tensor), fitted, picture).rgb
    outside = np.ones(shape, bool)
    outside[region.window] = False
    assert np.array_equal(back[outside], picture.rgb[outside])
    assert (back[shape[0] // 2, shape[1] // 2] == 255).all()


def test_a_crop_of_the_model_s_own_size_passes_untouched() -> None:
    picture = noise(64, 64)
    fitted = fit(picture, 64, how="crop")
    assert torch.equal(fitted.tensor, to_tensor(picture))
    assert np.array_equal(paste_back(fitted.tensor, fitted, picture).rgb, picture.rgb)


def test_a_crop_shows_the_middle() -> None:
    picture = noise(64, 128)
    assert np.array_equal(from_tensor(fit(picture, 64, how="crop").tensor).rgb, picture.rgb[:, 32:96])


@pytest.mark.parametrize("how", ["pad", "crop"])
def test_a_map_of_what_was_seen_spreads_over_the_picture(how: str) -> None:
    picture = noise(50, 150)
    fitted = fit(picture, 64, how=how)
    seen = (
        torch.ones(64, 64) if how == "crop" else torch.ones(fitted.placement.height, fitted.placement.width)
    )
    spread_out = spread(seen, fitted, picture.size)
    assert spread_out.shape[1] / spread_out.shape[0] == pytest.approx(3, rel=0.05)
    assert float(spread_out.mean()) == pytest.approx(1 / 3 if how == "crop" else 1, rel=0.03)

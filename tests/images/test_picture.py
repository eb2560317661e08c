import numpy as np
import torch

from overpaint.images import Picture, from_tensor, pixels_hash, to_pil, to_tensor


def every_level() -> Picture:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    return Picture(np.stack([levels, levels[::-1], levels.T], -1).copy())


def test_tensor_and_back_is_exact() -> None:
    picture = every_level()
    tensor = to_tensor(picture)
    assert tensor.shape == (1, 3, 16, 16) and tensor.dtype == torch.float32
    assert tensor.min() == -1 and tensor.max() == 1
    assert np.array_equal(from_tensor(tensor).rgb, picture.rgb)


def test_tensor_axes_are_channel_row_column() -> None:
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[1, 2, 0] = 255
    assert to_tensor(Picture(rgb))[0, 0, 1, 2] == 1
    assert to_tensor(Picture(rgb)).sum() == 1 - 17


def test_from_tensor_clips_and_rounds() -> None:
    values = torch.tensor([-3.0, 3.0, 0.0039]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    assert from_tensor(values).rgb[0, :, 0].tolist() == [0, 255, 128]


def test_from_tensor_takes_half_precision_and_graphs() -> None:
    pixels = torch.zeros(1, 3, 2, 2, dtype=torch.bfloat16, requires_grad=True)
    assert from_tensor(pixels).size == (2, 2)


def test_pillow_mode_follows_transparency() -> None:
    picture = every_level()
    assert to_pil(picture).mode == "RGB"
    clear = Picture(picture.rgb, np.zeros((16, 16), np.uint8))
    assert to_pil(clear).mode == "RGBA"


def test_hash_depends_on_pixels_shape_and_transparency_only() -> None:
    picture = every_level()
    opaque = Picture(picture.rgb, np.full((16, 16), 255, np.uint8))
    clear = Picture(picture.rgb, np.zeros((16, 16), np.uint8))
    other = Picture(255 - picture.rgb)
    folded = Picture(picture.rgb.reshape(8, 32, 3))
    assert pixels_hash(picture) == pixels_hash(every_level()) == pixels_hash(opaque)
    assert len({pixels_hash(p) for p in (picture, clear, other, folded)}) == 4

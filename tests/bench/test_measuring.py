import sys
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from tests.bench.kit import first, known

import overpaint
from overpaint.bench import measuring
from overpaint.bench.measuring import EQUAL, Seen, measured, metrics, shipped_eye
from overpaint.errors import UsageError
from overpaint.images import Picture

CASE, PICTURES = first("colour")
SOURCE, (TRUTH, REGION) = PICTURES.source, known(PICTURES)


def shifted(picture: Picture, where: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], by: int) -> Picture:
    """The picture with all channels moved by some of 255 steps in a region, away from the nearer end."""
    sign = np.where(picture.rgb < 128, 1, -1)
    moved = picture.rgb.astype(np.int16) + by * sign * where[..., None]
    return Picture(moved.astype(np.uint8))


def test_the_true_answer_is_perfect() -> None:
    found = overpaint.measure(SOURCE, TRUTH, TRUTH)
    assert found["psnr_inside"] == found["psnr_whole"] == EQUAL
    assert found["ssim_inside"] == pytest.approx(1, abs=1e-5)
    assert found["structure_inside"] == pytest.approx(0, abs=1e-6)
    assert found["psnr_outside"] > 40 and "clip" not in found


def test_the_source_keeps_all_and_changes_nothing() -> None:
    words = {"source_prompt": CASE.source_prompt, "target_prompt": CASE.target_prompt}
    measure = partial(overpaint.measure, SOURCE, truth=TRUTH, eye=None, **words)
    found = measure(SOURCE)
    assert (
        found["psnr_outside"] == EQUAL
        and found["mse_outside"] == found["structure"] == found["direction"] == 0
    )
    assert found["psnr_inside"] < 20 and found["structure_inside"] > 0
    answer = measure(TRUTH)
    assert answer["direction"] > 0.5 and answer["clip"] > found["clip"]


def test_decibels_are_those_of_the_region_alone() -> None:
    outside = shifted(SOURCE, ~REGION, 10)
    found = overpaint.measure(SOURCE, outside, TRUTH)
    assert found["psnr_outside"] == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)
    assert found["mse_outside"] == pytest.approx((10 / 255) ** 2, rel=1e-4)
    inside = shifted(TRUTH, REGION, 20)
    found = overpaint.measure(SOURCE, inside, TRUTH)
    assert found["psnr_inside"] == pytest.approx(20 * np.log10(255 / 20), abs=1e-3)


def test_pasting_back_mends_the_outside_and_not_the_inside() -> None:
    spoilt = shifted(TRUTH, ~REGION, 60)
    found = overpaint.measure(SOURCE, spoilt, TRUTH)
    assert found["psnr_outside"] < 15 and found["psnr_outside_pasted"] == EQUAL
    assert found["mse_outside_pasted"] == 0 and found["ssim_outside_pasted"] > 0.97 > found["ssim_outside"]
    assert found["psnr_inside"] == EQUAL and found["psnr_whole_pasted"] > 40 > found["psnr_whole"]


def test_where_nothing_stays_there_is_no_outside() -> None:
    everywhere = np.ones(SOURCE.size, np.bool_)
    found = overpaint.measure(SOURCE, TRUTH, TRUTH, everywhere)
    assert "psnr_outside" not in found and "psnr_inside" in found


def test_a_region_may_be_a_mask_and_the_truth_unknown() -> None:
    mask = Image.fromarray((REGION * 255).astype(np.uint8))
    found = overpaint.measure(SOURCE, TRUTH, region=mask)
    assert found["psnr_outside"] == overpaint.measure(SOURCE, TRUTH, TRUTH)["psnr_outside"]
    assert "psnr_inside" not in found
    assert overpaint.measure(SOURCE, TRUTH).keys() == {"structure"}


def test_pictures_may_be_arrays_of_any_shape() -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 256, (40, 72, 3)).astype(np.uint8) for _ in range(2))
    found = overpaint.measure(one, other, other, target_prompt="a red ball")
    assert found["psnr_whole"] == EQUAL and 0 <= found["clip"] <= 100 and "direction" not in found


def test_nothing_is_left_for_a_backward_pass() -> None:
    with torch.enable_grad():
        seen = Seen(SOURCE, TRUTH, TRUTH, REGION, CASE.source_prompt, CASE.target_prompt)
        assert measured(seen, shipped_eye()) == measured(seen, shipped_eye())


def test_sizes_must_agree() -> None:
    small = Picture(SOURCE.rgb[:64])
    with pytest.raises(UsageError, match="128 x 64 and 128 x 128 pixels cannot be compared"):
        overpaint.measure(SOURCE, small)
    with pytest.raises(UsageError, match=r"The region has the shape \(64, 128\)"):
        overpaint.measure(SOURCE, TRUTH, region=REGION[:64])
    with pytest.raises(UsageError, match="below 11 pixels a side"):
        overpaint.measure(Picture(SOURCE.rgb[:8]), Picture(SOURCE.rgb[:8]))


def test_without_the_metrics_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.functional", None)
    metrics.cache_clear()
    try:
        with pytest.raises(UsageError, match=r"install it with: pip install 'overpaint\[bench\]'"):
            measuring.measure(SOURCE, TRUTH)
    finally:
        metrics.cache_clear()

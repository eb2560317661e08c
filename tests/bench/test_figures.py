from dataclasses import replace

import numpy as np
from tests.bench.kit import first, known

from overpaint.bench.figures import ALONE, ENOUGH, FIGURES, SHARES, figures
from overpaint.images import Picture

CASE, PICTURES = first("colour")
TRUTH, REGION = known(PICTURES)


def test_every_figure_has_its_place_in_the_table() -> None:
    found = figures(CASE, PICTURES, TRUTH)
    assert found.pop("wrong") == []
    assert found.keys() == {
        name for name in FIGURES.keys() - {"rows", "seconds", ALONE, "memory"} if not name.startswith("pie_")
    }
    assert all(found[name] is True for name in SHARES)


def test_a_success_needs_the_change() -> None:
    found = figures(CASE, PICTURES, PICTURES.source)
    assert found["kept"] and found["psnr_outside"] > ENOUGH
    assert not found["changed"] and not found["success"]


def test_a_success_needs_the_rest_to_stay_by_decibels_too() -> None:
    noise = np.random.default_rng(0).normal(0, 16, TRUTH.rgb.shape) * ~REGION[..., None]
    noisy = Picture((TRUTH.rgb + noise).clip(0, 255).astype(np.uint8))
    found = figures(CASE, PICTURES, noisy)
    assert found["changed"] and found["psnr_outside"] < ENOUGH and not found["success"]


def test_a_case_without_scenes_is_measured_but_not_judged() -> None:
    found = figures(replace(CASE, scenes=None), PICTURES, TRUTH)
    assert not found.keys() & {*SHARES, "wrong"} and "psnr_inside" in found


def test_a_case_without_truth_keeps_what_can_be_had() -> None:
    found = figures(replace(CASE, scenes=None), replace(PICTURES, truth=None), TRUTH)
    assert "psnr_outside" in found and "clip" in found and "psnr_inside" not in found

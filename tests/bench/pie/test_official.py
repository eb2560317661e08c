from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.bench.pie.golden import KEPT, failing
from tests.bench.pie.kit import lpips_weights
from tests.kit import draw

from overpaint.bench.case import Pictures
from overpaint.bench.pie import lpips
from overpaint.bench.pie.lpips import FILE, Lpips
from overpaint.bench.pie.official import Yardsticks, figures
from overpaint.errors import UsageError
from overpaint.images import Picture

SIZE = (64, 64)


def noise(seed: int) -> Picture:
    return Picture(np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8))


def middle() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    region = np.zeros(SIZE, np.bool_)
    region[16:48, 16:48] = True
    return region


def test_figures_are_those_of_the_published_evaluation() -> None:
    assert failing(KEPT) == []


def test_a_change_inside_the_mask_leaves_the_outside_perfect() -> None:
    source, edit = noise(0), Picture(noise(0).rgb.copy())
    edit.rgb[20:40, 20:40] = 0
    found = figures(Pictures(source, None, middle()), edit, "a", "b", Yardsticks())
    assert "pie_psnr" not in found  # infinite, so that no mean may hold it
    assert found["pie_mse"] == 0 and found["pie_ssim"] == pytest.approx(100, abs=1e-3)


def test_outside_figures_are_given_before_and_after_pasting() -> None:
    found = figures(Pictures(noise(0), None, middle()), noise(1), "a", "b", Yardsticks())
    share = 1 - float(middle().mean())
    assert found["pie_mse"] / 1e4 == pytest.approx(2 / 12 * share, rel=0.05)  # zeros inside count as well
    assert found["pie_mse_pasted"] == 0 and found["pie_psnr_pasted"] == 100 and found["pie_psnr"] < 10


def test_a_mask_over_everything_leaves_no_outside() -> None:
    by = Yardsticks(agree=lambda pixels, text: float(pixels.mean()))
    found = figures(Pictures(noise(0), None, np.ones(SIZE, np.bool_)), noise(1), "a", "b", by)
    assert set(found) == {"pie_clip", "pie_clip_source", "pie_clip_edited"}
    masked = figures(Pictures(noise(0), None, middle()), noise(1), "a", "b", by)
    assert masked["pie_clip_edited"] == pytest.approx(masked["pie_clip"] * float(middle().mean()), rel=0.1)


def test_lpips_is_that_of_torchmetrics(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchmetrics.functional.image import lpips as theirs

    state = lpips_weights()
    ours = Lpips.of(state)

    def features(net: str, pretrained: bool) -> object:
        return ours.net

    monkeypatch.setattr(theirs, "_get_tv_model_features", features)
    reference: Any = cast(Any, theirs)._LPIPS(pretrained=False, net="squeeze", use_dropout=False)
    for k, lin in enumerate(reference.lins):
        lin.model[-1].weight.data = state[f"lin{k}.model.1.weight"]
    one, other = (draw(1, 3, 70, 64, seed=k).clamp(-1, 1) for k in (1, 2))
    assert ours(one, other) == pytest.approx(float(reference(one, other)), rel=1e-5)
    assert ours(one, one) == 0


def test_damaged_weights_of_lpips_are_refused(tmp_path: Path) -> None:
    place = tmp_path / FILE
    place.write_bytes(b"rubbish")
    with pytest.raises(UsageError, match="The weights of LPIPS in"):
        Lpips.load(place)
    assert len(lpips.TAPS) == 7

"""What the two losses are, and that going down them makes noise of anything."""

import pytest
import torch
from tests.kit import draw, gap
from torch import Tensor

from overpaint.meter import Cancelled, Meter
from overpaint.tune.whiten import descended, excess, patterns, sides


def shifts(r: int, levels: int, channels: int = 4) -> list[Tensor]:
    return [torch.full((channels,), r) for _ in range(levels)]


def test_the_pyramid_ends_at_eight_cells() -> None:
    assert sides(64, 64) == [64, 32, 16, 8]
    assert sides(32, 96) == [32, 16, 8]
    assert sides(8, 8) == [8] and sides(4, 4) == [4] and sides(9, 9) == [9, 4]


def test_a_shift_of_zero_is_twice_the_square_of_the_mean_square() -> None:
    eps = draw(1, 4, 16, 16)
    coarse = eps.reshape(1, 4, 8, 2, 8, 2).mean((3, 5))
    want = sum(float(2 * (e.square().mean((2, 3)) ** 2).sum()) for e in (eps, coarse))
    assert float(patterns(eps, shifts(0, 2))) == pytest.approx(want, rel=1e-5)


def test_stripes_are_a_pattern_along_one_axis() -> None:
    stripes = torch.tensor([1.0, -1.0]).repeat(8)[None, None, None, :].expand(1, 1, 16, 16)
    # Rows are alike under any shift along them, and columns under one of two.
    assert float(patterns(stripes, [torch.tensor([1])])) == pytest.approx(2.0)
    assert float(patterns(stripes.transpose(2, 3), [torch.tensor([2])])) == pytest.approx(2.0)
    checks = stripes * stripes.transpose(2, 3)
    assert float(patterns(checks, [torch.tensor([1])])) == pytest.approx(2.0)


def test_white_noise_has_no_pattern_and_smooth_noise_has() -> None:
    white = draw(1, 4, 64, 64)
    smooth = torch.nn.functional.avg_pool2d(white, 3, 1, 1)
    smooth = smooth / smooth.std()
    flat = [shifts(1, 1), shifts(5, 1)]
    assert float(patterns(white, flat[0])) < 1e-2
    assert float(patterns(smooth, flat[0])) > 100 * float(patterns(white, flat[0]))
    assert float(patterns(smooth, flat[1])) < 1e-2, "a pattern three cells wide ends there"


def test_the_excess_is_zero_at_mean_zero_and_spread_one_alone() -> None:
    eps = draw(1, 4, 16, 16)
    white = (eps - eps.mean()) / eps.std()
    assert abs(float(excess(white))) < 1e-5
    for other in (1.2 * white, 0.8 * white, white + 0.3):
        assert float(excess(other)) > 1e-2


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_a_descent_brings_the_spread_nearer_to_one(spread: float) -> None:
    eps = spread * draw(1, 4, 16, 16)
    down = descended(Meter(), eps, excess, 20.0)
    assert abs(float(down.std()) - 1) < abs(float(eps.std()) - 1)
    assert gap(descended(Meter(), eps, excess, 0.0), eps) == 0


def test_a_descent_takes_patterns_away() -> None:
    eps = torch.nn.functional.avg_pool2d(draw(1, 4, 16, 16), 3, 1, 1)
    eps = eps / eps.std()

    def loss(e: Tensor) -> Tensor:
        return patterns(e, shifts(1, 2))

    down = descended(Meter(), eps, loss, 20.0)
    assert float(loss(down)) < 0.9 * float(loss(eps))


def test_a_descent_leaves_nothing_behind_and_can_be_stopped() -> None:
    eps, meter = draw(1, 4, 8, 8), Meter()
    before = eps.clone()
    with torch.no_grad():
        down = descended(meter, eps, excess, 1.0)
        assert not torch.is_grad_enabled()
    assert torch.equal(eps, before) and not eps.requires_grad and not down.requires_grad
    assert (meter.updates, meter.backwards) == (1, 0)
    meter.cancel()
    with pytest.raises(Cancelled):
        descended(meter, eps, excess, 1.0)

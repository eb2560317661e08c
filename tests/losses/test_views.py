"""Warped copies: what stays, what moves, and that a pixel that moves takes its gradient along."""

import torch
from tests.kit import draw, gap

from overpaint.losses.views import Extending, Warp, affine, extended, homography, perspective, plain, uniform
from overpaint.noise import Noise

SIZE = (6, 8)


def test_uniform_draws_lie_in_the_unit_interval_and_repeat() -> None:
    one, again = (uniform(Noise(3), (1000,), "x") for _ in range(2))
    assert torch.equal(one, again)
    assert 0 <= float(one.min()) and float(one.max()) < 1
    assert abs(float(one.mean()) - 0.5) < 0.05


def test_the_plain_grid_changes_nothing() -> None:
    picture = draw(2, 3, *SIZE)
    assert gap(Warp(plain(SIZE).expand(2, -1, -1, -1), torch.ones(2))(picture), picture) < 1e-5


def test_no_turn_no_shift_and_no_strength_are_the_plain_grid() -> None:
    for grid in (affine(Noise(), 2, SIZE, 0.0, 0.0, "a"), perspective(Noise(), 2, SIZE, 0.0, "p")):
        assert gap(grid, plain(SIZE).expand(2, -1, -1, -1)) < 1e-5


def test_a_turn_keeps_lengths_in_pixels_where_the_picture_is_no_square() -> None:
    grid = affine(Noise(1), 1, SIZE, 90.0, 0.0, "a")[0]
    across = (grid[0, 1] - grid[0, 0]) * torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    assert abs(float(across.square().sum()) - 1) < 1e-5


def test_a_homography_takes_corners_where_it_should() -> None:
    start, end = draw(2, 4, 2), draw(2, 4, 2, seed=1)
    maps = homography(start, end)
    sent = torch.cat([start, torch.ones(2, 4, 1)], -1) @ maps.transpose(1, 2)
    assert gap(sent[..., :2] / sent[..., 2:], end) < 1e-3


def test_the_first_copy_is_clean_and_so_is_what_nothing_happens_to() -> None:
    picture = draw(1, 3, 8, 8)
    warps = Extending(Noise(2), "tgt")(0, 5, 4)
    made = extended(picture, 4, 6, warps)
    clean = torch.nn.functional.adaptive_avg_pool2d(picture, 4)
    assert made.shape == (6, 3, 4, 4)
    assert torch.equal(made[:1], clean)
    still = (warps[0].on + warps[1].on) == 0
    assert all(torch.equal(made[k + 1 : k + 2], clean) == bool(still[k]) for k in range(5))
    assert torch.equal(extended(picture, 4, 1, ()), clean)


def test_what_lies_outside_has_the_colour_that_was_asked_for() -> None:
    far = plain(SIZE) + 5
    assert torch.equal(Warp(far, torch.ones(1), fill=1.0)(draw(1, 3, *SIZE)), torch.ones(1, 3, *SIZE))


def test_gradients_flow_through_warps() -> None:
    picture = draw(1, 3, 8, 8).requires_grad_()
    (grad,) = torch.autograd.grad(extended(picture, 4, 3, Extending(Noise(2), "a")(1, 2, 4)).sum(), picture)
    assert float(grad.abs().min()) > 0

"""Views of one picture, and colours that are shaken."""

from colorsys import hsv_to_rgb, rgb_to_hsv

import torch
from tests.kit import draw, gap, numbers

from overpaint.losses.colours import grey, jittered, shifted
from overpaint.losses.glances import SMALLEST, Glances, example, mirrored, piece, shrunk
from overpaint.noise import Noise

PICTURE = draw(1, 3, 12, 20).sigmoid()


def test_one_view_is_the_whole_picture_and_all_have_its_size() -> None:
    glances = Glances(Noise(), 1, 8)
    assert torch.equal(glances.pieces(PICTURE, "a")[0], shrunk(PICTURE, 8, 11))
    assert Glances(Noise(), 5, 8)(PICTURE, "a").shape == (5, 3, *shrunk(PICTURE, 8, 11).shape[-2:])


def test_the_longer_side_has_a_limit_and_shape_is_kept() -> None:
    assert [tuple(shrunk(PICTURE, 6, most).shape[-2:]) for most in (100, 8)] == [(6, 10), (4, 8)]
    assert tuple(shrunk(PICTURE.mT, 6, 100).shape[-2:]) == (10, 6)
    assert shrunk(PICTURE, 12, 100) is PICTURE


def test_views_repeat_by_name_stay_within_black_and_white_and_carry_gradients() -> None:
    glances, free = Glances(Noise(1), 6, 8), PICTURE.clone().requires_grad_()
    one, again, other = glances(free, 3, "a"), glances(PICTURE, 3, "a"), glances(PICTURE, 4, "a")
    assert torch.equal(one.detach(), again) and gap(again, other) > 0.05
    assert -1e-5 < float(one.detach().min()) and float(one.detach().max()) < 1 + 1e-5
    (grad,) = torch.autograd.grad(one.sum(), free)
    assert int((grad != 0).sum()) == grad.numel()


def test_pieces_have_an_equal_share_of_both_sides_and_lie_inside() -> None:
    numbered = torch.arange(240.0).view(1, 1, 12, 20).expand(-1, 3, -1, -1)
    for n in range(20):
        cut = piece(numbered, 0.6, Noise(n), "p")
        rows, columns = cut.shape[-2:]
        assert 7 <= rows <= 12 and abs(rows / 12 - columns / 20) < 0.1
        corner = int(cut[0, 0, 0, 0])
        assert corner % 20 + columns <= 20 and corner // 20 + rows <= 12
    assert torch.equal(piece(numbered, 1.0, Noise(), "p"), numbered)


def test_a_mirror_turns_left_and_right_and_some_views_alone() -> None:
    made = mirrored(PICTURE.expand(16, -1, -1, -1), Noise(), "m")
    over = [torch.equal(one, PICTURE[0].flip(-1)) for one in made]
    same = [torch.equal(one, PICTURE[0]) for one in made]
    assert any(over) and any(same) and all(a != b for a, b in zip(over, same, strict=True))


def test_examples_are_never_smaller_than_what_the_generator_is_made_for() -> None:
    sides = [min(example(draw(1, 3, 50, 60).sigmoid(), Noise(n), 0).shape[-2:]) for n in range(40)]
    assert min(sides) >= int(50 * SMALLEST) - 1 and len(set(sides)) > 5


def test_a_hue_turns_as_on_the_wheel_of_hsv() -> None:
    made = shifted(PICTURE, 0.3)
    for y, x in ((0, 0), (5, 7), (11, 19)):
        hue, saturation, value = rgb_to_hsv(*numbers(PICTURE[0, :, y, x]))
        wanted = hsv_to_rgb((hue + 0.3) % 1, saturation, value)
        assert gap(made[0, :, y, x], torch.tensor(wanted)) < 1e-5


def test_grey_has_no_colour_to_turn() -> None:
    bare = grey(PICTURE)
    assert gap(shifted(bare, 0.4), bare) < 1e-6
    assert gap(bare[:, 0], bare[:, 2]) == 0


def test_shaken_colours_stay_near_and_within_black_and_white() -> None:
    made = jittered(PICTURE, 0.1, Noise(2), "j")
    assert 0 <= float(made.min()) and float(made.max()) <= 1
    assert 0.005 < float((made - PICTURE).abs().mean()) < 0.15
    assert gap(jittered(PICTURE, 0.0, Noise(2), "j"), PICTURE) < 1e-6

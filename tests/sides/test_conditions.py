"""Conditions made from pictures."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import pytest
import torch
from tests.kit import gap
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.sides.conditions import (
    MADE,
    READ,
    canny,
    colours,
    connected,
    made_from,
    read_by,
    scribble,
    sobel,
)
from overpaint.sides.palette import Palette
from overpaint.sides.segmenter import Segmenter


def square(low: float = 0.2, high: float = 0.8) -> Tensor:
    picture = torch.full((1, 3, 32, 32), low)
    picture[..., 8:24, 8:24] = high
    return picture


@pytest.mark.parametrize("name", MADE)
def test_conditions_are_colours_of_the_pictures_size(name: str) -> None:
    picture = torch.rand(1, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    made = MADE[name](picture)
    assert made.shape == picture.shape and made.dtype == torch.float32
    assert 0 <= float(made.min()) and float(made.max()) <= 1
    assert torch.equal(made, MADE[name](picture))


@pytest.mark.parametrize("name", ["canny", "sobel", "scribble"])
def test_a_flat_picture_has_no_lines(name: str) -> None:
    assert not bool(MADE[name](torch.full((1, 3, 16, 16), 0.4)).any())


def test_the_edge_of_a_square_is_one_pixel_wide() -> None:
    edges = canny(square())[0, 0]
    assert set(edges.unique().tolist()) == {0.0, 1.0}
    assert [int(n) for n in edges[16].nonzero()] == [7, 23] and [int(n) for n in edges[:, 16].nonzero()] == [
        7,
        23,
    ]
    assert int(edges[:6].sum()) == int(edges[12:20, 12:20].sum()) == 0


def test_an_edge_in_one_colour_alone_is_an_edge() -> None:
    picture = torch.full((1, 3, 16, 16), 0.5)
    picture[:, 1, :, 8:] = 0.9
    grey = picture.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert bool(canny(picture).any()) and not bool(canny(grey, 150.0, 200.0).any())


def test_a_faint_edge_counts_where_it_hangs_together_with_a_strong_one() -> None:
    """A slope of 60 is between the thresholds of 100 and 200 times... a step of h gives a slope of 4 h."""
    picture = torch.full((1, 3, 32, 32), 0.2)
    picture[..., :16, 16:] = 0.2 + 60 / 255
    picture[..., 16:, 16:] = 0.2 + 40 / 255
    assert bool(canny(picture)[0, 0, 24, 15] > 0)
    faint = torch.full((1, 3, 32, 32), 0.2)
    faint[..., 16:] = 0.2 + 40 / 255
    assert not bool(canny(faint).any())


def test_diagonal_edges_hold_together() -> None:
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    for where in (x > y, x + y > 31):
        edges = canny(where.float().expand(1, 3, -1, -1))[0, 0]
        inside = edges[4:-4, 4:-4]
        assert bool((inside.sum(1) >= 1).all()) and bool((inside.sum(1) <= 2).all())


def test_what_hangs_together_goes_round_corners_and_no_further() -> None:
    possible = torch.zeros(1, 1, 5, 7, dtype=torch.bool)
    possible[..., 0, :4] = possible[..., 1:4, 3] = possible[..., 4, 6] = True
    sure = torch.zeros_like(possible)
    sure[..., 0, 0] = True
    found = connected(sure, possible)
    assert bool(found[..., 3, 3]) and not bool(found[..., 4, 6])


def test_slopes_are_white_where_they_are_steepest() -> None:
    slopes = sobel(square())
    assert float(slopes.max()) == pytest.approx(1.0) and float(slopes[..., 16, 7].mean()) > 0.5
    assert float(sobel(square(0.49, 0.51)).max()) == pytest.approx(1.0)


def test_scribbles_are_thick() -> None:
    lines = scribble(square())
    assert set(lines.unique().tolist()) == {0.0, 1.0} and float(lines.sum()) > 2 * float(
        canny(square()).sum()
    )


@pytest.mark.parametrize(("side", "square"), [(128, 16), (512, 64), (1024, 64)])
def test_colours_are_squares_of_about_the_mean(side: int, square: int) -> None:
    picture = torch.zeros(1, 3, side, side)
    picture[..., side // 2 :] = 1.0
    blocks = colours(picture)[0, 0].unfold(0, square, square).unfold(1, square, square).flatten(2)
    assert blocks.shape[:2] == (side // square, side // square)
    assert float((blocks.amax(-1) - blocks.amin(-1)).max()) < 1e-5
    assert gap(blocks.mean(-1)[0, [0, -1]], torch.tensor([0.0, 1.0])) < 0.05


@pytest.mark.parametrize(
    ("name", "net", "want"),
    [
        ("auto", "control_v11p_sd15_canny", "canny"),
        ("auto", "t2i-adapter-canny-sdxl-1.0", "canny"),
        ("auto", "t2iadapter_color_sd14v1", "colours"),
        ("auto", "control_v11p_sd15_scribble", "scribble"),
        ("auto", "control_v11f1e_sd15_tile", "picture"),
        ("sobel", "anything", "sobel"),
        ("colors", "anything", "colours"),
        ("auto", "control_v11f1p_sd15_depth", "depth"),
        ("auto", "control_v11p_sd15_normalbae", "normals"),
        ("auto", "control_v11p_sd15_seg", "segmentation"),
        ("segmentation", "anything", "segmentation"),
    ],
)
def test_the_name_of_a_network_tells_what_it_looks_at(name: str, net: str, want: str) -> None:
    assert made_from(name, net) == want


@pytest.mark.parametrize(
    ("name", "net", "want"),
    [
        ("auto", "control_v11p_sd15_openpose", "a picture of the pose"),
        ("auto", "control_v11p_sd15_mlsd", "straight lines"),
        ("auto", "control_v11p_sd15_softedge", "soft edges"),
        ("auto", "control_v11p_sd15s2_lineart_anime", "drawn lines"),
        ("auto", "mine", "does not tell what it looks at; give a file, or one of: canny, sobel"),
        ("moonlight", "mine", "'moonlight' is neither a file nor a condition that is made here; give"),
    ],
)
def test_what_is_not_made_here_is_named(name: str, net: str, want: str) -> None:
    with pytest.raises(UsageError, match=want):
        made_from(name, net)


@pytest.mark.parametrize(
    ("kind", "want"),
    [
        ("depth", "a map of depth"),
        ("normals", "a map of normals"),
        ("segmentation", "in the colours of ADE20K"),
    ],
)
def test_what_is_read_needs_a_segmenter(kind: str, want: str) -> None:
    with pytest.raises(UsageError, match=f"control_{kind} looks at .*{want}.* give the file"):
        read_by(kind, None, square(), f"control_{kind}")


def test_a_segmenter_gives_three_conditions() -> None:
    palette = Palette({"here": (255, 0, 0), "there": (0, 0, 255)})
    with torch.random.fork_rng():
        torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
        reader = Segmenter(palette, width=8, side=32).eval()
    picture = square()
    made = {kind: read_by(kind, reader, picture, "net") for kind in READ}
    assert all(one.shape == picture.shape and 0 <= one.min() <= one.max() <= 1 for one in made.values())
    assert torch.equal(palette.painted(palette.named(made["segmentation"])), made["segmentation"])
    assert torch.equal(made["depth"][:, 0], made["depth"][:, 2])

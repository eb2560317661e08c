import torch

from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene, Thing, sample
from overpaint.stilllife.truth import FAR, NAMES, truth

SCENES = [sample(seed) for seed in range(60)]
KNOWN = truth(SCENES)


def test_masks_do_not_overlap_and_lie_in_their_boxes() -> None:
    assert KNOWN.masks.sum(1).max() == 1
    for scene, masks in zip(SCENES, KNOWN.masks, strict=True):
        for thing, mask in zip(scene.things, masks, strict=False):
            rows, columns = mask.nonzero().unbind(1)
            assert thing.x - thing.half - 1 <= columns.min() and columns.max() <= thing.x + thing.half + 1
            assert thing.row - 2 * thing.half - 1 <= rows.min() and rows.max() <= thing.row + 3


def test_every_thing_is_seen_and_no_other() -> None:
    seen = KNOWN.masks.flatten(2).sum(2)
    for scene, counts in zip(SCENES, seen, strict=True):
        assert all(count > 150 for count in counts[: len(scene.things)])
        assert not counts[len(scene.things) :].any()


def test_segments_name_the_kinds() -> None:
    for scene, segments, masks in zip(SCENES, KNOWN.segments, KNOWN.masks, strict=True):
        for thing, mask in zip(scene.things, masks, strict=False):
            assert (segments[mask] == NAMES.index(thing.kind)).all()
        assert segments[~masks.any(0)].max() == 1
        assert segments[0, 0] == 0 and segments[-1, -1] == 1


def test_depth_grows_towards_the_horizon_and_things_stand_out() -> None:
    depth, segments = KNOWN.depth, KNOWN.segments
    assert (depth[segments == 0] == FAR).all()
    assert (depth[segments == 1] >= 1 - 1e-4).all()
    bare = truth([Scene((Thing("cone", "red", size="small", x=20),))]).depth[0, :, 100]
    assert (bare.diff() <= 0).all()
    assert (depth[segments > 1] < FAR / 2).all()


def test_normals_are_unit_long() -> None:
    length = KNOWN.normals.square().sum(1).sqrt()
    assert length[KNOWN.segments == 0].max() == 0
    torch.testing.assert_close(
        length[KNOWN.segments == 1],
        torch.ones(()).expand(length[KNOWN.segments == 1].shape),
        atol=0.01,
        rtol=0,
    )
    assert (length[KNOWN.segments > 1] - 1).abs().median() < 0.01


def test_a_ball_faces_left_on_its_left() -> None:
    normals = truth([Scene((Thing("ball", "red"),))]).normals[0]
    row, middle = 104 - 28, FRAME // 2
    assert normals[0, row, middle - 20] < -0.5 < 0.5 < normals[0, row, middle + 20]
    assert normals[2, row, middle] > 0.95
    assert normals[1, row - 20, middle] > 0.5


def test_edges_go_around_every_thing() -> None:
    masks = KNOWN.masks.any(1)
    border = (masks[:, :, 1:] != masks[:, :, :-1]).nonzero()
    assert (KNOWN.edges[border[:, 0], border[:, 1], border[:, 2]] == 1).all()
    assert KNOWN.edges.mean() < 0.1


def test_masks_are_where_the_picture_is_painted() -> None:
    red, blue = (Scene((Thing("tree", colour),)) for colour in ("red", "blue"))
    painted = (render([red]) != render([blue])).any(1)[0]
    mask = truth([red]).masks[0, 0]
    assert (painted & mask).sum() > 0.8 * mask.sum()
    assert truth([red], 64).masks.shape == (1, 3, 64, 64)


def test_style_and_time_do_not_change_the_truth() -> None:
    other = truth([scene.with_surroundings(style="pixel", time="night") for scene in SCENES])
    assert torch.equal(other.masks, KNOWN.masks)
    assert torch.equal(other.depth, KNOWN.depth)

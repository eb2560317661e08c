import math
import time

import numpy as np
import pytest
import torch
from torch import Tensor

from overpaint.stilllife.light import PAINT
from overpaint.stilllife.render import BLOCK, render
from overpaint.stilllife.scene import (
    COLOURS,
    GROUNDS,
    KINDS,
    STYLES,
    TIMES,
    Scene,
    SceneError,
    Thing,
    sample,
)
from overpaint.stilllife.truth import truth

PAIR = Scene((Thing("ball", "red", x=34), Thing("cube", "blue", x=94)))


def differing(a: Scene, b: Scene) -> Tensor:
    return (render([a]) != render([b])).any(1)[0]


def near(mask: Tensor, reach: int) -> Tensor:
    wide = 2 * reach + 1
    return torch.nn.functional.max_pool2d(mask.float()[None, None], wide, 1, reach)[0, 0] > 0


def test_pictures_are_pictures() -> None:
    pictures = render([sample(seed) for seed in range(40)])
    assert pictures.shape == (40, 3, 128, 128)
    assert pictures.min() >= 0 and pictures.max() <= 1
    assert pictures.std((1, 2, 3)).min() > 0.05


def test_same_scene_same_picture() -> None:
    scenes = [sample(seed) for seed in range(20)]
    assert torch.equal(render(scenes), render(scenes))


def test_a_picture_does_not_depend_on_its_neighbours() -> None:
    scenes = [sample(seed) for seed in range(24) if sample(seed).style != "pixel"]
    alone = torch.cat([render([scene]) for scene in scenes])
    torch.testing.assert_close(render(scenes), alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [0, 33, 100])
def test_odd_sizes_are_refused(size: int) -> None:
    with pytest.raises(SceneError, match="multiple of 32"):
        render([PAIR], size)


@pytest.mark.parametrize("size", [32, 64, 256])
def test_other_sizes_show_the_same_scene(size: int) -> None:
    pooled = torch.nn.functional.adaptive_avg_pool2d
    small, usual = pooled(render([PAIR], size), 16), pooled(render([PAIR]), 16)
    assert (small - usual).abs().mean() < 0.02


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("change", [{"colour": "yellow"}, {"material": "striped"}, {"material": "shiny"}])
def test_paint_changes_only_the_thing(style: str, change: dict[str, str]) -> None:
    before = PAIR.with_surroundings(style=style)
    moved = differing(before, before.with_thing(0, **change))
    mask = truth([before]).masks[0, 0]
    assert moved[mask].float().mean() > 0.3
    assert not moved[~near(mask, (BLOCK if style == "pixel" else 0) + 3)].any()


@pytest.mark.parametrize("change", [{"kind": "house"}, {"size": "small"}])
def test_shape_changes_only_the_thing_and_its_shadow(change: dict[str, str]) -> None:
    moved = differing(PAIR, PAIR.with_thing(0, **change))
    other = truth([PAIR]).masks[0, 1]
    assert moved.any()
    # its cast shadow may reach the ground under the soft edge of the other thing, never that thing or the sky
    assert not moved[~near(~other, 3)].any()
    assert not moved[:40].any()


@pytest.mark.parametrize("ground", GROUNDS[1:])
def test_ground_leaves_sky_and_things(ground: str) -> None:
    moved = differing(PAIR, PAIR.with_surroundings(ground=ground))
    known = truth([PAIR])
    inner = ~near(~known.masks.any(1)[0], 3)
    assert moved[-10:, :].float().mean() > 0.9
    assert not moved[inner].any()
    assert not moved[:44].any()


def test_detail_comes_from_the_seed_alone() -> None:
    other = Scene(PAIR.things, seed=1)
    moved = differing(PAIR, other)
    inner = ~near(~truth([PAIR]).masks.any(1)[0], 3)
    assert moved.any() and not moved[inner].any()


@pytest.mark.parametrize("time", TIMES)
def test_colours_stay_apart(time: str) -> None:
    scenes = [Scene((Thing("ball", colour),), time=time) for colour in COLOURS]
    mask = truth(scenes[:1]).masks[0, 0]
    means = render(scenes)[:, :, mask].mean(-1)
    distance = torch.cdist(means, means) + 9 * torch.eye(len(COLOURS))
    assert distance.min() > 0.18


def test_paint_and_names_agree() -> None:
    assert set(PAINT) == set(COLOURS)


def test_kinds_look_different_when_small() -> None:
    pictures = render([Scene((Thing(kind, "red", size="small"),)) for kind in KINDS])
    seen = pictures[:, :, 66:108, 44:84].flatten(1)
    distance = torch.cdist(seen, seen) / seen.shape[1] ** 0.5 + torch.eye(len(KINDS))
    assert distance.min() > 0.05


def test_pixel_style_is_made_of_blocks() -> None:
    picture = render([sample(seed).with_surroundings(style="pixel") for seed in range(4)])
    blocks = picture.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK).flatten(4)
    assert (blocks == blocks[..., :1]).all()


def test_pictures_stay_easy_to_compress() -> None:
    scenes = [sample(20_000 + seed) for seed in range(96)]
    pictures = render(scenes)
    patches = pictures.unfold(2, 8, 8).unfold(3, 8, 8).permute(0, 2, 3, 1, 4, 5).reshape(-1, 192)
    patches = patches - patches.mean(0)
    # what four principal components of a patch cannot keep is the energy of all the others
    energy = np.linalg.eigvalsh((patches.T @ patches).double().numpy())
    error = float(energy[:-4].sum()) / patches.numel()
    assert -10 * math.log10(error) > 26.5


MEANS = (
    (0.75, 0.58, 0.44), (0.78, 0.53, 0.38), (0.33, 0.37, 0.39), (0.42, 0.63, 0.79),
    (0.24, 0.21, 0.30), (0.57, 0.66, 0.73), (0.40, 0.37, 0.48), (0.41, 0.40, 0.47),
)  # fmt: skip


def test_pictures_are_the_ones_the_shipped_model_learned() -> None:
    means = render([sample(seed) for seed in range(len(MEANS))]).mean((2, 3))
    torch.testing.assert_close(means, torch.tensor(MEANS), atol=0.006, rtol=0)


def test_fast_enough() -> None:
    scenes = [sample(seed) for seed in range(96)]
    render(scenes[:16])
    start = time.process_time()
    render(scenes)
    assert (time.process_time() - start) / len(scenes) < 0.040

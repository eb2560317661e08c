"""Holes in pictures: where they are, what is left, and what can be said of what is in them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from overpaint.stilllife.captions import around
from overpaint.stilllife.parse import parse
from overpaint.stilllife.scene import FRAME, Scene, Thing
from overpaint.train import nets
from overpaint.train.data import Renders, boxes, held_out, training_scene
from overpaint.train.holes import Holes, box, cells, dig_all, erased, hole, oval, over

ONE = Scene((Thing("ball", "red", size="small", x=40, row=100),))


def test_a_hole_over_a_thing_covers_all_of_it() -> None:
    for seed in range(12):
        mask = over(ONE.things[0], random.Random(seed))
        assert mask[(boxes([ONE], FRAME)[0] > 0)].float().mean() > 0.95
        assert mask.float().mean() < 0.4


def test_every_hole_is_one_and_the_same_for_the_same_draw() -> None:
    for seed, scene in enumerate(held_out(60)):
        mask = hole(scene, random.Random(seed))
        assert 0 < mask.float().mean() < 1
        assert torch.equal(mask, hole(scene, random.Random(seed)))


def test_boxes_and_ovals_are_cut_at_the_frame() -> None:
    assert int(box(-5.0, 120.0, 10.0, 300.0).sum()) == 10 * 8 and int(box(20.0, 20.0, 10.0, 30.0).sum()) == 0
    round_ = oval(32.0, 32.0, 96.0, 96.0)
    assert float(round_.float().mean()) == pytest.approx(3.1416 * 32 * 32 / FRAME**2, rel=0.01)


def test_a_cell_counts_by_any_of_its_pixels() -> None:
    mask = torch.zeros(1, FRAME, FRAME, dtype=torch.bool)
    mask[0, 9, 17] = True
    assert cells(mask).nonzero().numpy().tolist() == [[0, 1, 2]]


def test_what_is_in_a_hole_is_grey_to_the_autoencoder() -> None:
    vae = nets.make_vae(nets.size_of("toy")).eval()
    mask = torch.ones(1, FRAME, FRAME, dtype=torch.bool)
    with torch.no_grad():
        one, other = (erased(vae, torch.full((1, 3, FRAME, FRAME), v), mask)[0] for v in (0.1, 0.9))
    assert torch.equal(one, other)


def test_holes_are_dug_kept_and_told_apart(tmp_path: Path) -> None:
    vae, renders = nets.make_vae(nets.size_of("toy")).eval(), Renders(tmp_path, 20)
    renders.make()
    made = dig_all(vae, renders, 0, 20)
    made.save(tmp_path / "holes.safetensors")
    read = Holes.joined([Holes.load(tmp_path / "holes.safetensors")] * 2)
    assert torch.equal(read.mask[20:], made.mask) and read.mean.shape == (40, 4, 16, 16)
    for k in range(20):
        mask = hole(training_scene(k), random.Random(f"hole {k}"))
        assert bool(made.clear[k]) == (not bool((mask & (boxes([training_scene(k)], FRAME)[0] > 0)).any()))
    assert 0 < int(made.clear.sum()) < 20


def test_a_sentence_about_the_surroundings_names_no_thing_and_is_true() -> None:
    for seed, scene in enumerate(held_out(40)):
        said = parse(around(scene, seed))
        assert not said.unknown and not said.mentions
        assert all(getattr(scene, name) == value for name, value in said.surroundings().items())

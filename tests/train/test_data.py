"""Scenes by number, pictures on disk, sentences as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from time import sleep
from typing import Any

import pytest
import torch
from torch import Tensor

from overpaint.stilllife.render import render
from overpaint.stilllife.scene import Scene, Thing
from overpaint.stilllife.tokenizer import tokenizer
from overpaint.train.data import Renders, boxes, held_out, pick, sentences, token_batch, training_scene


def test_token_ids_are_those_of_the_tokenizer(tmp_path: Path) -> None:
    texts = ["", *(said.text for said in sentences(held_out(50), 3))]
    split: Any = tokenizer(tmp_path)
    ids = split(texts, padding="max_length", truncation=True).input_ids
    assert torch.equal(torch.tensor(ids), token_batch(texts))


def test_training_and_held_out_scenes_differ() -> None:
    seeds = {scene.seed for scene in held_out(100)} | {scene.seed for scene in held_out(100, 2, 700_000)}
    assert seeds.isdisjoint(training_scene(k).seed for k in range(1000))


def test_every_picture_is_seen_once_an_epoch() -> None:
    first = [index for step in range(5) for index in pick(step, 4, 20)]
    second = [index for step in range(5, 10) for index in pick(step, 4, 20)]
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert pick(7, 4, 20) == second[8:12]


def test_rendering_goes_on_where_it_stopped(tmp_path: Path) -> None:
    renders = Renders(tmp_path, 5)
    renders.make(lambda made: made < 2, chunk=2)
    assert renders.ready == 2
    with renders.file.open("ab") as file:
        file.write(b"half a picture")
    renders.make(chunk=2)
    assert renders.ready == 5
    expected = render([training_scene(k) for k in (4, 0)])
    assert torch.allclose(renders.pictures([4, 0]), expected, atol=0.5 / 255 + 1e-6)


def test_pictures_may_be_drawn_otherwise_and_whole_files_are_left_alone(tmp_path: Path) -> None:
    renders = Renders(tmp_path, 3, name="greys")
    renders.make(chunk=2, draw=lambda picked: torch.stack([torch.full((3, 128, 128), k / 4) for k in picked]))
    assert renders.file == tmp_path / "greys.u8"
    shown = renders.pictures([2, 1])[:, 0, 0, 0]
    torch.testing.assert_close(shown, torch.tensor([0.5, 0.25]), atol=0.51 / 255, rtol=0)
    renders.file.chmod(0o444)
    fewer = Renders(tmp_path, 2, name="greys")
    fewer.make(lambda made: pytest.fail("nothing is missing"))
    assert fewer.ready == 3


def test_of_several_processes_one_draws(tmp_path: Path) -> None:
    gate = Barrier(3)

    def draw(picked: Sequence[int]) -> Tensor:
        sleep(0.01)
        return torch.stack([torch.full((3, 128, 128), k / 8) for k in picked])

    def make(_: int) -> None:
        gate.wait()
        Renders(tmp_path, 6).make(chunk=2, draw=draw)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(make, range(3)))
    renders = Renders(tmp_path, 6)
    assert renders.ready == 6
    shown = renders.pictures(range(6))[:, 0, 0, 0]
    torch.testing.assert_close(shown, torch.arange(6) / 8, atol=0.51 / 255, rtol=0)


def test_boxes_hold_the_things() -> None:
    scene = Scene((Thing("ball", "red", x=68.0, row=104.0),))
    box = boxes([scene], 16)[0]
    assert float(box.sum()) == 7 * 7
    assert box[6:13, 5:12].sum() == 7 * 7

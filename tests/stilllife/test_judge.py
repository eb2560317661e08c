"""What the judge reads and how readings are compared with scenes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from overpaint.stilllife import judge as judging
from overpaint.stilllife.judge import Judge, Reading, ReadThing, load, score
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import Scene, SceneError, Thing, sample

SCENE = Scene(
    (Thing("ball", "red", x=30.0), Thing("cube", "blue", "shiny", x=95.0)), "sand", "night", "pencil"
)


def seen(scene: Scene) -> Reading:
    things = tuple(
        ReadThing(t.kind, t.colour, t.material, t.size, t.pose, t.x, t.row - t.half, 0.9)
        for t in scene.things
    )
    return Reading(things, scene.ground, scene.time, scene.style)


def test_a_true_reading_is_right_in_everything() -> None:
    marks = score(seen(SCENE), SCENE, placed=True)
    assert all(marks.values())
    names = {
        "count",
        "ground",
        "time",
        "style",
        "thing0.kind",
        "thing1.colour",
        "thing0.place",
        "thing1.pose",
    }
    assert names <= set(marks)


def test_what_is_free_is_not_asked() -> None:
    marks = score(seen(SCENE.with_surroundings(ground="snow")), SCENE, {"ground", "thing0.colour"})
    assert "ground" not in marks and "thing0.colour" not in marks
    assert all(marks.values())


def test_wrong_attributes_are_wrong_alone() -> None:
    marks = score(seen(SCENE.with_thing(1, colour="green")), SCENE)
    assert [name for name, mark in marks.items() if not mark] == ["thing1.colour"]


def test_sides_count_unless_they_are_free() -> None:
    turned = Scene(
        (Thing("cube", "blue", "shiny", x=30.0), Thing("ball", "red", x=95.0)), "sand", "night", "pencil"
    )
    assert not score(seen(turned), SCENE)["thing0.kind"]
    assert all(score(seen(turned), SCENE, {"relation"}).values())


def test_missing_and_moved_things_are_noticed() -> None:
    marks = score(seen(SCENE.without(0)), SCENE, placed=True)
    assert not marks["count"] and not marks["thing0.kind"] and marks["thing1.kind"]
    moved = dataclasses.replace(SCENE, things=(dataclasses.replace(SCENE.things[0], x=50.0), SCENE.things[1]))
    marks = score(seen(moved), SCENE, placed=True)
    assert not marks["thing0.place"] and marks["thing0.kind"] and marks["thing1.place"]


def test_the_surest_things_are_matched_when_there_are_too_many() -> None:
    reading = seen(SCENE)
    ghost = dataclasses.replace(reading.things[0], x=5.0, kind="tree", sure=0.51)
    marks = score(Reading((ghost, *reading.things), "sand", "night", "pencil"), SCENE)
    assert [name for name, mark in marks.items() if not mark] == ["count"]


def test_an_untrained_judge_reads_any_size_without_failing() -> None:
    readings = Judge(16).eval().read(torch.rand(3, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    assert len(readings) == 3
    assert all(len(reading.things) <= 3 for reading in readings)


def test_a_folder_without_a_judge_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="no judge"):
        load(tmp_path)


@pytest.mark.skipif(not judging.FOLDER.is_dir(), reason="the judge is not trained yet")
def test_the_shipped_judge_reads_raw_pictures() -> None:
    scenes = [sample(400_000 + k) for k in range(48)]
    marks = [score(r, s, placed=True) for r, s in zip(load().read(render(scenes)), scenes, strict=True)]
    flat = [mark for one in marks for mark in one.values()]
    assert sum(flat) / len(flat) > 0.98

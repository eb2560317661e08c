"""What is asked of an inpainting denoiser, and how an answer is judged."""

from __future__ import annotations

import dataclasses

import torch

from overpaint.stilllife import judge as judging
from overpaint.stilllife.judge import Reading, ReadThing, score
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.train.data import held_out
from overpaint.train.filling import case, cases, marks_of, pasted


def test_a_case_asks_for_one_thing_that_was_not_there_in_a_hole_that_covers_the_old_one() -> None:
    for one in cases(40):
        old, new = one.scene.things, one.wanted.things
        changed = [k for k, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
        assert changed == [one.index] and one.wanted.fits()
        assert one.thing.kind not in {t.kind for t in old} and one.thing.colour not in {t.colour for t in old}
        x, y = old[one.index].x, old[one.index].row - old[one.index].half
        assert one.mask[int(y), int(x)] and one.thing.kind in one.text


def test_the_true_answer_has_all_marks_and_the_unchanged_picture_none_for_the_thing() -> None:
    some, judge = cases(24), judging.load()
    true = judge.read(render([one.wanted for one in some], FRAME))
    still = judge.read(render([one.scene for one in some], FRAME))
    for one, right, old in zip(some, true, still, strict=True):
        marks = marks_of(one, right.things, score(right, one.wanted, placed=True))
        assert marks["thing"] and marks["rest"] and marks["all"]
        assert not marks_of(one, old.things, score(old, one.wanted, placed=True))["thing"]


def test_a_thing_counts_where_the_hole_is_and_nowhere_else() -> None:
    one = case(held_out(1)[0])
    far = (~one.mask).nonzero()[0]
    thing = one.thing
    seen = ReadThing(thing.kind, thing.colour, "matte", "small", "upright", float(far[1]), float(far[0]), 1.0)
    reading = Reading((seen,), "grass", "day", "photograph")
    right = score(reading, one.wanted, placed=True)
    assert not marks_of(one, reading.things, right)["thing"]
    inside = one.mask.nonzero()[0]
    here = dataclasses.replace(seen, x=float(inside[1]), y=float(inside[0]))
    assert marks_of(one, [here], right)["thing"]


def test_around_the_hole_the_picture_is_put_back_bit_for_bit() -> None:
    one = case(held_out(1)[0])
    before, after = torch.zeros(1, 3, FRAME, FRAME), torch.ones(1, 3, FRAME, FRAME)
    made = pasted(before, after, one.mask[None])
    assert torch.equal(made[0, 0] > 0, one.mask)

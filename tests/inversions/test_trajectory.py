import pytest
import torch
from tests.inversions.setting import setting

from overpaint.errors import OverpaintError
from overpaint.inversions import DDIM, Direct, NullText, Recorded, Trajectory
from overpaint.network import Text


def test_a_trajectory_can_be_walked_on_a_part_of_its_levels() -> None:
    s = setting(steps=8)
    traj = s.run(NullText(inner=1))
    assert traj.nulls is not None
    part = traj.on(s.path.last(3))
    assert torch.equal(part.t, s.path.t[-3:])
    assert part.nulls is not None and torch.equal(part.nulls, traj.nulls[-3:])
    assert torch.equal(part.latents, traj.latents[-4:])
    coarse = traj.on(s.path.on(s.path.t[::2]))
    assert torch.equal(coarse.latents, traj.latents[[0, 2, 4, 6, 8]])


def test_levels_that_were_never_visited_are_refused() -> None:
    s = setting(steps=4)
    with pytest.raises(OverpaintError, match="did not visit level"):
        s.run(DDIM()).on(s.model.path(5))
    with pytest.raises(OverpaintError, match="noise alone"):
        s.run(Recorded()).on(s.path)


def test_one_text_for_all_steps_or_one_for_each() -> None:
    base = Text(torch.zeros(1, 3, 2), torch.ones(1, 2))
    t, latents = torch.arange(2), torch.zeros(3, 4, 2, 2)
    assert Trajectory(t, latents).null(base) is base
    one = Trajectory(t, latents, nulls=torch.ones(1, 3, 2)).null(base)
    assert isinstance(one, Text) and one.pooled is base.pooled and bool((one.states == 1).all())
    own = torch.zeros(1, 2)
    each = Trajectory(t, latents, nulls=torch.ones(2, 3, 2), pooled=own).null(base)
    assert isinstance(each, list) and [text.pooled is own for text in each] == [True, True]


def test_straying_is_noted_at_every_step_and_pinning_undone() -> None:
    s = setting()
    for inversion, pinned in ((DDIM(), False), (Direct(), True)):
        s.model.meter.notes.clear()
        walk = s.walk(inversion)
        far = walk.trajectory.level(1) + 2
        kept = walk.after(0, {"src": far, "tgt": far})
        assert torch.equal(kept["src"], walk.trajectory.level(1) if pinned else far)
        assert torch.equal(kept["tgt"], far)
        assert s.model.meter.notes["strayed"] == pytest.approx([2.0])
        assert s.model.meter.notes["pulled"] == pytest.approx([2.0 * pinned])


def test_nothing_is_noted_where_there_is_nothing_to_compare_with() -> None:
    s = setting()
    walk = s.walk(Recorded())
    s.home(walk)
    s.walk(DDIM()).after(0, {"tgt": s.x0})
    assert "strayed" not in s.model.meter.notes

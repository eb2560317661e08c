"""Kills at moments spread over an edit, a null-text optimisation and a training run."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kills import WORKS, Lost, Work, killed, moments, spread

NAMES = [work.name for work in WORKS]


@pytest.mark.parametrize("work", WORKS, ids=NAMES)
def test_a_kill_loses_nothing(work: Work) -> None:
    """Two moments inside each kind of work."""
    seen = [killed(work, stop).moment for stop in spread(work, 4)[1:3]]
    assert len(seen) == 2


@pytest.mark.slow
@pytest.mark.parametrize("work, count", [*zip(WORKS, (7, 7, 6), strict=True)], ids=NAMES)
def test_kills_spread_over_the_whole_work_lose_nothing(work: Work, count: int) -> None:
    for stop in spread(work, count):
        killed(work, stop)


def test_every_kind_of_moment_is_met(tmp_path: Path) -> None:
    met = {
        work.name: moments(work, tmp_path / work.name) for work in WORKS if not (tmp_path / work.name).mkdir()
    }
    writing = ("half written", "written, not yet flushed", "flushed, not yet in its place", "in its place")
    for step in writing:
        assert f"picture {step}" in met["edit"] and f"draft {step}" in met["null-text"]
        assert f"inversion {step}" in met["null-text"]
    assert "state in its place" in met["training"] and "step 5" in met["training"]


def test_a_write_that_is_not_in_one_stroke_is_found_out(tmp_path: Path) -> None:
    """The check itself must be able to fail."""
    (edit, *_) = WORKS

    def careless(folder: Path, say: object) -> None:
        (folder / "out.png").write_bytes(b"half a pict")
        assert callable(say)
        say("half written")

    with pytest.raises(Exception, match=r"whole|picture"):
        killed(replace(edit, do=careless), 0)
    with pytest.raises(Lost, match="said no more"):
        killed(replace(edit, do=careless), 5)

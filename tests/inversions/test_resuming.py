"""Everything that is tuned: kept for every way back, taken up where it was killed."""

from pathlib import Path as FilePath

import pytest
from tests.inversions.setting import setting
from tests.inversions.test_cache import cached, files, half_done, rows_of, same

from overpaint.families.tiny import SHAPES, Shape
from overpaint.files import store as module
from overpaint.inversions import PromptTuning, Style
from overpaint.inversions.cache import Cache
from overpaint.meter import Meter

OTHERS = PromptTuning(inner=2), Style(inner=2, decay=0, stop=0, relax=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inversion", OTHERS, ids=lambda i: i.called)
def test_a_second_edit_tunes_nothing_and_gets_the_same(
    inversion: PromptTuning | Style, shape: Shape, tmp_path: FilePath
) -> None:
    first, again = (cached(tmp_path, shape) for _ in range(2))
    found = first.run(inversion)
    assert same(again.run(inversion), found) and again.model.meter.rows == 0
    assert not any(t.requires_grad for t in found.more.values())


def test_what_acts_on_the_way_back_alone_inverts_nothing_again(tmp_path: FilePath) -> None:
    s = cached(tmp_path)
    for one, late in ((PromptTuning(inner=1), "share"), (Style(inner=1), "values")):
        assert [rows_of(s, one.changed(**{late: share})) > 0 for share in (0.3, 0.9)] == [True, False]
        assert rows_of(s, one.changed(lr=0.5)) > 0
    assert len(files(tmp_path)) == 4


@pytest.mark.sample(4)
@pytest.mark.parametrize("ready, spared", [(1, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("inversion", OTHERS, ids=lambda i: i.called)
@pytest.mark.parametrize("shape", ["sd1", "sdxl"])
def test_a_killed_optimisation_goes_on_where_it_was_to_the_same_bits(
    shape: Shape,
    inversion: PromptTuning | Style,
    ready: int,
    spared: int,
    tmp_path: FilePath,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    s = setting(shape, steps=4)
    whole = s.run(inversion)
    full = s.model.meter.rows
    a_step = (full - 4) // 4
    s.model.cache = Cache(tmp_path)
    half_done(s, inversion, 4 + a_step * (ready - 1) + a_step // 2)
    with s.model.metered(Meter()) as meter:
        assert same(s.run(inversion), whole)
        assert meter.rows == full - 4 - spared * a_step
    assert [file.name.count("draft") for file in files(tmp_path)] == [0]

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.bench.kit import first

from overpaint.bench.case import Case, Pictures
from overpaint.bench.references import references
from overpaint.bench.remeasuring import blind, measure_again, outdated
from overpaint.bench.results import Line, Results
from overpaint.bench.run import Bench, run
from overpaint.bench.variant import Variant
from overpaint.images import Picture
from overpaint.meter import Cancelled
from overpaint.model import Model

LATER = {"early": "e1", "late": "l1"}


def case_by(networks: Mapping[str, str]) -> Case:
    """A case that is measured by such networks: each gives one figure, which tells its hash."""

    def measure(pictures: Pictures, edit: Picture) -> dict[str, float]:
        return {name: float(mark[1:]) for name, mark in networks.items()}

    return replace(first("colour")[0], measure=measure, networks=networks)


def bench(folder: Path, model: Model, networks: Mapping[str, str], keep: bool = True) -> Bench:
    edits = [*references(False), Variant("sdedit", said={"steps": "2"})]
    return Bench([case_by(networks)], edits, model, Results.opened(folder), keep=keep)


def lines(one: Bench) -> dict[str, Line]:
    return {str(line["method"]): line for line in one.results.lines.values()}


def test_a_network_that_comes_later_looks_at_kept_pictures(tmp_path: Path, still_life: Model) -> None:
    before = bench(tmp_path, still_life, {"early": "e1"})
    run(before)
    assert outdated(before) == [] and lines(before)["sdedit"]["networks"] == {"early": "e1"}
    own = bench(tmp_path, still_life, LATER)
    assert own.missing() == [] and blind(own) == 0
    assert [[v.method for v in several] for _, several in outdated(own)] == [["source untouched", "sdedit"]]
    measure_again(own)
    assert own.meter.rows == 0, "nothing is edited anew"
    old, new = lines(before)["sdedit"], lines(own)["sdedit"]
    assert (new["figures"]["early"], new["figures"]["late"], new["networks"]) == (1, 1, LATER)
    assert new["figures"]["seconds"] == old["figures"]["seconds"] and outdated(own) == []
    fewer = bench(tmp_path, still_life, {"early": "e1"})
    assert outdated(fewer) == [] and fewer.missing() == [], "what a network found stays when it is gone"


def test_another_network_in_its_place_measures_again(tmp_path: Path, still_life: Model) -> None:
    run(bench(tmp_path, still_life, LATER))
    own = bench(tmp_path, still_life, {"early": "e1", "late": "l2"})
    assert own.missing() == []
    measure_again(own)
    assert lines(own)["sdedit"]["figures"]["late"] == 2


def test_what_was_not_kept_stays_or_is_made_anew(tmp_path: Path, still_life: Model) -> None:
    run(bench(tmp_path, still_life, {"early": "e1"}, keep=False))
    own = bench(tmp_path, still_life, LATER, keep=False)
    assert blind(own) == 1 and [[v.method for v in several] for _, several in outdated(own)] == [
        ["source untouched"]
    ]
    assert own.missing() == []
    other = bench(tmp_path, still_life, {"early": "e2"}, keep=False)
    ((_, several),) = other.missing()
    assert [v.method for v in several] == ["source untouched", "sdedit"], "no figures of two networks mix"


def test_a_picture_that_is_damaged_keeps_its_line_and_a_stop_stops(tmp_path: Path, still_life: Model) -> None:
    before = bench(tmp_path, still_life, {"early": "e1"})
    run(before)
    before.picture(before.cases[0], before.variants[-1]).write_bytes(b"rubbish")
    own = bench(tmp_path, still_life, LATER)
    measure_again(own)
    found = {method: "late" in line["figures"] for method, line in lines(own).items()}
    assert found == {"source untouched": True, "sdedit": False}
    own.meter.cancel()
    with pytest.raises(Cancelled):
        measure_again(own)

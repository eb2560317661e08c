import json
from collections.abc import Sequence

import pytest
from tests.cli.kit import overpaint

from overpaint import doctor
from overpaint.doctor import Finding


def found(*findings: Finding, monkeypatch: pytest.MonkeyPatch) -> None:
    def given() -> Sequence[Finding]:
        return findings

    monkeypatch.setattr(doctor, "diagnose", given)


WELL = Finding(area="memory", facts={"free bytes": 3 * 10**9})
ILL = Finding(area="threads", facts={"threads": 64, "OMP_NUM_THREADS": None}, wrong=("Too many; fewer.",))


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found(WELL, monkeypatch=monkeypatch)
    said = overpaint("doctor")
    assert (said.code, said.out) == (0, "memory    free bytes: 3.0 GB\nAll is well.\n")
    said = overpaint("doctor", "--json")
    assert said.code == 0
    assert said.figures == {
        "well": True,
        "found": [{"area": "memory", "facts": {"free bytes": 3 * 10**9}, "wrong": []}],
    }


def test_what_is_wrong_is_said_with_its_mending(monkeypatch: pytest.MonkeyPatch) -> None:
    found(WELL, ILL, monkeypatch=monkeypatch)
    said = overpaint("doctor")
    assert said.code == 1
    assert "threads   threads: 64, OMP_NUM_THREADS: not set\n  ! Too many; fewer.\n1 to mend.\n" in said.out
    said = overpaint("doctor", "--json")
    assert said.code == 1 and json.loads(said.out)["well"] is False

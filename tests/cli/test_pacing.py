"""How far a benchmark is, also where other processes do a part of it."""

import pytest

from overpaint.bench.case import Case, Pictures
from overpaint.bench.references import references
from overpaint.bench.variant import Variant
from overpaint.cli import pacing
from overpaint.cli.pacing import Failures


def nothing() -> Pictures:
    raise AssertionError("nobody looks at it")


CASES = [Case(f"case {k}", "object", "a", "b", nothing) for k in range(4)]
EDITS = [Variant("p2p"), Variant("diffedit")]
WORK = [(case, [*references(), *EDITS]) for case in CASES]


def test_cases_that_another_process_does_are_counted_as_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pacing, "EVERY", 0.0)
    with pacing.pacing(WORK, Failures()) as note:
        for k, variant in ((0, EDITS[1]), (2, references()[0]), (2, EDITS[0]), (2, EDITS[1]), (3, EDITS[0])):
            note(CASES[k], variant, {})
        note(CASES[1], EDITS[1], {})  # the other process was stopped, so this one ends its case
        note(CASES[3], EDITS[1], {})
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" cases, ")[0] for line in said] == ["2 of 4", "3 of 4"]


def test_what_fails_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pacing.pacing(WORK, Failures()) as note:
        for variant in WORK[0][1]:
            note(CASES[0], variant, {"error": "There is no picture."})
    assert capsys.readouterr().err.splitlines() == ["case 0: There is no picture."]

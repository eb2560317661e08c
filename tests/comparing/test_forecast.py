from pathlib import Path
from typing import Any

import pytest
from tests.comparing.kit import SOURCE, TARGET, small
from tests.kit import shared

from overpaint.choosing import signals
from overpaint.comparing.comparison import Compared, asking, prepared
from overpaint.comparing.forecast import forecast
from overpaint.comparing.run import LAST, Comparing, run
from overpaint.meter import Meter


def comparing(folder: Path, methods: str = "sdedit,ddim", source: str = SOURCE, **more: Any) -> Comparing:
    wanted = Compared(methods.split(","), {}, {"steps": 2}, **more)
    return prepared(asking(small(), {"source": source, "target": TARGET}), shared(), wanted, folder, Meter())


def test_all_that_is_asked_of_the_network_is_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = list[Meter]()

    def counted() -> Meter:
        looking.append(Meter())
        return looking[-1]

    monkeypatch.setattr(signals, "Meter", counted)
    LAST.clear()
    one = comparing(tmp_path)
    said = forecast(one)
    run(one)
    edits = sum(int(line["figures"]["rows"]) for line in one.results.lines.values())
    assert edits <= said.rows and said.asked == 2
    assert 0 < one.meter.rows - edits <= said.checks
    assert 0 < sum(meter.rows for meter in looking) <= said.looks
    assert said.beside > 0 and forecast(one).todo == [] and forecast(one).beside == 0


def test_what_is_left_out_is_not_said(tmp_path: Path) -> None:
    assert forecast(comparing(tmp_path, check=False)).checks == 0
    bare = forecast(comparing(tmp_path, methods="sdedit", source=""))
    assert (bare.looks, bare.checks, bare.asked, bare.beside) == (0, 0, 0, 0.0) and bare.rows == 2

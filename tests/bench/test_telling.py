import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.bench.kit import first
from tests.cli.kit import overpaint

from overpaint.bench.results import Results, row_key
from overpaint.bench.telling import tell, telling_of
from overpaint.choosing.early import ON_THE_WAY
from overpaint.choosing.signals import ROWS
from overpaint.choosing.telling import telling
from overpaint.images import save_picture
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.run.loading import load


@cache
def model() -> Model:
    """The shipped one: the prompts of cases are too long for a tiny one."""
    return load("still-life")


def folder_with(place: Path, **more: Any) -> list[dict[str, Any]]:
    """Results of two methods on a case with their pictures kept, of one without, and of another model."""
    case, pictures = first("colour")
    common: dict[str, Any] = {
        "case": case.name,
        "type": "colour",
        "inversion": "",
        "said": {},
        "options": {},
        "gifts": [],
    }
    common |= {"reference": False, "code": "c", "model": model().fingerprint, "format": 1, **more}
    lines: list[dict[str, Any]] = [
        {**common, "method": name, "figures": {"success": True}} for name in ("p2p", "ddim", "sdedit")
    ]
    for line in lines[:2]:
        picture = place / "pictures" / case.name / f"{row_key(line)}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        save_picture(pictures.source, picture, {})
    lines += [{**lines[0], "model": "another"}, {**lines[0], "method": "pnp", "error": "It failed."}]
    del lines[-1]["figures"]
    (place / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


def test_signals_are_found_from_kept_pictures_once(tmp_path: Path) -> None:
    folder_with(tmp_path, signals={"early_focus": 0.7, "strayed": 0.2, "belief": 9.0})
    results = Results.opened(tmp_path)
    asked = telling_of(results, model())
    assert (asked.edits, asked.rows, asked.done, asked.blind, asked.others) == (2, 2 * ROWS, 0, 1, 1)
    tell(asked, Meter())
    found = {line["method"]: line for line in results.lines.values() if "telling" in line}
    assert set(found) == {"p2p", "ddim"} and found["p2p"]["telling"] == telling()
    assert found["p2p"]["signals"]["changed_there"] == 0 and found["p2p"]["signals"]["belief"] != 9
    assert [found["p2p"]["signals"][name] for name in ON_THE_WAY] == [0.7, 0.2], "seen on the way"
    again = telling_of(Results.opened(tmp_path), model())
    assert (again.edits, again.done) == (0, 2)


def test_stopping_keeps_what_was_found(tmp_path: Path) -> None:
    folder_with(tmp_path)
    results, meter = Results.opened(tmp_path), Meter()
    with pytest.raises(Cancelled):
        tell(telling_of(results, model()), meter, lambda case, line: meter.cancel())
    assert telling_of(Results.opened(tmp_path), model()).edits == 1


def test_the_command_says_what_there_is_to_do_and_does_it(tmp_path: Path) -> None:
    folder_with(tmp_path)
    said = overpaint("bench", "signals", tmp_path)
    assert said.code == 0 and said.err.startswith("2 edits: at most 42 rows"), said.err
    assert "1 cannot be looked at" in said.err and "1 are of another model" in said.err
    assert telling_of(Results.opened(tmp_path), model()).done == 2
    assert overpaint("bench", "signals", tmp_path / "none").code == 2

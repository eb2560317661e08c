from pathlib import Path
from typing import Any

import pytest
from tests.comparing.kit import SOURCE, TARGET, asked, small
from tests.kit import shared

import overpaint
from overpaint.bench.results import Results
from overpaint.card import Need
from overpaint.comparing import trying as module
from overpaint.comparing.cells import Cell, cells
from overpaint.comparing.comparison import asking
from overpaint.comparing.trying import Try, shared_rows, tries
from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.run.plan import Job
from overpaint.run.request import EditRequest

OFFSET = {"inversion": ["direct"], "inversion.form": ["offset"]}
EDICT = {"inversion": ["edict"], "inversion.strength": [0.5]}
BOTH = frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET})


@pytest.mark.parametrize(
    ("methods", "grid"),
    [
        ("p2p,ddim", {**OFFSET, "guidance": [1]}),
        ("p2p,ddim", {**OFFSET, "guidance": [3]}),
        ("p2p", {**EDICT, "guidance": [1], "cross_replace": [0.2, 0.8]}),
        ("p2p,pnp,masactrl", {"inversion": ["ddim"], "start": [1], "layer": [2]}),
        ("ddim,diffedit", {"inversion": ["ddim"], "encode": ["source"], "ratio": [0.5, 1]}),
        ("ddim,diffedit", {"inversion": ["ddim"], "ratio": [1]}),
    ],
)
def test_what_is_said_to_be_shared_is_what_is_saved(
    tmp_path: Path, methods: str, grid: dict[str, list[Any]]
) -> None:
    wish = asking(small(), {"source": SOURCE, "target": TARGET})
    found = tries(wish, cells(methods.split(","), grid, {"steps": 4}, "sd1", BOTH), shared())
    assert [one.error for one in found] == [""] * len(found)
    overpaint.compare(small(), folder=tmp_path, **asked(methods=methods, grid=grid, steps=4))
    lines = [line["figures"] for line in Results.read(tmp_path).lines.values()]
    assert len(lines) == len(found)
    assert shared_rows(found) == sum(one["rows_alone"] - one["rows"] for one in lines)


def tried(*wanted: Cell, memory: str | None = None) -> list[Try]:
    return tries(asking(small(), {"source": SOURCE, "target": TARGET}), wanted, shared(), memory)


def test_two_spellings_of_one_edit_are_one() -> None:
    found = tried(
        Cell("sdedit", {"steps": "2"}), Cell("sdedit", {"steps": "2.0"}), Cell("sega"), Cell("sega")
    )
    assert [one.title for one in found] == ["sdedit steps=2", "sega", "sega"]


def test_memory_bounds_the_rows_that_go_together_and_what_cannot_be_is_a_cell() -> None:
    usual, bounded = (tried(Cell("ddim", {"steps": 2}), memory=memory)[0] for memory in (None, "4GB"))
    assert usual.job is not None and bounded.job is not None
    assert usual.job.at_once is None and bounded.job.at_once is not None
    with pytest.raises(UsageError, match=r"needs about .* of memory even row by row, more than"):
        tried(Cell("ddim", {"steps": 2}), memory="100KB")


def test_a_mistake_in_a_plan_is_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.plan

    def fail(asked: EditRequest, model: Model) -> Job:
        if asked.kind.card.name == "ddim":
            raise ZeroDivisionError("x")
        return real(asked, model)

    monkeypatch.setattr(module, "plan", fail)
    sdedit, ddim = tried(Cell("ddim"), Cell("sdedit"))
    assert sdedit.error == "" and ddim.error.startswith("Internal error (ZeroDivisionError: x)")

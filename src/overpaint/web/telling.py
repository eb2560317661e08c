"""Work as the service tells of it."""

from collections.abc import Mapping
from typing import Any

from overpaint.ledger.entry import OVER, Entry
from overpaint.web.schemas import CellOut, ResultOut, WorkOut

WORDS = ("picture", "width", "height", "figures", "warnings", "chosen", "mask", "words", "others", "notes")


def told(entry: Entry, before: int | None = None) -> Mapping[str, Any]:
    """The same as plain values."""
    return shown(entry, before).model_dump(mode="json")


def shown(entry: Entry, before: int | None = None) -> WorkOut:
    """A piece of work as it stands."""
    work = entry.work
    return WorkOut(
        id=entry.id,
        kind=work["kind"],
        state=entry.state,
        progress=entry.progress,
        before=before,
        cancelling=entry.cancelling and entry.state not in OVER,
        made=entry.made,
        began=entry.began,
        ended=entry.ended,
        error=entry.said,
        image=work.get("image"),
        mask=work.get("mask"),
        parent=work.get("parent"),
        cell=work.get("cell"),
        method=work.get("method") or "",
        model=work["model"],
        request=work["request"],
        options=work["options"],
        result=result_of(entry.result) if entry.state == "done" else None,
    )


def result_of(result: Mapping[str, Any]) -> ResultOut:
    """What came out."""
    said = {name: result[name] for name in WORDS if result.get(name) is not None}
    return ResultOut(**said, cells=[CellOut(**one) for one in result.get("cells", [])])

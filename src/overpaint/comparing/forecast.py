"""What a comparison will take, said before it starts: its edits, and what is asked beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from overpaint.comparing.run import CHEAP, Comparing
from overpaint.comparing.trying import Try, shared_rows
from overpaint.run.auto import looks_of
from overpaint.run.estimate import look_folder, speed_of


@dataclass(frozen=True)
class Forecast:
    """What is left to do, at most."""

    todo: Sequence[Try]
    rows: int
    """Of the edits."""
    seconds: float
    memory: int
    """Bytes."""
    shared: int
    """Rows of these that need not be asked for, as edits share an inversion."""
    looks: int
    """Rows that tell how likely each edit came off."""
    checks: int
    """Rows of the edits that are asked for nothing."""
    asked: int
    """How many of these there are."""
    beside: float
    """Seconds for both."""


def forecast(comparing: Comparing) -> Forecast:
    """What is left of a comparison."""
    todo = comparing.missing
    costs = [one.cost for one in todo if one.cost is not None]
    checks = checked(comparing)
    asked = [one.cost for one in checks if one.cost is not None]
    looks = look_rows(comparing, todo)
    return Forecast(
        todo,
        sum(cost.rows[1] for cost in costs),
        float(sum(one.seconds for one in todo)),
        max((cost.memory for cost in costs), default=0),
        shared_rows(todo),
        looks,
        sum(cost.rows[1] for cost in asked),
        len(asked),
        looks * row_seconds(todo) + float(sum(one.seconds for one in checks)),
    )


def checked(comparing: Comparing) -> list[Try]:
    """What will be asked for nothing, if it comes out."""
    if not comparing.check:
        return []
    cheap = (one for one in comparing.tries if one.job is not None and one.seconds <= CHEAP)
    return [one for one in cheap if "unasked" not in (comparing.line(one) or {})]


def look_rows(comparing: Comparing, todo: Sequence[Try]) -> int:
    """Rows that find the signals of edits: once those of the picture, then those of each."""
    said = comparing.asked.request.source.split() and comparing.asked.request.target.split()
    return looks_of(len(todo))[1] if said and todo else 0


def row_seconds(todo: Sequence[Try]) -> float:
    """Seconds of a row; 0 where nothing is left to do."""
    job = next((one.job for one in todo if one.job is not None), None)
    return 0.0 if job is None else speed_of(job, look_folder()).row

"""All files of a folder, one after the other: rows of a table, what they will take, what came of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch

from overpaint.errors import OverpaintError
from overpaint.guides import CFG
from overpaint.meter import Meter
from overpaint.model import Branch
from tests.parity.adapters import ADAPTERS, Adapter, Reach
from tests.parity.figures import HEAD, Row, Unknown
from tests.parity.golden import ARRAYS, Golden
from tests.parity.network import golden_model


@dataclass(frozen=True)
class Job:
    """One file: an adapter that has read it, or the rows that say why there is none."""

    name: str
    adapter: Adapter | None
    refusals: tuple[Row, ...] = ()

    @property
    def method(self) -> str:
        """The method, of a file that was read."""
        return "" if self.adapter is None else self.adapter.method

    def rows(self, reach: Reach) -> int:
        """Network rows it will take, roughly."""
        return 0 if self.adapter is None else self.adapter.rows(reach)


def prepare(file: Path) -> Job:
    """Read a file; whatever is not known about it becomes a row that fails."""
    name, note, adapted = file.stem, "", True
    try:
        golden = Golden.load(file)
        make = ADAPTERS.get(golden.method)
        if make is not None:
            return Job(name, make(golden))
        note, adapted = f"no adapter for the method {golden.method!r}", False
    except (Unknown, OverpaintError, ValueError) as error:  # pydantic's are ValueErrors
        note = _line(error)
    return Job(name, None, (Row(name, "–", note=note, adapted=adapted),))


def _line(error: Exception) -> str:
    """An error as one line of a table."""
    return " ".join(str(error).replace("|", "/").split())


def files(folder: Path) -> list[Path]:
    """The stored arrays of a folder, without those that were not made by a method."""
    return [file for file in sorted(folder.glob(ARRAYS)) if file.stem != "words"]


def run(jobs: Sequence[Job], reach: Reach, tick: Callable[[int], None] | None = None) -> Iterator[Row]:
    """Compare; ``tick`` hears of network rows as they are done. An error is a row; the next file goes on."""
    for job in jobs:
        yield from job.refusals
        if job.adapter is None:
            continue
        meter, before = job.adapter.model.meter, [0]

        def told(meter: Meter, before: list[int] = before) -> None:
            done = meter.rows + 2 * meter.backwards
            if tick is not None:
                tick(done - before[0])
            before[0] = done

        meter.on_tick = told
        try:
            yield from job.adapter.check(reach)
        except (Unknown, OverpaintError, ValueError) as error:
            yield Row(job.name, "–", note=_line(error))
        if tick is not None:
            tick(job.rows(reach) - before[0])


def seconds_a_row() -> float:
    """What a network row takes on this machine, measured with a call of four."""
    model = golden_model()
    null = model.family.null()
    branches = [Branch(name, CFG(null, null)) for name in ("src", "tgt")]
    x = torch.zeros(model.shape(512, 512))
    with torch.no_grad():
        model.predict({"src": x, "tgt": x}, 0, model.path(10), branches)  # warms up
        start = perf_counter()
        model.predict({"src": x, "tgt": x}, 0, model.path(10), branches)
    return (perf_counter() - start) / 4 * 1.2  # attention under control is made map by map


def table(rows: Sequence[Row]) -> str:
    """The rows laid out."""
    return "\n".join([HEAD, *map(str, rows)])


def summary(rows: Sequence[Row]) -> str:
    """How many arrays agree, how many do not, and files for which there is no adapter."""
    failed = [row for row in rows if row.failed and row.adapted]
    missing = [row.file for row in rows if not row.adapted]
    good = len(rows) - len(failed) - len(missing)
    said = f"{good} of {good + len(failed)} rows within their tolerance, {len(failed)} failed"
    if missing:
        said += f"; no adapter: {len(missing)} files ({', '.join(missing)})"
    return said + "."

"""The report of a batch: what it was, what failed and why, and some of the pictures before and after."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from overpaint import __version__
from overpaint.batch.batch import Batch
from overpaint.batch.place import read
from overpaint.errors import OverpaintError, UsageError
from overpaint.files.times import spoken
from overpaint.images import Limits, decode_picture
from overpaint.ledger.entry import Entry
from overpaint.ledger.queue import Ledger
from overpaint.pages.page import page, shown
from overpaint.run.wording import word_changes

FILE = "report.html"
MOST = 120
"""Pictures that are shown, taken evenly from all."""
MOST_FAILED = 2000
TALL = 150


@dataclass(frozen=True)
class Summary:
    """How a batch stands."""

    counts: dict[str, int]
    failed: Sequence[Entry]
    done: Sequence[Entry]
    """Some of those that are done."""
    seconds: float = 0.0
    """What an edit took in the mean."""

    @property
    def words(self) -> str:
        """The counts as a sentence has them."""
        order = ("done", "failed", "cancelled", "running", "queued")
        names = {"queued": "waiting"}
        said = [f"{self.counts[one]} {names.get(one, one)}" for one in order if self.counts.get(one)]
        return ", ".join(said) or "nothing to do"


def summed_up(batch: Batch, ledger: Ledger) -> Summary:
    """How a batch stands."""
    failed, kept, total, count = list[Entry](), list[Entry](), 0.0, 0
    every = max(1, len(batch.ids) // MOST)
    for entry in batch.ended(ledger, "done"):
        if count % every == 0 and len(kept) < MOST:
            kept.append(entry)
        total, count = total + float(entry.result.get("seconds", 0.0)), count + 1
    failed = list(batch.ended(ledger, "failed"))
    return Summary(batch.counts(ledger), failed, kept, total / max(count, 1))


def report(batch: Batch, found: Summary, limits: Limits) -> bytes:
    """The page."""
    asked = batch.asked
    failed = [{"name": one.work["name"], "said": one.said} for one in found.failed[:MOST_FAILED]]
    failed += [
        {"name": f"{one.title} (row {one.number})", "said": one.sentence}
        for one in batch.problems[: MOST_FAILED - len(failed)]
    ]
    left = len(found.failed) + len(batch.problems) - len(failed)
    data: dict[str, Any] = {
        "title": "Edits of many pictures",
        "counts": found.words,
        "facts": f"{batch.out.address}, model {asked.model.get('name', '')}, "
        f"{spoken(found.seconds)} a picture, overpaint {__version__}",
        "failed": failed,
        "left": f"{left} more failed; overpaint queue lists them." if left else "",
        "shown": f"{len(found.done)} of them, taken evenly."
        if len(found.done) < found.counts.get("done", 0)
        else "",
        "pictures": list(pictures(batch, found.done, limits)),
    }
    return page("overpaint batch", "batch", data, ("common", "batch"))


def pictures(batch: Batch, done: Sequence[Entry], limits: Limits) -> Iterator[dict[str, Any]]:
    """Pictures before and after, as the page's program takes them."""
    for entry in done:
        work = entry.work
        request = work["request"]
        yield {
            "name": work["name"],
            "before": small(str(work["image"]), limits),
            "after": small(batch.out.at(str(work["name"])), limits),
            "change": [list(one) for one in word_changes(request["source"], request["target"])],
            "method": work["method"],
            "said": list(entry.result.get("warnings", [])),
        }


def small(address: str, limits: Limits) -> str | None:
    """A small form of a picture; nothing where it is gone."""
    try:
        return shown(decode_picture(read(address, limits), address, limits=limits), TALL)
    except UsageError:
        return None


def write_report(batch: Batch, ledger: Ledger, limits: Limits) -> str:
    """Write the report beside what came out, and give its address.

    Raises:
        UsageError: it cannot be written.
    """
    found = summed_up(batch, ledger)
    try:
        batch.out.write(FILE, report(batch, found, limits), overwrite=True)
    except OverpaintError as error:
        raise UsageError(f"The report was not written: {error}") from None
    return batch.out.at(FILE)

"""How far a benchmark is: a bar where somebody looks, else a line now and then, and what fails at once."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from overpaint.bench.case import Case
from overpaint.bench.results import Line
from overpaint.bench.run import Note
from overpaint.bench.variant import Variant
from overpaint.cli.words import duration, one_line, say

EVERY = 5.0
"""Seconds between two lines where no terminal is."""
Work = Sequence[tuple[Case, Sequence[Variant]]]
"""What is to be done with each case."""


@dataclass
class Failures:
    """What has been said of failures, so that it is said once."""

    said: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])

    def line(self, case: Case, variant: Variant, sentence: str) -> str | None:
        """The line of a failure that was not said; what a reference fails at is the case's own fault."""
        if self.said & {(case.name, "", sentence), (case.name, variant.title, sentence)}:
            return None
        whose = "" if variant.reference else variant.title
        self.said.add((case.name, whose, sentence))
        return one_line(f"{', '.join(filter(None, [case.name, whose]))}: {sentence}")


@dataclass
class Pace:
    """How many edits of each case are to come, in the order of the work, and how long the cases took."""

    left: dict[str, int]
    begun: float = field(default_factory=perf_counter)
    done: int = 0
    said: float = field(default_factory=perf_counter)

    def count(self, case: Case) -> bool:
        """One edit more; whether a case was ended with it.

        Cases come in turn, so that what is left of those before this one, other processes have done or do.
        """
        if case.name not in self.left:
            return False  # one that another process began and did not end
        before = list(takewhile(lambda name: name != case.name, self.left))
        self.left[case.name] -= 1
        ended = [*before, *([] if self.left[case.name] else [case.name])]
        for name in ended:
            del self.left[name]
        self.done += len(ended)
        return bool(ended)

    @property
    def each(self) -> float:
        """Seconds a case."""
        return (perf_counter() - self.begun) / max(self.done, 1)

    def line(self) -> str | None:
        """How far it is, unless that was said a moment ago or nothing is left."""
        if not self.left or perf_counter() - self.said < EVERY:
            return None
        self.said = perf_counter()
        whole, each = self.done + len(self.left), self.each
        about = duration(each * len(self.left))
        return f"{self.done} of {whole} cases, {each:.1f} s a case, about {about} left"


@contextmanager
def pacing(work: Work, failures: Failures) -> Generator[Note, None, None]:
    """A bar over all edits on the error stream with the seconds of a case; else lines."""
    several = {case.name: sum(not one.reference for one in variants) for case, variants in work}
    console, pace = Console(stderr=True), Pace({name: edits for name, edits in several.items() if edits})
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[pace]}"), TimeRemainingColumn()),
    )
    edits = sum(several.values())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("bench", total=max(edits, 1), pace="")

        def note(case: Case, variant: Variant, line: Line) -> None:
            words = one_line(f"{case.name} {variant.title}")[:60]
            told = [failures.line(case, variant, line["error"])] if "error" in line else []
            if not variant.reference and pace.count(case):
                shown.update(task, pace=f"{pace.each:.1f} s a case")
                told += [] if console.is_terminal else [pace.line()]
            shown.update(task, completed=edits - sum(pace.left.values()), description=words)
            for sentence in filter(None, told):
                if console.is_terminal:
                    shown.console.print(sentence, markup=False, highlight=False, soft_wrap=True)
                else:
                    say(sentence)

        yield note

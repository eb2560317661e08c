"""What a batch will take: each kind of work planned once, on the first picture of its kind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from overpaint.batch.asking import Work
from overpaint.batch.doing import Tools
from overpaint.batch.row import WHERE
from overpaint.errors import OverpaintError
from overpaint.run.auto import planned as plan
from overpaint.run.estimate import Estimate, estimate
from overpaint.run.request import edit_request
from overpaint.run.where import Where

Kind = tuple[str, str, bool]


@dataclass
class Forecast:
    """How many there are of each kind, and what the first of each takes."""

    tools: Tools
    count: int = 0
    kinds: dict[Kind, int] = field(default_factory=dict[Kind, int])
    first: dict[Kind, Estimate] = field(default_factory=dict[Kind, Estimate])
    problems: list[str] = field(default_factory=list[str])
    """Why nothing can be said of some, a sentence each."""

    def add(self, work: Work) -> None:
        """Count a piece of work; the first of a kind is planned."""
        kind = kind_of(work)
        self.count += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.kinds[kind] == 1:
            try:
                self.first[kind] = self.planned(work)
            except OverpaintError as error:
                self.problems.append(f"{work['name']}: {error}")

    def planned(self, work: Work) -> Estimate:
        """What a piece of work takes.

        Raises:
            UsageError: it cannot be done.
        """
        tools = self.tools
        asked = edit_request(
            "edit",
            work["method"],
            tools.picture(work["image"]),
            work["request"],
            work["options"],
            where=Where(
                tools.mask(work), work.get("mask_box"), work.get("mask_words"), work.get("mask_diff", False)
            ),
            control=tuple(work["controls"]),
            limits=tools.limits,
        )
        model = tools.model(work["model"])
        with model.lock:
            return estimate(replace(plan(asked, model), look=tools.look))

    @property
    def rows(self) -> int:
        """Rows through the network at most, those of looks too."""
        return sum(count * self.of(kind).rows for kind, count in self.kinds.items())

    @property
    def seconds(self) -> float:
        """Seconds at most, on this device."""
        return float(sum(count * self.of(kind).seconds for kind, count in self.kinds.items()))

    @property
    def memory(self) -> int:
        """Bytes that the largest of them takes."""
        return max((one.memory for one in self.first.values()), default=0)

    def of(self, kind: Kind) -> "Share":
        """What one of a kind takes."""
        one = self.first.get(kind)
        return Share() if one is None else Share(one.rows[1] + one.look + one.judging[1], one.seconds[1])


@dataclass(frozen=True)
class Share:
    """What one picture takes at most."""

    rows: int = 0
    seconds: float = 0.0


def kind_of(work: Mapping[str, Any]) -> Kind:
    """What the cost of work depends on, its size aside."""
    options = json.dumps(work["options"], sort_keys=True, default=str)
    return str(work["method"]), options, any(name in work for name in WHERE)

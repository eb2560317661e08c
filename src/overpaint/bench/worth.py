"""What a learned score and choosing by it are worth, as data from which the documentation is drawn."""

import json
from dataclasses import asdict
from typing import Any

from overpaint.bench.figures import FIGURES
from overpaint.bench.learning import FREE, LEARNED, Learned
from overpaint.bench.portfolio import Portfolio, goals
from overpaint.choosing.early import ON_THE_WAY
from overpaint.choosing.score import EXPECTED
from overpaint.choosing.signals import SIGNALS

FILE = "worth.json"
MEANINGS = {
    **SIGNALS,
    **ON_THE_WAY,
    "rival": "how much better the target prompt finds the edit behind noise than its nearest rival does",
    "rival_there": "the same as rival, weighed by how much the two prompts part at each place",
    "focus": "how far the edit moves where the two prompts part, over how far elsewhere (logarithm)",
    **{name: f"the figure of the benchmark: {FIGURES[name].meaning}" for name in FREE},
    EXPECTED: "how often the method comes off on such edits, without looking at the edit",
    LEARNED: "all of them together, by a logistic regression",
}


def as_text(learned: Learned, chosen: Portfolio) -> str:
    """Areas by signal and type, calibration, and what choosing achieved, as JSON."""
    score = learned.score
    data: dict[str, Any] = {
        "cases": chosen.choices.cases,
        "edits": score.cases,
        "signals": [
            {
                "name": name,
                "meaning": MEANINGS.get(name, ""),
                "areas": {
                    kind: [round(one.value, 3), round(one.low, 3), round(one.high, 3), one.edits]
                    for kind, one in by.items()
                },
            }
            for name, by in sorted(learned.areas.items(), key=lambda one: -abs(one[1]["all"].value - 0.5))
        ],
        "weights": dict(zip(score.names, (round(one, 3) for one in score.weights), strict=False)),
        "bins": [one.model_dump() for one in score.bins],
        "goals": [asdict(one) for one in goals(chosen)],
        "chosen": {
            "auto": asdict(chosen.auto),
            "fixed": [chosen.fixed[0], asdict(chosen.fixed[1])],
            "single": asdict(chosen.single),
            "oracle": asdict(chosen.oracle),
            "doubted": None if chosen.doubted is None else asdict(chosen.doubted),
            "caught": None if chosen.caught is None else asdict(chosen.caught),
            "cost": round(chosen.cost, 2),
            "by_type": {
                kind: [asdict(ours), title, asdict(one)]
                for kind, (ours, title, one) in chosen.by_type.items()
            },
        },
    }
    return json.dumps(data, indent=1) + "\n"

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.kit import overpaint

from overpaint.bench.learning import LEARNED, SAME, Learned, edits, learn, markdown
from overpaint.choosing.score import Score
from overpaint.choosing.signals import SIGNALS
from overpaint.errors import UsageError


def lines(cases: int = 60, model: str = "m", seed: int = 0) -> list[dict[str, Any]]:
    """Edits of which those came off whose ``belief`` is high, mostly; two edits a case."""
    rng, made = np.random.default_rng(seed), list[dict[str, Any]]()
    for n in range(cases):
        for method in ("p2p", "ddim"):
            told = dict(zip(SIGNALS, rng.normal(size=len(SIGNALS)), strict=True))
            came = bool(told["belief"] + 0.4 * rng.normal() > 0)
            kind = ("colour", "object")[n % 2]
            figures = {"success": came, "clip": float(rng.normal())}
            line: dict[str, Any] = {"case": f"{kind}-{n // 2:02d}", "type": kind, "method": method}
            line |= {"inversion": "", "said": {}, "options": {}, "gifts": [], "reference": False}
            line |= {"code": "c", "model": model, "format": 1, "signals": told, "figures": figures}
            made.append(line)
    return made


@cache
def known() -> Learned:
    """What is learned of them, which takes seconds."""
    return learn(lines())


def test_what_decides_is_found_and_what_does_not_is_worth_nothing() -> None:
    learned = known()
    decisive, idle = learned.areas["belief"]["all"], learned.areas["natural"]["all"]
    assert decisive.value > 0.9 and learned.areas[LEARNED]["all"].value > 0.85
    assert decisive.low < decisive.value < decisive.high and idle.low < 0.5 < idle.high
    assert set(learned.areas["belief"]) == {"all", SAME, "colour", "object"}
    of_type = learned.areas["belief"]["colour"]
    shown = markdown(learned)
    assert f"({of_type.low:.2f}-{of_type.high:.2f})" in shown and "| colour (95 %) |" in shown
    weights = dict(zip(learned.score.names, learned.score.weights[:-1], strict=True))
    assert max(weights, key=lambda name: abs(weights[name])) == "belief" and weights["belief"] > 0


def test_halves_share_no_case_and_chances_follow_what_came() -> None:
    found = edits(lines())
    assert {e.case for e in found if e.half}.isdisjoint({e.case for e in found if not e.half})
    score = known().score
    assert score.cases == sum(one.cases for one in score.bins) == 120
    said, came = ([getattr(one, name) for one in score.bins] for name in ("said", "came"))
    assert said == sorted(said) and np.corrcoef(said, came)[0, 1] > 0.8


def test_references_failures_and_edits_without_signals_teach_nothing() -> None:
    odd = lines(4)
    odd[0]["reference"], odd[1]["error"], odd[2]["signals"] = True, "It failed.", {}
    assert len(edits(odd)) == 5


@pytest.mark.parametrize(
    ("given", "sentence"),
    [(lines(10), "make at least"), ([*lines(), *lines(model="n")], "of several models")],
)
def test_what_cannot_be_learned_from(given: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        learn(given)


def test_what_signals_were_found_by_is_kept_and_is_one_thing() -> None:
    told = [{**line, "telling": "t"} for line in lines()]
    assert (learn(told).score.telling, known().score.telling) == ("t", "")
    told[0]["telling"] = "u"
    with pytest.raises(UsageError, match="find them anew with: overpaint bench signals"):
        learn(told)


def test_the_command_writes_the_score_and_prints_what_signals_are_worth(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines()))
    said = overpaint("bench", "learn", tmp_path)
    assert said.code == 0, said.err
    assert said.out.startswith(markdown(known())) and "| belief |" in said.out
    score = Score.model_validate_json((tmp_path / "score.json").read_text())
    assert score == known().score
    assert overpaint("bench", "learn", tmp_path, "-o", tmp_path).code == 2
    assert overpaint("bench", "learn", tmp_path / "none").code == 2

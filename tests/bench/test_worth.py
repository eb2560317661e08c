import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.bench.kit import docs_hook
from tests.bench.test_portfolio import lines

from overpaint.bench.learning import learn
from overpaint.bench.portfolio import goals, learn_choices
from overpaint.bench.table import Mean
from overpaint.bench.worth import as_text
from overpaint.choosing import choices
from overpaint.choosing import score as scores

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = docs_hook("trusted")
    monkeypatch.setattr(module, "KEPT", tmp_path / "worth.json")
    return module


def test_the_page_is_drawn_from_what_was_learned(hook: ModuleType, tmp_path: Path) -> None:
    found = learn_choices(lines())
    (tmp_path / "worth.json").write_text(as_text(learn(lines()), found))
    page: Any = SimpleNamespace(file=SimpleNamespace(src_uri="trusted-scores.md"))
    text = (DOCS / "trusted-scores.md").read_text()
    shown = hook.on_page_markdown(text, page=page, config=None, files=None)
    assert "<!-- learned" not in shown and "240 edits of 80 cases" in shown
    assert "`belief`" in shown and f"{found.auto.value:.2f} ({found.auto.low:.2f}" in shown
    assert f"{found.by_type['colour'][0].low:.2f} to {found.by_type['colour'][0].high:.2f}" in shown
    assert shown.count("<circle") == 8 and shown.count("| yes |") == sum(goal.met for goal in goals(found))
    assert hook.on_page_markdown("no marks", page=page, config=None, files=None) == "no marks"


def test_areas_by_type_have_intervals_in_tables_that_can_be_read(hook: ModuleType) -> None:
    types = [f"type{k}" for k in range(7)]
    areas = {"all": [0.8, 0.7, 0.9, 9], **{kind: [0.61, 0.5, 0.714, 9] for kind in types}}
    shown = list(hook.types({"signals": [{"name": "belief", "areas": areas}]}))
    heads = [one.splitlines()[0] for one in shown if "---" in one]
    assert heads == ["| score | type0 | type1 | type2 | type3 | type4 |", "| score | type5 | type6 |"]
    rows = [one for one in shown if one.startswith("| `belief`")]
    assert len(rows) == 2 and "".join(rows).count(" 0.61 (0.50-0.71) |") == 7


def test_the_page_and_what_is_shipped_were_made_together() -> None:
    kept = json.loads((DOCS / "trusted-scores.json").read_text())
    known, score = choices.shipped(), scores.shipped()
    assert known is not None and score is not None and known.model == score.model
    assert (kept["cases"], kept["edits"]) == (known.cases, score.cases)
    assert kept["bins"] == [one.model_dump() for one in score.bins]
    weights = dict(zip(score.names, score.weights, strict=False))
    assert kept["weights"] == {name: round(one, 3) for name, one in weights.items()}


def test_goals_are_met_or_not_as_figures_say() -> None:
    found, sure = learn_choices(lines()), partial(Mean, low=0.0, high=1.0, cases=80)
    poor = replace(found, auto=sure(0.5), fixed=("p2p", sure(0.6)), oracle=sure(0.9), cost=3.5)
    poor = replace(poor, by_type={"pose": (sure(0.4), "p2p", sure(0.5))})
    assert [goal.met for goal in goals(poor)] == [False] * 5, goals(poor)
    assert goals(poor)[2].found == "pose" and goals(poor)[3].found == "-33%"
    title, fixed = "p2p", Mean(0.6, 0.5, 0.7, 80)
    good = replace(
        poor, auto=sure(0.9), fixed=(title, fixed), cost=2.0, by_type={"pose": (fixed, title, fixed)}
    )
    assert [goal.met for goal in goals(good)] == [True] * 5

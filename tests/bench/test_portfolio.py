import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.kit import overpaint

from overpaint.bench.portfolio import LOST, Portfolio, learn_choices, markdown
from overpaint.bench.results import row_key
from overpaint.choosing.choices import Choices
from overpaint.choosing.signals import SIGNALS
from overpaint.errors import UsageError

GOOD_AT = {"p2p": {"colour"}, "ddim": {"object"}, "sdedit": {"colour"}}


def lines(cases: int = 80, telling: float = 3.0) -> list[dict[str, Any]]:
    """Each method is good at a type, half as often at the other; ``belief`` tells what came off."""
    rng, made = np.random.default_rng(0), list[dict[str, Any]]()
    for n in range(cases):
        kind = ("colour", "object")[n % 2]
        for method, good in GOOD_AT.items():
            came = bool(rng.random() < (0.8 if kind in good else 0.2))
            told = dict(zip(SIGNALS, rng.normal(size=len(SIGNALS)), strict=True))
            told["belief"] += telling * came
            figures = {"success": came, "seconds": 2.0, "rows": 20000}
            line: dict[str, Any] = {"case": f"{kind}-{n // 2:02d}", "type": kind, "method": method}
            walked = "direct" if method == "p2p" else ""
            line |= {"inversion": walked, "said": {}, "options": {"inversion": walked} if walked else {}}
            line |= {"gifts": [], "reference": False, "code": "c", "model": "m", "format": 1}
            made.append({**line, "signals": told, "figures": figures})
    return made


@cache
def known() -> Portfolio:
    """What is learned of them, which takes seconds."""
    return learn_choices(lines())


def test_each_type_gets_what_is_good_at_it_and_then_what_adds_to_it() -> None:
    found = learn_choices(lines(cases=200))
    first = {kind: [one.method for one in tried] for kind, tried in found.choices.by.items()}
    assert first["object"][0] == "ddim" and {*first["colour"][:2]} == {"p2p", "sdedit"}
    assert next(one for one in found.choices.by["colour"] if one.method == "p2p").said == {
        "inversion": "direct"
    }
    assert found.choices.by["object"][0].came > 0.6 and found.choices.by["object"][0].cases == 100


def test_what_signals_were_found_by_is_kept() -> None:
    assert learn_choices([{**line, "telling": "t"} for line in lines()]).choices.telling == "t"


def test_of_few_cases_a_type_all_types_decide() -> None:
    made = lines(cases=12)
    by_type = {tuple(one.method for one in tried) for tried in learn_choices(made).choices.by.values()}
    assert len(by_type) == 1


def test_choosing_beats_the_best_single_method_where_edits_can_be_told() -> None:
    found = known()
    assert found.auto.value > found.fixed[1].high and found.auto.value > found.single.value
    assert found.oracle.value >= found.auto.value and 1 <= found.cost <= 3
    blind = learn_choices(lines(telling=0.0))
    assert blind.auto.value < found.auto.value and blind.cost <= 3


def test_taking_the_likest_is_learned_where_that_does_better() -> None:
    made = lines(telling=0.0)
    rows = {line["method"]: row_key(line) for line in made}
    came = {(line["case"], line["method"]): line["figures"]["success"] for line in made}
    known = {
        case: {
            (rows[a], rows[b]): float(a != b) * (3 - came[case, a] - came[case, b])
            for a in rows
            for b in rows
        }
        for case in {line["case"] for line in made}
    }
    alone, both = learn_choices(made), learn_choices(made, known)
    assert both.choices.together and not alone.choices.together and both.choices.early is None
    assert both.auto.value > alone.auto.value + 0.05 and both.cost == pytest.approx(3, rel=0.01)
    assert {tuple(one.method for one in tried) for tried in both.choices.by.values()} == {
        tuple(one.method for one in both.choices.by["object"])
    }
    told = learn_choices(lines(), {case: dict.fromkeys(there, 0.0) for case, there in known.items()})
    assert not told.choices.together, "where the score tells, one after another does better"


def test_an_early_look_saves_time_and_loses_few() -> None:
    def looked(tells: float) -> list[dict[str, Any]]:
        made = lines()
        for line in made:
            early = tells * line["figures"]["success"] - 0.01 * int(line["case"][-2:])
            line["signals"]["early_focus"] = early
        return made

    found, told, told_nothing = map(learn_choices, (lines(), looked(3.0), looked(0.0)))
    assert found.choices.early is None and told.choices.early is not None and 2 < told.choices.early < 3
    assert told.cost < found.cost and told.auto.value > found.auto.value - 0.05
    assert told_nothing.auto.value > found.auto.value - 0.05
    assert told_nothing.cost <= found.cost + LOST, "one in twenty is given up in vain"


def test_what_could_not_be_made_did_not_come_off_and_what_is_missing_does_not_count() -> None:
    odd = lines()
    for line in odd:
        if line["method"] == "ddim":
            line["error"] = "It failed."
    found = learn_choices(odd)
    assert found.choices.by["object"][0].method != "ddim"
    part = [line for line in lines() if line["method"] != "ddim" or line["case"] != "object-00"]
    assert {one.method for tried in learn_choices(part).choices.by.values() for one in tried} == {
        "p2p",
        "sdedit",
    }
    with pytest.raises(UsageError, match="measure several"):
        learn_choices([line for line in lines() if line["method"] == "p2p"])


def test_the_command_writes_both(tmp_path: Path) -> None:
    made = lines()
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in made))
    said = overpaint("bench", "learn", tmp_path, "-o", tmp_path / "learned")
    assert said.code == 0 and markdown(known()) in said.out, said.err
    text = (tmp_path / "learned" / "choices.json").read_text()
    assert Choices.model_validate_json(text) == known().choices
    again = overpaint("bench", "learn", tmp_path, "-o", tmp_path / "learned")
    assert again.code == 2 and "--force" in again.err

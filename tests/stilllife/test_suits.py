import json
from typing import Any, get_args

import pytest

from overpaint.methods.p2p import PromptToPrompt
from overpaint.run.asked import Asked
from overpaint.run.loading import load
from overpaint.run.resolve import resolve
from overpaint.stilllife.suits import FILE, P2P, as_text, habits


def test_the_shipped_folder_says_it() -> None:
    assert FILE.read_text(encoding="utf-8") == as_text()
    model = load("still-life")
    assert model.guidance == habits()["guidance"]
    assert model.suits.edits == {"p2p": P2P}
    assert model.suits.words["turquoise"] == "colour"


@pytest.mark.parametrize("kind", P2P)
def test_every_suggestion_is_one_that_the_method_takes(kind: str) -> None:
    made = resolve(PromptToPrompt, P2P[kind], {}, "a test").model_dump()
    suggested: dict[str, Any] = json.loads(json.dumps(P2P[kind]))
    wanted: dict[str, Any] = suggested.pop("inversion")
    assert {name: made[name] for name in suggested} == suggested
    assert {part: made["inversion"][part] for part in wanted} == wanted


def test_every_kind_of_difference_has_one() -> None:
    assert set(get_args(Asked)) <= set(P2P)

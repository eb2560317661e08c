import json
from typing import get_args

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
    for name, wanted in json.loads(json.dumps(P2P[kind])).items():
        found = made[name]
        assert ({part: found[part] for part in wanted} if isinstance(wanted, dict) else found) == wanted


def test_every_kind_of_difference_has_one() -> None:
    assert set(get_args(Asked)) <= set(P2P)

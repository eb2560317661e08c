import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from overpaint.method import Method
from overpaint.methods.blended_diffusion import BlendedDiffusion
from overpaint.methods.imagic import Imagic
from overpaint.methods.p2p import PromptToPrompt
from overpaint.methods.pix2pix_zero import Pix2PixZero
from overpaint.methods.sdedit import SDEdit
from overpaint.methods.text2live import Text2LIVE
from overpaint.run.asked import Asked
from overpaint.run.loading import load
from overpaint.run.resolve import resolve
from overpaint.stilllife.suits import (
    BLENDED,
    CYCLE,
    FILE,
    IMAGIC,
    LIVE,
    P2P,
    SDEDIT,
    ZERO,
    as_text,
    habits,
)
from overpaint.stilllife.templates import templates


def test_the_shipped_folder_says_it() -> None:
    assert FILE.read_text(encoding="utf-8") == as_text()
    model = load("still-life")
    assert model.guidance == habits()["guidance"]
    own = {"p2p": P2P, "pix2pix-zero": ZERO, "text2live": LIVE}
    alike = {"cyclenet": CYCLE, "sdedit": SDEDIT, "imagic": IMAGIC}
    alike |= {"blended-diffusion": BLENDED}
    assert model.suits.edits == {**own, **{name: dict.fromkeys(P2P, one) for name, one in alike.items()}}
    assert model.suits.words["turquoise"] == "colour"
    assert model.suits.sentences == templates()


@pytest.mark.parametrize(("method", "suggested"), [(SDEdit, SDEDIT), (BlendedDiffusion, BLENDED)])
def test_a_suggestion_for_all_edits_is_one_that_the_method_takes(
    method: type[Method], suggested: Mapping[str, Any]
) -> None:
    made = resolve(method, suggested, {}, "a test").model_dump()
    assert {name: made[name] for name in suggested} == suggested and made["tuned"] == "auto"


def test_imagic_takes_what_is_suggested_for_it_and_its_learning() -> None:
    method = resolve(Imagic, IMAGIC, {}, "a test")
    learning = method.learning
    assert method.eta == IMAGIC["eta"]
    assert {name: getattr(learning, name) for name in IMAGIC["learning"]} == IMAGIC["learning"]
    assert learning.pace == IMAGIC["learning"]["rate"]


@pytest.mark.parametrize("kind", P2P)
def test_every_suggestion_is_one_that_the_method_takes(kind: str) -> None:
    for method, table in ((PromptToPrompt, P2P), (Pix2PixZero, ZERO)):
        made = resolve(method, table[kind], {}, "a test").model_dump()
        suggested: dict[str, Any] = json.loads(json.dumps(table[kind]))
        wanted: dict[str, Any] = suggested.pop("inversion")
        assert {name: made[name] for name in suggested} == suggested
        assert {part: made["inversion"][part] for part in wanted} == wanted
    learning = resolve(Text2LIVE, LIVE[kind], {}, "a test").learning.model_dump()
    assert {name: learning[name] for name in LIVE[kind]["learning"]} == LIVE[kind]["learning"]


def test_every_kind_of_difference_has_one() -> None:
    assert set(get_args(Asked)) <= set(P2P)

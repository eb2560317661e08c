import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.kit import shared
from tests.test_api import SOURCE, TARGET, edited, same, smooth

from overpaint.api import edit, generate, invert, rerun
from overpaint.errors import UsageError
from overpaint.images import load_picture
from overpaint.images.recipe import KEY
from overpaint.inversions import DDIM, Direct, Recorded
from overpaint.meter import Meter


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "cat.png"
    return generate(SOURCE, model=shared(), seed=5, steps=3, guidance=3.0).save(path)


RECORDED = {"name": "recorded", "seed": 5, "guidance": 3.0, "steps": 3, "pinned": False}


@pytest.mark.parametrize(
    ("more", "inversion"),
    [
        ({"inversion": "recorded"}, RECORDED),
        ({"inversion": "recorded", "steps": 3}, RECORDED),
        ({"inversion": "recorded", "inversion.pinned": True}, {**RECORDED, "pinned": True}),
        ({"inversion": "recorded", "inversion.seed": 8}, {**RECORDED, "seed": 8}),
    ],
)
def test_the_recorded_walk_asked_for_by_name_is_that_of_the_recipe(
    generated: Path, more: dict[str, Any], inversion: dict[str, Any]
) -> None:
    options = edit(generated, target=TARGET, model=shared(), **more).recipe.options
    assert options["inversion"] == inversion
    assert (options["steps"], options["guidance"]) == (3, 3.0)


@pytest.mark.parametrize(
    ("inversion", "sentence"),
    [
        ({"name": "recorded", "seed": 5, "steps": 3}, "edit it with 3 steps instead of 2"),
        ({"name": "style", "picture": "clip"}, "has no image tower of CLIP"),
        ({"name": "regularised", "grid": "official"}, "leave out two of 2 steps"),
    ],
)
def test_what_an_inversion_refuses_is_said_before_prompts_are_compared(
    inversion: dict[str, Any], sentence: str
) -> None:
    meter, asked = Meter(), {"source": SOURCE, "target": TARGET, "steps": 2, "blend_disagreement": 0.2}
    with pytest.raises(UsageError, match=sentence):
        edit(smooth(), model=shared(), inversion=inversion, meter=meter, **dict[str, Any](asked))
    assert meter.calls == 0


def test_the_recorded_walk_by_name_is_the_one_that_is_taken_by_itself(generated: Path) -> None:
    itself, named = (
        edit(generated, target=TARGET, model=shared(), **dict[str, Any](more))
        for more in ({}, {"inversion": "recorded"})
    )
    assert torch.equal(itself.latent, named.latent)
    back = invert(generated, model=shared(), inversion="recorded").picture.rgb.astype(int)
    assert np.abs(back - load_picture(generated).rgb).max() <= 1
    assert invert(generated, model=shared(), steps=1).recipe.options["inversion"] == DDIM().model_dump()


@pytest.mark.parametrize("more", [{}, {"inversion.guidance": 2}, {"inversion.steps": 2}])
@pytest.mark.parametrize("what", ["drawn", "changed", "another prompt"])
def test_a_recorded_walk_that_nothing_tells_of_is_refused(
    generated: Path, what: str, more: dict[str, Any]
) -> None:
    picture = smooth() if what == "drawn" else load_picture(generated)
    if what == "changed":
        picture = replace(picture, rgb=255 - picture.rgb)
    prompt, meter = "a photo of a tiger" if what == "another prompt" else SOURCE, Meter()
    with pytest.raises(UsageError, match=r"'recorded' starts from .* 'inversion.seed'\.$") as error:
        edited(picture, source=prompt, inversion="recorded", meter=meter, **more)
    assert str(error.value).count(". ") == 0 and meter.calls == 0


@pytest.mark.parametrize(
    "more", [{"inversion": "recorded", "inversion.seed": 5}, {"inversion": Recorded(seed=5)}]
)
def test_a_seed_given_by_hand_is_taken_at_its_word(more: dict[str, Any], tmp_path: Path) -> None:
    result = edited(**more)
    inversion: Any = result.recipe.options["inversion"]
    assert (inversion["name"], inversion["seed"], inversion["guidance"]) == ("recorded", 5, 7.5)
    assert same(result, rerun(result.save(tmp_path / "a.png"), model=shared()))


def test_other_steps_than_those_of_the_recorded_walk_are_refused(generated: Path) -> None:
    meter = Meter()
    with pytest.raises(UsageError, match="generated in 3 steps"):
        edit(generated, target=TARGET, model=shared(), inversion="recorded", steps=2, meter=meter)
    assert meter.calls == 0


@pytest.mark.parametrize("method", ["p2p", "ddim"])
@pytest.mark.parametrize("pinned", [False, True])
def test_the_report_says_that_a_picture_s_own_noise_is_exact(
    generated: Path, method: str, pinned: bool
) -> None:
    named: dict[str, Any] = {"inversion": "recorded", "inversion.pinned": pinned}
    result = edit(generated, target=TARGET, model=shared(), method=method, **named)
    assert (result.figures.quality, result.figures.strayed) == ("exact", None)
    assert "very noise it was generated from" in str(result.figures.reconstruction)
    assert result.warnings == ()
    named["inversion.seed"] = 9
    other = edit(generated, target=TARGET, model=shared(), method=method, **named)
    assert other.figures.quality == "not measured"
    assert "Nothing tells whether" in str(other.figures.reconstruction)


def test_the_report_says_why_the_quality_of_an_inversion_was_not_measured() -> None:
    figures = edited(method="ddim").figures
    assert (figures.quality, figures.strayed) == ("not measured", None)
    assert "'overpaint invert' does" in str(figures.reconstruction)
    assert figures.rows == 2 + 2 * 2, "it costs no row"
    none = edited(method="sdedit").figures
    assert (none.quality, none.reconstruction) == (None, None)
    measured = edited().figures
    assert measured.strayed is not None and "The inversion reconstructs" in str(measured.reconstruction)


def test_no_poor_inversion_is_told_to_try_the_one_that_hides_it() -> None:
    told = {name: " ".join(edited(inversion=name).warnings) for name in ("direct", "ddim")}
    assert {name: "try the inversion 'direct'" in words for name, words in told.items()} == {
        "direct": False,
        "ddim": False,
    }


@pytest.mark.parametrize("part", ["steps", "guidance", "seed"])
@pytest.mark.parametrize("value", [None, "many"])
def test_a_recipe_that_lacks_a_part_of_the_walk_is_not_gone_on_from(
    generated: Path, part: str, value: str | None
) -> None:
    picture = load_picture(generated)
    told: Any = json.loads(picture.info.text[KEY])
    where = told["request"] if part == "seed" else told["options"]
    del where[part]
    if value is not None:
        where[part] = value
    text = {**picture.info.text, KEY: json.dumps(told)}
    picture = replace(picture, info=replace(picture.info, text=text))
    result = edit(picture, target=TARGET, model=shared(), steps=2)
    assert result.recipe.options["inversion"] == Direct().model_dump()
    with pytest.raises(UsageError, match="not known to be"):
        edit(picture, target=TARGET, model=shared(), inversion="recorded")

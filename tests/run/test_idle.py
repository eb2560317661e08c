"""What would have no effect is refused or said: walks of no step, walks dropped, seeds of nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.kit import SOURCE, TARGET, overpaint, save_picture
from tests.kit import shared
from tests.test_api import smooth

from overpaint import registry
from overpaint.api import edit, generate, rerun
from overpaint.card import Need
from overpaint.errors import UsageError
from overpaint.families.tiny import tiny
from overpaint.images import load_picture
from overpaint.inversions import NegativePrompt
from overpaint.meter import Meter
from overpaint.options import Options
from overpaint.run.result import Edit
from overpaint.run.settings import Setting, settings_of


def shares(settings: dict[str, Setting]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every option that is a share, those of components too, with the component it belongs to."""
    for name, one in settings.items():
        if one.kind == "number" and one.bounds.endswith("to 1"):
            yield name, {}
        for part, inner in one.parts.items():
            quick = {f"{name}.inner": 1} if "inner" in inner else {}  # one round of what is tuned
            for which, setting in inner.items():
                if setting.kind == "number" and setting.bounds.endswith("to 1"):
                    yield f"{name}.{which}", {name: part, **quick} if part else {}


def cases() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Every share of every method, and those of each component under the first method that takes it."""
    seen = set[tuple[str, str]]()
    for name in registry.METHODS:
        for option, named in shares(settings_of(registry.find(name).model_json_schema())):
            if (option, str(named)) not in seen or not named:
                seen.add((option, str(named)))
                yield name, option, named


SHARES = list(cases())


@pytest.mark.sample(12)
@pytest.mark.parametrize(("method", "option", "named"), SHARES, ids=lambda one: str(one))
@pytest.mark.parametrize("share", [0, 1])
def test_an_edit_that_would_walk_no_step_is_refused_whatever_the_option(
    method: str, option: str, named: dict[str, str], share: int
) -> None:
    kind, meter = registry.find(method), Meter()
    asked: dict[str, Any] = {**kind.card.trial, "steps": 2, **named, option: share}
    if method == "generate":
        pytest.skip("edits no picture")
    if Need.MASK in kind.card.needs:
        asked["mask"] = (smooth().rgb[..., 0] > 100) | (smooth().rgb[..., 1] > 100)
    try:
        made = edit(
            smooth(), source=SOURCE, target=TARGET, method=method, model=shared(), meter=meter, **asked
        )
    except UsageError:
        assert meter.calls == 0
        return
    assert made.figures.calls > 0 or made.figures.updates > 0


@pytest.mark.parametrize(
    ("more", "remedy"),
    [
        (("--method", "sdedit", "--steps", "3", "--strength", "0.3"), "larger strength, or more steps"),
        (("--method", "sdedit", "--strength", "0"), "larger strength"),
        (("--method", "diffedit", "--steps", "1", "--ratio", "0.5"), "larger ratio"),
        (("--method", "edit-friendly", "--inversion.skip", "1"), "skip fewer"),
    ],
)
def test_less_than_a_step_is_a_sentence_and_writes_nothing(
    more: tuple[str, ...], remedy: str, tmp_path: Path
) -> None:
    picture, out = save_picture(tmp_path / "cat.png"), tmp_path / "x.png"
    said = overpaint("edit", picture, "--source", SOURCE, "--target", TARGET, *more, "-o", out)
    assert said.code == 2 and said.err.count("\n") == 1 and remedy in said.err
    assert not out.exists() and "Wrote" not in said.out


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "cat.png"
    return generate(SOURCE, model=shared(), seed=5, steps=3, guidance=3.0).save(path)


def of(picture: Any, **more: Any) -> Edit:
    asked: dict[str, Any] = {"target": TARGET, "model": shared(), **more}
    return edit(picture, **asked)


def test_a_walk_of_its_own_that_is_dropped_is_said_with_the_reason(generated: Path) -> None:
    for more, why in (
        ({"steps": 2}, "it was generated in 3 steps, not 2; leave the steps out to go on"),
        ({"steps": "2"}, "in 3 steps, not 2"),
        ({"source": "a photo of a tiger"}, "the source prompt is not the one it was generated from"),
    ):
        (said,) = [one for one in of(generated, **more).warnings if "inverted" in one]
        assert said.startswith("The picture is inverted, as ") and why in said


def test_another_model_than_the_one_that_generated_a_picture_is_said(generated: Path) -> None:
    other = tiny("sd1")
    with torch.no_grad():
        next(iter(other.net.parameters())).mul_(2)
    (said,) = [one for one in of(generated, model=other, steps=1).warnings if "inverted" in one]
    assert "another model" in said


@pytest.mark.parametrize("more", [{}, {"steps": 3}, {"steps": "3.0"}, {"inversion": "ddim", "steps": 2}])
def test_who_goes_on_from_it_or_asked_for_another_is_told_nothing(
    generated: Path, more: dict[str, Any]
) -> None:
    assert not [one for one in of(generated, **more).warnings if "is inverted" in one]


def test_a_rerun_of_an_edit_from_the_own_noise_is_as_exact(generated: Path, tmp_path: Path) -> None:
    first = of(generated)
    again = rerun(first.save(tmp_path / "edit.png"), model=shared())
    once_more = rerun(again.save(tmp_path / "again.png"), model=shared())
    for one in (first, again, once_more):
        assert (one.figures.quality, one.recipe) == ("exact", first.recipe)


def test_a_recipe_holds_no_more_than_one_recipe_inside(generated: Path, tmp_path: Path) -> None:
    picture: Any = generated
    for k in range(3):
        picture = of(picture, steps=3, target=f"a photo of {k} dogs").save(tmp_path / f"{k}.png")
        source = load_picture(picture).info.text["overpaint"]
        assert source.count('"command"') == 1
    assert generate(SOURCE, model=shared(), steps=1).recipe.source is None


def test_a_rerun_does_not_call_exact_what_nothing_proves(generated: Path, tmp_path: Path) -> None:
    changed = load_picture(generated)
    pixels = changed.rgb.copy()
    pixels[0, 0] ^= 1
    named = {"inversion": "recorded", "inversion.seed": 5, "inversion.guidance": 3, "steps": 3}
    first = of(replace(changed, rgb=pixels), **named)
    assert first.figures.quality == "not measured"
    assert rerun(first.save(tmp_path / "a.png"), model=shared()).figures.quality == "not measured"


SEED = "The seed 7 changes nothing: with these options 'p2p' draws nothing at random."


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, True),
        ({"inversion": "edit-friendly"}, False),
        ({"blend_disagreement": 0.5}, False),
        ({"method": "sdedit"}, False),
        ({"seed": 0}, False),
    ],
)
def test_a_seed_that_does_nothing_is_said(more: dict[str, Any], said: bool) -> None:
    asked: dict[str, Any] = {"source": SOURCE, "target": TARGET, "seed": 7, "steps": 2, "model": shared()}
    assert (SEED in edit(smooth(), **{**asked, **more}).warnings) == said


def test_a_seed_that_does_nothing_is_said_at_the_terminal(tmp_path: Path) -> None:
    picture = save_picture(tmp_path / "cat.png")
    prompts = ("--source", SOURCE, "--target", TARGET, "--steps", "1", "--tuned", "published")
    said = overpaint("edit", picture, *prompts, "--seed", "7")
    assert said.code == 0 and f"Warning: {SEED}\n" in said.err
    assert "seed" not in overpaint("edit", picture, *prompts, "--overwrite").err


def test_who_chose_an_option_is_shown_by_name(tmp_path: Path) -> None:
    own = edit(save_picture(tmp_path / "cat.png"), source=SOURCE, target=TARGET, steps=1, guidance=4)
    cat, dog = tmp_path / "own.png", tmp_path / "dog.png"
    assert "guidance = 4 (usually 7.5)" in overpaint("show", own.save(cat)).out
    made = generate("a red ball on grass", steps=2, seed=1).save(tmp_path / "ball.png")
    assert "guidance = 3 (the model's own; usually 7.5)" in overpaint("show", made).out
    edit(made, target="a blue ball on grass").save(dog)
    told = overpaint("show", dog).out
    assert "steps = 2 (the picture's own; usually 50)" in told
    assert "inversion = recorded (the picture's own; usually direct)" in told
    assert "(the model's suggestion for such prompts; usually" in told
    assert overpaint("show", dog, "--json").figures["changed"]["steps"]["from"] == "picture"
    again = rerun(dog)
    assert again.recipe.chosen["steps"] == "picture"


@pytest.mark.parametrize(
    ("method", "said", "lacks"),
    [
        ("p2p", {"blend_threshold": 0.5}, "blend"),
        ("p2p", {"blend_start": 0.5}, "blend"),
        ("p2p", {"inversion": "negative-prompt", "inversion.quantile": 0.5}, "inversion.proximal"),
        ("style-diffusion", {"blend_threshold": 0.5}, "blend"),
        ("infedit", {"stay_threshold": 0.5}, "stay"),
        ("masactrl", {"threshold": 0.5}, "thing"),
        ("pnp", {"fade": {"alpha": 0.5}}, "negative"),
        ("pnp", {"negative": "a red cat", "fade.schedule": "linear"}, "fade.alpha"),
    ],
)
def test_an_option_without_the_one_beside_which_it_acts_is_refused(
    method: str, said: dict[str, Any], lacks: str
) -> None:
    option, meter = list(said)[-1], Meter()
    with pytest.raises(UsageError, match=f"'{option}' acts only beside '{lacks}'"):
        edit(smooth(), source=SOURCE, target=TARGET, method=method, model=shared(), meter=meter, **said)
    assert meter.calls == 0


def test_an_option_that_acts_beside_another_may_be_given_at_its_default() -> None:
    """As recipes do, and forms."""
    made = edit(smooth(), source=SOURCE, target=TARGET, model=shared(), steps=2, blend_threshold=0.3)
    assert made.figures.calls > 0


def test_every_option_that_acts_beside_another_is_one_of_its_own_kind() -> None:
    kinds: list[type[Options]] = [registry.find(name) for name in registry.METHODS]
    named = {kind: {*kind.only_with, *kind.only_with.values()} for kind in (*kinds, NegativePrompt)}
    assert sum(map(bool, named.values())) > 4
    assert all(names <= set(kind.model_fields) for kind, names in named.items())

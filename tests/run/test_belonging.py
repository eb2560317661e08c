"""Options that are not there, at every door: whose they are, or which one was meant."""

import inspect
import re
from typing import Any

import pytest
from tests.cli.kit import SOURCE, TARGET, overpaint
from tests.kit import shared
from tests.test_api import smooth

from overpaint import registry
from overpaint.api import edit, generate, invert
from overpaint.errors import UsageError
from overpaint.meter import Meter
from overpaint.methods.auto import Auto
from overpaint.run import belonging
from overpaint.run.belonging import CHOOSING, FRAMING, LOADING, hint, methods
from overpaint.run.loading import load
from overpaint.run.settings import Setting, settings_of


def says(told: str, words: str) -> bool:
    """Whether the words stand there in their order; three dots are what else is said, such as owners."""
    return re.search(".*".join(map(re.escape, words.split(" ... "))), told) is not None


def refused(**more: Any) -> str:
    given: dict[str, Any] = {"source": SOURCE, "target": TARGET, "model": shared(), "meter": Meter(), **more}
    with pytest.raises(UsageError) as error:
        edit(smooth(), **given)
    assert given["meter"].calls == 0 and "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"strength": 0.5},
            "no option 'strength' for the method 'p2p'; it belongs to the method ... 'sdedit'",
        ),
        ({"strenght": 0.5}, "did you mean 'strength' of the method ... 'sdedit'"),
        ({"stesp": 4}, "did you mean 'steps'?"),
        ({"concept": "+hat:3"}, "it belongs to the methods "),
        ({"inner": 4}, "to the inversion ... 'null-text' ... as 'inversion.inner'"),
        (
            {"inversion.inner": 4},
            "'inner' for inversion 'direct'; it belongs to the inversion ... 'null-text'",
        ),
        ({"options": {"inversion.pinend": 1, "inversion": "recorded"}}, "did you mean 'pinned'?"),
        ({"device": "cuda"}, "it belongs to the model: overpaint.load(..., device=...)"),
        ({"method": "sdedit", "cross_replace": 0.4}, "it belongs to the method ... 'p2p'"),
        ({"method": "blended-latent", "samples": 0}, "'samples' must be"),
        ({"method": "ddim", "samples": 2}, "it belongs to the method ... 'blended-latent'"),
        ({"wholly": 1}, "there are: steps, guidance"),
    ],
)
def test_an_option_that_is_not_there_is_answered_by_its_owner(more: dict[str, Any], sentence: str) -> None:
    assert says(refused(**more), sentence)


def test_what_is_said_of_a_picture_is_not_said_of_a_prompt() -> None:
    with pytest.raises(
        UsageError, match=r"it belongs to overpaint.edit, which has a picture: edit\(..., mask="
    ):
        generate(SOURCE, model=shared(), options={"mask": 1})
    with pytest.raises(UsageError, match=r"belongs to the methods? .*'sdedit'"):
        invert(smooth(), source=SOURCE, model=shared(), options={"strength": 1})


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--strength", "0.5"), "There is no option --strength; it belongs to the method ... 'sdedit'"),
        (("--stesp", "4"), "There is no option --stesp; did you mean --steps?"),
        (("--strenght", "4"), "did you mean 'strength' of the method ... 'sdedit'"),
        (("--inversion.inner", "4"), "it belongs to the inversion ... 'null-text'"),
        (("--inner", "4"), "to the inversion ... 'null-text' ... as 'inversion.inner'"),
        (("--divice", "cpu"), "did you mean --device?"),
        (("--method", "sdedit", "--cross-replace", "1"), "it belongs to the method ... 'p2p'"),
    ],
)
def test_so_it_is_at_the_terminal(more: tuple[str, ...], sentence: str) -> None:
    said = overpaint("edit", "no.png", "--source", SOURCE, "--target", TARGET, *more)
    assert said.code == 2 and said.err.count("\n") == 1 and says(said.err, sentence)


def test_commands_without_a_method_keep_to_their_own_flags() -> None:
    assert overpaint("show", "x.png", "--jsn").err == "There is no option --jsn; did you mean --json?\n"
    assert overpaint("show", "x.png", "--strength").err == "There is no option --strength; see --help.\n"


def test_every_option_of_every_method_is_told_by_its_owner() -> None:
    for name, settings in methods():
        for option in settings:
            for other, own in methods():
                if option not in own:
                    said = hint(option, own)
                    assert "belongs to the " in said or f"{option!r}" in said, (name, option, other)


def test_what_belongs_elsewhere_is_what_those_functions_take() -> None:
    assert set(LOADING) == set(inspect.signature(load).parameters) - {"name"}
    of_both = inspect.signature(generate).parameters
    own = set(inspect.signature(edit).parameters) - set(of_both) - {"image", "method"}
    assert set(FRAMING) == own
    assert not [name for name, settings in methods() if {*LOADING, *FRAMING} & settings.keys()]
    assert registry.METHODS.keys() == {name for name, _ in methods()}


def test_what_chooses_takes_no_options_of_what_it_chooses_among() -> None:
    assert set(Auto.model_fields) == CHOOSING
    own = settings_of(Auto.model_json_schema())
    assert hint("steps", own).startswith("'auto' finds options itself, so choose a method to set it; it ")
    said = overpaint("edit", "x.png", "--method", "auto", "--steps", "9")
    assert said.code == 2 and "choose a method to set it" in said.err and said.err.count("\n") == 1


def test_one_owner_two_and_many(monkeypatch: pytest.MonkeyPatch) -> None:
    one: dict[str, Setting] = {"share": Setting("share", "number")}

    def those(*names: str) -> None:
        monkeypatch.setattr(belonging, "methods", lambda: tuple((name, one) for name in names))

    those("a")
    assert hint("share", {}) == "it belongs to the method 'a'."
    assert hint("shar", {}) == "did you mean 'share' of the method 'a'?"
    those("a", "b")
    assert hint("share", {}) == "it belongs to the methods 'a' and 'b'."
    those("a", "b", "c", "d")
    assert hint("share", {}) == "it belongs to the methods 'a', 'b', 'c' and others."
    own = {"part": Setting("part", "component", parts={"x": one, "y": one, "z": {}})}
    assert hint("part.share", own) == "it belongs to the part 'x' or 'y'."
    those()
    assert hint("share", own) == "it belongs to the part 'x' or 'y' as 'part.share'."
    assert hint("wholly", {}) == "there are none."

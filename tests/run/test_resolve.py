from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import BeforeValidator, Field, model_validator

from overpaint.errors import UsageError
from overpaint.methods.p2p import PromptToPrompt
from overpaint.options import Options
from overpaint.run.resolve import merged, nested, resolve
from overpaint.run.settings import settings_of


def no_spaces(value: Any) -> Any:
    if isinstance(value, str) and "  " in value:
        raise ValueError("is one gap missing?")
    if isinstance(value, str) and " " in value:
        raise ValueError("leave out the spaces")
    return value


class Small(Options):
    name: Literal["small"] = "small"


class Large(Options):
    name: Literal["large"] = "large"
    depth: int = Field(3, ge=1, le=9)


class All(Options):
    steps: int = Field(50, ge=1, le=1000)
    kind: Literal["auto", "swap"] = "auto"
    window: float | tuple[float, float] = 0.8
    word: Annotated[str, BeforeValidator(no_spaces)] = ""
    part: Annotated[Small | Large, Field(discriminator="name")] = Small()

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.steps == 13:
            raise ValueError("thirteen steps bring no luck")
        return self


def settled(**given: Any) -> All:
    return resolve(All, given, {}, "the method 'all'")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"stepz": 3}, "There is no option 'stepz' for the method 'all'; did you mean 'steps'?"),
        ({"steps": 0}, "The option 'steps' must be a whole number from 1 to 1000, not 0."),
        ({"steps": "abc"}, "The option 'steps' must be a whole number from 1 to 1000, not 'abc'."),
        ({"steps": 1.5}, "The option 'steps' must be a whole number from 1 to 1000, not 1.5."),
        ({"steps": "\x1b[31m"}, "not '\\x1b[31m'."),
        ({"steps": "x" * 100}, "not 'xxxxxxxx"),
        ({"kind": "swp"}, "The option 'kind' must be one of auto, swap, not 'swp'."),
        ({"window": "no"}, "must be a number or a stretch such as 0.2:0.6, not 'no'."),
        ({"word": "a b"}, "The option 'word' is wrong: leave out the spaces."),
        ({"word": "two  gaps"}, "The option 'word' is wrong: is one gap missing?"),
        ({"steps": 13}, "Thirteen steps bring no luck."),
        ({"part": "larg"}, "There is no part 'larg'; did you mean 'large'?"),
        ({"part": 3}, "The option 'part' must be the name of a part, not 3."),
        ({"part": "large", "part.depth": 10}, "'depth' must be a whole number from 1 to 9, not 10."),
        ({"part": "large", "part.dept": 1}, "no option 'dept' for part 'large'; did you mean 'depth'?"),
        ({"part.depth": 1}, "There is no option 'depth' for part 'small'; it belongs to the part 'large'."),
    ],
)
def test_every_mistake_is_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        settled(**given)
    assert sentence in str(error.value)
    assert not str(error.value).endswith("?.")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 160


def test_components_by_name_by_values_and_as_objects() -> None:
    large = Large(depth=5)
    assert settled(part="large", **{"part.depth": "5"}).part == large
    assert settled(part={"name": "large", "depth": 5}).part == large
    assert settled(part=large).part == large
    assert settled(part=large, **{"part.depth": 6}).part == Large(depth=6)
    assert settled().part == Small()


def test_a_preset_lies_under_what_the_user_says() -> None:
    preset = {"steps": 7, "part": "large", "part.depth": 4}
    assert resolve(All, {}, preset, "it") == All(steps=7, part=Large(depth=4))
    assert resolve(All, {"steps": 9}, preset, "it") == All(steps=9, part=Large(depth=4))
    assert resolve(All, {"part": "small"}, preset, "it") == All(steps=7, part=Small())
    assert resolve(All, {"part": "large"}, preset, "it").part == Large(depth=4)


def test_nested_and_merged_leave_what_they_were_given() -> None:
    given = {"part.depth": 2, "part": "large"}
    assert nested(given, settings_of(All.model_json_schema())) == {"part": {"name": "large", "depth": 2}}
    assert given == {"part.depth": 2, "part": "large"}
    assert merged({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}


def test_a_real_method_takes_its_options_as_written_on_a_command_line() -> None:
    given = {"reweight": "cat=2, dog=0.5", "cross_replace": "0.2:0.6", "inversion": "null-text"}
    method = resolve(PromptToPrompt, given, {}, "p2p")
    assert method.reweight == {"cat": 2, "dog": 0.5}
    assert method.cross_replace == (0.2, 0.6)
    assert method.inversion.model_dump()["name"] == "null-text"

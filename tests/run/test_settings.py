from typing import Annotated, Literal

import pytest
from pydantic import Field

from overpaint.options import Options
from overpaint.run.settings import settings_of


class Small(Options):
    name: Literal["small"] = "small"


class Large(Options):
    name: Literal["large"] = "large"
    depth: int = Field(default=3, ge=1, description="how deep")


class All(Options):
    steps: int = Field(default=50, ge=1, le=1000, description="how many")
    share: float = Field(default=0.5, gt=0, lt=1)
    open_end: float = Field(default=1.0, ge=0)
    flag: bool = False
    text: str = ""
    kind: Literal["auto", "swap"] = "auto"
    maybe: int | None = None
    window: float | tuple[float, float] = 0.8
    words: dict[str, Annotated[float, Field(ge=-2, le=2)]] = Field(default={})
    part: Annotated[Small | Large, Field(discriminator="name")] = Large()


SETTINGS = settings_of(All.model_json_schema())


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("steps", "integer", "a whole number from 1 to 1000"),
        ("share", "number", "a number above 0 and below 1"),
        ("open_end", "number", "a number of at least 0"),
        ("flag", "boolean", "true or false"),
        ("text", "string", "a text"),
        ("kind", "choice", "one of auto, swap"),
        ("maybe", "integer", "a whole number"),
        ("window", "mixed", "a number or a stretch such as 0.2:0.6"),
        ("words", "object", "values by word, such as 'word=2', from -2 to 2"),
        ("part", "component", "the name of a part"),
    ],
)
def test_every_kind_of_field_is_put_into_words(name: str, kind: str, wanted: str) -> None:
    assert SETTINGS[name].kind == kind
    assert SETTINGS[name].wanted == wanted


def test_defaults_descriptions_and_optional_fields() -> None:
    assert (SETTINGS["steps"].default, SETTINGS["steps"].description) == (50, "how many")
    assert SETTINGS["maybe"].optional
    assert not SETTINGS["steps"].optional


def test_a_component_lists_its_alternatives_and_their_settings() -> None:
    part = SETTINGS["part"]
    assert part.part == "large"
    assert set(part.parts) == {"small", "large"}
    assert list(part.parts["large"]) == ["depth"]
    assert part.parts["large"]["depth"].bounds == "of at least 1"

import pytest
from pydantic import Field, ValidationError

from overpaint.card import Cost
from overpaint.errors import UsageError
from overpaint.inversions import DDIM, NAMES, AnyInversion, Direct, Inversion, NullText
from overpaint.methods.ddim import DDIMEdit
from overpaint.options import Options


class Editor(Options):
    inversion: AnyInversion = Field(default=DDIM())


def test_every_name_is_its_inversion() -> None:
    for name in NAMES:
        inversion = Editor.model_validate({"inversion": name}).inversion
        assert inversion.name == name
        assert isinstance(inversion, Inversion)
        assert inversion == type(inversion)()
        assert isinstance(inversion.cost(3), Cost) and inversion.papers


def test_options_can_be_given_with_the_name() -> None:
    given = Editor.model_validate({"inversion": {"name": "null-text", "inner": 3}})
    assert given.inversion == NullText(inner=3)
    assert Editor(inversion=Direct()).inversion == Direct()


@pytest.mark.parametrize("given", ["nulltext", {"name": "nulltext"}])
def test_an_unknown_name_is_one_sentence_with_the_nearest(given: object) -> None:
    with pytest.raises(UsageError, match=r"no inversion 'nulltext'; did you mean 'null-text'\?"):
        Editor.model_validate({"inversion": given})


def test_a_name_like_no_other_lists_them_all() -> None:
    with pytest.raises(UsageError, match=r"there are: ddim, direct, null-text, .*, recorded\."):
        Editor.model_validate({"inversion": "qqqqqq"})


@pytest.mark.parametrize("given", [{"name": "null-text", "inner": -1}, {"name": "ddim", "inner": 3}, 5, {}])
def test_what_an_inversion_does_not_have_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        Editor.model_validate({"inversion": given})


def test_a_recipe_keeps_the_choice() -> None:
    method = DDIMEdit(inversion=NullText(inner=3, stop=0.5))
    assert DDIMEdit.model_validate_json(method.model_dump_json()) == method


def test_the_schema_names_every_choice_and_describes_every_option() -> None:
    schema = Editor.model_json_schema()
    assert set(schema["properties"]["inversion"]["discriminator"]["mapping"]) == set(NAMES)
    for definition in schema["$defs"].values():
        for option in definition["properties"].values():
            assert option["description"]

"""What is said of layers on one line, and which layers a band has by itself."""

import pytest
from pydantic import TypeAdapter
from tests.kit import shared

from overpaint.controls.layers import Band, LayerPrompt, LayerPrompts, band_of, prompts, swapped
from overpaint.errors import UsageError
from overpaint.network import readers

READ: TypeAdapter[tuple[LayerPrompt, ...]] = TypeAdapter(LayerPrompts)
BAND: TypeAdapter[tuple[int, int] | None] = TypeAdapter(Band)


def test_a_stretch_and_its_prompt_on_one_line() -> None:
    one, two = READ.validate_python(["4:9=a red cube, on grass", " 6 = a = b"])
    assert (one.start, one.stop, one.prompt) == (4, 9, "a red cube, on grass")
    assert (two.start, two.stop, two.prompt) == (6, 7, "a = b")
    assert READ.dump_python((one, two)) == ("4:9=a red cube, on grass", "6:7=a = b")
    assert READ.validate_json(READ.dump_json((one, two))) == (one, two)
    assert READ.validate_python("4:9=x") == READ.validate_python([{"start": 4, "stop": 9, "prompt": "x"}])


@pytest.mark.parametrize("wrong", ["a red cube", "4:9", "4:9=", "x:9=a", "9:4=a", "4:4=a", "-1=a"])
def test_what_is_no_stretch(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"names no layers|no stretch of layers"):
        READ.validate_python([wrong])


def test_the_later_one_counts() -> None:
    said = READ.validate_python(["1:4=b", "2=c"])
    assert prompts("a", 5, said) == ["a", "b", "c", "b", "a"]
    with pytest.raises(UsageError, match="layers 3:6 do not exist; this model has 5"):
        prompts("a", 5, READ.validate_python(["3:6=b"]))


def test_a_band_is_given_or_coarse() -> None:
    sites = shared("sd1").tap.sites
    count = readers(sites)
    assert list(band_of(BAND.validate_python("1:3"), sites, count)) == [1, 2]
    assert list(band_of((2, 2), sites, count)) == []
    assert list(band_of(None, sites, count)) == list(range(7))  # it has two sizes of maps, both coarse
    for wrong in ((3, 2), (0, 8)):
        with pytest.raises(UsageError, match="does not lie among this model's 7 layers"):
            band_of(wrong, sites, count)


def test_a_band_of_a_large_network_is_its_middle() -> None:
    from overpaint.attention import Site
    from overpaint.families.tiny import tiny

    module = tiny("sd1").net
    strides = [1, 1, 2, 2, 4, 4, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1]
    sites = [Site(str(k), "down", "cross", k, s, module, reader=k) for k, s in enumerate(strides)]
    assert list(band_of(None, sites, 16)) == [4, 5, 6, 7, 8, 9]


def test_a_word_in_the_place_of_another() -> None:
    assert swapped("a photo of a <cat> on catnip", "<cat>=><pot>") == "a photo of a <pot> on catnip"
    assert swapped("a Cat, and catnip", "cat => big dog") == "a big dog, and catnip"
    assert swapped("a cat", r"cat=>\1") == r"a \1"
    with pytest.raises(UsageError, match="does not say 'dog'"):
        swapped("a cat", "dog=>cat")
    for wrong in ("cat", "cat=>", "=>cat"):
        with pytest.raises(UsageError, match="does not name two words"):
            swapped("a cat", wrong)

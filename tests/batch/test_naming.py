import pytest

from overpaint.batch.naming import Names
from overpaint.batch.template import filled, gaps
from overpaint.errors import UsageError


def test_a_template_is_filled_and_nothing_of_it_is_run() -> None:
    names = {"caption": "a {cat}", "x": "1"}
    assert filled("{caption}, at night {{x}} { x }", names) == "a {cat}, at night {x} 1"
    assert gaps("{a}{{b}}{c}") == ["a", "c"]
    for text in ("{caption.__class__}", "{0}", "{caption!r}", "{}"):
        with pytest.raises(UsageError, match="Nothing is called"):
            filled(text, names)
    with pytest.raises(UsageError, match="did you mean 'caption'"):
        filled("{captoin}", names)
    for text in ("{caption", "caption}", "{a}}"):
        with pytest.raises(UsageError, match="A bracket stands alone"):
            gaps(text)


def test_names_are_made_by_the_pattern_and_kept_within_the_folder() -> None:
    names = Names("{folder}/{stem}-{seed}.webp")
    assert names.of({"folder": "", "stem": "cat", "seed": "3"}, "row") == "cat-3.webp"
    assert names.of({"folder": "a/b", "stem": "c/d:e", "seed": "4"}, "row") == "a/b/c_d_e-4.webp"


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ("/etc/x.png", "leads out of the folder"),
        ("../x.png", "leads out of the folder"),
        ("a/../../x.png", "leads out of the folder"),
        ("~/x.png", "cannot be the name"),
        ("a\\x.png", "cannot be the name"),
        ("a\n.png", "cannot be the name"),
        (".overpaint/ledger.png", "is hidden"),
        ("x" * 300 + ".png", "more than 200 bytes"),
        ("x.gif", "PNG, JPEG or WebP"),
        (".", "leads out of the folder"),
    ],
)
def test_a_name_that_is_none_is_refused(own: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Names().of({"folder": "", "stem": "x"}, "row", own)


def test_two_rows_with_one_output_are_told() -> None:
    names = Names()
    names.of({"folder": "", "stem": "cat"}, "one.png")
    with pytest.raises(UsageError, match=r"one.png would be written to cat.png too; tell them apart"):
        names.of({"folder": "", "stem": "cat"}, "two.jpg")


@pytest.mark.parametrize("pattern", ["{stem}", "{stem", "../{stem}.png", "/{stem}.png", ".x/{stem}.png"])
def test_a_pattern_that_is_none_is_refused_at_once(pattern: str) -> None:
    with pytest.raises(UsageError):
        Names(pattern)

import pytest

from overpaint.bench.still_life import cases
from overpaint.choosing.choices import NEARLY_ALL, SMALL, type_of
from overpaint.run.asked import asked
from overpaint.run.loading import load

ONE_OF_THE_NINE = {
    "colour": {"random-00", "random-10", "random-15", "random-16"},
    "object": {"random-01", "random-04", "random-06"},
    "background": {"random-17"},
}
"""Cases of the type ``random`` whose words ask for one thing alone."""


def test_words_tell_the_type_of_every_fixed_case() -> None:
    words, named = load("still-life").suits.words, dict[str, set[str]]()
    for case in cases():
        found = type_of(asked(case.source_prompt, case.target_prompt, words))
        if found != case.kind:
            named.setdefault(found, set()).add(case.name)
    assert named == ONE_OF_THE_NINE


@pytest.mark.parametrize(
    ("share", "found"),
    [(None, "random"), (0.5, "random"), (SMALL, "object"), (NEARLY_ALL, "background"), (1.0, "background")],
)
def test_the_region_decides_only_where_words_ask_for_several_things(share: float | None, found: str) -> None:
    assert type_of(("mixed",), share) == found
    assert type_of(("same",), share) == "random"
    assert type_of(("attribute.pose", "attribute"), share) == "pose"


def test_regions_of_the_fixed_cases_bear_out_where_the_limits_lie() -> None:
    for case in cases(types=["object", "add", "delete", "pose", "colour", "material", "content"]):
        region = case.pictures().region
        assert region is not None and region.mean() <= (SMALL if case.kind != "content" else NEARLY_ALL / 2)

import json

import numpy as np
import pytest

from overpaint.bench.case import differing
from overpaint.bench.drawing import TYPES
from overpaint.bench.still_life import DATA, EACH, as_text, cases, stored
from overpaint.errors import UsageError


def test_the_data_is_what_the_command_makes() -> None:
    assert DATA.read_text(encoding="utf-8") == as_text()


def test_there_are_twenty_of_each_type_in_turn() -> None:
    kinds = [case.kind for case in cases()]
    assert kinds == list(TYPES) * EACH
    assert len({case.name for case in cases()}) == len(kinds) == 200


def test_what_is_shown_and_what_is_known_belong_together() -> None:
    for case, record in zip(cases(limit=10), stored(), strict=False):
        pictures = case.pictures()
        assert pictures.truth is not None and pictures.region is not None and case.scenes is not None
        assert np.array_equal(pictures.region, differing(pictures.source, pictures.truth))
        assert pictures.region.any()
        assert case.scenes[0].seed == record["before"]["seed"]
        assert not pictures.source.info.text  # a scene written into the picture would give the answer away


def test_types_and_a_limit_choose() -> None:
    chosen = cases(types=["style", "add"], limit=3)
    assert [case.name for case in chosen] == ["add-00", "style-00", "add-01"]


def test_fresh_cases_are_others_by_seed() -> None:
    fresh, again, other = (cases(seeds, limit=10) for seeds in ("fresh:7", "fresh:7", "fresh:8"))
    prompts = [[(case.source_prompt, case.target_prompt) for case in one] for one in (fresh, again, other)]
    assert prompts[0] == prompts[1] != prompts[2]
    assert [case.name for case in fresh][:2] == ["fresh7-random-00", "fresh7-object-00"]
    assert not {case.source_prompt for case in fresh} & {case.source_prompt for case in cases(limit=10)}


@pytest.mark.parametrize("seeds", ["fresh", "fresh:", "fresh:-1", "fresh:x", "7", "fresh:" + "9" * 20])
def test_seeds_that_are_none_are_refused(seeds: str) -> None:
    with pytest.raises(UsageError, match="neither fixed nor fresh ones"):
        cases(seeds)


def test_one_case_is_one_line() -> None:
    lines = DATA.read_text(encoding="utf-8").splitlines()[1:-1]
    assert len(lines) == 200 and json.loads(lines[0].rstrip(","))["name"] == "random-00"

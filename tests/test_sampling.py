from typing import Any

import pytest

from tests import sampling

CASES = """
    import pytest

    @pytest.mark.parametrize("steps", [1, 2])
    @pytest.mark.parametrize("shape", ["sd1", "sd2", "sdxl"])
    def test_networks(shape, steps): ...

    @pytest.mark.sample(2)
    @pytest.mark.parametrize("name", list("abcdef"))
    def test_many(name): ...

    @pytest.mark.parametrize("name", list("abc"))
    def test_few(name): ...

    def test_one(): ...
"""
pytest_plugins = "pytester"


def found(pytester: pytest.Pytester, *places: str) -> list[pytest.Item]:
    collected: Any = pytester
    return collected.inline_genitems(*places, "-o", "markers=sample(n): few")[0]


def test_one_network_for_each_case_some_of_many_and_all_others(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CASES)
    items = found(pytester)
    kept = [item.name for item in sampling.chosen(items)]
    assert len(items) == 16 and kept == [item.name for item in sampling.chosen(items)]
    networks = [name for name in kept if name.startswith("test_networks")]
    assert len(networks) == 2 and {name[-2] for name in networks} == {"1", "2"}
    assert sum(name.startswith("test_many") for name in kept) == 2
    assert kept[-4:] == ["test_few[a]", "test_few[b]", "test_few[c]", "test_one"]


def test_what_was_asked_for_by_name_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CASES)
    for name in ("test_many[e]", "test_networks[sdxl-2]"):
        place = f"{next(pytester.path.glob('test_*.py')).name}::{name}"
        items = found(pytester, place)
        assert [item.name for item in sampling.chosen(items)] == [name]

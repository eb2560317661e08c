import os
from typing import Any

import pytest
import torch

from overpaint.errors import UsageError
from overpaint.run.loading import dtype_of, load, threads


def test_types_by_name() -> None:
    assert dtype_of("bfloat16") is torch.bfloat16
    with pytest.raises(UsageError, match="no type 'int8'"):
        dtype_of("int8")


@pytest.mark.parametrize(
    ("name", "more"),
    [("no-such-model", {}), ("still-life", {"dtype": "int8"}), ("still-life", {"device": "cuda:99"})],
)
def test_what_cannot_be_loaded_is_one_sentence(name: str, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as error:
        load(name, **more)
    assert "\n" not in str(error.value)


def test_threads_are_put_back_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "cpu_count", lambda: before + 1)
    with pytest.raises(ZeroDivisionError), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("cores, more", [(1, 0), (None, 0), (10**6, 1)])
def test_no_recipe_gets_more_threads_than_there_are_cores(
    cores: int | None, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    with threads(before + more):
        assert torch.get_num_threads() == before + more
    monkeypatch.setattr(os, "cpu_count", lambda: min(cores or 1, before + 1))
    with threads(10**9):
        assert torch.get_num_threads() == before + more
    with threads(None):
        assert torch.get_num_threads() == before

from typing import Any

import pytest
import torch

from overpaint.errors import UsageError
from overpaint.loading import MOST_THREADS, dtype_of, load, threads


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


def test_threads_are_put_back_also_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


def test_no_recipe_can_ask_for_countless_threads() -> None:
    with threads(10**9):
        assert torch.get_num_threads() <= MOST_THREADS
    with threads(None):
        pass

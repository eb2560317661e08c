import gc
import weakref
from collections.abc import Callable

import pytest
import torch

from overpaint.errors import OutOfMemory, UsageError
from overpaint.out_of_memory import either, roomy, ways_out

CPU, CARD = torch.device("cpu"), torch.device("cuda", 0)


def test_what_does_not_fit_is_one_sentence_with_the_ways_out() -> None:
    with pytest.raises(OutOfMemory) as caught, roomy("It is full", ["this", "that"]):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2.00 GiB")
    assert str(caught.value) == "It is full; choose this or that."


@pytest.mark.parametrize("error", [UsageError("No."), OutOfMemory("Full already."), RuntimeError("shapes")])
def test_other_errors_and_sentences_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, roomy("It is full", ["this"]):
        raise error
    assert caught.value is error


def test_the_failed_attempt_is_let_go() -> None:
    class Large:
        """What a frame of the failed attempt holds."""

    seen: list[Callable[[], Large | None]] = []

    def attempt() -> None:
        large = Large()
        seen.append(weakref.ref(large))
        raise MemoryError

    with pytest.raises(OutOfMemory) as kept, roomy("It is full", ["this"]):
        attempt()
    gc.collect()
    assert kept.value.__context__ is not None and seen[0]() is None


def test_ways_out_are_those_that_would_help() -> None:
    smaller, there = "a model for smaller pictures", "parts that wait on the CPU (offload)"
    assert ways_out(CPU, None, False) == [smaller]
    assert ways_out(CPU, torch.float32, False) == ["the type bfloat16", smaller]
    assert ways_out(CARD, torch.bfloat16, False) == [smaller, there, "the device cpu"]
    assert ways_out(CARD, torch.bfloat16, True) == [smaller, "the device cpu"]
    assert ways_out(torch.device("mps"), None, False) == [smaller, "the device cpu"]


@pytest.mark.parametrize("ways, words", [("a", "a"), ("ab", "a or b"), ("abc", "a, b or c")])
def test_ways_in_words(ways: str, words: str) -> None:
    assert either(list(ways)) == words

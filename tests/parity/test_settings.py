"""Settings that nobody reads, or whose value nobody knows, are named."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.figures import Unknown
from tests.parity.settings import Settings


def test_what_is_left_is_named_with_what_it_is_part_of() -> None:
    s = Settings({"steps": 8, "blend": {"th": 0.3, "soft": True}, "colour": "red"})
    assert s.count("steps") == 8
    part = s.part("blend")
    assert part is not None and part.number("th") == 0.3
    with pytest.raises(Unknown, match=r"unknown settings: colour, blend\.soft"):
        s.done()


def first(value: Any) -> Any:
    return value[0]


REFUSED: list[Callable[[Settings], Any]] = [
    lambda s: s.number("on"),
    lambda s: s.count("half"),
    lambda s: s.text("half"),
    lambda s: s.flag("half"),
    lambda s: s.part("half"),
    lambda s: s.one_of("on", {1: "a number is no truth value"}),
    lambda s: s.must("half", 1.0),
    lambda s: s.take("half", first),
    lambda s: s.get("nothing"),
]


@pytest.mark.parametrize("read", REFUSED)
def test_other_values_are_refused(read: Callable[[Settings], Any]) -> None:
    with pytest.raises(Unknown, match=r"on|half|nothing"):
        read(Settings({"on": True, "half": 0.5}))


def test_what_must_be_so_may_be_left_out() -> None:
    s = Settings({})
    s.must("clip_sample", False)
    s.done()

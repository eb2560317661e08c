"""Shares by level on one line, and which of them hold where."""

import pytest
from pydantic import TypeAdapter

from overpaint.errors import UsageError
from overpaint.tune.by_level import Levels, LevelShares, check_shares, shares_at

READ: TypeAdapter[tuple[LevelShares, ...]] = TypeAdapter(Levels)


def test_a_level_and_its_shares_on_one_line() -> None:
    said = READ.validate_python(["300=.4,.6, 0", "0=0.15,0.15,0.7"])
    assert [(one.level, one.shares) for one in said] == [(300, (0.4, 0.6, 0.0)), (0, (0.15, 0.15, 0.7))]
    assert READ.validate_json(READ.dump_json(said)) == said
    assert READ.dump_python(said) == ("300=0.4,0.6,0", "0=0.15,0.15,0.7")
    assert READ.validate_python("0=1") == READ.validate_python([{"level": 0, "shares": [1]}])


@pytest.mark.parametrize("wrong", ["0.4,0.6", "300", "300=", "300=a", "300=0,0", "300=-1,2", "1=1=1"])
def test_what_is_none(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"names no level|number|no file has a share|greater than"):
        READ.validate_python([wrong])


def test_the_highest_level_that_is_not_above_counts() -> None:
    """In whatever order they are said; together they are 1."""
    said = READ.validate_python(["0=1,3", "300=1,1"])
    assert [list(shares_at(said, level)) for level in (0, 299, 300, 999)] == [
        *([[0.25, 0.75]] * 2),
        *([[0.5, 0.5]] * 2),
    ]


def test_shares_that_do_not_belong_to_the_files_are_refused() -> None:
    said = READ.validate_python(["300=1,1", "0=1,2"])
    check_shares(said, 2)
    check_shares((), 1)
    for own, count, says in (
        ((), 2, "Several learned files need their shares"),
        (said, 1, "are for several learned files"),
        (said, 3, "At level 300 there are 2 shares for 3 files"),
        (said[:1], 2, "No shares hold down to level 0"),
    ):
        with pytest.raises(UsageError, match=says):
            check_shares(own, count)

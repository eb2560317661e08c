import pytest

from overpaint.errors import UsageError
from overpaint.files.times import seconds_of


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("60s", 60), ("5min", 300), ("1.5h", 5400), (60, 60), (100 / 3, 100 / 3), (1e-5, 1e-5)],
)
def test_times_are_said_with_a_unit_or_as_a_number(said: str | float, seconds: float) -> None:
    assert seconds_of(said) == seconds


@pytest.mark.parametrize("said", ["soon", "abc", "-5s", "0s", "", "1 day", 0, -1.5, float("nan")])
def test_what_is_no_time_is_refused(said: str | float) -> None:
    with pytest.raises(UsageError, match="is no time; write it as 60s"):
        seconds_of(said)

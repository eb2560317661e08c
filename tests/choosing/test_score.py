import pytest

from overpaint.choosing.score import Score, shipped, wilson


@pytest.mark.parametrize("chance", [0.0, 0.013, 0.1, 0.5, 0.87, 0.999, 1.0])
def test_a_chance_lies_within_its_interval(chance: float) -> None:
    score = shipped()
    assert score is not None
    low, high = score.between(chance)
    assert 0 <= low <= chance <= high <= 1


def test_the_interval_is_that_of_the_edits_with_such_a_chance() -> None:
    score = shipped()
    assert isinstance(score, Score)
    near = min(score.bins, key=lambda one: abs(one.said - 0.76))
    low, high = wilson(near.came * near.cases, near.cases)
    assert score.between(0.76) == (low, max(high, 0.76))
    assert score.told(0.012) == f"1% (1 to {wilson(20.0, 275)[1]:.0%})"

import pytest
from tests.inversions.setting import setting

from overpaint.inversions import DDIM, Direct, Recorded, reconstruction
from overpaint.meter import Meter


def noted(*values: float) -> Meter:
    return Meter(notes={"strayed": list(values)})


@pytest.mark.parametrize(
    "values, grade", [((0.0, 0.02), "good"), ((0.1, 0.1), "fair"), ((0.1, 0.9), "poor"), ((0.0,), "good")]
)
def test_the_mean_over_the_steps_has_a_word(values: tuple[float, ...], grade: str) -> None:
    quality = reconstruction(noted(*values))
    assert quality.rms == pytest.approx(sum(values) / len(values))
    assert quality.grade == grade


def test_only_a_poor_one_says_what_to_do() -> None:
    words = {v: reconstruction(noted(v)).words for v in (0.01, 0.1, 1.0)}
    assert ["direct" in sentence for sentence in words.values()] == [False, False, True]


def test_who_uses_direct_is_not_sent_to_it() -> None:
    poor = reconstruction(noted(1.0), "direct")
    assert "direct" not in poor.words and "; try more steps, or" in poor.words
    other = reconstruction(noted(1.0), "null-text")
    assert "try the inversion 'direct', more steps, or" in other.words


def test_where_no_source_walks_home_the_words_say_who_measures_it() -> None:
    quality = reconstruction(Meter(), "ddim")
    assert (quality.rms, quality.grade) == (None, "not measured")
    assert "'overpaint invert' does" in quality.words


@pytest.mark.parametrize("meter", [Meter(), noted(1.0)], ids=["unpinned", "pinned"])
@pytest.mark.parametrize("own, grade", [(True, "exact"), (False, "not measured")])
def test_a_recorded_walk_is_exact_where_it_is_the_picture_s_own(own: bool, grade: str, meter: Meter) -> None:
    quality = Recorded().grade(meter, own)
    assert (quality.rms, quality.grade) == (None, grade)


def test_an_exact_walk_has_no_error_and_guidance_makes_one() -> None:
    s = setting(steps=8)
    figures: list[float] = []
    for inversion, scale in ((Direct(), 1.0), (DDIM(), 7.5)):
        s.model.meter.notes.clear()
        s.home(s.walk(inversion, scale))
        quality = reconstruction(s.model.meter)
        assert quality.rms is not None
        figures.append(quality.rms)
    assert 0 < figures[0] < figures[1]

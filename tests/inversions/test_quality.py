import pytest
from tests.inversions.setting import setting

from overpaint.inversions import DDIM, Direct, Quality, Recorded, reconstruction
from overpaint.inversions.quality import EXACT, graded, of_unknown
from overpaint.meter import Meter


def noted(*values: float) -> Meter:
    return Meter(notes={"strayed": list(values)})


@pytest.mark.parametrize(
    "values, grade",
    [((0.0, 0.02), "good"), ((0.9, 0.1), "fair"), ((0.1, 0.9), "poor"), ((0.0,), "good")],
)
def test_where_the_source_ends_has_a_word(values: tuple[float, ...], grade: str) -> None:
    quality = reconstruction(noted(*values))
    assert quality.rms == values[-1]
    assert quality.grade == grade


@pytest.mark.parametrize(
    "strayed, pulled, ends",
    [
        ((0.1, 0.1, 0.1), (0.1, 0.1, 0.1), 0.3),
        ((0.1, 0.3, 0.1), (0.0, 0.3, 0.0), 0.4),
        ((0.1, 0.1, 0.2), (0.05, 0.05, 0.1), 0.3),
        ((0.1, 0.2, 0.3), (0.0, 0.0, 0.0), 0.3),
    ],
    ids=["pinned", "every second step", "half the way", "free"],
)
def test_what_a_source_was_pulled_back_by_counts_as_if_nobody_had(
    strayed: tuple[float, ...], pulled: tuple[float, ...], ends: float
) -> None:
    quality = reconstruction(Meter(notes={"strayed": [*strayed], "pulled": [*pulled]}))
    assert quality.rms == pytest.approx(ends)


def test_more_steps_are_no_way_to_a_better_word_for_the_same_pull() -> None:
    s = [setting(steps=n) for n in (4, 16)]
    found = list[float]()
    for one in s:
        one.model.meter.notes.clear()
        one.home(one.walk(Direct(), 1.0))
        pulls = one.model.meter.notes["pulled"]
        assert pulls == one.model.meter.notes["strayed"]
        quality = reconstruction(one.model.meter)
        assert quality.rms == pytest.approx(sum(pulls))
        found.append(quality.rms or 0)
    assert found[1] > max(s[1].model.meter.notes["pulled"])


@pytest.mark.parametrize("quality", [EXACT, graded(0.01, "direct"), graded(0.9, "ddim")])
def test_a_picture_the_model_does_not_know_is_poorly_understood_however_it_walks(quality: Quality) -> None:
    found = of_unknown(quality)
    assert (found.rms, found.grade) == (quality.rms, "poor")
    assert "whatever the inversion and its steps" in found.words and "try" not in found.words


def test_only_a_poor_one_says_what_to_do() -> None:
    words = {v: reconstruction(noted(v)).words for v in (0.01, 0.1, 1.0)}
    assert ["direct" in sentence for sentence in words.values()] == [False, False, True]


def test_who_uses_direct_is_not_sent_to_it() -> None:
    poor = reconstruction(noted(1.0), "direct")
    assert "direct" not in poor.words and "; try more steps, " in poor.words
    other = reconstruction(noted(1.0), "null-text")
    assert other.words.endswith("better, or the inversion 'direct', which holds the source alone.")


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

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.comparing.kit import SOURCE, TARGET, small
from tests.kit import shared
from tests.run.kit import TRIED, TWO, learned

import overpaint
from overpaint.choosing import signals
from overpaint.choosing.choices import USUAL, Choice, type_of
from overpaint.choosing.telling import STALE, telling
from overpaint.errors import UsageError
from overpaint.meter import Cancelled, Meter
from overpaint.run import auto
from overpaint.run.memory import run_patiently
from overpaint.run.plan import Job
from overpaint.run.request import edit_request
from overpaint.run.result import Edit, Tried
from overpaint.run.where import Where


def edited(**more: Any) -> Edit:
    said: Mapping[str, Any] = {
        "source": SOURCE,
        "target": TARGET,
        "model": shared(),
        "method": "auto",
        **more,
    }
    return overpaint.edit(small(), **said)


def test_the_likeliest_is_given_and_its_recipe_makes_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch, natural=5.0)
    edit = edited()
    assert edit.chosen is not None and len(edit.chosen.tried) == 3
    chances = [one.chance or 0 for one in edit.chosen.tried]
    assert chances == sorted(chances, reverse=True) and chances[0] > chances[-1]
    assert edit.chosen.tried[0].title.split()[0] == edit.recipe.method != "auto"
    assert f"{chances[0]:.0%}" in edit.chosen.reason and "'object'" in edit.chosen.reason
    again = overpaint.rerun(edit.picture, model=shared())
    assert again.recipe.output == edit.recipe.output and again.chosen is None


def test_the_others_are_kept_with_why_they_were_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch, natural=5.0)
    edit = edited()
    first, *others = edit.tried
    assert first.picture is not None and np.array_equal(first.picture.rgb, edit.picture.rgb)
    assert first.dropped == "" and first.words.endswith(": taken")
    for one in others:
        assert one.picture is not None and not np.array_equal(one.picture.rgb, edit.picture.rgb)
        assert "less likely" in one.dropped and f"chance {one.chance:.0%}: dropped" in one.words
        again = overpaint.rerun(one.picture, model=shared())
        assert again.recipe.method == one.title.split()[0] and again.tried == ()
    assert edit.chosen is not None and "picture" not in json.dumps(edit.chosen.facts)
    assert edit.sheet().size[1] > 3 * edit.strip().size[1] / 2, "the source and all three"


def test_another_score_gives_another_edit_and_says_when_all_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch, natural=1.0, level=20.0)
    moved = edited()
    learned(monkeypatch, natural=-1.0, level=-20.0)
    kept = edited()
    assert moved.recipe.output != kept.recipe.output
    assert not any("likely" in words for words in moved.warnings)
    assert "None of the 3 edits that were tried is likely" in kept.warnings[-1]


def test_no_more_is_tried_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch, enough=0.0, natural=1.0)
    first, meter = edited(), Meter()
    assert first.chosen is not None and len(first.chosen.tried) == 1 and first.recipe.method == "sdedit"
    learned(monkeypatch, natural=1.0)
    both = edited(candidates=2, meter=meter)
    assert both.chosen is not None and len(both.chosen.tried) == 2
    assert both.figures.rows == meter.rows > first.figures.rows


def test_of_several_made_together_the_one_most_like_the_others_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alike = tuple(Choice(method="sdedit", said={**TWO, "strength": s}) for s in (1.0, 0.5, 0.6))
    learned(monkeypatch, *alike, together=True, enough=0.0, natural=1.0)
    edit = edited()
    assert edit.chosen is not None and len(edit.chosen.tried) == 3, "however good the first looks"
    assert edit.recipe.options["strength"] != 1.0, "the one that walked all the way lies apart"
    assert "the one most like the others of 3 that were tried" in edit.chosen.reason
    assert "with a chance of" in edit.chosen.reason
    monkeypatch.setattr(auto, "shipped_score", lambda: None)
    alone = edited()
    assert alone.recipe.output == edit.recipe.output and alone.chosen is not None
    assert "No score" not in alone.chosen.reason and "chance" not in alone.chosen.reason
    two = edited(candidates=2)
    assert two.recipe.options["strength"] == 1.0, "of two each is as like the other"


def test_all_have_failed_only_where_none_is_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the one that is given is less likely than another."""
    alike = tuple(Choice(method="sdedit", said={**TWO, "strength": s}) for s in (1.0, 0.5, 0.6))
    most = 0.8

    def judged(job: Job, edit: Edit, on: object) -> Tried:
        return Tried("sdedit", most if edit.recipe.options["strength"] == 1.0 else 0.2, picture=edit.picture)

    learned(monkeypatch, *alike, together=True, natural=1.0)
    monkeypatch.setattr(auto, "judged", judged)
    assert not any("likely" in words for words in edited().warnings)
    most = 0.3
    assert "is likely to have come off (at best 30% (0 to 100%))" in edited().warnings[-1]


def test_an_edit_that_looks_bad_early_is_given_up_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    few = tuple(Choice(method="ddim", said={"steps": steps}, steps=steps) for steps in (6, 3))
    learned(monkeypatch, *few, natural=1.0)
    both = edited()
    learned(monkeypatch, *few, natural=1.0, early=99.0)
    last = edited()
    assert both.chosen is not None and len(both.chosen.tried) == 2
    assert last.chosen is not None and len(last.chosen.tried) == 1, "the last is always finished"
    assert last.recipe.options["steps"] == 3
    assert last.chosen.failed[0].startswith("ddim: It was given up after 3 steps")
    assert "given up" in last.chosen.reason and last.figures.rows < both.figures.rows
    learned(monkeypatch, *few, natural=1.0, early=-99.0)
    kept = edited()
    assert kept.chosen is not None and len(kept.chosen.tried) == 2
    learned(monkeypatch, *(one.model_copy(update={"steps": 0}) for one in few), natural=1.0, early=99.0)
    blind = edited()
    assert blind.chosen is not None and len(blind.chosen.tried) == 2, "nobody knows when to look"


def test_what_cannot_be_done_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    hole = Choice(method="blended-latent", said=TWO)
    learned(monkeypatch, hole, TRIED[1], natural=1.0)
    edit = edited()
    assert edit.recipe.method == "ddim" and edit.chosen is not None and len(edit.chosen.tried) == 1
    (why,) = edit.chosen.failed
    assert (
        why.startswith("blended-latent steps=2: ")
        and "mask" in why
        and "1 more could not" in edit.chosen.reason
    )
    learned(monkeypatch, hole, natural=1.0)
    with pytest.raises(UsageError, match="mask"):
        edited()
    with pytest.raises(UsageError, match="candidates"):
        edited(candidates=0)


def test_what_judges_edits_takes_no_more_rows_than_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = list[Meter]()

    def fresh() -> Meter:
        counted.append(Meter())
        return counted[-1]

    learned(monkeypatch, natural=1.0)
    job = auto.planned(
        edit_request("edit", "auto", small(), {"source": SOURCE, "target": TARGET}, {}), shared()
    )
    monkeypatch.setattr(signals, "Meter", fresh)
    edited()
    least, most = job.judging
    assert least <= sum(one.rows for one in counted) <= most == 18 + 3 * 21 and len(counted) == 4
    monkeypatch.setattr(auto, "shipped_score", lambda: None)
    alone = edit_request("edit", "auto", small(), {"source": SOURCE, "target": TARGET}, {})
    assert auto.planned(alone, shared()).judging == (0, 0)


def test_a_mistake_in_one_method_takes_nothing_that_others_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(job: Job, meter: Meter) -> Edit:
        if job.method.card.name == broken:
            raise ZeroDivisionError("division by zero")
        return run_patiently(job, meter)

    learned(monkeypatch, natural=1.0)
    monkeypatch.setattr(auto, "run_patiently", run)
    for broken, left in (("ddim", 2), ("sdedit", 1)):
        chosen = edited().chosen
        assert chosen is not None and len(chosen.tried) == left and len(chosen.failed) == 3 - left
        assert chosen.failed[0].startswith(f"{broken}: Internal error (ZeroDivisionError: division by zero)")
    learned(monkeypatch, TRIED[0], natural=1.0)
    with pytest.raises(ZeroDivisionError):
        edited()


def test_stopping_stops_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch, natural=1.0)
    meter = Meter(on_tick=lambda own: own.cancel() if own.rows > 4 else None)
    with pytest.raises(Cancelled):
        edited(meter=meter)
    assert meter.rows < 12


def test_what_was_learned_by_other_signals_is_said_to_be_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch, TRIED[0], natural=1.0, told_by=telling())
    assert STALE not in edited().warnings
    learned(monkeypatch, TRIED[0], natural=1.0, told_by="another")
    assert edited().warnings.count(STALE) == 1


def test_what_is_shipped_was_learned_by_the_signals_of_today() -> None:
    known, score = auto.shipped_choices(), auto.shipped_score()
    assert known is not None and score is not None
    assert {known.telling, score.telling} == {telling()}, "find signals and learn anew, then ship both files"


def test_the_type_that_was_said_is_the_one_in_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch, TRIED[0], natural=1.0)
    monkeypatch.setattr(auto, "USUAL", (TRIED[1],))
    said = edited(type="style").chosen
    assert said is not None and "for an edit of the type 'style'" in said.reason
    assert said.tried[0].title.startswith("ddim"), "nothing is known of that type"


def test_the_size_of_the_region_decides_where_words_leave_it_open() -> None:
    def kind(target: str, mask: Any = None, **more: Any) -> str:
        request = {"source": SOURCE, "target": target, **more}
        where = Where(mask=mask)
        return auto.kind_of_edit(edit_request("edit", "auto", small(), request, {}, where=where), shared())

    def region(share: float) -> Any:
        shape = small().rgb.shape
        found = np.zeros(shape, np.uint8)
        found[: round(share * shape[0])] = 255
        return found

    both = "a blue cat in the snow, at night"
    assert kind(both) == "random" == kind(both, region(0.5))
    assert kind(both, region(0.125)) == "object" and kind(both, region(1.0)) == "background"
    assert kind(both, region(0.125), context=0) == "background", "the model is shown the region alone"
    assert kind(TARGET) == kind(TARGET, region(1.0)) == "object", "words that leave nothing open hold"
    assert kind(SOURCE, region(0.125)) == "random", "nothing is asked"


def test_models_nobody_learned_with_get_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "shipped_choices", lambda: None)
    monkeypatch.setattr(auto, "USUAL", (TRIED[0], TRIED[1]))
    edit = edited()
    assert edit.chosen is not None and "No score was learned" in edit.chosen.reason
    assert [one.chance for one in edit.chosen.tried] == [None] and edit.recipe.method == TRIED[0].method
    assert {choice.method for choice in USUAL} == {"p2p", "pnp", "masactrl"}


@pytest.mark.parametrize(
    ("kinds", "found"),
    [
        (("attribute.colour", "attribute"), "colour"),
        (("attribute.size", "attribute"), "content"),
        (("surroundings",), "background"),
        (("mixed",), "random"),
        (("same",), "random"),
    ],
)
def test_prompts_tell_the_type(kinds: tuple[str, ...], found: str) -> None:
    assert type_of(kinds) == found

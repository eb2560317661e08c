import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.bench.kit import first, known

from overpaint.bench import run as module
from overpaint.bench.case import Case
from overpaint.bench.references import references
from overpaint.bench.results import FILE, Line, Results
from overpaint.bench.run import Bench, by_itself, estimates, failures, planned, run
from overpaint.bench.still_life import cases
from overpaint.bench.variant import CONCEPT, Variant, variants
from overpaint.card import Cost
from overpaint.errors import UsageError
from overpaint.images import load_picture
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled
from overpaint.model import Model
from overpaint.stilllife.palette import mapped

TWO = ("p2p", "sdedit")
STEPS = {"steps": "2"}
ASKED = 2
"""Rows of two steps' edit that go into seeing where the prompts disagree, as the model suggests."""


def bench(folder: Path, model: Model, methods: Sequence[str] = TWO, limit: int = 2, **more: Any) -> Bench:
    chosen = variants(methods, more.pop("inversions", ()), STEPS, model, more.pop("gifts", ()))
    return Bench(
        cases(limit=limit), [*references(), *chosen], model, Results.opened(folder), keep=False, **more
    )


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / FILE).read_text().splitlines()]


def test_every_case_and_variant_is_a_line_with_its_figures(tmp_path: Path, still_life: Model) -> None:
    run(bench(tmp_path, still_life))
    lines = written(tmp_path)
    assert len(lines) == 2 * (3 + 2)
    own = next(line for line in lines if line["method"] == "p2p")
    assert own["case"] == "random-00" and own["type"] == "random" and own["inversion"] == ""
    assert own["said"] == STEPS and own["options"]["steps"] == 2
    assert own["model"] == still_life.fingerprint and len(own["code"]) == 12
    assert own["figures"]["rows"] == 2 + 3 * 2 + ASKED and own["figures"]["seconds"] > 0
    assert {"success", "psnr_inside", "clip", "direction", "memory"} <= own["figures"].keys()


def test_a_result_of_another_case_of_that_name_does_not_count(tmp_path: Path, still_life: Model) -> None:
    own = bench(tmp_path, still_life, limit=1)
    case, variant = own.cases[0], own.variants[-1]
    said: dict[str, Any] = {"case": case.name, "type": case.kind, **own.row(variant), "figures": {}}
    own.results.add(said)
    assert own.line(case, variant) and own.line(replace(case, mark="here"), variant), (
        "made before there were marks"
    )
    own.results.add({**said, "mark": "there"})
    assert own.line(replace(case, mark="there"), variant)
    assert own.wanting(replace(case, mark="here")) == own.variants


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, still_life: Model) -> None:
    stopped = bench(tmp_path, still_life)

    def stop(*_: object) -> None:
        stopped.meter.cancel()

    with pytest.raises(Cancelled):
        run(stopped, stop)
    done = written(tmp_path)
    assert len(done) == 1
    run(bench(tmp_path, still_life))
    assert len(written(tmp_path)) == 10 and written(tmp_path)[:1] == done
    before = (tmp_path / FILE).read_bytes()
    run(bench(tmp_path, still_life))
    assert (tmp_path / FILE).read_bytes() == before


def test_an_edit_is_cancelled_in_its_middle(tmp_path: Path, still_life: Model) -> None:
    own = bench(tmp_path, still_life, ["p2p"], 1)
    own.meter.on_tick = lambda meter: meter.cancel()
    with pytest.raises(Cancelled):
        run(own)
    assert [line["method"] for line in written(tmp_path)] == [one.title for one in references()]


def test_what_fails_is_a_line_and_the_run_goes_on(
    tmp_path: Path, still_life: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = (
        module.planned,
        {"random-00": UsageError("Not this one."), "object-00": ZeroDivisionError("x")},
    )

    def fail(model: Model, case: Any, pictures: Any, variant: Variant) -> Any:
        if variant.method == "sdedit":
            raise broken[case.name]
        return real(model, case, pictures, variant)

    monkeypatch.setattr(module, "planned", fail)
    own = bench(tmp_path, still_life)
    run(own)
    assert len(written(tmp_path)) == 10
    said = [(case.name, variant.method, why) for case, variant, why in failures(own)]
    assert said == [
        ("random-00", "sdedit", "Not this one."),
        ("object-00", "sdedit", "Internal error (ZeroDivisionError: x); OVERPAINT_DEBUG=1 shows where."),
    ]
    monkeypatch.undo()
    run(bench(tmp_path, still_life))
    assert len(written(tmp_path)) == 10  # a failure is a result
    again = bench(tmp_path, still_life, again=True)
    run(again)
    assert len(written(tmp_path)) == 12 and failures(again) == []


def test_one_inversion_serves_all_methods_and_each_is_charged_for_it(
    tmp_path: Path, still_life: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still_life, "cache", Cache(tmp_path / "inversions"))
    own = bench(tmp_path / "out", still_life, ["p2p", "ddim"], 1, inversions=["ddim"])
    run(own)
    found = [(line["found"], line["figures"]["rows"]) for line in written(tmp_path / "out")[3:]]
    assert found == [(False, 2 + 4 * 2 + ASKED), (True, 2 + 2 * 2)]
    assert own.meter.rows == 2 + 4 * 2 + 2 * 2 + ASKED


def test_the_cost_of_an_edit_alone() -> None:
    assert by_itself(Cost.of(100), 100, 0, 2.0) == {"rows": 100, "seconds": 2.0}
    assert by_itself(Cost.of(100), 50, 0, 2.0) == {"rows": 100, "seconds": 4.0}
    assert by_itself(Cost((10, 100), (0, 40)), 60, 20, 2.0) == {"rows": 60, "seconds": 2.0}
    assert by_itself(Cost.of(0), 0, 0, 0.1) == {"rows": 0, "seconds": 0.1}


def test_methods_see_the_picture_and_two_prompts_alone(still_life: Model) -> None:
    case, pictures = first("colour")
    (plain,) = variants(["p2p"], [], STEPS, still_life)
    asked = planned(still_life, case, pictures, plain).asked
    assert asked.mask is None and asked.place is None and asked.picture is not None
    assert asked.picture.info.text == {}
    said = asked.request
    assert (said.source, said.target, said.seed) == (case.source_prompt, case.target_prompt, 0)
    assert dict(asked.options) == {"steps": "2"}


def test_words_are_given_when_that_was_asked_for(still_life: Model) -> None:
    case, pictures = first("colour")
    (given,) = variants(["p2p"], [], STEPS, still_life, ["words"])
    assert planned(still_life, case, pictures, given).asked.options["blend"] == case.words
    (own,) = variants(["p2p"], [], {**STEPS, "blend": "left"}, still_life, ["words"])
    assert planned(still_life, case, pictures, own).asked.options["blend"] == "left"


def test_a_region_that_is_given_bounds_the_picture_but_not_its_figures(
    tmp_path: Path, still_life: Model
) -> None:
    case, pictures = first("colour")
    truth, region = known(pictures)
    given = Variant("sdedit", said=STEPS, gifts=("region",))
    job = planned(still_life, case, pictures, given)
    assert job.asked.mask is not None and np.array_equal(job.asked.mask.weights == 255, region)
    own = Bench([case], [given, Variant("sdedit", said=STEPS)], still_life, Results.opened(tmp_path))
    run(own)
    bounded, free = (load_picture(own.picture(case, variant)).rgb for variant in own.variants)
    assert np.array_equal(bounded, free)  # as the network left it: this method does not look at the mask
    assert not np.array_equal(bounded[~region], truth.rgb[~region])


def test_a_map_that_is_given_shows_the_true_answer(
    still_life: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, pictures = first("colour")
    seen: list[Any] = []

    def asked(*args: Any, **named: Any) -> Any:
        seen.append(named["control"])
        raise UsageError("seen")

    monkeypatch.setattr("overpaint.bench.run.edit_request", asked)
    for gifts in ((), ("map",)):
        with pytest.raises(UsageError, match="seen"):
            planned(still_life, case, pictures, Variant("sdedit", said=STEPS, gifts=gifts))
    assert case.scenes is not None and seen[0] == []
    ((net, picture),) = seen[1]
    assert net == "segmentation" and np.array_equal(picture.rgb, mapped(case.scenes[1]).rgb)


def test_concepts_that_are_given_take_the_place_of_the_target_prompt(still_life: Model) -> None:
    case, pictures = first("colour")
    said = {**STEPS, "warmup": "0"}
    job = planned(still_life, case, pictures, Variant("sega", said=said, gifts=("concepts",)))
    told = [(one.sign, one.text) for one in getattr(job.method, CONCEPT)]
    assert told == [("+", case.target_prompt), ("-", case.source_prompt)]
    assert not job.asked.request.target and job.asked.request.source == case.source_prompt


def test_what_there_is_to_do_is_known_before(tmp_path: Path, still_life: Model) -> None:
    own = bench(tmp_path, still_life)
    found = {variant.method: (count, one.rows) for variant, count, one in estimates(own)}
    assert found == {"p2p": (2, (8, 8 + ASKED)), "sdedit": (2, (2, 2))}
    run(own)
    assert list(estimates(own)) == []


def test_a_folder_of_pictures_that_cannot_be_made_ends_the_run(tmp_path: Path, still_life: Model) -> None:
    (tmp_path / "pictures").touch()
    own = Bench(cases(limit=1), references(), still_life, Results.opened(tmp_path))
    with pytest.raises(UsageError, match="cannot be made"):
        run(own)
    assert written(tmp_path) == []


def test_a_case_of_another_process_comes_last_and_waiting_for_it_can_be_stopped(
    tmp_path: Path, still_life: Model
) -> None:
    own, elsewhere = bench(tmp_path, still_life, ["sdedit"]), Results.opened(tmp_path)

    def stop(case: Case, variant: Variant, line: Line) -> None:
        if variant.method == "sdedit":
            own.meter.cancel()

    with elsewhere.claimed("random-00") as theirs:
        assert theirs
        with pytest.raises(Cancelled):
            run(own, stop)
    assert {line["case"] for line in written(tmp_path)} == {"object-00"}
    run(bench(tmp_path, still_life, ["sdedit"]))
    assert len(written(tmp_path)) == 2 * 4

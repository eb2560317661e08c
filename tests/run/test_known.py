import json
import shutil
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.kit import draw, shared
from tests.known.foreign import stranger
from tests.known.measured import Sample, drawn, look, looks, strangers

import overpaint as package
from overpaint.errors import UsageError
from overpaint.families.known import FILE, known_of, weights_of
from overpaint.files.provenance import Origin
from overpaint.images import Picture, load_picture
from overpaint.meter import Cancelled, Meter, beside
from overpaint.model import Model
from overpaint.options import Known, Spread
from overpaint.run.estimate import estimate
from overpaint.run.examine import examined, rows_of_look
from overpaint.run.known import LIMIT, Look, decibels, decibels_of, learned, looked, loss, missed, record_of
from overpaint.run.plan import plan
from overpaint.run.request import edit_request
from overpaint.stilllife.known import pictures, write

FAR = "This picture is far from what the model knows ("


@pytest.fixture(scope="module")
def model() -> Model:
    return package.load("still-life")


@pytest.fixture(scope="module")
def town() -> Picture:
    return stranger("town", 0)


def one_drawn() -> Sample:
    return next(drawn(1))


def test_the_shipped_record_is_of_the_shipped_weights(model: Model) -> None:
    assert model.known is not None
    assert model.known.weights == weights_of(model), "run: python -m overpaint.stilllife.known"
    assert record_of(model) is model.known
    assert model.known.pictures >= 200


def test_drawn_pictures_and_others_are_told_apart(model: Model) -> None:
    own, others = list(looks(model, drawn(8))), list(looks(model, strangers(5)))
    assert len(others) == 12
    assert [one.name for one in own if one.distance > LIMIT] == []
    assert [one.name for one in others if one.distance <= LIMIT] == []


@pytest.mark.slow
def test_two_hundred_and_sixty_are_told_apart(model: Model) -> None:
    own, others = list(looks(model, drawn(200))), list(looks(model, strangers()))
    right = sum(one.distance <= LIMIT for one in own) + sum(one.distance > LIMIT for one in others)
    assert (len(own), len(others)) == (200, 60)
    assert right >= 0.97 * 260


def test_size_and_compression_do_not_make_a_picture_unknown(model: Model, tmp_path: Path) -> None:
    picture = one_drawn().picture
    image = Image.fromarray(picture.rgb)
    image.resize((300, 300), Image.Resampling.LANCZOS).save(tmp_path / "large.jpg", quality=75)
    again = load_picture(tmp_path / "large.jpg")
    assert not look(model, again).far
    assert abs(float(look(model, again).distance or 9) - float(look(model, picture).distance or 0)) < 1


def test_the_figures_are_repeatable_and_leave_chance_alone(model: Model) -> None:
    torch.random.manual_seed(3)  # pyright: ignore[reportUnknownMemberType]
    state, sample = torch.random.get_rng_state(), one_drawn()
    assert look(model, sample.picture) == look(model, sample.picture)
    assert torch.equal(state, torch.random.get_rng_state())


def test_padding_has_no_say_in_the_round_trip() -> None:
    model = shared()
    pixels = draw(1, 3, 32, 32).clamp(-1, 1)
    with torch.no_grad():
        x0 = model.family.encode(pixels)
        back = model.family.decode(x0).clamp(-1, 1)
    window = (slice(0, 16), slice(4, 32))
    part = (..., *window)
    assert looked(model, pixels, x0, None, window).round_trip == pytest.approx(
        decibels(float((back[part] - pixels[part]).square().mean()))
    )
    assert looked(model, pixels, x0, None).round_trip != looked(model, pixels, x0, None, window).round_trip


def test_a_network_that_knows_the_answer_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x0 = shared(), draw(1, 4, 4, 4)
    meter = Meter()
    with model.metered(meter), torch.no_grad():
        found = missed(model, x0, (150, 450))
    assert meter.rows == 2 and all(one > 0 for one in found)

    def knowing(*args: Any) -> Any:
        return type("P", (), {"x0": x0})()

    monkeypatch.setattr(model, "rows", knowing)
    assert missed(model, x0, (150, 450)) == (0.0, 0.0)


def known() -> Known:
    one = Spread(mean=log(0.1), deviation=0.2)
    return Known(weights="w", pictures=9, levels=(1, 2), round_trip=one, noise=(one, one))


def test_distance_is_the_mean_of_standard_deviations(monkeypatch: pytest.MonkeyPatch) -> None:
    from overpaint.run import known as module

    def given(*args: Any) -> tuple[float, float]:
        return 0.1, 0.1

    model, pixels = shared(), draw(1, 3, 16, 16).clamp(-1, 1)
    with torch.no_grad():
        x0 = model.family.encode(pixels)
        monkeypatch.setattr(module, "missed", given)
        seen = looked(model, pixels, x0, known())
    assert seen.distance == pytest.approx((loss(seen.round_trip) - log(0.1)) / 0.2 / 3)
    assert seen.usual_trip == pytest.approx(decibels_of(log(0.1)))
    assert loss(decibels_of(-3.0)) == pytest.approx(-3.0)
    assert decibels_of(loss(31.5)) == pytest.approx(31.5)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Look(35.0), ""),
        (
            Look(19.9),
            "The model's autoencoder alone loses much of this picture (19.9 dB on the way in and out)",
        ),
        (Look(12.0, (0.1,), 1.9, 35.0), ""),
        (Look(18.6, (0.9,), 5.25, 34.6), f"{FAR}5.2 standard deviations, beyond 2; 18.6 dB through its "),
    ],
)
def test_only_what_is_far_is_spoken_of(seen: Look, words: str) -> None:
    assert seen.far == bool(words)
    assert seen.words.startswith(words) and bool(seen.words) == bool(words)
    assert seen.unknown == (seen.far and seen.distance is not None)


def test_a_record_of_other_weights_or_under_a_lora_does_not_count(model: Model) -> None:
    other = replace(model, known=known())
    assert record_of(other) is None
    assert record_of(replace(model, known=None)) is None
    tuned = replace(model, origin=Origin.said(["x.safetensors"], [], None, None))
    assert record_of(tuned) is None


def test_a_record_is_written_beside_a_model_and_read_again(model: Model, tmp_path: Path) -> None:
    home = tmp_path / "mine"
    assert model.home is not None
    shutil.copytree(model.home, home, ignore=shutil.ignore_patterns(FILE, "judge", "image_encoder"))
    before = package.load(str(home)).fingerprint
    assert package.load(str(home)).known is None
    assert write(home, 3) == home / FILE
    again = package.load(str(home))
    assert record_of(again) == learned(again, pictures(3))
    assert again.fingerprint == before
    (home / FILE).write_text("{")
    with pytest.raises(UsageError, match=r"known\.json cannot be understood; delete it"):
        package.load(str(home))
    (home / FILE).write_text(json.dumps({**known().model_dump(), "levels": [1]}))
    with pytest.raises(UsageError, match="cannot be understood"):
        known_of(home)


def test_only_a_model_in_a_folder_can_have_one() -> None:
    with pytest.raises(UsageError, match="Only a model in a folder"):
        weights_of(shared())


def test_in_python_too_and_what_was_generated_here_is_not_looked_at(model: Model, town: Picture) -> None:
    edit = package.edit(town, source="a ball", target="a cube", method="sdedit", model=model, steps=2)
    assert edit.warnings[0].startswith(FAR) and edit.figures.look_rows == 3
    bare = package.edit(
        town, source="a ball", target="a cube", method="sdedit", model=model, steps=2, look=False
    )
    assert not any(FAR in one for one in bare.warnings)
    assert np.array_equal(edit.picture.rgb, bare.picture.rgb)
    assert (
        package.invert(town, source="a ball", model=model, steps=2, inversion="direct").figures.quality
        == "poor"
    )


def test_what_was_generated_here_is_not_looked_at(model: Model, tmp_path: Path) -> None:
    place = package.generate("a red ball", model=model, steps=2).save(tmp_path / "g.png")
    edit = package.edit(place, target="a blue ball", model=model)
    assert (edit.figures.look_rows, edit.figures.round_trip) == (0, None)
    assert edit.figures.quality == "exact"


def test_the_look_is_counted_by_its_own_meter_and_stops_with_the_edit(model: Model, town: Picture) -> None:
    asked = edit_request("edit", "sdedit", town, {"source": "a ball", "target": "a cube"}, {"steps": 2})
    job = replace(plan(asked, model), look=True)
    meter, own = Meter(), Meter()
    seen = examined(job, own)
    assert (own.rows, seen.look_rows, rows_of_look(job), estimate(job).look) == (3, 3, 3, 3)
    assert seen.seconds > job.seconds
    assert examined(replace(job, look=False), own).seen is None
    meter.cancel()
    with pytest.raises(Cancelled):
        examined(job, beside(meter))


def test_a_look_for_which_there_is_no_memory_is_left_out(
    model: Model, town: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from overpaint.run import examine

    def short(*args: Any) -> Look:
        raise torch.OutOfMemoryError("CUDA out of memory")

    asked = edit_request("edit", "sdedit", town, {"source": "a ball", "target": "a cube"}, {"steps": 2})
    job = replace(plan(asked, model), look=True)
    monkeypatch.setattr(examine, "looked", short)
    assert examined(job, Meter()).seen is None

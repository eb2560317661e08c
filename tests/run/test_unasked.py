from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.kit import SOURCE
from tests.kit import shared

import overpaint as package
from overpaint.errors import UsageError
from overpaint.images import Picture
from overpaint.meter import Cancelled, Meter
from overpaint.run.request import EditRequest, edit_request
from overpaint.run.unasked import nothing_asked, unasked
from overpaint.run.unchanged import Unasked, apart, compared, place

PICTURE = Picture(np.tile(np.linspace(0, 255, 32).astype(np.uint8)[None, :, None], (32, 1, 3)))


def asked(**options: object) -> EditRequest:
    return edit_request("invert", "invert", PICTURE, {"source": SOURCE}, {"steps": 2, **options})


@pytest.mark.parametrize(
    ("spots", "where"),
    [
        ([(0, 0)], "mostly in the top left"),
        ([(0, 15)], "mostly in the top"),
        ([(15, 31)], "mostly in the right"),
        ([(15, 15)], "mostly in the middle"),
        ([(31, 31)], "mostly in the bottom right"),
        ([(0, 0), (0, 31), (31, 0), (31, 31)], "all over"),
        ([], "all over"),
    ],
)
def test_the_place_of_most_of_the_change(spots: list[tuple[int, int]], where: str) -> None:
    error = torch.zeros(32, 32)
    for spot in spots:
        error[spot] = 1
    assert place(error) == where


def test_pictures_are_compared_by_decibels_and_by_what_one_sees() -> None:
    other = PICTURE.rgb.copy()
    other[:8, :8] = 255 - other[:8, :8]
    psnr, share, where = compared(PICTURE, Picture(other))
    error = ((PICTURE.rgb.astype(float) - other) ** 2).mean()
    assert psnr == pytest.approx(10 * np.log10(255**2 / error), abs=1e-3)
    assert 0.04 < share <= 1 / 16
    assert where == "mostly in the top left"
    assert apart(PICTURE, PICTURE) == 100


def made(psnr: float, trip: float | None = 31.0, inversion: str | None = "direct") -> Unasked:
    return Unasked("ddim", inversion, psnr, trip, 0.25, "all over", PICTURE, 7)


@pytest.mark.parametrize(
    ("psnr", "word"),
    [
        (99.0, "next to nothing"),
        (31.0, "little"),
        (22.0, "details"),
        (17.8, "much"),
        (3.0, "nearly everything"),
    ],
)
def test_words_for_what_changed(psnr: float, word: str) -> None:
    said = made(psnr).words
    where = "" if psnr > 40 else ", all over"
    assert said == (
        f"Asked for nothing (the same prompt twice), ddim over direct changes {word}: {psnr:.1f} dB, 25% of "
        f"the picture visibly{where}. The autoencoder alone gives back 31.0 dB."
    )


def test_without_an_inversion_or_an_autoencoder_nothing_is_said_of_them() -> None:
    said = made(20.0, None, None).words
    assert "ddim changes much" in said and "autoencoder" not in said
    facts = made(20.0).facts
    assert facts["words"] == made(20.0).words
    assert facts.keys() - {"words"} == {one.name for one in fields(Unasked)} - {"picture"}


def test_a_recipe_of_nothing_is_the_edit_with_the_same_prompt() -> None:
    model = shared()
    job = nothing_asked(asked(inversion="direct"), model, "ddim")
    meter = Meter()
    found = unasked(job, meter)
    edit = package.edit(
        PICTURE, source=SOURCE, target=SOURCE, method="ddim", inversion="direct", steps=2, model=model
    )
    assert np.array_equal(found.picture.rgb, edit.picture.rgb)
    assert (found.method, found.inversion) == ("ddim", "direct")
    assert found.rows == meter.rows == job.cost.rows[0]
    assert found.psnr == apart(PICTURE, edit.picture)
    assert found.round_trip is not None


def test_an_exact_method_changes_no_more_than_the_autoencoder() -> None:
    found = unasked(nothing_asked(asked(guidance=1), shared(), "edict"), Meter())
    assert found.round_trip is not None
    assert found.psnr == pytest.approx(found.round_trip, abs=0.1)


def test_any_method_takes_the_options_it_knows() -> None:
    job = nothing_asked(asked(inversion="direct", **{"inversion.every": 2}), shared(), "sdedit")
    assert (job.method.card.name, dict(job.asked.options)) == ("sdedit", {"steps": 2})
    own = edit_request("edit", "p2p", PICTURE, {"source": SOURCE, "target": "a dog"}, {"steps": 3})
    job = nothing_asked(own, shared())
    assert (job.method.card.name, job.cost.rows[0], job.asked.request.target) == ("p2p", 12, SOURCE)


def test_it_needs_to_know_what_the_picture_shows_and_a_method_that_exists() -> None:
    with pytest.raises(UsageError, match="give the source prompt"):
        nothing_asked(edit_request("invert", "invert", PICTURE, {}, {}), shared(), "ddim")
    with pytest.raises(UsageError, match="did you mean"):
        nothing_asked(asked(), shared(), "ddimm")
    generated = edit_request("generate", "generate", None, {"target": "a"}, {})
    with pytest.raises(UsageError):
        nothing_asked(generated, shared(), "ddim")


def test_in_python() -> None:
    told: dict[str, Any] = {"source": SOURCE, "steps": 2, "inversion": "direct"}
    plain = package.invert(PICTURE, model=shared(), look=False, **told)
    assert plain.unasked is None and plain.figures.unasked is None
    found = package.invert(PICTURE, model=shared(), check=True, look=False, **told)
    assert found.unasked is not None
    assert found.figures.unasked == found.unasked.psnr
    assert found.figures.rows == plain.figures.rows
    assert found.figures.check_rows == found.unasked.rows > 0
    other = package.invert(PICTURE, model=shared(), check="p2p", **told)
    assert other.unasked is not None and other.unasked.method == "p2p"
    with pytest.raises(UsageError, match="There is no method"):
        package.invert(PICTURE, model=shared(), check="p3p", **told)


def test_the_check_stops_with_the_work() -> None:
    def stop(meter: Meter) -> None:
        if meter.rows >= 4:
            meter.cancel()

    told: dict[str, Any] = {"source": SOURCE, "steps": 2, "inversion": "direct"}
    rows = package.invert(PICTURE, model=shared(), **told).figures.rows
    assert rows == 4
    with pytest.raises(Cancelled):
        package.invert(PICTURE, model=shared(), check=True, meter=Meter(on_tick=stop), **told)

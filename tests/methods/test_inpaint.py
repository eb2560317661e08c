"""Inpainting: what an ordinary network and one with nine channels make of a mask, and where they agree."""

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from tests.kit import gap, shared

from overpaint.contract.trial import SIZE, mask, picture, run
from overpaint.errors import UsageError
from overpaint.families.tiny import tiny
from overpaint.families.unet import UNetFamily
from overpaint.families.widen import narrow, widen
from overpaint.guides import CFG
from overpaint.masks.erased import erased, erased_pixels
from overpaint.meter import Meter
from overpaint.methods.blended_latent import BlendedLatent
from overpaint.methods.inpaint import Inpaint
from overpaint.model import Branch, Model
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Request, Task

STEPS = 4


def task(where: torch.Tensor | None = None, model: Model | None = None, seed: int = 0) -> Task:
    given = mask() if where is None else where
    request = Request(target="a photo of a dog", seed=seed)
    return Task.of(model or shared(), request, Inpaint.card.needs, picture(), SIZE, mask=given)


def made(given: Task, model: Model | None = None, meter: Meter | None = None, **options: object) -> Latent:
    method = Inpaint.model_validate({"steps": STEPS, **options})
    return run(model or shared(), method, given, meter).latents[0]


def nine() -> Model:
    """The ordinary tiny network, made to read five channels more that it thinks nothing of yet."""
    model = tiny("sd1")
    widen(cast(Any, model.net), 5)
    f = cast(UNetFamily, model.family)
    wide = UNetFamily("sd1-inpaint", f.schedule, f.codec, f.tokenizers, f.encoders, f.side, extra=5)
    return Model(model.net, wide)


def test_around_the_mask_the_latent_is_the_pictures_and_inside_it_is_not() -> None:
    given = task()
    end, keep = made(given), 1 - given.region("touched")
    assert torch.equal(end * keep, given.x0 * keep)
    assert gap(end * (1 - keep), given.x0 * (1 - keep)) > 1e-2


def test_where_all_may_change_it_is_plain_sampling_from_the_same_noise() -> None:
    given = task(torch.ones(1, 1, *SIZE))
    start = {"tgt": given.noise.normal(given.shape, "blend")}
    with torch.no_grad():
        branch = Branch("tgt", CFG(given.target, given.null, 7.5))
        plain = denoise(shared(), shared().path(STEPS), start, [branch])["tgt"]
    assert gap(made(given), plain) < 1e-6


def test_with_the_same_blending_it_is_blended_latent_diffusion() -> None:
    given = task()
    how = {"when": "after", "level": "next", "noise": "fixed"}
    method = BlendedLatent.model_validate({"steps": STEPS, "start": "noise", "blend": how})
    noise = {("blended", "tgt"): ("blend",)}

    class Renamed:
        def normal(self, shape: tuple[int, ...], *key: str | int) -> torch.Tensor:
            return given.noise.normal(shape, *noise.get(cast(Any, key), key))

        def integers(self, low: int, high: int, shape: tuple[int, ...], *key: str | int) -> torch.Tensor:
            return given.noise.integers(low, high, shape, *key)

    other = run(shared(), method, replace(given, noise=Renamed())).latents[0]
    assert torch.equal(made(given, blend=how), other)


def test_a_network_that_thinks_nothing_of_the_mask_draws_as_the_ordinary_one_for_any_mask() -> None:
    wide = nine()
    given = task(model=wide)
    whole = task(torch.ones(1, 1, *SIZE))
    assert gap(made(given, wide), made(whole)) < 1e-6
    old, new = narrow(cast(Any, wide.net), 4)
    assert torch.equal(old, cast(Any, shared().net).conv_in.weight) and not new.any()


def test_an_inpainting_network_is_shown_a_hole_and_does_not_know_what_was_in_it() -> None:
    model = shared("sd1-inpaint")
    given = task(model=model)
    told = erased(model, given, "touched")
    assert told.shape == (1, 5, 8, 8)
    assert torch.equal(told[:, :1], given.region("touched"))
    assert not erased_pixels(given, "touched")[..., : SIZE[1] // 2].any()
    pixels = given.pixels.clone()
    pixels[..., : SIZE[1] // 2] = 0.3
    other = replace(given, given_pixels=pixels, given_x0=None)
    full = made(replace(given, given_x0=given.x0), model)
    assert torch.equal(full, made(replace(other, given_x0=torch.zeros_like(given.x0)), model))


def test_a_feather_hides_no_part_of_a_thing_from_the_mask() -> None:
    soft = mask() * 0.2
    given = task(soft, shared("sd1-inpaint"))
    assert not erased_pixels(given, "touched")[..., : SIZE[1] // 2].any()
    assert given.region("touched").any() and not given.region("half").any()


@pytest.mark.parametrize(("strength", "rows"), [(1.0, 8), (0.6, 4), (0.25, 2)])
def test_strength_says_how_many_steps_are_walked(strength: float, rows: int) -> None:
    for shape in ("sd1", "sd1-inpaint"):
        meter = Meter()
        made(task(model=shared(shape)), shared(shape), meter, strength=strength)
        assert meter.rows == rows


def test_what_could_not_act_is_said() -> None:
    thin = torch.zeros(1, 1, *SIZE)
    thin[..., 5, 4:20] = 1
    made(task(thin))  # any pixel counts by itself
    with pytest.raises(UsageError, match="thinner than a cell"):
        made(task(thin), blend={"cells": "half"})
    with pytest.raises(UsageError, match="a larger strength"):
        made(task(), strength=0.1)

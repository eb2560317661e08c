"""Blending: the published conventions, and what each of them makes of the background."""

from dataclasses import replace

import pytest
import torch
from tests.kit import draw, gap, shared, single
from torch import Tensor

from overpaint.errors import OverpaintError
from overpaint.masks.blend import Blend, Blending, pasted
from overpaint.meter import Meter
from overpaint.model import Branch
from overpaint.noise import Noise
from overpaint.sample import Latents, ddim, denoise, each

SOURCE = draw(1, 4, 8, 8, seed=4)
PATH = shared().path(4)
LEFT = torch.cat([torch.ones(1, 1, 8, 4), torch.zeros(1, 1, 8, 4)], -1)

END = {"when": "after", "level": "next"}


def blend(how: dict[str, str] | None = None, mask: Tensor = LEFT, until: int | None = None) -> Blend:
    return Blend(PATH, SOURCE, [mask], Noise(0), Blending.model_validate(how or {}), until)


@pytest.mark.parametrize(
    ("how", "level"),
    [
        ({"when": "before", "level": "current"}, 2),
        ({"when": "after", "level": "current"}, 2),
        ({"when": "after", "level": "next"}, 3),
    ],
)
def test_the_background_is_the_source_at_the_level_that_is_said(how: dict[str, str], level: int) -> None:
    one, x = blend(how), draw(1, 4, 8, 8, seed=9)
    act, idle = (one.before, one.after) if how["when"] == "before" else (one.after, one.before)
    made = act(2, {"tgt": x})["tgt"]
    noise = Noise(0).normal((1, 4, 8, 8), "blend", 2)
    assert torch.equal(made[..., :4], x[..., :4])
    assert torch.equal(made[..., 4:], PATH.noised(SOURCE, noise, level)[..., 4:])
    assert idle(2, {"tgt": x})["tgt"] is x


def test_noise_may_be_fixed_shared_or_each_result_s_own() -> None:
    nothing = torch.zeros(1, 1, 8, 8)
    xs: Latents = {"tgt": SOURCE, "tgt2": SOURCE}

    def made(noise: str, i: int) -> Latents:
        return blend({"noise": noise}, nothing).before(i, xs)

    fixed, shared_, own = (made(noise, 1) for noise in ("fixed", "shared", "own"))
    assert torch.equal(fixed["tgt"], fixed["tgt2"]) and torch.equal(shared_["tgt"], shared_["tgt2"])
    assert not torch.equal(own["tgt"], own["tgt2"])
    alpha, sigma = PATH.alpha, PATH.sigma
    draws = [(made("fixed", i)["tgt"] - alpha[i] * SOURCE) / sigma[i] for i in (0, 1)]
    assert gap(*draws) < 1e-4
    fresh = [(made("shared", i)["tgt"] - alpha[i] * SOURCE) / sigma[i] for i in (0, 1)]
    assert gap(*fresh) > 0.1


def test_the_end_is_clean_or_keeps_a_last_bit_of_noise() -> None:
    nothing = torch.zeros(1, 1, 8, 8)
    clean = blend(END | {"end": "clean"}, nothing).after(3, {"tgt": SOURCE * 0})["tgt"]
    noisy = blend(END | {"end": "noisy"}, nothing).after(3, {"tgt": SOURCE * 0})["tgt"]
    assert torch.equal(clean, SOURCE)
    assert 0 < gap(noisy, PATH.alpha[4] * SOURCE) < 0.2


def test_a_mask_that_is_white_everywhere_changes_nothing() -> None:
    x = draw(1, 4, 8, 8, seed=5)
    assert torch.equal(blend(mask=torch.ones(1, 1, 8, 8)).before(1, {"tgt": x})["tgt"], x)


def test_several_masks_follow_each_other_in_equal_stretches() -> None:
    masks = [k * torch.ones(1, 1, 8, 8) for k in (3.0, 2.0, 1.0)]
    one = replace(blend(), path=shared().path(10), masks=masks)
    assert [float(one.mask(i).max()) for i in range(10)] == [3] * 4 + [2] * 4 + [1] * 2


def test_from_a_step_on_it_lets_be() -> None:
    x = draw(1, 4, 8, 8, seed=5)
    one = blend(until=2)
    assert not torch.equal(one.before(1, {"tgt": x})["tgt"], x)
    assert one.before(2, {"tgt": x})["tgt"] is x


def test_blending_in_pixels_keeps_the_picture_outside_to_the_round_trip() -> None:
    model, meter = shared(), Meter()
    pixels = torch.tanh(draw(1, 3, 32, 32, seed=2))
    mask = torch.nn.functional.interpolate(LEFT, (32, 32))
    nothing, branch = torch.zeros_like(mask), Branch("tgt", single().guide)
    ends: list[Tensor] = []
    for m in (nothing, mask):
        solver = pasted(model, pixels, m, Noise(0), 2, each(ddim))
        with torch.no_grad(), model.metered(meter):
            ends.append(denoise(model, PATH, {"tgt": SOURCE}, [branch], solver=solver)["tgt"])
    assert meter.decodes == 4
    noise = [Noise(0).normal((1, 4, 8, 8), key, "tgt", 3) for key in ("encode", "again")]
    with torch.no_grad():
        want = PATH.noised(model.family.encode(pixels, noise[0]), noise[1], 3)
    assert gap(ends[0], want) < 1e-5
    assert gap(ends[1], want) > 0.01


def test_a_pair_of_latents_is_refused_by_the_network_call() -> None:
    model = shared()
    with pytest.raises(OverpaintError, match="'tgt' holds 2 latents"):
        model.predict({"tgt": draw(2, 4, 8, 8)}, 0, PATH, [Branch("tgt", single().guide)])

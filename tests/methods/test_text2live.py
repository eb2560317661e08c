"""Text2LIVE: what a layer is at its ends, that CLIP and the picture alone decide, and a killed learning."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import gap, shared

from overpaint.card import Need
from overpaint.contract.trial import SIZE, network, picture, run
from overpaint.errors import UsageError
from overpaint.families.tiny import tiny_eye
from overpaint.files.fingerprint import tensor_hash
from overpaint.inversions.cache import Cache
from overpaint.losses.clip import TEMPLATES
from overpaint.meter import Cancelled, Meter
from overpaint.methods.text2live import LAYER, Text2LIVE
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.outcome import Outcome
from overpaint.task import Request, Task
from overpaint.tune.edit_layer import FLOOR, LayerLearning, picked, told
from overpaint.tune.patch import Weights

FEW: dict[str, Any] = {"updates": 3, "views": 2, "channels": 4, "whole_every": 2}
NEEDS = frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET})


def task(model: Model, seed: int = 0, size: tuple[int, int] = SIZE, target: str = "a photo of a dog") -> Task:
    seen = torch.nn.functional.interpolate(picture(), size, mode="bilinear")
    return Task.of(model, Request(source="a photo of a cat", target=target, seed=seed), NEEDS, seen, size)


def text2live(learning: Mapping[str, Any] | None = None, **options: Any) -> Text2LIVE:
    return Text2LIVE.model_validate({"learning": {**FEW, **(learning or {})}, **options})


def seeing() -> Model:
    return replace(shared(), open_eye=tiny_eye)


def made(method: Text2LIVE, model: Model | None = None, meter: Meter | None = None, **how: Any) -> Outcome:
    model = model or seeing()
    return run(model, method, task(model, **how), meter)


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
def test_the_result_is_the_layer_laid_over_the_picture(size: tuple[int, int]) -> None:
    found = made(text2live(), size=size)
    (pixels,), layer = found.pixels, found.layers[LAYER]
    source = task(seeing(), size=size).pixels
    assert layer.shape == (1, 4, *size) and 0 <= float(layer[:, 3:].min()) and float(layer[:, 3:].max()) <= 1
    assert gap(pixels, layer[:, 3:] * layer[:, :3] + (1 - layer[:, 3:]) * source) < 1e-5


def test_neither_the_denoiser_nor_the_family_has_a_say() -> None:
    one, other = (made(text2live(), network(Text2LIVE, shape)).pixels[0] for shape in ("sd1", "pixel"))
    assert torch.equal(one, other)
    meter = Meter()
    made(text2live(), meter=meter)
    assert (meter.rows, meter.updates, meter.backwards) == (0, 3, 3)


def test_words_the_layer_and_the_region_are_read_from_are_all_heard() -> None:
    plain = made(text2live()).pixels[0]
    several: list[dict[str, Any]] = [{"screen": "snow"}, {"where": "cat"}, {"where": "cat", "leave": "dog"}]
    for options in several:
        assert not torch.equal(made(text2live(**options)).pixels[0], plain)
    assert not torch.equal(made(text2live(), target="a tiger").pixels[0], plain)
    told_apart = made(text2live(where="cat")).pixels[0], made(text2live(where="cat", leave="dog")).pixels[0]
    assert not torch.equal(*told_apart)


def test_more_updates_make_the_losses_smaller() -> None:
    meter = Meter()
    made(text2live({"updates": 40, "views": 3, "channels": 8}), meter=meter)
    losses = meter.notes["learning"]
    assert sum(losses[-8:]) < 0.97 * sum(losses[:8])


def test_clip_and_the_model_are_left_as_they_were() -> None:
    model, eye = seeing(), tiny_eye()
    before = tensor_hash(*eye.vision.state_dict().values())
    made(text2live(where="cat"), model)
    assert tensor_hash(*eye.vision.state_dict().values()) == before
    assert not any(p.requires_grad or p.grad is not None for p in eye.vision.parameters())


def test_a_killed_learning_goes_on_and_equals_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpaint.files.store.PATIENCE", 0.0)
    method = text2live({"updates": 5}, where="cat")
    whole = made(method)
    model = replace(seeing(), cache=Cache(tmp_path / "inversions"))
    stop = Meter(on_tick=lambda m: m.cancel() if m.updates == 3 else None)
    with pytest.raises(Cancelled):
        made(method, model, stop)
    after, again = Meter(), Meter()
    assert torch.equal(made(method, model, after).pixels[0], whole.pixels[0])
    assert 0 < after.updates < 5
    assert torch.equal(made(method, model, again).pixels[0], whole.pixels[0]) and again.updates == 0


def test_another_clip_or_other_words_are_learned_anew(tmp_path: Path) -> None:
    model, method = replace(seeing(), cache=Cache(tmp_path / "inversions")), text2live()
    made(method, model)
    blind = network(Text2LIVE, "pixel")  # hears no word by itself, so that only their letters tell them apart
    blind.cache = model.cache
    made(method, blind)
    meters = [Meter() for _ in range(3)]
    made(method, blind, meters[0], target="a tiger")
    made(method, blind, meters[1])
    darker = replace(tiny_eye(), vision=torch.nn.Sequential(tiny_eye().vision, torch.nn.Linear(1, 1)))
    assert darker.fingerprint != tiny_eye().fingerprint
    made(text2live({"views": 3}), blind, meters[2])
    assert [meter.updates for meter in meters] == [3, 0, 3]


def test_what_was_learned_is_a_file_that_changes_nothing_of_a_model(tmp_path: Path) -> None:
    model = seeing()
    found = made(text2live(), model)
    (patch,) = found.learned
    assert isinstance(patch, Weights) and not patch.tensors
    patch.save(tmp_path / "layer.safetensors")
    kept = Weights.load(tmp_path / "layer.safetensors")
    layer, _ = text2live().learning.painted(kept.more, task(model).pixels)
    assert gap(layer[:, 3:], found.layers[LAYER][:, 3:]) == 0
    with model.patched(kept):
        assert model.content != model.fingerprint


def test_the_regions_say_falls_as_the_paper_and_the_code_have_it() -> None:
    linear = LayerLearning(region_updates=10)
    assert linear.weight(0) == pytest.approx(9) and linear.weight(9) == 0 and linear.weight(10) == 0
    falling = LayerLearning(region_fall="exponential", region_least=9.5)
    assert [falling.weight(k) for k in (0, 1, 100)] == pytest.approx([9.9, 9.801, 9.5])
    assert LayerLearning(region_fall="constant").weight(999) == 10


def test_the_rate_never_falls_below_its_floor() -> None:
    pace = LayerLearning().pace
    assert pace(0) == 2.5e-3 and pace(1) == pytest.approx(2.475e-3) and pace(900) == FLOOR == pace(10**5)


def test_at_its_defaults_it_costs_what_the_published_code_costs() -> None:
    official, mine = Text2LIVE.card.official, Text2LIVE.card.cost(Text2LIVE())
    assert official is not None and mine.looks == official.looks and mine.updates == official.updates


def test_some_sentences_are_asked_from_one_to_all_and_none_that_is_not_there() -> None:
    several = [picked(Noise(), k, "words", 14) for k in range(200)]
    assert {1, 14} <= {len(some) for some in several} and max(map(len, several)) <= 14
    assert {j for some in several for j in some} == set(range(14))
    assert any(len(set(some)) < len(some) for some in several)


def test_of_templates_those_stay_that_a_model_was_taught_the_words_of() -> None:
    model = seeing()
    given = Text2LIVE().texts(task(model))
    plain = told(tiny_eye(), given, ())
    assert len(plain.target) == len(plain.source) == len(TEMPLATES) and len(plain.screen) == 2
    few = told(tiny_eye(), given, ["photo", "of", "a"])
    assert len(few.target) < len(TEMPLATES) and len(few.screen) == 1


@pytest.mark.parametrize(
    ("options", "learning", "said"),
    [
        ({"leave": "dog"}, {}, "What stays is told from what changes"),
        ({}, {"region_updates": 5}, "no region for its updates"),
        ({"screen": "dog " * 40}, {}, "too long|tokens"),
    ],
)
def test_what_could_have_no_effect_is_refused(
    options: dict[str, Any], learning: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        made(text2live(learning, **options))


def test_a_model_without_clip_and_a_picture_that_is_too_small_are_refused() -> None:
    with pytest.raises(UsageError, match="no image tower of CLIP"):
        made(text2live(), shared())
    small = replace(task(seeing()), given_pixels=torch.zeros(1, 3, 2, 40))
    with pytest.raises(UsageError, match="too small to learn a layer"):
        run(seeing(), text2live(), small)

"""Imagic: its laws, its memory of a killed learning, and that nothing tuned reaches the next edit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import clean, draw, gap, shared, text

from overpaint.errors import NotFinite, UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.files.fingerprint import tensor_hash
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.methods.generate import Generate
from overpaint.methods.imagic import Imagic
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.outcome import Outcome, outcome_of
from overpaint.path import Latent
from overpaint.task import Task
from overpaint.tune.denoising import missed
from overpaint.tune.imagic import between
from overpaint.tune.patch import Weights

TARGET = "a dog on the grass"
X0 = draw(1, 4, 8, 8, seed=11)
FEW: dict[str, Any] = {"text_updates": 3, "updates": 3, "rank": 2}


def task(shape: Shape = "sd1") -> Task:
    null = shared(shape).family.null()
    return Task((1, 4, 8, 8), null, Noise(0), X0, None, text(shape, TARGET))


def imagic(**learning: Any) -> Imagic:
    return Imagic.model_validate({"steps": 3, "guidance": 5.0, "learning": {**FEW, **learning}})


def run(model: Model, method: Imagic | Generate, given: Task, meter: Meter | None = None) -> Outcome:
    with torch.no_grad(), model.metered(meter or Meter()):
        return outcome_of(method(model, given))


def ends(made: Outcome) -> list[Latent]:
    return list(made.latents)


def weights(model: Model) -> str:
    return tensor_hash(*model.net.state_dict().values())


@pytest.mark.parametrize("shape", SHAPES)
def test_without_an_update_it_is_text_to_image_for_every_eta(shape: Shape) -> None:
    still = imagic(text_updates=0, updates=0).changed(eta=(0.0, 0.7, 1.2))
    plain = ends(run(shared(shape), Generate(steps=3, guidance=5.0), task(shape)))
    assert all(torch.equal(one, *plain) for one in ends(run(shared(shape), still, task(shape))))


def test_the_text_between_is_affine_and_exact_at_both_ends() -> None:
    target = text("sdxl", TARGET)
    assert target.pooled is not None
    learned = {"states": target.states + 0.1 * draw(*target.states.shape), "pooled": target.pooled + 1}
    made = {eta: between(target, learned, eta) for eta in (0.0, 0.5, 1.0, 2.0)}
    assert torch.equal(made[0.0].states, learned["states"]) and torch.equal(made[1.0].states, target.states)
    assert gap(made[0.5].states, (learned["states"] + target.states) / 2) < 1e-6
    assert gap(made[2.0].states, 2 * target.states - learned["states"]) < 1e-6
    pooled = made[0.5].pooled
    assert pooled is not None and gap(pooled, target.pooled + 0.5) < 1e-6
    assert made[0.5].words == target.words


@pytest.mark.parametrize(("shape", "tune"), [("sd1", "full"), ("sd2", "full"), ("sdxl", "low-rank")])
def test_each_part_brings_the_network_nearer_to_the_picture(shape: Shape, tune: str) -> None:
    """On the same draws: with the text tuned less is missed, and less again with the network tuned too."""
    model, given = tiny(shape), task(shape)
    learning = imagic(text_updates=12, text_rate=0.05, updates=12, rate=0.03, tune=tune).learning
    before = weights(model)
    with torch.no_grad():
        found = learning.learned(model, [X0], {"target": given.target}, Noise(0))
    patch = learning.patch(found, model)
    assert weights(model) == before and clean(model)
    assert not any(p.requires_grad for p in model.net.parameters())

    def loss(eta: float) -> float:
        chosen = between(given.target, patch.more, eta)
        with torch.no_grad():
            return sum(float(missed(model, X0, chosen, Noise(5), k)) for k in range(16))

    plain, tuned = loss(1.0), loss(0.0)
    with model.patched(patch):
        both = loss(0.0)
    assert both < tuned < plain
    assert weights(model) == before


def test_the_text_moves_by_no_more_than_its_rate_allows() -> None:
    given = task()
    patch = shared_patch(imagic(text_updates=4, text_rate=0.01, updates=0), given)
    moved = gap(patch.more["states"], given.target.states)
    assert 0 < moved <= 4 * 0.01 * 1.01 and not patch.tensors


def shared_patch(method: Imagic, given: Task) -> Weights:
    with torch.no_grad():
        return method.learn(shared(given_shape(given)), given)


def given_shape(given: Task) -> Shape:
    return "sdxl" if given.target.pooled is not None else "sd1"


@pytest.mark.parametrize("pooled", [True, False])
def test_what_sdxl_pools_is_tuned_or_left(pooled: bool) -> None:
    given = task("sdxl")
    patch = shared_patch(imagic(updates=0, pooled=pooled), given)
    assert ("pooled" in patch.more) == pooled
    first = between(given.target, patch.more, 0.0).pooled
    assert first is not None and given.target.pooled is not None
    assert torch.equal(first, given.target.pooled) != pooled


@pytest.mark.parametrize("tune", ["low-rank", "full"])
def test_nothing_tuned_reaches_the_next_edit(tune: str) -> None:
    model = tiny("sd1")
    before, plain = weights(model), Generate(steps=3, guidance=5.0)
    first = ends(run(model, plain, task()))
    run(model, imagic(tune=tune, rate=0.1), task())
    assert weights(model) == before
    assert torch.equal(*first, *ends(run(model, plain, task())))


def stops(at: int) -> Meter:
    return Meter(on_tick=lambda m: m.cancel() if m.updates == at else None)


@pytest.mark.parametrize(("tune", "at"), [("low-rank", 2), ("low-rank", 5), ("full", 5)])
def test_a_killed_learning_goes_on_and_equals_an_unbroken_one(
    tune: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpaint.files.store.PATIENCE", 0.0)
    model, method = tiny("sd1"), imagic(tune=tune)
    whole = ends(run(model, method, task()))
    cache = Cache(tmp_path / "inversions")
    with model.keeping(cache):
        with pytest.raises(Cancelled):
            run(model, method, task(), stops(at))
        again = Meter()
        assert torch.equal(*whole, *ends(run(model, method, task(), again)))
        assert again.updates == 6 - at
        third = Meter()
        several = ends(run(model, method.changed(eta=(0.7, 1.0)), task(), third))
    assert third.updates == 0 and torch.equal(several[0], *whole)


def test_a_full_disk_costs_a_warning_and_keeps_the_last_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edit is made all the same; the next one goes on from what could be written before."""
    from overpaint.files import atomic

    monkeypatch.setattr("overpaint.files.store.PATIENCE", 0.0)
    model, method, real, written = tiny("sd1"), imagic(), atomic.write, list[int]()

    def full_after_four(*args: Any, **named: Any) -> None:
        written.append(1)
        if len(written) > 4:
            raise OSError(28, "No space left on device")
        real(*args, **named)

    with model.keeping(Cache(tmp_path / "inversions")):
        monkeypatch.setattr(atomic, "write", full_after_four)
        with pytest.warns(UserWarning, match="No space left"):
            whole = ends(run(model, method, task()))
        monkeypatch.setattr(atomic, "write", real)
        again = Meter()
        assert torch.equal(*whole, *ends(run(model, method, task(), again)))
    assert again.updates == 2


def test_it_is_used_again_from_a_file(tmp_path: Path) -> None:
    model, file = tiny("sd1"), tmp_path / "picture.safetensors"
    first = run(model, imagic(), task())
    (patch,) = first.learned
    assert isinstance(patch, Weights)
    patch.save(file)
    known = Imagic(steps=3, guidance=5.0, learned=str(file))
    meter = Meter()
    assert torch.equal(*ends(first), *ends(run(model, known, task(), meter)))
    assert meter.updates == 0 == known.card.cost(known).updates[1]
    assert known.learned == Imagic(learned=known.learned).learned


def test_what_was_learned_elsewhere_is_refused_unless_forced(tmp_path: Path) -> None:
    model, file = tiny("sd1"), tmp_path / "picture.safetensors"
    (patch,) = run(model, imagic(), task()).learned
    assert isinstance(patch, Weights)
    Weights(patch.tensors, "others", patch.about, patch.more).save(file)
    known = Imagic(steps=3, guidance=5.0, learned=str(file))
    with pytest.raises(
        UsageError, match=r"picture\.safetensors was learned on tiny-sd1 with other weights.*--force"
    ):
        known.check(model, task())
    forced = known.changed(force=True)
    forced.check(model, task())
    run(model, forced, task())
    with pytest.raises(UsageError, match="which this model does not have"):
        forced.check(tiny("sdxl"), task("sdxl"))
    Weights({}, "", {"method": "diffusion-clip"}, patch.more).save(file)
    with pytest.raises(UsageError, match="not what it was"):
        known.changed()
    with pytest.raises(UsageError, match="learned for diffusion-clip, not for imagic"):
        Imagic(learned=str(file)).check(model, task())


def test_learning_options_beside_a_file_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "picture.safetensors"
    Weights({}, "", {"method": "imagic"}).save(file)
    with pytest.raises(ValueError, match="was learned already"):
        Imagic.model_validate({"learned": str(file), "learning": {"updates": 5}})
    with pytest.raises(ValueError, match="give the file"):
        Imagic(force=True)


def test_learning_that_diverges_says_where_and_at_which_rate() -> None:
    method = imagic(updates=50, tune="full", rate=1.0)
    with pytest.raises(NotFinite, match=r"at update \d+.*rate 1"):
        run(tiny("sd1"), method, task())


def test_half_precision_is_tuned_at_low_rank_only() -> None:
    model = tiny("sd1")
    model.dtype = torch.bfloat16
    imagic().check(model, task())
    with pytest.raises(UsageError, match="half precision"):
        imagic(tune="full").check(model, task())
    imagic(tune="full", updates=0).check(model, task())


def test_sparing_memory_learns_the_same() -> None:
    model = tiny("sd1")
    plain, spared = (ends(run(model, imagic(sparing=on), task())) for on in (False, True))
    assert gap(*plain, *spared) < 1e-5
    assert not model.net.is_gradient_checkpointing


def test_a_stretch_is_said_on_one_line() -> None:
    assert Imagic.model_validate({"eta": "0.4:1.0:0.2"}).eta == (0.4, 0.6, 0.8, 1.0)
    assert Imagic.model_validate({"eta": "0.7"}).eta == 0.7
    assert Imagic.model_validate({"eta": "0.5, 1"}).eta == (0.5, 1.0)
    for wrong in ("", "a:b:c", "0:1:0", "1:0:0.1", "0:4:0.01", "9"):
        with pytest.raises(ValueError, match="eta"):
            Imagic.model_validate({"eta": wrong})

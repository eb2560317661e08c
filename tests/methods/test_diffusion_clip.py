"""DiffusionCLIP: its laws, its memory of a killed learning, and that nothing tuned reaches the next edit."""

from copy import deepcopy
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import clean, draw, gap

from overpaint.contract.trial import run
from overpaint.errors import NotFinite, UsageError
from overpaint.families.tiny import Shape, tiny, tiny_eye
from overpaint.files.fingerprint import tensor_hash
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.methods.diffusion_clip import DiffusionCLIP, learned_as
from overpaint.methods.generate import Generate
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.task import Task
from overpaint.tune.diffusion_clip import DiffusionCLIPLearning, Goal, Learner
from overpaint.tune.patch import Weights

SOURCE, TARGET = "a cat on grass", "a red dog"
FEW: dict[str, Any] = {"to_noise": 3, "back": 2, "passes": 2, "rank": 2, "rate": 0.01}


def model_of(shape: Shape = "sd1") -> Model:
    model = tiny(shape)
    model.open_eye = tiny_eye
    return model


def task(model: Model, target: str | None = TARGET, **more: Any) -> Task:
    family, shape = model.family, model.shape(32, 32)
    x0 = draw(*shape, seed=11).tanh()
    wished = None if target is None else family.text(target)
    return Task(shape, family.null(), Noise(0), x0, family.text(SOURCE), wished, encode=family.text, **more)


def method(learning: dict[str, Any] | None = None, **more: Any) -> DiffusionCLIP:
    how = {**FEW, **(learning or {})}
    return DiffusionCLIP.model_validate({"steps": 3, "to_noise": 3, "learning": how, **more})


def ends(made: Outcome) -> list[Latent]:
    return list(made.latents)


def weights(model: Model) -> str:
    return tensor_hash(*model.net.state_dict().values())


def learned(model: Model, o: DiffusionCLIP, given: Task, meter: Meter | None = None) -> Weights:
    with torch.no_grad(), model.metered(meter or Meter()):
        return o.learn(model, given)


@pytest.mark.parametrize("shape", ["sd1", "sd2", "pixel"])
def test_without_a_share_it_is_what_the_network_as_it_was_gives_back(shape: Shape) -> None:
    model = model_of(shape)
    given, o = task(model), method(share=(0.0, 0.5, 1.0))
    none, half, whole = ends(run(model, o, given))
    untuned = method({"passes": 0}, share=(0.0, 0.5, 1.0))
    same = ends(run(model, untuned, given))
    assert torch.equal(none, same[0]) and gap(same[1], none) < 1e-5 and torch.equal(same[2], none)
    assert min(gap(half, none), gap(whole, none), gap(half, whole)) > 1e-5
    assert clean(model)


def test_no_answer_of_the_tuned_network_is_asked_for_without_a_share() -> None:
    model = model_of()
    given, patch = task(model), learned(model, method(), task(model))
    from overpaint.methods.diffusion_clip import back, begun, learned_as
    from overpaint.tune.asymmetric import stairs

    o = method()
    how = learned_as(o, [patch])
    counts = list[int]()
    with torch.no_grad():
        x, path = begun(o, model, given, how), stairs(model, how.level, o.steps)
        for share in (0.0, 0.5, 1.0):
            with model.metered(Meter()) as meter:
                back(o, model, given, path, x, [patch], share)
            counts.append(meter.rows)
    assert counts == [3, 6, 3]


@pytest.mark.parametrize(("mode", "updates", "rows"), [("quick", 2, 2 * 2 + 4), ("each-step", 4, 2 * 2 + 4)])
def test_updates_and_rows_are_as_many_as_published(mode: str, updates: int, rows: int) -> None:
    model, meter = model_of(), Meter()
    pictures = {"examples": [draw(1, 3, 32, 32, seed=k).tanh() for k in (1, 2)]}
    o = method({"mode": mode, "passes": 1, "pictures": 2})
    learned(model, o, task(model, given_pictures=pictures), meter)
    assert (meter.updates, meter.backwards, meter.rows) == (updates, updates, rows)
    assert meter.rows == o.learning.cost().rows[1] and meter.looks == o.learning.cost().looks[1]


def learner(model: Model, **more: Any) -> Learner:
    how = DiffusionCLIPLearning.model_validate({**FEW, "back": 3, **more})
    family = model.family
    texts = {"source": family.text(SOURCE), "target": family.text(TARGET)}
    goal = Goal.of(how, model, texts)
    x0 = task(model).x0
    with torch.no_grad():
        return Learner(how, model, texts["source"], [x0 * 2], [goal.seen(model, x0)], goal)


def test_the_loss_of_a_picture_that_has_not_moved_is_the_logarithm_of_two() -> None:
    model = model_of()
    own = learner(model, l1_weight=5.0)
    still = own.goal.missed(model, task(model).x0, own.seen[0])
    assert float(still) == pytest.approx(3 * log(2), abs=1e-4)


def test_quick_tuning_hears_of_every_step() -> None:
    """The gradient of the whole way back is that of all its calls: with any of them cut off it is another."""
    model = model_of()
    own = learner(model)
    net: Any = model.net
    bias: torch.Tensor = net.conv_in.bias

    def gradient(cut: int | None) -> torch.Tensor:
        real, calls = own.believed, list[int]()

        def some(x: Latent, i: int) -> Any:
            calls.append(i)
            if i != cut:
                return real(x, i)
            bias.requires_grad_(False)
            p = real(x, i)
            bias.requires_grad_(True)
            return p

        own.believed = some
        bias.requires_grad_(True)
        with torch.enable_grad():
            found = torch.autograd.grad(own.quick(0), [bias])
        bias.requires_grad_(False)
        own.believed = real
        return found[0]

    whole = gradient(None)
    assert all(gap(gradient(i), whole) > 1e-6 * float(whole.abs().max()) for i in range(3))


def test_step_by_step_each_loss_is_of_its_own_call() -> None:
    """The next latent carries no graph, and the walk of the next picture begins anew."""
    model = model_of()
    own = learner(model)
    net: Any = model.net
    net.conv_in.bias.requires_grad_(True)
    with torch.enable_grad():
        for k in range(4):
            loss = own.step(k)
            assert loss.requires_grad and own.x is not None and not own.x.requires_grad
    net.conv_in.bias.requires_grad_(False)
    assert own.x is not None
    again = learner(model)
    with torch.no_grad():
        again.step(0)
    assert again.x is not None and torch.equal(own.x, again.x)


def test_the_rate_grows_with_each_pass() -> None:
    model = model_of()
    own = learner(model, mode="each-step", passes=3, rate=0.1, rise=2.0)
    assert [own.rate(k) for k in (0, 2, 3, 5, 6, 8)] == [0.1, 0.1, 0.2, 0.2, 0.4, 0.4]


@pytest.mark.parametrize("tune", ["low-rank", "full"])
def test_nothing_tuned_reaches_the_next_edit(tune: str) -> None:
    model = model_of()
    before, plain = weights(model), Generate(steps=3, guidance=5.0)
    first = ends(run(model, plain, task(model)))
    run(model, method({"tune": tune}, share=(0.5, 1.0)), task(model))
    assert weights(model) == before and not any(p.requires_grad for p in model.net.parameters())
    assert torch.equal(*first, *ends(run(model, plain, task(model))))


def test_learning_leads_where_the_prompts_lead() -> None:
    model = model_of()
    o, meter = method({"passes": 12, "rise": 1.0, "l1_weight": 0.0, "tune": "full", "rate": 0.003}), Meter()
    learned(model, o, task(model), meter)
    course = meter.notes["direction"]
    assert course[-1] < course[0] - 0.05


@pytest.mark.parametrize(("mode", "at"), [("quick", 1), ("each-step", 1), ("each-step", 3)])
def test_a_killed_learning_goes_on_and_equals_an_unbroken_one(
    mode: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpaint.files.store.PATIENCE", 0.0)
    model = model_of()
    o, given = method({"mode": mode}), task(model)
    whole = ends(run(model, o, given))
    stop = Meter(on_tick=lambda m: m.cancel() if m.updates == at else None)
    with model.keeping(Cache(tmp_path / "inversions")):
        with pytest.raises(Cancelled):
            run(model, o, given, stop)
        again, third = Meter(), Meter()
        assert torch.equal(*whole, *ends(run(model, o, given, again)))
        assert again.updates == o.learning.updates - at
        several = ends(run(model, o.changed(share=(1.0, 0.5)), given, third))
    assert third.updates == 0 and torch.equal(several[0], *whole)


def test_it_is_used_again_from_files(tmp_path: Path) -> None:
    model = model_of()
    given, files = task(model), list[str]()
    first = run(model, method(), given)
    for k, rate in enumerate((0.01, 0.05)):
        (patch,) = run(model, method({"rate": rate}), given).learned
        assert isinstance(patch, Weights) and patch.about["target"] == TARGET
        patch.save(tmp_path / f"{k}.safetensors")
        files.append(str(tmp_path / f"{k}.safetensors"))
    free = task(model, None)
    known = DiffusionCLIP.model_validate({"steps": 3, "to_noise": 3, "learned": files[0]})
    meter = Meter()
    assert torch.equal(*ends(first), *ends(run(model, known, free, meter)))
    assert meter.updates == 0 and meter.rows == known.card.cost(known).rows[1] == 2 + 3

    def both(*shares: str) -> Latent:
        o = known.changed(learned=",".join(files), several=list(shares))
        return ends(run(model, o, free))[0]

    one, other = (ends(run(model, known.changed(learned=file), free))[0] for file in files)
    assert gap(both("0=1,0"), one) < 1e-5 and gap(both("0=0,1"), other) < 1e-5
    assert min(gap(both("300=1,0", "0=0,1"), one), gap(both("300=1,0", "0=0,1"), other)) > 1e-5
    twice = known.changed(learned=f"{files[0]},{files[0]}", several=["0=0.3,0.7"])
    assert gap(ends(run(model, twice, free))[0], one) < 1e-4
    with pytest.raises(UsageError, match="leads to 'a red dog'"):
        known.check(model, task(model, "a blue dog"))
    known.check(model, given)
    with pytest.raises(UsageError, match="need their shares"):
        known.changed(learned=",".join(files)).check(model, free)


def test_learning_is_known_by_the_clip_and_the_words_it_learned_with() -> None:
    model, other, learning = model_of(), model_of(), method().learning
    vision = deepcopy(tiny_eye().vision)
    next(iter(vision.parameters())).data.add_(1)
    other.open_eye = lambda: replace(tiny_eye(), vision=vision)
    known = {tuple(learning.depends(one)) for one in (model, other)}
    model.suits = model.suits.changed(vocabulary=("cat", "dog"))
    known.add(tuple(learning.depends(model)))
    assert len(known) == 3


def test_what_was_learned_with_options_that_are_gone_is_refused() -> None:
    with pytest.raises(UsageError, match="options that this overpaint does not have"):
        learned_as(method(), [Weights({}, "", {"options": '{"gone": 1}'})])


def test_what_was_learned_elsewhere_is_refused_unless_forced(tmp_path: Path) -> None:
    model, file = model_of(), tmp_path / "dogs.safetensors"
    given = task(model)
    patch = learned(model, method(), given)
    Weights(patch.tensors, "others", patch.about).save(file)
    known = DiffusionCLIP.model_validate({"steps": 3, "to_noise": 3, "learned": str(file)})
    with pytest.raises(UsageError, match=r"dogs\.safetensors was learned on tiny-sd1 with other.*--force"):
        known.check(model, given)
    forced = known.changed(force=True)
    forced.check(model, given)
    assert len(ends(run(model, forced, given))) == 1
    Weights(patch.tensors, "", {**patch.about, "method": "imagic"}).save(file)
    with pytest.raises(UsageError, match="learned for imagic, not for diffusion-clip"):
        DiffusionCLIP.model_validate({"learned": str(file)}).check(model, given)
    Weights(patch.tensors, "", patch.about).save(file)
    examples = task(model, given_pictures={"examples": [draw(1, 3, 32, 32).tanh()]})
    with pytest.raises(UsageError, match="learned already; leave the examples out"):
        DiffusionCLIP.model_validate({"learned": str(file)}).check(model, examples)
    with pytest.raises(ValueError, match="was learned already"):
        DiffusionCLIP.model_validate({"learned": str(file), "learning": {"passes": 3}})


def test_there_and_back_with_drawn_noise() -> None:
    model = model_of()
    given, starts = task(model), ({"by": "noise", "rounds": 2}, {"bring": 1, "bring_steps": 2})
    for start in starts:
        meter, o = Meter(), method(start=start)
        run(model, o, given, meter)
        assert meter.rows == o.card.cost(o).rows[1]
    own, lower = (method(start={"by": "noise", "official": on}) for on in (False, True))
    (one,), (other,) = (ends(run(model, o, given)) for o in (own, lower))
    assert gap(one, other) > 1e-6


def refused(o: DiffusionCLIP, given: Task, says: str, model: Model | None = None) -> None:
    with pytest.raises(UsageError, match=says):
        o.check(model or model_of(), given)


def test_what_cannot_be_is_refused_before_the_network_is_asked() -> None:
    model = model_of()
    given, pictures = task(model), {"examples": [draw(1, 3, 32, 32).tanh()] * 2}
    refused(method(), task(model, None), "give the target prompt")
    refused(method(), task(model, given_pictures=pictures), "learned from 1 pictures, and 2 are given")
    refused(method({"pictures": 3}), given, "learned from 3 pictures, and 1 are given")
    refused(method({"clip_weight": 0.0}), given, "nothing is learned")
    refused(method({"back": 500}), given, "500 steps cannot be spread")
    refused(method(level=2, steps=9), given, "9 steps cannot be spread over the levels from 0 to 2")
    refused(method(several=["0=1"]), given, "are for several learned files")
    refused(method(), given, "no image tower of CLIP", tiny("sd1"))
    model.dtype = torch.bfloat16
    refused(method({"tune": "full"}), given, "half precision", model)
    method().check(model, given)


def test_learning_that_diverges_says_where_and_at_which_rate() -> None:
    o = method({"passes": 40, "tune": "full", "rate": 1.0, "rise": 2.0})
    model = model_of()
    with pytest.raises(NotFinite, match=r"at update \d+: the learning rate \S+ is too high"):
        run(model, o, task(model))
    assert weights(model) == weights(model_of())


def test_sparing_memory_learns_the_same() -> None:
    model = model_of()
    plain, spared = (ends(run(model, method({"sparing": on}), task(model))) for on in (False, True))
    assert gap(*plain, *spared) < 1e-4
    assert not model.net.is_gradient_checkpointing

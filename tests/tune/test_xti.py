"""Extended textual inversion: its laws, what it changes and what not, and how it goes on after a kill."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import clean, draw, gap, shared
from torch import nn

from overpaint.errors import NotFinite, UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.files.fingerprint import tensor_hash
from overpaint.files.store import NoDraft, Store
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.network import readers
from overpaint.noise import Noise
from overpaint.tune.denoising import missed
from overpaint.tune.xti import STYLE, THING, XTI, spoken

X0 = draw(1, 4, 8, 8, seed=11)
FEW: dict[str, Any] = {"init": "cat", "updates": 3, "batch": 2, "sentences": "a {}; a {} on grass"}


def learn(model: Model, meter: Meter | None = None, **more: Any) -> dict[str, torch.Tensor]:
    tuner = XTI.model_validate({**FEW, **more})
    with torch.no_grad(), model.metered(meter or Meter()):
        return tuner.run(model, [X0, X0.flip(-1)], {}, Noise(0), NoDraft())


def everything(model: Model) -> str:
    nets = [model.net, *(net for several in model.family.parts.values() for net in several)]
    return tensor_hash(*(value for net in nets for value in net.state_dict().values()))


@pytest.mark.parametrize("shape", SHAPES)
def test_only_the_vectors_change(shape: Shape) -> None:
    model = tiny(shape)
    before, meter = everything(model), Meter()
    found = learn(model, meter)
    start = model.family.vectors("cat")
    assert len(found) == readers(model.tap.sites) * len(start)
    assert all(gap(value, start[int(name[-1])]) > 0 for name, value in found.items())
    assert everything(model) == before and clean(model)
    assert (meter.rows, meter.backwards, meter.updates) == (6, 6, 3)


def test_without_an_update_each_layer_has_the_first_word() -> None:
    model = shared("sd1")
    found = learn(model, updates=0)
    (start,) = model.family.vectors("cat")
    assert all(torch.equal(value, start) for value in found.values())
    concept = XTI.model_validate(FEW).patch(found, model)
    plain = model.family.text("a cat on grass")
    with model.patched(concept):
        assert concept.word == "<cat>"
        assert gap(model.family.text("a <cat> on grass").mean, plain.states) < 1e-6


def test_tied_together_it_is_textual_inversion() -> None:
    """The gradient of one vector for all layers is the sum of those by layer."""
    model = shared("sd1")
    (start,) = model.family.vectors("cat")
    with torch.enable_grad():
        own = {f"{k}.0": start.clone().requires_grad_() for k in range(7)}
        apart = missed(model, X0, spoken(model, "a cat on grass", "cat", own), Noise(0), 1)
        by_layer = torch.autograd.grad(apart, list(own.values()))
        tied = start.clone().requires_grad_()
        said = model.family.learned_text("a cat on grass", {"cat": [tied]})
        (whole,) = torch.autograd.grad(missed(model, X0, said, Noise(0), 1), tied)
    assert all(float(one.abs().max()) > 0 for one in by_layer)
    assert gap(torch.stack(by_layer).sum(0), whole) < 1e-5 * float(whole.abs().max())


def test_a_text_is_encoded_once_for_each_layer_and_the_network_asked_once() -> None:
    model, meter = tiny("sd1"), Meter()
    family: Any = model.family
    calls = list[int]()

    def count(module: nn.Module, args: Any, out: Any) -> None:
        calls.append(1)

    handle = family.encoders[0].register_forward_hook(count)
    tuner = XTI.model_validate({**FEW, "sentences": ()})
    tuner.spoken(model)
    before = len(calls)
    learn(model, meter, updates=2, batch=1)
    handle.remove()
    own = 2 + 1  # both sentences are read once to see whether they are too long, the word once for its size
    assert len(calls) - before == own + 2 * 7 and meter.calls == 2


def test_learning_brings_the_picture_nearer() -> None:
    model = shared("sd1")

    def loss(found: dict[str, torch.Tensor]) -> float:
        with torch.no_grad():
            said = spoken(model, "a cat on grass", "cat", found)
            return sum(float(missed(model, X0, said, Noise(5), k)) for k in range(12))

    assert loss(learn(model, updates=15, rate=0.05)) < loss(learn(model, updates=0))


def test_less_memory_learns_the_same() -> None:
    model = tiny("sd1")
    plain, spared = (learn(model, sparing=on) for on in (False, True))
    assert max(gap(plain[name], spared[name]) for name in plain) < 1e-5
    assert not model.net.is_gradient_checkpointing


def test_a_killed_learning_goes_on_and_equals_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpaint.files.store.PATIENCE", 0.0)
    model, tuner, store = tiny("sd1"), XTI.model_validate(FEW), Store(tmp_path)
    whole = learn(model)
    stop = Meter(on_tick=lambda m: m.cancel() if m.updates == 2 else None)
    with torch.no_grad():
        with pytest.raises(Cancelled), model.metered(stop):
            tuner.learned(model, [X0, X0.flip(-1)], {}, Noise(0), store)
        assert clean(model)
        again = Meter()
        with model.metered(again):
            found = tuner.learned(model, [X0, X0.flip(-1)], {}, Noise(0), store)
    assert again.updates == 1
    assert all(torch.equal(found[name], whole[name]) for name in whole)


def test_learning_that_diverges_says_so() -> None:
    model = tiny("sd1")
    for p in model.net.parameters():
        p.data *= 40
    with pytest.raises(NotFinite, match=r"at update 1.*rate 0.005"):
        learn(model)
    assert clean(model)


def test_sentences_are_those_the_model_reads() -> None:
    model = shared("sd1")
    usual = XTI(init="cat").spoken(model)
    assert "a {}" in usual and set(usual) <= set(THING)
    assert set(XTI(init="cat", about="style").spoken(model)) <= set(STYLE)
    assert XTI.model_validate({"init": "cat", "sentences": "one {}; a cat and a {}"}).spoken(model) == [
        "one {}"
    ]
    with pytest.raises(UsageError, match="No sentence is left for the word 'cat'"):
        XTI(init="cat", sentences=("a cat and {}",)).spoken(model)
    with pytest.raises(UsageError, match="this model reads at most 14"):
        XTI(init="cat", sentences=("a {}" + " dog" * 14,)).spoken(model)
    for wrong in ("a dog", "{} and {}"):
        with pytest.raises(ValueError, match=r"must have one \{\}"):
            XTI(sentences=(wrong,))


def test_what_cannot_be_learned_is_refused() -> None:
    model = shared("sd1")
    XTI(init="cat").check(model, "<cat>")
    with pytest.raises(UsageError, match="Say what the pictures show"):
        XTI().check(model, "<cat>")
    with pytest.raises(UsageError, match="no word that a prompt could hold"):
        XTI(init="my cat").check(model, "<cat>")
    with pytest.raises(UsageError, match="cannot be a word of a prompt"):
        XTI(init="cat").check(model, "<my cat>")
    with pytest.raises(UsageError, match="reads no texts"):
        XTI(init="cat").check(tiny("pixel"), "<cat>")

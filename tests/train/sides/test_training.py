"""A run from a folder to files: resumed on the same bits, taken apart evenly, usable afterwards."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.kit import save_folder
from tests.kit import shared
from tests.sides.kit import adapter_weights, control_weights
from tests.train.sides.kit import SMALL, data
from torch import Tensor

from overpaint.attention import Moment
from overpaint.errors import UsageError
from overpaint.families.tiny import tiny
from overpaint.sides.controlnet import ControlNet
from overpaint.sides.load import side_net
from overpaint.sides.t2i_adapter import T2IAdapter
from overpaint.sides.tiny import tiny_adapter
from overpaint.train.loop import Run, TrainError
from overpaint.train.sides import looking, training
from overpaint.train.sides.export import original
from overpaint.train.sides.factors import whole
from overpaint.train.sides.plan import What, plan_of
from overpaint.train.sides.training import STILL_LIFE, Source, Trained, keep_plan, train


def trained(home: Path, out: Path, what: What = "controlnet", **more: Any) -> Trained:
    own = {key: more.pop(key) for key in ("condition", "side") if key in more}
    resume = more.pop("resume", True)
    return train(what, Source(str(home), **own), tiny(), out, {**SMALL, **more}, quiet=True, resume=resume)


@pytest.fixture(autouse=True)
def short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at on the way is walked in a step."""
    monkeypatch.setattr(looking, "STEPS", 1)


def weights(done: Trained) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in done.run.stage.nets["side"].state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("what", ["controlnet", "t2i-adapter", "cyclenet"])
def test_a_killed_run_ends_on_the_same_bits(
    what: What, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = data(tmp_path / "set", cycle=what == "cyclenet")
    at_once = trained(home, tmp_path / "whole", what)

    class Killed(Exception):
        pass

    def advance(self: Run) -> Any:
        if self.step == 2:
            self.save()
            raise Killed
        return plain(self)

    plain = Run.advance
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Run, "advance", advance)
        trained(home, tmp_path / "cut", what)
    resumed = trained(home, tmp_path / "cut", what)
    assert resumed.run.step == 4 and same(weights(resumed), weights(at_once))
    assert (tmp_path / "cut" / "sheet-0000004.png").is_file()
    figures = [json.loads(line) for line in (tmp_path / "cut" / "log.jsonl").read_text().splitlines()]
    assert "held_loss" in figures[-1]["figures"]


def test_parts_of_a_batch_make_the_same_step(tmp_path: Path) -> None:
    """By the momenta: weights follow the sign of a gradient even where it is nothing but rounding."""
    home = data(tmp_path / "set")
    one, two = trained(home, tmp_path / "a", steps=1), trained(home, tmp_path / "b", steps=1, parts=2)
    assert one.run.samples == two.run.samples == 4
    kept, other = one.run.optimiser.state(), two.run.optimiser.state()
    for name, a in kept.items():
        torch.testing.assert_close(a, other[name], rtol=0, atol=1e-3 * float(a.abs().max()), msg=name)
    with pytest.raises(TrainError, match="cannot be shared evenly by 1 processes in 3 parts"):
        trained(home, tmp_path / "c", parts=3)


def heard(net: Any, seed: int = 0) -> Tensor:
    """What a model says with a ControlNet beside it."""
    model = shared()
    rng = torch.Generator().manual_seed(seed)
    x, hint = torch.randn(2, 4, 8, 8, generator=rng), torch.rand(2, 3, 32, 32, generator=rng)
    side = T2IAdapter(net, hint) if net.kind == "t2i-adapter" else ControlNet(net, hint)
    text = model.family.text("a cat")
    both = type(text)(text.states.expand(2, -1, -1))
    t = torch.tensor([300, 700])
    more = side.residuals(x, t, both, Moment(0, 1, ("a+", "b+"), 8, 8))
    return model.family.call(model.net, x, t, both, more)


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("controlnet", {}),
        ("controlnet", {"rank": 2}),
        ("t2i-adapter", {}),
        ("t2i-adapter", {"colours": 1, "blocks": 1}),
        ("cyclenet", {"fast": True, "rank": 2}),
    ],
)
def test_what_was_trained_is_read_again_in_every_layout(
    what: What, more: dict[str, Any], tmp_path: Path
) -> None:
    done = trained(data(tmp_path / "set", cycle=what == "cyclenet"), tmp_path / "run", what, **more)
    assert set(done.files) == {"curve", "diffusers", "original.safetensors"} | (
        {"difference"} if "rank" in more else set[str]()
    )
    nets = [side_net(place, shared()) for name, place in done.files.items() if name != "curve"]
    first, *others = [heard(net) for net in nets]
    plain = shared().family.call
    assert plain is not None and not torch.isnan(first).any()
    for one in others:
        torch.testing.assert_close(one, first, rtol=2e-3, atol=2e-3)
    assert torch.equal(others[0], first)  # the original layout holds the very same numbers


@pytest.mark.parametrize("what", ["controlnet", "t2i-adapter"])
def test_the_first_layout_has_the_first_names(what: What, tmp_path: Path) -> None:
    load_file: Any = import_module("safetensors.torch").load_file
    done = trained(data(tmp_path / "set"), tmp_path / "run", what, steps=1)
    own = load_file(done.files["original.safetensors"])
    net = side_net(done.files["diffusers"], shared())
    wanted = control_weights(net) if what == "controlnet" else adapter_weights(net)
    assert own.keys() == wanted.keys() and all(torch.equal(own[name], wanted[name]) for name in own)


def test_the_light_form_has_its_first_names_too() -> None:
    net = tiny_adapter(shared(), light=True)
    named = {original(name, net) for name in net.module.state_dict()}
    assert named == adapter_weights(net).keys()


def test_a_difference_is_small_and_belongs_to_its_model(tmp_path: Path) -> None:
    done = trained(data(tmp_path / "set"), tmp_path / "run", rank=1)
    (small,) = (tmp_path / "run" / "difference").glob("*.safetensors")
    (large,) = (tmp_path / "run" / "diffusers").glob("*.safetensors")
    assert small.stat().st_size < 0.5 * large.stat().st_size
    with pytest.raises(UsageError, match="was not made for sdxl models"):
        side_net(done.files["difference"], shared("sdxl"))


def test_the_whole_model_is_written_where_it_was_trained_too(tmp_path: Path) -> None:
    done = trained(data(tmp_path / "set", cycle=True), tmp_path / "run", "cyclenet", decoder=True, steps=1)
    assert (done.files["model"] / "unet" / "config.json").is_file()
    assert side_net(done.files["model"], shared()).kind == "controlnet"


def test_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    home = data(tmp_path / "set")
    trained(home, tmp_path / "run", steps=1)
    assert trained(home, tmp_path / "run", steps=2).run.step == 2  # more steps of the same
    with pytest.raises(TrainError, match="holds a run with other options"):
        trained(home, tmp_path / "run", steps=2, rate=1e-4)
    assert trained(home, tmp_path / "run", steps=1, rate=1e-4, resume=False).run.step == 1


@pytest.mark.parametrize("name", ["diffusers", "model", "original.safetensors"])
def test_what_no_training_wrote_is_not_written_over(name: str, tmp_path: Path) -> None:
    (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(TrainError, match=f"holds {name}, which no training wrote"):
        keep_plan(tmp_path / "out", {}, plan_of("controlnet", False, {}), resume=False)
    assert not (tmp_path / "out" / "plan.json").exists()


def test_what_could_not_act_is_refused(tmp_path: Path) -> None:
    home = data(tmp_path / "set")
    with pytest.raises(UsageError, match="leave --condition and --pictures out"):
        trained(home, tmp_path / "run", condition="depth")
    with pytest.raises(UsageError, match="no multiple of 32"):
        trained(home, tmp_path / "run", side=40)
    with pytest.raises(UsageError, match="6 pictures, and 6 would be kept"):
        trained(home, tmp_path / "run", held=6)
    with pytest.raises(UsageError, match="not of Still Life"):
        train("controlnet", Source(STILL_LIFE, "depth"), tiny(), tmp_path / "run", {}, quiet=True)
    with pytest.raises(UsageError, match="no condition 'deep'"):
        train("controlnet", Source(STILL_LIFE, "deep"), tiny(), tmp_path / "run", {}, quiet=True)
    with pytest.raises(UsageError, match="no less than the layers"):
        trained(home, tmp_path / "run", rank=1000)
    with pytest.raises(UsageError, match="train the full form"):
        trained(home, tmp_path / "run", "t2i-adapter", light=True)
    with pytest.raises(UsageError, match="no option 'fast'"):
        trained(home, tmp_path / "run", fast=True)


def test_factors_begin_as_nothing() -> None:
    model = tiny()
    net = training.net_for(model, plan_of("controlnet", False, {"rank": 2}))
    own = model.net.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in whole(net.module).items() if name in own)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    home, model = data(tmp_path / "set"), save_folder(tmp_path / "m")
    said = ("-m", "overpaint", "train", "controlnet", home, "--model", model, "--device", "cpu")
    told = ("--steps", 2, "--batch", 4, "--held", 2, "--rate", 1e-3)
    for out, start in (("one", []), ("two", ["torch.distributed.run", "--nproc-per-node", 2])):
        command = [sys.executable, *(["-m", *start] if start else []), *said, *told, "-o", tmp_path / out]
        subprocess.run([str(one) for one in command], check=True, capture_output=True)
    load: Any = import_module("safetensors.torch").load_file
    one, two = (load(tmp_path / out / "original.safetensors") for out in ("one", "two"))
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4


def test_what_accelerate_was_told_of_precision_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert plan_of("controlnet", False, {}).mixed == "bf16"
    assert plan_of("controlnet", False, {"mixed": "no"}).mixed == "no"
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    with pytest.raises(UsageError, match="launched for fp16"):
        plan_of("controlnet", False, {})


def cloned(done: Trained) -> dict[str, Tensor]:
    """The network as it is now, factors multiplied out."""
    return {name: value.clone() for name, value in whole(done.run.stage.nets["side"]).items()}


@pytest.mark.parametrize("more", [{}, {"rank": 2}])
def test_a_run_begins_with_what_another_has_learned(more: dict[str, Any], tmp_path: Path) -> None:
    home = data(tmp_path / "set")
    first = trained(home, tmp_path / "a", **more)
    place = first.files["difference" if more else "diffusers"]
    second = trained(home, tmp_path / "b", steps=1, rate=1e-12, start=str(place), **more)
    one, two = (cloned(done) for done in (first, second))
    with first.run.averaged():
        kept = cloned(first)
    for name, value in two.items():
        torch.testing.assert_close(value, kept[name], rtol=2e-3, atol=2e-3, msg=name)
    assert any(not torch.equal(one[name], kept[name]) for name in one)  # it is the average that goes on
    with pytest.raises(UsageError, match="has another form than the one that is to be trained"):
        trained(home, tmp_path / "c", steps=1, start=str(place), rank=3)

"""What a step of training asks for, and where its gradients go."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from tests.kit import SHAPES
from tests.train.sides.kit import data
from torch import Tensor

from overpaint.families.tiny import Shape, tiny
from overpaint.model import Model
from overpaint.network import Residuals
from overpaint.path import Prediction
from overpaint.sides.fresh import SILENT
from overpaint.sides.net import Net
from overpaint.train.sides.examples import batch_of, text_in, uniform
from overpaint.train.sides.folder import Folder, folder
from overpaint.train.sides.lessons import Lesson, cycle_loss, noise_loss
from overpaint.train.sides.plan import What, plan_of
from overpaint.train.sides.training import net_for, stage_of

WEIGHTS = {"recon": 1.0, "consis": 0.1, "disc": 0.1, "cycle": 0.01}


def prepared(shape: Shape, home: Path, what: What) -> tuple[Model, Net, Folder]:
    model = tiny(shape)
    examples = folder(model, data(home, cycle=what == "cyclenet"), what, 2)
    return model, net_for(model, plan_of(what, False, {})), examples


def grads(net: Net) -> dict[str, float]:
    return {
        name: 0.0 if p.grad is None else float(p.grad.abs().max())
        for name, p in net.module.named_parameters()
    }


def stepped(net: Net) -> None:
    """A step down the gradients."""
    with torch.no_grad():
        for p in net.module.parameters():
            p -= 0.1 * p.grad


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fresh_controlnet_misses_what_the_model_misses(shape: Shape, tmp_path: Path) -> None:
    model, net, examples = prepared(shape, tmp_path, "controlnet")
    batch = batch_of(examples, 0, 4, uniform, 1000)
    loss, _ = noise_loss(Lesson(model, net, examples))(batch, torch.Generator())
    noise, level = batch["noise"].unbind(1), model.family.schedule.each(batch["level"])
    x0 = examples.latents(batch, noise[0])
    out = model.family.call(
        model.net, level.noised(x0, noise[1], 0), batch["level"], text_in(batch, "text"), Residuals()
    )
    wanted = level.told(Prediction(x0, noise[1]), 0)
    torch.testing.assert_close(loss.detach(), (out - wanted).square().mean())


@pytest.mark.parametrize("shape", SHAPES)
def test_at_first_the_zero_convolutions_alone_learn_and_then_all_of_it(shape: Shape, tmp_path: Path) -> None:
    model, net, examples = prepared(shape, tmp_path, "controlnet")
    before = {name: p.clone() for name, p in model.net.state_dict().items()}
    loss = noise_loss(Lesson(model, net, examples))
    batch = batch_of(examples, 0, 4, uniform, 1000)
    loss(batch, torch.Generator())[0].backward()  # pyright: ignore[reportUnknownMemberType]
    first = grads(net)
    assert all((size > 0) == name.startswith(SILENT[1:]) for name, size in first.items())
    stepped(net)
    for _ in range(2):  # what goes through two convolutions of zeros takes two steps to wake up
        net.module.zero_grad()
        loss(batch, torch.Generator())[0].backward()  # pyright: ignore[reportUnknownMemberType]
        stepped(net)
    assert all(size > 0 for size in grads(net).values())
    assert all(torch.equal(value, before[name]) for name, value in model.net.state_dict().items())
    assert all(p.grad is None for p in model.net.parameters())


@pytest.mark.parametrize("shape", SHAPES)
def test_every_weight_of_an_adapter_learns_and_none_of_the_model(shape: Shape, tmp_path: Path) -> None:
    model, net, examples = prepared(shape, tmp_path, "t2i-adapter")
    batch = batch_of(examples, 0, 4, uniform, 1000)
    noise_loss(Lesson(model, net, examples))(batch, torch.Generator())[0].backward()  # pyright: ignore[reportUnknownMemberType]
    assert all(size > 0 for name, size in grads(net).items() if not unheard(name, shape))
    assert all(p.grad is None for p in model.net.parameters())


def unheard(name: str, shape: Shape) -> bool:
    """Whether a map is of a level to which nothing is added."""
    return shape == "sdxl" and name.startswith("adapter.body.2.")


def test_half_of_the_prompts_are_dropped_as_published() -> None:
    assert plan_of("controlnet", False, {}).model_dump()["drop"] == 0.5
    assert plan_of("t2i-adapter", False, {}).times == "cubic"


def test_dropping_all_prompts_is_training_without(tmp_path: Path) -> None:
    model, net, examples = prepared("sd1", tmp_path, "controlnet")
    batch = batch_of(examples, 0, 4, uniform, 1000)
    null = model.family.null().states.expand(4, -1, -1)
    dropped, _ = noise_loss(Lesson(model, net, examples, drop=1.0))(batch, torch.Generator())
    without, _ = noise_loss(Lesson(model, net, examples))({**batch, "text.states": null}, torch.Generator())
    assert torch.equal(dropped, without)


def passed(
    fast: bool, home: Path, weights: Mapping[str, float] = WEIGHTS
) -> tuple[Model, Net, dict[str, Tensor]]:
    model, net, examples = prepared("sd1", home, "cyclenet")
    batch = batch_of(examples, 0, 4, uniform, 1000)
    loss, parts = cycle_loss(Lesson(model, net, examples), fast, weights)(batch, torch.Generator())
    loss.backward()  # pyright: ignore[reportUnknownMemberType]
    return model, net, {"total": loss.detach(), **parts}


def test_a_fresh_cyclenet_is_the_same_from_its_translation(tmp_path: Path) -> None:
    model, net, told = passed(False, tmp_path)
    assert float(told["disc"]) == 0.0
    assert set(told) == {"total", "recon", "consis", "disc", "cycle"}
    want = sum(WEIGHTS[name] * told[name] for name in WEIGHTS)
    torch.testing.assert_close(told["total"], want)
    assert all(p.grad is None for p in model.net.parameters())
    assert any(size > 0 for size in grads(net).values())


def test_the_fast_one_is_the_slow_one_without_the_way_back(tmp_path: Path) -> None:
    _, net, told = passed(True, tmp_path / "a")
    _, other, slow = passed(False, tmp_path / "b", {**WEIGHTS, "consis": 0.0, "cycle": 0.0})
    assert set(told) == {"total", "recon", "disc"}
    torch.testing.assert_close(told["total"], slow["total"])
    for (name, one), two in zip(grads(net).items(), grads(other).values(), strict=True):
        assert one == pytest.approx(two, rel=1e-4, abs=1e-9), name


def test_the_way_up_is_trained_where_that_is_wished(tmp_path: Path) -> None:
    model = tiny("sd1")
    plan = plan_of("cyclenet", False, {"decoder": True, "batch": 4, "held": 2})
    examples = folder(model, data(tmp_path, cycle=True), "cyclenet", 2)
    stage = stage_of("cyclenet", model, net_for(model, plan), examples, plan)
    stage.loss(stage.batch(0), torch.Generator())[0].backward()  # pyright: ignore[reportUnknownMemberType]
    learning = {name for name, p in model.net.named_parameters() if p.grad is not None}
    assert learning and all(
        name.startswith(("up_blocks.", "conv_norm_out.", "conv_out.")) for name in learning
    )


def test_half_precision_changes_little(tmp_path: Path) -> None:
    model, net, examples = prepared("sd1", tmp_path, "controlnet")
    batch = batch_of(examples, 0, 4, uniform, 1000)
    whole, _ = noise_loss(Lesson(model, net, examples))(batch, torch.Generator())
    half, _ = noise_loss(Lesson(model, net, examples, half=True))(batch, torch.Generator())
    assert not torch.equal(whole, half) and float(((whole - half).abs() / whole).detach()) < 0.02

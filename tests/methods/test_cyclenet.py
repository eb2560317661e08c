"""CycleNet: translations that must be nothing, and the step of training."""

from pathlib import Path

import pytest
import torch
from tests.kit import clean, draw, gap, shared, text
from tests.sides.kit import control_weights, folder, save

from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.guides import CFG
from overpaint.methods.cyclenet import CycleNet
from overpaint.model import Branch
from overpaint.noise import Noise
from overpaint.outcome import Outcome, outcome_of
from overpaint.path import Latent
from overpaint.sample import denoise, each, stochastic
from overpaint.sides import Net
from overpaint.sides.cyclenet import Cycle, Passes, beside, total, translator
from overpaint.sides.fresh import fresh
from overpaint.sides.tiny import tiny_adapter, tiny_controlnet
from overpaint.task import Task

PICTURE = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3)) * 2 - 1
CAT, DOG = "a cat on the grass", "a dog on the grass"


def task(shape: Shape = "sd1", source: str = CAT, target: str = DOG, seed: int = 0) -> Task:
    x0 = draw(1, 4, 8, 8, seed=7)
    texts = text(shape, source), text(shape, target)
    return Task((1, 4, 8, 8), shared(shape).family.null(), Noise(seed), x0, *texts, PICTURE)


def edited(method: CycleNet, given: Task, shape: Shape = "sd1") -> Latent:
    with torch.no_grad():
        return outcome_of(method(shared(shape), given)).latents[-1]


@pytest.fixture
def net(tmp_path: Path) -> str:
    return str(folder(tmp_path / "net", tiny_controlnet(shared("sd1"))))


def test_strength_zero_keeps_the_picture_and_costs_nothing(net: str) -> None:
    given, before = task(), shared("sd1").meter.rows
    assert torch.equal(edited(CycleNet(net=net, steps=5, strength=0), given), given.x0)
    assert shared("sd1").meter.rows == before


@pytest.mark.parametrize("shape", SHAPES)
def test_an_untrained_network_changes_nothing(shape: Shape) -> None:
    """What is left is the random walk back, guided away from the source prompt."""
    model, given = shared(shape), task(shape)
    path = model.path(6)
    x = path.noised(given.x0, given.noise.normal(given.shape, "cyclenet", "there"), 2)
    drawn = [given.noise.normal(given.shape, "cyclenet", "there", k) for k in range(3)]
    branches = [Branch("tgt", CFG(given.target, given.source, 4.0))]
    with torch.no_grad():
        want = denoise(model, path.last(3), {"tgt": x}, branches, solver=each(stochastic(drawn)))["tgt"]
    method = CycleNet(net="fresh", steps=6, strength=0.5, guidance=4.0)
    assert torch.equal(edited(method, given, shape), want) and clean(model)


def test_equal_prompts_are_not_guided_at_all(net: str) -> None:
    given = task(target=CAT)
    low, high = (edited(CycleNet(net=net, steps=4, guidance=w), given) for w in (1.0, 9.0))
    assert gap(low, high) < 1e-5


def test_the_side_network_reads_the_source_and_looks_at_the_picture(net: str) -> None:
    method = CycleNet(net=net, steps=4)
    plain = edited(method, task())
    assert gap(plain, edited(CycleNet(net=net, steps=4, scale=0), task())) > 1e-3
    assert gap(plain, edited(method, task(source="tiger at night"))) > 1e-3
    side = beside(translator(net, shared("sd1")), PICTURE, text("sd1", CAT))
    assert gap(side.condition, (PICTURE + 1) / 2) == 0 and side.text is text("sd1", CAT)


def test_silent_it_costs_no_row_of_the_side_network(net: str) -> None:
    for scale, rows in ((0.0, 0), (1.0, 4)):
        method, before = CycleNet(net=net, steps=4, scale=scale), shared("sd1").meter.sides
        edited(method, task())
        assert shared("sd1").meter.sides - before == rows == method.card.cost(method).sides[0]


@pytest.mark.parametrize(
    ("steps", "strength", "kept"), [(100, 0.5, 50), (10, 0.6, 6), (10, 1.0, 9), (1, 1.0, 0)]
)
def test_the_published_number_of_steps(steps: int, strength: float, kept: int) -> None:
    assert CycleNet(steps=steps, strength=strength).kept == kept


def test_there_and_back(net: str) -> None:
    plain = CycleNet(net=net, steps=4)
    both = plain.changed(there_and_back=True)
    with torch.no_grad():
        made = both(shared("sd1"), task())
    assert isinstance(made, Outcome)
    assert torch.equal(made.latents[-1], edited(plain, task()))
    assert made.layers["return"].shape == (1, 4, 32, 32) and made.scores["return error"][0] > 0
    quiet = CycleNet(net="fresh", steps=4, strength=0, there_and_back=True)
    with torch.no_grad():
        still = quiet(shared("sd1"), task())
    assert isinstance(still, Outcome)
    assert torch.equal(still.layers["return"][:, :3], shared("sd1").family.decode(task().x0).clamp(-1, 1))


def test_it_says_which_network_is_missing(tmp_path: Path, net: str) -> None:
    from dataclasses import replace

    method, given = CycleNet(steps=4), task()
    with pytest.raises(UsageError, match="needs the side network that was trained for it"):
        method.check(shared("sd1"), given)
    home = replace(tiny(), home=tmp_path)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="has no side network beside it"):
        method.check(home, given)
    folder(tmp_path / "controlnet", tiny_controlnet(shared("sd1")))
    method.check(home, given)
    adapter = folder(tmp_path / "adapter", tiny_adapter(shared("sd1")))
    with pytest.raises(UsageError, match="T2I-Adapter, which reads no text"):
        CycleNet(net=str(adapter)).check(shared("sd1"), given)
    with pytest.raises(UsageError, match="There is no side network"):
        CycleNet(net=str(tmp_path / "nowhere")).check(shared("sd1"), given)


def test_the_networks_of_a_checkpoint_in_one_file(tmp_path: Path) -> None:
    from dataclasses import replace

    own = tiny_controlnet(shared("sd1"))
    file = save(tmp_path / "whole.safetensors", control_weights(own) | {"model.diffusion_model.x": draw(1)})
    found = translator("", replace(tiny(), home=file))
    assert torch.equal(found.module.conv_in.weight, own.module.conv_in.weight)


def step(
    net: Net, fast: bool = False, same: bool = False, alone: bool = False
) -> tuple[Cycle, Passes, dict[str, torch.Tensor]]:
    model = shared("sd1")
    cycle = Cycle(model, net, model.family.decode, fast, alone)
    noises = draw(1, 4, 8, 8, seed=1), draw(1, 4, 8, 8, seed=2)
    source, target = text("sd1", CAT), text("sd1", CAT if same else DOG)
    given = draw(1, 4, 8, 8), (PICTURE + 1) / 2, source, target, torch.tensor([400]), noises
    made = cycle.passes(*given)
    return cycle, made, cycle.losses(made, noises)


def test_an_untrained_network_has_nothing_to_disagree_about() -> None:
    _, made, losses = step(fresh(shared("sd1")))
    assert float(losses["disc"]) == 0.0
    noise = draw(1, 4, 8, 8, seed=1)
    assert torch.equal(losses["recon"], (made.e1 - noise).square().mean((1, 2, 3)))


def test_equal_texts_are_reconstructed_and_translated_alike() -> None:
    _, made, _ = step(tiny_controlnet(shared("sd1")), same=True)
    assert made.e2 is not None and torch.equal(made.e1, made.e2)


def test_the_cycle_is_the_picture_missed_on_the_way_back() -> None:
    """In terms of pictures: what comes back minus what went, by the level's signal to noise."""
    cycle, made, losses = step(tiny_controlnet(shared("sd1")))
    assert made.e5 is not None and made.y0 is not None
    bar = cycle.model.family.schedule.bars[400]
    alpha, sigma = float(bar.sqrt()), float((1 - bar).sqrt())
    y = alpha * made.y0 + sigma * draw(1, 4, 8, 8, seed=2)
    missed = (y - sigma * made.e5) / alpha - draw(1, 4, 8, 8)
    assert float(losses["cycle"]) == pytest.approx(float((missed * alpha / sigma).square().mean()), rel=1e-4)


def test_the_fast_variant_has_two_of_the_losses() -> None:
    net = tiny_controlnet(shared("sd1"))
    (_, made, fast), (_, _, whole) = step(net, fast=True), step(net)
    assert set(fast) == {"recon", "disc"} and made.e4 is None
    assert all(torch.equal(fast[name], whole[name]) for name in fast)
    assert float(total(fast)) == pytest.approx(float(whole["recon"] + 0.1 * whole["disc"]))


def test_a_cyclenet_alone_reconstructs_in_one_pass() -> None:
    net = tiny_controlnet(shared("sd1"))
    (_, made, alone), (_, _, whole) = step(net, alone=True), step(net)
    assert set(alone) == {"recon"} and made.e2 is None and made.hint is None
    assert torch.equal(alone["recon"], whole["recon"])


def test_gradients_reach_the_side_network_and_no_other_by_what_is_frozen() -> None:
    from copy import deepcopy
    from dataclasses import replace

    own = tiny_controlnet(shared("sd1"))
    net = replace(own, module=deepcopy(own.module).requires_grad_(True))
    with torch.enable_grad():
        _, _, losses = step(net)
        total(losses).backward()  # pyright: ignore[reportUnknownMemberType]
    assert all(p.grad is not None and bool(p.grad.any()) for p in net.module.parameters())
    assert all(p.grad is None for p in shared("sd1").net.parameters())

"""StyleDiffusion's inversion: its laws, its work, and its loop written once more with torch's own parts."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import pytest
import torch
from tests.inversions.setting import Setting, setting
from tests.kit import Sight, clean, gap
from torch import Tensor, nn

from overpaint.controls import Latest, ScaledValues
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.files.fingerprint import tensor_hash
from overpaint.guides import CFG
from overpaint.inversions import DDIM, Style, Trajectory
from overpaint.inversions.cache_key import key
from overpaint.inversions.ddim import inverted
from overpaint.inversions.style import SCALE, SHIFT, STYLE_PAPER
from overpaint.inversions.tuning import Pace, Step
from overpaint.meter import Meter
from overpaint.model import Line, Model
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.tune.mapping import ValueMapping, as_wide, patches

FEW = Style(inner=2, decay=0, stop=0, relax=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_updates_it_is_ddim(shape: Shape) -> None:
    s = setting(shape)
    mine, still = s.walk(Style(inner=0)), s.walk(DDIM())
    assert torch.equal(mine.trajectory.latents, still.trajectory.latents)
    assert mine.controls == () and not mine.trajectory.more
    assert torch.equal(mine.alone(s.model)["tgt"], still.alone(s.model)["tgt"])
    assert Style(inner=0).cost(4) == DDIM().cost(4)


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_its_work(shape: Shape, hold: bool) -> None:
    s, inversion, n = setting(shape), FEW.changed(hold=hold), 4
    s.run(inversion)
    meter, cost = s.model.meter, inversion.cost(n)
    assert (meter.updates, meter.backwards) == (2 * n, 2 * n)
    assert meter.rows == n + n * (hold + 1 + 2 + 1)
    assert meter.rows in cost.rows and meter.backwards in cost.backwards and meter.updates in cost.updates
    assert (meter.looks, meter.decodes) == (0, 0) and ("loss beside" in meter.notes) == hold


def test_updates_get_fewer_from_step_to_step() -> None:
    s, inversion = setting(), Style(inner=5, decay=0.4, stop=0, relax=0)
    s.run(inversion)
    assert s.model.meter.notes["updates"] == [5.0, 4.0, 3.0, 2.0]
    assert inversion.cost(4).updates == (4, 14)
    assert inversion.pace == Pace(5, 0.01, 0.0, 0.0, 0.4)


@pytest.mark.parametrize("shape", SHAPES)
def test_tuning_brings_the_source_home(shape: Shape) -> None:
    s = setting(shape)

    def error(inversion: Style) -> float:
        return float((s.walk(inversion, 5.0).home(s.model)["src"] - s.x0).square().mean())

    assert error(Style(inner=25, decay=0)) < 0.5 * error(Style(inner=0))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_source_does_not_depend_on_the_target_or_its_share(shape: Shape) -> None:
    s = setting(shape, dtype=torch.float64)
    alone = s.walk(FEW).home(s.model)["src"]
    for share in (0.0, 0.6, 1.0):
        for other in (s, replace(s, target=s.source)):
            assert gap(other.walk(FEW.changed(values=share)).run(s.model)["src"], alone) < 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_prompt_with_all_its_values_is_the_source_bit_for_bit(shape: Shape) -> None:
    s = replace(setting(shape), target=setting(shape).source)
    same = s.walk(FEW.changed(values=1)).run(s.model)
    assert torch.equal(same["src"], same["tgt"])
    other = s.walk(FEW.changed(values=0)).run(s.model)
    assert gap(other["src"], other["tgt"]) > 1e-4


def test_without_values_the_target_walks_as_if_nothing_had_been_tuned() -> None:
    s = setting()
    walk = s.walk(FEW.changed(values=0))
    assert torch.equal(walk.alone(s.model)["tgt"], s.walk(DDIM()).alone(s.model)["tgt"])
    assert gap(walk.home(s.model)["src"], s.walk(DDIM()).home(s.model)["src"]) > 1e-4


def test_the_target_is_scaled_and_shifted_for_its_share() -> None:
    s = setting()
    ends = [s.walk(FEW.changed(values=share)).alone(s.model)["tgt"] for share in (0, 0.2, 0.6, 1)]
    gaps = [gap(a, b) for a, b in pairwise(ends)]
    assert min(gaps) > 1e-5


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_of_it_is_left_in_the_model(shape: Shape) -> None:
    s = setting(shape)

    def known() -> tuple[str, Latent]:
        return tensor_hash(*s.model.net.state_dict().values()), s.walk(DDIM()).alone(s.model)["tgt"]

    before = known()
    s.walk(FEW).run(s.model)
    after = known()
    assert before[0] == after[0] and torch.equal(before[1], after[1]) and clean(s.model)
    assert not any(p.requires_grad or p.grad is not None for p in s.model.net.parameters())


def test_the_seed_says_how_the_networks_begin() -> None:
    s, guide = setting(), CFG(setting().source, setting().null, 3.0)
    runs = [FEW.run(s.model, s.path, s.x0, guide, Noise(seed)).more[SCALE] for seed in (0, 0, 1)]
    assert torch.equal(runs[0], runs[1]) and gap(runs[0], runs[2]) > 1e-3
    keys = {key(FEW, s.model, s.path, s.x0, guide, Noise(seed)) for seed in (0, 1)}
    assert len(keys) == 2


@pytest.mark.parametrize("inner", [0, 2])
def test_a_source_that_is_told_nothing_is_guided_as_soon_as_something_was_tuned(inner: int) -> None:
    s, inversion = replace(setting(), source=setting().null), FEW.changed(inner=inner)
    walk = s.walk(inversion)
    before = s.model.meter.rows
    walk.home(s.model)
    assert s.model.meter.rows - before == 4 * inversion.silent_rows == 4 * (2 if inner else 1)


class Sees(Sight):
    """An eye that sees a given thing."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale, self.fingerprint = scale, f"sees {scale}"

    def tokens(self, pixels: Tensor, normed: bool = True) -> Tensor:
        return self.scale * pixels[:, 0, :7, :20]


def seeing(s: Setting, eye: Callable[[], Sees] | None) -> Setting:
    return replace(s, model=Model(s.model.net, s.model.family, open_eye=eye, dtype=s.model.dtype))


@pytest.mark.parametrize(("picture", "looks"), [("auto", 1), ("clip", 1), ("latent", 0)])
def test_what_its_network_sees(picture: str, looks: int) -> None:
    inversion = Style.model_validate({**FEW.model_dump(), "picture": picture})
    s = seeing(setting(), Sees)
    s.run(inversion)
    meter, cost = s.model.meter, inversion.cost(4)
    assert (meter.looks, meter.decodes) == (looks, looks)
    assert cost.looks[0] <= looks <= cost.looks[1] and cost.decodes == cost.looks
    seen = inversion.shown(s.model, s.x0)
    assert seen.shape == ((7, 20) if looks else (197, 64))


def test_without_an_eye_it_is_shown_the_latent_unless_that_was_ruled_out() -> None:
    s = seeing(setting(), None)
    assert torch.equal(FEW.shown(s.model, s.x0), patches(s.x0))
    with pytest.raises(UsageError, match="no image tower of CLIP"):
        s.run(FEW.changed(picture="clip"))
    assert s.model.meter.calls == 0


def test_what_it_is_known_by_holds_the_eye_where_it_looks() -> None:
    s, guide = setting(), CFG(setting().source, setting().null, 3.0)

    def keys(inversion: Style) -> int:
        eyes: list[Callable[[], Sees] | None] = [None, Sees, lambda: Sees(2.0)]
        models = [seeing(s, eye).model for eye in eyes]
        return len({key(inversion, model, s.path, s.x0, guide, Noise(0)) for model in models})

    assert (keys(FEW), keys(FEW.changed(picture="latent"))) == (3, 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_network_in_half_precision_is_tuned_in_full(dtype: torch.dtype) -> None:
    traj: Trajectory = setting(dtype=dtype).run(FEW)
    assert traj.more[SCALE].dtype == torch.float32
    assert bool(torch.isfinite(torch.cat([traj.more[SCALE], traj.more[SHIFT]])).all())


@pytest.mark.parametrize("hold", [True, False])
def test_no_step_is_worse_for_its_updates(hold: bool) -> None:
    s = setting()
    s.run(Style(inner=3, decay=0, lr=1e-4, stop=0, relax=0, hold=hold))
    losses = s.model.meter.notes["loss"]  # each measured ahead of its update
    assert len(losses) == 4 * 3
    for i in range(4):
        before, *after = losses[3 * i : 3 * i + 3]
        assert max(after) < before


def test_maps_that_are_what_they_shall_be_add_nothing_to_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    s, inversion = setting(steps=1), Style(inner=2, decay=0, stop=0, relax=0)
    own = ValueMapping(as_wide(patches(s.x0), s.source.states.shape[-1]), s.source.window)
    scale, shift = own(own.begin(Noise(0)))[:, None]

    def current(step: Step, latents: Tensor, line: Line, latest: Latest) -> dict[str, Tensor]:
        """The maps of the very call that is about to be made, with the network as it begins."""
        with step.model.control(ScaledValues(scale, shift, "src+"), latest):
            step.model.rows(step.x, step.i, step.path, ["src+"], [line])
        return {name: maps.detach() for name, maps in latest.maps.items()}

    s.run(inversion)
    assert s.model.meter.notes["loss beside"][0] > 1e-6
    s.model.meter.notes.clear()
    monkeypatch.setattr("overpaint.inversions.style.recorded", current)
    s.run(inversion)
    first, then = s.model.meter.notes["loss beside"]
    assert first < 1e-12 < 1e-10 < then, "an update moves them"


def test_the_maps_are_held_where_they_were() -> None:
    s = setting()
    ends = list[float]()
    for hold in (True, False):
        with s.model.metered(Meter()) as meter:
            s.run(Style(inner=1, decay=0, hold=hold))
        ends.append(meter.notes["loss"][0])
    assert ends[0] > ends[1], "what the maps miss is added"


class Mapper(nn.Module):
    """The network with torch's layers."""

    def __init__(self, own: ValueMapping, flat: Tensor) -> None:
        super().__init__()
        made = 2 * own.window
        self.seen, self.start = own.seen, nn.Conv1d(len(own.seen), made, 1)
        self.block, self.norm, self.end = (
            nn.Conv1d(made, made, 1),
            nn.BatchNorm1d(made),
            nn.Conv1d(made, made, 1),
        )
        with torch.no_grad():
            nn.utils.vector_to_parameters(flat[0], self.parameters())

    def forward(self) -> tuple[Tensor, Tensor]:
        x = self.norm(self.block(self.start(self.seen[None])))
        scale, shift = self.end(nn.functional.leaky_relu(x, 0.01))[0].chunk(2)
        return scale, shift


def test_it_is_its_loop_written_once_more() -> None:
    """Hooks on the layers, torch's modules and optimiser, guidance on the noise; two steps."""
    s = setting(steps=2, dtype=torch.float64)
    mine = s.run(Style(inner=3, decay=0.4, stop=0, relax=0, hold=False))
    own = ValueMapping(as_wide(patches(s.x0), s.source.states.shape[-1]), s.source.states.shape[1])
    net: Any = Mapper(own, own.begin(Noise(0)))
    latents = inverted(s.model, s.path, s.x0, s.source)

    def swap(module: nn.Module, args: tuple[Tensor, ...]) -> Any:
        scale, shift = net()
        return (args[0] * scale + shift,)

    def guided(x: Tensor, i: int) -> Tensor:
        plain = s.model.rows(x, i, s.path, ["a"], [Line("-", s.null)])
        layers = [cast(nn.Module, site.module.to_v) for site in s.model.tap.sites if site.kind == "cross"]
        hooks = [layer.register_forward_pre_hook(swap) for layer in layers]
        tuned = s.model.rows(x, i, s.path, ["a"], [Line("+", s.source)])
        for hook in hooks:
            hook.remove()
        eps = plain.eps + 3.0 * (tuned.eps - plain.eps)
        x0 = (x - s.path.sigma[i] * eps) / s.path.alpha[i]
        return s.path.alpha[i + 1] * x0 + s.path.sigma[i + 1] * eps

    x, losses = latents[:1], list[float]()
    for i, updates in enumerate((3, 3)):
        optimiser = torch.optim.Adam(net.parameters(), lr=0.01 * (1 - i / 100))
        for _ in range(updates):
            loss = nn.functional.mse_loss(guided(x, i), latents[i + 1 : i + 2])
            losses.append(float(loss.detach()))
            optimiser.zero_grad()
            loss.backward()  # pyright: ignore[reportUnknownMemberType]
            optimiser.step()  # pyright: ignore[reportUnknownMemberType]
        with torch.no_grad():
            x = guided(x, i)
            scale, shift = net()
        if i == 0:
            assert gap(mine.more[SCALE][0], scale) < 1e-4 and gap(mine.more[SHIFT][0], shift) < 1e-4
    # Adam takes a step of the same size along a gradient that is all but rounding: losses agree for longer.
    assert s.model.meter.notes["loss"] == pytest.approx(losses, rel=1e-4)
    assert gap(s.walk(Style(inner=3, decay=0.4, stop=0, relax=0, hold=False)).home(s.model)["src"], x) < 2e-2


def test_it_cites_its_paper_first() -> None:
    assert Style().papers[0] is STYLE_PAPER

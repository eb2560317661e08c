"""The laws of prompt tuning inversion; no official code was published to compare with."""

from dataclasses import replace

import pytest
import torch
from tests.inversions.setting import Setting, plane, setting
from tests.kit import gap

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import DDIM, PromptTuning, Trajectory
from overpaint.inversions.prompt_tuning import POOLED, PROMPT_TUNING_PAPER, PROMPTS, mixed
from overpaint.meter import Meter
from overpaint.model import Branch
from overpaint.network import Text
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.sample import denoise

FEW = PromptTuning(inner=3, lr=0.02)


def plain(s: Setting, text: Text, start: Latent, scale: float = 3.0) -> Latent:
    """Guided sampling with a prompt, from given noise."""
    return denoise(s.model, s.path, {"tgt": start}, [Branch("tgt", CFG(text, s.null, scale))])["tgt"]


def ended(s: Setting, inversion: PromptTuning, name: str, scale: float = 3.0) -> Latent:
    walk = s.walk(inversion, scale)
    return (walk.alone if name == "tgt" else walk.home)(s.model)[name]


@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_share_of_the_target_it_replays_the_reconstruction(shape: Shape) -> None:
    s = setting(shape, dtype=torch.float64)
    target = ended(s, FEW.changed(share=0), "tgt")
    assert gap(target, ended(s, FEW, "src")) == 0
    assert gap(target, s.home(s.walk(FEW.changed(share=0)))["src"][-1]) < 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_the_whole_target_is_guided_sampling_whatever_was_tuned(shape: Shape) -> None:
    s = setting(shape)
    for inversion in (FEW, FEW.changed(inner=1), FEW.changed(init="null")):
        whole = inversion.changed(share=1)
        walk = s.walk(whole)
        assert torch.equal(walk.alone(s.model)["tgt"], plain(s, s.target, walk.trajectory.start))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1.5, 7.5])
def test_the_empty_prompt_untuned_is_the_unguided_walk_at_any_scale(shape: Shape, scale: float) -> None:
    s = setting(shape, dtype=torch.float64)
    still = PromptTuning(inner=0, init="null", guidance=0)
    home = ended(s, still, "src", scale)
    other = replace(s, source=s.null)
    assert torch.equal(s.run(still).latents, other.run(DDIM()).latents)
    assert gap(home, other.walk(DDIM(), 1.0).home(s.model)["src"]) < 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_a_target_that_equals_what_was_tuned_does_not_depend_on_the_share(shape: Shape) -> None:
    s = replace(setting(shape, dtype=torch.float64), target=setting(shape).source)
    ends = [ended(s, PromptTuning(inner=0, share=share), "tgt") for share in (0.0, 0.3, 1.0)]
    assert gap(ends[0], ends[1]) < 1e-6 and gap(ends[0], ends[2]) < 1e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mixture_is_linear_in_the_share(shape: Shape) -> None:
    s = setting(shape)
    traj = s.run(FEW)
    none, half, whole = (mixed(traj, s.target, share) for share in (0.0, 0.5, 1.0))
    for i in range(4):
        assert torch.equal(none[i].states, traj.more[PROMPTS][i : i + 1])
        assert torch.equal(whole[i].states, s.target.states)
        assert gap(half[i].states, (none[i].states + whole[i].states) / 2) < 1e-6
    assert (none[0].pooled is None) == (shape != "sdxl")
    if none[0].pooled is not None and s.target.pooled is not None and half[0].pooled is not None:
        assert torch.equal(none[0].pooled, traj.more[POOLED])
        assert gap(half[0].pooled, (none[0].pooled + s.target.pooled) / 2) < 1e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_without_guidance_there_is_nothing_to_tune_with(shape: Shape) -> None:
    s = setting(shape)
    prompts = s.run(FEW, scale=0.0).more[PROMPTS]
    assert torch.equal(prompts, s.source.states.expand_as(prompts))


def test_at_guidance_one_the_empty_prompt_has_no_say() -> None:
    s = setting(dtype=torch.float64)
    other = replace(s, null=s.target)
    assert gap(s.run(FEW, 1.0).more[PROMPTS], other.run(FEW, 1.0).more[PROMPTS]) < 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_tuning_brings_the_source_home(shape: Shape) -> None:
    s = setting(shape)
    tuned = PromptTuning(inner=10, lr=0.1)
    errors = [
        float((ended(s, one, "src", 5.0) - s.x0).square().mean()) for one in (tuned, tuned.changed(inner=0))
    ]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("init", ["source", "null"])
def test_the_loss_falls_at_every_step(init: str) -> None:
    s = setting()
    s.run(PromptTuning.model_validate({"inner": 8, "lr": 0.02, "init": init}))
    losses = torch.tensor(s.model.meter.notes["loss"]).view(4, 8)
    assert bool((losses[:, -1] < losses[:, 0]).all())


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.0])
def test_its_work(guidance: float) -> None:
    s, inversion = setting(), PromptTuning(inner=3, guidance=guidance)
    s.run(inversion)
    meter, cost, n = s.model.meter, inversion.cost(4), 4
    assert (meter.updates, meter.backwards) == (3 * n, 3 * n)
    assert meter.rows == n * (2 if guidance == 2 else 1) + n * (1 + 3 + 1)
    assert meter.rows in cost.rows and meter.backwards in cost.backwards and meter.updates in cost.updates


def test_it_stops_early_only_where_that_is_asked_for() -> None:
    model, family = plane()
    guide, x0 = CFG(family.text("cat"), family.null(), 1.0), torch.zeros(1, 4, 4, 4)
    for stop, updates in ((1.0, 3), (0.0, 12)):
        with model.metered(Meter()) as meter:
            PromptTuning(inner=4, stop=stop).run(model, model.path(3), x0, guide, Noise(0))
        assert meter.updates == updates


def test_it_begins_where_it_is_told() -> None:
    s = setting()
    for init, text in (("source", s.source), ("null", s.null)):
        traj = s.run(PromptTuning.model_validate({"inner": 1, "init": init}))
        moved = (traj.more[PROMPTS][:1] - text.states).abs().amax()
        assert 0 < float(moved) < 6e-3  # one update of Adam moves by the rate
    noises = [s.run(PromptTuning(inner=0, guidance=g)).start for g in (0.0, 1.0)]
    assert gap(*noises) > 1e-3
    assert torch.equal(noises[0], replace(s, source=s.null).run(DDIM()).start)


def test_nothing_but_the_prompt_is_changed() -> None:
    s = setting()
    texts = [text.states.clone() for text in s.texts]
    before = [p.clone() for p in s.model.net.parameters()]
    s.run(FEW)
    assert all(torch.equal(a, b.states) for a, b in zip(texts, s.texts, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, s.model.net.parameters(), strict=True))
    assert not any(p.requires_grad or p.grad is not None for p in s.model.net.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_network_in_half_precision_is_tuned_in_full(dtype: torch.dtype) -> None:
    traj: Trajectory = setting(dtype=dtype).run(FEW)
    assert traj.more[PROMPTS].dtype == torch.float32
    assert float((traj.more[PROMPTS][:1] - setting().source.states).abs().median()) > 1e-3


def test_a_source_that_is_told_nothing_is_guided_all_the_same() -> None:
    s = replace(setting(), source=setting().null)
    walk = s.walk(FEW)
    before = s.model.meter.rows
    walk.home(s.model)
    assert s.model.meter.rows - before == 4 * FEW.silent_rows == 8


def test_it_cites_its_paper_first() -> None:
    assert PromptTuning().papers[0] is PROMPT_TUNING_PAPER


def test_it_draws_nothing() -> None:
    s, guide = setting(), CFG(setting().source, setting().null, 3.0)
    runs = [FEW.run(s.model, s.path, s.x0, guide, Noise(seed)).more[PROMPTS] for seed in (0, 1)]
    assert torch.equal(*runs)

import pytest
import torch
from tests.inversions.setting import Setting, setting

from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG, Plain
from overpaint.guides.proximal import Proximal
from overpaint.inversions import DDIM, NegativePrompt, NullText
from overpaint.inversions.negative_prompt import PROXIMAL_PAPER, slerp

BOTH = frozenset({"src+", "src-"})


def target(s: Setting, inversion: NegativePrompt, scale: float = 3.0) -> torch.Tensor:
    return s.home(s.walk(inversion, scale))["tgt"][-1]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_source_goes_home_as_without_guidance_whatever_the_scale(shape: Shape) -> None:
    s = setting(shape)
    ends = [s.home(s.walk(NegativePrompt(), scale))["src"][-1] for scale in (1.0, 3.0, 7.5)]
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])
    # The same from both rows, asked for because somebody reads them.
    full = s.home(s.walk(NegativePrompt(), 7.5, BOTH))["src"][-1]
    assert float((full - ends[0]).abs().max()) < 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_at_guidance_one_all_inversions_are_one(shape: Shape) -> None:
    s = setting(shape, dtype=torch.float64)  # in single precision, calls of other batches round otherwise
    ends = [
        torch.cat([x[-1] for x in s.home(s.walk(inversion, 1.0)).values()])
        for inversion in (DDIM(), NullText(inner=0), NegativePrompt())
    ]
    assert torch.equal(ends[0], ends[1])
    assert float((ends[0] - ends[2]).abs().max()) < 1e-12


def test_one_row_for_the_source_unless_its_two_would_differ() -> None:
    s = setting()
    for inversion, reads, rows in (
        (NegativePrompt(), frozenset({"src+"}), 3),
        (NegativePrompt(proximal="l0"), frozenset({"src+"}), 3),
        (NegativePrompt(), BOTH, 4),
        (NegativePrompt(proximal="l0"), BOTH, 4),
        (NegativePrompt(interp=0.5), frozenset({"src+"}), 4),
    ):
        walk = s.walk(inversion, reads=reads)
        before = s.model.meter.rows
        s.home(walk)
        assert s.model.meter.rows - before == rows * len(s.path)
        if reads == frozenset({"src+"}):
            assert inversion.source_rows + 2 == rows


def test_the_work_is_one_row_a_step() -> None:
    s = setting()
    s.run(NegativePrompt(interp=0.3, proximal="l0"))
    assert NegativePrompt().cost(4).rows == (s.model.meter.rows, s.model.meter.rows) == (4, 4)


@pytest.mark.parametrize("shape", SHAPES)
def test_interpolated_all_the_way_it_is_ddim(shape: Shape) -> None:
    s = setting(shape)
    traj = s.run(NegativePrompt(interp=1))
    assert traj.nulls is not None
    assert torch.allclose(traj.nulls, s.null.states, atol=1e-6)
    if traj.pooled is not None and s.null.pooled is not None:
        assert torch.allclose(traj.pooled, s.null.pooled, atol=1e-6)


def test_slerp_keeps_to_the_arc() -> None:
    a, b = torch.tensor([[[2.0, 0.0]]]), torch.tensor([[[0.0, 2.0]]])
    half = slerp(a, b, 0.5)
    assert torch.allclose(half, torch.full((1, 1, 2), 2**0.5))
    assert torch.allclose(slerp(a, b, 0.0), a) and torch.allclose(slerp(a, b, 1.0), b, atol=1e-6)
    assert torch.equal(slerp(a, a, 0.5), a)
    assert bool(torch.isfinite(slerp(a, torch.zeros_like(a), 0.5)).all())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_threshold_above_everything_leaves_nothing_of_the_target(shape: Shape) -> None:
    s = setting(shape)
    ends = [target(s, NegativePrompt(proximal="l0", quantile=1), scale) for scale in (1.5, 7.5)]
    assert torch.equal(ends[0], ends[1])
    other = Setting(s.model, s.path, s.x0, s.source, s.model.family.text("big blue house"), s.null)
    assert float((ends[0] - target(other, NegativePrompt(proximal="l0", quantile=1))).abs().max()) < 1e-5
    source = s.home(s.walk(NegativePrompt()))["src"][-1]
    assert float((ends[0] - source).abs().max()) < 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_a_threshold_below_everything_is_no_threshold(shape: Shape) -> None:
    # The source's differences are zero, so any quantile up to one half is zero too.
    s = setting(shape)
    assert (
        float(
            (target(s, NegativePrompt(proximal="l0", quantile=0.4)) - target(s, NegativePrompt())).abs().max()
        )
        < 1e-4
    )
    assert (
        float(
            (target(s, NegativePrompt(proximal="l0", quantile=0.9)) - target(s, NegativePrompt())).abs().max()
        )
        > 1e-2
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_full_inversion_guidance_holds_the_source_to_its_inversion(shape: Shape) -> None:
    s = setting(shape)
    held = NegativePrompt(proximal="l0", quantile=1, inversion_guidance=1, below=1000)
    walk = s.walk(held, 7.5)
    states = s.home(walk)
    for name in ("src", "tgt"):
        assert float((torch.cat(states[name]) - walk.trajectory.latents[1:]).abs().max()) < 1e-5


def test_full_reconstruction_guidance_ends_in_the_picture() -> None:
    # The belief is the picture itself, so the last step, to almost no noise, lands almost on it.
    s = setting(steps=10)
    pulled = NegativePrompt(proximal="l0", quantile=1, reconstruction_guidance=1, below=1000)
    end = s.home(s.walk(pulled))["src"][-1]
    loose = s.home(s.walk(NegativePrompt()))["src"][-1]
    assert float((end - s.x0).abs().max()) < 0.2 < 5 * float((loose - s.x0).abs().max())


def test_the_pulls_act_below_their_level_only() -> None:
    s = setting()
    free = s.home(s.walk(NegativePrompt(proximal="l0")))["tgt"]
    late = s.home(s.walk(NegativePrompt(proximal="l0", inversion_guidance=0.5, below=300)))["tgt"]
    # Levels 751, 501, 251, 1.
    assert [torch.equal(a, b) for a, b in zip(free, late, strict=True)] == [True, True, False, False]


def test_a_pull_without_a_threshold_is_refused() -> None:
    for fields in ({"reconstruction_guidance": 0.1}, {"inversion_guidance": 0.1}):
        with pytest.raises(UsageError, match="choose proximal l0"):
            NegativePrompt.model_validate(fields)


def test_pulls_between_levels_of_which_there_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match="No noise level lies below 300 and above 299"):
        NegativePrompt(proximal="l0", inversion_guidance=0.1, below=300, above=299)
    NegativePrompt(proximal="l0", inversion_guidance=0.1, below=300, above=298)


def test_a_batch_of_the_target_alone_can_be_guided() -> None:
    s = setting()
    walk = s.walk(NegativePrompt(proximal="l0", quantile=0.5))
    alone = walk.alone(s.model)["tgt"]
    assert alone.shape == s.x0.shape and bool(torch.isfinite(alone).all())


def test_the_guides_are_the_simplest_that_do() -> None:
    s = setting()
    kinds = [
        [type(b.guide) for b in s.walk(i).branches] for i in (NegativePrompt(), NegativePrompt(proximal="l0"))
    ]
    assert kinds == [[Plain, CFG], [Proximal, Proximal]]
    assert PROXIMAL_PAPER in NegativePrompt(proximal="l0").papers
    assert PROXIMAL_PAPER not in NegativePrompt().papers

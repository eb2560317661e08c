"""The noise schedule behind a scheduler's configuration."""

from typing import Any

import pytest
import torch
from tests.kit import draw, gap, numbers

from overpaint.errors import UsageError
from overpaint.families.schedule import schedule_of

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def test_the_table_is_that_of_stable_diffusion() -> None:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    schedule = schedule_of({**SD, "steps_offset": 1, "set_alpha_to_one": False})
    assert schedule.bars.dtype == torch.float64
    assert gap(schedule.bars, (1 - betas).cumprod(0)) < 1e-6
    assert (schedule.kind, schedule.offset, schedule.to_one, schedule.spacing) == (
        "epsilon",
        1,
        False,
        "leading",
    )


@pytest.mark.parametrize(
    "name", ["PNDMScheduler", "EulerDiscreteScheduler", "LCMScheduler", "DPMSolverMultistepScheduler"]
)
def test_the_sampler_a_checkpoint_names_does_not_matter(name: str) -> None:
    extra: dict[str, Any] = {"_class_name": name, "skip_prk_steps": True, "algorithm_type": "dpmsolver++"}
    assert torch.equal(schedule_of({**SD, **extra}).bars, schedule_of(SD).bars)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_kinds(kind: str) -> None:
    assert schedule_of({**SD, "prediction_type": kind}).kind == kind


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_spacings(spacing: str) -> None:
    assert schedule_of({**SD, "timestep_spacing": spacing}).spacing == spacing


def test_a_kind_that_no_path_can_read_is_refused() -> None:
    with pytest.raises(UsageError, match="predicts 'flow_prediction'"):
        schedule_of({**SD, "prediction_type": "flow_prediction"})


def test_a_schedule_that_ends_in_pure_noise() -> None:
    zero = {**SD, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    path = schedule_of({**zero, "prediction_type": "v_prediction"}).path(10)
    assert float(path.alpha[0]) == pytest.approx(0, abs=1e-4)
    x, out = draw(2, 1, 4, 8, 8).unbind()
    assert torch.isfinite(path.read(x, out, 0).x0).all()


def test_predicting_noise_from_pure_noise_is_refused() -> None:
    with pytest.raises(UsageError, match="set prediction_type to v_prediction"):
        schedule_of({**SD, "trained_betas": [0.1, 0.5, 1.0], "prediction_type": "epsilon"})


def test_short_schedules_are_schedules() -> None:
    schedule = schedule_of({**SD, "num_train_timesteps": 100})
    assert len(schedule.bars) == 100
    assert numbers(schedule.path(10).t) == list(range(90, -1, -10))

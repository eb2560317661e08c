"""A model's trained noise schedule, read from its scheduler configuration."""

from collections.abc import Mapping
from typing import Any, cast

from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from overpaint.errors import UsageError
from overpaint.path import Schedule


def schedule_of(config: Mapping[str, Any]) -> Schedule:
    """The schedule behind a scheduler configuration of whatever class the checkpoint names.

    Only the training table and its conventions matter; the sampler named there is not used.

    Raises:
        UsageError: the configuration asks for something a diffusion path cannot be cut from.
    """
    kind = config.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction", "sample"):
        raise UsageError(
            f"The scheduler predicts {kind!r}; this family knows epsilon, v_prediction and sample."
        )
    bars = cast(Any, DDIMScheduler).from_config(dict(config)).alphas_cumprod.double()
    falls = bool((bars.diff() < 0).all())  # also false where a number is none
    if not (falls and float(bars[0]) <= 1 and float(bars[-1]) >= 0):
        raise UsageError(
            "The noise schedule is no fall from the picture to noise; look at beta_start and beta_end in "
            "scheduler_config.json (SD has 0.00085 and 0.012)."
        )
    spacing = config.get("timestep_spacing", "leading")
    if kind == "epsilon" and float(bars[-1]) == 0:
        raise UsageError(
            "A schedule that ends in pure noise cannot predict epsilon; set prediction_type to v_prediction."
        )
    return Schedule(
        bars,
        kind,
        offset=int(config.get("steps_offset", 0)),
        to_one=bool(config.get("set_alpha_to_one", False)),
        spacing=spacing if spacing in ("leading", "trailing", "linspace") else "leading",
    )

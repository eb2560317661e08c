"""A model's trained noise schedule, read from its scheduler configuration."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError, short_of_memory
from overpaint.path import Schedule


def table(scheduler: Any) -> Float[Tensor, " levels"]:
    """``alpha_bar`` of every training level in float64.

    Schedulers of diffusers compute theirs in float32, 5e-7 off. For the usual two formulas it is computed
    anew, so that what an inversion in float64 must give back to twelve digits does not hang on it.
    """
    said = scheduler.config
    first, last, count = said["beta_start"], said["beta_end"], said["num_train_timesteps"]
    rounded = scheduler.alphas_cumprod.double()
    if min(first, last) < 0 or said.get("trained_betas") is not None or said.get("rescale_betas_zero_snr"):
        return rounded
    match said["beta_schedule"]:
        case "scaled_linear":
            betas = torch.linspace(first**0.5, last**0.5, count, dtype=torch.float64) ** 2
        case "linear":
            betas = torch.linspace(first, last, count, dtype=torch.float64)
        case _:
            return rounded
    return (1 - betas).cumprod(0)


def schedule_of(config: Mapping[str, Any]) -> Schedule:
    """The schedule behind a scheduler configuration of whatever class the checkpoint names.

    Only the training table and its conventions matter; the sampler named there is not used.

    Raises:
        UsageError: the configuration asks for something a diffusion path cannot be cut from.
    """
    config = {name: value for name, value in config.items() if value is not None}
    kind = config.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction", "sample"):
        raise UsageError(
            f"The scheduler predicts {kind!r}; this family knows epsilon, v_prediction and sample."
        )
    try:
        bars = table(cast(Any, DDIMScheduler).from_config(dict(config)))
        offset = int(config.get("steps_offset", 0))
    except Exception as error:  # whatever the library makes of somebody's settings
        if short_of_memory(error):
            raise
        raise UsageError(
            "No noise schedule can be made from scheduler_config.json; take it from the model's maker again."
        ) from error
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
        offset=offset,
        to_one=bool(config.get("set_alpha_to_one", False)),
        spacing=spacing if spacing in ("leading", "trailing", "linspace") else "leading",
    )

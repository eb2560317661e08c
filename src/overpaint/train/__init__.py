"""Trainers of the Still Life family. `train` is what the command line calls."""

from __future__ import annotations

import time
from pathlib import Path

from overpaint.errors import UsageError


def train(
    what: str = "still-life",
    size: str = "cpu",
    stage: str | None = None,
    out: str | Path = "runs/still-life",
    *,
    minutes: float | None = None,
    steps: int | None = None,
    toy: bool = False,
    resume: bool = True,
    device: str | None = None,
    prediction: str = "v_prediction",
    look: float = 600.0,
    quiet: bool = False,
) -> None:
    """Train the family stage by stage in the folder `out`, taking up what is there.

    Without `stage` all stages run in their order. After `minutes` (of this call) the state is saved and the
    call ends; the same command goes on from there. `steps` replaces the size's number for one
    stage; `look` is the time in seconds between measurements of a stage. Raises
    `UsageError` for unknown names.
    """
    from overpaint.train.figures import device_of
    from overpaint.train.stages import Trainer

    if what != "still-life":
        raise UsageError(f"'{what}' cannot be trained; choose still-life.")
    if prediction not in ("epsilon", "v_prediction"):
        raise UsageError(f"There is no prediction '{prediction}'; choose epsilon or v_prediction.")
    if steps is not None and stage is None:
        raise UsageError("Steps are given for one stage; name it with --stage.")
    until = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    name = "toy" if toy else size
    shop = Trainer(
        Path(out),
        name,
        device_of(device),
        until,
        resume,
        quiet,
        prediction,
        look,
        steps,
        command=f"overpaint train still-life --size {name}",
    )
    _ = shop.size  # refuses a name that is none
    stages = shop.stages()
    if stage is not None and stage not in (*stages, "publish"):
        raise UsageError(f"There is no stage '{stage}'; choose one of {', '.join(stages)}, publish.")
    if stage == "publish":
        shop.publish()
    wanted = list(stages) if stage is None else [stage] if stage in stages else []
    for each in wanted:
        if shop.left() > 0:
            stages[each]()

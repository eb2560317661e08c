"""What can be set of the training of a side network: as published, and as suits Still Life."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from overpaint.errors import UsageError
from overpaint.options import Options
from overpaint.run.resolve import resolve

What = Literal["controlnet", "t2i-adapter", "cyclenet"]
Weight = Annotated[float, Field(ge=0, le=100)]


class Plan(Options):
    """How a side network is trained. Defaults are those of the published trainers."""

    steps: int = Field(default=15_000, ge=1, description="updates of the weights")
    batch: int = Field(default=4, ge=1, description="pictures for each update, over all processes")
    parts: int = Field(
        default=1,
        ge=1,
        description="parts in which a batch goes through the networks: less memory, the same update",
    )
    rate: float = Field(default=1e-5, gt=0, lt=1, description="learning rate")
    warmup: int = Field(default=1, ge=1, description="updates over which the rate rises")
    cooldown: float = Field(default=0.0, ge=0, le=1, description="share of the updates over which it falls")
    optimiser: Literal["adamw", "muon"] = Field(
        default="adamw", description="muon: orthogonalised updates of matrices, for small networks"
    )
    ema: float = Field(default=0.0, ge=0, lt=1, description="decay of the running average; 0 keeps none")
    times: Literal["uniform", "cubic"] = Field(
        default="uniform", description="how levels are drawn; cubic: mostly noisy ones"
    )
    mixed: Literal["no", "bf16"] = Field(default="no", description="bf16: multiply in half the bits")
    half: bool = Field(default=False, description="write the files in half precision")
    held: int = Field(default=4, ge=1, le=64, description="pictures kept from training, to look at")
    guidance: float = Field(default=7.5, ge=0, le=30, description="of the samples that are looked at")
    seed: int = Field(default=0, ge=0, lt=2**31, description="of everything that is drawn")

    @property
    def passes(self) -> int:
        """How often a picture goes through both networks in a step."""
        return 1


class Copied(Plan):
    """Of networks that begin as a copy of the main one's encoder."""

    rank: int | None = Field(
        default=None, ge=1, description="learn by factors of that rank, for a file of few megabytes"
    )
    hint: tuple[int, ...] = Field(
        default=(), description="widths of the condition's encoder; none: those published"
    )

    start: str = Field(
        default="", description="a trained side network to begin with; none: the model's own encoder"
    )


class ControlNetPlan(Copied):
    """Half of the prompts dropped, as the paper has it (arXiv:2302.05543)."""

    drop: float = Field(default=0.5, ge=0, le=1, description="share of the prompts replaced by the empty one")


class AdapterPlan(Plan):
    """Mostly noisy levels, as the paper has it (arXiv:2302.08453)."""

    batch: int = Field(default=8, ge=1, description="pictures for each update, over all processes")
    times: Literal["uniform", "cubic"] = Field(
        default="cubic", description="how levels are drawn; cubic: mostly noisy ones"
    )
    drop: float = Field(default=0.0, ge=0, le=1, description="share of the prompts replaced by the empty one")
    blocks: int = Field(default=2, ge=1, le=8, description="residual blocks a level")
    colours: Literal[1, 3] = Field(default=3, description="1 for lines, 3 for colours")
    light: bool = Field(default=False, description="the light form, as published for colours")


class CyclePlan(Copied):
    """The weights as released (arXiv:2310.13165)."""

    fast: bool = Field(default=False, description="do not go back: three passes in place of five")
    weights: tuple[Weight, Weight, Weight, Weight] = Field(
        default=(1.0, 0.1, 0.1, 0.01), description="of the losses recon, consis, disc and cycle"
    )
    decoder: bool = Field(
        default=False,
        description="train the main network's way up too, as published: another model",
    )
    guidance: float = Field(default=9.0, ge=0, le=30, description="of the samples that are looked at")

    @property
    def passes(self) -> int:
        """All five, or as many as the losses that weigh something need."""
        _, consis, disc, cycle = self.weights
        if not self.fast and (consis or cycle):
            return 5
        return 3 if disc else 1


PLANS: Mapping[What, type[Plan]] = {
    "controlnet": ControlNetPlan,
    "t2i-adapter": AdapterPlan,
    "cyclenet": CyclePlan,
}
SMALL: Mapping[str, Any] = {
    "steps": 1_500,
    "batch": 16,
    "half": True,
    "rate": 2e-3,
    "warmup": 50,
    "cooldown": 0.5,
    "optimiser": "muon",
    "ema": 0.99,
    "held": 8,
    "guidance": 3.0,
}
"""What suits networks as small as Still Life's, which learn from nothing in minutes."""
COPY: Mapping[str, Any] = {"rank": 16, "hint": (8, 16, 32, 64)}
DRAWN: Mapping[What, Mapping[str, Any]] = {
    "controlnet": {**SMALL, **COPY, "drop": 0.3},
    "t2i-adapter": {**SMALL, "drop": 0.3},
    "cyclenet": {**SMALL, **COPY, "rank": 32, "guidance": 5.0},
}


def plan_of(what: What, drawn: bool, told: Mapping[str, Any]) -> Plan:
    """The plan for a kind of side network, with what was set.

    Raises:
        UsageError: an option that there is not, or a value out of range.
    """
    preset = {**(DRAWN[what] if drawn else {}), **launched()}
    return resolve(PLANS[what], told, preset, f"the training of a {what}")


def launched() -> dict[str, Any]:
    """What ``accelerate launch`` says of the precision.

    Raises:
        UsageError: it says one that is not trained in.
    """
    said = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if said not in ("no", "bf16"):
        raise UsageError(f"accelerate was launched for {said}; side networks are trained in float32 or bf16.")
    return {"mixed": said}

"""For pictures that were made here: the recipe says which noise they came from, so nothing is inverted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, ValidationError

from overpaint.card import Cost, Paper
from overpaint.errors import UsageError
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.images.recipe import Recipe
from overpaint.inversions.base import Inversion
from overpaint.inversions.ddim import DDIM_PAPER, ROWS
from overpaint.inversions.quality import EXACT, UNTOLD, Quality
from overpaint.inversions.trajectory import Trajectory
from overpaint.meter import Meter
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws, Noise
from overpaint.path import Latent, Path
from overpaint.sample import Latents, denoise


class Recorded(Inversion):
    """Start from the very noise a generated picture came from, and walk its source home as it was generated.

    Seed, guidance and steps are those of the picture's recipe; the source prompt must be the prompt it was
    made with. The source then ends at the generated latent: to the bit when it walks alone, to rounding
    beside a target (a network computes a batch of four in another order than a batch of two). ``pinned``
    walks the recipe once more and puts the source back on that walk after every step: exact to the bit in any
    company, and one row a step less in every edit after the first, as the walk is kept.
    """

    own_guidance: ClassVar[bool] = True
    name: Literal["recorded"] = Field(
        default="recorded", description="the noise a generated picture was made from"
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="seed of the picture's recipe")
    guidance: float = Field(default=7.5, ge=0, le=30, description="guidance of the picture's recipe")
    steps: int | None = Field(
        default=None, ge=1, le=1000, description="steps of the picture's recipe, to be checked"
    )
    pinned: bool = Field(default=False, description="walk the recipe again, and pin the source to that walk")

    @classmethod
    def of_recipe(cls, told: Recipe) -> Inversion | None:
        """The walk in a recipe; nothing where another program left a part of it out."""
        said = {"seed": told.request.get("seed"), "guidance": told.options.get("guidance")}
        steps = told.options.get("steps")
        try:
            return None if steps is None else cls.model_validate({**said, "steps": steps})
        except ValidationError:
            return None

    @classmethod
    def groundless(cls, said: Mapping[str, Any]) -> str | None:
        """Without a recipe a seed has to be named."""
        if "seed" in said:
            return None
        return (
            "The inversion 'recorded' starts from the noise a picture was generated from, but this one is "
            "not known to be what this model generated from the source prompt, unchanged since; choose "
            "another inversion, or give the seed as the option 'inversion.seed'."
        )

    def check(self, model: Model, steps: int) -> None:
        """The edit must have the steps of the recipe.

        Raises:
            UsageError: it has not.
        """
        if self.steps not in (None, steps):
            raise UsageError(
                f"The picture was generated in {self.steps} steps, so its noise belongs to a walk of as "
                f"many; edit it with {self.steps} steps instead of {steps}, or choose another inversion."
            )

    def grade(self, meter: Meter, own: bool) -> Quality:
        """Exact if the walk is the picture's own; nothing can tell otherwise."""
        return EXACT if own else UNTOLD

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The sampler, which is walked one way only."""
        return (DDIM_PAPER,)

    @property
    def guided(self) -> bool:
        """The recipe's walk has a guidance of its own, but looks at the empty text."""
        return True

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The walk of the recipe."""
        return (ROWS[rows_at(self.guidance)],)

    def cost(self, steps: int) -> Cost:
        """Nothing; two rows a step to walk the recipe again, one without guidance."""
        return Cost.of(steps * rows_at(self.guidance) if self.pinned else 0)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Draw the noise, and if asked to walk from it.

        Raises:
            UsageError: the edit has not the steps of the recipe.
        """
        self.check(model, len(path))
        start = Noise(self.seed).normal(tuple(x0.shape), "start").to(x0)
        if not self.pinned:
            return Trajectory(path.t, start)
        walked = [start]

        def keep(i: int, xs: Latents) -> Latents:
            walked.append(xs["src"])
            return xs

        own = replace(guide, scale=self.guidance)
        denoise(model, path, {"src": start}, [Branch("src", own)], after=keep)
        return Trajectory(path.t, torch.cat(walked), pinned=True)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """With the guidance of the recipe, not that of the edit."""
        return super().home(path, traj, text, null, self.guidance, reads)

    @property
    def source_rows(self) -> int:
        """Both, unless pinned or without guidance."""
        return 1 if self.pinned else rows_at(self.guidance)

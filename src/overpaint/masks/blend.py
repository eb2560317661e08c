"""Blending: outside a mask the walk is replaced by the source at the level it has reached.

The published codes do this in ways that differ by a step or by a draw; each of them is a choice here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from overpaint.masks.morphology import shrinking
from overpaint.model import Model
from overpaint.network import Pixels
from overpaint.noise import Draws
from overpaint.options import Options
from overpaint.path import Latent, Path, Prediction, part
from overpaint.sample import Ask, Latents, Solver
from overpaint.task import CELLS, Mask01, Task


class Blending(Options):
    """When the source is put back outside the mask, at which level, and under which noise.

    ``before, current, shared`` is blended latent diffusion as published (arXiv:2206.02779); ``after,
    current, own, noisy`` the authors' script for SD 2, whose background lags a step behind; ``after, next,
    fixed, clean`` the 4-channel inpainting of diffusers.
    """

    when: Literal["before", "after"] = Field(
        default="before", description="ahead of a step, or when it is taken"
    )
    level: Literal["current", "next"] = Field(
        default="current",
        description="noise the source to the level the step comes from, or to where it leads",
    )
    noise: Literal["fixed", "shared", "own"] = Field(
        default="shared",
        description="the same noise at all steps, fresh at each step, or fresh for each result too",
    )
    end: Literal["clean", "noisy"] = Field(
        default="clean", description="at the very end: the source itself, or with the last bit of noise"
    )
    cells: CELLS = Field(default="middle", description="which cells of the latent the mask covers")
    dilation: int = Field(
        default=0, ge=0, le=32, description="grow a thin mask by so many cells at first, then ever less"
    )
    pixel_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the steps, at the end, that blend in pixels instead"
    )

    def masks(self, task: Task) -> list[Mask01]:
        """The mask of a task on the latent's grid, as often as it shrinks."""
        return shrinking(task.region(self.cells), self.dilation)

    def latent_steps(self, steps: int) -> int:
        """How many of so many steps blend latents; the others blend pixels."""
        return part(steps, 1 - self.pixel_share)


@dataclass(frozen=True)
class Blend:
    """What happens to all latents of a walk ahead of a step and after it."""

    path: Path
    source: Latent
    """The picture's latent."""
    masks: Sequence[Mask01]
    """On the latent's grid, 1 where it may change; several follow each other in equal stretches of the
    walk.
    """
    draws: Draws
    how: Blending
    until: int | None = None
    """The first step that is left alone; nothing for all of them."""

    def before(self, i: int, xs: Latents) -> Latents:
        """Blend ahead of step ``i``, if that is how."""
        return self._blended(i, xs) if self.how.when == "before" else xs

    def after(self, i: int, xs: Latents) -> Latents:
        """Blend after step ``i``, if that is how."""
        return self._blended(i, xs) if self.how.when == "after" else xs

    def mask(self, i: int) -> Mask01:
        """The mask of step ``i``."""
        stretch = len(self.path) // len(self.masks) + 1
        return self.masks[i // stretch]

    def _blended(self, i: int, xs: Latents) -> Latents:
        if self.until is not None and i >= self.until:
            return xs
        mask = self.mask(i)
        return {name: mask * x + (1 - mask) * self.background(i, name) for name, x in xs.items()}

    def background(self, i: int, name: str) -> Latent:
        """The source as it is put beside a branch at step ``i``."""
        level = i if self.how.level == "current" else i + 1
        if level == len(self.path) and self.how.end == "clean":
            return self.source
        key = {"fixed": (), "shared": (i,), "own": (name, i)}[self.how.noise]
        noise = self.draws.normal(tuple(self.source.shape), "blend", *key).to(self.source)
        return self.path.noised(self.source, noise, level)


def pasted(model: Model, pixels: Pixels, mask: Mask01, draws: Draws, first: int, otherwise: Solver) -> Solver:
    """From step ``first`` on, blend in pixels: decode the belief, paste the picture outside, encode, noise
    again.

    The published code noises to the level the step came from (arXiv:2206.02779,
    ``ldm/models/diffusion/ddim.py``).
    """

    def one(path: Path, i: int, name: str, p: Prediction) -> Latent:
        shown = mask * model.decode(p.x0) + (1 - mask) * pixels
        shape = tuple(p.x0.shape)
        clean = model.family.encode(shown, draws.normal(shape, "encode", name, i).to(p.x0))
        return path.noised(clean, draws.normal(shape, "again", name, i).to(p.x0), i)

    def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
        if i < first:
            return otherwise(ask, path, i, xs)
        ps = ask(xs)
        return {name: one(path, i, name, p) for name, p in ps.items()}, ps

    return solver

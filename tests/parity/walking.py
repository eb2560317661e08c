"""Walks from stored latents: what a cache would hand out, every state on the way, a part of a walk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from overpaint.attention import Control
from overpaint.guides import CFG
from overpaint.inversions import Inversion, Trajectory
from overpaint.inversions.base import Walk
from overpaint.model import Branch, Model
from overpaint.noise import Draws
from overpaint.path import Latent, Path, Prediction
from overpaint.sample import After, Ask, Latents, compose
from tests.parity.golden import Golden


@dataclass(frozen=True)
class Known:
    """Stands where a model's cache does, and hands out one trajectory for whatever is asked."""

    trajectory: Trajectory

    def fetch(
        self, inversion: Inversion, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws
    ) -> Trajectory:
        """The trajectory."""
        return self.trajectory


@dataclass(frozen=True)
class Told:
    """A draft that holds what an earlier run would have left."""

    found: Mapping[str, Tensor]

    def read(self) -> Mapping[str, Tensor]:
        """What was found."""
        return self.found

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Nothing goes on from here."""


@dataclass(frozen=True)
class Taken:
    """One step: where it led, and what was then made of it."""

    i: int
    moved: Latents
    xs: Latents

    @property
    def pair(self) -> Tensor:
        """Source and target, as files have them."""
        return torch.cat([self.xs["src"], self.xs["tgt"]])


def walked(
    model: Model, walk: Walk, *controls: Control, after: After | None = None, alone: bool = False
) -> list[Taken]:
    """The whole walk of both, or of the target alone, step by step."""
    moved, made = list[Latents](), list[Latents]()

    def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
        new, ps = walk.solver(ask, path, i, xs)
        moved.append(new)
        return new, ps

    def keep(i: int, xs: Latents) -> Latents:
        made.append(xs)
        return xs

    noted = replace(walk, solver=solver)
    (noted.alone if alone else noted.run)(model, *controls, after=compose(after, keep))
    return [Taken(i, *both) for i, both in enumerate(zip(moved, made, strict=True))]


def stretch(
    model: Model,
    walk: Walk,
    xs: Latents,
    steps: range,
    controls: Sequence[Control] = (),
    after: After | None = None,
) -> Iterator[Taken]:
    """Some steps of a walk, from given latents."""
    branches = [Branch(b.name, b.guide.begin()) for b in walk.branches]
    with torch.no_grad(), model.control(*walk.controls, *controls):
        for i in steps:
            ask = partial(model.predict, i=i, path=walk.path, branches=branches)
            moved, _ = walk.solver(ask, walk.path, i, xs)
            xs = compose(walk.after, after)(i, moved)
            yield Taken(i, moved, xs)


def both(pair: Tensor) -> Latents:
    """Two stored rows as source and target."""
    return {"src": pair[:1], "tgt": pair[1:]}


def known(golden: Golden, path: Path, name: str = "trajectory") -> Tensor:
    """A stored trajectory noise end first; no number where nothing was kept, for nothing may look there."""
    latents = torch.full((len(path) + 1, *golden[name].shape[1:]), torch.nan, dtype=golden[name].dtype)
    for k, latent in golden.entries(name):
        latents[len(path) - k] = latent
    return latents


@dataclass
class Watched(Model):
    """Notes the latents that enter each step, and the belief about the picture that comes of them."""

    entered: list[Latents] = field(default_factory=list[Latents])
    believed: list[Latents] = field(default_factory=list[Latents])
    said: list[dict[str, Prediction]] = field(default_factory=list[dict[str, Prediction]])

    def predict(
        self,
        xs: Mapping[str, Latent],
        i: int,
        path: Path,
        branches: Sequence[Branch],
        level: int | None = None,
    ) -> dict[str, Prediction]:
        """As ever, with a note."""
        self.entered.append(dict(xs))
        ps = super().predict(xs, i, path, branches, level)
        self.said.append(ps)
        self.believed.append({name: p.x0 for name, p in ps.items()})
        return ps


def watched(model: Model) -> Watched:
    """The same network and meter with a notebook."""
    return Watched(model.net, model.family, dtype=model.dtype, meter=model.meter, open_eye=model.open_eye)


def only(path: Path, i: int) -> Path:
    """The path of one step."""
    return replace(path, t=path.t[i : i + 1], alpha=path.alpha[i : i + 2], sigma=path.sigma[i : i + 2])

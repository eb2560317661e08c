"""What every inversion is: options, a cost, and a way from a picture to a trajectory to walk beside."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, final

import torch

from overpaint.attention import Control
from overpaint.card import Cost, Paper
from overpaint.errors import UsageError
from overpaint.files.store import Draft
from overpaint.guides import CFG, Plain
from overpaint.images.recipe import Recipe
from overpaint.inversions.quality import Quality, reconstruction
from overpaint.inversions.trajectory import Trajectory, wholly
from overpaint.meter import Meter
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text, same
from overpaint.noise import Draws
from overpaint.options import Options
from overpaint.path import Coupled, Latent, Path
from overpaint.sample import After, Latents, Solver, compose, ddim, denoise, each

CONDITIONAL = frozenset({"src+"})
"""The source row that attention controls of most editors read."""


@dataclass(frozen=True)
class Walk:
    """A source walking home and a target leaving with it, ready to go: once, for its solver remembers."""

    path: Path
    """The levels that are walked: an inversion may skip the noisiest."""
    xs: Latents
    branches: list[Branch]
    trajectory: Trajectory
    solver: Solver
    controls: Sequence[Control]
    after: After
    finish: Callable[[Coupled], Latent]
    """From what has been walked to the latent of a picture."""
    dtype: torch.dtype
    """The type of that latent; a walk may need a wider one."""
    stored: Callable[[int], Coupled]
    """What the inversion stored at a level of the path, for whoever puts a part of the picture back."""
    joined: bool = False
    """Whether the target cannot walk without the source."""

    def guided(self, by: Callable[[Guide], Guide]) -> "Walk":
        """The same walk with the target guided in another way, which may build on its own."""
        *others, target = self.branches
        return replace(self, branches=[*others, Branch(target.name, by(target.guide))])

    @property
    def source_roles(self) -> frozenset[str]:
        """The rows of the source at the first step: there is no row that nobody reads."""
        source = self.branches[0]
        return frozenset(source.name + line.sign for line in source.guide.lines(0))

    def untold(self, null: Text) -> "Walk":
        """The same walk with a source that is told nothing, where it finds home without being told."""
        if not self.trajectory.pinned or self.joined or len(self.source_roles) > 1:
            return self
        source, *others = self.branches
        return replace(self, branches=[Branch(source.name, Plain(null)), *others])

    def beside(self, name: str, guide: Guide) -> "Walk":
        """The same walk with one branch more, which sets out from where the target does."""
        *others, target = self.branches
        xs = {**self.xs, name: self.xs[target.name]}
        return replace(self, xs=xs, branches=[*others, Branch(name, guide), target])

    def run(self, model: Model, *controls: Control, after: After | None = None) -> Latents:
        """All, under the inversion's own controls and then these; ``after`` comes after its corrections."""
        return self._walked(model, [branch.name for branch in self.branches], controls, after)

    def alone(self, model: Model, *controls: Control, after: After | None = None) -> Latents:
        """The target without the source, for an editor that reads nothing from it; unless they are joined."""
        first, *_, target = self.branches
        names = [first.name, target.name] if self.joined else [target.name]
        return self._walked(model, names, controls, after)

    def coupled(self, model: Model, *controls: Control, after: After | None = None) -> list[Latent]:
        """The target alone, where it is several latents that belong together: each of them."""
        name = self.branches[-1].name
        made = self._walked(model, [name], controls, after, bare=True)[name]
        return [made[k : k + 1].to(self.dtype) for k in range(len(made))]

    def home(self, model: Model, *controls: Control, after: After | None = None) -> Latents:
        """The source without the target: what is left of the picture."""
        return self._walked(model, [self.branches[0].name], controls, after)

    def _walked(
        self,
        model: Model,
        names: Sequence[str],
        controls: Sequence[Control],
        after: After | None,
        bare: bool = False,
    ) -> Latents:
        xs = {name: self.xs[name] for name in names}
        branches = [branch for branch in self.branches if branch.name in names]
        both = compose(self.after, after)
        with model.control(*self.controls, *controls):
            made = denoise(model, self.path, xs, branches, solver=self.solver, after=both)
        return made if bare else {name: self.finish(x).to(self.dtype) for name, x in made.items()}


def empty(guide: CFG) -> Text:
    """The text that stands for no prompt in a guide."""
    return next(line.text for line in guide.lines(0) if line.sign == "-")


def told(guide: CFG) -> Text:
    """The text of the prompt in a guide that has the same one at every step."""
    return next(line.text for line in guide.lines(0) if line.sign == "+")


def at_own(text: Text, null: Text, scale: float, reads: frozenset[str]) -> Guide:
    """The guide of a source with a guidance of its own, whatever the edit's: one row where that tells all."""
    alone = scale == 1 or same(text, null)
    return Plain(text) if alone and reads <= CONDITIONAL else CFG(text, null, scale)


class Inversion(Options, ABC):
    """From a picture and its prompt to noise, and back along the way an editor follows.

    A subclass implements ``run``, and overrides what differs on the way back: ``walked`` (a skipped start),
    ``start``, ``guide``, ``home``, ``solver``, ``controls``, ``finish``; ``resume`` where the work is long.
    Results of ``run`` depend on the arguments and options alone, which is what allows the cache.
    """

    own_guidance: ClassVar[bool] = False
    """Whether the source walks back with a guidance of its own, whatever the edit's."""

    @property
    @abstractmethod
    def papers(self) -> tuple[Paper, ...]:
        """What to cite."""

    @abstractmethod
    def cost(self, steps: int) -> Cost:
        """The work of ``run``."""

    def cost_at(self, steps: int, scale: float) -> Cost:
        """The work of ``run`` for an edit with that guidance, where that changes it."""
        return self.cost(steps)

    @abstractmethod
    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert; ``guide`` holds the source text, the empty text and the guidance of the walk back."""

    def resume(
        self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws, draft: Draft
    ) -> Trajectory:
        """What ``run`` gives, to the bit, going on from what a killed run left in the draft."""
        return self.run(model, path, x0, guide, noise)

    @classmethod
    def of_recipe(cls, told: Recipe) -> "Inversion | None":
        """The inversion that the recipe of a generated picture already holds; nothing where there is work."""
        return None

    @classmethod
    def groundless(cls, said: Mapping[str, Any]) -> str | None:
        """Why these fields, without such a recipe, are not enough to start from; nothing if they are."""
        return None

    def check(self, model: Model, steps: int) -> None:
        """Refuse what ``run`` would, for an edit of so many steps and before any work is done."""

    def grade(self, meter: Meter, own: bool) -> Quality:
        """How well it found its way, from what the meter of an edit noted.

        ``own`` says whether the picture is known to be what this very walk generated.
        """
        return reconstruction(meter, self.called)

    @property
    def called(self) -> str:
        """The name by which it is chosen, in options, recipes and on the command line."""
        return str(self.model_dump(include={"name"}).get("name", ""))

    @property
    def guided(self) -> bool:
        """Whether ``run`` looks at the empty text and the guidance; if not, its result serves any."""
        return False

    @property
    def late(self) -> frozenset[str]:
        """Options that ``run`` does not look at, for they act on the way back: its result serves any."""
        return frozenset()

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The kinds of network calls ``run`` makes, each as the roles of its rows.

        They are all that attention controls could act on, and all that can be taken apart.
        """
        return (("src+",),)

    @property
    def looks(self) -> bool:
        """Whether ``run`` shows the picture to the CLIP beside the model, if there is one."""
        return False

    @property
    def random(self) -> bool:
        """Whether ``run`` draws from ``noise``."""
        return False

    @final
    def __call__(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert, or fetch what an earlier call with the same model, picture, text and options found."""
        if model.cache is None:
            return self.run(model, path, x0, guide, noise)
        return model.cache.fetch(self, model, path, x0, guide, noise)

    def walked(self, steps: int) -> int:
        """How many of so many steps are walked, the last ones: fewer where the noisiest are skipped."""
        return steps

    @final
    def levels(self, path: Path) -> Path:
        """The levels that are walked, both ways."""
        return path.last(self.walked(len(path)))

    def guide(self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float) -> Guide:
        """The guide of the target on the way back."""
        return CFG(text, traj.null(null), scale)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """The guide of the source on the way back; ``reads`` are the source rows that editors look at.

        Wherever the prediction of a pinned source leads, it is put back, and where its text is the empty one
        guidance has nothing to say: only rows that somebody reads are asked for.
        """
        silent = traj.nulls is None and same(text, null)
        if (traj.pinned or silent) and reads <= CONDITIONAL:
            return Plain(text)
        return self.guide(path, traj, text, null, scale)

    def level(self, traj: Trajectory, i: int) -> Coupled:
        """What was stored at a level: a latent, or several that belong together."""
        return traj.level(i)

    def start(self, path: Path, traj: Trajectory) -> Coupled:
        """Where both set out: what is stored at the noise end."""
        return self.level(traj, 0)

    def held(self, i: int) -> float:
        """By what share of the way a pinned source is put back after step ``i``."""
        return wholly(i)

    def follow(self, model: Model, traj: Trajectory) -> After:
        """What happens to the source after each step."""
        return traj.follow(model, held=self.held)

    def solver(self, path: Path, traj: Trajectory) -> Solver:
        """How a step back is taken; a fresh one for each walk."""
        return each(ddim)

    def controls(self, path: Path, traj: Trajectory, targets: Sequence[str] = ("tgt",)) -> Sequence[Control]:
        """What attention layers must see on the way back for the source to find home these targets."""
        return ()

    def finish(self, x: Coupled) -> Latent:
        """The latent of a picture from what has been walked."""
        return x

    @property
    def joined(self) -> bool:
        """Whether a target's steps need what is said of the source, which then walks with any target."""
        return False

    @property
    def source_rows(self) -> int:
        """Rows the source asks for at each step of the way back where editors read its conditional row."""
        return 2

    @property
    def silent_rows(self) -> int:
        """Rows the source asks for where its text is the empty one, so that two would be the same."""
        return self.target_rows // 2

    @property
    def target_rows(self) -> int:
        """Rows a target asks for at each step of the way back."""
        return 2

    def one_row_at(self, scale: float | None) -> bool:
        """Whether a target's conditional row tells all at that guidance, so that no other is asked for."""
        return scale == 1

    @property
    def beside_one(self) -> str:
        """Why its source can walk beside one target alone, as a sentence; nothing where it can beside any."""
        return ""

    @final
    def check_several(self) -> None:
        """Refuse further targets of one source where that would not be the same source for all.

        Raises:
            UsageError: its way home depends on who walks beside it.
        """
        if self.beside_one:
            raise UsageError(self.beside_one)

    @final
    def target_cost(self, steps: int, scale: float | None = None) -> Cost:
        """The work of a further target on the way back."""
        return Cost.of(self.walked(steps) * self.target_rows // (2 if self.one_row_at(scale) else 1))

    @final
    def walk_cost(
        self,
        steps: int,
        sources: int = 1,
        targets: int = 1,
        further: int = 0,
        source: Literal["read", "both", "silent"] = "read",
        scale: float | None = None,
    ) -> Cost:
        """The work of the way back, beside that of ``run``.

        ``further`` rows stand beside a target's two in each of its calls. Of the ``source`` editors read the
        conditional row or both, or its text is the empty one. ``scale`` is the guidance, unless a control
        names rows that have no say at it.
        """
        sources = max(sources, int(self.joined))
        own = {"read": self.source_rows, "both": self.target_rows, "silent": self.silent_rows}[source]
        half, lone = self.target_rows // 2, self.one_row_at(scale)
        own = min(own, half) if lone and not self.own_guidance else own
        target = (half if lone else self.target_rows) + further * half
        return Cost.of(self.walked(steps) * (sources * own + targets * target))

    @final
    def walk(
        self,
        model: Model,
        path: Path,
        x0: Latent,
        texts: tuple[Text, Text, Text],
        scale: float,
        noise: Draws,
        reads: frozenset[str] = CONDITIONAL,
        finer: Path | None = None,
        also: Mapping[str, Text] | None = None,
    ) -> Walk:
        """Invert, then set out: the source on its way home and the target beside it.

        A source that needs no guidance to find home (because it is put back on its trajectory after every
        step, or because its text is its own empty text) only asks for the rows that the editor's controls
        read; ``texts`` are the source's, the target's and the empty one. A ``finer`` path, which visits all
        levels of the other one, is inverted on in its place. Texts in ``also`` are further targets of the
        same source, by the names of their branches.

        Raises:
            UsageError: there are further targets, and the source's way home depends on who walks beside it.
            OverpaintError: it does not visit them, or this inversion stores what belongs to its own steps.
        """
        source, target, null = texts
        targets = {**(also or {}), "tgt": target}
        if also:
            self.check_several()
        path = self.levels(path)
        guide = CFG(source, null, scale)
        traj = self(model, finer or path, x0, guide, noise)
        traj = traj if finer is None else traj.on(path)
        start = self.start(path, traj)
        return Walk(
            path,
            {"src": start, **dict.fromkeys(targets, start)},
            [
                Branch("src", self.home(path, traj, source, null, scale, reads)),
                *(Branch(name, self.guide(path, traj, one, null, scale)) for name, one in targets.items()),
            ],
            traj,
            self.solver(path, traj),
            self.controls(path, traj, tuple(targets)),
            self.follow(model, traj),
            self.finish,
            x0.dtype,
            partial(self.level, traj),
            self.joined,
        )

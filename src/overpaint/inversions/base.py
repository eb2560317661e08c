"""What every inversion is: options, a cost, and a way from a picture to a trajectory an editor can walk beside."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from overpaint.card import Cost, Paper
from overpaint.guides import CFG, Plain
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Guide, Model, Text
from overpaint.noise import Draws
from overpaint.options import Options
from overpaint.path import Latent, Path
from overpaint.sample import After, Latents


@dataclass(frozen=True)
class Walk:
    """A source walking home and a target leaving with it, ready for `overpaint.sample.denoise`."""

    xs: Latents
    branches: list[Branch]
    after: After
    trajectory: Trajectory


class Inversion(Options, ABC):
    """From a picture and its prompt to noise, and back along the way an editor follows.

    A subclass implements ``run``; ``guide`` and ``after`` are overridden where the way back differs too. Results of
    ``run`` depend on the arguments and options alone, which is what allows the cache.
    """

    @property
    @abstractmethod
    def papers(self) -> tuple[Paper, ...]:
        """What to cite."""

    @abstractmethod
    def cost(self, steps: int) -> Cost:
        """The work of ``run``."""

    @abstractmethod
    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert; ``guide`` holds the source text, the empty text and the guidance of the walk back."""

    @final
    def __call__(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert, or fetch what an earlier call with the same model, picture, text, path and options found."""
        if model.cache is None:
            return self.run(model, path, x0, guide, noise)
        return model.cache.fetch(self, model, path, x0, guide, noise)

    def guide(self, traj: Trajectory, text: Text, null: Text, scale: float) -> Guide:
        """The guide of one branch on the way back."""
        return CFG(text, traj.null(null), scale)

    def after(self, model: Model, traj: Trajectory, guides: Sequence[Guide]) -> After:
        """What happens after each step of the way back."""
        return traj.follow(model)

    @property
    def source_rows(self) -> int:
        """Rows the source asks for at each step of the way back when an editor reads its conditional row alone."""
        return 2

    @final
    def walk(
        self,
        model: Model,
        path: Path,
        x0: Latent,
        texts: tuple[Text, Text, Text],
        scale: float,
        noise: Draws,
        reads: frozenset[str] = frozenset({"src+"}),
    ) -> Walk:
        """Invert, then set out: the source on its way home and the target beside it.

        A pinned source is put back on its trajectory after every step, so it only needs the rows that the editor's
        controls read; ``texts`` are the source's, the target's and the empty one.
        """
        source, target, null = texts
        traj = self(model, path, x0, CFG(source, null, scale), noise)
        own = self.guide(traj, source, null, scale)
        if traj.pinned and reads <= {"src+"}:
            own = Plain(source)
        other = self.guide(traj, target, null, scale)
        xs = {"src": traj.start, "tgt": traj.start}
        return Walk(xs, [Branch("src", own), Branch("tgt", other)], self.after(model, traj, [own, other]), traj)

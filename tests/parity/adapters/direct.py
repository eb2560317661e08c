"""Direct (PnP) inversion: the trajectory, what is added to the source at each step, the edit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from overpaint.guides import CFG
from overpaint.inversions import Direct, Trajectory
from overpaint.inversions.ddim import OFFSETS
from overpaint.model import Branch
from overpaint.noise import Noise
from tests.parity.adapters.base import Reach
from tests.parity.adapters.editing import Editing
from tests.parity.figures import Row
from tests.parity.settings import Settings
from tests.parity.walking import Known, Taken, known, walked

BOTH_ROWS = frozenset({"src+", "src-"})
"""The published form measures how far the *guided* source strays."""


def corrected(s: Settings) -> None:
    """``correction`` in words: whose row. How often and by how much stands in settings of its own."""
    said = s.text("correction", "source row")
    if not said.startswith("source row") or "target" in said:
        raise s.odd("correction", said)


class DirectFile(Editing):
    """``pnp_inversion``"""

    method = "pnp_inversion"
    inputs = frozenset({"trajectory", "x0"})

    def read(self) -> None:
        """The inversion with its ablations, and the edit over it."""
        s = self.settings
        corrected(s)
        self.direct = Direct(
            guidance=s.number("inversion_guidance", 1.0),
            every=s.count("interval", 1),
            scale=s.number("scale", 1.0),
        )
        self.read_edit(self.direct)

    def kept(self) -> Mapping[str, Sequence[int]]:
        """Both ends."""
        return {
            "trajectory": (0, 1, self.steps - 1, self.steps),
            "offsets_source": (0, self.steps - 1),
        }

    def rows(self, reach: Reach) -> int:
        """A row a step to invert, four to edit, two for the target's own offsets, three to measure them."""
        return 10 * self.steps if reach == "whole" else self.steps + 8

    def x0(self) -> Tensor:
        """The picture's latent."""
        return self.golden.entry("trajectory", 0) if "x0" not in self.golden else self.golden["x0"]

    def trajectory(self) -> Iterator[Row]:
        """Invert, and know it from then on."""
        traj = self.direct.run(self.model, self.path, self.x0(), self.guide, Noise(0))
        self.model.cache = Known(traj)
        if "trajectory" in self.golden:
            yield self.series("trajectory", dict(enumerate(traj.latents.flip(0))))

    def ends(self) -> Iterator[Row]:
        """The trajectory, and offsets from stored latents at both ends; no state of the edit is kept."""
        yield from self.offsets_at_the_ends()
        yield from self.trajectory()

    def whole(self) -> Iterator[Row]:
        """Everything."""
        yield from self.levels(self.path)
        yield from self.trajectory()
        x0 = self.x0()
        walk = self.walk(x0, BOTH_ROWS)
        taken = self.edited(x0, walk)
        if "offsets_source" in self.golden:
            yield self.series("offsets_source", offsets(taken))
            yield self.measured(x0)
        yield from self.compare_edit(taken)
        if "offsets_target_first_last" in self.golden:
            away = CFG(self.target, self.null, self.scale)
            own = offsets(walked(self.model, replace(walk, branches=[Branch("src", away)])))
            yield self.first_and_last(own)

    def measured(self, x0: Tensor) -> Row:
        """What the published form measures in a walk of its own."""
        own = self.direct.model_copy(update={"form": "offset"})
        added = own.run(self.model, self.path, x0, self.guide, Noise(0)).more[OFFSETS]
        return self.series("offsets_source", dict(enumerate(added)), "offsets_source, in the published form")

    def first_and_last(self, own: dict[int, Tensor]) -> Row:
        """The target's own offset at both ends, of a walk that is put back like the source's."""
        mine = torch.stack([own[0], own[self.steps - 1]])
        return self.compare("offsets_target_first_last", mine)

    def offsets_at_the_ends(self) -> Iterator[Row]:
        """Where the guided walk leads from a stored latent, and how far that is from the next one."""
        if self.direct.scale < 1 or self.direct.every > 1:
            return
        path = self.path
        traj = Trajectory(path.t, known(self.golden, path), pinned=True)
        branches = [Branch("src", self.guide), Branch("tgt", CFG(self.target, self.null, self.scale))]
        source, target = dict[int, Tensor](), dict[int, Tensor]()
        for i in (0, self.steps - 1):
            xs = {"src": traj.level(i), "tgt": traj.level(i)}
            ps = self.model.predict(xs, i, path, branches)
            source[i], target[i] = (traj.level(i + 1)[0] - path.at(p, i + 1)[0] for p in ps.values())
        yield self.series("offsets_source", source, "offsets_source, both ends")
        if "offsets_target_first_last" in self.golden:
            yield self.first_and_last(target)


def offsets(taken: list[Taken]) -> dict[int, Tensor]:
    """What was added to the source after each step."""
    return {t.i: (t.xs["src"] - t.moved["src"])[0] for t in taken}

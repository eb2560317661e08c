"""Edit-friendly DDPM inversion: the noise maps, the way back, the edit alone and under Prompt-to-Prompt."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from overpaint.guides import CFG
from overpaint.inversions import EditFriendly, Trajectory
from overpaint.inversions.base import Walk
from overpaint.noise import Replay
from tests.parity.adapters.base import Reach
from tests.parity.adapters.editing import Editing
from tests.parity.adapters.editor import KINDS
from tests.parity.figures import Row
from tests.parity.walking import Known, Taken, walked

PLAIN, CONTROLLED = "our_inv", "p2pinv"
UNUSED = ("cross_replace_steps", "self_replace_steps", "self_limit", "controller", "local_blend", "equalizer")


class EditFriendlyFile(Editing):
    """``ddpm_inversion``"""

    method = "ddpm_inversion"
    inputs = frozenset({"noise", "x0"})
    spared = frozenset({"image"})

    def read(self) -> None:
        """How the noise is found, and what walks under it."""
        s = self.settings
        self.mode = s.one_of("mode", {PLAIN: PLAIN, CONTROLLED: CONTROLLED})
        steps, skip = s.count("num_diffusion_steps"), s.count("skip")
        if not 0 <= skip < steps:
            raise s.odd("skip", skip)
        self.skip = skip
        self.found = EditFriendly(
            skip=skip / steps,
            source_guidance=s.number("cfg_src"),
            eta=s.number("eta"),
            pinned=False,  # in the published code the source walks by itself
        )
        if self.mode == CONTROLLED:
            kind = s.one_of("controller", KINDS)
            self.read_edit(self.found, kind, "num_diffusion_steps", "cfg_tar")
            return
        for name in UNUSED:
            s.must(name, None)
        self.steps, self.scale = steps, s.number("cfg_tar")
        self.path = self.path_of(steps)
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")
        self.null, self.inversion, self.blend = self.model.family.null(), self.found, None

    def rows(self, reach: Reach) -> int:
        """Two a step to find the noise, four for both and two for the way back."""
        return 2 * self.steps + 6 * (self.steps - self.skip) if reach == "whole" else 2 * self.steps

    def draws(self, walked: int) -> Replay:
        """The file's draws, by the names under which an inversion of that many steps asks for them."""
        noise = self.golden["noise"]
        return Replay({(self.found.called, j + 1): noise[j : j + 1] for j in range(walked)})

    def inverted(self) -> Trajectory:
        """All levels, as the published code finds them, also those that are skipped later."""
        every, x0 = self.found.changed(skip=0), self.golden["x0"]
        guide = CFG(self.source, self.null, self.scale)
        return every.run(self.model, self.path, x0, guide, self.draws(self.steps))

    def ends(self) -> Iterator[Row]:
        """The noise maps; then the rest of the trajectory is known."""
        if "image" in self.golden:
            yield from self.encoded("x0", 8 * self.golden["x0"].shape[-1])
        traj = self.inverted()
        assert traj.noise is not None
        if "zs" in self.golden:
            yield self.series("zs", dict(enumerate(traj.noise.flip(0))))
        if "wt_start" in self.golden:
            yield self.compare("wt_start", traj.level(self.skip))
        self.model.cache = Known(cut(traj, self.skip))

    def whole(self) -> Iterator[Row]:
        """Everything."""
        yield from self.levels(self.path)
        yield from self.ends()
        x0 = self.golden["x0"]
        if "reconstruction" in self.golden:
            yield self.compare("reconstruction", self.walk(x0).home(self.model)["src"])
        walk = self.walk(x0)
        taken = self.both(x0, walk) if self.mode == CONTROLLED else walked(self.model, walk, alone=True)
        middle = (self.steps - self.skip) // 2
        if "edited_mid" in self.golden:
            yield self.compare("edited_mid", rows(taken[middle]))
        yield from self.masks()
        if "edited" in self.golden:
            yield self.compare("edited", rows(taken[-1]))

    def both(self, x0: Tensor, walk: Walk) -> list[Taken]:
        """The source and the target under control."""
        return self.edited(x0, walk)


def rows(taken: Taken) -> Tensor:
    """The source, if it walks, and the target."""
    return torch.cat([taken.xs[name] for name in ("src", "tgt") if name in taken.xs])


def cut(traj: Trajectory, skip: int) -> Trajectory:
    """The trajectory without its noisiest levels."""
    assert traj.noise is not None
    return replace(traj, t=traj.t[skip:], latents=traj.latents[skip:], noise=traj.noise[skip:])

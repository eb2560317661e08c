"""EDICT: both latents at the noise end, under another prompt, and back again; all in float64."""

from collections.abc import Iterator

import torch

from overpaint.inversions import Edict
from overpaint.inversions.base import Walk
from overpaint.inversions.edict import PARTNER
from overpaint.network import Text
from overpaint.noise import Noise
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import Known


class EdictFile(Adapter):
    """``edict``"""

    method = "edict"
    dtype = torch.float64
    inputs = frozenset({"z0"})
    beside = frozenset({"image"})
    spared = frozenset({"image"})

    def read(self) -> None:
        """The coupling, the share of the path, one guidance both ways."""
        s = self.settings
        s.must("run_baseline", False)
        s.must("unet_dtype", "float64")
        self.steps, self.scale = s.count("steps"), s.number("guidance_scale")
        self.inversion = Edict(
            strength=s.number("init_image_strength"),
            mix=s.number("mix_weight"),
            alternate=s.flag("leapfrog_steps", True),
        )
        self.path = self.path_of(self.steps)
        self.base, self.edit = self.text("base_prompt"), self.text("edit_prompt")
        self.null = self.model.family.null()

    def rows(self, reach: Reach) -> int:
        """Four a step each way, at twice the price."""
        return self.inversion.walked(self.steps) * (24 if reach == "whole" else 8)

    def walk(self, target: Text) -> Walk:
        """From the picture to the noise and back with a prompt."""
        texts = self.base, target, self.null
        x0 = self.golden["z0"].to(self.dtype)
        return self.inversion.walk(self.model, self.path, x0, texts, self.scale, Noise(0))

    def ends(self) -> Iterator[Row]:
        """The way to the noise: nothing on the way back is kept."""
        walk = self.walk(self.edit)
        self.model.cache = Known(walk.trajectory)
        yield from self.levels(walk.path)
        pair = walk.trajectory.start, walk.trajectory.more[PARTNER][:1]
        for name, mine in zip(("inverted_x", "inverted_y"), pair, strict=True):
            if name in self.golden:
                yield self.compare(name, mine)

    def whole(self) -> Iterator[Row]:
        """Everything."""
        yield from self.ends()
        for called, target in (("edited", self.edit), ("reconstruction", self.base)):
            names = [name for name in (f"{called}_x", f"{called}_y") if name in self.golden]
            made = self.walk(target).coupled(self.model) if names else []
            for name in names:
                yield self.compare(name, made[name.endswith("y")])

"""DDIM inversion: the trajectory, the way back without guidance, two prompts sampled from its end."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from overpaint.guides import CFG, Plain
from overpaint.inversions import DDIM
from overpaint.model import Branch
from overpaint.noise import Noise
from overpaint.sample import denoise
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import Known, only


class DDIMFile(Adapter):
    """``ddim_inversion``"""

    method = "ddim_inversion"
    inputs = frozenset({"trajectory"})
    spared = frozenset({"x0", "image"})

    def read(self) -> None:
        """Steps, guidance of both ways, prompts, schedule."""
        s = self.settings
        self.steps, self.scale = s.count("num_inference_steps"), s.number("guidance")
        self.path = self.path_of(self.steps)
        self.inversion = DDIM(guidance=s.number("inversion_guidance", 1.0))
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")
        self.null = self.model.family.null()
        s.must("latent", "posterior mean * 0.18215")
        self.guide = CFG(self.source, self.null, self.scale)

    def kept(self) -> Mapping[str, Sequence[int]]:
        """Both ends of the trajectory."""
        return {"trajectory": (0, 1, self.steps - 1, self.steps)}

    def rows(self, reach: Reach) -> int:
        """A row a step to invert, one for the way back, four for two prompts."""
        return 6 * self.steps if reach == "whole" else 2

    def ends(self) -> Iterator[Row]:
        """From the picture to the level above it, and from the last but one to the noise."""
        for k in (0, self.steps - 1):
            path = only(self.path, self.steps - 1 - k)
            x = self.golden.entry("trajectory", k)
            mine = self.inversion.run(self.model, path, x, self.guide, Noise(0)).start[0]
            yield self.series("trajectory", {k + 1: mine}, f"trajectory, level {k + 1}")

    def whole(self) -> Iterator[Row]:
        """Everything."""
        yield from self.levels(self.path)
        x0 = self.golden["x0"] if "x0" in self.golden else self.golden.entry("trajectory", 0)
        if "x0" in self.golden:
            yield from self.encoded("x0", 8 * x0.shape[-1])
        traj = self.inversion.run(self.model, self.path, x0, self.guide, Noise(0))
        if "trajectory" in self.golden:
            yield self.series("trajectory", dict(enumerate(traj.latents.flip(0))))
        if "reconstruction_w1" in self.golden:
            plain = [Branch("src", Plain(self.source))]
            back = denoise(self.model, self.path, {"src": traj.start}, plain)["src"]
            yield self.compare("reconstruction_w1", back)
        if "sampled" in self.golden:
            self.model.cache = Known(traj)
            texts = self.source, self.target, self.null
            walk = self.inversion.walk(self.model, self.path, x0, texts, self.scale, Noise(0))
            made = walk.run(self.model)
            yield self.compare("sampled", torch.cat([made["src"], made["tgt"]]))

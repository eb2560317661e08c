"""What tests of inversions share: a tiny model, a picture, two prompts, and a network to reason about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor, nn

from overpaint.attention import Control, Heads, Moment, Site
from overpaint.families.tiny import Shape, tiny
from overpaint.guides import CFG
from overpaint.inversions import Inversion, Trajectory, Walk
from overpaint.inversions.base import CONDITIONAL
from overpaint.model import Model
from overpaint.network import Pixels, Residuals, Text
from overpaint.noise import Noise
from overpaint.path import Latent, Path, Schedule
from overpaint.sample import Latents, compose, denoise


@dataclass(frozen=True)
class Setting:
    """Everything an inversion is called with."""

    model: Model
    path: Path
    x0: Latent
    source: Text
    target: Text
    null: Text

    @property
    def texts(self) -> tuple[Text, Text, Text]:
        return self.source, self.target, self.null

    def run(self, inversion: Inversion, scale: float = 3.0) -> Trajectory:
        return inversion(self.model, self.path, self.x0, CFG(self.source, self.null, scale), Noise(0))

    def walk(self, inversion: Inversion, scale: float = 3.0, reads: frozenset[str] = CONDITIONAL) -> Walk:
        return inversion.walk(self.model, self.path, self.x0, self.texts, scale, Noise(0), reads)

    def home(self, walk: Walk) -> Mapping[str, list[Latent]]:
        """Where both stood after every step."""
        states: dict[str, list[Latent]] = {name: [] for name in walk.xs}

        def keep(i: int, xs: Latents) -> Latents:
            for name, x in xs.items():
                states[name].append(x)
            return xs

        denoise(self.model, self.path, walk.xs, walk.branches, after=compose(walk.after, keep))
        return states


@cache
def _tiny(shape: Shape, dtype: torch.dtype = torch.float32) -> Model:
    model = tiny(shape)
    model.net.to(dtype)
    return model


def setting(shape: Shape = "sd1", steps: int = 4, dtype: torch.dtype = torch.float32) -> Setting:
    """A tiny model of that shape with nothing counted yet; its weights are shared between calls.

    Latents and path are of the network's type in double precision, of single precision otherwise.
    """
    base = _tiny(shape, dtype)
    model = Model(base.net, base.family, name=base.name, dtype=dtype)
    wide = torch.promote_types(dtype, torch.float32)
    x0 = 0.7 * torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)).to(wide)
    family = model.family
    source, target = family.text("a photo of a cat"), family.text("a photo of a red dog")
    return Setting(model, model.path(steps), x0, source, target, family.null())


@dataclass
class Plane:
    """A family without a network: its noise is a ramp, as steep as the text's first number."""

    schedule: Schedule
    heed: float = 1.0
    """How much it heeds the text."""
    curve: float = 0.0
    """How much it heeds the latent, smoothly."""
    name: str = "plane"
    channels: int = 4
    factor: int = 8
    side: int = 64
    window: int = 4
    extra: int = 0
    told: list[int] = field(default_factory=list[int])
    """The level that each call was told."""

    def call(self, net: nn.Module, x: Latent, t: Tensor, text: Text, more: Residuals) -> Latent:
        self.told.append(int(t))
        ramp = torch.linspace(-1, 1, x[0].numel(), dtype=x.dtype).reshape(x[0].shape)
        steep = 1 + self.heed * text.states[:, 0, 0].to(x)
        return steep[:, None, None, None] * ramp + self.curve * x.sin()

    @property
    def parts(self) -> Mapping[str, Sequence[nn.Module]]:
        return {}

    def sites(self, net: nn.Module) -> list[Site]:
        return []

    def text(self, prompt: str) -> Text:
        return Text(torch.full((1, 4, 2), float(len(prompt))))

    def vectors(self, word: str) -> list[Tensor]:
        return []

    def learned_text(self, prompt: str, vectors: Mapping[str, Sequence[Tensor]]) -> Text:
        return self.text(prompt)

    def null(self) -> Text:
        return self.text("")

    def encode(self, pixels: Pixels, noise: Latent | None = None) -> Latent:
        return pixels

    def decode(self, latents: Latent) -> Pixels:
        return latents


def plane(heed: float = 1.0, curve: float = 0.0) -> tuple[Model, Plane]:
    """A model on that family with the schedule of SD, and the family to look at."""
    family = Plane(_tiny("sd1").family.schedule, heed, curve)
    return Model(nn.Identity(), family), family


class Shout(Control):
    """Turns the target's attention inside out wherever it can: what no source may notice."""

    writes = frozenset({"tgt+"})

    def where(self, site: Site) -> bool:
        return site.kind != "conv"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        (row,) = at.of("tgt+")
        signs = torch.ones(len(q), 1, 1, 1)
        signs[row] = -5
        return q * signs, k, v * signs

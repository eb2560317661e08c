"""What makes a layer over a picture a good one: it says what was asked for, keeps the layout, and is thin.

Bar-Tal et al., "Text2LIVE: Text-Driven Layered Image and Video Editing", ECCV 2022, arXiv:2204.02491,
section 3.2. Pictures, colours and opacities are in [0, 1] here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.losses.clip import apart, arc, directional
from overpaint.losses.colours import Colours
from overpaint.losses.glances import Views, shrunk, sized
from overpaint.meter import Meter
from overpaint.network import Eye, Gaze
from overpaint.noise import Key

Painted = Float[Tensor, "1 4 _ _"]
"""Colours and opacity."""
Far = Literal["spherical", "cosine"]
"""How far vectors are apart: half the squared angle, or 1.2 times one less the cosine."""
GREEN = (0.0, 177 / 255, 64 / 255)
"""The screen a layer is shown on by itself."""
SCREENS = ("{} over a green screen.", "{} in front of a green screen.")
STEEP = 5.0
"""How sharply the smooth count of opaque pixels tells them from transparent ones."""
Look = Callable[..., Views]
"""From a picture and the name of a draw to views of it."""
Pick = Callable[[int, str, int], Sequence[int]]
"""From an update, the name of a loss and a number of sentences to those that are asked."""


def over(layer: Painted, ground: Colours) -> Colours:
    """The layer laid over a picture."""
    opacity = layer[:, 3:]
    return opacity * layer[:, :3] + (1 - opacity) * ground


def screen(layer: Painted) -> Colours:
    """The layer over green."""
    return over(layer, torch.tensor(GREEN, device=layer.device).view(1, 3, 1, 1))


def thin(layer: Painted) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The mean opacity, and the share of pixels that have any: ``mean(2 sigmoid(5 a) - 1)``."""
    opacity = layer[:, 3:]
    return opacity.mean(), (2 * (STEEP * opacity).sigmoid() - 1).mean()


@dataclass(frozen=True, eq=False)
class Sayings:
    """Vectors of sentences, as they come."""

    target: Float[Tensor, "sentences features"]
    """What the whole picture should show, in every template."""
    source: Float[Tensor, "sentences features"]
    """What it shows, in the same ones."""
    screen: Float[Tensor, "screens features"]
    """What the layer should show by itself."""
    region: Float[Tensor, "1 features"] | None = None
    """What is to be changed, where that is said: the layer begins there."""
    other: Float[Tensor, "1 features"] | None = None
    """What is not."""


@dataclass(frozen=True)
class Worth:
    """What the losses weigh beside each other."""

    words: float = 1.0
    """That the picture shows what was asked for, and that it changed the way the sentences did."""
    screen: float = 1.0
    layout: float = 2.0
    thin: float = 6.0
    opacity: float = 0.01
    count: float = 0.01


@dataclass(frozen=True, eq=False)
class LayerLoss:
    """The losses of layers over one picture or two."""

    eye: Gaze
    sayings: Sayings
    look: Look
    pick: Pick
    meter: Meter = field(default_factory=Meter)
    worth: Worth = Worth()
    far: Far = "spherical"
    sure: float = 0.6
    """From which relevancy on a place belongs to what is not to be changed."""
    published: bool = False
    """As the published code: places on their side, and of several examples the last one's region alone."""

    def __call__(
        self, k: int, pictures: Sequence[Colours], layers: Sequence[Painted], region: float = 0.0
    ) -> Float[Tensor, ""]:
        """All of them together at an update; ``region`` is what the region weighs there."""
        found, worth = self.terms(k, pictures, layers, region > 0), self.worth
        thin = worth.opacity * found["opacity"] + worth.count * found["count"]
        total = worth.words * (found["words"] + found["direction"]) + worth.screen * found["screen"]
        total = total + worth.layout * found["layout"] + worth.thin * thin
        return total + region * found["region"] if region > 0 else total

    def terms(
        self, k: int, pictures: Sequence[Colours], layers: Sequence[Painted], region: bool
    ) -> Mapping[str, Float[Tensor, ""]]:
        """Each of them by name, means over the examples."""
        made = [over(layer, picture) for layer, picture in zip(layers, pictures, strict=True)]
        parts = [thin(layer) for layer in layers]
        found = {
            "words": self.said(self.sayings.target, "words", k, made),
            "direction": self.direction(k, pictures, made),
            "screen": self.said(self.sayings.screen, "screen", k, [screen(layer) for layer in layers]),
            "layout": mean([self.layout(*pair) for pair in zip(pictures, made, strict=True)]),
            "opacity": mean([opacity for opacity, _ in parts]),
            "count": mean([count for _, count in parts]),
        }
        return {**found, "region": self.region(pictures, layers)} if region else found

    def said(
        self, sentences: Float[Tensor, "sentences features"], name: str, k: int, made: Sequence[Colours]
    ) -> Float[Tensor, ""]:
        """How far the views of pictures are from some of the sentences."""
        seen = [self.seen(one, k, name, n) for n, one in enumerate(made)]
        asked = [sentences[j : j + 1] for j in self.pick(k, name, len(sentences))]
        return mean([self.apart(one, text).mean() for one in seen for text in asked])

    def direction(self, k: int, pictures: Sequence[Colours], made: Sequence[Colours]) -> Float[Tensor, ""]:
        """How far the change of views points away from the way of the sentences; views are drawn apart."""
        changes = list[tuple[Tensor, Tensor]]()
        for n, (picture, one) in enumerate(zip(pictures, made, strict=True)):
            with torch.no_grad():
                before = self.seen(picture, k, "before", n)
            changes.append((before, self.seen(one, k, "after", n)))
        ways = self.sayings.target - self.sayings.source
        asked = [ways[j : j + 1] for j in self.pick(k, "direction", len(ways))]
        return mean([directional(old, new, way).mean() for old, new in changes for way in asked])

    def layout(self, picture: Colours, made: Colours) -> Float[Tensor, ""]:
        """How differently the patches of both resemble one another: the mean square."""
        with torch.no_grad():
            before = self.inside(picture)
        return F.mse_loss(self.inside(made), before)

    def inside(self, picture: Colours) -> Float[Tensor, "1 tokens tokens"]:
        """How the patches of a picture resemble one another, before the last block."""
        side = self.eye.side
        small = shrunk(picture, side, side * 380 // 224)
        self.meter.tick("look")
        return alike(self.eye.glance(small * 2 - 1, self.published)[1])

    def region(self, pictures: Sequence[Colours], layers: Sequence[Painted]) -> Float[Tensor, ""]:
        """How far the opacity is from where CLIP finds what is to be changed."""
        each = [self.near(*pair) for pair in zip(pictures, layers, strict=True)]
        return each[-1] / len(each) if self.published else mean(each)

    def near(self, picture: Colours, layer: Painted) -> Float[Tensor, ""]:
        """The same of one example: the mean square, and that of what must stay clear of something else."""
        side, said = self.eye.side, self.sayings
        opacity = sized(layer[:, 3:], (side, side))
        if said.region is None:
            return opacity.new_zeros(())
        missed = F.mse_loss(opacity, self.found(picture, said.region))
        if said.other is None:
            return missed
        there = self.found(picture, said.other)
        sure = (there > self.sure).to(there)
        return missed + F.mse_loss((1 - opacity) * sure, there * sure)

    def found(self, picture: Colours, wish: Float[Tensor, "1 features"]) -> Float[Tensor, "1 1 side side"]:
        """Where CLIP finds something: from 0 to 1."""
        side = self.eye.side
        self.meter.tick("look")
        with torch.no_grad():
            grid = self.eye.about(sized(picture, (side, side)) * 2 - 1, wish)
        wide = F.interpolate(grid[:, None], (side, side), mode="bilinear", align_corners=False)
        return (wide - wide.min()) / (wide.max() - wide.min()).clamp(min=torch.finfo(wide.dtype).tiny)

    def seen(self, picture: Colours, k: int, *key: Key) -> Float[Tensor, "views features"]:
        """Vectors of the views of a picture, as they come."""
        views = self.look(picture, k, *key)
        self.meter.tick("look", len(views))
        return self.eye.glance(views * 2 - 1, self.published)[0]

    def apart(self, one: Tensor, other: Tensor) -> Float[Tensor, " rows"]:
        """How far vectors are apart."""
        return arc(one, other) if self.far == "spherical" else 1.2 * apart(one, other)


def alike(states: Float[Tensor, "rows tokens inner"]) -> Float[Tensor, "rows tokens tokens"]:
    """How much each token is like each other one: the cosine. It tells how a picture is laid out."""
    unit = F.normalize(states, dim=-1)
    return unit @ unit.mT


def gaze(eye: Eye) -> Gaze:
    """A CLIP that says what single patches show.

    Raises:
        UsageError: this one does not.
    """
    if not isinstance(eye, Gaze):
        raise UsageError("This CLIP cannot say what parts of a picture show; take one with a ViT.")
    return eye


def mean(several: Sequence[Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """The mean."""
    return torch.stack(list(several)).mean()

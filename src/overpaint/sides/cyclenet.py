"""CycleNet (Xu et al., 2023, arXiv:2310.13165): a side network that reads another text than the main one.

The main network reads the wish, the side network reads what the picture shows and looks at the picture
itself. So one network is four: from a picture and a pair of texts to a picture that keeps what neither text
speaks of. What makes it so is trained from unpaired pictures, by going there and back.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.attention import Moment
from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.network import Pixels, Text
from overpaint.path import Latent
from overpaint.sides.card import CARDS
from overpaint.sides.controlnet import ControlNet
from overpaint.sides.file import SIDES
from overpaint.sides.fresh import fresh
from overpaint.sides.load import side_net
from overpaint.sides.net import Condition, Net
from overpaint.sides.options import Control

WEIGHTS: Mapping[str, float] = {"recon": 1.0, "consis": 0.1, "disc": 0.1, "cycle": 0.01}
"""What each loss weighs, as released."""
FAST = ("recon", "disc")
"""The losses of the fast variant, which does not go back."""
OWN = "cyclenet"
"""What the one of a model that comes with the package is called."""
UNTRAINED = "fresh"
"""Stands for an untrained copy of the model's own encoder."""
Levels = Float[Tensor, " rows"] | Tensor


def translator(name: str, model: Model) -> Net:
    """The side network of that name; without one, that of the checkpoint the model was loaded from.

    Raises:
        UsageError: there is none, or it is no ControlNet.
    """
    if name == UNTRAINED:
        return fresh(model)
    if not name and model.home is None:
        raise UsageError(
            "CycleNet needs the side network that was trained for it; give its file or folder: net."
        )
    own = (model.home or Path()) / SIDES / OWN
    try:
        net = side_net(name or (own if own.is_dir() else model.home or Path()), model)
    except UsageError as error:
        if name:
            raise
        raise UsageError(
            f"The model {model.name} has no side network beside it; give CycleNet one that was trained, "
            "a file or a folder: net."
        ) from error
    if net.kind != "controlnet":
        raise UsageError(
            f"{name} is no network for CycleNet, but {CARDS[net.kind].title}, which reads no text."
        )
    return net


def beside(net: Net, picture: Pixels, text: Text, scale: float = 1.0) -> ControlNet:
    """The side network looking at a picture in [-1, 1] and reading its text in every row."""
    return ControlNet(net, ((picture + 1) / 2).clamp(0, 1), Control(scale=scale), text)


def opaque(pixels: Pixels) -> Float[Tensor, "rows 4 height width"]:
    """A picture as a layer that hides everything below."""
    return torch.cat([pixels.clamp(-1, 1), torch.ones_like(pixels[:, :1])], 1)


@dataclass(frozen=True)
class Passes:
    """What one step of training asks the networks, all at the same levels."""

    e1: Latent
    """The picture with its own text: the noise it was given."""
    e2: Latent | None = None
    """The picture with the other text: its translation, one step from it being ``y0``."""
    y0: Latent | None = None
    hint: Condition | None = None
    """The translation decoded, in [0, 1] but for what the decoder adds."""
    e3: Latent | None = None
    """The picture with the translation beside it."""
    e4: Latent | None = None
    """The translation with its first text and the picture beside it: the way back."""
    e5: Latent | None = None
    """The same with the translation beside it."""


@dataclass(frozen=True)
class Cycle:
    """The loss a side network is trained with, for pictures and two texts each.

    Gradients reach the side network, and whatever of the main one is free to learn; the main encoder never
    sees a latent that carries any. The translation runs through the main network as it is, so that it alone
    cannot change it.
    """

    model: Model
    net: Net
    decode: Callable[[Latent], Pixels]
    fast: bool = False
    alone: bool = False
    """Only the first pass: a ControlNet that learns to give its condition back."""

    def passes(
        self,
        x0: Latent,
        picture: Condition,
        source: Text,
        target: Text,
        t: Levels,
        noises: tuple[Latent, Latent],
    ) -> Passes:
        """All passes: of ``x0`` noised by the first noise, and of its translation noised by the second."""
        level = self.model.family.schedule.each(t)
        x = level.noised(x0, noises[0], 0)
        e1 = self.asked(x, t, source, source, picture)
        if self.alone:
            return Passes(e1)
        with frozen(self.model):
            e2 = self.asked(x, t, target, source, picture)
        y0 = (x - level.sigma[0] * e2) / level.alpha[0]
        with torch.no_grad():
            hint = (self.decode(y0.detach()) + 1) / 2
            e3 = self.asked(x, t, target, target, hint)
        if self.fast:
            return Passes(e1, e2, y0, hint, e3)
        e4 = self.asked(level.noised(y0.detach(), noises[1], 0), t, source, source, picture)
        e5 = self.asked(level.noised(y0, noises[1], 0), t, source, target, hint)
        return Passes(e1, e2, y0, hint, e3, e4, e5)

    def asked(self, x: Latent, t: Levels, main: Text, side: Text, picture: Condition) -> Latent:
        """The noise, the main network reading one text and the side network another."""
        at = Moment(0, 1, ("src+",) * len(x), x.shape[-2], x.shape[-1])
        more = ControlNet(self.net, picture).residuals(x, t, side, at)
        out = self.model.family.call(self.model.net, x.detach(), t, main, more)
        return self.model.family.schedule.each(t).read(x.detach(), out, 0).eps

    def losses(self, made: Passes, noises: tuple[Latent, Latent]) -> dict[str, Float[Tensor, " rows"]]:
        """The unweighted losses of every picture, by name."""
        both = noises[0] + noises[1]
        gaps = {"recon": made.e1 - noises[0]}
        if made.e2 is not None and made.e3 is not None:
            gaps["disc"] = made.e2 - made.e3.detach()
        if made.e2 is not None and made.e4 is not None and made.e5 is not None:
            gaps["consis"] = made.e2.detach() + made.e4 - both
            gaps["cycle"] = made.e2.detach() + made.e5 - both
        return {name: gap.square().mean((1, 2, 3)) for name, gap in gaps.items()}


def total(losses: Mapping[str, Tensor], weights: Mapping[str, float] = WEIGHTS) -> Tensor:
    """The weighted loss of a batch."""
    return torch.stack([weights[name] * one for name, one in losses.items()]).sum(0).mean()


@contextmanager
def frozen(model: Model) -> Generator[None, None, None]:
    """The main network without gradients for its weights, for the length of a ``with``."""
    free = [p for p in model.net.parameters() if p.requires_grad]
    try:
        for p in free:
            p.requires_grad_(False)
        yield
    finally:
        for p in free:
            p.requires_grad_(True)

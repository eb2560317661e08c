"""One step of training of every kind of side network, as a `overpaint.train.loop.Stage` asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overpaint.attention import Moment
from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.network import Residuals, Text
from overpaint.path import Latent, Prediction
from overpaint.sides.controlnet import ControlNet
from overpaint.sides.cyclenet import Cycle, total
from overpaint.sides.net import Net
from overpaint.sides.t2i_adapter import seen
from overpaint.train.loop import Batch, Loss
from overpaint.train.sides.examples import Examples, dropped, text_in

Speaks = Callable[[Tensor, Latent, Tensor, Text], Residuals]
"""What a side network adds: of the condition, the noised latent, its levels and the text."""


@dataclass(frozen=True)
class Lesson:
    """What every step of training needs."""

    model: Model
    net: Net
    examples: Examples
    drop: float = 0.0
    """Share of the sentences replaced by the empty one."""
    half: bool = False
    """Whether networks multiply in bfloat16."""

    def autocast(self) -> torch.autocast:
        """The block in which networks are asked."""
        return torch.autocast(self.model.device.type, torch.bfloat16, enabled=self.half)


def speaker(net: Net) -> Speaks:
    """How a side network speaks while it is trained."""
    if net.kind == "t2i-adapter":
        return lambda hint, x, t, text: Residuals(intra=tuple(net.module(seen(net, hint))))
    return lambda hint, x, t, text: ControlNet(net, hint).residuals(x, t, text, moment(x))


def moment(x: Latent) -> Moment:
    """A call of training: all rows alike."""
    return Moment(0, 1, ("learned+",) * len(x), x.shape[-2], x.shape[-1])


def noise_loss(how: Lesson) -> Loss:
    """What the main network misses with the side network beside it: noise, or v where it was trained on that.

    The main network is frozen; gradients reach the side network through what it adds.
    """
    model, speaks = how.model, speaker(how.net)
    check_kind(model)
    null = model.family.null()

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        del generator  # everything is drawn with the batch, so that several processes can share it
        rows = {name: value.to(model.device) for name, value in batch.items()}
        t, noise = rows["level"], rows["noise"].unbind(1)
        text = dropped(text_in(rows, "text"), null, rows["chance"] < how.drop)
        with torch.no_grad():
            x0 = how.examples.latents(rows, noise[0])
        level = model.family.schedule.each(t)
        x = level.noised(x0, noise[1], 0)
        with how.autocast():
            more = speaks(rows["hint"], x, t, text)
            out = model.family.call(model.net, x, t, text, more).float()
        missed = (out - level.told(Prediction(x0, noise[1]), 0)).square().mean()
        return missed, {}

    return loss


def cycle_loss(how: Lesson, fast: bool, weights: Mapping[str, float]) -> Loss:
    """The losses of CycleNet: there and back, and that the way there is the same from the translation."""
    model = how.model
    check_kind(model)
    back = not fast and (weights["consis"] > 0 or weights["cycle"] > 0)
    alone = not back and weights["disc"] == 0
    cycle = Cycle(model, how.net, model.family.decode, not back, alone)

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        del generator
        rows = {name: value.to(model.device) for name, value in batch.items()}
        noise = rows["noise"].unbind(1)
        with torch.no_grad():
            x0 = how.examples.latents(rows, noise[0])
        texts, noises = (text_in(rows, "source"), text_in(rows, "target")), (noise[1], noise[2])
        with how.autocast():
            made = cycle.passes(x0, rows["hint"], *texts, rows["level"], noises)
        parts = cycle.losses(made, noises)
        return total(parts, weights), {name: value.detach().mean() for name, value in parts.items()}

    return loss


def check_kind(model: Model) -> None:
    """Refuse networks that predict what these losses are not written for.

    Raises:
        UsageError: it is one.
    """
    kind = model.family.schedule.kind
    if kind not in ("epsilon", "v_prediction"):
        raise UsageError(
            f"The model {model.name} predicts {kind!r}; side networks are trained beside noise or v."
        )

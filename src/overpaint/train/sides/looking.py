"""What a side network has learned so far: the loss on pictures kept from training, and samples of them."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint.guides import CFG
from overpaint.methods.cyclenet import CycleNet, translated
from overpaint.model import Branch
from overpaint.network import Side, Text
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.sides.controlnet import ControlNet
from overpaint.sides.t2i_adapter import T2IAdapter
from overpaint.task import Task
from overpaint.train.loop import Batch, Loss, grid
from overpaint.train.sides.examples import Times, batch_of, text_in
from overpaint.train.sides.lessons import Lesson

STEPS = 20
"""Steps a sample is walked: enough to see whether it follows."""


@dataclass(frozen=True)
class Held:
    """Pictures kept from training, with noise and levels that stay the same."""

    how: Lesson
    loss: Loss
    """Without dropped sentences."""
    times: Times
    count: int
    guidance: float
    cycle: bool = False

    def batch(self) -> Batch:
        """The pictures behind those that are trained on."""
        examples = self.how.examples
        levels = len(self.how.model.family.schedule.bars)
        drawn = batch_of(examples, 0, self.count, self.times, levels, seed=77)
        places = range(examples.count, examples.count + self.count)
        return {**drawn, **examples.rows(places, 0), "chance": torch.ones(self.count)}

    def measure(self) -> dict[str, float]:
        """The loss."""
        with torch.no_grad():
            found, _ = self.loss(self.batch(), torch.Generator())
        return {"held_loss": round(float(found), 5)}

    def sheet(self) -> Float[Tensor, "3 h w"]:
        """A column a picture: the condition, the picture, and a sample that the side network led."""
        batch = self.batch()
        with torch.no_grad():
            x0 = self.how.examples.latents(batch, batch["noise"][:, 0])
            true = self.how.model.family.decode(x0.to(self.how.model.device))
            made = torch.cat([self.sample(batch, x0, k) for k in range(self.count)])
        size = true.shape[-2:]
        hints = interpolate(batch["hint"], size) if batch["hint"].shape[-2:] != size else batch["hint"]
        rows = [hints.expand(-1, 3, -1, -1), *((one.cpu() + 1) / 2 for one in (true, made))]
        return grid(torch.cat(rows).clamp(0, 1), self.count)

    def sample(self, batch: Batch, x0: Latent, k: int) -> Tensor:
        """One picture in [-1, 1] with the side network beside the model."""
        model, net, hint = self.how.model, self.how.net, batch["hint"][k : k + 1].to(self.how.model.device)
        noise = Noise(k)
        shape: Any = (1, *x0.shape[1:])
        if self.cycle:
            source, target = (row(text_in(batch, name), k, model.device) for name in ("source", "target"))
            task = Task(shape, model.family.null(), noise, x0[k : k + 1].to(model.device))
            way = CycleNet(steps=2 * STEPS, guidance=self.guidance)
            return model.decode(
                translated(way, net, model, task, task.x0, hint * 2 - 1, (source, target), "held")
            )
        speaks: Side = T2IAdapter(net, hint) if net.kind == "t2i-adapter" else ControlNet(net, hint)
        path = model.path(STEPS)
        start = {"held": path.noised(x0[k : k + 1] * 0, noise.normal(shape, "held"), 0).to(model.device)}
        guide = CFG(row(text_in(batch, "text"), k, model.device), model.family.null(), self.guidance)
        with model.side(speaks):
            return model.decode(denoise(model, path, start, [Branch("held", guide)])["held"])


def row(text: Text, k: int, device: torch.device) -> Text:
    """One of several texts."""
    pooled = None if text.pooled is None else text.pooled[k : k + 1].to(device)
    return Text(text.states[k : k + 1].to(device), pooled)

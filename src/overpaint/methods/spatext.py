"""SpaText: a picture of a prompt, with regions that are each told what to show."""

from typing import ClassVar, Literal

import torch
from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.errors import UsageError
from overpaint.guides.conditions import Conditions
from overpaint.masks.regions import Map, Vectors, cropped, painted
from overpaint.method import Method
from overpaint.model import Branch, Line, Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import CELLS, Mask01, Task

SPATEXT = Paper(
    "avrahami2023spatext",
    "Avrahami, Omri and Hayes, Thomas and Gafni, Oran and Gupta, Sonal and Taigman, Yaniv and Parikh, Devi "
    "and Lischinski, Dani and Fried, Ohad and Yin, Xi",
    "SpaText: Spatio-Textual Representation for Controllable Image Generation",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2023,
    "2211.14305",
)


def cost(o: "SpaText") -> Cost:
    """Two rows a step, three where regions have a scale of their own; the prior by the number of regions."""
    rows = o.steps * (2 if o.region_guidance is None else 3)
    most = o.prior_steps * o.tries * MOST if o.through == "prior" else 0
    return Cost(rows=(rows, rows), sides=(0, most), looks=(0, MOST))


MOST = 16
"""Regions of a picture."""
CARD = Card(
    name="spatext",
    idea="Paint into regions what each of them was told, by a map of what CLIP would see there.",
    papers=(SPATEXT,),
    needs=frozenset({Need.TARGET, Need.REGIONS}),
    optional=frozenset({Need.IMAGE}),
    families={"sd1-spatext": {}, "sd2-spatext": {}, "sdxl-spatext": {}},
    cost=cost,
    law=Law.NONE,
    sees=True,
    random=True,
    published="COCO, 1 to 3 regions, with Stable Diffusion, as ZestGuide measured it: FID 16.2, IoU of "
    "regions 23.8 %, CLIP 30.2 (arXiv:2306.13754, table 1; recalled)",
    trial={"prior_steps": 2},
)


class SpaText(Method):
    """Draw the prompt anew, with what each region was told inside it.

    A region without words shows what the picture shows there now, drawn anew.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    region_guidance: float | None = Field(
        default=None, ge=0, le=30, description="scale of the regions by themselves; none: with the prompt"
    )
    through: Literal["prior", "text"] = Field(
        default="prior", description="words become what CLIP sees by a prior, or stay what it reads"
    )
    prior_steps: int = Field(default=25, ge=1, le=1000, description="steps of the prior")
    cells: CELLS = Field(default="half", description="which cells of the latent a region is painted into")
    tries: int = Field(default=2, ge=1, le=64, description="draws of the prior; CLIP takes the best")

    def check(self, model: Model, task: Task) -> None:
        """Every region must cover a cell, its words be read, and what makes vectors of them be there."""
        _ = painted_cells(self, task), model.prior if self.through == "prior" else model.eye
        _ = [model.family.text(region.words) for region in task.regions]
        if any(not region.words for region in task.regions):
            _ = task.pixels

    def __call__(self, model: Model, task: Task) -> Latent:
        """Paint the map, then walk from noise."""
        told = painted(vectors(self, model, task), torch.cat(painted_cells(self, task))[:, 0])
        path, branch = model.path(self.steps), Branch("tgt", guide(self, task, told))
        return denoise(model, path, {"tgt": task.start()}, [branch])["tgt"]


def guide(o: SpaText, task: Task, told: Map) -> Conditions:
    """The fast form, which knows prompt and map together, or each by itself."""
    none = torch.zeros_like(told)
    nothing = Line("-", task.null, none)
    if o.region_guidance is None:
        return Conditions(nothing, [(Line("+", task.target, told), o.guidance)])
    alone = Line("+", task.target, none), Line("#", task.null, told)
    return Conditions(nothing, list(zip(alone, (o.guidance, o.region_guidance), strict=True)))


def painted_cells(o: SpaText, task: Task) -> list[Mask01]:
    """The regions on the grid of the latent.

    Raises:
        UsageError: one covers none, or is hidden by later ones.
    """
    found = [task.on_grid(region.mask, o.cells) for region in task.regions]
    for k, (region, own) in enumerate(zip(task.regions, found, strict=True), 1):
        name = f"The region {k}" + (f" ({region.words})" if region.words else "")
        if not own.any():
            raise UsageError(f"{name} covers no cell of the model's latent; paint it larger.")
        later = torch.cat([own * 0, *found[k:]]).amax(0, keepdim=True)
        if not (own * (1 - later)).any():
            raise UsageError(f"{name} lies wholly under later ones; put it behind them, or leave it out.")
    return found


def vectors(o: SpaText, model: Model, task: Task) -> Vectors:
    """What CLIP would see in each region."""
    return torch.cat([vector(o, model, task, k) for k in range(len(task.regions))])


def vector(o: SpaText, model: Model, task: Task, k: int) -> Vectors:
    """The same of one: of its words, through the prior or not, or of what the picture shows there."""
    region, eye = task.regions[k], model.eye
    if not region.words:
        model.meter.tick("look")
        return eye.look(cropped(task.pixels, region.mask))
    said = eye.read([region.words])
    if o.through == "text":
        return said
    noise = task.noise.normal((o.tries, said.shape[-1]), "prior", k)
    drawn = model.prior(region.words, noise, o.prior_steps, model.meter)
    best = int((drawn @ said.T).argmax())
    return drawn[best : best + 1]

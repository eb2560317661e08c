"""DiffEdit: find where two prompts disagree about the picture, and change it there alone."""

from typing import ClassVar

import torch
from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.errors import UsageError
from overpaint.inversions import DDIM, RealInversion
from overpaint.masks.blend import Restored
from overpaint.masks.contrast import Contrast, Prompt, said
from overpaint.masks.erased import covered
from overpaint.masks.shown import show
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent, part, some
from overpaint.task import Mask01, Task


def cost(o: "DiffEdit") -> Cost:
    """The mask, and the part of the path that is walked both ways."""
    kept, mask = part(o.steps, o.ratio), Cost.of(o.contrast.rows if o.find else 0)
    source = "silent" if o.encode == "nothing" else "read"
    walk = o.inversion.walk_cost(kept, sources=0, source=source, scale=o.guidance)
    return mask + o.inversion.cost_at(kept, o.guidance) + walk if kept else mask


CARD = Card(
    name="diffedit",
    idea="Find where the two prompts disagree about the picture, and walk it to noise and back there alone.",
    papers=(
        Paper(
            "couairon2023diffedit",
            "Couairon, Guillaume and Verbeek, Jakob and Schwenk, Holger and Cord, Matthieu",
            "DiffEdit: Diffusion-based semantic image editing with mask guidance",
            "International Conference on Learning Representations",
            2023,
            "2210.11427",
        ),
    ),
    needs=frozenset({Need.IMAGE, Need.TARGET}),
    optional=frozenset({Need.SOURCE, Need.MASK}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=cost,
    finds_mask=lambda o: True,
    law=Law.EXACT,
    random=True,
    official=Cost.of(200),  # of the released pipeline, which guides both encoding and mask
    published="ImageNet, FlexIT protocol, 80 % encoded (arXiv:2210.11427): LPIPS 30.5 at CSFID 23.6",
    trial={"contrast": {"samples": 3, "clamp": 2}},
)


class DiffEdit(Method):
    """Contrast source and target prompt on noisy copies of the picture, walk it to noise, and back in there.

    For changes of a thing that both prompts speak of differently; the mask can be written. A mask that is
    given limits the one that is found. As the contrast is relative some place is always found, too large a
    one where the change is small; layout, pose and style, which have no place, are out of its reach.
    That diffusers has the two prompts the other way round leaves the mask as it is.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps of the whole path")
    guidance: Guidance = USUAL_GUIDANCE
    ratio: float = Field(
        default=0.8, ge=0, le=1, description="share of the path walked to noise and back: less keeps more"
    )
    contrast: Contrast = Field(default=Contrast(), description="how the mask is found")
    find: bool = Field(default=True, description="find the mask; without, the given one is taken as it is")
    inversion: RealInversion = Field(default=DDIM(), description="how the picture becomes noise")
    encode: Prompt = Field(default="nothing", description="the prompt under which it does")
    lag: bool = Field(
        default=False, description="put the picture back a step too noisy around the mask, as diffusers does"
    )

    def check(self, model: Model, task: Task) -> None:
        """What is to be taken must be there."""
        check(self, task)

    def __call__(self, model: Model, task: Task) -> Latent:
        """The mask, then the target alone, for nothing reads from the source."""
        mask, path = where(self, model, task), model.path(self.steps).last(part(self.steps, self.ratio))
        if not len(path):
            return task.x0
        texts = said(task, self.encode), task.target, task.null
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise)
        return walk.alone(model, after=Restored(mask, walk.stored, self.lag))["tgt"]


def check(o: DiffEdit, task: Task) -> None:
    """Refuse to take a mask or a prompt that was not given, and to change nothing.

    Raises:
        UsageError: it was not, no step would be walked, or the mask covers no cell of the latent.
    """
    kept = part(o.steps, o.ratio)
    some(kept, o.steps, "a larger ratio")
    some(o.inversion.walked(kept), o.steps, "an inversion that skips less, a larger ratio")
    if task.given_mask is not None:
        covered(task)
    if not o.find and task.given_mask is None:
        raise UsageError("There is no mask to take; give one, or let it be found.")
    if o.encode == "source" and task.given_source is None:
        raise UsageError("There is no source prompt to encode with; give one, or encode with nothing.")


def where(o: DiffEdit, model: Model, task: Task) -> Mask01:
    """The mask, for whoever looks too: found, and within the given one if there is one."""
    mask = torch.ones_like(task.x0).amax(1, keepdim=True) if task.given_mask is None else task.region()
    if o.find:
        mask = mask * o.contrast.mask(model, model.path(o.steps), task)
    show(model.meter, mask)
    return mask

"""Inpainting: the prompt inside a mask, by an ordinary network or by one that was made for it."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.masks.blend import Blend, Blending
from overpaint.masks.erased import beside_erased, covered
from overpaint.method import Method
from overpaint.methods.blended_latent import BLENDED_LATENT
from overpaint.methods.generate import LDM
from overpaint.model import Branch, Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent, part, some
from overpaint.sample import denoise
from overpaint.task import Task

BLENDING = Blending(when="after", level="next", noise="fixed", cells="touched")
"""The picture around the mask at the level that was reached, clean at the end; thin masks count."""
FAMILIES = ("sd1", "sd2", "sdxl", "sd1-inpaint", "sd2-inpaint", "sdxl-inpaint")

CARD = Card(
    name="inpaint",
    idea="Paint what the prompt says inside a mask.",
    papers=(LDM, BLENDED_LATENT),
    needs=frozenset({Need.IMAGE, Need.TARGET, Need.MASK}),
    families={name: {} for name in FAMILIES},
    cost=lambda o: Cost.of(rows_at(o.guidance) * o.walked),
    official=Cost.of(100),
    law=Law.NONE,
    random=True,
    published="None as a method: it is what inpainting networks and blending are used for",
)


class Inpaint(Method):
    """Paint what the prompt says inside the mask; outside, the picture stays bit for bit.

    An inpainting network (9 channels) is shown the picture with a hole. Of an ordinary one the latent is put
    back around the mask after every step, which it cannot foresee: it fits things to their surroundings
    less well.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps of the whole path")
    guidance: Guidance = USUAL_GUIDANCE
    strength: float = Field(
        default=1.0, ge=0, le=1, description="share of the path walked: 1 forgets what is under the mask"
    )
    blend: Blending = Field(
        default=BLENDING, description="how the picture is put back outside the mask, on ordinary networks"
    )
    drawn: bool = Field(
        default=False,
        description="show an inpainting network a sample of the erased picture, as diffusers",
    )

    @property
    def walked(self) -> int:
        """How many steps are walked."""
        return part(self.steps, self.strength)

    def check(self, model: Model, task: Task) -> None:
        """A step must be walked, and a cell be covered."""
        some(self.walked, self.steps, "a larger strength")
        covered(task, self.blend.cells)

    def __call__(self, model: Model, task: Task) -> Latent:
        """From noise, or the noised picture, under the prompt."""
        return filled(self, model, task)


def filled(o: Inpaint, model: Model, task: Task) -> Latent:
    """The walk, with the picture around the mask as the network wants it."""
    path = model.path(o.steps).last(o.walked)
    blend = Blend(path, task.x0, o.blend.masks(task), task.noise, o.blend)
    guide = CFG(task.target, task.null, o.guidance)
    branch = Branch("tgt", beside_erased(model, task, guide, o.blend.cells, o.drawn))
    before, after = (None, None) if model.family.extra else (blend.before, blend.after)
    start = {"tgt": begun(o, task, blend)}
    return denoise(model, path, start, [branch], before=before, after=after)["tgt"]


def begun(o: Inpaint, task: Task, blend: Blend) -> Latent:
    """Where it sets out: from noise where the whole path is walked, else from the noised picture.

    It is the very noise that the surroundings are put back under.
    """
    noise = task.noise.normal(task.shape, "blend").to(task.x0)
    return noise if o.walked == o.steps else blend.path.noised(task.x0, noise, 0)

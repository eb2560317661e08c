"""DDIM editing: walk the picture to noise with its own prompt, and back with another."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Law, Need
from overpaint.inversions import DDIM, AnyInversion
from overpaint.inversions.ddim import DDIM_PAPER, ODE_PAPER
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent
from overpaint.task import Task


class DDIMEdit(Method):
    """Invert with the source prompt, sample with the target's: whatever the noise remembers is kept.

    For a first try of any change. Nothing holds the rest, which drifts the more the prompts differ.
    """

    card: ClassVar[Card] = Card(
        name="ddim",
        idea="Turn the picture into the noise it could have come from, then change the prompt.",
        papers=(DDIM_PAPER, ODE_PAPER),
        needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
        families={"sd1": {}, "sd2": {}, "sdxl": {}},
        cost=lambda o: (
            o.inversion.cost_at(o.steps, o.guidance)
            + o.inversion.walk_cost(o.steps, sources=0, scale=o.guidance)
        ),
        law=Law.AS_INVERSION,
        published="With Prompt-to-Prompt on PIE-Bench (arXiv:2310.01506): structure distance 0.06943; "
        "outside the edit PSNR 17.87, LPIPS 0.2088, MSE 0.02199, SSIM 0.7114; CLIP 25.01, in it "
        "22.44. Alone it is in none of the tables",
    )
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    inversion: AnyInversion = Field(default=DDIM(), description="how the picture becomes noise")

    def __call__(self, model: Model, task: Task) -> Latent:
        """Invert, then walk back: the target alone, for nothing reads from the source."""
        path = model.path(self.steps)
        texts = task.source, task.target, task.null
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise)
        return walk.alone(model)["tgt"]

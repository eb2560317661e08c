"""Edit-friendly DDPM: the picture's own noise maps under another prompt."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need
from overpaint.inversions import EditFriendly
from overpaint.inversions.edit_friendly import EDIT_FRIENDLY_PAPER
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import Guidance
from overpaint.path import Latent
from overpaint.task import Task


class EditFriendlyEdit(Method):
    """Find the noise of a random walk that ends at the picture, and walk again with the target prompt.

    For most changes, also of shape; least at taking things away. A smaller ``skip`` changes more, keeps less.
    """

    card: ClassVar[Card] = Card(
        name="edit-friendly",
        idea="Keep the noise of a random walk to the picture, and walk it again with the new prompt.",
        papers=(EDIT_FRIENDLY_PAPER,),
        needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
        families={"sd1": {}, "sd2": {"guidance": 7.5}, "sdxl": {"guidance": 7.5}},
        cost=lambda o: (
            o.inversion.cost_at(o.steps, o.guidance)
            + o.inversion.walk_cost(o.steps, sources=0, scale=o.guidance)
        ),
        law=Law.NONE,
        random=True,
        official=Cost.of(328),
        published="PIE-Bench with SD 1.4, 50 steps, under Prompt-to-Prompt (quoted after arXiv:2310.01506, "
        "unchecked): structure distance 0.01805; outside the edit "
        "PSNR 24.55, LPIPS 0.09188, SSIM 0.8157; CLIP 23.97, in it 21.03",
    )
    steps: int = Field(default=100, ge=1, le=1000, description="denoising steps of the whole path")
    guidance: Guidance = 15.0
    inversion: EditFriendly = Field(default=EditFriendly(), description="how the noise is found")

    def __call__(self, model: Model, task: Task) -> Latent:
        """Find the noise, then walk back: the target alone, for nothing reads from the source."""
        texts = task.source, task.target, task.null
        path = model.path(self.steps)
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise)
        return walk.alone(model)["tgt"]

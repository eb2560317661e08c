"""Text to image: the base every editor starts from."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.method import Method
from overpaint.model import Branch, Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Task

LDM = Paper(
    "rombach2022ldm",
    "Rombach, Robin and Blattmann, Andreas and Lorenz, Dominik and Esser, Patrick and Ommer, Björn",
    "High-Resolution Image Synthesis with Latent Diffusion Models",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2022,
    "2112.10752",
    "https://github.com/CompVis/latent-diffusion",
    "MIT",
)


class Generate(Method):
    """A picture from a prompt: noise, then the deterministic sampler with classifier-free guidance."""

    card: ClassVar[Card] = Card(
        name="generate",
        idea="A picture from a prompt.",
        papers=(LDM,),
        needs=frozenset({Need.TARGET}),
        families={"sd1": {}, "sd2": {}, "sdxl": {}},
        cost=lambda o: Cost.of(rows_at(o.guidance) * o.steps),
        law=Law.NONE,
        random=True,
        published="None as a method: it is what the model itself makes, which the papers of models report",
    )
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE

    def __call__(self, model: Model, task: Task) -> Latent:
        """Walk from noise to a picture."""
        path = model.path(self.steps)
        branch = Branch("tgt", CFG(task.target, task.null, self.guidance))
        return denoise(model, path, {"tgt": task.start()}, [branch])["tgt"]

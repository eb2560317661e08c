"""GLIDE: inpainting in which the known part of the picture takes the place of the belief at every step."""

from typing import ClassVar, Literal

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.guides import CFG, Plain
from overpaint.guides.known import Known
from overpaint.guides.noisy_clip import Pulled, glimpse_of
from overpaint.masks.erased import beside_erased, covered
from overpaint.method import Method
from overpaint.model import Branch, Guide, Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent, Path, Prediction
from overpaint.sample import Ask, Latents, Solver, ancestral, ddim, denoise
from overpaint.task import CELLS, Task

GLIDE = Paper(
    "nichol2022glide",
    "Nichol, Alex and Dhariwal, Prafulla and Ramesh, Aditya and Shyam, Pranav and Mishkin, Pamela and "
    "McGrew, Bob and Sutskever, Ilya and Chen, Mark",
    "GLIDE: Towards Photorealistic Image Generation and Editing with Text-Guided Diffusion Models",
    "International Conference on Machine Learning",
    2022,
    "2112.10741",
    "https://github.com/openai/glide-text2im",
    "MIT",
)
Sampler = Literal["ancestral", "ddim"]
FAMILIES = ("sd1", "sd2", "sdxl", "sd1-inpaint", "sd2-inpaint", "sdxl-inpaint")


def cost(o: "Glide") -> Cost:
    """A row a step, two where it is guided without CLIP; where CLIP pulls, a look and its way back."""
    pulled = o.steps if o.strength else 0
    return Cost.of(o.steps * (1 if o.guidance == 1 else 2), pulled, looks=pulled)


CARD = Card(
    name="glide",
    idea="Paint what the prompt says inside a mask; at every step the belief outside is the picture itself.",
    papers=(GLIDE,),
    needs=frozenset({Need.IMAGE, Need.TARGET, Need.MASK}),
    families={**{name: {} for name in FAMILIES}, "pixel": {"guidance": 1.0}},
    cost=cost,
    official=Cost.of(200),
    law=Law.NONE,
    random=True,
    published="MS-COCO 256 px zero-shot FID 12.24 of the unreleased 3.5 B model (arXiv:2112.10741)",
)


class Glide(Method):
    """Paint inside the mask, led by classifier-free guidance, by a CLIP that sees through noise, or by both.

    Made for inpainting networks, which are shown the picture with a hole; ordinary ones learn of the picture
    through the belief alone. With guidance 1 and a strength CLIP leads by itself.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=100, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    strength: float = Field(default=0.0, ge=0, le=1e4, description="how strongly CLIP pulls (published: 3)")
    sampler: Sampler = Field(
        default="ancestral",
        description="random steps, or deterministic ones, whose noise CLIP pulls",
    )
    cells: CELLS = Field(default="touched", description="which cells of the latent the mask covers")

    def check(self, model: Model, task: Task) -> None:
        """A cell must be covered, and a CLIP that pulls must see through noise."""
        covered(task, self.cells)
        _ = glimpse_of(model) if self.strength else None

    def __call__(self, model: Model, task: Task) -> Latent:
        """From noise alone."""
        start = task.start().to(task.x0)
        return painted(model, model.path(self.steps), start, guide(self, model, task), self.sampler, task)


def painted(model: Model, path: Path, start: Latent, guide: Guide, sampler: Sampler, task: Task) -> Latent:
    """The walk from noise under a guide that knows of the hole."""
    return denoise(model, path, {"tgt": start}, [Branch("tgt", guide)], solver=steps(sampler, task))["tgt"]


def guide(o: Glide, model: Model, task: Task) -> Guide:
    """The prompt, beside the picture with its hole; then what is known; then CLIP."""
    text = Plain(task.target) if o.guidance == 1 else CFG(task.target, task.null, o.guidance)
    shown = beside_erased(model, task, text, o.cells)
    known = Known(shown, task.x0, task.region(o.cells), bounded=model.family.factor == 1)
    if not o.strength:
        return known
    eye = glimpse_of(model)
    wish = eye.read([task.target.prompt.text])
    return Pulled(known, eye, wish, o.strength, "mean" if o.sampler == "ancestral" else "noise")


def steps(sampler: Sampler, task: Task) -> Solver:
    """Random steps or others; a path that ends in a little noise ends at the belief instead."""

    def noise(i: int) -> Latent:
        return task.noise.normal(task.shape, "step", i).to(task.x0)

    step = ancestral(noise) if sampler == "ancestral" else ddim

    def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
        ps = ask(xs)
        last = i + 1 == len(path) and path.sigma[-1] > 0
        return {name: p.x0 if last else step(path, i, xs[name], p) for name, p in ps.items()}, ps

    return solver

"""Blended latent diffusion: the prompt inside a mask, the picture's own latent outside, at every step."""

from typing import ClassVar, Literal

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.masks.blend import Blend, Blending, pasted
from overpaint.masks.erased import covered
from overpaint.method import Method
from overpaint.model import Branch, Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.outcome import Outcome
from overpaint.path import Latent, Path, part, some
from overpaint.sample import ddim, denoise, each
from overpaint.task import Task

BLENDED_LATENT = Paper(
    "avrahami2023blended",
    "Avrahami, Omri and Fried, Ohad and Lischinski, Dani",
    "Blended Latent Diffusion",
    "ACM Transactions on Graphics",
    2023,
    "2206.02779",
    "https://github.com/omriav/blended-latent-diffusion",
    "MIT",
)
CARD = Card(
    name="blended-latent",
    idea="Draw what the prompt says inside a mask, and put the picture back around it at every step.",
    papers=(BLENDED_LATENT,),
    needs=frozenset({Need.IMAGE, Need.TARGET, Need.MASK}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=lambda o: Cost.of(
        rows_at(o.guidance) * o.samples * o.walked,
        decodes=o.samples * (o.walked - o.blend.latent_steps(o.walked)),
    ),
    official=Cost.of(100),
    results=lambda o: o.samples,
    law=Law.NONE,
    random=True,
    trial={"samples": 2, "blend": {"pixel_share": 0.4, "dilation": 1}},
    published="Precision by an ImageNet classifier inside the mask, diversity and seconds a batch "
    "(arXiv:2206.02779), of classes that the benchmark here has none of",
)


class BlendedLatent(Method):
    """Denoise with the prompt; outside the mask latents are the picture's, noised to the level reached.

    For new things inside a mask, which fit their surroundings less well than where a network sees the hole.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps of the whole path")
    guidance: Guidance = USUAL_GUIDANCE
    skip: float = Field(default=0.0, ge=0, le=1, description="share of the noisiest steps that is left out")
    start: Literal["source", "noise"] = Field(
        default="source", description="set out from the noised picture, or from noise alone"
    )
    blend: Blending = Field(default=Blending(), description="how the picture is put back outside the mask")
    samples: int = Field(default=1, ge=1, le=64, description="how many results are drawn at once")
    offset: int | None = Field(
        default=None, ge=0, le=999, description="added to the visited levels, in place of the model's own"
    )

    @property
    def walked(self) -> int:
        """How many steps are walked."""
        return self.steps - part(self.steps, self.skip)

    def check(self, model: Model, task: Task) -> None:
        """A step must be walked, and a cell be covered."""
        check(self, task)

    def __call__(self, model: Model, task: Task) -> Outcome:
        """Walk every result beside the others, all in one network call a step."""
        path = model.path(self.steps, offset=self.offset).last(self.walked)
        how, names = self.blend, ["tgt", *(f"tgt{k}" for k in range(2, self.samples + 1))]
        masks, first = how.masks(task), how.latent_steps(self.walked)
        blend = Blend(path, task.x0, masks, task.noise, how, first)
        guide = CFG(task.target, task.null, self.guidance)
        xs, branches = {n: begun(self, task, path, n) for n in names}, [Branch(n, guide) for n in names]
        solver = pasted(model, task.pixels, task.mask, task.noise, first, each(ddim))
        made = denoise(model, path, xs, branches, solver=solver, before=blend.before, after=blend.after)
        return Outcome([made[name] for name in names])


def check(o: BlendedLatent, task: Task) -> None:
    """Refuse what would change nothing; where pixels are blended, a mask may be thinner than a cell.

    Raises:
        UsageError: no step would be walked, or the mask covers no cell of the latent.
    """
    some(o.walked, o.steps, "a smaller skip")
    if o.blend.latent_steps(o.walked) == o.walked:
        covered(task, o.blend.cells)


def begun(o: BlendedLatent, task: Task, path: Path, name: str) -> Latent:
    """Where a result sets out: the picture itself where no step is walked."""
    noise = task.noise.normal(task.shape, "blended", name).to(task.x0)
    if o.start == "noise" or not len(path):
        return noise if len(path) else task.x0
    return path.noised(task.x0, noise, 0)

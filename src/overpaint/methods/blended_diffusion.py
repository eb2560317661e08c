"""Blended diffusion: CLIP says what appears inside a mask, the noised picture is put back around it."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.guides import CFG, Plain
from overpaint.guides.clip import ClipName, Outside, Seen, Shift
from overpaint.losses.clip import best_first, distances
from overpaint.losses.views import Extending, Warps
from overpaint.masks.blend import Blend, Blending
from overpaint.masks.erased import covered
from overpaint.method import Method
from overpaint.model import Branch, Guide, Model
from overpaint.options import Tuned
from overpaint.outcome import Outcome
from overpaint.path import Latent, Path, Prediction, part, some
from overpaint.sample import Ask, Latents, Solver, ancestral, ddim, denoise
from overpaint.task import Task

BLENDED_DIFFUSION = Paper(
    "avrahami2022blended",
    "Avrahami, Omri and Lischinski, Dani and Fried, Ohad",
    "Blended Diffusion for Text-driven Editing of Natural Images",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2022,
    "2111.14818",
    "https://github.com/omriav/blended-diffusion",
    "MIT",
)
BEHIND = Blending(when="after", level="current", noise="shared", end="noisy")
"""The published blend: when a step is taken, at the level it came from, with noise that all results share."""


def cost(o: "BlendedDiffusion") -> Cost:
    """A row or two a step and result; where CLIP pulls, a way back, a decoded picture, and copies of it."""
    steps, ranked = o.walked * o.samples, o.samples if o.samples > 1 else 0
    pulled = steps if o.strength or o.outside else 0
    looks, decodes = pulled * o.copies + ranked, pulled + ranked
    return Cost.of(steps * (2 if o.guidance else 1), pulled, looks=looks, decodes=decodes)


CARD = Card(
    name="blended-diffusion",
    idea="Let CLIP pull what is inside a mask towards the prompt, and put the noised picture back around it.",
    papers=(BLENDED_DIFFUSION,),
    needs=frozenset({Need.IMAGE, Need.TARGET, Need.MASK}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}, "pixel": {"guidance": 0.0}},
    cost=cost,
    official=Cost.of(150, 75, looks=600),
    law=Law.NONE,
    results=lambda o: o.samples,
    sees=True,
    random=True,
    trial={"samples": 2, "copies": 2, "strength": 10.0},
    published="User study of realism, background and match with the text (arXiv:2111.14818); no figures "
    "that a benchmark here could repeat",
    shipped="`guidance` 3, `strength` 200: CLIP alone finds a blob of the right colour enough; success "
    "0.60, five of the first ten cases; as published one of these",
)


class BlendedDiffusion(Method):
    """Draw candidates inside a mask, one after the other, each step pulled by CLIP, and rank them by CLIP.

    A pull goes through CLIP, the decoder and the network, and takes the memory of all three.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=100, ge=1, le=1000, description="denoising steps of the whole path")
    skip: float = Field(default=0.25, ge=0, le=1, description="share of the noisiest steps that is left out")
    guidance: float = Field(default=0.0, ge=0, le=30, description="classifier-free guidance beside CLIP's")
    strength: float = Field(default=1000.0, ge=0, le=1e6, description="how strongly CLIP pulls")
    copies: int = Field(default=8, ge=1, le=256, description="views CLIP gets of each belief: one clean")
    colours: float = Field(default=50.0, ge=0, le=1e6, description="hold on colours beyond black and white")
    shift: Shift = Field(default="mean", description="pull means of random steps, or noise of others")
    outside: float = Field(
        default=0.0, ge=0, le=1e6, description="hold the picture outside the mask this much, not by blending"
    )
    samples: int = Field(default=1, ge=1, le=64, description="candidates; of several CLIP says which is best")
    clip: ClipName = ""
    tuned: Tuned = "auto"

    @property
    def walked(self) -> int:
        """How many steps are walked."""
        return self.steps - part(self.steps, self.skip)

    def check(self, model: Model, task: Task) -> None:
        """A step must be walked, a cell be covered where nothing else may change, and CLIP be there."""
        some(self.walked, self.steps, "a smaller skip")
        _ = model.eye_of(self.clip), task.target.prompt, self.outside or covered(task)

    def __call__(self, model: Model, task: Task) -> Outcome:
        """Walk each candidate by itself, then rank them."""
        names = ["tgt", *(f"tgt{k}" for k in range(2, self.samples + 1))]
        made = [drawn(self, model, task, name) for name in names]
        return ranked(self, model, task, made) if len(made) > 1 else Outcome(made)


def drawn(o: BlendedDiffusion, model: Model, task: Task, name: str, warps: Warps | None = None) -> Latent:
    """One candidate; its warps are drawn where none are handed in."""
    path, mask = model.path(o.steps).last(o.walked), task.region()
    blend = Blend(path, task.x0, [mask], task.noise, BEHIND, len(path) - 1 if not o.outside else 0)
    start = path.noised(task.x0, task.noise.normal(task.shape, "start", name).to(task.x0), 0)
    branch = Branch(name, guide(o, model, task, name, warps))
    solver = steps(o, task, name)
    end = denoise(model, path, {name: start}, [branch], solver=solver, after=blend.after)[name]
    return end if o.outside else mask * end + (1 - mask) * task.x0


def guide(o: BlendedDiffusion, model: Model, task: Task, name: str, warps: Warps | None = None) -> Guide:
    """The network's own guide, and CLIP's around it."""
    base = CFG(task.target, task.null, o.guidance) if o.guidance else Plain(task.null)
    if not o.strength and not o.outside:
        return base
    eye = model.eye_of(o.clip)
    outside = Outside(task.pixels, o.outside) if o.outside else None
    wish, warps = eye.read([task.target.prompt.text]), warps or Extending(task.noise, name)
    return Seen(base, model, eye, wish, task.mask, o.strength, o.copies, warps, o.colours, o.shift, outside)


def steps(o: BlendedDiffusion, task: Task, name: str) -> Solver:
    """Random steps or deterministic ones; the last one ends at the belief itself."""

    def noise(i: int) -> Latent:
        return task.noise.normal(task.shape, "step", name, i).to(task.x0)

    step = ancestral(noise) if o.shift == "mean" else ddim

    def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
        ps = ask(xs)
        last = i + 1 == len(path)
        return {one: p.x0 if last else step(path, i, xs[one], p) for one, p in ps.items()}, ps

    return solver


def ranked(o: BlendedDiffusion, model: Model, task: Task, made: Sequence[Latent]) -> Outcome:
    """Candidates by how near CLIP finds what is inside the mask, before black, to the prompt."""
    shown = [(model.decode(x).clamp(-1, 1) + 1) * task.mask - 1 for x in made]
    model.meter.tick("look", len(shown))
    scores = distances(model.eye_of(o.clip), shown, task.target.prompt.text)
    order = best_first(scores)
    return Outcome([made[k] for k in order], scores={"distance": [scores[k] for k in order]})

"""DiffusionCLIP: a network that CLIP has tuned, walked back from where the untuned one led."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, ValidationError, model_validator

from overpaint.card import Card, Cost, Law, Need
from overpaint.errors import UsageError
from overpaint.guides import Plain
from overpaint.method import Method
from overpaint.model import Branch, Model
from overpaint.options import Sweep, values_of
from overpaint.outcome import Outcome
from overpaint.path import Latent, Path
from overpaint.sample import denoise
from overpaint.task import Task
from overpaint.tune.asymmetric import Share, Start, drawn, mixture, stairs, to_noise
from overpaint.tune.by_level import Levels, check_shares, shares_at
from overpaint.tune.diffusion_clip import DIFFUSION_CLIP_PAPER, DiffusionCLIPLearning
from overpaint.tune.given import Force, LearnedFiles, once, opened
from overpaint.tune.patch import Weights
from overpaint.tune.tuner import store_of


def cost(o: "DiffusionCLIP") -> Cost:
    """The learning; ways there and back, and to noise, once; back with each network for every share."""
    counts = [sum(map(bool, one.shares)) for one in o.several] or [1]
    least, most = (
        sum((share != 0) * count + (share != 1) for share in values_of(o.share))
        for count in (min(counts), max(counts))
    )
    up = o.start.bring * o.start.bring_steps + (o.to_noise - 1 if o.start.by == "inversion" else 0)
    back = o.steps * o.start.rounds
    return Cost((up + back * least, up + back * most)) + (Cost() if o.learned else o.learning.cost())


CARD = Card(
    name="diffusion-clip",
    idea="Tune the network by CLIP until what it makes of a picture's noise has moved as two prompts differ.",
    papers=(DIFFUSION_CLIP_PAPER,),
    needs=frozenset({Need.IMAGE, Need.SOURCE}),
    optional=frozenset({Need.TARGET, Need.EXAMPLES}),
    target_or="learned",
    families={"sd1": {}, "sd2": {}, "sdxl": {}, "pixel": {}},
    cost=cost,
    law=Law.NONE,
    results=lambda o: len(values_of(o.share)),
    sees=True,
    random=True,
    official=Cost.of(79 + 50 * (79 + 6), 50, depth=6),
    published="CelebA-HQ at 256 px: directional similarity 0.18, segmentation kept 88.1 %, identity 0.76; "
    "picture back from level 500 MAE 0.022, LPIPS 0.082, SSIM 0.901 (arXiv:2110.02711; recalled)",
    shipped="Not for one picture by its own prompts: none of two hundred cases comes off. Learned from eight "
    "pictures of a kind in full, ground, light and pencil come off on 0.90 to 1.00 of others "
    "([measured](../diffusion-clip.md#on-still-life))",
    trial={
        "to_noise": 3,
        "learning": {"to_noise": 3, "back": 2, "passes": 1, "pictures": 2, "rank": 2, "rate": 0.001},
    },
)


class DiffusionCLIP(Method):
    """Learn a change from a few pictures once; then edit any of their kind: to noise, and back tuned.

    The prompts tell CLIP what changes; the network reads the source prompt all along, without guidance.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=40, ge=2, le=1000, description="steps on the way back")
    to_noise: int = Field(default=40, ge=2, le=1000, description="levels on the way to noise")
    level: int | None = Field(default=None, ge=1, le=999, description="training level; by itself as learned")
    share: Sweep = Field(default=1.0, description="how much of the tuned network, several as 0.2:1.0:0.2")
    several: Levels = ()
    start: Start = Field(default=Start(), description="how the picture becomes noise")
    learning: DiffusionCLIPLearning = Field(default=DiffusionCLIPLearning(), description="how it is learned")
    learned: LearnedFiles = ()
    force: Force = False

    @model_validator(mode="after")
    def learned_once(self) -> "DiffusionCLIP":
        """What is in a file was learned already."""
        once("".join(self.learned), self.force, self.learning == DiffusionCLIPLearning())
        return self

    def check(self, model: Model, task: Task) -> None:
        """Refuse what could not be learned, and what was learned elsewhere or for something else."""
        checked(self, model, task)

    def learn(self, model: Model, task: Task) -> Weights:
        """What moves pictures as the prompts differ: from the store, or learned now."""
        latents = [model.family.encode(one) for one in task.pictures("examples")] or [task.x0]
        texts = {"source": task.source, "target": task.target}
        found = self.learning.learned(model, latents, texts, task.noise, store_of(model))
        said = {name: text.prompt.text for name, text in texts.items()}
        return self.learning.patch(found, model).told(**said)

    def __call__(self, model: Model, task: Task) -> Outcome:
        """Learn, or open what was learned; then to noise with the network as it was, and back tuned."""
        patches = tuned(self, model, task)
        made = walked(self, model, task, patches)
        return Outcome(made, scores={"share": values_of(self.share)}, learned=() if self.learned else patches)


def checked(o: DiffusionCLIP, model: Model, task: Task) -> None:
    """Refuse what could not be learned or used, and grids that the model does not have.

    Raises:
        UsageError: something of it; the sentence says what.
    """
    check_learning(o, model, task)
    patches = tuned(o, model, task) if o.learned else ()
    check_shares(o.several, max(1, len(patches)))
    how = learned_as(o, patches)
    for steps in (o.steps, o.to_noise):
        stairs(model, o.level or how.level, steps, how.end)


def check_learning(o: DiffusionCLIP, model: Model, task: Task) -> None:
    """Refuse what could not be learned, or was learned for something else.

    Raises:
        UsageError: another number of pictures than was said, no target, or another one than in a file, or
            pictures beside a file.
    """
    if o.learned:
        if task.pictures("examples"):
            raise UsageError("What is in the file was learned already; leave the examples out, or the file.")
        for one in tuned(o, model, task):
            wished = one.about.get("target", "")
            if task.given_target is not None and task.target.prompt.text != wished:
                raise UsageError(
                    f"What was learned leads to {wished!r}; leave the target prompt out, or learn another."
                )
        return
    given = len(task.pictures("examples")) or 1
    if given != o.learning.pictures:
        raise UsageError(
            f"It is to be learned from {o.learning.pictures} pictures, and {given} are given; say how many "
            f"with learning.pictures={given}."
        )
    _ = task.target
    o.learning.check(model)


def tuned(o: DiffusionCLIP, model: Model, task: Task) -> tuple[Weights, ...]:
    """What was learned: from files, from the store, or now."""
    if not o.learned:
        return (o.learn(model, task),)
    return tuple(opened(one, model, CARD.name, o.force) for one in o.learned)


def learned_as(o: DiffusionCLIP, patches: Sequence[Weights]) -> DiffusionCLIPLearning:
    """How the first of them was learned: its level and the end of its walks hold for edits.

    Raises:
        UsageError: a file says it in a way that is not understood.
    """
    told = next((patch.about["options"] for patch in patches if "options" in patch.about), None)
    try:
        return o.learning if told is None else DiffusionCLIPLearning.model_validate_json(told)
    except ValidationError:
        raise UsageError(
            "What was learned was so with options that this overpaint does not have; learn it anew."
        ) from None


def walked(o: DiffusionCLIP, model: Model, task: Task, patches: Sequence[Weights]) -> list[Latent]:
    """To noise once, and back for every share."""
    how = learned_as(o, patches)
    x = begun(o, model, task, how)
    return [ended(o, model, task, how, x, patches, share) for share in values_of(o.share)]


def begun(o: DiffusionCLIP, model: Model, task: Task, how: DiffusionCLIPLearning) -> Latent:
    """Ways there and back with the network as it was, then to noise; or the picture, where noise is drawn."""
    level, x = o.level or how.level, task.x0
    short = stairs(model, level, o.start.bring_steps, how.end)
    for k in range(o.start.bring):
        x = back(o, model, task, short, noised(o, model, task, x, level, "bring", k))
    if o.start.by == "noise":
        return x
    return to_noise(model, stairs(model, level, o.to_noise, how.end), x, task.source)


def ended(
    o: DiffusionCLIP,
    model: Model,
    task: Task,
    how: DiffusionCLIPLearning,
    x: Latent,
    patches: Sequence[Weights],
    share: float,
) -> Latent:
    """Back with so much of what was learned; from drawn noise as often as was said."""
    level = o.level or how.level
    path = stairs(model, level, o.steps, how.end)
    for k in range(o.start.rounds):
        start = noised(o, model, task, x, level, "noise", k) if o.start.by == "noise" else x
        x = back(o, model, task, path, start, patches, share)
    return x


def noised(o: DiffusionCLIP, model: Model, task: Task, x: Latent, level: int, what: str, k: int) -> Latent:
    """A picture with noise that is drawn."""
    eps = task.noise.normal(task.shape, what, k).to(x)
    return drawn(model, x, eps, level - int(o.start.official))


def back(
    o: DiffusionCLIP,
    model: Model,
    task: Task,
    path: Path,
    x: Latent,
    patches: Sequence[Weights] = (),
    share: float = 0.0,
) -> Latent:
    """The way back, by the network as it was and as it was tuned, each with its share."""

    def shares(level: int) -> list[Share]:
        own = shares_at(o.several, level) if o.several else [1.0]
        several = zip(patches, own, strict=True) if patches else ()
        return [(None, 1 - share), *((patch, share * one) for patch, one in several)]

    branches = [Branch("tgt", Plain(task.source))]
    if share == 1 and not o.several:
        with model.patched(*patches):
            return denoise(model, path, {"tgt": x}, branches)["tgt"]
    return denoise(model, path, {"tgt": x}, branches, solver=mixture(model, shares))["tgt"]

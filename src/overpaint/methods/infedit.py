"""InfEdit: nothing is inverted; three branches walk under one noise and share what they attend to."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field

from overpaint.attention import Control
from overpaint.card import Card, Cost, Law, Need
from overpaint.controls import CrossReplace, Keep, SelfReplace, near_side
from overpaint.controls.asking import Asking
from overpaint.controls.given import Share, listed
from overpaint.controls.kindred import kindred
from overpaint.controls.mutual import Mutual
from overpaint.errors import UsageError
from overpaint.inversions import Virtual, Walk
from overpaint.inversions.base import CONDITIONAL, at_own
from overpaint.inversions.virtual import INFEDIT_PAPER
from overpaint.masks.layout_blend import FEWEST, LAYOUT, LayoutBlend
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import Guidance, Tuned
from overpaint.path import Latent, Path, part
from overpaint.task import Task

READS = frozenset({"src-", "src+"})
EVERY = 1 << 16
"""A side no map has: the layout is shared at every size."""
CARD = Card(
    name="infedit",
    idea="Invert nothing: put known noise on the picture, and let the new prompt change what it says of it.",
    papers=(INFEDIT_PAPER,),
    needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=lambda o: Cost.of(o.inversion.walked(o.steps) * (3 if unguided(o) else 4 + o.inversion.source_rows)),
    law=Law.NONE,
    finds_mask=lambda o: bool(o.blend or o.stay),
    random=True,
    official=Cost.of(72),
    published="PIE-Bench with LCM Dreamshaper v7, 12 steps (arXiv:2312.04965): structure distance 0.01378; "
    "outside the edit PSNR 28.51, LPIPS 0.04758, SSIM 0.8566; CLIP 25.03, in it 22.22",
    shipped="As published, though it is no consistency model: of 300 cases 160 come off; with 30 steps of "
    "its own levels 158, at 150 rows for 60",
)


class InfEdit(Method):
    """The source known at every step, the target, and a third branch: the source in the target's layout.

    First the target looks where the source looks; then the third branch shows what the source would be where
    the target looks, and lends it its word maps. For consistency models; of others 30 steps of their own
    levels are worth a try.
    """

    card: ClassVar[Card] = CARD
    only_with: ClassVar[Mapping[str, str]] = {"blend_threshold": "blend", "stay_threshold": "stay"}
    steps: int = Field(default=12, ge=1, le=1000, description="denoising steps of the whole path")
    guidance: Guidance = 2.3
    inversion: Virtual = Field(default=Virtual(), description="how the picture is put under noise")
    levels: Literal["lcm", "model"] = Field(
        default="lcm", description="noise levels: those of consistency models, or the model's own schedule"
    )
    known: int = Field(default=50, ge=1, le=1000, description="levels that a consistency model was taught")
    cross_replace: Share = Field(default=0.7, description="share of the steps with the source's word maps")
    self_replace: Share = Field(default=0.7, description="share of the steps with the source's layout")
    follow: Literal["mutual", "source"] = Field(
        default="mutual", description="whose word maps: the third branch's or the source's, as published both"
    )
    blend: str = Field(default="", description="words of the target whose place alone may change: dog")
    blend_threshold: Share = Field(default=0.55, description="share of the peak that counts as place")
    stay: str = Field(default="", description="words of the target whose place must not change: bench")
    stay_threshold: Share = Field(default=0.6, description="share of the peak that counts as theirs")
    official: bool = Field(default=False, description="align new words as the published code does")
    tuned: Tuned = "auto"

    def check(self, model: Model, task: Task) -> None:
        """Every word that is named must be in the prompt, and there must be as many levels as steps."""
        parts(self, model, task, path_of(self, model))

    def __call__(self, model: Model, task: Task) -> Latent:
        """Walk all three under their controls."""
        walk, controls, blend = prepared(self, model, task)
        return walk.run(model, *controls, after=blend)["tgt"]


def prepared(o: InfEdit, model: Model, task: Task) -> tuple[Walk, list[Control], LayoutBlend | None]:
    """The walk of three, what its attention layers see, and what is put back after each step."""
    texts, path = (task.source, task.target, task.null), path_of(o, model)
    reads = CONDITIONAL if unguided(o) else READS
    walk = o.inversion.walk(model, path, task.x0, texts, o.guidance, task.noise, reads)
    own = at_own(task.source, task.null, o.inversion.source_guidance, CONDITIONAL)
    return walk.beside(LAYOUT, own), *parts(o, model, task, walk.path)


def unguided(o: InfEdit) -> bool:
    """Whether no row without a prompt has a say in any branch."""
    return o.guidance == 1 and o.inversion.source_guidance == 1


def path_of(o: InfEdit, model: Model) -> Path:
    """The whole path.

    Raises:
        UsageError: there are fewer levels than steps.
    """
    if o.levels == "model":
        return model.path(o.steps)
    every = model.path()
    if not o.steps <= o.known <= len(every):
        raise UsageError(
            f"Of {o.known} levels {o.steps} steps cannot be taken; take fewer, or set levels to model."
        )
    return every.few(o.steps, o.known)


def parts(o: InfEdit, model: Model, task: Task, path: Path) -> tuple[list[Control], LayoutBlend | None]:
    """The controls on a path, and the blend if there is one.

    Raises:
        UsageError: a word is not in the target prompt, or there are too few steps to put anything back.
    """
    alignment, pairs = kindred(task.source, task.target, o.official)
    skipped, tokens = o.steps - len(path), task.target.prompt.window
    cross, layout = (max(0, part(o.steps, share) - skipped) for share in (o.cross_replace, o.self_replace))
    table = torch.zeros(max(len(path), 1), tokens)
    table[:cross] = 1
    leader = {"mutual": f"{LAYOUT}+", "source": "src+"}[o.follow]
    window = min(1.0, (layout + 0.5) / o.steps) if layout else 0.0  # a half, so that rounding takes none
    looking = "+" if unguided(o) else "-+"
    held = [SelfReplace(window, EVERY, f"src{s}", frozenset({f"tgt{s}"})) for s in looking]
    signs = "+" if o.inversion.source_guidance == 1 else "-+"
    asking = [Asking(f"tgt{sign}", f"{LAYOUT}{sign}") for sign in signs]
    answering = [Mutual(0, 0, f"src{sign}", f"{LAYOUT}{sign}") for sign in signs]
    replaced = CrossReplace(alignment, table, torch.ones(tokens), leader, frozenset({"tgt+"}))
    controls: list[Control] = [*held, *asking, *answering, replaced]
    if not (o.blend or o.stay):
        return controls, None
    if 0 < (walked := o.inversion.walked(o.steps)) < FEWEST:
        raise UsageError(
            f"Places are put back between the first step and the last, and {walked} are walked; walk "
            f"{FEWEST} at least, or leave blend and stay out."
        )
    keep = Keep(near_side(model.tap.sites, *task.shape[-2:]), frozenset({"src+", "tgt+", f"{LAYOUT}+"}))
    change, stay = (tokens_of(words, task, pairs) for words in (o.blend, o.stay))
    blend = LayoutBlend(keep, alignment, change, stay, o.blend_threshold, o.stay_threshold, path, model.meter)
    return [keep, *controls], blend


def tokens_of(given: str, task: Task, pairs: Mapping[int, int]) -> list[int]:
    """The target's tokens of words, and those that take the place of such words of the source.

    Raises:
        UsageError: a word has no token in the target, its own or one in its place.
    """
    found = list[int]()
    for word in listed(given):
        old = task.source.prompt.places(word) if task.source.prompt.has(word) else ()
        new = [token for token, replaced in pairs.items() if replaced in old]
        named = task.target.prompt.has(word) or not new  # what is nowhere is said of the target
        found += [*new, *(task.target.prompt.places(word) if named else ())]
    return sorted(set(found))

"""MasaCtrl: the new prompt draws the layout, and the picture answers what is drawn there."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from overpaint.attention import Control
from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.controls.given import Share, both_places
from overpaint.controls.mutual import Mutual, Split
from overpaint.errors import UsageError
from overpaint.inversions import DDIM, AnyInversion, Recorded
from overpaint.inversions.base import CONDITIONAL, Walk
from overpaint.masks.split import Found, Painted
from overpaint.method import Method
from overpaint.model import Model
from overpaint.network import Text
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent
from overpaint.task import Mask01, Task

BOTH = frozenset({"src-", "src+"})
BEFORE = "source-mask"


def cost(o: "MasaCtrl") -> Cost:
    """The inversion and the walk of both; without a prompt of its own the source needs one row."""
    walk = o.inversion.walk_cost(o.steps, source=asked(o), scale=o.guidance)
    return o.inversion.cost_at(o.steps, o.guidance) + walk


CARD = Card(
    name="masactrl",
    idea="The new prompt draws another pose or layout, and the picture answers what is to be seen there.",
    papers=(
        Paper(
            "cao2023masactrl",
            "Cao, Mingdeng and Wang, Xintao and Qi, Zhongang and Shan, Ying and Qie, Xiaohu "
            "and Zheng, Yinqiang",
            "MasaCtrl: Tuning-Free Mutual Self-Attention Control for Consistent Image Synthesis and Editing",
            "IEEE/CVF International Conference on Computer Vision",
            2023,
            "2304.08465",
            "https://github.com/TencentARC/MasaCtrl",
            "Apache-2.0",
        ),
    ),
    needs=frozenset({Need.IMAGE, Need.TARGET}),
    optional=frozenset({Need.SOURCE, Need.MASK}),
    families={"sd1": {}, "sd2": {}, "sdxl": {"layer": 44}},
    cost=cost,
    pictures=frozenset({BEFORE}),
    finds_mask=lambda o: bool(o.thing),
    law=Law.NONE,
    official=Cost.of(300),
    published="PIE-Bench with SD 1.4, 50 steps, no source prompt (arXiv:2310.01506, table 1): structure "
    "distance 0.02838; outside the edit PSNR 22.17, LPIPS 0.10662, SSIM 0.7967; CLIP 23.96, in it 21.16; "
    "over direct inversion 0.02470; 22.64, 0.08794, 0.8133; 24.38, 21.35",
    trial={"start": 1, "layer": 3},
    shipped="As published, and not good there: success 0.45; another `layer`, the source prompt and `direct` "
    "did no better",
)


class MasaCtrl(Method):
    """From a step and a layer on, the target's self-attention asks the source's keys and values.

    For changes of pose and shape; under changes of colour or style the layout drifts. A mask, or words of
    the thing, part it from its surroundings: inside asks inside, outside asks outside. A picture called
    ``source-mask`` says where the thing is before the edit, if that is elsewhere. As published, a real
    picture is walked without a prompt of its own, and equal prompts promise nothing; under the source prompt
    they give what the inversion reconstructs.
    """

    card: ClassVar[Card] = CARD
    only_with: ClassVar[Mapping[str, str]] = {"threshold": "thing"}
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    inversion: AnyInversion = Field(default=DDIM(), description="how the picture becomes noise")
    start: int = Field(default=4, ge=0, le=1000, description="first step at which the picture is asked")
    layer: int = Field(default=10, ge=0, le=1000, description="first self-attention layer that asks it")
    thing: str = Field(default="", description="words of the thing that changes, to find it by: cat=>dog")
    threshold: Share = Field(default=0.1, description="share of the words' attention from which it is there")
    encode: Literal["auto", "source", "nothing"] = Field(
        default="auto",
        description="the prompt the picture is walked with: nothing, but the source prompt where a thing is "
        "looked for or the picture was generated",
    )

    def check(self, model: Model, task: Task) -> None:
        """There must be such a layer, the prompts that are needed, and the words in them."""
        check(self, model, task)

    def __call__(self, model: Model, task: Task) -> Latent:
        """Invert, then walk both, the target asking the source."""
        texts = walked_with(self, task), task.target, task.null
        path, reads = model.path(self.steps), BOTH if asked(self) == "both" else CONDITIONAL
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise, reads)
        split = split_of(self, model, task)
        after = split.shown if isinstance(split, Found) else None
        return walk.run(model, *controls(self, walk, split), after=after)["tgt"]


def asked(o: MasaCtrl) -> Literal["read", "both", "silent"]:
    """Which rows of the source the target asks: one where either has no other that counts."""
    if not prompted(o):
        return "silent"
    return "read" if o.inversion.one_row_at(o.guidance) else "both"


def prompted(o: MasaCtrl) -> bool:
    """Whether the source is walked with a prompt of its own."""
    own = bool(o.thing) or isinstance(o.inversion, Recorded)
    return own if o.encode == "auto" else o.encode == "source"


def walked_with(o: MasaCtrl, task: Task) -> Text:
    """That prompt, or the empty one."""
    return task.source if prompted(o) else task.null


def split_of(o: MasaCtrl, model: Model, task: Task) -> Split | None:
    """What parts the thing from its surroundings: words, or else a mask; nothing without either.

    Raises:
        UsageError: a word is not in its prompt, a mask is missing or covers no cell, or both say where.
    """
    if o.thing and task.pictures(BEFORE):
        raise UsageError(
            f"Words and a {BEFORE} both say where the thing is; leave thing out, or give no {BEFORE}."
        )
    if o.thing:
        places = both_places(o.thing, task.source.prompt, task.target.prompt)
        return Found.of(model, task.shape, places, o.threshold, o.start)
    before = task.pictures(BEFORE)
    if before and task.given_mask is None:
        raise UsageError(f"A {BEFORE} says where the thing was; give the mask of where it will be too.")
    if task.given_mask is None:
        return None
    after = some_of(task.region(), "mask")
    return Painted(some_of(task.covered(task.picture(BEFORE)), BEFORE) if before else after, after)


def some_of(cells: Mask01, called: str) -> Mask01:
    """The cells of a thing, if there are any.

    Raises:
        UsageError: there are none, so that nothing would be parted from its surroundings.
    """
    if not cells.any():
        raise UsageError(
            f"The {called} covers no cell of the model's latent, so nothing is parted from its surroundings; "
            "paint it wider."
        )
    return cells


def controls(o: MasaCtrl, walk: Walk, split: Split | None) -> list[Control]:
    """What records the words, then each row of the target asking the source's of its sign if there is one."""
    keeps, seen = (split.keeps.values(), split.roles) if isinstance(split, Found) else ((), frozenset[str]())
    signs = "+" if o.inversion.one_row_at(o.guidance) else "+-"
    pairs = {f"tgt{sign}": f"src{sign}" for sign in signs}
    there = {target: source if source in walk.source_roles else "src+" for target, source in pairs.items()}
    asking = [Mutual(o.start, o.layer, source, target, split, seen) for target, source in there.items()]
    return [*keeps, *asking]


def check(o: MasaCtrl, model: Model, task: Task) -> None:
    """Refuse what cannot act.

    Raises:
        UsageError: there is no such layer or step, no source prompt where one is needed, or a word is not in
            it.
    """
    walked = o.inversion.walked(o.steps)
    if 0 < walked <= o.start:
        raise UsageError(f"The picture is asked in none of the {walked} steps; set start below {walked}.")
    count = sum(site.kind == "self" for site in model.tap.sites)
    if o.layer >= count:
        raise UsageError(f"This model has {count} self-attention layers; set layer below {count}.")
    if o.thing and not prompted(o):
        raise UsageError("A thing is found by its word in the source prompt; let encode be source, or auto.")
    walked_with(o, task)
    split_of(o, model, task)

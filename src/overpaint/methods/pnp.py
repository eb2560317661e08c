"""Plug-and-Play: the picture's features and self-attention hold the layout while another prompt draws."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from overpaint.attention import Control
from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.controls import SelfReplace
from overpaint.controls.features import FeatureReplace
from overpaint.controls.given import Span
from overpaint.errors import UsageError
from overpaint.guides import CFG
from overpaint.guides.fading import NEGATIVE, Fade, Faded
from overpaint.inversions import DDIM, AnyInversion, Direct, NegativePrompt, Recorded
from overpaint.method import Method
from overpaint.model import Guide, Model
from overpaint.network import Text
from overpaint.options import USUAL_GUIDANCE, Guidance, Tuned
from overpaint.path import Latent, Path
from overpaint.task import Task

ROWS = frozenset({"tgt-", "tgt+"})
ANY = 1_000_000
"""Maps of every size."""


def cost(o: "PlugAndPlay") -> Cost:
    """The inversion, which may be finer, and the walk of both."""
    source = "read" if prompted(o) else "silent"
    walked = o.inversion.walk_cost(o.steps, further=int(mixed(o)), source=source, scale=o.guidance)
    return o.inversion.cost_at(o.inversion_steps or o.steps, o.guidance) + walked


CARD = Card(
    name="pnp",
    idea="Draw with the new prompt over the picture's features and self-attention, which hold its layout.",
    papers=(
        Paper(
            "tumanyan2023plug",
            "Tumanyan, Narek and Geyer, Michal and Bagon, Shai and Dekel, Tali",
            "Plug-and-Play Diffusion Features for Text-Driven Image-to-Image Translation",
            "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
            2023,
            "2211.12572",
            "https://github.com/MichalGeyer/pnp-diffusers",
            "MIT",
        ),
    ),
    needs=frozenset({Need.IMAGE, Need.TARGET}),
    optional=frozenset({Need.SOURCE}),
    families={"sd1": {}, "sd2": {}, "sdxl": {"layer": 1}},
    cost=cost,
    law=Law.NONE,
    official=Cost.of(2148),  # 999 to the noise, as many back for a look, and calls of three
    published="PIE-Bench with SD 1.5, 50 steps both ways, encode source, over direct inversion "
    "(arXiv:2310.01506, table 1): structure distance 0.02429; outside the edit PSNR 22.46, LPIPS 0.10606, "
    "SSIM 0.7968; CLIP 25.41, in it 22.62; over DDIM inversion 0.02822; 22.28, 0.11346, 0.7905; 25.41, 22.55",
    trial={"layer": 1, "negative": "a red cat"},
    shipped="As published: of 250 cases 148 come off, and 147 with `layer` 1, which lets more change in the "
    "thing and around it ([measured](../p2p-defaults.md#plug-and-play-and-masactrl))",
)


class PlugAndPlay(Method):
    """Both rows of the target take a residual block's features, and queries and keys, from the picture's row.

    For changes of what a thing is, of material and style, in the layout as it is. The picture's row is told
    nothing, also where its noise was found under the source prompt, if it is put back on its way at each step
    (`direct`); left to itself (`ddim`) it needs that prompt to find home. A picture that was generated here
    is walked with its own.
    """

    card: ClassVar[Card] = CARD
    only_with: ClassVar[Mapping[str, str]] = {"fade": "negative"}
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    inversion: AnyInversion = Field(default=Direct(), description="how the picture becomes noise")
    inversion_steps: int | None = Field(
        default=None, ge=1, le=1000, description="more steps for that than back; the authors take 999"
    )
    encode: Literal["auto", "source", "nothing"] = Field(
        default="auto", description="the prompt it does so under: nothing, but that of a generated picture"
    )
    features: Span = Field(default=0.8, description="share of the steps with the picture's features")
    self_replace: Span = Field(default=0.5, description="share of the steps with its queries and keys")
    layer: int = Field(
        default=4, ge=0, le=100, description="layer of the decoder: features in it, maps from it on"
    )
    negative: str = Field(default="", description="what the picture should not look like")
    fade: Fade = Field(default=Fade(), description="how that is mixed with the empty prompt; not at all")
    tuned: Tuned = "auto"

    def check(self, model: Model, task: Task) -> None:
        """There must be such a layer, the prompts, and levels that both ways visit."""
        check(self, model, task)

    def __call__(self, model: Model, task: Task) -> Latent:
        """Invert, then walk the target over what the source shows."""
        path, texts = model.path(self.steps), (walked_with(self, task), task.target, task.null)
        finer, noise = finer_path(self, model), task.noise
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, noise, finer=finer)
        walk = walk.untold(task.null).guided(lambda guide: away(self, task, guide))
        return walk.run(model, *controls(self))["tgt"]


def controls(o: PlugAndPlay) -> list[Control]:
    """Queries and keys, and features, of all that the target is told."""
    rows = frozenset({"tgt+"}) if o.inversion.one_row_at(o.guidance) else ROWS
    rows |= {"tgt" + NEGATIVE} if mixed(o) else frozenset()
    return [
        SelfReplace(o.self_replace, ANY, targets=rows, layer=o.layer),
        FeatureReplace(o.features, o.layer, rows),
    ]


def prompted(o: PlugAndPlay) -> bool:
    """Whether the noise is found under the source prompt."""
    return isinstance(o.inversion, Recorded) if o.encode == "auto" else o.encode == "source"


def walked_with(o: PlugAndPlay, task: Task) -> Text:
    """That prompt, or the empty one."""
    return task.source if prompted(o) else task.null


def away(o: PlugAndPlay, task: Task, guide: Guide) -> Guide:
    """The target's guide, leading away from the negative prompt where there is one, wholly or in part."""
    if not o.negative.split():
        return guide
    negative = task.text(o.negative)
    return Faded(guide, negative, o.guidance, o.fade) if mixed(o) else CFG(task.target, negative, o.guidance)


def mixed(o: PlugAndPlay) -> bool:
    """Whether the target is told the empty prompt beside the negative one."""
    return bool(o.negative.split()) and o.fade.alpha > 0


def finer_path(o: PlugAndPlay, model: Model) -> Path | None:
    """The levels of the way to noise, where they are others."""
    return None if o.inversion_steps in (None, o.steps) else model.path(o.inversion_steps)


def check(o: PlugAndPlay, model: Model, task: Task) -> None:
    """Refuse what cannot act.

    Raises:
        UsageError: there is no such layer, no source prompt where one is needed, an overlong negative prompt,
            or a way to noise that does not visit the levels of the way back.
    """
    last = max((s.layer for s in model.tap.sites if s.place == "up" and s.kind == "self"), default=-1)
    if o.layer > last:
        raise UsageError(f"The decoder of this model attends up to its layer {last}; set layer no higher.")
    finer = finer_path(o, model)
    if finer is not None:
        check_finer(o, finer, model.path(o.steps))
    walked_with(o, task)
    away(o, task, CFG(task.target, task.null))


def check_finer(o: PlugAndPlay, finer: Path, path: Path) -> None:
    """Refuse a way to noise that cannot be walked back in other steps.

    Raises:
        UsageError: it misses a level, or the inversion stores more than latents.
    """
    moved = isinstance(o.inversion, Direct) and o.inversion.form == "offset"
    if moved or not isinstance(o.inversion, DDIM | Direct | NegativePrompt):
        raise UsageError(
            f"The inversion {o.inversion.called!r} belongs to its own steps; leave inversion_steps out, "
            "or take ddim, direct that overwrites, or negative-prompt."
        )
    missed = {int(t) for t in path.t} - {int(t) for t in finer.t}
    if missed:
        raise UsageError(
            f"An inversion in {o.inversion_steps} steps does not visit level {min(missed)} of the way back "
            f"in {o.steps}; take 999, or leave inversion_steps out."
        )

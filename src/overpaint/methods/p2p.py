"""Prompt-to-Prompt: two prompts walk side by side, and the new one looks where the old one looks."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from overpaint.attention import Control
from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.controls import CrossReplace, Keep, SelfReplace, near_side
from overpaint.controls.given import FactorByWord, Share, Span, SpanByWord, blend_of, both_places, concerned
from overpaint.controls.replace import check_held, in_frame, opened
from overpaint.errors import UsageError
from overpaint.inversions import AnyInversion, Direct
from overpaint.inversions.base import CONDITIONAL
from overpaint.masks import LocalBlend
from overpaint.masks.disagreement import Asking, DisagreementBlend, Threshold, asking_cost, further_cost
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance, Tuned
from overpaint.outcome import Outcome, one_or_all
from overpaint.path import Latent
from overpaint.sample import compose
from overpaint.task import Task
from overpaint.words import Alignment, Words, copy, refine, swap, weights, windows

SOURCE_ROWS = frozenset({"src-", "src+"})
MANY = 1000
"""So many steps that a window which is open at none of them is none."""
Kind = Literal["auto", "swap", "refine", "copy"]


def scale_of(o: "PromptToPrompt") -> float | None:
    """The guidance, unless rows without a prompt are held as well: they are then asked for at any."""
    return None if o.unconditional_replace else o.guidance


CARD = Card(
    name="p2p",
    idea="The new prompt looks where the old one looks, so that only what the words change changes.",
    papers=(
        Paper(
            "hertz2023prompt",
            "Hertz, Amir and Mokady, Ron and Tenenbaum, Jay and Aberman, Kfir and Pritch, Yael "
            "and Cohen-Or, Daniel",
            "Prompt-to-Prompt Image Editing with Cross Attention Control",
            "International Conference on Learning Representations",
            2023,
            "2208.01626",
            "https://github.com/google/prompt-to-prompt",
            "Apache-2.0",
        ),
    ),
    needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=lambda o: (
        o.inversion.cost_at(o.steps, o.guidance)
        + o.inversion.walk_cost(
            o.steps, source="both" if o.unconditional_replace else "read", scale=scale_of(o)
        )
        + (asking_cost(o.steps) if o.blend_disagreement else Cost())
    ),
    further=lambda o: (
        o.inversion.target_cost(o.steps, scale_of(o))
        + (further_cost(o.steps) if o.blend_disagreement else Cost())
    ),
    law=Law.AS_INVERSION,
    finds_mask=lambda o: bool(o.blend),
    official=Cost.of(450),
    published="PIE-Bench with SD 1.4, 50 steps, direct inversion (arXiv:2310.01506, table 1): structure "
    "distance 0.01165; outside the edit PSNR 27.22, LPIPS 0.05455, SSIM 0.8476; CLIP 25.02, in it 22.10",
    shipped="Windows, blend and inversion by what the prompts ask for ([measured](../p2p-defaults.md)): "
    "success 0.74 for 0.59",
)
BLENDING: Mapping[str, str] = {
    **dict.fromkeys(("blend_threshold", "blend_version", "blend_start"), "blend"),
    "blend_subtract_threshold": "blend_subtract",
}
"""What acts only where words are blended."""


class PromptToPrompt(Method):
    """Swap, add or re-weight words of a prompt while the target follows the source's attention maps.

    What is added, grows or turns over asks for narrower windows. Same prompt twice: the target is the
    walked-back source, or, beside one that is pinned (`Direct`), a guided walk that sees its maps.
    """

    card: ClassVar[Card] = CARD
    only_with: ClassVar[Mapping[str, str]] = BLENDING
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    inversion: AnyInversion = Field(default=Direct(), description="how the picture becomes noise")
    kind: Kind = Field(default="auto", description="swap words, add some, or copy")
    cross_replace: Span = Field(default=0.8, description="share of the steps with the source's word maps")
    self_replace: Span = Field(default=0.4, description="share of the steps with the source's layout")
    unconditional_replace: Span = Field(default=0.0, description="the same in rows without a prompt (P2Plus)")
    word_windows: SpanByWord = Field(default={}, description="cross_replace for single words of the target")
    reweight: FactorByWord = Field(default={}, description="how much words of the target count (-20 to 20)")
    blend: str = Field(default="", description="words whose place alone may change: cat=>dog")
    blend_subtract: str = Field(default="", description="words whose place must not change: bench")
    blend_threshold: Share = Field(default=0.3, description="share of the peak that counts as place")
    blend_subtract_threshold: Share | None = Field(default=None, description="the same for blend_subtract")
    blend_disagreement: Threshold = 0.0
    blend_version: int = Field(default=2, ge=1, le=2, description="from the start (1), or after a fifth (2)")
    blend_start: Share | None = Field(default=None, description="share of the steps before; else by version")
    self_limit: int = Field(default=32, ge=1, le=1024, description="largest side of a map of the layout")
    official: bool = Field(default=False, description="align tokens of a swap as the published code does")
    tuned: Tuned = "auto"

    def check(self, model: Model, task: Task) -> None:
        """Every word that is named must be in its prompt, and the prompts must suit the kind of edit."""
        parts(self, model, task)

    def __call__(self, model: Model, task: Task) -> Latent | Outcome:
        """Invert, then walk all prompts with the targets' attention replaced."""
        (controls, blends), agreed = parts(self, model, task), agreement(self, model, task)
        texts, path, also = (task.source, task.target, task.null), model.path(self.steps), task.further
        reads = CONDITIONAL.union(*(c.reads & SOURCE_ROWS for c in controls))
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise, reads, also=also)
        return one_or_all(walk.run(model, *controls, after=compose(*blends, agreed)), list(task.targets))


def parts(o: PromptToPrompt, model: Model, task: Task) -> tuple[list[Control], list[LocalBlend]]:
    """The controls of an edit, and a blend for each target if there is to be one.

    Raises:
        UsageError: a word is not in its prompt or would do nothing, or the prompts do not suit the edit.
    """
    names, source = tuple(task.targets), task.source.prompt
    if task.further:
        o.inversion.check_several()
    controls: list[Control] = [crossed(concerning(o, task, name), source, task, name) for name in names]
    limit = in_frame(o.self_limit, model.family.side / model.family.factor, *task.shape[-2:])
    if any(opened(window, o.steps) for window in (o.self_replace, o.unconditional_replace)):
        check_held(model.tap.sites, limit, *task.shape[-2:])
    controls.append(SelfReplace(o.self_replace, limit, targets=rows(names, "+")))
    if o.unconditional_replace:
        controls.append(SelfReplace(o.unconditional_replace, limit, "src-", rows(names, "-")))
    if o.blend_subtract and not (o.blend and o.blend_version == 2):
        raise UsageError(
            "Words can be subtracted from a blend of version 2 only; give blend words, or subtract none."
        )
    if not o.blend:
        return controls, []
    keep = Keep(near_side(model.tap.sites, *task.shape[-2:]), frozenset({"src+"}) | rows(names, "+"))
    usual = 0.2 if o.blend_version == 2 else 0.0
    start = begun(o, usual if o.blend_start is None else o.blend_start)
    other = o.blend_subtract_threshold
    blends = list[LocalBlend]()
    for name, text in task.targets.items():
        own = concerning(o, task, name)
        words, subtract = (both_places(w, source, text.prompt, name) for w in (own.blend, own.blend_subtract))
        how = o.blend_threshold, start, model.meter, other
        blends.append(LocalBlend(keep, words, subtract, *how, target=name))
    return [*controls, keep], blends


def begun(o: PromptToPrompt, share: float) -> int:
    """The first step that blends.

    Raises:
        UsageError: it is behind the last one that is walked.
    """
    start, walked = int(o.steps * share), o.inversion.walked(o.steps)
    if 0 < walked <= start:
        raise UsageError(
            f"The blend would begin at step {start}, but only {walked} are walked, so its words would do "
            "nothing; give a smaller blend_start."
        )
    return start


def rows(names: Iterable[str], sign: str) -> frozenset[str]:
    """The rows of these branches with one sign."""
    return frozenset(name + sign for name in names)


def crossed(o: PromptToPrompt, source: Words, task: Task, name: str) -> CrossReplace:
    """What makes one target look where the source looks.

    Raises:
        UsageError: a word is not in its prompt, or is re-weighted though it never follows the source.
    """
    target = task.targets[name].prompt
    ever = windows(target, MANY, o.cross_replace, o.word_windows).any(0)
    for word, factor in o.reweight.items():
        if factor != 1 and not ever[list(target.places(word))].any():
            raise UsageError(
                f"The word {word!r} is re-weighted while it follows the source, which it never does here; "
                f"give a larger cross_replace, or word_windows {word}=0.8."
            )
    table = windows(target, o.steps, o.cross_replace, o.word_windows)
    factors = weights(target, o.reweight)
    return CrossReplace(align(o, source, target), table, factors, targets=rows([name], "+"))


def concerning(o: PromptToPrompt, task: Task, name: str) -> PromptToPrompt:
    """The options as they are for one of several targets: of the words that are named its own.

    Raises:
        UsageError: a blend names no word of it.
    """
    targets = {branch: text.prompt for branch, text in task.targets.items()}
    target = targets.pop(name)
    others = list(targets.values())
    if not others:
        return o
    return o.changed(
        word_windows={w: o.word_windows[w] for w in concerned(o.word_windows, target, others)},
        reweight={w: o.reweight[w] for w in concerned(o.reweight, target, others)},
        blend=blend_of(o.blend, target, others),
        blend_subtract=blend_of(o.blend_subtract, target, others),
    )


def agreement(o: PromptToPrompt, model: Model, task: Task) -> DisagreementBlend | None:
    """What keeps the places about which both prompts say the same, if that is wanted."""
    if not o.blend_disagreement:
        return None
    askings = dict[str, Asking]()
    for name, text in task.targets.items():
        own = concerning(o, task, name).reweight
        factors = weights(text.prompt, own) if own else None
        askings[name] = Asking(task.x0, task.source, text, task.noise, factors)
    return DisagreementBlend.of(model, model.path(o.steps), askings, o.blend_disagreement)


def align(o: PromptToPrompt, source: Words, target: Words) -> Alignment:
    """The alignment of the chosen kind; by itself, a swap where both prompts have as many words."""
    auto = "swap" if len(source.words) == len(target.words) else "refine"
    match auto if o.kind == "auto" else o.kind:
        case "swap":
            return swap(source, target, o.official)
        case "refine":
            return refine(source, target)
        case "copy":
            return copy(source, target)

"""StyleDiffusion: Prompt-to-Prompt over tuned values, the layout held in rows without a prompt as well."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need
from overpaint.controls.given import FactorByWord, Share, Span
from overpaint.inversions import Style
from overpaint.inversions.style import STYLE_PAPER
from overpaint.method import Method
from overpaint.methods.p2p import Kind, PromptToPrompt, scale_of
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.task import Task

CARD = Card(
    name="style-diffusion",
    idea="Tune what the words bring until they give the picture back, then edit as Prompt-to-Prompt does.",
    papers=(STYLE_PAPER, *PromptToPrompt.card.papers),
    needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=lambda o: o.editor.card.cost(o.editor),
    further=lambda o: o.inversion.target_cost(o.steps, scale_of(o.editor)),
    law=Law.NONE,
    finds_mask=lambda o: bool(o.blend),
    random=True,
    official=Cost((300, 1285), (30, 1015)),
    published="PIE-Bench with SD 1.4, 50 steps, windows of values 0.5, cross 0.6, self 0.6, unconditional 0 "
    "(arXiv:2310.01506, table 1): structure distance 0.01165; outside the edit PSNR 26.05, LPIPS 0.0661, "
    "SSIM 0.8342; CLIP 24.78, in it 21.72",
    trial={"inversion": {"name": "style", "inner": 2}},
    shipped="As published: seven of ten fresh cases come off, and with narrower windows (0.4, 0.6, 0.2; "
    "0.6, 0.6, 0; 0.4, 0.4, 0.2) seven, seven and eight",
)


class StyleDiffusion(Method):
    """Tune the values of attention at every step; then the target looks where the source looks.

    For swaps that keep the pose; slow, and shapes stay near the source's. P2Plus is the last window: in the
    rows without a prompt the target's layout is the source's as well. The defaults are those of the published
    script; its authors recommend windows of 0.5, 0.6, 0.6 and 0, and to open the last one where shapes change
    much. The networks of the steps begin with random weights.
    """

    card: ClassVar[Card] = CARD
    only_with: ClassVar[Mapping[str, str]] = {"blend_threshold": "blend"}
    steps: int = Field(default=30, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    inversion: Style = Field(default=Style(), description="how the values are tuned and used")
    kind: Kind = Field(default="auto", description="swap words, add some, or copy")
    cross_replace: Span = Field(default=0.6, description="share of the steps with the source's word maps")
    self_replace: Span = Field(default=0.8, description="share of the steps with the source's layout")
    unconditional_replace: Span = Field(
        default=0.5, description="share of the steps with its layout in the rows without a prompt"
    )
    reweight: FactorByWord = Field(default={}, description="how much words of the target count (-20 to 20)")
    blend: str = Field(default="", description="words whose place alone may change: cat=>dog")
    blend_threshold: Share = Field(default=0.3, description="share of the peak that counts as place")
    official: bool = Field(default=False, description="align tokens of a swap as the published code does")

    @property
    def editor(self) -> PromptToPrompt:
        """What walks over the tuned values."""
        return PromptToPrompt.model_validate({name: getattr(self, name) for name in type(self).model_fields})

    def check(self, model: Model, task: Task) -> None:
        """What Prompt-to-Prompt refuses."""
        self.editor.check(model, task)

    def __call__(self, model: Model, task: Task) -> Latent | Outcome:
        """Tune, then walk both prompts with the target's attention replaced."""
        return self.editor(model, task)

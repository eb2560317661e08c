"""Negative-prompt inversion: the source prompt stands in for the empty one, and nothing has to be tuned."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import normalize

from overpaint.card import Cost, Paper
from overpaint.errors import UsageError
from overpaint.guides import CFG, Plain
from overpaint.guides.proximal import Proximal, Pull
from overpaint.inversions.base import CONDITIONAL, Inversion, empty, told
from overpaint.inversions.ddim import DDIM_PAPER, inverted
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path

NEGATIVE_PROMPT_PAPER = Paper(
    "miyake2023negative",
    "Miyake, Daiki and Iohara, Akihiro and Saito, Yu and Tanaka, Toshiyuki",
    "Negative-prompt Inversion: Fast Image Inversion for Editing with Text-guided Diffusion Models",
    "arXiv preprint",
    2023,
    "2305.16807",
)
PROXIMAL_PAPER = Paper(
    "han2024proxedit",
    "Han, Ligong and Wen, Song and Chen, Qi and Zhang, Zhixing and Song, Kunpeng and others",
    "ProxEdit: Improving Tuning-Free Real Image Editing with Proximal Guidance",
    "IEEE/CVF Winter Conference on Applications of Computer Vision",
    2024,
    "2306.05414",
    "https://github.com/phymhan/prompt-to-prompt",
    "Apache-2.0",
)


def slerp(a: Float[Tensor, "1 *rest"], b: Float[Tensor, "1 *rest"], share: float) -> Float[Tensor, "1 *rest"]:
    """From ``a`` to ``b`` along the arc between their directions, each taken as one long vector."""
    angle = torch.acos((normalize(a.flatten(1)) * normalize(b.flatten(1))).sum().clamp(-1, 1))
    if float(angle) < 1e-4:
        return torch.lerp(a, b, share)
    return (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(angle)


class NegativePrompt(Inversion):
    """DDIM inversion, then the source prompt in the place of the empty one (arXiv:2305.16807).

    Guidance then leads from the source prompt to the target's, and away from nothing: the source finds home
    as it would without guidance, whatever the scale. With ``proximal`` the target is guided only where the
    two prompts clearly disagree (arXiv:2306.05414), and may be held to the source elsewhere.
    """

    only_with: ClassVar[Mapping[str, str]] = dict.fromkeys(("quantile", "threshold", "dilate"), "proximal")
    name: Literal["negative-prompt"] = Field(
        default="negative-prompt", description="the source prompt in the place of the empty one"
    )
    interp: float = Field(
        default=0.0, ge=0, le=1, description="share of the way back from the source prompt to the empty one"
    )
    proximal: Literal["none", "l0", "l1-official"] = Field(
        default="none",
        description="guide only where the prompts clearly disagree: l0 is the soft threshold that the "
        "published code calls so, l1-official its l1 with the slip that is in it",
    )
    quantile: float = Field(
        default=0.7, ge=0, le=1, description="share of the differences below the threshold"
    )
    threshold: float | None = Field(
        default=None, ge=0, le=100, description="a threshold of that size in place of the quantile"
    )
    dilate: int = Field(
        default=1, ge=0, le=64, description="cells by which the edited part is grown, for the two below"
    )
    reconstruction_guidance: float = Field(
        default=0.0, ge=0, le=1, description="pull towards the picture outside the edited part, at each step"
    )
    inversion_guidance: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="pull towards the inversion outside the edited part, at each step",
    )
    below: int = Field(
        default=400, ge=0, le=1000, description="noise level (of 1000) below which the two pulls act"
    )
    above: int = Field(default=-1, ge=-1, le=1000, description="noise level above which the two pulls act")

    @model_validator(mode="after")
    def _check(self) -> "NegativePrompt":
        pulls = self.reconstruction_guidance or self.inversion_guidance
        if pulls and self.proximal == "none":
            raise UsageError(
                "Reconstruction and inversion guidance act beside what a threshold finds; choose proximal l0."
            )
        if pulls and self.below - self.above < 2:
            raise UsageError(
                f"No noise level lies below {self.below} and above {self.above}, so that reconstruction and "
                "inversion guidance would never act; give a larger below, or a smaller above."
            )
        return self

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, proximal guidance if it is used, and the sampler under it."""
        proximal = () if self.proximal == "none" else (PROXIMAL_PAPER,)
        return NEGATIVE_PROMPT_PAPER, *proximal, DDIM_PAPER

    @property
    def guided(self) -> bool:
        """Only an interpolation looks at the empty text."""
        return self.interp > 0

    def cost(self, steps: int) -> Cost:
        """One row a step."""
        return Cost.of(steps)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert; the text to use in place of the empty one goes with the trajectory."""
        null = told(guide)
        if self.interp:
            null = self._between(told(guide), empty(guide))
        return Trajectory(path.t, inverted(model, path, x0, told(guide)), null.states, null.pooled)

    def _between(self, text: Text, null: Text) -> Text:
        states = slerp(text.states, null.for_layers(text.layers).states, self.interp)
        if text.pooled is None or null.pooled is None:
            return Text(states, layers=text.layers)
        return Text(states, slerp(text.pooled, null.pooled, self.interp), layers=text.layers)

    def guide(self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float) -> Guide:
        """The target, guided away from the source prompt."""
        return self._guide(path, traj, text, traj.null(null), scale)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """Guided from the source prompt to itself: one row tells all, unless somebody reads the other."""
        if self.interp or not reads <= CONDITIONAL:
            return self.guide(path, traj, text, null, scale)
        return self._guide(path, traj, text, None, scale)

    def _guide(
        self, path: Path, traj: Trajectory, text: Text, null: Text | Sequence[Text] | None, scale: float
    ) -> Guide:
        if self.proximal == "none":
            return Plain(text) if null is None else CFG(text, null, scale)
        pulls = self.reconstruction_guidance, self.inversion_guidance
        pull = Pull(traj.latents, *pulls, self.below, self.above) if any(pulls) else None
        limit = self.quantile, self.threshold
        return Proximal(text, null, scale, *limit, self.proximal, self.dilate, pull)

    @property
    def beside_one(self) -> str:
        """A quantile of the source's own guidance is taken together with that of the target beside it."""
        if self.proximal == "none" or not self.interp or self.threshold is not None:
            return ""
        return (
            "With interp and proximal guidance the source's way home depends on the target beside it; edit "
            "once for each target, leave interp at 0, or give a threshold in place of the quantile."
        )

    def one_row_at(self, scale: float | None) -> bool:
        """Proximal guidance has its threshold at every scale."""
        return scale == 1 and self.proximal == "none"

    @property
    def source_rows(self) -> int:
        """One, as both rows of the source would be the same; two where they are not."""
        return 2 if self.interp else 1

    @property
    def silent_rows(self) -> int:
        """The same, whatever the text is."""
        return self.source_rows

"""StyleDiffusion: what words bring is tuned at every step, where they are looked at stays as it is."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from overpaint.attention import Control
from overpaint.card import Cost, Paper
from overpaint.controls import Latest, ScaledValues, near_side
from overpaint.files.store import Draft, NoDraft
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, told
from overpaint.inversions.ddim import DDIM_PAPER
from overpaint.inversions.trajectory import Trajectory
from overpaint.inversions.tuning import Course, Pace, Row, Step, Values, level_latents
from overpaint.model import Guide, Line, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path
from overpaint.tune.mapping import ValueMapping, as_wide, patches

STYLE_PAPER = Paper(
    "li2023stylediffusion",
    "Li, Senmao and van de Weijer, Joost and Hu, Taihang and Khan, Fahad Shahbaz and Hou, Qibin "
    "and Wang, Yaxing and Yang, Jian",
    "StyleDiffusion: Prompt-Embedding Inversion for Text-Based Editing",
    "arXiv preprint",
    2023,
    "2303.15649",
    "https://github.com/sen-mao/StyleDiffusion",
    "none stated",
)
SCALE, SHIFT = "scale", "shift"


class Style(Inversion):
    """Tune what the words of the prompt bring, so that guided sampling meets the inversion.

    Cross-attention takes its keys from the prompt ``c`` and its values from ``a c + b``. Scale and shift of a
    step come of a small network that sees the picture. It is tuned until the guided step meets the next
    latent of the inversion, and attention looks where it looked during the inversion; the network of the next
    step sets out from it (arXiv:2303.15649, in the form of the published code; in the paper the network's
    output takes the place of the prompt). The target's words are scaled and shifted alike for a ``values``
    share of the steps.

    The network sees the tokens of the model's CLIP, as published; a model without a CLIP beside it shows it
    the latent in patches instead. The picture that CLIP is shown is the one the autoencoder gives back.
    """

    name: Literal["style"] = Field(default="style", description="tune what words bring, at every step")
    values: float = Field(
        default=0.6, ge=0, le=1, description="share of the steps with tuned values in the target too"
    )
    picture: Literal["auto", "clip", "latent"] = Field(
        default="auto",
        description="what the network sees: the picture by CLIP, its latent, or CLIP if there is one",
    )
    hold: bool = Field(default=True, description="hold the word maps at those of the inversion")
    inner: int = Field(default=100, ge=0, le=1000, description="updates of the first step, at most")
    decay: float = Field(default=0.1, ge=0, le=10, description="how fast updates get fewer from step to step")
    lr: float = Field(
        default=1e-2, gt=0, le=1, description="learning rate of the first step; it halves on the way"
    )
    stop: float = Field(default=1e-5, ge=0, le=1, description="loss below which the first step stops early")
    relax: float = Field(
        default=2e-5, ge=0, le=1, description="what is added to that loss at each further step"
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return STYLE_PAPER, DDIM_PAPER

    @property
    def guided(self) -> bool:
        """What is tuned belongs to one guidance."""
        return True

    @property
    def random(self) -> bool:
        """The network begins with random weights."""
        return True

    @property
    def looks(self) -> bool:
        """At the picture, unless it is shown the latent."""
        return self.picture != "latent"

    @property
    def late(self) -> frozenset[str]:
        """What was tuned serves any share of the target."""
        return frozenset({"values"})

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """A row by itself each time, so that one of them can be tuned."""
        return ("src+",), ("src-",)

    @property
    def silent_rows(self) -> int:
        """Both, as the rows have different values."""
        return 2 if self.inner else 1

    @property
    def pace(self) -> Pace:
        """How hard is tried at each step."""
        return Pace(self.inner, self.lr, self.stop, self.relax, self.decay)

    def check(self, model: Model, steps: int) -> None:
        """What shall be shown to CLIP needs one.

        Raises:
            UsageError: the model has none beside it.
        """
        if self.inner and self.picture == "clip" and model.open_eye is None:
            _ = model.eye

    def cost(self, steps: int) -> Cost:
        """A row a step to invert, one for the maps, two to walk home, and one with a backward pass an update.

        The picture is decoded and shown to CLIP once.
        """
        if not self.inner:
            return Cost.of(steps)
        fixed, updates = steps * (4 if self.hold else 3), (steps, self.pace.total(steps))
        seen = (int(self.picture == "clip"), int(self.looks))
        rows = (fixed + updates[0], fixed + updates[1])
        return Cost(rows, updates, looks=seen, decodes=seen, updates=updates)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert, then tune from the noise end on."""
        return self.resume(model, path, x0, guide, noise, NoDraft())

    def resume(
        self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws, draft: Draft
    ) -> Trajectory:
        """The same, step by step in a draft: Adam is made anew at each, so nothing else has to be kept."""
        text = told(guide)
        if not self.inner:
            return Trajectory(path.t, level_latents(model, path, x0, text, draft))
        seen = as_wide(self.shown(model, x0), text.states.shape[-1])
        mapping = ValueMapping(seen, text.window)
        latents = level_latents(model, path, x0, text, draft)
        names = near_side(model.tap.sites, *x0.shape[-2:])
        latest = Latest(names) if self.hold else None

        def tune(step: Step) -> Row:
            goal = {} if latest is None else recorded(step, latents, Line("+", text), latest)

            def row(flat: Values) -> tuple[Latent, Sequence[Tensor]]:
                scale, shift = mapping(flat)[:, None].expand(-1, len(path), -1, -1)
                own: list[Control] = [ScaledValues(scale, shift, "src+")]
                own += [] if latest is None else [latest]
                with model.control(*own):
                    moved = step.row("+", text)
                return moved, [] if latest is None else [latest.maps[name] - goal[name] for name in goal]

            return row

        course = Course(model, path, latents, guide)
        found = course.tuned("+", tune, self.pace, mapping.begin(noise), draft)
        scale, shift = torch.stack([mapping(flat[None]) for flat in found], 1)
        return Trajectory(path.t, latents, more={SCALE: scale, SHIFT: shift})

    def shown(self, model: Model, x0: Latent) -> Float[Tensor, "seen width"]:
        """What the network sees of the picture.

        Raises:
            UsageError: it shall be what CLIP sees, but the model has none beside it.
        """
        blind = self.picture == "auto" and model.open_eye is None
        return model.tokens(x0)[0] if self.looks and not blind else patches(x0)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """Guided also with an empty source prompt, for the row with tuned values is another one."""
        if SCALE in traj.more:
            return self.guide(path, traj, text, null, scale)
        return super().home(path, traj, text, null, scale, reads)

    def controls(self, path: Path, traj: Trajectory, targets: Sequence[str] = ("tgt",)) -> Sequence[Control]:
        """What was tuned, for the source at every step and for the targets as long as it shall."""
        if SCALE not in traj.more:
            return ()
        both = traj.more[SCALE], traj.more[SHIFT]
        return ScaledValues(*both, "src+"), *(ScaledValues(*both, f"{t}+", self.values) for t in targets)


def recorded(step: Step, latents: Tensor, line: Line, latest: Latest) -> dict[str, Tensor]:
    """The word maps of the inversion at the latent where a step begins: the network was told the step before.

    At the first step, whose latent the inversion never showed the network, it is those of the second.
    """
    k = max(step.i, 1)
    with step.model.control(latest):
        step.model.rows(latents[k : k + 1], k - 1, step.path, ["src+"], [line], level=k)
    return {name: maps.detach() for name, maps in latest.maps.items()}

"""Cross-attention guidance: ahead of each step the target's latent moves so that its words look where the
source's do.

Parmar et al., "Zero-shot Image-to-Image Translation", SIGGRAPH 2023, arXiv:2302.03027, section 3.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.attention import Control
from overpaint.controls.reference import MapDistance, ReferenceMaps
from overpaint.errors import NotFinite
from overpaint.finite import finite, stopped
from overpaint.model import Branch, Call, Line, Model
from overpaint.path import Latent, Path, Prediction
from overpaint.sample import Ask, Latents, Solver


@dataclass(frozen=True, eq=False)
class Led:
    """A solver around another one: the source is asked first, then the target from where its maps lead it.

    Every row of the target starts from a copy of its latent, and each copy goes down the gradient of the
    distance between the word maps (`MapDistance`), once, by ``amount``. The network is then asked again about
    the moved copies. As in the published code the walk goes on from the copy of the row without the prompt,
    and that of the other row has a say through its prediction alone.
    """

    model: Model
    branches: Sequence[Branch]
    """The source and the target."""
    inner: Solver
    """How a step is taken once the prediction is there."""
    amount: float
    maps: MapDistance = field(default_factory=lambda: MapDistance(ReferenceMaps()))

    @property
    def controls(self) -> tuple[Control, ...]:
        """What must be on during the walk."""
        return self.maps.reference, self.maps

    def __call__(self, ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
        """One step of both."""
        return self.inner(partial(self._asked, path, i), path, i, xs)

    def _asked(self, path: Path, i: int, xs: Latents) -> dict[str, Prediction]:
        source, target = self.branches
        found = self.model.predict({source.name: xs[source.name]}, i, path, [source])
        return {**found, target.name: self._led(target, xs[target.name], path, i)}

    def _led(self, target: Branch, x: Latent, path: Path, i: int) -> Prediction:
        """The target's prediction from the moved copies, as a belief about the one that walks on.

        Raises:
            NotFinite: values that are not numbers.
        """
        lines = target.guide.lines(i)
        roles = [target.name + line.sign for line in lines]
        moved = self._moved(x, path, i, roles, lines)
        p = self.model.rows(moved, i, path, roles, lines)
        walks = next((k for k, line in enumerate(lines) if line.sign == "-"), 0)
        x = moved[walks : walks + 1]
        rows = {role: path.reread(p.row(k), x - moved[k : k + 1], i) for k, role in enumerate(roles)}
        own = {line.sign: rows[role] for line, role in zip(lines, roles, strict=True)}
        made = target.guide.combine(own, Call(i, path, i, x, rows, self.model.meter))
        if not finite([made.x0, made.eps]):
            raise stopped([moved], [p.eps], self.model.dtype, i, len(path))
        return made

    def _moved(
        self, x: Latent, path: Path, i: int, roles: Sequence[str], lines: Sequence[Line]
    ) -> Float[Tensor, "copies c h w"]:
        with torch.enable_grad(), self.maps.measured():
            copies = torch.cat([x.detach()] * len(lines)).requires_grad_()
            self.model.rows(copies, i, path, roles, lines)
            self.model.meter.tick("backward")
            distance = self.maps.distance
            (grad,) = torch.autograd.grad(distance, copies)
        self.model.meter.note("map distance", float(distance.detach()))
        if not finite([grad]):
            raise NotFinite(
                f"The pull towards the source's word maps stopped being numbers at step {i + 1} of "
                f"{len(path)}; lower the attention guidance, or choose the type bfloat16 or float32."
            )
        return copies.detach() - self.amount * grad

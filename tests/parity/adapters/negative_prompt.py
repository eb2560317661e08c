"""Negative-prompt inversion and its proximal guide: the text for the empty one, both rows step by step."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from overpaint.inversions import NegativePrompt, Trajectory
from overpaint.noise import Noise
from tests.parity.adapters.editing import Editing
from tests.parity.figures import Row
from tests.parity.settings import Settings
from tests.parity.walking import Known, known

PROX = {None: "none", "none": "none", "l0": "l0", "l1": "l1-official"}


def proximal(s: Settings) -> dict[str, Any]:
    """The guide's options; without a threshold the others of the published code do nothing."""
    how, quantile, rate = s.one_of("prox", PROX, None), s.number("quantile", 0.7), s.number("recon_lr", 0.1)
    level, dilate = s.count("recon_t", 400), s.count("dilate_mask", 1)
    picture, stored = s.flag("reconstruction_guidance", False), s.flag("inversion_guidance", False)
    if how == "none":
        return {}
    return {
        "proximal": how,
        # Of a quantile that is not positive the published code makes a fixed threshold.
        **({"quantile": quantile} if quantile > 0 else {"threshold": -quantile}),
        "dilate": dilate,
        "reconstruction_guidance": rate if picture else 0.0,
        "inversion_guidance": rate if stored else 0.0,
        # A negative level is one above which the pulls act.
        **({"below": level} if level >= 0 else {"above": -level, "below": 1000}),
    }


class NegativePromptFile(Editing):
    """``negative_prompt_inversion``"""

    method = "negative_prompt_inversion"

    def read(self) -> None:
        """The share of the empty text, the proximal guide."""
        s = self.settings
        options = {"interp": s.number("npi_interp", 0.0), **proximal(s)}
        self.negative = NegativePrompt.model_validate(options)
        self.read_edit(self.negative)

    def ends(self) -> Iterator[Row]:
        """Around the first and the last kept step, the inversion taken from the file."""
        golden, steps = self.golden, self.steps
        if "trajectory" in golden:
            latents = known(golden, self.path)
        else:
            latents = known_ends(golden["x0"], golden["inverted"], steps)
        nulls = self.negative.run(self.model, self.path.last(0), latents[-1:], self.guide, Noise(0)).nulls
        if "null_embedding" in golden and nulls is not None:
            yield self.compare("null_embedding", nulls)
        self.model.cache = Known(Trajectory(self.path.t, latents, nulls))
        start = latents[:1].expand(2, -1, -1, -1)
        yield from self.edit_ends(latents[-1:], self.walk(latents[-1:]), start)

    def whole(self) -> Iterator[Row]:
        """Everything."""
        golden = self.golden
        yield from self.levels(self.path)
        x0 = golden["x0"] if "x0" in golden else golden.entry("trajectory", 0)
        traj = self.negative.run(self.model, self.path, x0, self.guide, Noise(0))
        if "inverted" in golden:
            yield self.compare("inverted", traj.start)
        if "trajectory" in golden:
            yield self.series("trajectory", dict(enumerate(traj.latents.flip(0))))
        if "null_embedding" in golden and traj.nulls is not None:
            yield self.compare("null_embedding", traj.nulls)
        self.model.cache = Known(traj)
        yield from self.compare_edit(self.edited(x0, self.walk(x0)))


def known_ends(x0: Tensor, inverted: Tensor, steps: int) -> Tensor:
    """A trajectory of which both ends are known."""
    latents = x0.new_full((steps + 1, *x0.shape[1:]), float("nan"))
    latents[0], latents[-1] = inverted[0], x0[0]
    return latents

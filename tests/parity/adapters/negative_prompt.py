"""Negative-prompt inversion and its proximal guide: the text for the empty one, both rows step by step."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from overpaint.inversions import NegativePrompt, Trajectory
from overpaint.noise import Noise
from tests.parity.adapters.base import Reach
from tests.parity.adapters.editing import Editing
from tests.parity.figures import Row
from tests.parity.golden import STATE
from tests.parity.settings import Settings
from tests.parity.walking import Known, both, known, stretch

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
    inputs = frozenset({"trajectory", "x0", "inverted", *STATE})

    def read(self) -> None:
        """The share of the empty text, the proximal guide."""
        s = self.settings
        options = {"interp": s.number("npi_interp", 0.0), **proximal(s)}
        self.negative = NegativePrompt.model_validate(options)
        self.read_edit(self.negative)

    def rows(self, reach: Reach) -> int:
        """Where elements may fall on either side, the edit is walked three times, in prices."""
        return super().rows(reach) * (3 if reach == "whole" and self.golden.tolerance.allowed else 1)

    def kept(self) -> Mapping[str, Sequence[int]]:
        """Both ends of the trajectory, and the levels towards which the last stretch is pulled."""
        state = self.golden.state()
        if "trajectory" not in self.golden or state is None:
            return {}
        later = range(state[0] + 1, self.golden.numbers("kept_steps")[-1] + 1)
        return {"trajectory": sorted({0, self.steps, *(self.steps - i - 1 for i in later)})}

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
        """Everything; where elements may fall on either side of a threshold, twice.

        One that does is different from then on, and changes what follows. So a file that allows for such
        elements is walked once in this precision, from each stored state to the next, and once as a whole in
        float64: what then falls on the other side does so by the rounding of the file alone.
        """
        golden = self.golden
        yield from self.levels(self.path)
        x0 = self.given()
        traj = self.negative.run(self.model, self.path, x0, self.guide, Noise(0))
        if "inverted" in golden:
            yield self.compare("inverted", traj.start)
        if "trajectory" in golden:
            yield self.series("trajectory", dict(enumerate(traj.latents.flip(0))))
        if "null_embedding" in golden and traj.nulls is not None:
            yield self.compare("null_embedding", traj.nulls)
        self.model.cache = Known(traj)
        if not golden.tolerance.allowed:
            yield from self.compare_edit(self.edited(x0, self.walk(x0)))
            return
        if self.blend is None and golden.cells("edited_steps") == 1:
            yield from self.stretches(x0)
        wide = Wide(golden)
        wide.model.meter = self.model.meter
        yield from wide.compare_edit(wide.edited(wide.given(), wide.walk(wide.given())))

    def given(self) -> Tensor:
        """The picture's latent."""
        golden = self.golden
        return (golden["x0"] if "x0" in golden else golden.entry("trajectory", 0)).to(self.dtype)

    def stretches(self, x0: Tensor) -> Iterator[Row]:
        """From each kept state to the next, and from the last to the end."""
        if "edited_steps" not in self.golden:
            return
        kept, states = self.golden.numbers("kept_steps"), self.golden["edited_steps"]
        found = dict[int, Tensor]()
        for k, step in enumerate(kept):
            stop = kept[k + 1] if k + 1 < len(kept) else self.steps - 1
            made = list(
                stretch(
                    self.model, self.walk(x0), both(states[k]), range(step + 1, stop + 1), self.parts(x0)[0]
                )
            )
            if made:
                found[k + 1] = made[-1].pair
        yield self.series("edited_steps", found, "edited_steps, from one to the next")
        if len(kept) in found:
            yield self.compare("edited", found[len(kept)], called="edited, from the last kept step")


class Wide(NegativePromptFile):
    """The same in float64."""

    dtype = torch.float64


def known_ends(x0: Tensor, inverted: Tensor, steps: int) -> Tensor:
    """A trajectory of which both ends are known."""
    latents = x0.new_full((steps + 1, *x0.shape[1:]), float("nan"))
    latents[0], latents[-1] = inverted[0], x0[0]
    return latents

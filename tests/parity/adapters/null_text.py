"""Null-text inversion: losses, updates and embeddings of every step, the way back, the edit."""

from collections.abc import Iterator

import torch
from torch import Tensor

from overpaint.inversions import NullText
from overpaint.inversions.ddim import inverted
from overpaint.noise import Noise
from tests.parity.adapters.base import Reach
from tests.parity.adapters.editing import Editing
from tests.parity.figures import Row
from tests.parity.walking import Known, Told, only


class NullTextFile(Editing):
    """``null_text_inversion``"""

    method = "null_text_inversion"
    inputs = frozenset({"x0"})

    def read(self) -> None:
        """How many updates, and when they stop."""
        s = self.settings
        self.tuned = NullText(inner=s.count("num_inner_steps"), stop=s.number("early_stop_epsilon"))
        self.read_edit(self.tuned)

    def rows(self, reach: Reach) -> int:
        """An update counts three: forwards, and backwards at twice the price."""
        a_step = 3 + 3 * self.tuned.inner
        return self.steps * (a_step + 7) if reach == "whole" else self.steps + a_step

    def ends(self) -> Iterator[Row]:
        """Invert, then tune the first step alone."""
        x0 = self.golden["x0"]
        latents = inverted(self.model, self.path, x0, self.source)
        if "inverted" in self.golden:
            yield self.compare("inverted", latents[:1])
        told = Told({"latents": latents[:2]})
        first = only(self.path, 0)
        traj = self.tuned.resume(self.model, first, x0, self.guide, Noise(0), told)
        assert traj.nulls is not None
        yield self.series("losses", {0: self.losses()[0]}, "losses, step 0")
        yield self.series("null_embeddings", {0: traj.nulls[0]}, "null_embeddings, step 0")

    def losses(self) -> Tensor:
        """By step, -1 where it had stopped."""
        notes, table = self.model.meter.notes, torch.full((self.steps, self.tuned.inner), -1.0)
        found = iter(notes.get("loss", []))
        for i, count in enumerate(notes.get("updates", [])):
            for j in range(int(count)):
                table[i, j] = next(found)
        return table

    def whole(self) -> Iterator[Row]:
        """Everything."""
        yield from self.levels(self.path)
        x0 = self.golden["x0"]
        traj = self.tuned.run(self.model, self.path, x0, self.guide, Noise(0))
        if "inverted" in self.golden:
            yield self.compare("inverted", traj.start)
        if "inner_steps" in self.golden:
            yield self.exactly("inner_steps", torch.tensor(self.model.meter.notes["updates"]))
        if "losses" in self.golden:
            yield self.compare("losses", self.losses())
        if "null_embeddings" in self.golden and traj.nulls is not None:
            yield self.series("null_embeddings", dict(enumerate(traj.nulls)))
        self.model.cache = Known(traj)
        if "reconstruction" in self.golden:
            yield self.compare("reconstruction", self.walk(x0).home(self.model)["src"])
        yield from self.compare_edit(self.edited(x0, self.walk(x0)))

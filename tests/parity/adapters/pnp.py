"""Plug-and-Play: the way to noise, and the target over the picture's features, queries and keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from overpaint.guides import CFG
from overpaint.inversions import Direct, Trajectory
from overpaint.inversions.base import Walk
from overpaint.methods.pnp import PlugAndPlay, away, controls
from overpaint.noise import Noise
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import Known, stretch, walked


class PlugAndPlayFile(Adapter):
    """``plug_and_play``"""

    method = "plug_and_play"
    inputs = frozenset({"x0", "source_latents"})
    beside = frozenset({"image"})
    spared = frozenset({"image", "plain", "edited_features_only", "inversion_timesteps"})

    def read(self) -> None:
        """Prompts, steps both ways, windows."""
        s = self.settings
        self.steps = s.count("n_timesteps")
        if s.count("inversion_steps") != self.steps:
            raise s.odd("inversion_steps", s.count("inversion_steps"))
        self.path, self.null = self.path_of(self.steps), self.model.family.null()
        self.inverted, self.target = self.text("inversion_prompt"), self.text("prompt")
        self.options = PlugAndPlay(
            steps=self.steps,
            guidance=s.number("guidance_scale"),
            features=s.number("pnp_f_t"),
            self_replace=s.number("pnp_attn_t"),
            negative=s.text("negative_prompt"),
        )
        for name, share in (
            ("attn_steps", self.options.self_replace),
            ("feature_steps", self.options.features),
        ):
            s.must(name, int(self.steps * float(share if not isinstance(share, tuple) else share[1])))

    def rows(self, reach: Reach) -> int:
        """One a step to invert, three back, thrice."""
        return 9 * self.steps if reach == "whole" else self.steps + 6

    def kept(self) -> Mapping[str, Sequence[int]]:
        """The noise, and where the source is put after the first step."""
        return {"source_latents": (0, 1)}

    def walk(self) -> Walk:
        """As the method sets out, over a known trajectory or one that is found now."""
        o, texts = self.options, (self.inverted, self.target, self.null)
        task = self.task(self.golden["x0"], self.inverted, self.target)
        task = replace(task, encode=self.model.family.text)
        walk = o.inversion.walk(self.model, self.path, task.x0, texts, o.guidance, Noise(0))
        return walk.untold(self.null).guided(lambda guide: away(o, task, guide))

    def edited(self, **options: float) -> list[Tensor]:
        """The target after each step."""
        own = self.options.changed(**options)
        return [one.xs["tgt"] for one in walked(self.model, self.walk(), *controls(own))]

    def trajectory(self) -> Iterator[Row]:
        """Invert, and know it from then on."""
        guide = CFG(self.inverted, self.null)
        traj = Direct().run(self.model, self.path, self.golden["x0"], guide, Noise(0))
        self.model.cache = Known(traj)
        yield self.series("source_latents", dict(enumerate(traj.latents[:-1])))

    def ends(self) -> Iterator[Row]:
        """The trajectory; and the first step, from the stored noise."""
        yield from self.trajectory()
        stored = torch.full((self.steps + 1, *self.golden["x0"].shape[1:]), torch.nan)
        for k, latent in self.golden.entries("source_latents"):
            stored[k] = latent
        self.model.cache = Known(Trajectory(self.path.t, stored, pinned=True))
        walk, kept = self.walk(), self.golden.numbers("kept_steps")
        taken = {
            t.i: t.xs["tgt"][0] for t in stretch(self.model, walk, walk.xs, range(1), controls(self.options))
        }
        yield self.series("edited_steps", {k: taken[step] for k, step in enumerate(kept) if step in taken})

    def whole(self) -> Iterator[Row]:
        """Everything, also without queries and keys, and without either."""
        yield from self.levels(self.path)
        if "inversion_timesteps" in self.golden:
            yield self.exactly("inversion_timesteps", self.path.t)
        yield from self.encoded("x0", 512)
        yield from self.trajectory()
        states = self.edited()
        kept = self.golden.numbers("kept_steps")
        yield self.series("edited_steps", {k: states[step][0] for k, step in enumerate(kept)})
        yield self.compare("edited", states[-1])
        for name, none in (("edited_features_only", {}), ("plain", {"features": 0.0})):
            if name in self.golden:
                yield self.compare(name, self.edited(self_replace=0.0, **none)[-1])

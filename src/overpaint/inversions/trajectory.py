"""Trajectories: what an inversion found, as tensors only, so that it can be stored and used again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from overpaint.errors import OverpaintError
from overpaint.model import Model
from overpaint.network import Text
from overpaint.path import Latent, Path
from overpaint.sample import After, Latents


def wholly(i: int) -> float:
    """All the way, after every step."""
    return 1.0


@dataclass(frozen=True)
class Trajectory:
    """How a picture became noise: ``latents[i]`` is at the level of step ``i``, the last is the picture."""

    t: Int[Tensor, " steps"]
    latents: Float[Tensor, "levels c h w"]
    """One more than there are steps; the noise alone where nothing was inverted."""
    nulls: Float[Tensor, "texts tokens width"] | None = None
    """Texts to use in place of the empty prompt: one a step, or one for all."""
    pooled: Float[Tensor, "1 pooled"] | None = None
    """The pooled text that goes with them, for families that have one."""
    noise: Float[Tensor, "steps c h w"] | None = None
    """The noise of each step, for stochastic walks."""
    pinned: bool = False
    """Whether the source is put back on the trajectory after every step."""
    more: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """What one inversion alone knows about: its name, without dots, is its own."""

    @property
    def start(self) -> Latent:
        """The noisiest latent."""
        return self.latents[:1]

    def level(self, i: int) -> Latent:
        """The latent at a level, with a leading axis of one."""
        return self.latents[i : i + 1]

    def null(self, base: Text) -> Text | list[Text]:
        """What stands in for the empty prompt: ``base``, one other text, or one a step."""
        if self.nulls is None:
            return base
        pooled = base.pooled if self.pooled is None else self.pooled
        layers = self.nulls.shape[1] // base.window  # of a source that speaks to each layer by itself
        texts = [Text(one[None], pooled, layers=layers) for one in self.nulls]
        return texts[0] if len(texts) == 1 else texts

    def on(self, path: Path) -> "Trajectory":
        """The same trajectory on a grid that visits a part of its levels.

        Raises:
            OverpaintError: the path visits a level the inversion did not store.
        """
        if len(self.latents) == 1:
            raise OverpaintError(
                "This inversion stored its noise alone; edit with the steps it was made with."
            )
        places = {int(t): k for k, t in enumerate(self.t)}
        missing = [int(t) for t in path.t if int(t) not in places]
        if missing:
            raise OverpaintError(
                f"The inversion did not visit level {missing[0]}; invert with the steps of the edit."
            )
        if self.more:
            raise OverpaintError(
                "This inversion stored more than latents; edit with the steps it was made with."
            )
        rows = [places[int(t)] for t in path.t]
        part = torch.tensor(rows)
        nulls = self.nulls if self.nulls is None or len(self.nulls) == 1 else self.nulls[part]
        noise = None if self.noise is None else self.noise[part]
        levels = torch.tensor([*rows, len(self.t)])
        return Trajectory(self.t[part], self.latents[levels], nulls, self.pooled, noise, self.pinned)

    def follow(
        self,
        model: Model,
        name: str = "src",
        held: Callable[[int], float] = wholly,
        added: Float[Tensor, "steps c h w"] | None = None,
    ) -> After:
        """After every step: note how far the source strayed, and put it back if the trajectory is pinned.

        ``held`` says by what share of the way it is put back after a step, ``added`` what is added to it in
        place of that. Both are noted: the distance (``"strayed"``), and what of it was taken back
        (``"pulled"``); it costs no network call.
        """

        def after(i: int, xs: Latents) -> Latents:
            if name not in xs or i + 1 >= len(self.latents):
                return xs
            stored = self.level(i + 1).to(xs[name])
            own = xs[name][:1]  # of coupled latents the first is the source
            strayed, share = float((own - stored).square().mean().sqrt()), held(i) if self.pinned else 0.0
            model.meter.note("strayed", strayed)
            if added is not None:
                offset = added[i : i + 1].to(own)
                model.meter.note("pulled", float(offset.square().mean().sqrt()))
                return {**xs, name: xs[name] + offset}
            model.meter.note("pulled", share * strayed)
            if share in (0.0, 1.0):
                return {**xs, name: stored} if share else xs
            return {**xs, name: xs[name] + share * (stored - xs[name])}

        return after

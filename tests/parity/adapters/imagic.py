"""Imagic: every loss, the text after every update, some weights, and the walks with both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from overpaint.methods.imagic import Imagic, walked
from overpaint.noise import Key, Replay
from overpaint.outcome import outcome_of
from overpaint.tune.imagic import ImagicLearning
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import watched

STATED = {"embedding_trajectory": 1e-4, "embedding_target": 1e-4, "unet.": 5e-5}
"""Bounds that the file states after what they are for; 5e-4 for the rest."""
OTHERWISE = 5e-4


@dataclass
class Pages:
    """A draft that keeps every state it is given."""

    found: list[dict[str, Tensor]] = field(default_factory=list[dict[str, Tensor]])

    def read(self) -> Mapping[str, Tensor]:
        """Nothing: all is learned here."""
        return {}

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """A page more."""
        chosen = ("text/value.states", "text/losses", "network/losses")
        self.found.append({name: found[name].clone() for name in chosen if name in found})


class ImagicFile(Adapter):
    """``imagic``"""

    method = "imagic"
    inputs = frozenset({"noise", "posterior_noise", "source_image", "start_latents", "timesteps"})
    spared = frozenset({"latents_alpha0", "embedding_target", "embedding_trajectory"})

    def read(self) -> None:
        """The learning, and how far to go from what was learned."""
        s = self.settings
        s.must("optimiser", "Adam (0.9, 0.999), eps 1e-8, fresh for each phase")
        s.must("negative_prompt", "")
        s.label("scheduler")
        self.side = s.count("size")
        self.etas = s.take("alphas", tuple)
        self.learning = ImagicLearning(
            text_updates=s.count("text_embedding_optimization_steps"),
            text_rate=s.number("embedding_learning_rate"),
            updates=s.count("model_fine_tuning_optimization_steps"),
            rate=s.number("diffusion_model_learning_rate"),
            tune="full",
        )
        self.edit = Imagic(
            steps=s.count("num_inference_steps"), guidance=s.number("guidance_scale"), learning=self.learning
        )
        self.target = self.text("prompt")

    def bound(self, name: str) -> float:
        """What the file states for arrays of this name."""
        return next((bound for word, bound in STATED.items() if name.startswith(word)), OTHERWISE)

    def rows(self, reach: Reach) -> int:
        """An update counts three."""
        return 3 * self.learning.cost().rows[1] + 2 * self.edit.steps * len(self.etas)

    def ends(self) -> Iterator[Row]:
        """All of it: the walk needs what was learned."""
        yield from self.whole()

    def whole(self) -> Iterator[Row]:
        """Learn with the stored draws, then walk."""
        golden, image = self.golden, self.golden["source_image"]
        times = self.side // len(image)
        pixels = image.repeat_interleave(times, 0).repeat_interleave(times, 1).permute(2, 0, 1)[None]
        x0 = self.model.family.encode((pixels / 127.5 - 1).contiguous(), golden["posterior_noise"])
        if "embedding_target" in golden:
            yield self.compare("embedding_target", self.target.states)
        pages = Pages()
        found = self.learning.run(self.model, [x0], {"target": self.target}, self.draws(), pages)
        last = pages.found[-1]
        yield self.compare("losses", torch.cat([last["text/losses"], last["network/losses"]]))
        if "embedding_trajectory" in golden:
            course = [page["text/value.states"][0] for page in pages.found[: self.learning.text_updates]]
            yield self.series("embedding_trajectory", dict(enumerate(course)))
        for name in sorted(golden.arrays):
            if name.startswith("unet."):
                yield self.compare(name, found[name.removeprefix("unet.")])
        for k, eta in enumerate(self.etas):
            if f"latents_alpha{k}" in golden:
                yield self.compare(f"latents_alpha{k}", self.walked(x0, found, eta))

    def walked(self, x0: Tensor, found: Mapping[str, Tensor], eta: float) -> Tensor:
        """Every latent of a walk with what was learned."""
        model, edit = watched(self.model), self.edit.changed(eta=eta)
        task = replace(self.task(x0, self.target, self.target), noise=self.draws())
        with model.patched(self.learning.patch(found, model)):
            made = outcome_of(walked(edit, model, task, self.learning.patch(found, model).more))
        entered = [one["tgt"] for one in model.entered[1:]]
        return torch.cat([*entered, *made.latents])

    def draws(self) -> Replay:
        """The stored noise and levels, and where the walk begins."""
        stored: dict[tuple[Key, ...], Tensor] = {("start",): self.golden["start_latents"]}
        for k, (noise, level) in enumerate(zip(self.golden["noise"], self.golden["timesteps"], strict=True)):
            stored["imagic", k, "noise"] = noise[None]
            stored["imagic", k, "level"] = level[None].long()
        return Replay(stored)

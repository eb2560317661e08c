"""Text2LIVE: a layer of colours and opacity over the picture, learned from the picture and CLIP alone."""

from typing import ClassVar

import torch
from pydantic import Field

from overpaint.card import Card, Cost, Law, Need
from overpaint.errors import UsageError
from overpaint.losses.layers import gaze
from overpaint.method import Method
from overpaint.model import Model
from overpaint.network import Text
from overpaint.options import Tuned
from overpaint.outcome import Outcome
from overpaint.task import Task
from overpaint.tune.edit_layer import TEXT2LIVE, LayerLearning
from overpaint.tune.tuner import store_of

LAYER = "layer"

CARD = Card(
    name="text2live",
    idea="Learn a layer of colours and opacity that CLIP finds right over the picture.",
    papers=(TEXT2LIVE,),
    needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}, "pixel": {}},
    cost=lambda o: o.learning.cost(bool(o.where), bool(o.leave)),
    official=Cost.of(0, 1000, looks=1014 * 66, updates=1000),
    law=Law.NONE,
    sees=True,
    layers=lambda _: frozenset({LAYER}),
    random=True,
    published="People preferred it to CLIPStyler in 85 % and to VQGAN-CLIP in 86 % of 12450 comparisons "
    "(arXiv:2204.02491, section 4; recalled)",
    trial={"where": "dog", "learning": {"updates": 2, "views": 2, "channels": 4, "whole_every": 2}},
    shipped="`learning.updates` 200, `learning.views` 6, `learning.channels` 48: pictures of 128 pixels "
    "have less to learn. It stays bad: a CLIP this small is content with a veil of colour over the picture; "
    "`where` and `learning.thin` 50 keep the veil to the thing",
)


class Text2LIVE(Method):
    """Learn a layer over the picture; the denoiser of the model has no say.

    It suits textures and what is half transparent, such as snow, smoke or ice, and hardly moves anything.
    """

    card: ClassVar[Card] = CARD
    screen: str = Field(default="", description="what the layer shows alone; none: the target prompt")
    where: str = Field(default="", description="what of the picture changes: the layer begins there")
    leave: str = Field(default="", description="what of it stays, beside that")
    learning: LayerLearning = Field(default=LayerLearning(), description="how the layer is learned")
    tuned: Tuned = "auto"

    def check(self, model: Model, task: Task) -> None:
        """CLIP must be there, the picture large enough, and every word be used."""
        if self.leave and not self.where:
            raise UsageError("What stays is told from what changes; name that too, as where.")
        if not self.where and self.learning.region_updates is not None:
            raise UsageError("There is no region for its updates; name what changes, as where.")
        gaze(model.eye_of(self.learning.clip))
        self.learning.net(task.pixels)
        self.texts(task)

    def texts(self, task: Task) -> dict[str, Text]:
        """What is said, by what it is said of."""
        more = {"screen": self.screen, "region": self.where, "other": self.leave}
        told = {name: task.text(words) for name, words in more.items() if words}
        return {"source": task.source, "target": task.target, "screen": task.target, **told}

    def __call__(self, model: Model, task: Task) -> Outcome:
        """Learn, then lay the layer of the whole picture over it."""
        how = self.learning
        found = how.learned(model, [task.pixels], self.texts(task), task.noise, store_of(model))
        layer, made = how.painted(found, task.pixels)
        shown = torch.cat([layer[:, :3] * 2 - 1, layer[:, 3:]], 1)
        return Outcome(pixels=[made * 2 - 1], layers={LAYER: shown}, learned=(how.patch(found, model),))

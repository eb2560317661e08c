"""Learning a layer of colours and opacity over one picture, from the picture, CLIP and a few words alone.

Bar-Tal et al., "Text2LIVE: Text-Driven Layered Image and Video Editing", ECCV 2022, arXiv:2204.02491. No
denoiser takes part.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.files.store import Draft
from overpaint.guides.clip import ClipName
from overpaint.losses.clip import TEMPLATES, sentences, understood
from overpaint.losses.glances import SMALLEST, Glances, example
from overpaint.losses.layers import SCREENS, Far, LayerLoss, Sayings, Worth, gaze, over
from overpaint.losses.views import uniform
from overpaint.model import Model
from overpaint.network import Gaze, Pixels, Text
from overpaint.noise import Draws
from overpaint.path import Latent
from overpaint.tune.learn import learn
from overpaint.tune.madgrad import Madgrad
from overpaint.tune.patch import Weights
from overpaint.tune.skip_net import Colours, Painted, SkipNet
from overpaint.tune.tuner import Tuner

TEXT2LIVE = Paper(
    "bartal2022text2live",
    "Bar-Tal, Omer and Ofri-Amar, Dolev and Fridman, Rafail and Kasten, Yoni and Dekel, Tali",
    "Text2LIVE: Text-Driven Layered Image and Video Editing",
    "European Conference on Computer Vision",
    2022,
    "2204.02491",
    "https://github.com/omerbt/Text2LIVE",
    "MIT",
)
DECAY, FALL, FLOOR = 0.01, 0.99, 1e-5
"""Of the optimiser: decay of weights, what the rate is multiplied by after each update, and its least."""
BEGUN = 0.99
"""What the region's weight is multiplied by before each update, where it falls so."""


class LayerLearning(Tuner):
    """Train a generator on pieces of the picture until what it lays over them is what the words say."""

    updates: int = Field(default=1000, ge=1, le=100_000, description="updates of the generator")
    rate: float = Field(default=2.5e-3, gt=0, le=1, description="learning rate at first; it falls by 1 %")
    views: int = Field(default=16, ge=1, le=256, description="views CLIP gets of each picture: one is whole")
    whole_every: int = Field(
        default=75, ge=1, le=100_000, description="updates between two that see the picture as a whole too"
    )
    scales: int = Field(default=7, ge=1, le=9, description="scales of the generator, as many as fit")
    channels: int = Field(default=128, ge=4, le=512, description="channels of the generator")
    words: float = Field(default=1.0, ge=0, le=1000, description="weight of what the picture should show")
    screen: float = Field(default=1.0, ge=0, le=1000, description="weight of what the layer alone should")
    layout: float = Field(default=2.0, ge=0, le=1000, description="weight of how the picture is laid out")
    thin: float = Field(default=6.0, ge=0, le=1000, description="weight of a layer that is thin")
    far: Far = Field(default="spherical", description="how far pictures are from sentences")
    region: float = Field(default=10.0, ge=0, le=1000, description="weight of the region, where one is named")
    region_updates: int | None = Field(
        default=None, ge=0, le=100_000, description="updates it has a say in; by itself all"
    )
    region_fall: Literal["linear", "exponential", "constant"] = Field(
        default="linear", description="how its say falls"
    )
    region_least: float = Field(default=0.0, ge=0, le=1000, description="what it does not fall below")
    published: bool = Field(
        default=False,
        description="as the published code: CLIP's places on their side in pictures that are no squares, and "
        "a region by the last example alone",
    )
    clip: ClipName = ""

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (TEXT2LIVE,)

    def cost(self, region: bool = False, other: bool = False) -> Cost:
        """An update and a way back each; CLIP looks at four times the views of each example, and at both."""
        examples = self.updates + len(range(0, self.updates, self.whole_every))
        early = range(min(self.updates, self.reach) if region else 0)
        told = sum(1 + (k % self.whole_every == 0) for k in early if self.weight(k) > 0)
        looks = examples * (4 * self.views + 2) + told * (1 + other)
        return Cost.of(0, self.updates, looks=looks, updates=self.updates)

    @property
    def reach(self) -> int:
        """Updates in which the region has a say."""
        return self.updates if self.region_updates is None else self.region_updates

    @property
    def worth(self) -> Worth:
        """What the losses weigh."""
        return Worth(self.words, self.screen, self.layout, self.thin)

    def net(self, pixels: Pixels) -> SkipNet:
        """The generator for a picture.

        Raises:
            UsageError: the picture is too small.
        """
        side = int(min(pixels.shape[-2:]) * SMALLEST)
        return SkipNet.fitting(side, self.scales, self.channels)

    def depends(self, model: Model) -> Sequence[str]:
        """CLIP decides as much as the options."""
        return (model.eye_of(self.clip).fingerprint, ",".join(sorted(model.suits.vocabulary)))

    def run(
        self, model: Model, examples: Sequence[Latent], texts: Mapping[str, Text], noise: Draws, draft: Draft
    ) -> dict[str, Tensor]:
        """Learn the generator's weights; a killed run goes on where it was."""
        (pixels,), eye = examples, gaze(model.eye_of(self.clip))
        picture, net = (pixels + 1) / 2, self.net(pixels)
        weights = {n: t.to(pixels.device).requires_grad_() for n, t in net.begin(noise).items()}
        loss = LayerLoss(
            eye,
            told(eye, texts, model.suits.vocabulary),
            Glances(noise, self.views, eye.side),
            partial(picked, noise),
            model.meter,
            self.worth,
            self.far,
            published=self.published,
        )

        def of(k: int) -> Tensor:
            seen = [example(picture, noise, k), *([picture] if k % self.whole_every == 0 else [])]
            layers = [net(weights, one) for one in seen]
            return loss(k, seen, layers, self.weight(k) if "region" in texts else 0.0)

        rule = partial(Madgrad, decay=DECAY)
        learn(model.meter, weights, of, self.updates, self.pace, draft=draft, rule=rule)
        return {name: value.detach() for name, value in weights.items()}

    def pace(self, k: int) -> float:
        """The learning rate of an update."""
        return max(FLOOR, self.rate * FALL**k)

    def weight(self, k: int) -> float:
        """What the region weighs at an update."""
        if k >= self.reach:
            return 0.0
        match self.region_fall:
            case "linear":
                now = self.region * (1 - (k + 1) / self.reach)
            case "exponential":
                now = self.region * BEGUN ** (k + 1)
            case "constant":
                now = self.region
        return max(now, self.region_least)

    def painted(self, tensors: Mapping[str, Tensor], pixels: Pixels) -> tuple[Painted, Colours]:
        """The layer of the whole picture, and the picture with it."""
        picture = (pixels + 1) / 2
        layer = self.net(pixels)(tensors, picture)
        return layer, over(layer, picture)

    def patch(self, tensors: Mapping[str, Tensor], model: Model) -> Weights:
        """The generator's weights; they change nothing of the model."""
        about = {
            "method": "text2live",
            "model": model.name,
            "options": self.model_dump_json(),
            "paper": f"arXiv:{TEXT2LIVE.arxiv}",
        }
        return Weights({}, model.fingerprint, about, tensors)


def told(eye: Gaze, texts: Mapping[str, Text], vocabulary: Sequence[str]) -> Sayings:
    """The sentences' vectors; of the templates those that the model was taught the words of."""

    def read(name: str, templates: Sequence[str]) -> Float[Tensor, "sentences features"]:
        with torch.no_grad():
            return eye.embed_text(sentences(texts[name].prompt.text, understood(vocabulary, templates)))

    further = {name: read(name, ("{}",)) if name in texts else None for name in ("region", "other")}
    target, source = (read(name, TEMPLATES) for name in ("target", "source"))
    return Sayings(target, source, read("screen", SCREENS), **further)


def picked(draws: Draws, k: int, name: str, count: int) -> Sequence[int]:
    """Some of so many sentences at an update: from one to all, and any of them more than once."""
    first, *rest = (int(one) for one in uniform(draws, (1 + count,), "sentences", name, k) * count)
    return rest[: first + 1]

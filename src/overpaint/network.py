"""What stands around a walk: encoded prompts, the family of a network, other networks that speak into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpaint.attention import Moment, Site
from overpaint.errors import OverpaintError
from overpaint.meter import Meter
from overpaint.path import Latent, Schedule
from overpaint.words import Words

Pixels = Float[Tensor, "rows 3 height width"]
"""Pictures as the networks see them: float32 in [-1, 1]."""


@dataclass(frozen=True)
class Text:
    """An encoded prompt; a network call stacks several, one a row."""

    states: Float[Tensor, "rows tokens width"]
    pooled: Float[Tensor, "rows pooled"] | None = None
    words: Words | None = None
    layers: int = 1
    """For how many layers it has tokens of their own, one after the other (P+); 1: all read the same."""

    @property
    def window(self) -> int:
        """Tokens that one layer reads."""
        return self.states.shape[1] // self.layers

    def part(self, layer: int) -> Float[Tensor, "rows tokens width"]:
        """What one layer reads."""
        if self.layers == 1:
            return self.states
        return self.states[:, layer * self.window : (layer + 1) * self.window]

    @property
    def mean(self) -> Float[Tensor, "rows tokens width"]:
        """What the layers read on average: where one text must stand for all."""
        if self.layers == 1:
            return self.states
        return torch.stack([self.part(layer) for layer in range(self.layers)]).mean(0)

    def for_layers(self, layers: int) -> "Text":
        """The same, said to each of so many layers.

        Raises:
            OverpaintError: it speaks to another number of layers already.
        """
        if layers == self.layers:
            return self
        if self.layers > 1:
            raise OverpaintError(f"A text for {self.layers} layers cannot speak to {layers}.")
        return replace(self, states=self.states.repeat(1, layers, 1), layers=layers)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All that a network is told: what caches know a text by."""
        return tuple(t for t in (self.states, self.pooled) if t is not None)

    @property
    def prompt(self) -> Words:
        """The prompt taken apart; an error for a text that was learned rather than written."""
        if self.words is None:
            raise OverpaintError("This text was not made from a prompt, so it has no words to look up.")
        return self.words


def together(texts: Sequence[Text]) -> Text:
    """Several texts as one batch; where one tells layers apart, the others tell each the same."""
    pooled, layers = [t.pooled for t in texts if t.pooled is not None], max(t.layers for t in texts)
    states = torch.cat([t.for_layers(layers).states for t in texts])
    return Text(states, torch.cat(pooled) if pooled else None, layers=layers)


def by_layer(texts: Sequence[Text], words: Words | None = None) -> Text:
    """One text for each layer as a text (Voynov et al., "P+", 2023, arXiv:2303.09522, section 3.1).

    What a network is told once, pooled, is the mean of theirs. A text that tells layers apart itself speaks
    to its own.
    """
    pooled = [t.pooled for t in texts if t.pooled is not None]
    states = torch.cat([text.part(k) for k, text in enumerate(texts)], 1)
    return Text(states, torch.stack(pooled).mean(0) if pooled else None, words, len(texts))


def same(one: Text, other: Text) -> bool:
    """Whether two texts tell a network the same."""
    pairs = ((one.states, other.states), (one.pooled, other.pooled))
    return all(a is b or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs)


def readers(sites: Sequence[Site]) -> int:
    """How many layers of a network can be told a text each (P+): 16 of SD 1 and 2, 11 of SDXL."""
    return 1 + max((site.reader for site in sites if site.kind == "cross"), default=-1)


@dataclass(frozen=True)
class Residuals:
    """What a side network adds inside the main one; several add up."""

    down: tuple[Tensor, ...] = ()
    mid: Tensor | None = None
    intra: tuple[Tensor, ...] = ()
    tokens: Float[Tensor, "rows tokens width"] | None = None
    """Read by every cross-attention layer behind the text, in the same product; several come in turn."""
    rows: int = 0
    """Rows that went through side networks for it."""

    def __add__(self, other: "Residuals") -> "Residuals":
        down = (
            tuple(a + b for a, b in zip(self.down, other.down, strict=True))
            if self.down and other.down
            else ()
        )
        intra = (
            tuple(a + b for a, b in zip(self.intra, other.intra, strict=True))
            if self.intra and other.intra
            else ()
        )
        mids = [m for m in (self.mid, other.mid) if m is not None]
        tokens = [t for t in (self.tokens, other.tokens) if t is not None]
        return Residuals(
            down or self.down or other.down,
            sum(mids[1:], mids[0]) if mids else None,
            intra or self.intra or other.intra,
            torch.cat(tokens, 1) if tokens else None,
            self.rows + other.rows,
        )


@runtime_checkable
class Side(Protocol):
    """Another network that speaks into every call (ControlNet, T2I-Adapter, CycleNet)."""

    @property
    def fingerprint(self) -> str:
        """A hash of its weights, its picture and its settings: what caches know it by."""
        ...

    def residuals(self, x: Latent, t: Tensor, text: Text, at: Moment) -> Residuals:
        """What it adds to the rows of this call, and how many rows went through it for that."""
        ...


@runtime_checkable
class Eye(Protocol):
    """Pictures and sentences as unit vectors of one space (CLIP); their product says how well they agree."""

    @property
    def fingerprint(self) -> str:
        """A hash of the weights that look at pictures: what caches know it by."""
        ...

    @property
    def side(self) -> int:
        """Pixels a side of what it sees."""
        ...

    def look(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        """Vectors of pictures in [-1, 1], of any size; gradients flow to the pixels."""
        ...

    def embed(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        """The same before they are brought to length one, and without clipping colours."""
        ...

    def embed_text(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        """Vectors of sentences before they are brought to length one."""
        ...

    def tokens(self, pixels: Pixels, normed: bool = True) -> Float[Tensor, "rows tokens features"]:
        """What it sees before that is made one vector: the picture as a whole, then patch by patch."""
        ...

    def read(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        """Vectors of sentences."""
        ...


@runtime_checkable
class Gaze(Eye, Protocol):
    """An eye that says what single patches of a picture show, and sees pictures that are no squares."""

    @property
    def grain(self) -> int:
        """Pixels a side of a patch."""
        ...

    def glance(
        self, pixels: Pixels, sideways: bool = False
    ) -> tuple[Float[Tensor, "rows features"], Float[Tensor, "rows tokens inner"]]:
        """Vectors of pictures at their own size, as ``embed``, and what the last layer but one says of them.

        ``sideways`` tells patches their places with rows and columns exchanged.
        """
        ...

    def about(
        self, pixels: Pixels, wish: Float[Tensor, "1 features"], blocks: int = 1, sideways: bool = False
    ) -> Float[Tensor, "rows down across"]:
        """How much each patch of pictures at their own size has to do with a sentence's vector."""
        ...


@runtime_checkable
class Prior(Protocol):
    """From words to vectors of pictures that show them, as an eye would see those."""

    def __call__(
        self, words: str, noise: Float[Tensor, "tries features"], steps: int, meter: Meter
    ) -> Float[Tensor, "tries features"]:
        """Vectors of length one, each from a draw; rows are counted as those of a side network."""
        ...


@runtime_checkable
class Glimpse(Protocol):
    """An eye that may see through noise: it then knows what a latent shows at any level."""

    @property
    def sees_noise(self) -> bool:
        """Whether it does."""
        ...

    def through(self, x: Latent, t: Tensor) -> Float[Tensor, "rows features"]:
        """Vectors of noisy latents at a training level, of length one; gradients flow to the latents."""
        ...

    def read(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        """Vectors of sentences, of length one."""
        ...


@runtime_checkable
class Family(Protocol):
    """The only place that knows a network class, its text encoders and its picture codec."""

    @property
    def name(self) -> str:
        """``"sd1"``, ``"sd2"``, ``"sdxl"``: what cards list."""
        ...

    @property
    def schedule(self) -> Schedule:
        """The noise levels the network was trained on."""
        ...

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        ...

    @property
    def extra(self) -> int:
        """Channels the network reads beside the latent: 5 for inpainting, mask and masked picture."""
        ...

    @property
    def factor(self) -> int:
        """Pixels per latent cell along a side."""
        ...

    @property
    def side(self) -> int:
        """The side, in pixels, the network was trained on."""
        ...

    @property
    def window(self) -> int:
        """How many tokens a prompt may have, begin and end counted."""
        ...

    @property
    def parts(self) -> Mapping[str, Sequence[nn.Module]]:
        """The networks beside the denoiser, those together that work together: ``"text"``, ``"codec"``."""
        ...

    def call(self, net: nn.Module, x: Latent, t: Tensor, text: Text, more: Residuals) -> Latent:
        """The raw network output for a batch of rows."""
        ...

    def sites(self, net: nn.Module) -> list[Site]:
        """Where attention happens, in execution order."""
        ...

    def text(self, prompt: str) -> Text:
        """A prompt encoded."""
        ...

    def vectors(self, word: str) -> Sequence[Tensor]:
        """What the text encoders have for the tokens of a word before they read it, one tensor for each."""
        ...

    def learned_text(self, prompt: str, vectors: Mapping[str, Sequence[Tensor]]) -> Text:
        """A prompt in which words have vectors that are being learned, one tensor for each encoder."""
        ...

    def null(self) -> Text:
        """The text of no prompt, as this family was trained with."""
        ...

    def encode(self, pixels: Pixels, noise: Latent | None = None) -> Latent:
        """Pictures to latents, scaled: the posterior mean, or the sample a standard normal draw makes."""
        ...

    def decode(self, latents: Latent) -> Pixels:
        """Latents to pictures."""
        ...

"""What many tests share: draws from a seed, tiny models, small controls, a look at what is left behind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpaint.attention import Control, Heads, Maps, Moment, Site
from overpaint.contract.checks import in_double_precision
from overpaint.families.tiny import Shape, tiny
from overpaint.guides import CFG, Plain
from overpaint.meter import Meter
from overpaint.model import Branch, Call, Latent, Model
from overpaint.network import Pixels, Text
from overpaint.path import Path, Prediction

SHAPES: tuple[Shape, ...] = ("sd1", "sd2", "sdxl")


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers that are the same everywhere."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def numbers(t: Tensor) -> list[Any]:
    """The values of a tensor as a list."""
    return cast(Any, t).tolist()


def gap(a: Tensor, b: Tensor) -> float:
    """The largest difference."""
    return float((a.double() - b.double()).abs().max())


@cache
def shared(shape: Any = "sd1") -> Model:
    """One tiny model for all tests that leave it as they found it."""
    return tiny(shape)


@cache
def precise(shape: Any = "sd1") -> Model:
    """The same in double precision: untrained networks make much of rounding."""
    model = tiny(shape)
    in_double_precision(model)
    return model


@cache
def text(shape: Any, prompt: str) -> Text:
    """A prompt encoded by the shared model."""
    return shared(shape).family.text(prompt)


def pair(shape: Any = "sd1", scale: float = 5.0) -> list[Branch]:
    """A source and a target, both guided: four rows a call."""
    null = text(shape, "")
    return [
        Branch("src", CFG(text(shape, "a cat on the grass"), null, scale)),
        Branch("tgt", CFG(text(shape, "a dog on the grass"), null, scale)),
    ]


def told(
    x: Latent, rows: Mapping[str, Prediction] | None = None, i: int = 0, path: Path | None = None
) -> Call:
    """What a guide is told about a call with these rows."""
    return Call(i, path or shared().path(4), i, x, rows or {}, Meter())


def single(shape: Any = "sd1", prompt: str = "a cat on the grass") -> Branch:
    """One branch of one row."""
    return Branch("src", Plain(text(shape, prompt)))


def call(model: Model, seed: int = 1, i: int = 1, steps: int = 4) -> dict[str, Prediction]:
    """One network call with the four rows of `pair`, from one latent."""
    x = draw(1, 4, 8, 8, seed=seed)
    return model.predict({"src": x, "tgt": x}, i, model.path(steps), pair(model.family.name))


def equal(a: dict[str, Prediction], b: dict[str, Prediction]) -> bool:
    """Whether two calls agree bit by bit."""
    return all(torch.equal(a[k].eps, b[k].eps) and torch.equal(a[k].x0, b[k].x0) for k in a | b)


def depth() -> int:
    """How many function modes are installed."""
    return torch._C._len_torch_function_stack()  # pyright: ignore[reportPrivateUsage]


def hooks(net: nn.Module) -> int:
    """How many hooks hang on the network's modules."""
    tables = ("_forward_hooks", "_forward_pre_hooks")
    return sum(len(getattr(m, table)) for m in net.modules() for table in tables)


def clean(model: Model) -> bool:
    """Whether nothing of a control is left behind."""
    return hooks(model.net) == 0 and depth() == 0 and not model.tap.controls and not model.sides


class Touch(Control):
    """Wants every layer and edits nothing."""


class Softmax(Control):
    """Edits nothing, but makes every layer compute its maps."""

    needs_probs = True


@dataclass
class Record(Control):
    """Keeps every map that it is shown."""

    needs_probs = True
    kind: str = "cross"
    maps: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def where(self, site: Site) -> bool:
        return site.kind == self.kind

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        self.maps[site.name] = p
        return p


@dataclass
class Mutual(Control):
    """The target's self-attention reads the source's keys and values."""

    reads = frozenset({"src+", "src-"})
    writes = frozenset({"tgt+", "tgt-"})

    def where(self, site: Site) -> bool:
        return site.kind == "self"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        order = [at.rows.index(role.replace("tgt", "src")) for role in at.rows]
        return q, k[order], v[order]


@dataclass
class Copy(Control):
    """The target's cross maps are the source's."""

    needs_probs = True
    reads = frozenset({"src+"})
    writes = frozenset({"tgt+"})

    def where(self, site: Site) -> bool:
        return site.kind == "cross"

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        order = [at.rows.index("src+" if role == "tgt+" else role) for role in at.rows]
        return p[order]


@dataclass
class Raise(Control):
    """Raises at one stage of one layer."""

    error: BaseException
    site: str
    stage: str = "qkv"
    needs_probs = True

    def _here(self, site: Site, stage: str) -> None:
        if (site.name, stage) == (self.site, self.stage):
            raise self.error

    def context(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        self._here(site, "context")
        return states

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        self._here(site, "qkv")
        return q, k, v

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        self._here(site, "probs")
        return p

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        self._here(site, "out")
        return o


class Sight:
    """An eye that sees the pixels themselves and reads nothing into words."""

    fingerprint = "sight"
    side = 8

    def look(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        return pixels.flatten(1)

    def embed(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        return self.look(pixels)

    def read(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        return torch.zeros(len(prompts), 3)

    def embed_text(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        return self.read(prompts)

    def tokens(self, pixels: Pixels, normed: bool = True) -> Float[Tensor, "rows tokens width"]:
        return pixels.flatten(2)


@dataclass
class Spy:
    """Stands in for a family's `call`: notes what the network is told, and may answer in its place."""

    answer: Callable[[Latent], Latent] | None = None
    told: list[float] = field(default_factory=list[float])

    def on(self, model: Model, monkeypatch: Any) -> "Spy":
        real = model.family.call

        def stand_in(net: nn.Module, x: Latent, t: Tensor, text: Text, more: Any) -> Latent:
            self.told.append(float(t))
            return real(net, x, t, text, more) if self.answer is None else self.answer(x)

        def method(_family: object, *args: Any) -> Latent:
            return stand_in(*args)

        monkeypatch.setattr(type(model.family), "call", method)
        return self


def levels(path: Path) -> Sequence[float]:
    """What the network is told along a path, noisiest first."""
    return [float(t) for t in path.t]

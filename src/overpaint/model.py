"""A frozen denoiser: one network call with named rows, a tap for attention, a meter that sees everything.

What differs between networks (SD 1, 2, XL) is the family's business; methods see rows, branches and
predictions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path as FilePath
from threading import RLock
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpaint import tape
from overpaint.attention import Control, Moment, Tap, Turn
from overpaint.errors import OverpaintError, UsageError
from overpaint.files.fingerprint import weights_hash
from overpaint.files.provenance import Origin
from overpaint.finite import finite, stopped
from overpaint.meter import Meter
from overpaint.network import Eye, Family, Pixels, Prior, Residuals, Side, Text, together
from overpaint.options import USUAL_GUIDANCE, Known, Suits
from overpaint.path import Latent, Path, Prediction


@dataclass(frozen=True)
class Line:
    """One row of a network call: its sign within a branch, its text, its extra input channels."""

    sign: str
    text: Text
    concat: Latent | None = None


@dataclass(frozen=True)
class Call:
    """What a guide is told about a network call when it combines its rows."""

    i: int
    """The step, whose level the network was told."""
    path: Path
    level: int
    """The level at which the latent sits: the step's own, or the next one in an inversion."""
    x: Latent
    """The branch's own latent."""
    rows: Mapping[str, Prediction]
    """Every row of the call, by role: a branch may be guided by what another one sees."""
    meter: Meter
    name: str = ""
    """The branch that is guided."""

    def holding(self, eps: Latent) -> Prediction:
        """The belief that the latent is a clean picture under just this noise."""
        x0 = (self.x - self.path.sigma[self.level] * eps) / self.path.alpha[self.level]
        return Prediction(x0, eps)


class Guide(ABC):
    """Which rows a branch needs, and how their predictions become one."""

    @property
    def differentiates(self) -> bool:
        """Whether it asks how its prediction depends on the latent: gradients are then kept for it."""
        return False

    @property
    def idle(self) -> frozenset[str]:
        """The signs of rows whose prediction has no say: they are asked for where a control names them."""
        return frozenset()

    def begin(self) -> "Guide":
        """The guide for a fresh walk; one without memory is its own."""
        return self

    @abstractmethod
    def lines(self, i: int) -> Sequence[Line]:
        """The rows to ask for at step ``i``."""

    @abstractmethod
    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """One prediction from the branch's own rows (by sign), and whatever else there is to know."""


@dataclass(frozen=True)
class Branch:
    """One latent walking: its rows are called name plus sign, such as ``"src+"``."""

    name: str
    guide: Guide


@runtime_checkable
class Patch(Protocol):
    """What learning left behind (tokens, embeddings, LoRA, weights), put on and taken off."""

    @property
    def fingerprint(self) -> str:
        """A hash of its content: what caches know a model with it by."""
        ...

    def apply(self, model: "Model") -> AbstractContextManager[None]:
        """The model with the patch for the length of a ``with``."""
        ...


@dataclass
class Model:
    """A network with its family. One model serves one thread at a time: hold ``lock`` for a whole edit."""

    net: nn.Module
    family: Family
    name: str = "model"
    home: FilePath | None = None
    """The folder or the file it was loaded from."""
    origin: Origin = field(default_factory=Origin)
    """What was added to it when it was loaded, and what was said about it."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    """The network's type; latents, path and maps stay in float32."""
    offload: bool = False
    """Whether its parts wait on the CPU until they are used; its lock then sends them home."""
    guidance: float = USUAL_GUIDANCE
    """The scale of classifier-free guidance that suits it; small models saturate early."""
    suits: Suits = field(default_factory=Suits)
    """What it suggests for the options of methods, by what the prompts ask for."""
    known: Known | None = None
    """What its folder says of the pictures it knows; nothing for most."""
    meter: Meter = field(default_factory=Meter)
    sides: list[Side] = field(default_factory=list[Side])
    patches: list[Patch] = field(default_factory=list[Patch])
    notes: list[str] = field(default_factory=list[str])
    """What should be known of how it was loaded and of what is on it, a sentence each; edits repeat them."""
    at_once: int | None = None
    """Rows that go through the network together, where controls allow it; nothing for all of a call."""
    cache: Any = None
    """Where inversions are kept between edits (`overpaint.inversions.cache.Cache`), or nothing."""
    open_eye: Callable[[], Eye] | None = None
    """Loads the CLIP that goes with it; nothing where there is none."""
    open_named: Callable[[str], Eye] | None = None
    """Loads a CLIP that a user names."""
    open_prior: Callable[[], Prior] | None = None
    """Loads the prior that goes with it; nothing where there is none."""
    lock: AbstractContextManager[bool] = field(default_factory=RLock, repr=False)

    def __post_init__(self) -> None:
        self.net.eval().requires_grad_(False)
        self.tap = Tap(self.family.sites(self.net))

    def __repr__(self) -> str:
        """What it is and where it runs; its layers are those of ``net``."""
        where = f"{self.device} in {str(self.dtype).removeprefix('torch.')}"
        return f"<Model {self.name}: {self.family.name} on {where}>"

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the weights' content: what caches and recipes know the model by."""
        return weights_hash(self.net, self.home, self.origin)

    @cached_property
    def eye(self) -> Eye:
        """The CLIP that goes with the model, loaded when it is first asked for.

        Raises:
            UsageError: it has none.
        """
        if self.open_eye is None:
            raise UsageError(
                f"The model {self.name} has no image tower of CLIP beside it; use a folder that holds "
                "image_encoder and text_projection, such as still-life, or a method that takes one as the "
                "option clip: hf download openai/clip-vit-base-patch32 gets it."
            )
        return self.open_eye()

    def eye_of(self, name: str = "") -> Eye:
        """The CLIP of that name, or the one that goes with the model.

        Raises:
            UsageError: there is none; the sentence says how to get one.
        """
        if not name or self.open_named is None:
            return self.eye
        return self.open_named(name)

    @cached_property
    def prior(self) -> Prior:
        """What goes from words to vectors of pictures, loaded when it is first asked for.

        Raises:
            UsageError: it has none.
        """
        if self.open_prior is None:
            raise UsageError(f"The model {self.name} has no prior beside it; let words go through 'text'.")
        return self.open_prior()

    def look(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        """Pictures as the model's CLIP sees them, counted."""
        eye = self.eye
        self.meter.tick("look", len(pixels))
        return eye.look(pixels)

    def tokens(self, latents: Latent) -> Float[Tensor, "rows tokens width"]:
        """What the model's CLIP sees in latents: the whole and patch by patch, decoded and counted."""
        eye = self.eye  # refused, where there is none, before anything is decoded
        pixels = self.decode(latents)
        self.meter.tick("look", len(pixels))
        return eye.tokens(pixels)

    @property
    def content(self) -> str:
        """The fingerprint of the model as it is now, with its patches on and side networks speaking."""
        added = [one.fingerprint for one in (*self.patches, *self.sides)]
        return (
            sha256("/".join([self.fingerprint, *added]).encode()).hexdigest() if added else self.fingerprint
        )

    def path(self, steps: int | None = None, *, offset: int | None = None) -> Path:
        """A sampling path of that many steps; without a number, every training level."""
        return self.family.schedule.path(steps, offset)

    def shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape of one latent for a picture of that size in pixels."""
        return 1, self.family.channels, height // self.family.factor, width // self.family.factor

    def decode(self, latents: Latent) -> Pixels:
        """Latents as pictures on the way of an edit, counted and with gradients where those are on."""
        self.meter.tick("decode", len(latents))
        return self.family.decode(latents)

    @contextmanager
    def control(self, *controls: Control) -> Generator[None, None, None]:
        """Push attention controls for the length of a ``with``; order is meaning.

        Raises:
            SilentControl: a control names layers this network does not have.
            OverpaintError: the network recomputes its activations, which would run every control twice.
        """
        if controls and getattr(self.net, "is_gradient_checkpointing", False):
            raise OverpaintError(
                "Controls cannot be used with gradient checkpointing; call disable_gradient_checkpointing() "
                "first."
            )
        with self.tap.control(*controls):
            yield

    @contextmanager
    def side(self, *sides: Side) -> Generator[None, None, None]:
        """Let side networks speak into every call inside."""
        before = len(self.sides)
        try:
            self.sides += sides
            yield
        finally:
            del self.sides[before:]

    @contextmanager
    def patched(self, *patches: Patch) -> Generator[None, None, None]:
        """Put learned patches on for the length of a ``with``."""
        with ExitStack() as stack:
            for patch in patches:
                stack.enter_context(patch.apply(self))
                self.patches.append(patch)
                stack.callback(self.patches.pop)
            yield

    @contextmanager
    def metered(self, meter: Meter) -> Generator[Meter, None, None]:
        """Count, report and cancel through this meter for the length of a ``with``."""
        before, self.meter = self.meter, meter
        try:
            yield meter
        finally:
            self.meter = before

    @contextmanager
    def keeping(self, cache: Any) -> Generator[None, None, None]:
        """Keep inversions there, or nowhere, for the length of a ``with``."""
        before, self.cache = self.cache, cache
        try:
            yield
        finally:
            self.cache = before

    @contextmanager
    def sparing(self, at_once: int | None) -> Generator[None, None, None]:
        """Take calls apart for the length of a ``with``: less memory, the same result but for rounding."""
        before, self.at_once = self.at_once, at_once
        try:
            yield
        finally:
            self.at_once = before

    def rows(
        self,
        x: Latent,
        i: int,
        path: Path,
        roles: Sequence[str],
        lines: Sequence[Line],
        level: int | None = None,
    ) -> Prediction:
        """THE network call: every row at once, read as predictions.

        Args:
            x: one latent a row.
            i: the step, which says what the network is told and what controls see.
            path: the levels.
            roles: the name of every row.
            lines: text and extra channels of every row.
            level: the level at which the latents sit, where it is not the step's own (an inversion is one
            behind).
        """
        at = Moment(i, path.steps, tuple(roles), x.shape[-2], x.shape[-1])
        t = path.t[i].to(x.device)
        asked = tape.turns(at, self.tap.active(at) if self.at_once else (), self.at_once)
        out = tape.joined([self._through(x, t, lines, at, turn) for turn in asked], asked)
        channels = x.shape[1]
        p = path.read(x, out[:, :channels].to(x.dtype), i, level)
        if out.shape[1] == channels:
            return p
        return replace(p, spread=out[:, channels:].to(x.dtype))  # the variance it learned

    def _through(self, x: Latent, t: Tensor, lines: Sequence[Line], at: Moment, turn: Turn) -> Tensor:
        """Some rows of a call, or all of them, through the network."""
        if len(turn.rows) < len(x):
            x, lines = x[list(turn.rows)], [lines[row] for row in turn.rows]
        text = together([line.text for line in lines])
        extra = [line.concat for line in lines if line.concat is not None]
        inputs = torch.cat([x, torch.cat(extra).to(x)], 1) if extra else x
        own = replace(at, rows=tuple(at.rows[row] for row in turn.rows))
        with self.tap.call(at, turn):
            self.meter.tick("rows", len(x))
            more = sum((s.residuals(x, t, text, own) for s in self.sides), Residuals())
            if more.rows:
                self.meter.tick("side", more.rows)
            return self.family.call(self.net, inputs, t, text, more)

    def predict(
        self,
        xs: Mapping[str, Latent],
        i: int,
        path: Path,
        branches: Sequence[Branch],
        level: int | None = None,
    ) -> dict[str, Prediction]:
        """All rows of all branches in one network call; then every branch's guide combines its own.

        Where a guide differentiates, its latent is free and gradients are on; what comes back carries none.

        Raises:
            NotFinite: values that are not numbers; the sentence names the step and the likely cause.
            OverpaintError: a branch holds several latents, which one prediction could not speak of.
        """
        crowded = next((name for name, x in xs.items() if len(x) != 1), None)
        if crowded is not None:
            raise OverpaintError(
                f"The branch {crowded!r} holds {len(xs[crowded])} latents, but a call predicts one; give "
                "each a branch of its own, or a solver that asks about one at a time."
            )
        if not any(b.guide.differentiates for b in branches):
            return self._predicted(xs, i, path, branches, level)
        with torch.enable_grad():
            free = {name: x.detach().requires_grad_() for name, x in xs.items()}
            made = self._predicted(free, i, path, branches, level)
        return {name: p.detached() for name, p in made.items()}

    def _predicted(
        self,
        xs: Mapping[str, Latent],
        i: int,
        path: Path,
        branches: Sequence[Branch],
        level: int | None,
    ) -> dict[str, Prediction]:
        named = self.tap.named
        told = [(b, line) for b in branches for line in b.guide.lines(i)]
        asked = [(b, one) for b, one in told if one.sign not in b.guide.idle or b.name + one.sign in named]
        asked.sort(key=lambda row: row[1].sign == "+")  # the published layout: conditional rows last
        roles = [b.name + line.sign for b, line in asked]
        x = torch.cat([xs[b.name] for b, _ in asked])
        p = self.rows(x, i, path, roles, [line for _, line in asked], level)
        call = {role: p.row(k) for k, role in enumerate(roles)}
        where = i if level is None else level
        made = {
            b.name: b.guide.combine(
                {one.sign: call[b.name + one.sign] for own, one in asked if own is b},
                Call(i, path, where, xs[b.name], call, self.meter, b.name),
            )
            for b in branches
        }
        if not finite([x for one in made.values() for x in (one.x0, one.eps)]):
            raise stopped([x], [p.x0, p.eps], self.dtype, i, len(path))
        return made

"""One seam into every attention layer: the scaled-dot-product call itself.

While a control is pushed, each attention layer that somebody wants runs inside a function mode that
intercepts ``scaled_dot_product_attention``. The layer's processor is never touched, so whatever it does to
queries and keys has been done by then, and a new release of the network code changes nothing.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from overpaint.errors import OverpaintError
from overpaint.product import ALL, Allowed, Heads, Maps, allowed_by_both, depth_of_modes, pop_to, scores


class SilentControl(OverpaintError):
    """A control that could not act: it names layers or rows that do not exist, or something bypassed it."""


@dataclass(frozen=True)
class Site:
    """The static address of a layer: the same for every run of a network."""

    name: str
    place: Literal["down", "mid", "up"]
    kind: Literal["self", "cross", "conv"]
    nth: int
    """Execution order among sites of its kind: down, mid, up."""
    stride: int
    """How many latent pixels one cell of its map covers along a side (1, 2, 4, 8)."""
    module: nn.Module = field(repr=False, compare=False)
    layer: int = 0
    """The residual block of its place that it is in or follows, in order: published layer numbers."""
    reader: int = 0
    """Of a cross layer: its place among those that can be told a text each (P+), in execution order."""


@dataclass(frozen=True)
class Moment:
    """When, for whom and on what canvas: fixed for one network call."""

    step: int = 0
    steps: int = 1
    rows: tuple[str, ...] = ()
    """The role of every row: branch name and sign, such as ``"src+"`` or ``"tgt-"``."""
    height: int = 0
    width: int = 0

    def of(self, *roles: str) -> list[int]:
        """The rows that play one of these roles."""
        return [k for k, role in enumerate(self.rows) if role in roles]

    def canvas(self, site: Site) -> tuple[int, int]:
        """Height and width of the site's map, in cells."""
        return -(-self.height // site.stride), -(-self.width // site.stride)

    def side(self, site: Site) -> float:
        """The side of a square with as many cells as the site's map: published limits are stated in it."""
        height, width = self.canvas(site)
        return (height * width) ** 0.5


class Control:
    """Edits attention at one or more stages; a subclass overrides only the stages it edits.

    Nothing may be changed in place: another control may have recorded the tensor. Rows are found by role
    through the moment, layers by ``where``, steps by ``when``; nothing is ever counted.
    """

    needs_probs: bool = False
    """Whether ``probs`` is used, which makes the layer compute its softmax explicitly."""
    reads: frozenset[str] = frozenset()
    """Roles whose rows the control looks at; a call without them is refused while ``when`` holds."""
    writes: frozenset[str] = frozenset()
    """Roles whose rows the control changes."""
    part: Literal["text", "image"] = "text"
    """Which of a cross layer's calls it edits where an image prompt adds a second one."""

    def where(self, site: Site) -> bool:
        """Which layers, independent of time. A choice that matches nothing is an error."""
        return True

    def when(self, at: Moment) -> bool:
        """Which steps. An empty window is legal and must leave the output as it was."""
        return True

    def context(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        """The text a cross layer reads, before its projections."""
        return states

    def values(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        """The text from which only the values are made."""
        return states

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        """Queries, keys and values after projection, norm and head split."""
        return q, k, v

    def mask(self, site: Site, at: Moment) -> Allowed | None:
        """What may be looked at, before the product: true or 0 where it may, false or ``-inf`` where not."""
        return None

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        """The softmax maps, in float32."""
        return p

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        """What leaves the attention product (by head), or the second convolution of a residual block."""
        return o


Stage = Literal["context", "values", "qkv", "probs", "out"]


def ask(c: Control, stage: Stage, site: Site, at: Moment, xs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What a control makes of the tensors at one of its stages."""
    made: Tensor | tuple[Tensor, ...] = getattr(c, stage)(site, at, *xs)
    return (made,) if isinstance(made, Tensor) else made


@runtime_checkable
class Turn(Protocol):
    """Which rows of a call go through the network now, and how controls are asked about them."""

    @property
    def rows(self) -> Sequence[int]:
        """The rows that are there, as places in the whole call."""
        ...

    @property
    def moment(self) -> Moment:
        """The call with these rows alone."""
        ...

    def ask(self, c: Control, stage: Stage, site: Site, xs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What a control makes of these rows at a stage."""
        ...

    def maps(self, c: Control) -> bool:
        """Whether the control wants the softmax maps of any of these rows."""
        ...


@dataclass(frozen=True)
class Whole:
    """All rows of a call at once."""

    at: Moment

    @property
    def rows(self) -> Sequence[int]:
        """Every row."""
        return range(len(self.at.rows))

    @property
    def moment(self) -> Moment:
        """The call as it is."""
        return self.at

    def ask(self, c: Control, stage: Stage, site: Site, xs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Straight from the control."""
        return ask(c, stage, site, self.at, xs)

    def maps(self, c: Control) -> bool:
        """Whether it wants any."""
        return c.needs_probs


class _Intercept(TorchFunctionMode):
    """Stands in the way of one layer's attention call."""

    def __init__(self, site: Site, turn: Turn, controls: Sequence[Control], words: int = ALL) -> None:
        super().__init__()
        self.site, self.turn, self.controls, self.calls = site, turn, controls, 0
        self.words = words  # what a side network adds behind them is none: controls leave its part of maps

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        self.calls += 1
        part = "text" if self.calls == 1 else "image"
        chosen = [c for c in self.controls if c.part == part]
        return self._attend(chosen, func, *args, **(kwargs or {}))

    def _attend(
        self,
        controls: Sequence[Control],
        func: Callable[..., Tensor],
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        **more: Any,
    ) -> Tensor:
        q, k, v = query, key, value
        for c in controls:
            q, k, v = self.turn.ask(c, "qkv", self.site, (q, k, v))
            attn_mask = allowed_by_both(attn_mask, c.mask(self.site, self.turn.moment))
        if any(self.turn.maps(c) for c in controls):
            whole = scores(q, k, attn_mask, scale)
            p, behind = whole[..., : self.words], whole[..., self.words :]
            for c in controls:
                (p,) = self.turn.ask(c, "probs", self.site, (p,))
            o = (torch.cat([p, behind], -1) if behind.shape[-1] else p).to(v.dtype) @ v
        else:
            o = func(
                q, k, v, attn_mask=attn_mask, dropout_p=dropout_p, is_causal=is_causal, scale=scale, **more
            )
        for c in controls:
            (o,) = self.turn.ask(c, "out", self.site, (o,))
        return o


class Tap:
    """The one attachment point of a network: controls come and go, hooks exist only while any is pushed."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self.sites = tuple(sites)
        self.controls: list[Control] = []
        self._at = Moment()
        self._turn: Turn = Whole(self._at)
        self._live: dict[str, _Intercept] = {}
        self._values: dict[str, Tensor] = {}
        self._visited: set[str] = set()
        self._handles: list[RemovableHandle] = []

    @contextmanager
    def control(self, *controls: Control) -> Generator[None, None, None]:
        """Push controls for the length of a ``with``; their order is their meaning.

        Raises:
            SilentControl: a control's ``where`` matches no layer of this network.
        """
        for c in controls:
            if not any(c.where(site) for site in self.sites):
                raise SilentControl(f"{type(c).__name__} names layers that this network does not have.")
        before = len(self.controls)
        try:
            if controls and not self._handles:
                self._attach()
            self.controls += controls
            yield
        finally:
            del self.controls[before:]
            if not self.controls:
                self._detach()

    @contextmanager
    def call(self, at: Moment, turn: Turn | None = None) -> Generator[None, None, None]:
        """One network call: checks roles before it, visits after it, and cleans up whatever interrupts it.

        ``turn`` says which of its rows go through the network now; nothing means all of them.

        Forward hooks with ``always_call`` run on ``Exception`` only, so a Ctrl-C inside a layer would leave
        its function mode installed; hence the pop back to the depth noted here.
        """
        active = self._check_roles(at)
        depth = depth_of_modes()
        self._at, self._turn = at, Whole(at) if turn is None else turn
        self._visited.clear()
        try:
            # A compiled network would run its recorded graph and pass every control by.
            with torch.compiler.set_stance("force_eager") if self.controls else ExitStack():
                yield
        finally:
            pop_to(depth)
            self._live.clear()
            self._values.clear()
        self._check_visits(active)

    @property
    def named(self) -> frozenset[str]:
        """The rows that any control names, whenever it acts: a walk asks for the same ones at every step."""
        return frozenset[str]().union(*(c.reads | c.writes for c in self.controls))

    def active(self, at: Moment) -> list[Control]:
        """The controls that act at a moment."""
        return [c for c in self.controls if c.when(at)]

    def _check_roles(self, at: Moment) -> list[Control]:
        active = self.active(at)
        for c in active:
            missing = sorted((c.reads | c.writes) - set(at.rows))
            if missing:
                raise SilentControl(
                    f"{type(c).__name__} needs the row {missing[0]!r}, but this call has only "
                    f"{', '.join(at.rows)}."
                )
        return active

    def _check_visits(self, active: Sequence[Control]) -> None:
        missed = [(c, s) for c in active for s in self.sites if c.where(s) and s.name not in self._visited]
        for c, site in missed:
            raise SilentControl(
                f"{type(c).__name__} was never asked at {site.name}; run the network uncompiled and uncached."
            )

    def _check_reached(self, site: Site, live: _Intercept) -> None:
        if live.calls == 0 or site.name in self._values:
            raise SilentControl(
                f"The layer {site.name} bypasses scaled_dot_product_attention or fuses its projections, so "
                "controls cannot reach it; load the model with its default attention processors."
            )
        for c in live.controls:
            if c.part == "image" and site.kind == "cross" and live.calls == 1:
                raise SilentControl(
                    f"{type(c).__name__} edits an image prompt, but {site.name} was given none."
                )

    def _wanted(self, site: Site) -> list[Control]:
        return [c for c in self.controls if c.where(site) and c.when(self._at)]

    def _attach(self) -> None:
        for site in self.sites:
            if site.kind == "conv":
                self._handles.append(site.module.register_forward_hook(partial(self._after_conv, site)))
                continue
            self._handles += [
                site.module.register_forward_pre_hook(partial(self._enter, site), with_kwargs=True),
                site.module.register_forward_hook(partial(self._leave, site), always_call=True),
            ]
            if site.kind == "cross":
                to_v = cast(nn.Module, site.module.to_v)
                self._handles.append(to_v.register_forward_pre_hook(partial(self._swap_values, site)))

    def _detach(self) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _after_conv(self, site: Site, module: nn.Module, args: Any, output: Tensor) -> Tensor:
        self._visited.add(site.name)
        for c in self._wanted(site):
            (output,) = self._turn.ask(c, "out", site, (output,))
        return output

    def _enter(self, site: Site, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        wanted = self._wanted(site)
        if not wanted:
            return None
        words = ALL
        if site.kind == "cross":
            kwargs, words = self._edit_text(site, wanted, kwargs)
        self._live[site.name] = _Intercept(site, self._turn, wanted, words)
        self._live[site.name].__enter__()
        return args, kwargs

    def _edit_text(
        self, site: Site, wanted: Sequence[Control], kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], int]:
        given = kwargs.get("encoder_hidden_states")
        # An image prompt travels beside the text as (text, images); controls edit the text.
        text, *images = cast(tuple[Tensor, ...], given if isinstance(given, tuple) else (given,))
        states = text
        for c in wanted:
            (states,) = self._turn.ask(c, "context", site, (states,))
        values = states
        for c in wanted:
            (values,) = self._turn.ask(c, "values", site, (values,))
        if values is not states:
            self._values[site.name] = values
        told = (states, *images) if images else states
        return {**kwargs, "encoder_hidden_states": told}, states.shape[1]

    def _swap_values(self, site: Site, module: nn.Module, args: tuple[Tensor, ...]) -> Any:
        values = self._values.pop(site.name, None)
        return None if values is None else (values, *args[1:])

    def _leave(self, site: Site, module: nn.Module, args: Any, output: Any) -> None:
        live = self._live.pop(site.name, None)
        if live is None:
            return
        live.__exit__(None, None, None)  # pyright: ignore[reportUnknownMemberType]
        if output is not None:
            self._check_reached(site, live)
            self._visited.add(site.name)

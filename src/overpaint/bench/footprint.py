"""The most memory that an edit by each method takes at the size of Stable Diffusion, found without weights.

Methods run as they are, on networks of the published shapes whose tensors have no values
(`overpaint.families.hollow`); what lives at once is counted by the operations that make it. So all is in it
that tensors hold: weights, activations, what waits for a backward pass, maps and features that are kept. What
libraries take besides is not: workspaces of convolutions, gaps between blocks, the context of an accelerator.

``python -m overpaint.bench.footprint`` writes what the cards say.
"""

import json
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensor,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter

from overpaint import registry
from overpaint.bench.table import grid
from overpaint.card import Need
from overpaint.contract.trial import Kind, encoded, result, run
from overpaint.errors import UsageError
from overpaint.families.hollow import hollow_model
from overpaint.families.tiny import SHAPES
from overpaint.files import atomic
from overpaint.method import Method
from overpaint.model import Model
from overpaint.near import nearest
from overpaint.run.estimate import Living, resident
from overpaint.run.settings import name_of

GIGA = 1e9
STEPS = (5, 6)
"""An edit is followed over so many steps; what it keeps of each is taken for all from the two."""
FEWER: Mapping[str, Mapping[str, Any]] = {
    "sega": {"concept": ["+dog:5", "-grass:3"], "warmup": 0},
    "masactrl": {"start": 1},
    "ledits++": {"concept": ["+dog:5", "-grass:3"]},
    "pix2pix-zero": {"sentences": 3},
    "p-plus": {"word": "dog", "learning": {"init": "cat", "updates": 1, "batch": 1, "sentences": ["a {}"]}},
    "diffusion-clip": {"to_noise": 4, "learning": {"to_noise": 4, "back": 2, "passes": 1}},
    "imagic": {"learning": {"text_updates": 1, "updates": 1}},
    "cyclenet": {"net": "fresh"},
    "spatext": {"prior_steps": 1},
    "text2live": {"where": "dog", "learning": {"updates": 1, "whole_every": 1}},
}
"""Fewer rounds of what takes as much each time, and what a method must be told; all else as it comes."""
ROUNDS: Mapping[str, Mapping[str, Any]] = {
    "null-text": {"inner": 1},
    "prompt-tuning": {"inner": 1},
    "style": {"inner": 1},
    "regularised": {"rounds": 1},
}
"""The same for inversions."""
WITHOUT = {"diffusion-clip": Need.EXAMPLES, "masactrl": Need.MASK}
"""What a method could use and is not given: by default it does without."""
HEAD = ("method", "peak, GB", "weights, GB", "the method beside them, GB", "autoencoder beside them, GB")


class Supposed(Living):
    """Counts what lives where nothing has a value: a test is taken to hold, a number to be one."""

    def made(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What an operation gives: of tensors that have values these, else what has none."""
        if func is torch.ops.prim.device.default:  # every second one
            return args[0].fake_device if isinstance(args[0], FakeTensor) else args[0].device
        given = [one for one in tree_iter((args, kwargs)) if isinstance(one, Tensor)]
        if not any(isinstance(one, FakeTensor) for one in given):
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        try:
            return func(*args, **kwargs)
        except DataDependentOutputException:
            kind = given[0].dtype
            return True if kind == torch.bool else 1.0 if kind.is_floating_point else 1


class Arrays(TorchFunctionMode):
    """Zeros, where an array is made of what has no values."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.numpy and isinstance(args[0], FakeTensor):
            return np.zeros(tuple(args[0].shape))
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Footprint:
    """What an edit takes at the most, in bytes."""

    name: str
    weights: int
    """Parameters of the model, all of whose parts stay on the device."""
    walk: int
    """The most that lives beside them while the method works: CLIP or side networks with it, where it has
    such."""
    coding: int
    """The same while the picture is encoded and the result decoded."""

    @property
    def peak(self) -> int:
        """The most at once."""
        return self.weights + max(self.walk, self.coding)

    @property
    def cells(self) -> tuple[str, ...]:
        """A line of the table, in gigabytes."""
        return self.name, *(f"{n / GIGA:.2f}" for n in (self.peak, self.weights, self.walk, self.coding))


def takers(methods: Sequence[str], shape: str) -> list[str]:
    """The methods asked for, or all that run on a family.

    Raises:
        UsageError: there is no such family here, no such method, or it does not run on it.
    """
    if shape not in SHAPES:
        raise UsageError(f"There is no network of the family {shape!r} to look at; {nearest(shape, SHAPES)}")
    able = [
        kind.card.name for kind in registry.every() if {shape, f"{shape}-spatext"} & {*kind.card.families}
    ]
    for name in methods:
        if registry.known(name) not in able:
            raise UsageError(f"The method {name!r} does not run on {shape} models; choose another family.")
    return [*methods] or able


def footprints(
    methods: Sequence[str], shape: str = "sd1", inversions: Sequence[str] = ()
) -> Iterator[Footprint]:
    """Methods at their defaults on a family, in the type and at the side its networks are run at.

    Args:
        methods: their names.
        shape: the family.
        inversions: over each of these instead of the default, where a method takes several.
    """
    for name in methods:
        kind = registry.find(name)
        usual = name_of(kind().model_dump().get("inversion"))
        for inversion in (inversions or [usual]) if usual else [""]:
            over = {"inversion": {"name": inversion, **ROUNDS.get(inversion, {})}} if inversion else {}
            title = name if inversion == usual else f"{name} {inversion}"
            yield replace(whole(kind, {**FEWER.get(name, {}), **over}, shape), name=title)


def whole(kind: Kind, told: Mapping[str, Any], shape: str) -> Footprint:
    """All steps of an edit from a few."""
    if "steps" not in kind.model_fields:
        return followed(kind, kind.model_validate(told), shape)
    few, more = (followed(kind, kind.model_validate({**told, "steps": n}), shape) for n in STEPS)
    steps = int(kind.model_validate(dict(kind.card.families.get(shape, {}))).model_dump()["steps"])
    kept = max(0, more.walk - few.walk) // (STEPS[1] - STEPS[0])
    return replace(more, walk=more.walk + kept * (steps - STEPS[1]))


def followed(kind: Kind, method: Method, shape: str) -> Footprint:
    """One edit on a model of its own."""
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    model = hollow_model(mode, shape, mapped=f"{shape}-spatext" in kind.card.families)
    with counting(mode) as living:
        return watched(model, kind, method, living, mode.from_tensor)


@contextmanager
def counting(mode: FakeTensorMode) -> Generator[Living, None, None]:
    """Count what lives while nothing has a value."""
    with warnings.catch_warnings(), Arrays(), mode, Supposed() as living:
        # Taking the value from a tensor that others were made from looks for its gradient.
        warnings.filterwarnings("ignore", "The .grad attribute of a Tensor that is not a leaf")
        yield living


def watched(
    model: Model,
    kind: Kind,
    method: Method,
    living: Living,
    emptied: Callable[[Tensor], Tensor] = lambda one: one,
) -> Footprint:
    """An edit from the picture to the result, while ``living`` counts.

    Where the networks are hollow, ``emptied`` takes the picture's values as well: else a network of a
    method's own would work on it in earnest.
    """
    size = model.family.side, model.family.side
    with torch.no_grad():
        task = encoded(model, kind, lacking=WITHOUT.get(kind.card.name), size=size)
        if task.given_pixels is not None:
            task = replace(task, given_pixels=task.given_pixels + emptied(torch.zeros(())))
        coding, living.most = living.most, living.now
        made = run(model, method, task)
        walk, living.most = living.most, living.now
        if made.latents:
            model.family.decode(result(made))
    return Footprint(kind.card.name, resident(model)[2], walk, max(coding, living.most))


def markdown(found: Iterable[Footprint]) -> str:
    """The table."""
    return grid(HEAD, [one.cells for one in found]) + "\n"


def main() -> None:
    """Write what every method takes, for its card."""
    peaks = {one.name: one.peak for one in footprints(tuple(registry.METHODS))}
    atomic.write(registry.MEMORY, (json.dumps(peaks, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()

"""A short run of any method on a tiny network: what it is given, what it gives, what it leaves behind."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from overpaint.card import Need
from overpaint.errors import OverpaintError
from overpaint.families.tiny import Shape, tiny, tiny_eye
from overpaint.files.fingerprint import tensor_hash
from overpaint.meter import Meter
from overpaint.method import Method
from overpaint.model import Model
from overpaint.outcome import Outcome, outcome_of
from overpaint.product import depth_of_modes
from overpaint.task import Region, Request, Task

Size = tuple[int, int]
SIZE: Size = (32, 32)
SOURCE, TARGET = "a photo of a cat", "a photo of a dog"
FURTHER = "a drawing of a bird"
STEPS = 3
Kind = type[Method]


class BrokenContract(AssertionError):
    """A promise that does not hold, as a sentence."""


def demand(holds: bool, sentence: str) -> None:
    """Raise the sentence unless it holds."""
    if not holds:
        raise BrokenContract(sentence)


def short(kind: Kind, **fields: Any) -> Method:
    """The method with few steps and the options its card names for a trial, otherwise at its defaults."""
    own = {"steps": STEPS} if "steps" in kind.model_fields else {}
    return kind.model_validate({**own, **kind.card.trial, **fields})


def network(kind: Kind, shape: Shape) -> Model:
    """The tiny network, with a tiny CLIP beside it for a method that cannot work without."""
    model = tiny(shape)
    if kind.card.sees:
        model.open_eye = tiny_eye
    return model


def picture(turn: float = 0.0, size: Size = SIZE) -> Tensor:
    """A smooth picture, the same on every machine."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    return torch.stack([x, y, (3 * x * y + turn).sin()])[None] * 0.8


def mask(size: Size = SIZE) -> Tensor:
    """The left half may change."""
    return torch.cat([torch.ones(1, 1, size[0], size[1] // 2), torch.zeros(1, 1, size[0], size[1] // 2)], -1)


def regions(size: Size = SIZE) -> list[Region]:
    """The left half is told something, a part of the right half what it shows."""
    right, (height, width) = torch.zeros(1, 1, *size), size
    right[..., height // 4 : -height // 4, width * 5 // 8 : -width // 8] = 1
    return [Region("a red cat", mask(size)), Region("", right)]


def pictures(lacking: Need | None = None, size: Size = SIZE) -> dict[str, list[Tensor]]:
    """Further pictures of both kinds, save what is to be missing."""
    every = {
        Need.EXAMPLES: ("examples", [picture(1.0, size), picture(2.0, size)]),
        Need.CONTROL: ("control:any", [picture(3.0, size)]),
    }
    return dict(value for need, value in every.items() if need is not lacking)


def encoded(
    model: Model,
    kind: Kind,
    source: str = SOURCE,
    target: str = TARGET,
    seed: int = 0,
    lacking: Need | None = None,
    also: tuple[str, ...] = (),
    size: Size = SIZE,
) -> Task:
    """The task every check runs, with everything that a card can ask for, or all but one thing."""
    said = {Need.SOURCE: source, Need.TARGET: target}
    words = {str(need): "" if need is lacking else text for need, text in said.items()}
    return Task.of(
        model,
        Request.model_validate({**words, "seed": seed, "also": also}),
        kind.card.needs,
        None if lacking is Need.IMAGE else picture(size=size),
        size,
        optional=kind.card.optional,
        mask=None if lacking is Need.MASK else mask(size),
        pictures=pictures(lacking, size),
        regions=() if lacking is Need.REGIONS else regions(size),
    )


def task(model: Model, kind: Kind, source: str = SOURCE, target: str = TARGET, seed: int = 0) -> Task:
    """The whole task."""
    return encoded(model, kind, source, target, seed)


def run(model: Model, method: Method, given: Task, meter: Meter | None = None) -> Outcome:
    """Run a method the way `overpaint.edit` does."""
    with model.lock, torch.no_grad(), model.metered(meter or Meter()):
        method.check(model, given)
        return outcome_of(method(model, given))


def result(made: Outcome) -> Tensor:
    """The best result, as a latent or as pixels."""
    return next(iter(made.latents or made.pixels))


def error_of(attempt: Callable[[], object]) -> OverpaintError | None:
    """The sentence an attempt ends with, if it ends with one."""
    try:
        attempt()
    except OverpaintError as error:
        return error
    return None


def weights(model: Model) -> Iterable[Tensor]:
    """Every tensor of the denoiser and of the networks beside it."""
    yield from model.net.state_dict().values()
    for several in model.family.parts.values():
        for net in several:
            states: Mapping[str, Tensor] = net.state_dict()
            yield from states.values()


@dataclass(frozen=True)
class State:
    """Everything about a model that an edit must leave as it was."""

    weights: str
    hooks: int
    processors: tuple[int, ...]
    attached: tuple[int, int, int, int]
    gradients: tuple[bool, bool]

    @staticmethod
    def of(model: Model) -> "State":
        """Look at a model."""
        modules = list(model.net.modules())
        kinds = ("_forward_hooks", "_forward_pre_hooks")
        hooks = sum(len(vars(module)[kind]) for module in modules for kind in kinds)
        return State(
            tensor_hash(*weights(model)),
            hooks,
            tuple(id(getattr(m, "processor", None)) for m in modules),
            (len(model.tap.controls), len(model.sides), len(model.patches), depth_of_modes()),
            (
                any(p.requires_grad or p.grad is not None for p in model.net.parameters()),
                torch.is_grad_enabled(),
            ),
        )

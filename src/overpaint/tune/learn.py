"""The one loop that learns: any parameters, any loss, taken up again where it was killed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overpaint.errors import NotFinite
from overpaint.files.store import Draft, NoDraft
from overpaint.meter import Meter

Loss = Callable[[int], Tensor]
"""From the number of the update to what shall become small."""
Rate = float | Callable[[int], float]
Rule = Callable[[list[Tensor]], torch.optim.Optimizer]
"""From parameters to what moves them; the rate is told before each update."""


def adam(parameters: list[Tensor]) -> torch.optim.Optimizer:
    """Adam as usual."""
    return torch.optim.Adam(parameters, lr=1.0)


@dataclass(frozen=True)
class _How:
    """One update: its number, its rate, the losses it is made of, and what they must not exceed."""

    k: int
    rate: float
    numbers: range
    most: float


def learn(
    meter: Meter,
    parameters: Mapping[str, Tensor],
    loss: Loss,
    updates: int,
    rate: Rate,
    *,
    draft: Draft | None = None,
    several: int = 1,
    most: float = math.inf,
    rule: Rule = adam,
) -> list[float]:
    """Adam on the loss, in place; gives the losses back as they were before each update.

    What a killed run left in the draft is taken up, with the rule's memory, so that the result is that of an
    unbroken run. Parameters must require gradients (`overpaint.tune.unfrozen`), and do so no longer than the
    caller says.

    Args:
        meter: told of every backward pass and every update, each of which can be cancelled.
        parameters: what is learned, by name.
        loss: called with gradients on.
        updates: how many.
        rate: the learning rate, or one for each update.
        draft: where it is written down now and then.
        several: losses whose mean makes an update, each with a backward pass of its own; the loss is then
            told their number.
        most: the loss above which nothing can be learned any more.
        rule: another one than Adam.

    Raises:
        NotFinite: loss or gradient are no numbers any more, or beyond that; the sentence names update and
            rate.
    """
    draft = draft or NoDraft()
    moves = rule(list(parameters.values()))
    losses, first = _taken_up(draft.read(), parameters, moves)
    for k in range(first, updates):
        now = rate if isinstance(rate, float | int) else rate(k)
        how = _How(k, float(now), range(k * several, (k + 1) * several), most)
        losses.append(_update(meter, parameters, loss, moves, how))
        draft.keep(_state(parameters, moves, losses))
    return losses


def _update(
    meter: Meter, parameters: Mapping[str, Tensor], loss: Loss, moves: torch.optim.Optimizer, how: "_How"
) -> float:
    found = 0.0
    for n in how.numbers:
        with torch.enable_grad():
            try:
                value = loss(n) / len(how.numbers)
            except NotFinite:  # said of a network that an edit would be walked with
                raise NotFinite(_diverged(how, math.nan)) from None
            meter.tick("backward")
            grads = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
        found += float(value.detach())
        known = [g for g in grads if isinstance(g, Tensor)]  # pyright: ignore[reportUnnecessaryIsInstance]
        if not found <= how.most or not all(bool(torch.isfinite(g).all()) for g in known):
            raise NotFinite(_diverged(how, found))
        for parameter, grad in zip(parameters.values(), grads, strict=True):
            parameter.grad = grad if parameter.grad is None else parameter.grad + grad
    for group in moves.param_groups:
        group["lr"] = how.rate
    meter.tick("update")
    moves.step()  # pyright: ignore[reportUnknownMemberType]
    for parameter in parameters.values():
        parameter.grad = None
    meter.note("learning", found)
    return found


def _diverged(how: "_How", found: float) -> str:
    if math.isfinite(found) and found > how.most:
        return (
            f"Learning went astray at update {how.k + 1}, where the loss is {found:.2g}: the learning rate "
            f"{how.rate:.2g} is too high; lower it."
        )
    return (
        f"What is learned stopped being numbers at update {how.k + 1}: the learning rate {how.rate:.2g} is "
        "too high, or the network overflows in float16; lower the rate, or choose the type float32."
    )


def _state(
    parameters: Mapping[str, Tensor], moves: torch.optim.Optimizer, losses: list[float]
) -> dict[str, Tensor]:
    state = {"losses": torch.tensor(losses, dtype=torch.float64)}
    for name, parameter in parameters.items():
        state[f"value.{name}"] = parameter.detach()
        own: Mapping[str, Tensor] = moves.state.get(parameter, {})
        state |= {f"{moment}.{name}": value for moment, value in own.items()}
    return state


def _taken_up(
    left: Mapping[str, Tensor], parameters: Mapping[str, Tensor], moves: torch.optim.Optimizer
) -> tuple[list[float], int]:
    """Put back what a draft holds; nothing where it holds something else."""
    if "losses" not in left or any(f"value.{name}" not in left for name in parameters):
        return [], 0
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(left[f"value.{name}"])
            parted = {key.partition(".")[0]: t for key, t in left.items() if key.partition(".")[2] == name}
            own = {moment: t.clone() for moment, t in parted.items() if moment != "value"}
            if own:
                moves.state[parameter] = {**own, "step": own["step"].cpu()}
    losses: list[float] = [float(value) for value in left["losses"]]
    return losses, len(losses)

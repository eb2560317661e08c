"""The contract: what every method promises, as named checks for any method, ours or a plugin's.

    from overpaint.contract import CHECKS, check_method
    check_method(MyMethod)                       # all checks on all declared families
    CHECKS["cost equals the card"](MyMethod, "sd1")   # one of them

Each check runs the method on tiny networks of the real classes, in a second or two, without a download.
"""

from collections.abc import Iterator

from overpaint.contract.checks import CHECKS, Check
from overpaint.contract.trial import BrokenContract, Kind, demand
from overpaint.families.tiny import ODD, SHAPES, Shape


def cases(kind: Kind) -> Iterator[tuple[str, Shape]]:
    """The checks that apply to a method: each on every family its card declares.

    Raises:
        BrokenContract: its card declares no family that there is a tiny network of.
    """
    shapes: list[Shape] = [shape for shape in (*SHAPES, *ODD) if shape in kind.card.families]
    known = ", ".join((*SHAPES, *ODD))
    demand(
        bool(shapes), f"The card of {kind.card.name} names no family that can be tried; there are: {known}."
    )
    for name in CHECKS:
        for shape in shapes:
            yield name, shape


def check_method(kind: Kind) -> None:
    """Run the whole contract.

    Raises:
        BrokenContract: the first promise that does not hold, as a sentence.
    """
    for name, shape in cases(kind):
        CHECKS[name](kind, shape)


__all__ = ["CHECKS", "ODD", "SHAPES", "BrokenContract", "Check", "cases", "check_method"]

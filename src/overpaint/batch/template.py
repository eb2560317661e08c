"""Texts with gaps for what a row says: ``"{caption}, at night"``. Names alone: nothing of them is run."""

import re
from collections.abc import Iterable, Mapping

from overpaint.errors import UsageError
from overpaint.near import nearest

GAP = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def gaps(template: str) -> list[str]:
    """The names in a template, in their order.

    Raises:
        UsageError: a bracket stands alone.
    """
    found = list[str]()
    for gap in GAP.finditer(template):
        if gap[0] in "{}":
            raise UsageError(
                f"A bracket stands alone in {template[:60]!r}; write a name in both, or {{{{ and }}}} for "
                "brackets themselves."
            )
        if gap[1] is not None:
            found.append(gap[1].strip())
    return found


def filled(template: str, names: Mapping[str, str]) -> str:
    """The template with its gaps filled in.

    Raises:
        UsageError: the row says nothing of that name; the sentence names the nearest.
    """

    def fill(gap: re.Match[str]) -> str:
        if gap[1] is None:
            return gap[0][:1]
        name = gap[1].strip()
        if name not in names:
            raise missing(name, names)
        return names[name]

    return GAP.sub(fill, template)


def missing(name: str, names: Iterable[str]) -> UsageError:
    """The error for a gap that nothing fills."""
    return UsageError(f"Nothing is called {name!r} here; {nearest(name, sorted(names))}")

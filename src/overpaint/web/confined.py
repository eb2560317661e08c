"""Options that name files: whoever asks from elsewhere sends what is to be looked at, and names none here."""

from collections.abc import Mapping, Sequence
from typing import Any

from overpaint import registry
from overpaint.bench.variant import ALL
from overpaint.errors import UsageError
from overpaint.run.request import kind_of
from overpaint.run.resolve import known_settings, nested
from overpaint.run.settings import places


def check_confined(method: str, options: Mapping[str, Any]) -> None:
    """Refuse options that name files or folders, before any of them is looked for.

    Raises:
        UsageError: there is one, or no such method.
    """
    settings = known_settings(kind_of(method))
    found = next(places(nested(options, settings), settings), None)
    if found is not None:
        raise UsageError(
            f"The option {found!r} of {method!r} names a file or folder, and none that is named from "
            "elsewhere is opened here; leave it out."
        )


def check_all_confined(
    methods: Sequence[str], options: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]
) -> None:
    """The same for a comparison, where every method takes those options that it has.

    Raises:
        UsageError: there is one, or no such method.
    """
    said = [options, *({**options, name: value} for name, values in grid.items() for value in values)]
    for method in registry.places() if ALL in methods else methods:
        for one in filter(None, said):
            check_confined(method, one)

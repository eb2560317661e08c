"""Options that act only beside another one are refused where that one is not given."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from overpaint.errors import UsageError
from overpaint.options import Options
from overpaint.run.resolve import known_settings, nested


def check_acting(options: Options, said: Mapping[str, Any]) -> None:
    """Refuse an option that the user gave and that could change nothing.

    Raises:
        UsageError: the option beside which it acts has its default.
    """
    for name, other in idle(options, nested(said, known_settings(type(options)))):
        raise UsageError(
            f"The option {name!r} acts only beside {other!r}, so it would change nothing; give {other!r} as "
            f"well, or leave {name!r} out."
        )


def idle(options: Options, said: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """The options said that change nothing, a component's too, each with the one that it lacks."""
    fields, only_with = type(options).model_fields, type(options).only_with
    for name, value in said.items():
        own, other = getattr(options, name), only_with.get(name)
        if isinstance(own, Options) and isinstance(value, Mapping):
            yield from idle(own, cast("Mapping[str, Any]", value), f"{within}{name}.")
        if other and own != fields[name].default and getattr(options, other) == fields[other].default:
            yield within + name, within + other

"""Who chose the options that a user left open: the kind of model, the model, the prompts, the picture."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from overpaint.images.recipe import Choice


def chosen(presets: Mapping[Choice, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Choice]:
    """Who chose each option, by its name on the command line; a later preset lies over an earlier one.

    Options that the user gave are not among them, nor those of a component that the user named.
    """
    return {
        name: who
        for who, preset in presets.items()
        for name in names(preset)
        if name not in given and name.partition(".")[0] not in given
    }


def names(preset: Mapping[str, Any]) -> Iterator[str]:
    """The names of options, those of a component with a dot."""
    for name, value in preset.items():
        yield name
        if isinstance(value, dict):
            inner = cast(dict[str, Any], value)
            yield from (f"{name}.{one}" for one in inner if one != "name")

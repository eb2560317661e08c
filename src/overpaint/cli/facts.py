"""What a recipe says: the words that changed, the options off their defaults, what is missing here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from overpaint import __version__, registry
from overpaint.cli.options import Common
from overpaint.families.locate import SHIPPED
from overpaint.images import Limits, Picture, pixels_hash
from overpaint.images.recipe import LIBRARIES, Recipe, SourceRecord, installed, parse_recipe
from overpaint.run.settings import Setting, settings_of
from overpaint.run.wording import word_changes

EXACT = ("torch", "diffusers", "transformers", "numpy", "pillow")
"""Libraries whose version may change the last bits."""


SIDES = "sides"
"""Where a model that comes with the package keeps its side networks, which recipes know by name."""
PROMPTS = ("source", "target", "also")
"""What of a request is told by itself."""


def limits(common: Common) -> Limits:
    """The largest file and picture that are read."""
    usual = Limits()
    return Limits(common.max_bytes or usual.bytes, common.max_pixels or usual.pixels)


def facts(picture: Picture, name: str) -> dict[str, Any]:
    """Everything there is to say about the recipe in a picture, as data."""
    recipe = parse_recipe(picture, name)
    chosen, request = choices(recipe), recipe.request
    source, target = str(request.get("source", "")), recipe.target
    others = [one for one in recipe.targets if one != target]
    height, width = picture.size
    return {
        "command": recipe.command,
        "method": recipe.method,
        "idea": registry.read_summary().get(recipe.method, {}).get("idea", ""),
        "picture": {
            "format": picture.info.format,
            "height": height,
            "width": width,
            "as_written": pixels_hash(picture) == recipe.output,
        },
        "source": source,
        "target": target,
        "others": others,
        "words": word_changes(source, target) if source and target else [],
        "changed": {
            name: {"value": now, "default": was, "from": recipe.chosen.get(name)}
            for name, (now, was) in chosen.changed.items()
        },
        "usual": dict(chosen.usual),
        "unknown": dict(chosen.unknown),
        "request": {which: value for which, value in request.items() if which not in PROMPTS},
        "model": recipe.model.model_dump(mode="json"),
        "controls": [one.model_dump(mode="json") for one in recipe.controls],
        "environment": recipe.environment.model_dump(mode="json"),
        "files": {
            which: [{"inside": one.png is not None, "path": one.path} for one in several]
            for which, several in recipe.pictures.items()
        },
        "warnings": list(recipe.warnings),
        "hindrances": list(hindrances(recipe)),
    }


@dataclass(frozen=True)
class Choices:
    """Options of a method: those off their defaults as (value, default), and the others."""

    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict[str, tuple[Any, Any]])
    usual: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unknown: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Options whose defaults are not known here."""


def choices(recipe: Recipe) -> Choices:
    """The options of a recipe held against the method's defaults, those of its parts written with a dot."""
    stored = registry.read_summary()
    values = dict(flat(recipe.options))
    if recipe.method not in stored:
        return Choices(unknown=values)
    schema = cast(Mapping[str, Any], stored[recipe.method]["schema"])
    usual = dict(defaults(settings_of(schema), values))
    known = {name: value for name, value in values.items() if name in usual}
    return Choices(
        {name: (value, usual[name]) for name, value in known.items() if value != usual[name]},
        {name: value for name, value in known.items() if value == usual[name]},
        {name: value for name, value in values.items() if name not in usual},
    )


def flat(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Options by their names on the command line: a part by its name, its own options with a dot."""
    for name, value in options.items():
        if isinstance(value, dict) and "name" in value:
            part = cast(dict[str, Any], value)
            yield name, part["name"]
            yield from ((f"{name}.{inner}", one) for inner, one in part.items() if inner != "name")
        else:
            yield name, value


def defaults(settings: Mapping[str, Setting], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The default of every option, those of the chosen parts too."""
    for name, setting in settings.items():
        yield name, setting.part if setting.parts else setting.default
        chosen = setting.parts.get(str(values.get(name)), {})
        yield from ((f"{name}.{inner}", one.default) for inner, one in chosen.items())


def hindrances(recipe: Recipe) -> Iterator[str]:
    """Why the same pixels may not come out here, a sentence each; the weights are not looked at."""
    if recipe.method not in registry.places() and recipe.method != "invert":
        yield f"This overpaint has no method {recipe.method!r}."
    for name, several in recipe.pictures.items():
        for record in several:
            if not at_hand(record):
                what = "mask" if name == "mask" else f"{name} picture"
                yield f"The {what} is not in the recipe, and {record.path or 'no file'} is not here."
    yield from absent_files(recipe)
    was = recipe.environment.versions
    here = {name: installed(name) for name in LIBRARIES} | {"overpaint": __version__}
    for name in ("overpaint", *EXACT):
        if was.get(name, here[name]) != here[name]:
            yield f"It was made with {name} {was[name]}, and here is {here[name] or 'none'}."
    if recipe.environment.device != "cpu":
        yield f"It was made on {recipe.environment.device}; other kinds of device give other last bits."


def at_hand(record: SourceRecord) -> bool:
    """Whether a picture lies in the recipe, or a file of its name where it lay."""
    return record.png is not None or exists(record.path)


def exists(path: str | None) -> bool:
    """Whether there is such a file or folder; not if its name is none."""
    try:
        return path is not None and Path(path).exists()
    except (OSError, ValueError):
        return False


def absent_files(recipe: Recipe) -> Iterator[str]:
    """Models and their additions that were files and are not here."""
    origin = recipe.model.origin
    for path in (recipe.model.name, *(one.file for one in (*origin.loras, *origin.embeddings))):
        if Path(path).is_absolute() and not exists(path):
            yield f"The model needs {path}, which is not here."
    for one in recipe.controls:
        net = str(one.options.get("net", ""))
        if not exists(net) and not any(exists(str(home / SIDES / net)) for home in SHIPPED.values()):
            yield f"The side network {net} is not here."

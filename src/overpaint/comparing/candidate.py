"""One cell of a comparison once it is done: the edit and what can be said of it, or why there is none."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from overpaint.choosing.score import said as said_of
from overpaint.families.load import usual_device, usual_dtype
from overpaint.images import Picture
from overpaint.images.recipe import Environment, Recipe
from overpaint.options import Options
from overpaint.run.request import EditRequest, kind_of
from overpaint.run.result import Edit
from overpaint.run.settings import Setting, name_of, settings_of
from overpaint.run.sided import GIVEN, written

PLAIN: Mapping[str, Any] = {
    **{"seed": 0, "fit": "pad", "alpha": "keep", "background": "white"},
    **{"feather": 0, "grow": 0, "context": None, "extend": ""},
}
"""What need not be said in a command, because it holds by itself."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """An edit beside others."""

    title: str
    method: str
    edit: Edit | None = None
    error: str = ""
    """Why there is no edit."""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    signals: Mapping[str, float] = field(default_factory=dict[str, float])
    score: tuple[float, float, float] | None = None
    """The chance that it came off, and the interval of how often such edits do."""
    words: tuple[tuple[str, Picture], ...] = ()
    """Where chosen words look, laid over the picture."""
    unasked: Mapping[str, Any] | None = None
    """What the method changes where nothing is asked."""
    command: str = ""
    """What makes this edit again on the command line."""

    @property
    def chance(self) -> str:
        """The score for people, never without its interval; nothing where there is none."""
        if self.score is None:
            return ""
        return said_of(*self.score)

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of its picture."""
        return None if self.edit is None else self.edit.recipe


def command(
    recipe: Recipe, given: Mapping[str, Any], asked: EditRequest, memory: str | int | None = None
) -> str:
    """The command line that makes an edit again; what was not said is left to the same defaults.

    Names in capitals stand for pictures that lie in no file.
    """
    request = asked.request
    words = ["overpaint", "edit", asked.place or "PICTURE"]
    for name in ("source", "target"):
        words += [f"--{name}", getattr(request, name)] if getattr(request, name) else []
    words += ["--method", recipe.method]
    words += [] if recipe.model.name == "still-life" else ["--model", recipe.model.name]
    words += [*recipe.model.origin.flags, *on(recipe.environment), *beside(asked)]
    for name, usual in PLAIN.items():
        value = getattr(request, name)
        words += [] if value == usual else [f"--{name}", str(value)]
    words += [] if memory is None else ["--memory", str(memory)]
    words += options(recipe.method, given)
    return shlex.join(words)


def on(where: Environment) -> Iterator[str]:
    """Where a model ran and in which numbers, as far as that is not what would be chosen here."""
    if where.device != usual_device():
        yield from ("--device", where.device)
    if where.dtype != str(usual_dtype(where.device)).removeprefix("torch."):
        yield from ("--dtype", where.dtype)
    if where.offload:
        yield "--offload"


def beside(asked: EditRequest) -> Iterator[str]:
    """Where a picture may change, what it is laid on, and which side networks speak."""
    box = asked.where.box
    if box is not None:
        yield from ("--mask-box", box if isinstance(box, str) else ",".join(map(str, box)))
    elif asked.mask is not None:
        yield from ("--mask", asked.mask.place or "MASK")
    if asked.onto is not None:
        yield from ("--onto", asked.onto[1] or "ONTO")
    for one in asked.controls:
        how = one.how.changed(picture="CONDITION") if one.how.picture == GIVEN else one.how
        yield from ("--control", written(how))


def options(method: str, said: Mapping[str, Any]) -> Iterator[str]:
    """Options as the command line takes them."""
    settings = settings_of(kind_of(method).model_json_schema())
    said = dict(apart(said, settings))
    walked = str(said.get("inversion", ""))
    for name, value in said.items():
        head, _, inner = name.partition(".")
        setting = settings.get(head)
        if setting is not None and inner:
            setting = setting.parts.get(walked or setting.part, {}).get(inner)
        flag = name.replace("_", "-")
        if setting is not None and setting.kind == "boolean":
            yield f"--{flag}" if str(value).lower() in ("true", "1", "yes") else f"--no-{flag}"
        elif isinstance(value, dict):
            pairs = cast(dict[str, Any], value).items()
            yield from (f"--{flag}", ", ".join(f"{key}={one}" for key, one in pairs))
        elif isinstance(value, list | tuple):
            yield from (f"--{flag}", ", ".join(map(str, cast("list[Any]", value))))
        else:
            yield from (f"--{flag}", str(value))


def apart(said: Mapping[str, Any], settings: Mapping[str, Setting]) -> Iterator[tuple[str, Any]]:
    """The same with a component that was handed over whole as its name and its own options."""
    for name, value in said.items():
        setting = settings.get(name)
        if isinstance(value, Options):
            value = {"name": getattr(value, "name", ""), **value.model_dump(exclude_unset=True)}
        if setting is None or setting.kind != "component" or not isinstance(value, dict):
            yield name, value
            continue
        inner = cast(dict[str, Any], value)
        if name_of(inner):
            yield name, name_of(inner)
        yield from ((f"{name}.{key}", one) for key, one in inner.items() if key != "name")

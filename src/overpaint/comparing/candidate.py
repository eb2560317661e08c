"""One cell of a comparison once it is done: the edit and what can be said of it, or why there is none."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from overpaint.images import Picture
from overpaint.images.recipe import Recipe
from overpaint.run.request import kind_of
from overpaint.run.result import Edit
from overpaint.run.settings import settings_of

PLAIN = {"seed": 0, "feather": 0, "fit": "pad", "alpha": "keep", "background": "white"}
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
    def recipe(self) -> Recipe | None:
        """The recipe of its picture."""
        return None if self.edit is None else self.edit.recipe


def command(recipe: Recipe, said: Mapping[str, Any], place: str | None, mask: str | None) -> str:
    """The command line that makes an edit again; what was not said is left to the same defaults."""
    request = recipe.request
    words = ["overpaint", "edit", place or "PICTURE"]
    for name in ("source", "target"):
        words += [f"--{name}", request[name]] if request.get(name) else []
    words += ["--method", recipe.method]
    words += [] if recipe.model.name == "still-life" else ["--model", recipe.model.name]
    words += ["--mask", mask or "MASK"] if recipe.mask is not None else []
    words += ["--onto", "ONTO"] if recipe.picture("onto") is not None else []
    for name, usual in PLAIN.items():
        if request.get(name, usual) != usual:
            words += [f"--{name}", str(request[name])]
    words += options(recipe.method, said)
    return shlex.join(map(str, words))


def options(method: str, said: Mapping[str, Any]) -> Iterator[str]:
    """Options as the command line takes them."""
    settings = settings_of(kind_of(method).model_json_schema())
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
        else:
            yield from (f"--{flag}", str(value))

"""What a user says of layers: a stretch of them, and the prompt that they read: ``4:9=a red cube``."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from overpaint.attention import Site
from overpaint.errors import UsageError
from overpaint.options import Options

DEEPEST = 1000
Place = Annotated[int, Field(ge=0, le=DEEPEST)]


class LayerPrompt(Options):
    """A prompt, and the layers that read it in place of the target prompt."""

    start: Place = Field(description="the first layer, counted from 0 in execution order")
    stop: Place = Field(description="the layer behind the last one")
    prompt: str = Field(min_length=1, description="what they read")

    @model_validator(mode="after")
    def some(self) -> "LayerPrompt":
        """Refuse a stretch without a layer."""
        if self.stop <= self.start:
            raise ValueError(f"{self.start}:{self.stop} is no stretch of layers; its end stands behind it")
        return self

    @model_serializer(mode="wrap")
    def written(self, fields: Callable[[Any], Any]) -> Any:
        """On one line, as it would be said."""
        return f"{self.start}:{self.stop}={self.prompt}"


def spoken(given: Any) -> Any:
    """``"4:9=a red cube"``, or ``"6=a red cube"`` for one layer; what is not a text goes on as it is.

    Raises:
        ValueError: it is written otherwise.
    """
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"\s*(\d+)(?:\s*:\s*(\d+))?\s*=(.*)", given, re.DOTALL)
    if found is None or not found[3].strip():
        raise ValueError(f"{given!r} names no layers and their prompt; write it as 4:9=a red cube")
    start = int(found[1])
    return {"start": start, "stop": int(found[2] or start + 1), "prompt": found[3].strip()}


def several(given: Any) -> Any:
    """One as a list of one."""
    return [given] if isinstance(given, str | Mapping | LayerPrompt) else given


LayerPrompts = Annotated[
    tuple[Annotated[LayerPrompt, BeforeValidator(spoken)], ...],
    BeforeValidator(several),
    Field(description="layers that read another prompt, the later one counts: 4:9=a red cube"),
]
"""Prompts by layer as an option."""


def stretch(given: Any) -> Any:
    """``"4:9"`` as a pair; whatever is not a text goes on as it is."""
    if not isinstance(given, str):
        return given
    start, _, stop = given.partition(":")
    return start.strip(), stop.strip()


Band = Annotated[
    tuple[Place, Place] | None,
    BeforeValidator(stretch),
    Field(description="layers 4 to 8 as 4:9; by itself those of the two coarsest maps"),
]
"""A stretch of layers as an option; it may be empty."""


def band_of(given: tuple[int, int] | None, sites: Sequence[Site], layers: int) -> range:
    """The layers of a band: as given, or those whose maps are among the two coarsest sizes.

    Raises:
        UsageError: it does not lie among the layers there are.
    """
    if given is not None:
        start, stop = given
        if not start <= stop <= layers:
            raise UsageError(f"The band {start}:{stop} does not lie among this model's {layers} layers.")
        return range(start, stop)
    strides = {site.reader: site.stride for site in sites if site.kind == "cross"}
    coarse = sorted(set(strides.values()))[-2:]
    inside = [layer for layer, stride in strides.items() if stride in coarse]
    return range(min(inside), max(inside) + 1)


def prompts(target: str, layers: int, said: Sequence[LayerPrompt]) -> list[str]:
    """What each layer reads: the target prompt, but where something else is said.

    Raises:
        UsageError: layers are named that the model does not have.
    """
    found = [target] * layers
    for one in said:
        if one.stop > layers:
            raise UsageError(
                f"The layers {one.start}:{one.stop} do not exist; this model has {layers}, counted from 0."
            )
        found[one.start : one.stop] = [one.prompt] * (one.stop - one.start)
    return found


def swapped(prompt: str, mix: str) -> str:
    """A prompt with one word, or several side by side, in the place of another: ``<cat>=><pot>``.

    Raises:
        UsageError: there are not two sides, or the first one is not in the prompt.
    """
    old, arrow, new = (part.strip() for part in mix.partition("=>"))
    if not (old and arrow and new):
        raise UsageError(f"{mix!r} does not name two words; write the shape's and the look's: <cat>=><pot>.")
    pattern = rf"(?<!\w){re.escape(old)}(?!\w)"
    if not re.search(pattern, prompt, re.IGNORECASE):
        raise UsageError(f"The target prompt does not say {old!r}, so nothing could stand in its place.")
    return re.sub(pattern, lambda _: new, prompt, flags=re.IGNORECASE)

"""What a user can set: frozen, typed, bounded, described. Every interface is made from its schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

T = TypeVar("T", bound="Options")
USUAL_GUIDANCE = 7.5
"""What the papers use on Stable Diffusion."""


@dataclass(frozen=True)
class ModelOwn:
    """Marks an option whose default gives way to what the model suggests, where that is not the usual."""

    attribute: str
    """The attribute of `overpaint.model.Model` that holds it."""
    usual: float
    """What a model has that suggests nothing."""


Guidance = Annotated[
    float,
    Field(ge=0, le=30, description="classifier-free guidance scale (a model may have its own)"),
    ModelOwn("guidance", USUAL_GUIDANCE),
]

Tuned = Annotated[
    Literal["auto", "published"],
    Field(description="defaults: what the model suggests for such prompts, or as published"),
]
"""An option of methods for which a model may suggest defaults by what the prompts ask for."""


PLACE: Mapping[str, JsonValue] = {"format": "path"}
"""Marks, in its schema, an option that names a file or a folder: nobody may name one from elsewhere."""
MOST = 16
"""Values of a stretch."""


def stretch(given: Any) -> Any:
    """``"0.4:1.0:0.2"`` as 0.4, 0.6, 0.8 and 1.0, ``"0.4, 0.7"`` as two values, ``"0.7"`` as itself.

    Whatever is not a text goes on as it is.

    Raises:
        ValueError: it is none of these, or has no value, or more than can be looked at.
    """
    if not isinstance(given, str):
        return given
    wrong = "write one value, several with commas, or a stretch with its step: 0.4:1.0:0.2"
    try:
        if ":" not in given:
            values = tuple(float(one) for one in given.split(","))
            return next(iter(values)) if len(values) == 1 else values
        start, stop, step = (float(one) for one in given.split(":"))
        count = int((stop - start) / step + 1e-6) + 1 if step > 0 else 0
    except (ValueError, OverflowError):
        raise ValueError(wrong) from None
    if not 1 <= count <= MOST:
        raise ValueError(f"it must have 1 to {MOST} values, from low to high: 0.4:1.0:0.2")
    return tuple(round(start + k * step, 9) for k in range(count))


Amount = Annotated[float, Field(ge=-4, le=4)]
Sweep = Annotated[
    Amount | Annotated[tuple[Amount, ...], Field(min_length=1, max_length=MOST)], BeforeValidator(stretch)
]
"""A number, or several of which each gives a result of its own."""


def values_of(sweep: float | tuple[float, ...]) -> tuple[float, ...]:
    """The values of a sweep; a number is one of one."""
    return sweep if isinstance(sweep, tuple) else (sweep,)


class Options(BaseModel):
    """Base of every method and component: immutable, with no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
    only_with: ClassVar[Mapping[str, str]] = {}
    """Fields that change nothing while another one has its default, each with that one."""

    def changed(self: T, **fields: Any) -> T:
        """A copy with some fields changed, checked like new."""
        return type(self).model_validate({**self.model_dump(), **fields})


class Suits(Options):
    """What a model suggests for edits, by what the two prompts ask for (`overpaint.run.asked`).

    It belongs to a model, because it was measured on it; other models keep the published defaults.
    """

    edits: dict[str, dict[str, dict[str, Any]]] = Field(
        default={}, description="options by method and by what is asked for: p2p, then attribute.colour"
    )
    words: dict[str, str] = Field(default={}, description="what kind of word a word is: red is a colour")
    sentences: dict[str, list[str]] = Field(
        default={},
        description="sentences with a {} for words of a kind, or under no name for a thing with its article",
    )
    vocabulary: tuple[str, ...] = Field(
        default=(), description="every word it was taught, where those are few; any other means nothing to it"
    )
    near: dict[str, tuple[str, ...]] = Field(
        default={}, description="for words it was not taught, those it was that come nearest in meaning"
    )


class Spread(Options):
    """How a figure is spread over many pictures."""

    mean: float = Field(description="its mean")
    deviation: float = Field(gt=0, description="its standard deviation")


class Known(Options):
    """What a model's figures are on pictures of the kind it knows (`overpaint.run.known`), as logarithms."""

    weights: str = Field(description="a hash of the networks it was measured with")
    pictures: int = Field(ge=2, description="how many pictures it was measured on")
    levels: tuple[int, ...] = Field(description="training levels at which the network was asked")
    round_trip: Spread = Field(description="RMS between a picture and the autoencoder's round trip of it")
    noise: tuple[Spread, ...] = Field(description="RMS by which the network misses a picture, by level")

    @model_validator(mode="after")
    def one_for_each_level(self) -> "Known":
        """Refuse a record whose levels and figures do not belong together."""
        if len(self.levels) != len(self.noise):
            raise ValueError("it must have a figure for every level")
        return self

"""Concepts: what a picture is to have more of, or less, as users say it: ``+hat:3``, ``-beard:2``."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, model_serializer

from overpaint.errors import UsageError
from overpaint.options import Options

STRONGEST = 50.0
OWN = ("threshold", "warmup", "cooldown", "weight")
"""What a concept may say for itself behind a semicolon."""


class Concept(Options):
    """Words with a sign and a strength; what else is left open is the method's own."""

    text: str = Field(min_length=1, description="what it is about, in the words of a prompt")
    sign: Literal["+", "-"] = Field(description="add it, or take it away")
    strength: float = Field(gt=0, le=STRONGEST, description="how strongly the picture is pushed")
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="share of the picture that it leaves alone"
    )
    warmup: int | None = Field(default=None, ge=0, le=1000, description="steps before it sets in")
    cooldown: int | None = Field(default=None, ge=0, le=1000, description="the step at which it ends")
    weight: float = Field(default=1.0, ge=0, le=10, description="its share among several")

    @model_serializer(mode="wrap")
    def written(self, fields: Callable[[Any], Any]) -> Any:
        """On one line, as it would be said, where that says it all."""
        own = [f"{name}={getattr(self, name):.12g}" for name in OWN if getattr(self, name) not in (None, 1.0)]
        line = ";".join([f"{self.sign}{self.text}:{self.strength:.12g}", *own])
        try:
            same = Concept.model_validate(spoken(line)) == self
        except ValueError:
            same = False
        return line if same else fields(self)

    @property
    def scale(self) -> float:
        """The strength with its sign."""
        return self.strength if self.sign == "+" else -self.strength

    @property
    def called(self) -> str:
        """What it is called where it is shown."""
        return self.sign + self.text


def spoken(given: Any) -> Any:
    """``"+sunglasses:3;threshold=0.8"`` as the fields of a concept; what is not a string goes on as it is.

    Raises:
        ValueError: there is no sign, no word or no strength, or something else behind a semicolon.
    """
    if isinstance(given, Mapping):
        return _complete(cast("Mapping[str, Any]", given))
    if not isinstance(given, str):
        return given
    head, *more = (one.strip() for one in given.split(";"))
    if not head.strip("+-: "):
        raise ValueError(f"the concept {given!r} has no words; write +sunglasses:5")
    if head[:1] not in ("+", "-"):
        raise ValueError(
            f"the concept {given!r} has no sign; write +{head} to add it, -{head} to take it away"
        )
    text, colon, strength = head[1:].rpartition(":")
    if not colon or not strength.strip():
        bare = head.rstrip(": ")
        raise ValueError(f"the concept {given!r} has no strength; write it behind a colon: {bare}:5")
    if not text.strip():
        raise ValueError(f"the concept {given!r} has no words; write +sunglasses:5")
    own = dict(_said(one, given) for one in more if one)
    return {"text": text.strip(), "sign": head[0], "strength": _strength(strength, given), **own}


def _complete(given: Mapping[str, Any]) -> Mapping[str, Any]:
    what = given.get("text", "")
    for name, example in (("text", "text='sunglasses'"), ("sign", "sign='+'"), ("strength", "strength=5")):
        if name not in given:
            raise ValueError(f"the concept {what!r} has no {name}; give it one: {example}")
    return given


def _strength(said: str, given: str) -> float:
    try:
        strength = float(said)
    except ValueError:
        strength = 0.0
    if not 0 < strength <= STRONGEST:
        raise ValueError(
            f"the strength of the concept {given!r} must be a number above 0 and at most {STRONGEST:g}; its "
            "sign stands in front"
        )
    return strength


def _said(one: str, given: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in one.partition("="))
    if not equals or name not in OWN:
        raise ValueError(
            f"{one!r} in the concept {given!r} means nothing; behind a semicolon goes one of "
            f"{', '.join(f'{known}=NUMBER' for known in OWN)}"
        )
    return name, value


def listed(given: Any) -> Any:
    """One concept as a list of one."""
    return [given] if isinstance(given, str | Mapping | Concept) else given


def some(concepts: "Concepts") -> "Concepts":
    """The concepts, if there are any.

    Raises:
        UsageError: there are none.
    """
    if not concepts:
        raise UsageError(
            "There is no concept; say what to add or to take away, such as concept '+sunglasses:5' or "
            "'-beard:2'."
        )
    return concepts


Concepts = tuple[Annotated[Concept, BeforeValidator(spoken)], ...]
Said = Annotated[
    Concepts,
    BeforeValidator(listed),
    Field(description="what is added (+) or taken away (-), and how strongly: +sunglasses:3, -beard:2"),
]
"""Concepts as an option of a method; there is no method without any, but a form starts empty."""

Threshold = Annotated[
    float,
    Field(ge=0, le=1, description="share of the picture that a concept leaves alone, where it says less"),
]
Warmup = Annotated[int, Field(ge=0, le=1000, description="steps before concepts set in")]
Cooldown = Annotated[
    int | None, Field(ge=0, le=1000, description="the step at which concepts end; none for never")
]
Momentum = Annotated[
    float, Field(ge=0, le=1, description="how much of what the steps before pushed is added")
]
Beta = Annotated[float, Field(ge=0, lt=1, description="how much of that is kept at each step")]

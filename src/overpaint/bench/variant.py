"""What is put to the test: a method over an inversion with some options, all settled before any work."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from overpaint import registry
from overpaint.bench.version import code, code_of
from overpaint.card import Need
from overpaint.errors import UsageError
from overpaint.inversions.choice import known as known_inversion
from overpaint.method import Method
from overpaint.model import Model
from overpaint.near import nearest
from overpaint.run.plan import suited
from overpaint.run.request import kind_of
from overpaint.run.resolve import resolve
from overpaint.run.settings import Setting, name_of, settings_of
from overpaint.run.sided import parsed
from overpaint.run.suiting import AUTO, TUNED
from overpaint.sides.file import SideFile

ALL = "all"
GIFTS = ("region", "words", "map", "concepts")
"""What a method may be given beside picture and prompts, where that is asked for; concepts say instead of the
target prompt what is to be added and taken away."""
BLEND = "blend"
"""The option that takes the words of a case."""
CONCEPT = "concept"
"""The option that takes concepts."""
CONTROL = "control"
"""What side networks are set by, as if they were an option: ``canny:0.8; depth``."""


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    method: str
    inversion: str = ""
    """None where the method has none, or takes the one that suits what is asked."""
    said: Mapping[str, str] = field(default_factory=dict[str, str])
    """Options that were set."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """All options as they hold, defaults among them."""
    gifts: tuple[str, ...] = ()
    """Which of `GIFTS` it is given."""
    code: str = field(default_factory=code)
    """The version of everything that makes and measures its pictures."""
    reference: bool = False
    """Whether it is a floor or a ceiling of the table and no method."""

    @property
    def controls(self) -> list[str]:
        """The side networks that speak, as the command line takes them."""
        return [one.strip() for one in self.said.get(CONTROL, "").split(";") if one.strip()]

    @property
    def title(self) -> str:
        """Its name for people."""
        told = [f"{name}={value}" for name, value in self.said.items()]
        given = [f"given {gift}" for gift in self.gifts]
        return " ".join(filter(None, [self.method, self.inversion, *told, *given]))


def variants(
    methods: Sequence[str],
    inversions: Sequence[str],
    sets: Mapping[str, str],
    model: Model,
    gifts: Collection[str] = (),
) -> list[Variant]:
    """Every chosen method over every chosen inversion; without a choice of those, over its own default.

    An option is set wherever there is one of that name; side networks (`CONTROL`) speak into all of them.

    Raises:
        UsageError: an unknown method, inversion, option or gift, or a method that cannot do such edits.
    """
    check_gifts(gifts)
    for name in inversions:
        known_inversion(name)
    made, used, there = list[Variant](), {CONTROL}, set[str]()
    for name in named(methods, model, gifts):
        kind = able(kind_of(name), model, gifts)
        settings = settings_of(kind.model_json_schema())
        for inversion in (inversions or [""]) if "inversion" in settings else [""]:
            names = {CONTROL, *names_of(settings, inversion)}
            said = {option: value for option, value in sets.items() if option in names}
            used |= {*said, *({"inversion"} if inversion else ())}
            there |= names
            made.append(variant(kind, model, inversion, said, gifts))
    for option in sets.keys() - used:
        raise UsageError(f"There is no option {option!r} for the chosen methods; {nearest(option, there)}")
    if inversions and "inversion" not in used:
        raise UsageError("None of the chosen methods uses an inversion; leave --inversions out.")
    return made


def check_gifts(gifts: Collection[str]) -> None:
    """Gifts there are.

    Raises:
        UsageError: there is none of that name.
    """
    for gift in gifts:
        if gift not in GIFTS:
            raise UsageError(f"A method cannot be given {gift!r}; {nearest(gift, GIFTS)}")


def named(methods: Sequence[str], model: Model, gifts: Collection[str]) -> Sequence[str]:
    """The chosen names; ``all`` stands for every method that edits pictures on this model."""
    if ALL not in methods:
        return methods
    return [kind.card.name for kind in registry.every() if reason(kind, model, gifts) is None]


def able(kind: type[Method], model: Model, gifts: Collection[str]) -> type[Method]:
    """The method itself, if it can do the edits of a benchmark.

    Raises:
        UsageError: it cannot; the sentence says why.
    """
    why = reason(kind, model, gifts)
    if why is not None:
        raise UsageError(f"The method {kind.card.name!r} {why}.")
    return kind


def reason(kind: type[Method], model: Model, gifts: Collection[str]) -> str | None:
    """Why a method cannot do such edits, as the end of a sentence."""
    card = kind.card
    if model.family.name not in card.families:
        return f"does not work on {model.family.name} models; it works on: {', '.join(card.families)}"
    told = Need.TARGET in card.needs or card.target_or
    if Need.IMAGE not in card.needs or not (told or (goes_by_concepts(kind) and "concepts" in gifts)):
        by = "; give it --give concepts" if goes_by_concepts(kind) else ""
        return f"does not edit a picture by a prompt{by or '; choose another'}"
    if Need.MASK in card.needs and "region" not in gifts:
        return "needs a mask; give it the true region with --give region, or choose another"
    return None


def goes_by_concepts(kind: type[Method]) -> bool:
    """Whether a method takes concepts in place of a target prompt, and not the prompt as its one concept."""
    return CONCEPT in kind.model_fields and not kind.card.prompts_into


def names_of(settings: Mapping[str, Setting], inversion: str) -> Iterator[str]:
    """The options of a method, those of its chosen components among them."""
    for name, setting in settings.items():
        yield name
        part = (inversion if name == "inversion" else "") or setting.part
        yield from (f"{name}.{inner}" for inner in setting.parts.get(part, ()))


def variant(
    kind: type[Method], model: Model, inversion: str, said: Mapping[str, str], gifts: Collection[str]
) -> Variant:
    """A method with its options settled as for this model.

    Raises:
        UsageError: a value is wrong.
    """
    card = kind.card
    given = {**({"inversion": inversion} if inversion else {}), **said}
    given.pop(CONTROL, None)
    preset = {**card.families[model.family.name], **suited(kind, model)}
    method = resolve(kind, given, preset, f"the method {card.name!r}")
    options = method.model_dump(mode="json")
    takes = {"region": Need.MASK in card.needs | card.optional, "words": BLEND in options, "map": True}
    takes["concepts"] = goes_by_concepts(kind)
    own = tuple(gift for gift in GIFTS if gift in gifts and takes[gift])
    used = name_of(options.get("inversion"))
    free = not any(option.partition(".")[0] == "inversion" for option in given)
    used = "" if free and options.get(TUNED) == AUTO and varied(kind, model, used) else used
    made = Variant(card.name, used, dict(said), options, own, code_of(kind))
    return replace(made, options={**options, CONTROL: heard(made.controls)}) if made.controls else made


def varied(kind: type[Method], model: Model, usual: str) -> bool:
    """Whether the model suggests another inversion than the usual one for some edits by a method."""
    suggestions = model.suits.edits.get(kind.card.name, {}).values()
    return any(name_of(one.get("inversion", usual)) != usual for one in suggestions)


def heard(controls: Sequence[str]) -> list[dict[str, Any]]:
    """What is set of side networks, with a hash of the weights.

    Raises:
        UsageError: there is no such network, or a value is wrong.
    """
    asked = [parsed(one) for one in controls]
    return [
        {**how.model_dump(mode="json", exclude_defaults=True), "weights": SideFile.of(how.net).fingerprint}
        for how in asked
    ]

"""Options that a method does not have: whose they are, or which one was meant."""

from collections.abc import Iterator, Mapping
from functools import cache

from overpaint import registry
from overpaint.near import listed, near, nearest
from overpaint.run.settings import Setting, settings_of

MOST = 3
"""Owners of an option that are named; of more, the first."""
Settings = Mapping[str, Setting]
LOADING = (
    *("dtype", "device", "loras", "embeddings", "prediction", "tokenizer"),
    *("force_words", "download", "offload"),
)
"""What is said when a model is loaded."""
FRAMING = (
    *(
        "source",
        "target",
        "mask",
        "mask_box",
        "map",
        "mask_words",
        "mask_diff",
        "onto",
        "grow",
        "extend",
        "context",
        "pictures",
        "feather",
        "fit",
        "alpha",
        "background",
        "limits",
        "cache",
        "look",
    ),
)
"""What is said of a picture that is edited."""
CHOOSING = {"candidates", "type"}
"""The options of 'auto', which finds those of the methods it tries by itself."""


def hint(name: str, own: Settings) -> str:
    """The end of a sentence about an option that a method with these settings does not have."""
    owner = whose(name, own)
    if owner is not None and set(own) == CHOOSING and of_any_method(name):
        return f"'auto' finds options itself, so choose a method to set it; it belongs to {owner}."
    if owner is not None:
        return f"it belongs to {owner}."
    here = near(name, [*own, *(dotted for dotted, *_ in inner(own))])
    if here is not None:
        return f"did you mean {here!r}?"
    there = near(name, {one: method for method, settings in methods() for one in settings})
    if there is not None:
        return f"did you mean {there!r} of {of_methods(there)}?"
    return nearest(name, own)


def whose(name: str, own: Settings) -> str | None:
    """Whom an option of exactly that name belongs to: other methods, a component, the model, the picture."""
    owners = [of_methods(name)] if of_any_method(name) else []
    owners += of_component(name, own)
    if owners:
        return ", and to ".join(owners)
    if name in LOADING:
        return f"the model: overpaint.load(..., {name}=...), and give what that returns"
    return f"overpaint.edit, which has a picture: edit(..., {name}=...)" if name in FRAMING else None


def of_component(name: str, own: Settings) -> list[str]:
    """The components of a method that have an option, as a sentence names them, with how to write it."""
    found = [(dotted, *of) for dotted, *of in inner(own) if name in (dotted, dotted.rpartition(".")[2])]
    if not found:
        return []
    dotted, head, _ = found[0]
    parts = [part for one, _, part in found if one == dotted and part]
    say = "" if dotted == name else f" as {dotted!r}"
    return [f"the {head} {listed(parts[:MOST], 'or')}{say}" if parts else f"{head!r}{say}"]


def for_part(name: str, setting: Setting, part: str) -> str:
    """The same for an option that a component does not have: another one's, or a slip."""
    others = [one for one, settings in setting.parts.items() if name in settings]
    if others:
        return f"it belongs to the {setting.name} {listed(others[:MOST], 'or')}."
    return nearest(name, setting.parts.get(part, {}))


def inner(own: Settings) -> Iterator[tuple[str, str, str]]:
    """The options of all components: the dotted name, the option that takes the component, and its name."""
    for head, setting in own.items():
        for part, settings in setting.parts.items():
            yield from ((f"{head}.{one}", head, part) for one in settings)


@cache
def methods() -> tuple[tuple[str, Settings], ...]:
    """The methods that are listed, with their settings."""
    return tuple((name, settings_of(card["schema"])) for name, card in registry.read_summary().items())


def of_any_method(option: str) -> bool:
    """Whether any of them has an option."""
    return any(option in settings for _, settings in methods())


def of_methods(option: str) -> str:
    """Those that have an option, as a sentence names them."""
    found = [name for name, settings in methods() if option in settings]
    if len(found) > MOST:
        return f"the methods {', '.join(map(repr, found[:MOST]))} and others"
    return f"the method{'s' if len(found) > 1 else ''} {listed(found)}"

"""From what a user said to options that hold, or to one sentence about what is wrong with it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from overpaint.errors import UsageError
from overpaint.near import nearest
from overpaint.options import Options
from overpaint.run.belonging import for_part, hint
from overpaint.run.settings import Setting, name_of, settings_of

T = TypeVar("T", bound=Options)


def nested(given: Mapping[str, Any], settings: Mapping[str, Setting]) -> dict[str, Any]:
    """Names with dots and names of components as the nested values they stand for.

    ``{"inversion": "null-text", "inversion.inner": 5}`` becomes
    ``{"inversion": {"name": "null-text", "inner": 5}}``.
    """
    plain: dict[str, Any] = {}
    for name in sorted(given, key=lambda n: n.count(".")):
        value = given[name]
        head, _, rest = name.partition(".")
        setting = settings.get(head)
        if isinstance(value, Options):
            value = value.model_dump()
        if rest:
            plain[head] = {**_named(plain.get(head, {}), setting), rest: value}
        elif setting is not None and setting.kind == "component" and isinstance(value, str) and value:
            plain[head] = {"name": value}
        else:
            plain[head] = value
    return plain


def _named(value: Any, setting: Setting | None) -> dict[str, Any]:
    """The values of a component, with the name of the alternative that they belong to."""
    values = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    named = setting is not None and setting.part and "name" not in values
    return {"name": setting.part, **values} if named and setting else values


def merged(preset: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A family's preset under what the user said; another component replaces the preset's altogether."""
    result = {**preset, **given}
    for name in preset.keys() & given.keys():
        ours, theirs = preset[name], given[name]
        if isinstance(ours, dict) and isinstance(theirs, dict):
            a, b = cast(dict[str, Any], ours), cast(dict[str, Any], theirs)
            result[name] = {**a, **b} if a.get("name") == b.get("name", a.get("name")) else b
    return result


def is_part(default: Any) -> bool:
    """Whether a default is a component: a method's own may differ from the component's."""
    return isinstance(default, Options)


def resolve(kind: type[T], given: Mapping[str, Any], preset: Mapping[str, Any], title: str) -> T:
    """Options from what the user said, over a family's preset, over the defaults; errors speak of ``title``.

    Raises:
        UsageError: an unknown option (the sentence names the nearest), a wrong type, or out of range.
    """
    settings = known_settings(kind)
    own = {name: field.default for name, field in kind.model_fields.items() if is_part(field.default)}
    values = merged(nested(preset, settings), nested(given, settings))
    values |= {name: merged(nested(own, settings), values)[name] for name in own.keys() & values.keys()}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UsageError(_sentence(error.errors()[0], settings, title)) from None


@lru_cache(256)
def known_settings(kind: type[Options]) -> Mapping[str, Setting]:
    """The settings of a kind of options, made once: lists of edits ask for them at every line."""
    return settings_of(kind.model_json_schema())


def _sentence(error: ErrorDetails, settings: Mapping[str, Setting], title: str) -> str:
    place = [str(step) for step in error["loc"]]
    head = place[0] if place else ""
    setting = settings.get(head)
    if setting is not None and setting.items and len(place) > 2:
        inner = cast(ErrorDetails, {**error, "loc": tuple(place[2:])})
        return _sentence(inner, setting.items, f"entry {int(place[1]) + 1} of {head!r}")
    if setting is None or (setting.parts and len(place) > 1):
        return _deeper(error, setting, place, settings, title)
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        name = name_of(error["input"])
        return f"There is no {head} {name!r}; {nearest(name, setting.parts)}"
    if error["type"] in ("value_error", "assertion_error"):
        return f"The option {head!r} is wrong: {_said(error)}"
    return f"The option {head!r} must be {setting.wanted}, not {_shown(error['input'])}."


def _deeper(
    error: ErrorDetails,
    setting: Setting | None,
    place: list[str],
    settings: Mapping[str, Setting],
    title: str,
) -> str:
    """A sentence about an option that does not exist, or about one of a component."""
    if setting is None:
        if error["type"] == "extra_forbidden":
            return f"There is no option {place[0]!r} for {title}; {hint(place[0], settings)}"
        said = _said(error)
        return f"{said[:1].upper()}{said[1:]}"
    named = place[1] in setting.parts
    part = place[1] if named else ""
    rest, owner = place[2:] if named else place[1:], f"{setting.name} {part!r}" if part else setting.name
    if error["type"] == "extra_forbidden" and len(rest) == 1:
        return f"There is no option {rest[0]!r} for {owner}; {for_part(rest[0], setting, part)}"
    inner = cast(ErrorDetails, {**error, "loc": tuple(rest)})
    return _sentence(inner, setting.parts.get(part, {}), owner)


def _said(error: ErrorDetails) -> str:
    """What a validator said itself, as the end of a sentence."""
    said = str(error.get("ctx", {}).get("error") or error["msg"]).rstrip(".")
    return said if said.endswith(("?", "!")) else f"{said}."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

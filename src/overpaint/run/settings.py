"""Settings: the options of a method as its JSON schema states them, for help, command line and checks alike.

Nothing here imports a library that takes time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Kind = Literal["integer", "number", "boolean", "string", "choice", "array", "object", "component", "mixed"]
Schema = Mapping[str, Any]

PHRASES: Mapping[Kind, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "a text",
    "array": "a stretch such as 0.2:0.6",
    "object": "values by word, such as 'word=2',",
    "component": "the name of a part",
    "mixed": "a value",
}


@dataclass(frozen=True)
class Setting:
    """One option as the schema describes it."""

    name: str
    kind: Kind
    description: str = ""
    default: Any = None
    bounds: str = ""
    """The range in words, such as "from 1 to 1000"."""
    choices: tuple[str, ...] = ()
    optional: bool = False
    """Whether it may be switched off with none."""
    alternatives: str = ""
    """What a value must be, in words, where several kinds are taken."""
    items: Mapping[str, "Setting"] = field(default_factory=dict[str, "Setting"])
    """For a list: the settings of each of its entries."""
    parts: Mapping[str, Mapping[str, "Setting"]] = field(default_factory=dict[str, Mapping[str, "Setting"]])
    """For a component: its alternatives by name, each with its own settings."""
    place: bool = False
    """Whether it names a file or a folder."""

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        return self.alternatives or _wanted(self.kind, self.bounds, self.choices)

    @property
    def alone(self) -> bool:
        """Whether it is a component without alternatives: nothing to choose, only its own settings."""
        return set(self.parts) == {""}

    @property
    def part(self) -> str:
        """The name of the alternative that is used if nothing is said; nothing where there is only one."""
        return "" if self.alone else name_of(self.default) or next(iter(self.parts), "")


def name_of(value: Any) -> str:
    """The name of a component given as values, or as the name alone."""
    return str(cast(dict[str, Any], value).get("name", "") if isinstance(value, dict) else value or "")


def settings_of(schema: Schema) -> dict[str, Setting]:
    """The settings of a method or component from its JSON schema."""
    definitions = cast(Schema, schema.get("$defs", {}))
    return {name: _setting(name, one, definitions) for name, one in _properties(schema).items()}


def places(given: Mapping[str, Any], settings: Mapping[str, Setting]) -> Iterator[str]:
    """Of nested values those that name files or folders, by the names of their options.

    Which alternative of a component is meant does not matter: what names a file in any of them counts.
    """
    for name, value in given.items():
        setting = settings.get(name)
        if setting is None or not value:
            continue
        if setting.place:
            yield name
        inner = [pair for part in (*setting.parts.values(), setting.items) for pair in part.items()]
        known = dict(sorted(inner, key=lambda pair: pair[1].place))
        for one in cast("list[Any]", value if isinstance(value, list) else [value]):
            if isinstance(one, dict):
                yield from (f"{name}.{deeper}" for deeper in places(cast("dict[str, Any]", one), known))


def _properties(schema: Schema) -> dict[str, Schema]:
    return dict(cast(Mapping[str, Schema], schema.get("properties", {})))


def _setting(name: str, schema: Schema, definitions: Schema) -> Setting:
    named: dict[str, Any] = {"description": schema.get("description", ""), "default": schema.get("default")}
    whole = _resolved(schema, definitions)
    arms = [_resolved(arm, definitions) for arm in cast(list[Schema], whole.get("anyOf", [whole]))]
    real = [arm for arm in arms if arm.get("type") != "null"]
    optional = len(real) < len(arms)
    if len(real) > 1:
        several = " or ".join(_wanted(_kind(arm), _bounds(arm), _choices(arm)) for arm in real)
        return Setting(name, "mixed", **named, optional=optional, alternatives=several)
    (arm,) = real
    return Setting(
        name,
        _kind(arm),
        **named,
        bounds=_bounds(arm),
        choices=_choices(arm),
        optional=optional,
        items=_items(arm, definitions),
        parts=dict(_parts(arm, definitions, schema.get("default"))),
        place=schema.get("format") == "path",
    )


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" in schema:
        return cast(Schema, definitions[str(schema["$ref"]).rpartition("/")[2]])
    return schema


def _kind(schema: Schema) -> Kind:
    if "discriminator" in schema or "properties" in schema:
        return "component"
    if "enum" in schema or "const" in schema:
        return "choice"
    return cast(Kind, schema.get("type", "mixed"))


def _parts(schema: Schema, definitions: Schema, default: Any) -> Iterator[tuple[str, dict[str, Setting]]]:
    """The alternatives of a component, with what is usual where it stands; one without has a nameless one."""
    named = cast(Mapping[str, str], schema.get("discriminator", {}).get("mapping", {}))
    arms = {name: _resolved({"$ref": ref}, definitions) for name, ref in named.items()}
    for name, arm in arms.items() if arms else [("", schema)] if "properties" in schema else []:
        own: Schema = {}
        if isinstance(default, dict) and name in ("", name_of(default)):
            own = cast(Schema, default)
        fields = {k: one for k, one in _properties(arm).items() if k != "name"}
        usual = {k: {**one, "default": own.get(k, one.get("default"))} for k, one in fields.items()}
        yield name, {k: _setting(k, one, definitions) for k, one in usual.items()}


def _items(schema: Schema, definitions: Schema) -> dict[str, Setting]:
    """The settings of the entries of a list, where they have any."""
    entry = _resolved(cast(Schema, schema.get("items", {})), definitions)
    return {name: _setting(name, one, definitions) for name, one in _properties(entry).items()}


def _wanted(kind: Kind, bounds: str, choices: tuple[str, ...]) -> str:
    return f"one of {', '.join(choices)}" if choices else f"{PHRASES[kind]} {bounds}".strip()


def _choices(schema: Schema) -> tuple[str, ...]:
    return tuple(map(str, schema.get("enum", [schema["const"]] if "const" in schema else [])))


def _bounds(schema: Schema) -> str:
    """The range of a number, or that of the values of a mapping."""
    if isinstance(schema.get("additionalProperties"), dict):
        schema = cast(Schema, schema["additionalProperties"])
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    ends = {"of at least": low, "above": above, "of at most": high, "below": below}
    return " and ".join(f"{words} {end:g}" for words, end in ends.items() if end is not None)

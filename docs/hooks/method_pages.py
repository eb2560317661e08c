"""One page a method, written from the registry while the docs are built; nothing of it is kept by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from overpaint.card import Paper

REGISTRY = Path(__file__).parents[2] / "src" / "overpaint" / "registry.json"
LAWS = {
    "exact": "Source and target prompt alike give the picture back as its autoencoder gives it.",
    "as-inversion": "Source and target prompt alike give what the inversion reconstructs.",
    "none": "No promise for equal prompts.",
}
Card = Mapping[str, Any]


def cards() -> dict[str, Card]:
    """The registry as data, or nothing before there is one."""
    return json.loads(REGISTRY.read_text(encoding="utf-8")) if REGISTRY.exists() else {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the pages in the navigation."""
    pages = next(item["Methods"] for item in cast("list[Any]", config.nav) if "Methods" in item)
    pages.extend(f"methods/{name}.md" for name in cards() if f"methods/{name}.md" not in pages)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages themselves."""
    for name, card in cards().items():
        files.append(File.generated(config, f"methods/{name}.md", content="\n".join(page(name, card))))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Fill the overview table in."""
    rows = [
        f"| [`{name}`]({name}.md) | {card['idea']} | {span(card['rows'])} |" for name, card in cards().items()
    ]
    table = ["| method | idea | network rows at the defaults |", "|---|---|---|", *rows]
    return markdown.replace("<!-- methods -->", "\n".join(table) if rows else "None yet.")


def page(name: str, card: Card) -> Iterator[str]:
    """The lines of one method's page."""
    yield from (f"# {name}", "", card["idea"], "", *about(card["schema"]))
    yield from ("## Facts", "", "| | |", "|---|---|")
    yield f"| needs | {', '.join(card['needs']) or 'nothing but a prompt'} |"
    if card["optional"]:
        yield f"| can use | {', '.join(card['optional'])} |"
    yield f"| families | {', '.join(card['families'])} |"
    yield f"| network rows | {span(card['rows'])} |"
    if any(card["backwards"]):
        yield f"| backward passes | {span(card['backwards'])} |"
    if card["further"] is not None:
        rows = span(card["further"])
        yield f"| [several targets](../cli.md#several-targets) | {rows} rows for each further one |"
    if card.get("memory"):
        size = f"{card['memory'] / 1e9:.1f} GB at the most with SD 1.5 at 512 px"
        yield f"| memory | {size} ([computed](../benchmark.md#memory)) |"
    yield f"| another seed | {'gives another picture' if card['random'] else 'changes nothing'} |"
    yield f"| equal prompts | {LAWS[card['law']]} |"
    if card["published"]:
        yield f"| published figures | {card['published']} |"
    if card["shipped"]:
        yield f"| on the shipped model | {card['shipped']} |"
    yield from presets(card["families"])
    yield from ("", "## Options", "")
    yield from options(card["schema"], card["schema"].get("$defs", {}))
    yield from ("", "## Papers", "")
    yield from (paper(entry) for entry in card["papers"])
    if card["papers"]:
        yield from ("", "## Citation", "", "```bibtex")
        yield "\n\n".join(Paper(**entry).bibtex() for entry in card["papers"])
        yield "```"


def about(schema: Card) -> Iterator[str]:
    """What a method does, is for and is bad at, as its class says."""
    for part in schema.get("description", "").split("\n\n"):
        yield from (" ".join(part.replace("``", "`").split()), "")


def presets(families: Mapping[str, Card]) -> Iterator[str]:
    """Defaults that differ on some family."""
    for family, changed in families.items():
        for option, value in changed.items():
            yield f"| default of `{option}` on {family} | `{value}` |"


def options(schema: Card, parts: Mapping[str, Card]) -> Iterator[str]:
    """A table of the fields, then one for each component a field can hold."""
    fields = {name: field for name, field in schema.get("properties", {}).items() if "const" not in field}
    if fields:
        yield from ("| option | default | range | meaning |", "|---|---|---|---|")
    for name, field in fields.items():
        yield f"| `{name}` | {default(field)} | {bounds(field, parts)} | {meaning(field)} |"
    for choice in (part(ref) for field in fields.values() for ref in refs(field)):
        yield from ("", f"### {title(parts[choice], choice)}", "", meaning(parts[choice]), "")
        yield from options(parts[choice], parts)


def meaning(schema: Card) -> str:
    """The description of a field or component."""
    return cell(schema.get("description", ""))


def refs(field: Card) -> list[str]:
    """References to components inside a field."""
    choices = [*field.get("oneOf", []), *field.get("anyOf", []), *field.get("allOf", []), field]
    return [choice["$ref"] for choice in choices if "$ref" in choice]


def part(ref: str) -> str:
    """The last word of a reference."""
    return ref.rpartition("/")[2]


def title(schema: Card, name: str) -> str:
    """What a component is called on the command line."""
    named = schema.get("properties", {}).get("name", {})
    return f"`{named.get('const', named.get('default', name))}`"


def default(field: Card) -> str:
    """The default, where it is one value."""
    value = field.get("default")
    if isinstance(value, dict) and "name" in value:
        return f"`{value['name']}`"
    return "" if value in (None, "", {}) else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def bounds(field: Card, parts: Mapping[str, Card]) -> str:
    """The values a field may take."""
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if named := refs(field):
        return ", ".join(title(parts.get(part(ref), {}), part(ref)) for ref in named)
    number = next((kind for kind in field.get("anyOf", []) if "minimum" in kind), field)
    low = number.get("minimum", number.get("exclusiveMinimum"))
    high = number.get("maximum", number.get("exclusiveMaximum"))
    if high is None or high >= 2**53:
        return "" if low is None else f"from {low}"
    return f"up to {high}" if low is None else f"{low} to {high}"


def paper(entry: Card) -> str:
    """One paper as a list item."""
    links = [f"[arXiv:{entry['arxiv']}](https://arxiv.org/abs/{entry['arxiv']})"] if entry["arxiv"] else []
    licence = f" (licence: {entry['licence']})" if entry["licence"] else ""
    links += [f"[code]({entry['code']}){licence}"] if entry["code"] else []
    return f"- {entry['title']}. {entry['venue']}, {entry['year']}. {' · '.join(links)}"


def span(pair: list[int]) -> str:
    """(least, most) in words."""
    low, high = pair
    return f"{low}" if low == high else f"{low} to {high}"


def cell(text: str) -> str:
    """Text that stays inside one cell of a table."""
    return " ".join(text.replace("|", "\\|").split())

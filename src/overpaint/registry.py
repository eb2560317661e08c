"""The list of methods: explicit, without decorators; a method's code is imported when it is asked for.

Programs that only list methods (help, forms) read ``registry.json``, which is written from the cards and
schemas, and never import a network library.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.near import nearest

if TYPE_CHECKING:
    from overpaint.method import Method

METHODS = {
    "generate": "overpaint.methods.generate:Generate",
    "sdedit": "overpaint.methods.sdedit:SDEdit",
    "ddim": "overpaint.methods.ddim:DDIMEdit",
    "p2p": "overpaint.methods.p2p:PromptToPrompt",
    "pnp": "overpaint.methods.pnp:PlugAndPlay",
    "masactrl": "overpaint.methods.masactrl:MasaCtrl",
    "edict": "overpaint.methods.edict:EDICTEdit",
    "edit-friendly": "overpaint.methods.edit_friendly:EditFriendlyEdit",
    "cycle": "overpaint.methods.cycle:CycleEdit",
    "infedit": "overpaint.methods.infedit:InfEdit",
    "prompt-tuning": "overpaint.methods.prompt_tuning:PromptTuningEdit",
    "style-diffusion": "overpaint.methods.style_diffusion:StyleDiffusion",
    "sega": "overpaint.methods.sega:Sega",
    "ledits": "overpaint.methods.ledits:Ledits",
    "ledits++": "overpaint.methods.ledits_pp:LeditsPP",
    "diffedit": "overpaint.methods.diffedit:DiffEdit",
    "pix2pix-zero": "overpaint.methods.pix2pix_zero:Pix2PixZero",
    "blended-diffusion": "overpaint.methods.blended_diffusion:BlendedDiffusion",
    "blended-latent": "overpaint.methods.blended_latent:BlendedLatent",
    "p-plus": "overpaint.methods.p_plus:PPlus",
    "diffusion-clip": "overpaint.methods.diffusion_clip:DiffusionCLIP",
    "imagic": "overpaint.methods.imagic:Imagic",
    "inpaint": "overpaint.methods.inpaint:Inpaint",
    "glide": "overpaint.methods.glide:Glide",
    "cyclenet": "overpaint.methods.cyclenet:CycleNet",
    "spatext": "overpaint.methods.spatext:SpaText",
    "text2live": "overpaint.methods.text2live:Text2LIVE",
}
CHOOSING = "auto"
"""What is taken in place of a method's name, and chooses one."""
SUMMARY = Path(__file__).with_name("registry.json")
MEMORY = SUMMARY.with_name("memory.json")
"""The most bytes of an edit by each method (`overpaint.bench.footprint`)."""
UNLISTED = {
    "invert": "overpaint.methods.invert:Invert",
    "auto": "overpaint.methods.auto:Auto",
}
"""What has options as a method has them and is in no list: an inversion walked back, and the choice of a
method."""


@cache
def places() -> dict[str, str]:
    """Where each method lives: ours, then those that installed plugins announce as ``overpaint.methods``."""
    return {**{e.name: e.value for e in entry_points(group="overpaint.methods")}, **METHODS}


def known(name: str, also: Iterable[str] = ()) -> str:
    """The name itself if there is such a method, or if it is one of those that are taken as well.

    Raises:
        UsageError: there is none; the sentence names the nearest.
    """
    names = [*places(), *also]
    if name in names:
        return name
    raise UsageError(f"There is no method {name!r}; {nearest(name, names)}")


def find(name: str) -> "type[Method]":
    """The class of a method."""
    module, _, attribute = places()[known(name)].partition(":")
    return cast("type[Method]", getattr(import_module(module), attribute))


def every() -> "Iterator[type[Method]]":
    """All methods, in the order of the list."""
    return (find(name) for name in places())


def describe(method: "type[Method]") -> dict[str, Any]:
    """A method as data: its card and the schema of its options."""
    card = method.card
    default = card.cost(method())
    return {
        "idea": card.idea,
        "papers": [
            {
                "key": p.key,
                "authors": p.authors,
                "title": p.title,
                "venue": p.venue,
                "year": p.year,
                "arxiv": p.arxiv,
                "code": p.code,
                "licence": p.licence,
            }
            for p in card.papers
        ],
        "needs": sorted(card.needs),
        "optional": sorted(card.optional),
        "pictures": sorted(card.pictures),
        "families": {name: dict(preset) for name, preset in card.families.items()},
        "rows": list(default.rows),
        "backwards": list(default.backwards),
        "further": None if card.further is None else list(card.further(method()).rows),
        "memory": peaks().get(card.name),
        "law": card.law.value,
        "random": card.random,
        "published": card.published,
        "shipped": card.shipped,
        "schema": method.model_json_schema(),
    }


@cache
def peaks() -> dict[str, int]:
    """The most bytes that live at once in an edit by each method: SD 1.5, 512 px, the network in bfloat16."""
    return cast("dict[str, int]", json.loads(MEMORY.read_text(encoding="utf-8"))) if MEMORY.exists() else {}


def summary() -> dict[str, Any]:
    """What ``registry.json`` must hold."""
    return {name: describe(find(name)) for name in METHODS}


def read_summary() -> dict[str, Any]:
    """The stored summary, without importing any method."""
    return cast("dict[str, Any]", json.loads(SUMMARY.read_text(encoding="utf-8")))


def catalogue(family: str | None = None, needs: Iterable[str] = ()) -> dict[str, Any]:
    """The methods that run on a family and use all of these inputs, by name, with their cards and options."""
    return {
        name: card
        for name, card in read_summary().items()
        if (family is None or family in card["families"])
        and set(needs) <= {*card["needs"], *card["optional"]}
    }


def place_of(name: str) -> Path:
    """Where the stored schema of something unlisted lies."""
    return SUMMARY.with_name(f"{name}.json")


def unlisted(name: str) -> dict[str, Any]:
    """What that file must hold."""
    module, _, attribute = UNLISTED[name].partition(":")
    return cast("type[Method]", getattr(import_module(module), attribute)).model_json_schema()


def read_unlisted(name: str) -> dict[str, Any]:
    """The stored schema of something unlisted, without importing any method."""
    return cast("dict[str, Any]", json.loads(place_of(name).read_text(encoding="utf-8")))


def write_summary() -> None:
    """Write the summaries anew (after a method, card or option changed)."""
    files = {SUMMARY: summary(), **{place_of(name): unlisted(name) for name in UNLISTED}}
    for place, held in files.items():
        atomic.write(place, (json.dumps(held, indent=1, ensure_ascii=False) + "\n").encode())


def main() -> None:
    """Write all that is made from the methods: the summary, and the types of what a program calls."""
    from overpaint.stub import write_stub  # late: it reads the list above

    write_summary()
    write_stub()


if __name__ == "__main__":
    main()

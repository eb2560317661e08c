"""From a row to work for the queue: what the row says over what holds for all, checked before it waits."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import PurePosixPath
from typing import Any

from overpaint import registry
from overpaint.batch.listing import seen_from
from overpaint.batch.masking import Masks
from overpaint.batch.naming import Names
from overpaint.batch.place import read, stamp_of
from overpaint.batch.row import IMAGE, OUTPUT, OWN, WHERE, Row
from overpaint.batch.template import filled, gaps
from overpaint.card import Need
from overpaint.errors import UsageError
from overpaint.images import Limits, decode_picture
from overpaint.near import nearest
from overpaint.run.inputs import checked_text, shows
from overpaint.run.request import kind_of
from overpaint.run.resolve import known_settings, resolve
from overpaint.run.settings import Setting, settings_of
from overpaint.task import LACKING, Request

CAPTION = "caption"
"""What a template may name without a column: the text beside a picture, or what the picture says it shows."""
ITSELF = ("stem", "folder", "number", "method", "seed")
FRAMING = tuple(Request.model_fields)
"""Columns that say how a picture is asked about, beside the method's options."""
Work = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What holds for all rows that do not say otherwise."""

    method: str = "p2p"
    request: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Source and target may be templates."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """A mask, or what else says where pictures may change."""
    masks: Masks | None = None
    controls: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """What the side networks and what they look at hold, so that other files are other work."""
    model: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the model is loaded by, and a hash of its weights."""
    quality: int | None = None
    limits: Limits = field(default_factory=Limits)
    folder: str = ""
    """What names in columns are seen from, beside the pictures' own."""

    def templates(self) -> dict[str, str]:
        """The texts that may have gaps."""
        return {name: str(self.request[name]) for name in ("source", "target") if self.request.get(name)}


def check_columns(columns: Sequence[str], asked: Asked, names: Names) -> None:
    """Refuse columns that nobody reads, before any row is.

    Raises:
        UsageError: there is one, or a template names what is no column.
    """
    used = {gap for text in (*asked.templates().values(), names.pattern) for gap in gaps(text)}
    for gap in used - {*columns, *ITSELF, CAPTION}:
        raise UsageError(f"No column is called {gap!r}; {nearest(gap, [*columns, *ITSELF, CAPTION])}")
    known = {IMAGE, *OWN, *FRAMING, CAPTION, *options_there_are()}
    for column in columns:
        if plain(column) not in known and column not in used:
            raise UsageError(
                f"The column {column!r} is no option and no template names it; "
                f"{nearest(column, sorted(known))}"
            )


@cache
def options_there_are() -> frozenset[str]:
    """The names of all options of all methods, those of their parts with a dot."""
    cards = registry.read_summary()
    every = (settings_of(card["schema"]) for card in cards.values())
    return frozenset(name for settings in every for name in dotted(settings))


def dotted(settings: Mapping[str, Setting]) -> Iterable[str]:
    """The names of settings, and of those of their parts."""
    for name, setting in settings.items():
        yield name
        for part in setting.parts.values():
            yield from (f"{name}.{inner}" for inner in part)


def plain(column: str) -> str:
    """A column's name as options are called."""
    return column.replace("-", "_")


def work_of(row: Row, asked: Asked, names: Names) -> Work:
    """What is to be done for a row, complete: the same row gives the same work.

    Raises:
        UsageError: something about it is wrong.
    """
    if row.problem:
        raise UsageError(row.problem)
    said = {plain(name): value for name, value in row.cells.items()}
    stamp = row.stamp if row.stamp is not None else stamp_of(row.image, asked.limits)
    method = str(said.get("method", asked.method))
    known = {**names_of(row, asked), "method": method}
    request = requested(said, asked, known)
    known |= {"seed": str(request["seed"])}
    options = chosen(method, said, asked)
    mask = masked(row, said, asked)
    check_needs(method, request, mask)
    return {
        "name": names.of(known, row.title, str(said.get(OUTPUT, ""))),
        "image": row.image,
        "stamp": stamp,
        "method": method,
        "request": request,
        "options": options,
        **mask,
        "controls": list(asked.controls),
        **({"beside": list(asked.beside)} if asked.beside else {}),
        "model": dict(asked.model),
        "quality": asked.quality,
    }


def names_of(row: Row, asked: Asked) -> dict[str, str]:
    """What templates may name, the caption where one does."""
    names = dict(row.names)
    wanted = {gap for text in asked.templates().values() for gap in gaps(text)}
    if CAPTION in wanted and CAPTION not in names:
        names[CAPTION] = caption(row, asked.limits)
    return names


def caption(row: Row, limits: Limits) -> str:
    """What a picture shows: the text beside it, of the same name, or what it says itself.

    Raises:
        UsageError: neither says anything.
    """
    beside = row.image.removesuffix(PurePosixPath(row.image).suffix) + ".txt"
    try:
        said = read(beside, Limits(bytes=10_000)).decode("utf-8").strip()
    except (UsageError, UnicodeDecodeError):
        said = shows(decode_picture(read(row.image, limits), row.image, limits=limits))
    if not said:
        raise UsageError(f"Nothing says what {row.title} shows: no column, no text beside it, nor itself.")
    return said


def requested(said: Mapping[str, Any], asked: Asked, names: Mapping[str, str]) -> dict[str, Any]:
    """Prompts, seed and framing, checked; all of them, so that the same words are the same work.

    A row's own words come first, unless the template for all names them itself.

    Raises:
        UsageError: one is wrong, or a template names what the row does not say.
    """
    given: dict[str, Any] = dict(asked.request)
    for name, template in asked.templates().items():
        if name not in said or name in gaps(template):
            given[name] = filled(template, names)
            said = {key: value for key, value in said.items() if key != name}
    given |= {name: said[name] for name in FRAMING if name in said}
    given = {name: checked_text(one, name) if isinstance(one, str) else one for name, one in given.items()}
    return resolve(Request, given, {}, "an edit").model_dump(mode="json", exclude={"also"})  # a row has one


def chosen(method: str, said: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """The method's options, checked.

    Those said for all belong to the method that was named for all; a row that names another brings its own.

    Raises:
        UsageError: there is no such method, or no such option of it.
    """
    own = {name: value for name, value in said.items() if name in options_there_are()}
    options = {**(asked.options if method == asked.method else {}), **own}
    return {**options, **checked_options(method, json.dumps(options, sort_keys=True, default=str))}


@lru_cache(4096)
def checked_options(method: str, options: str) -> Mapping[str, Any]:
    """Those options that name files, as recipes know them: with a hash of what is in them.

    A million rows have few different options, so that few are looked at.

    Raises:
        UsageError: the options do not hold.
    """
    kind, said = kind_of(method), json.loads(options)
    made = resolve(kind, said, {}, f"the method {method!r}").model_dump(mode="json")
    return {name: made[name] for name, one in known_settings(kind).items() if one.place and name in said}


def masked(row: Row, said: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Where the picture may change, if anything says so, by the row's own word before that for all.

    Raises:
        UsageError: the mask is not there, or two things say it.
    """
    own = {name: said[name] for name in WHERE if name in said}
    if len(own) > 1:
        one, other, *_ = own
        raise UsageError(f"{one} and {other} both say where the picture may change; give one of them.")
    if not own and asked.masks is not None:
        own = {"mask": asked.masks.of(row.inside)}
    elif "mask" in own:
        own["mask"] = seen_from(str(own["mask"]), asked.folder)
    found = own or dict(asked.where)
    if "mask" in found:
        return {"mask": found["mask"], "mask_stamp": stamp_of(found["mask"], asked.limits)}
    if "mask_diff" in found:
        return {"mask_diff": True} if str(found["mask_diff"]).lower() in ("true", "1", "yes") else {}
    return {name: str(value) for name, value in found.items()}


def check_needs(method: str, request: Mapping[str, Any], mask: Mapping[str, Any]) -> None:
    """Refuse what lacks something that only the row could bring.

    Raises:
        UsageError: the sentence says what.
    """
    needs = kind_of(method).card.needs
    if Need.IMAGE not in needs:
        raise UsageError(f"The method {method!r} edits no picture; choose another.")
    if Need.TARGET in needs and not request["target"].split():
        raise UsageError(LACKING[Need.TARGET])
    if Need.MASK in needs and not mask:
        raise UsageError(LACKING[Need.MASK])

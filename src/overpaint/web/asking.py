"""From what a client sent to work for the queue, checked as far as that goes without a model."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile

from overpaint.bench.variant import ALL
from overpaint.errors import UsageError
from overpaint.images import encode_png
from overpaint.images.runs import is_runs, mask_from_json
from overpaint.near import nearest
from overpaint.run.own_noise import inversion_of
from overpaint.run.request import edit_request, kind_of
from overpaint.run.resolve import resolve
from overpaint.run.sided import Wanted
from overpaint.run.where import Where
from overpaint.web.confined import check_all_confined, check_confined
from overpaint.web.controlling import check_map, controlled, speakers
from overpaint.web.replaying import layered
from overpaint.web.safety import Refused
from overpaint.web.schemas import PICTURE, CompareIn, ControlIn, EditIn, GenerateIn, InvertIn
from overpaint.web.studio import Studio

T = TypeVar("T", bound=BaseModel)
Work = dict[str, Any]
NESTED = ("options", "grid", "methods", "words", "control", "way")
"""Fields that a form holds as JSON."""
DATA = re.compile(r"^data:[\w/+.-]*;base64,", re.ASCII)
FRAMING = ("context", "grow", "extend", "feather", "fit", "alpha", "background")
FILES, FIELDS, PART = 20, 100, 2**20
"""What a form may hold: files, fields, and bytes of one."""


async def asked(request: Request, kind: type[T]) -> T:
    """The body of a request, as JSON or as a form with files.

    Raises:
        Refused: it is neither, or not what it should be.
    """
    content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content == "application/json":
        return checked(kind, await request.body())
    if content in ("multipart/form-data", "application/x-www-form-urlencoded"):
        form = await request.form(max_files=FILES, max_fields=FIELDS, max_part_size=PART)
        try:
            return checked(kind, json.dumps(await values_of(form)).encode())
        finally:
            await form.close()
    raise Refused(415, "Send JSON (application/json) or a form with files (multipart/form-data).")


async def values_of(form: FormData) -> dict[str, Any]:
    """A form as values; a file is its bytes in base64.

    Raises:
        Refused: a field is there twice, or holds no JSON where it should.
    """
    found = dict[str, Any]()
    for name, value in form.multi_items():
        if name in found:
            raise Refused(400, f"The form has two fields called {name[:60]!r}.")
        if isinstance(value, UploadFile):
            found[name] = base64.b64encode(await value.read()).decode()
        elif name in NESTED:
            try:
                found[name] = json.loads(value)
            except (ValueError, RecursionError):
                raise Refused(400, f"The field {name!r} must be JSON.") from None
        elif value != "":
            found[name] = value
    return found


def checked(kind: type[T], body: bytes) -> T:
    """What a body says.

    Raises:
        Refused: it is not what it should be; the sentence names the field.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Refused(422, sentence_of(error.errors()[0])) from None


def sentence_of(error: Mapping[str, Any]) -> str:
    """What is wrong with a field, as a sentence."""
    place = ".".join(str(one) for one in error["loc"] if one != "body")[:100]
    said = str(error["msg"]).rstrip(".")
    start = f"The field {place!r} is wrong" if place else "The request is wrong"
    return f"{start}: {said[:1].lower()}{said[1:]}."


def sent(studio: Studio, said: str, what: str) -> str:
    """The id of a picture that was sent, or of one that is here.

    Raises:
        UsageError: it is no picture.
        Refused: there is none of that id.
    """
    if re.fullmatch(PICTURE, said):
        studio.read(said)
        return said
    return studio.keep(from_base64(said, what), f"The {what}")[0]


def sent_mask(studio: Studio, said: str | None, image: str, what: str = "mask") -> str | None:
    """The same for the mask of a picture, which may also be written as runs in JSON.

    Raises:
        UsageError: it is no mask.
        Refused: there is none of that id.
    """
    if said is None or re.fullmatch(PICTURE, said):
        return None if said is None else sent(studio, said, what)
    data = from_base64(said, what)
    if is_runs(data):
        data = encode_png(mask_from_json(data, studio.picture(image).size, "The mask"))
    return studio.keep(data, f"The {what}")[0]


def from_base64(said: str, what: str) -> bytes:
    """Bytes from how JSON carries them.

    Raises:
        UsageError: they are none.
    """
    try:
        data = base64.b64decode(DATA.sub("", said.strip()), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise UsageError(f"The {what} is neither the id of a picture here nor one in base64.")
    return data


def edit_work(studio: Studio, said: EditIn) -> Work:
    """The work of an edit.

    Raises:
        UsageError: anything about it is wrong that can be told without the model.
    """
    inverted = of_inversion(studio, said)
    image = inverted["image"] if inverted else sent(studio, said.image or missing(), "picture")
    mask = sent_mask(studio, said.mask, image)
    onto = sent_mask(studio, said.onto, image, "earlier edit")
    request = {**framing(said), "target": said.target}
    options = {**inverted.get("options", {}), **said.options}
    request["source"] = said.source or inverted.get("source", "")
    method = kind_of(said.method).card.name
    plan = sent_mask(studio, said.map, image, "map")
    controls = [control_of(studio, one) for one in said.control]
    if method in ("generate", "invert"):
        raise UsageError(f"{said.method!r} is no method of editing; post to /api/{said.method} instead.")
    check_confined(method, options)
    edit_request(
        "edit",
        method,
        studio.picture(image),
        request,
        options,
        where=where_of(studio, mask, said),
        control=spoken_to(studio, controls),
        onto=None if onto is None or plan is not None else studio.picture(onto),
    )
    if plan is not None:
        check_map(studio.picture(plan), studio.picture(image), "map")
        check_map(studio.picture(onto or image), studio.picture(image), "earlier edit")
    beside = {"map": plan} if plan is not None else {}
    beside |= {"control": controls} if controls else {}
    beside |= {"onto": onto} if onto is not None else {}
    beside |= layered(studio, said, image, request["source"])
    return beside | {
        "kind": "edit",
        "image": image,
        "mask": mask,
        "mask_box": said.mask_box,
        "mask_words": said.mask_words,
        "mask_diff": said.mask_diff,
        "method": method,
        "model": studio.model(said.model or inverted.get("model", "")),
        "request": request,
        "options": options,
        "maps": said.maps,
        "look": said.look,
        **before(said),
    }


def control_of(studio: Studio, said: ControlIn) -> Work:
    """A side network as work names it. No file that a client names is ever opened, so names alone count.

    Raises:
        UsageError: none is called so.
    """
    known = (*speakers(), *studio.serving.controls)
    if said.net not in known:
        raise UsageError(f"There is no side network {said.net[:60]!r} here; {nearest(said.net, known)}")
    seen = None if said.picture is None else sent(studio, said.picture, "condition")
    return {**said.model_dump(), "picture": seen}


def spoken_to(studio: Studio, controls: list[Work]) -> list[Wanted]:
    """Side networks as an edit takes them."""
    return [controlled(one, studio.picture, studio.serving.controls) for one in controls]


def where_of(studio: Studio, mask: str | None, said: EditIn) -> Where:
    """Where the picture may change, from whichever says so."""
    drawn = None if mask is None else studio.picture(mask)
    return Where(drawn, said.mask_box, said.mask_words, said.mask_diff)


def before(said: EditIn | CompareIn) -> Work:
    """What work goes on from, for the history."""
    return {"parent": said.parent, **({} if said.cell is None else {"cell": said.cell})}


def missing() -> str:
    """What stands where no picture is."""
    raise UsageError("No picture was sent; give image, or an inversion.")


def framing(said: EditIn | CompareIn) -> dict[str, Any]:
    """How a picture is asked about."""
    return {name: getattr(said, name) for name in ("seed", *FRAMING) if hasattr(said, name)}


def of_inversion(studio: Studio, said: EditIn) -> Work:
    """What an inversion that was made gives to an edit: picture, prompt, model, and its own options.

    Raises:
        UsageError: there is no such inversion, or the method takes none.
    """
    if said.inversion is None:
        return {}
    made = studio.entry(said.inversion).work
    if made["kind"] != "invert":
        raise UsageError(f"{said.inversion} is no inversion; make one with /api/invert.")
    if said.image and said.image != made["image"]:
        raise UsageError("An inversion belongs to its picture; leave the image out, or the inversion.")
    known = kind_of(said.method).model_fields
    if "inversion" not in known:
        raise UsageError(f"The method {said.method!r} takes no inversion; leave it out.")
    options = {name: value for name, value in made["options"].items() if name.partition(".")[0] in known}
    return {
        "image": made["image"],
        "source": made["request"]["source"],
        "model": made["model"],
        "options": options,
    }


def generate_work(studio: Studio, said: GenerateIn) -> Work:
    """The work of making a picture.

    Raises:
        UsageError: anything about it is wrong that can be told without the model.
    """
    request = {"target": said.target, "seed": said.seed}
    if not said.target.split():
        raise UsageError("What the picture should show is not said; give target.")
    controls = [control_of(studio, one) for one in said.control]
    check_confined("generate", said.options)
    edit_request("generate", "generate", None, request, said.options, control=spoken_to(studio, controls))
    work: Work = {"kind": "generate", "method": "generate", "model": studio.model(said.model)}
    work |= {"control": controls} if controls else {}
    return work | {"request": request, "options": said.options, "maps": said.maps}


def invert_work(studio: Studio, said: InvertIn) -> Work:
    """The work of an inversion.

    Raises:
        UsageError: anything about it is wrong that can be told without the model.
    """
    image = sent(studio, said.image, "picture")
    request = {"source": said.source, "seed": said.seed, "fit": said.fit}
    check_confined("invert", said.options)
    asked = edit_request("invert", "invert", studio.picture(image), request, said.options)
    request["source"] = asked.request.source
    assert inversion_of(resolve(kind_of("invert"), said.options, {}, "an inversion")) is not None
    work: Work = {"kind": "invert", "method": "invert", "model": studio.model(said.model), "image": image}
    return work | {"request": request, "options": said.options, "look": said.look}


def compare_work(studio: Studio, said: CompareIn) -> Work:
    """The work of a comparison.

    Raises:
        UsageError: anything about it is wrong that can be told without the model.
    """
    image = sent(studio, said.image, "picture")
    mask = sent_mask(studio, said.mask, image)
    onto = sent_mask(studio, said.onto, image, "earlier edit")
    request = {**framing(said), "source": said.source, "target": said.target}
    for name in said.methods:
        if name != ALL:
            kind_of(name)
    check_all_confined(said.methods, said.options, said.grid)
    given = Where(None if mask is None else studio.picture(mask))
    below = None if onto is None else studio.picture(onto)
    edit_request("edit", "sdedit", studio.picture(image), request, {}, where=given, onto=below)
    beside = {} if onto is None else {"onto": onto}
    return beside | {
        "kind": "compare",
        "image": image,
        "mask": mask,
        "model": studio.model(said.model),
        "request": request,
        "options": said.options,
        "methods": said.methods,
        "grid": said.grid,
        "budget": said.budget,
        "words": said.words,
        "check": said.check,
        **before(said),
    }

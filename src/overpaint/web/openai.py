"""The two addresses that clients of OpenAI's pictures ask, answered by the queue like everything else.

``prompt`` is the target. Which method edits is told by ``method``, or follows from what is given: with a mask
the inside is drawn anew; a picture that says what it shows is edited by words; any other is drawn over.
"""

import asyncio
import base64
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.datastructures import FormData, UploadFile

from overpaint.errors import OverpaintError, UsageError
from overpaint.images import Picture, encode_picture, encode_png
from overpaint.images.picture import from_pil, to_pil
from overpaint.images.recipe import KEY
from overpaint.ledger.entry import OVER, Entry
from overpaint.run.inputs import shows
from overpaint.web.answers import SAID, Client, TheStudio, status_of, wrong
from overpaint.web.asking import FIELDS, FILES, PART, checked, edit_work, generate_work
from overpaint.web.safety import Refused
from overpaint.web.schemas import LONGEST, EditIn, GenerateIn, TheirErrorOut
from overpaint.web.studio import Studio

LATE: dict[str, Any] = {"description": "It took too long, and was stopped."}
THEIRS = {status: {**said, "model": TheirErrorOut} for status, said in {**SAID, 408: LATE}.items()}
"""What these routes may answer instead."""
router = APIRouter(prefix="/v1/images", tags=["openai"], responses=THEIRS)
MOST = 10
WAIT = 900.0
"""Seconds after which an edit is given up."""
LOOK = 0.1
LARGEST = 2048
Format = Literal["png", "jpeg", "webp"]
EXAMPLE: dict[str, JsonValue] = {"prompt": "a blue ball on grass", "n": 1, "size": "256x256"}


class Asked(BaseModel):
    """What both addresses take; fields of other servers are left aside."""

    model_config = ConfigDict(
        extra="ignore", protected_namespaces=(), json_schema_extra={"examples": [EXAMPLE]}
    )

    prompt: str = Field(max_length=LONGEST, description="what the picture should show")
    model: str = Field(default="", max_length=300, description="one of this server's; any other is the first")
    n: int = Field(default=1, ge=1, le=MOST, description="how many, with seeds that follow one another")
    size: str = Field(
        default="auto", pattern=r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$", description="such as 256x256"
    )
    response_format: Literal["b64_json", "url"] = "b64_json"
    output_format: Format = "png"
    seed: int = Field(default=0, ge=0, lt=2**62, description="of the first; beyond what OpenAI takes")
    method: str = Field(default="", max_length=100, description="the same: a method of /api/methods")
    source: str = Field(default="", max_length=4000, description="the same: what the picture shows")
    options: dict[str, JsonValue] = Field(
        default={}, max_length=200, description="the same: the method's options"
    )


class Data(BaseModel):
    """One picture."""

    b64_json: str | None = None
    url: str | None = None


class Answer(BaseModel):
    """The pictures."""

    created: int = Field(examples=[1790000000])
    data: list[Data]
    output_format: Format = "png"


FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    **Asked.model_json_schema(),
                    "properties": {
                        "image": {"type": "string", "format": "binary"},
                        "mask": {"type": "string", "format": "binary"},
                        **Asked.model_json_schema()["properties"],
                    },
                    "required": ["image", "prompt"],
                }
            }
        },
    }
}


@router.post("/generations", response_model=Answer)
async def generations(request: Request, said: Asked, studio: TheStudio, who: Client) -> Answer | JSONResponse:
    """Make pictures from a prompt."""
    try:
        model = served(studio, said.model)
        works = [
            await run_in_threadpool(
                generate_work,
                studio,
                GenerateIn(target=said.prompt, seed=said.seed + k, options=said.options, model=model),
            )
            for k in range(said.n)
        ]
        return await answered(request, studio, said, works, who)
    except OverpaintError as error:
        return wrong(str(error), status_of(error))
    except Refused as refused:
        return wrong(refused.detail, refused.status_code)


@router.post("/edits", response_model=Answer, openapi_extra=FORM)
async def edits(request: Request, studio: TheStudio, who: Client) -> Answer | JSONResponse:
    """Edit a picture; where a mask is given, what is transparent in it may change."""
    try:
        if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            raise Refused(415, "Send the picture as a form (multipart/form-data).")
        form = await request.form(max_files=FILES, max_fields=FIELDS, max_part_size=PART)
        try:
            said, images, mask = await of_form(form)
        finally:
            await form.close()
        works = await run_in_threadpool(edits_of, studio, said, images, mask)
        return await answered(request, studio, said, works, who)
    except OverpaintError as error:
        return wrong(str(error), status_of(error))
    except Refused as refused:
        return wrong(refused.detail, refused.status_code)


async def of_form(form: FormData) -> tuple[Asked, list[bytes], bytes | None]:
    """What a form says, its pictures and its mask.

    Raises:
        Refused: there is no picture, or more results are asked for than one answer holds.
    """
    images = [one for name, one in form.multi_items() if name in ("image", "image[]")]
    if not images or not all(isinstance(one, UploadFile) for one in images):
        raise Refused(400, "There is no picture; send one as image.")
    given, values = form.get("mask"), dict[str, str]()
    for name, value in form.multi_items():
        if isinstance(value, str):
            values[name] = value
    text = {name: value for name, value in values.items() if name != "options"}
    said = checked(Asked, _json(text, values.get("options", "{}")))
    if len(images) * said.n > MOST:
        raise Refused(
            400, f"{len(images)} pictures with n={said.n} are more than {MOST} results; ask for fewer."
        )
    mask = await given.read() if isinstance(given, UploadFile) else None
    return said, [await cast(UploadFile, one).read() for one in images], mask


def _json(text: dict[str, str], options: str) -> bytes:
    """Fields of a form, and options that are JSON themselves, as one object."""
    try:
        told: Any = json.loads(options)
    except (ValueError, RecursionError):
        raise Refused(400, "The field 'options' must be JSON.") from None
    return json.dumps({**text, "options": told}).encode()


def edits_of(
    studio: Studio, said: Asked, images: Sequence[bytes], mask: bytes | None
) -> list[dict[str, Any]]:
    """The work of each picture that is wanted: each that was sent is edited by itself, inside the same mask.

    Raises:
        UsageError: something about it is wrong.
    """
    inside = None if mask is None else studio.keep(encode_png(changing(mask, studio)), "The mask")[0]
    return [work for image in images for work in edits_of_one(studio, said, image, inside)]


def edits_of_one(studio: Studio, said: Asked, image: bytes, inside: str | None) -> list[dict[str, Any]]:
    """The work of the results that are wanted of one picture.

    Raises:
        UsageError: something about it is wrong.
    """
    blob, picture = studio.keep(image, "The picture")
    shown = said.source or shows(picture)
    method = said.method or ("inpaint" if inside else "p2p" if shown.split() else "sdedit")
    told = EditIn(
        image=blob,
        mask=inside,
        source=said.source,  # what a picture says itself is read again from it, however long
        target=said.prompt,
        method=method,
        options=said.options,
        model=served(studio, said.model),
    )
    return [edit_work(studio, told.model_copy(update={"seed": said.seed + k})) for k in range(said.n)]


def changing(mask: bytes, studio: Studio) -> Picture:
    """A mask of ours, white where theirs is transparent.

    Raises:
        UsageError: it has no transparency.
    """
    _, found = studio.keep(mask, "The mask")
    if found.alpha is None:
        raise UsageError("The mask has no transparency; make it transparent where the picture may change.")
    white = np.where(found.alpha[..., None] < 128, np.uint8(255), np.uint8(0))
    return Picture(np.repeat(white, 3, axis=2))


def served(studio: Studio, name: str) -> str:
    """A model of this server: the one that was named, or the first, for clients that name another's."""
    return name if name in studio.serving.models else studio.serving.models[0]


async def answered(
    request: Request, studio: Studio, said: Asked, works: Sequence[dict[str, Any]], who: str
) -> Answer:
    """Queue the work, wait for it, and give the pictures back; whoever goes away takes the work along.

    Raises:
        UsageError: it failed; the sentence says why.
        Refused: it took too long, or was stopped.
    """
    check_form(said)
    entries = await queued(studio, works, who)
    ids, began = [entry.id for entry in entries], time.monotonic()
    while True:
        entries = [await run_in_threadpool(studio.entry, id) for id in ids]
        if all(entry.state in OVER for entry in entries):
            break
        gone = await request.is_disconnected()
        if gone or time.monotonic() - began > WAIT:
            for entry in entries:
                await run_in_threadpool(studio.ledger.cancel, entry.id)
            raise Refused(408, "The edit took too long, and was stopped.")
        await asyncio.sleep(LOOK)
    for entry in entries:
        if entry.state != "done":
            raise UsageError(entry.said or "The edit was stopped.")
    data = [await run_in_threadpool(given, request, studio, said, entry) for entry in entries]
    return Answer(created=int(time.time()), data=data, output_format=said.output_format)


async def queued(studio: Studio, works: Sequence[dict[str, Any]], who: str) -> list[Entry]:
    """Queue all of the work or none: nobody would wait for a part of it.

    Raises:
        Refused: the client has too much waiting.
    """
    found = list[Entry]()
    try:
        for work in works:
            found.append(await run_in_threadpool(studio.put, work, who, None))
    except Exception:
        for entry in found:
            await run_in_threadpool(studio.ledger.cancel, entry.id)
        raise
    return found


def check_form(said: Asked) -> None:
    """Refuse, before anything is done, a form of answer that cannot be given.

    Raises:
        UsageError: it cannot.
    """
    if said.response_format == "url" and (said.size != "auto" or said.output_format != "png"):
        raise UsageError("An address gives the PNG as it is; ask for b64_json to have it otherwise.")
    if said.size != "auto" and max(map(int, said.size.split("x"))) > LARGEST:
        raise UsageError(f"The size {said.size} is too large; ask for {LARGEST} pixels a side at most.")


def given(request: Request, studio: Studio, said: Asked, entry: Entry) -> Data:
    """One picture as the answer holds it."""
    if said.response_format == "url":
        return Data(url=str(request.base_url) + f"api/edits/{entry.id}/image")
    blob = str(entry.result["picture"])
    if said.size == "auto" and said.output_format == "png":
        return Data(b64_json=base64.b64encode(studio.read(blob)).decode())
    data = encode_picture(
        sized(studio.picture(blob), said.size),
        f"x.{said.output_format}",
        {KEY: studio.picture(blob).info.text.get(KEY, "")},
    )
    return Data(b64_json=base64.b64encode(data).decode())


def sized(picture: Picture, size: str) -> Picture:
    """A picture at the size that was asked for."""
    if size == "auto":
        return picture
    width, height = (int(one) for one in size.split("x"))
    resized = from_pil(to_pil(picture).resize((width, height), Image.Resampling.LANCZOS))
    return replace(resized, info=picture.info)

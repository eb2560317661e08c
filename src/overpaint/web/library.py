"""Pictures that are here, methods, models, what an edit would take, and how the server is."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from overpaint import __version__, registry
from overpaint.choosing.measured import measured
from overpaint.errors import OverpaintError
from overpaint.images import Picture, encode_png, to_pil
from overpaint.images.picture import from_pil
from overpaint.images.recipe import trusted_recipe
from overpaint.ledger.entry import STATES
from overpaint.methods.auto import Auto
from overpaint.run.inputs import shows
from overpaint.run.settings import Setting, settings_of
from overpaint.web.answers import SAID, TheStudio
from overpaint.web.asking import asked
from overpaint.web.estimating import estimated
from overpaint.web.looking import look_at, regions_of
from overpaint.web.routes import IMMUTABLE, PNG, body_of
from overpaint.web.schemas import (
    PICTURE,
    EstimateIn,
    EstimateOut,
    HealthOut,
    LookOut,
    MethodOut,
    ModelOut,
    PictureOut,
    RegionsOut,
)
from overpaint.web.studio import Studio

router = APIRouter(prefix="/api", tags=["library"], responses=SAID)
health = APIRouter(tags=["health"])
Blob = Annotated[str, Path(pattern=PICTURE, description="a picture, by its content")]
LARGEST = 4096


@router.post("/pictures", status_code=201)
async def upload(file: UploadFile, studio: TheStudio) -> PictureOut:
    """Send a picture; edits name it by its id."""
    data = await file.read(studio.serving.limits.bytes + 1)
    blob, picture = await run_in_threadpool(studio.keep, data, "The picture")
    return about(blob, picture)


@router.get("/pictures/{id}")
def picture(id: Blob, studio: TheStudio) -> PictureOut:
    """What is known of a picture."""
    return about(id, studio.picture(id))


@router.get("/pictures/{id}/look")
def look(id: Blob, studio: TheStudio, model: Annotated[str, Query(max_length=300)] = "") -> LookOut:
    """Whether a model knows such pictures; said at once, or that the model is busy."""
    return look_at(studio, id, model)


@router.get("/pictures/{id}/regions")
def regions(id: Blob, studio: TheStudio, model: Annotated[str, Query(max_length=300)] = "") -> RegionsOut:
    """What is where in a picture, as a map to paint over; or that the model is busy."""
    return regions_of(studio, id, model)


@router.get("/pictures/{id}/view", response_class=Response, responses=PNG)
def view(
    id: Blob,
    studio: TheStudio,
    side: Annotated[int | None, Query(ge=16, le=LARGEST, description="at most so many pixels a side")] = None,
) -> Response:
    """The picture as it is edited: upright, in eight bits, without what its file holds beside pixels."""
    bare = studio.picture(id)
    if side is None:
        data = encode_png(Picture(bare.rgb, bare.alpha))
    else:
        image = to_pil(Picture(bare.rgb, bare.alpha))
        image.thumbnail((side, side))
        data = encode_png(from_pil(image))
    return Response(data, media_type="image/png", headers={"cache-control": IMMUTABLE})


def about(blob: str, picture: Picture) -> PictureOut:
    """What there is to say of a picture."""
    height, width = picture.size
    recipe = trusted_recipe(picture)
    told = None
    if recipe is not None:
        told = {
            "command": recipe.command,
            "method": recipe.method,
            "options": recipe.options,
            "request": recipe.request,
            "model": recipe.model.name,
        }
    return PictureOut(
        id=blob,
        width=width,
        height=height,
        says=shows(picture),
        recipe=cast(Any, told),
        notes=list(picture.info.notes),
    )


@router.get("/methods")
def methods(studio: TheStudio) -> list[MethodOut]:
    """Every method: what it needs, what it costs, what can be set."""
    return list(cards().values())


@router.get("/methods/{name}")
def method(name: Annotated[str, Path(max_length=100)], studio: TheStudio) -> MethodOut:
    """One method."""
    return cards()[registry.known(name, [registry.CHOOSING])]


@cache
def cards() -> Mapping[str, MethodOut]:
    """All methods by name; a plugin's are described here and now."""
    stored = registry.read_summary()
    auto = {"auto": card_of("auto", registry.describe(Auto))}
    return auto | {
        name: card_of(name, stored[name] if name in stored else registry.describe(registry.find(name)))
        for name in registry.places()
    }


def card_of(name: str, card: Mapping[str, Any]) -> MethodOut:
    """A method from its card."""
    return MethodOut(
        name=name,
        idea=card["idea"],
        needs=card["needs"],
        optional=card["optional"],
        pictures=card["pictures"],
        families=list(card["families"]),
        random=card["random"],
        rows=tuple(card["rows"]),
        backwards=tuple(card["backwards"]),
        papers=card["papers"],
        published=card["published"],
        measured=measured().get(name),
        settings=forms(settings_of(card["schema"])),
        json_schema=card["schema"],
    )


def forms(settings: Mapping[str, Setting]) -> list[dict[str, Any]]:
    """Settings as a form needs them, but for those that name files: none is opened that a client names."""
    return [form(one) for one in settings.values() if not one.place]


def form(setting: Setting) -> dict[str, Any]:
    """A setting as a form needs it."""
    found = asdict(setting)
    found["parts"] = {name: forms(parts) for name, parts in setting.parts.items()}
    del found["items"], found["place"]
    return {**found, "part": setting.part, "wanted": setting.wanted}


@router.get("/models")
def models(studio: TheStudio) -> list[ModelOut]:
    """The models of this server, the usual one first."""
    return [studio.models.get(name, ModelOut(name=name)) for name in studio.serving.models]


@router.post("/estimate", openapi_extra=body_of(EstimateIn))
async def estimate(request: Request, studio: TheStudio) -> EstimateOut:
    """What an edit would take; nothing is queued, and the picture may be left out."""
    said = await asked(request, EstimateIn)
    return await run_in_threadpool(estimated, studio, said)


@health.get("/healthz", responses={503: {"model": HealthOut, "description": "It is not well."}})
def healthy(studio: TheStudio, response: Response) -> HealthOut:
    """Whether the server is well: its queue can be read, and all its workers work."""
    try:
        studio.ledger.counts()
        well = studio.workers == len(studio.serving.devices)
    except OverpaintError:
        well = False
    response.status_code = 200 if well else 503
    return HealthOut(status="ok" if well else "failing", workers=studio.workers, version=__version__)


@health.get("/metrics", response_class=Response)
def metrics(studio: TheStudio) -> Response:
    """Figures for Prometheus."""
    return Response(generate_latest(gathered(studio)), media_type=CONTENT_TYPE_LATEST)


def gathered(studio: Studio) -> CollectorRegistry:
    """How things are just now."""
    found, counts = CollectorRegistry(), studio.ledger.counts()
    work = Gauge("overpaint_work", "Pieces of work by their state", ["state"], registry=found)
    for state in STATES:
        work.labels(state).set(counts.get(state, 0))
    for name, words, value in (
        ("overpaint_workers", "Workers at work", studio.workers),
        ("overpaint_streams", "Streams of events that are open", sum(studio.streams.values())),
        ("overpaint_kept_bytes", "Bytes of pictures that are kept", studio.held()),
        ("overpaint_edit_seconds", "Seconds of all edits that were done", studio.seconds),
        ("overpaint_edit_rows", "Rows through the network of all edits that were done", studio.rows),
        ("overpaint_paused", "Whether no work is begun", float(studio.ledger.paused)),
    ):
        Gauge(name, words, registry=found).set(value)
    return found

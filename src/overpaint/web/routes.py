"""Work: asked for, looked at, listened to, stopped, forgotten."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from overpaint.ledger.entry import OVER, STATES, Entry, State
from overpaint.web.again import as_command, as_python
from overpaint.web.answers import SAID, Client, TheStudio
from overpaint.web.asking import asked, compare_work, edit_work, generate_work, invert_work
from overpaint.web.hub import News
from overpaint.web.safety import Refused
from overpaint.web.schemas import (
    WORK,
    AgainOut,
    CompareIn,
    EditIn,
    GenerateIn,
    InvertIn,
    Model,
    MoveIn,
    PageOut,
    QueueOut,
    WordOut,
    WorkOut,
)
from overpaint.web.studio import Studio
from overpaint.web.telling import result_of, shown, told

router = APIRouter(prefix="/api", tags=["work"], responses=SAID)
Id = Annotated[str, Path(pattern=WORK, description="a piece of work")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", max_length=200, description="the same key is the same work, however often"
    ),
]
SEARCHED = ("$.request.target", "$.request.source", "$.method", "$.kind")
"""What a search looks through."""
PING = 15.0
"""Seconds of silence after which a stream says that it is still there."""
IMMUTABLE = "private, max-age=31536000, immutable"
PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}


def body_of(kind: type[Model]) -> dict[str, Any]:
    """What a body may be, for the schema: JSON, or a form with the same fields and files."""
    schema = kind.model_json_schema()
    form = {**schema, "properties": dict(schema["properties"])}
    for name in ("image", "mask"):
        if name in form["properties"]:
            form["properties"][name] = {"type": "string", "format": "binary"}
    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def queued(studio: Studio, work: dict[str, Any], who: str, key: str | None, response: Response) -> WorkOut:
    """Queue a piece of work, and say where to look for it."""
    entry = studio.put(work, who, key)
    response.headers["location"] = f"/api/edits/{entry.id}"
    return standing(studio, entry)


def standing(studio: Studio, entry: Entry) -> WorkOut:
    """A piece of work with its place among those that wait."""
    return shown(entry, studio.ledger.before(entry) if entry.state == "queued" else None)


@router.post("/edits", status_code=202, openapi_extra=body_of(EditIn))
async def edit(
    request: Request, response: Response, studio: TheStudio, who: Client, key: Key = None
) -> WorkOut:
    """Ask for an edit: it is queued, and the answer says where to look."""
    work = await run_in_threadpool(edit_work, studio, await asked(request, EditIn))
    return await run_in_threadpool(queued, studio, work, who, key, response)


@router.post("/generate", status_code=202, openapi_extra=body_of(GenerateIn))
async def generate(
    request: Request, response: Response, studio: TheStudio, who: Client, key: Key = None
) -> WorkOut:
    """Ask for a picture from a prompt."""
    work = await run_in_threadpool(generate_work, studio, await asked(request, GenerateIn))
    return await run_in_threadpool(queued, studio, work, who, key, response)


@router.post("/invert", status_code=202, openapi_extra=body_of(InvertIn))
async def invert(
    request: Request, response: Response, studio: TheStudio, who: Client, key: Key = None
) -> WorkOut:
    """Ask for an inversion, which edits then name by its id: it is made once."""
    work = await run_in_threadpool(invert_work, studio, await asked(request, InvertIn))
    return await run_in_threadpool(queued, studio, work, who, key, response)


@router.post("/compare", status_code=202, openapi_extra=body_of(CompareIn))
async def compare(
    request: Request, response: Response, studio: TheStudio, who: Client, key: Key = None
) -> WorkOut:
    """Ask for several methods on one picture."""
    work = await run_in_threadpool(compare_work, studio, await asked(request, CompareIn))
    return await run_in_threadpool(queued, studio, work, who, key, response)


@router.get("/edits")
def history(
    studio: TheStudio,
    words: Annotated[str, Query(max_length=200, description="all of them must be in it")] = "",
    state: Annotated[State | None, Query()] = None,
    before: Annotated[int | None, Query(ge=1, lt=2**62, description="what an earlier answer said")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    until: Annotated[float | None, Query(ge=0, lt=2**40, description="made then or earlier")] = None,
) -> PageOut:
    """The latest work, the newest first."""
    states = STATES if state is None else (state,)
    found = studio.ledger.found(words, SEARCHED, states, before, limit, until)
    items = [shown(entry) for _, entry in found]
    return PageOut(items=items, next=found[-1][0] if len(found) == limit else None)


@router.get("/edits/{id}")
def look(id: Id, studio: TheStudio) -> WorkOut:
    """A piece of work as it stands."""
    return standing(studio, studio.entry(id))


@router.delete("/edits/{id}")
def remove(id: Id, studio: TheStudio) -> WorkOut:
    """Stop work that waits or runs; remove what is over for good, with its pictures."""
    entry = studio.entry(id)
    if entry.state in OVER:
        studio.ledger.forget(entry.id)
        return shown(entry)
    studio.ledger.cancel(entry.id)
    after = studio.entry(entry.id)
    if after.state in OVER:
        studio.hub.tell(after.id, News("state", told(after)))
    return standing(studio, after)


@router.post("/edits/{id}/retry")
def retry(id: Id, studio: TheStudio) -> WorkOut:
    """Queue work anew that failed or was stopped."""
    studio.ledger.retry(studio.entry(id).id)
    return standing(studio, studio.entry(id))


@router.post("/edits/{id}/move")
def move(id: Id, said: MoveIn, studio: TheStudio) -> WorkOut:
    """Put waiting work before all other, or behind it."""
    studio.ledger.move(studio.entry(id).id, said.first)
    return standing(studio, studio.entry(id))


def over(studio: Studio, id: str) -> Entry:
    """Work that is done.

    Raises:
        Refused: it is not.
    """
    entry = studio.entry(id)
    if entry.state != "done":
        raise Refused(409, f"The edit {id} is {entry.state}, so there is no result to give.")
    return entry


@router.get("/edits/{id}/image", response_class=Response, responses=PNG)
def image(
    id: Id,
    studio: TheStudio,
    cell: Annotated[int | None, Query(ge=0, lt=10_000, description="which of its cells")] = None,
) -> Response:
    """The result, a PNG with its recipe inside; or another one that was made."""
    found = result_of(over(studio, id).result)
    one = found if cell is None else found.cells[cell] if cell < len(found.cells) else None
    blob = None if one is None else one.picture
    if blob is None and cell is not None:
        raise Refused(404, f"The work {id} has no picture in a cell {cell}.")
    if blob is None:
        raise Refused(404, "A comparison has no one result; say which cell.")
    name = f'inline; filename="overpaint-{id}.png"'
    headers = {"content-disposition": name, "cache-control": IMMUTABLE}
    return Response(studio.read(blob), media_type="image/png", headers=headers)


@router.get("/edits/{id}/maps")
def maps(id: Id, studio: TheStudio) -> list[WordOut]:
    """Where each word of the target looks, if that was to be recorded."""
    return [WordOut(**one) for one in over(studio, id).result.get("words", [])]


@router.get("/edits/{id}/again")
def again(id: Id, studio: TheStudio) -> AgainOut:
    """What makes this edit again without this server: a command, and Python."""
    work = studio.entry(id).work
    if work["kind"] == "compare":
        raise Refused(404, "A comparison is many edits; each of its cells has its command.")
    return AgainOut(command=as_command(work), python=as_python(work))


@router.get("/edits/{id}/report", response_class=Response)
def report(id: Id, studio: TheStudio) -> Response:
    """The report of a comparison, one file of HTML to keep."""
    blob = over(studio, id).result.get("report")
    if blob is None:
        raise Refused(404, "Only a comparison has a report.")
    headers = {"content-disposition": f'attachment; filename="overpaint-{id}.html"'}
    return Response(studio.read(str(blob)), media_type="text/html", headers=headers)


@router.get("/edits/{id}/events", response_class=StreamingResponse)
async def events(id: Id, studio: TheStudio, who: Client) -> StreamingResponse:
    """What happens to a piece of work, as server-sent events: ``state``, ``step`` and ``preview``, each with
    JSON; the stream ends with the work."""
    entry = await run_in_threadpool(studio.entry, id)
    return Stream(heard(studio, entry), studio, who)


class Stream(StreamingResponse):
    """A stream of events, counted from its first byte to its end; whoever is gone before has none."""

    def __init__(self, events: AsyncIterator[str], studio: Studio, who: str) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self.studio, self.who = studio, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            Refused: the client has too many open.
        """
        with self.studio.streaming(self.who):
            await super().__call__(scope, receive, send)


async def heard(studio: Studio, entry: Entry) -> AsyncIterator[str]:
    """How work stands, then its news until it is over."""
    async with studio.hub.listening(entry.id) as news:
        now = await run_in_threadpool(studio.entry, entry.id)  # what happened before anybody listened
        last = await run_in_threadpool(standing, studio, now)
        yield event("state", last.model_dump_json())
        while last.state not in OVER:
            try:
                one = await asyncio.wait_for(news.get(), PING)
            except TimeoutError:
                yield ": still there\n\n"
                last = await run_in_threadpool(
                    standing, studio, await run_in_threadpool(studio.entry, entry.id)
                )
                if last.state in OVER:  # by another process
                    yield event("state", last.model_dump_json())
                continue
            if one.kind == "state":
                last = WorkOut(**one.facts)
                yield event("state", last.model_dump_json())
            else:
                yield event(one.kind, json_of(one))


def json_of(news: News) -> str:
    """News as text."""

    return json.dumps(dict(news.facts))


def event(kind: str, data: str) -> str:
    """An event as the stream carries it; JSON has no line breaks."""
    return f"event: {kind}\ndata: {data}\n\n"


@router.get("/queue")
def queue(studio: TheStudio) -> QueueOut:
    """What waits, in its order, and what runs."""
    ledger = studio.ledger
    waiting, running = ledger.entries("queued", 200), ledger.entries("running")
    listed = [shown(entry, k) for k, entry in enumerate(waiting)]
    return QueueOut(
        paused=ledger.paused,
        counts=ledger.counts(),
        waiting=listed,
        running=[shown(entry) for entry in running],
    )


@router.post("/queue/pause")
def pause(studio: TheStudio) -> QueueOut:
    """Begin nothing more; what runs goes on."""
    studio.ledger.pause()
    return queue(studio)


@router.post("/queue/resume")
def resume(studio: TheStudio) -> QueueOut:
    """Begin again."""
    studio.ledger.pause(False)
    return queue(studio)

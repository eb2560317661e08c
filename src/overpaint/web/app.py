"""The application: all routes behind the guard, the workers beside them, the page in front."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from overpaint import __version__
from overpaint.web.answers import handle_errors
from overpaint.web.library import health
from overpaint.web.library import router as library
from overpaint.web.openai import router as openai
from overpaint.web.page import router as page
from overpaint.web.routes import router as work
from overpaint.web.safety import Guard
from overpaint.web.serving import Serving
from overpaint.web.studio import Studio

ABOUT = """Edits of pictures with the published Stable Diffusion editing methods.

Work is asked for by a POST that answers at once, and is done in the order of the queue: `/api/edits/{id}`
says how it stands, `/api/edits/{id}/events` tells of it on the way, `/api/edits/{id}/image` is what came out.
Errors are sentences: `{"error": "…"}`."""


def created(studio: Studio) -> FastAPI:
    """The application of a studio, without the guard: what its schema is made from."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncGenerator[None, None]:
        studio.hub.loop = asyncio.get_running_loop()
        studio.start()
        try:
            yield
        finally:
            await asyncio.to_thread(studio.end)

    app = FastAPI(
        title="overpaint",
        version=__version__,
        description=ABOUT,
        docs_url=None,  # they would load programs from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=living,
    )
    app.state.studio = studio
    for router in (page, work, library, openai, health):
        app.include_router(router)
    handle_errors(app)
    return app


def guarded(serving: Serving) -> Guard:
    """The whole application of a server.

    Raises:
        UsageError: another server works in the folder.
    """
    studio = Studio(serving)
    studio.claim()
    return Guard(created(studio), serving)

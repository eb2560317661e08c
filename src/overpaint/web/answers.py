"""What all routes share: the studio, who asks, and the sentences of errors."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from overpaint.errors import OutOfMemory, OverpaintError, UsageError
from overpaint.ledger.entry import LedgerError
from overpaint.web.asking import sentence_of
from overpaint.web.safety import client_of
from overpaint.web.schemas import ErrorOut
from overpaint.web.studio import Studio

ASTRAY = {
    404: "There is nothing at this address; /api/openapi.json lists all there are.",
    405: "This address is asked in another way; /api/openapi.json says how.",
}
"""What is said where no route is found."""
SAID: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorOut, "description": "What was asked cannot be done."},
    401: {"model": ErrorOut, "description": "The token is missing or wrong."},
    403: {"model": ErrorOut, "description": "A page of another server asks."},
    404: {"model": ErrorOut, "description": "There is no such thing here."},
    409: {"model": ErrorOut, "description": "Not as it stands now, such as a result of what still waits."},
    413: {"model": ErrorOut, "description": "The request is too large."},
    415: {"model": ErrorOut, "description": "The request is of a kind that is not read."},
    422: {"model": ErrorOut, "description": "A field is not what it should be."},
    429: {"model": ErrorOut, "description": "Too much at once."},
    503: {"model": ErrorOut, "description": "There is not memory enough just now."},
    507: {"model": ErrorOut, "description": "There is no more room."},
}
"""What any route may answer instead."""


async def studio_of(request: Request) -> Studio:
    """The studio of this server; asynchronous, as else a thread would be asked for it."""
    return request.app.state.studio


async def client(request: Request) -> str:
    """Who asks."""
    return client_of(request.scope)


TheStudio = Annotated[Studio, Depends(studio_of)]
Client = Annotated[str, Depends(client)]


def status_of(error: OverpaintError) -> int:
    """The status that goes with an error of ours."""
    match error:
        case UsageError():
            return 400
        case LedgerError():
            return 507
        case OutOfMemory():
            return 503
        case _:
            return 409


def wrong(sentence: str, status: int = 400, param: str | None = None) -> JSONResponse:
    """An error in the form that OpenAI's clients read."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": sentence, "type": kind, "param": param, "code": None}
    return JSONResponse({"error": error}, status)


def handle_errors(app: FastAPI) -> None:
    """Answer every error with a sentence."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, OverpaintError)
        return JSONResponse({"error": str(error)}, status_of(error))

    async def known(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        bare = error.detail == HTTPStatus(error.status_code).phrase  # of an address that there is not
        said = ASTRAY.get(error.status_code, error.detail) if bare else error.detail
        return JSONResponse({"error": said}, error.status_code, error.headers)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        said = sentence_of(error.errors()[0])
        if request.url.path.startswith("/v1/"):
            return wrong(said, 422)
        return JSONResponse({"error": said}, 422)

    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": "Something went wrong here; the server's log says what."}, 500)

    async def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it: whoever asked has gone

    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(OverpaintError, ours)
    app.add_exception_handler(HTTPException, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)

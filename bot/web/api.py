"""The REST API (DESIGN §5): runs, builds, logs. Reading only; what is not for everybody does not exist here."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from bot.app import queries
from bot.app.context import App
from bot.app.queries import ANYBODY
from bot.domain.runs import BuildId, RunId
from bot.web.answers import (
    BuildAnswer,
    BuildList,
    Fault,
    RunAnswer,
    RunList,
    build_answer,
    run_answer,
)
from bot.web.ranges import Unsatisfiable, read_range
from bot.web.site import run_of, site_of

router = APIRouter(responses={404: {"model": Fault}, 503: {"model": Fault}})

_PIECE: Final = 256 * 1024
_LOG_HEADERS: Final = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-cache",
}
_MOST: Final = 2**63 - 1
"""What the store can count to."""

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most")]
Id = Annotated[str, Path(description="A run's id, as checks carry it")]
Number = Annotated[int, Path(ge=1, le=_MOST)]
Before = Annotated[int | None, Query(ge=1, le=_MOST, description="Only builds with a smaller number")]


@router.get("/runs", tags=["runs"])
def list_runs(request: Request, limit: Limit = 30) -> RunList:
    """The newest runs of public repositories."""
    site = site_of(request)
    return RunList(runs=[run_answer(site.app, view) for view in queries.recent_runs(site.reader, ANYBODY, limit)])


@router.get("/runs/{id}", tags=["runs"])
def show_run(request: Request, id: Id) -> RunAnswer:  # noqa: A002, ARG001  # the document needs it
    """One run."""
    site = site_of(request)
    return run_answer(site.app, queries.run(site.reader, ANYBODY, run_of(request)))


@router.get("/runs/{id}/log", tags=["runs"], response_class=Response)
@router.head("/runs/{id}/log", include_in_schema=False)
def show_log(request: Request, id: Id) -> Response:  # noqa: A002, ARG001  # the document needs it
    """The log as the suite wrote it, byte by byte. Takes one Range."""
    reader = site_of(request).reader
    run = queries.run(reader, ANYBODY, run_of(request)).run
    size = reader.logs.size(run.id)
    # Without a validator of ours, nobody can know that a part still fits theirs.
    wanted = None if "if-range" in request.headers else request.headers.get("range")
    try:
        part = read_range(wanted, size)
    except Unsatisfiable:
        fault = {"error": "range", "reason": f"the log has {size} bytes"}
        return JSONResponse(fault, 416, headers={"Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    name = f"build-{run.build}-{run.suite.name}.log"
    headers = _LOG_HEADERS | {"Content-Length": str(end - start), "Content-Disposition": f'inline; filename="{name}"'}
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=206 if part else 200, headers=headers)
    return StreamingResponse(_bytes(reader, run.id, start, end), 206 if part else 200, headers)


def _bytes(app: App, run: RunId, start: int, end: int) -> Iterator[bytes]:
    while start < end and (piece := app.logs.read(run, start, min(_PIECE, end - start))):
        yield piece
        start += len(piece)


@router.get("/builds", tags=["builds"])
def list_builds(request: Request, limit: Limit = 30, before: Before = None) -> BuildList:
    """The newest builds of public repositories."""
    site = site_of(request)
    views = queries.recent_builds(site.reader, ANYBODY, limit, None if before is None else BuildId(before))
    older = views[-1].build.id if len(views) == limit else None
    return BuildList(builds=[build_answer(site.app, view) for view in views], next=older)


@router.get("/builds/{number}", tags=["builds"])
def show_build(request: Request, number: Number) -> BuildAnswer:
    """One build with its runs."""
    site = site_of(request)
    return build_answer(site.app, queries.build(site.reader, ANYBODY, BuildId(number)))

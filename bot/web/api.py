"""The REST API (DESIGN §5), what it tells; what may not be seen does not exist here."""

from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.app import queries
from bot.app.context import App
from bot.domain.runs import BuildId, RunId
from bot.web.answers import (
    BuildAnswer,
    BuildList,
    RunAnswer,
    RunList,
    build_answer,
    run_answer,
)
from bot.web.door import OPEN, Before, Id, Limit, Looking, Number, faults
from bot.web.problems import problem
from bot.web.ranges import Unsatisfiable, read_range
from bot.web.site import run_of, site_of

router = APIRouter(responses=faults(401, 404, 422, 503))

_PIECE: Final = 256 * 1024
_LOG_HEADERS: Final = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-cache",
}


@router.get("/runs", tags=["runs"], openapi_extra=OPEN)
def list_runs(request: Request, viewer: Looking, limit: Limit = 30) -> RunList:
    """The newest runs that the caller may see: of public repositories, with a token of all."""
    site = site_of(request)
    return RunList(runs=[run_answer(site.app, view) for view in queries.recent_runs(site.reader, viewer, limit)])


@router.get("/runs/{id}", tags=["runs"], openapi_extra=OPEN)
def show_run(request: Request, viewer: Looking, id: Id) -> RunAnswer:  # noqa: A002, ARG001  # the document needs it
    """One run."""
    site = site_of(request)
    return run_answer(site.app, queries.run(site.reader, viewer, run_of(request)))


@router.get("/runs/{id}/log", tags=["runs"], openapi_extra=OPEN, response_class=Response)
@router.head("/runs/{id}/log", include_in_schema=False)
def show_log(request: Request, viewer: Looking, id: Id) -> Response:  # noqa: A002, ARG001  # the document needs it
    """The log as the suite wrote it, byte by byte. Takes one Range."""
    reader = site_of(request).reader
    run = queries.run(reader, viewer, run_of(request)).run
    size = reader.logs.size(run.id)
    # Without a validator of ours, nobody can know that a part still fits theirs.
    wanted = None if "if-range" in request.headers else request.headers.get("range")
    try:
        part = read_range(wanted, size)
    except Unsatisfiable:
        return problem(416, "range", f"the log has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
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


@router.get("/builds", tags=["builds"], openapi_extra=OPEN)
def list_builds(request: Request, viewer: Looking, limit: Limit = 30, before: Before = None) -> BuildList:
    """The newest builds that the caller may see: of public repositories, with a token of all."""
    site = site_of(request)
    views = queries.recent_builds(site.reader, viewer, limit, None if before is None else BuildId(before))
    older = views[-1].build.id if len(views) == limit else None
    return BuildList(builds=[build_answer(site.app, view) for view in views], next=older)


@router.get("/builds/{number}", tags=["builds"], openapi_extra=OPEN)
def show_build(request: Request, viewer: Looking, number: Number) -> BuildAnswer:
    """One build with its runs."""
    site = site_of(request)
    return build_answer(site.app, queries.build(site.reader, viewer, BuildId(number)))

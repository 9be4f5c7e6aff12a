"""The REST API (DESIGN §5), what it tells; what may not be seen does not exist here."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.app import listing, queries
from bot.app.context import App
from bot.domain.runs import BuildId, RunId
from bot.web.answers import (
    BuildAnswer,
    BuildList,
    OneRunAnswer,
    RunList,
    build_answer,
    one_run_answer,
    run_answer,
)
from bot.web.door import OPEN, Before, Id, Limit, Looking, Number, Patience, Wanted, address_of, faults
from bot.web.problems import problem
from bot.web.ranges import Unsatisfiable, read_range
from bot.web.site import run_of, site_of
from bot.web.tails import start_of_tail
from bot.web.visitors import viewer_of
from bot.web.waiting import until_over

router = APIRouter(responses=faults(401, 404, 422, 503))

BeforeRun = Annotated[
    str | None, Query(pattern="^[0-9A-Za-z_-]{1,64}$", description="Only runs older than the run of that id")
]
Tail = Annotated[int | None, Query(ge=1, le=10_000, description="Only so many lines, the last")]
_PIECE: Final = 256 * 1024
_LOG_HEADERS: Final = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-cache",
}


@router.get("/runs", tags=["runs"], openapi_extra=OPEN)
def list_runs(
    request: Request, viewer: Looking, wanted: Wanted, limit: Limit = 30, before: BeforeRun = None
) -> RunList:
    """The newest runs that the caller may see: of public repositories, with a token of all."""
    site = site_of(request)
    last = None if before is None else RunId(before)
    page = listing.runs(site.reader, viewer, limit, before=last, wanted=wanted)
    return RunList(runs=[run_answer(site.app, view) for view in page.views], next=page.next)


@router.get("/runs/{id}", tags=["runs"], openapi_extra=OPEN)
async def show_run(
    request: Request,
    _: Looking,
    id: Id,  # noqa: A002, ARG001  # the document needs it
    wait: Patience,
) -> OneRunAnswer:
    """One run; `wait` holds the answer back until it has ended."""
    site, run = site_of(request), run_of(request)
    # Each look asks again who may see it: the token may have been revoked meanwhile.
    look = lambda: queries.run(site.reader, viewer_of(request), run)  # noqa: E731  # each look asks anew
    view = await until_over(site.streams.of(address_of(request)), look, lambda seen: seen.run.state.is_final, wait)
    return one_run_answer(site.app, view)


@router.get("/runs/{id}/log", tags=["runs"], openapi_extra=OPEN, response_class=Response)
@router.head("/runs/{id}/log", include_in_schema=False)
def show_log(
    request: Request,
    viewer: Looking,
    id: Id,  # noqa: A002, ARG001  # the document needs it
    tail: Tail = None,
) -> Response:
    """The log as the suite wrote it, byte by byte. Takes one Range, or `tail`, which goes before."""
    reader = site_of(request).reader
    run = queries.run(reader, viewer, run_of(request)).run
    size = reader.logs.size(run.id)
    if tail is not None:
        start = start_of_tail(partial(reader.logs.read, run.id), size, tail)
        headers = _LOG_HEADERS | {"Content-Length": str(size - start)}
        return StreamingResponse(_bytes(reader, run.id, start, size), headers=headers)
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
def list_builds(
    request: Request, viewer: Looking, wanted: Wanted, limit: Limit = 30, before: Before = None
) -> BuildList:
    """The newest builds that the caller may see: of public repositories, with a token of all."""
    site = site_of(request)
    last = None if before is None else BuildId(before)
    page = listing.builds(site.reader, viewer, limit, before=last, wanted=wanted)
    return BuildList(builds=[build_answer(site.app, view) for view in page.views], next=page.next)


@router.get("/builds/{number}", tags=["builds"], openapi_extra=OPEN)
async def show_build(request: Request, _: Looking, number: Number, wait: Patience) -> BuildAnswer:
    """One build with its runs; `wait` holds the answer back until all have ended."""
    site = site_of(request)
    look = lambda: queries.build(site.reader, viewer_of(request), BuildId(number))  # noqa: E731  # as above
    view = await until_over(site.streams.of(address_of(request)), look, lambda seen: seen.is_final, wait)
    return build_answer(site.app, view)

"""What happens, while it happens: Server-Sent Events for pages, a websocket with the raw log for programs.

Both read by offset and poll; nobody has to tell them anything, so nothing can be missed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

import anyio
import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.app import queries, tickets
from bot.app.queries import LogPiece, Viewer
from bot.domain.errors import BotError
from bot.domain.runs import RunId
from bot.web.door import address_of
from bot.web.following import BuildFollower, Step, SuiteFollower
from bot.web.problems import problem
from bot.web.site import Share, build_of, cell_of, run_of, site_of
from bot.web.visitors import own_origin, viewer_of

log = structlog.get_logger()

PIECE: Final = 64 * 1024
"""Bytes of log in one message at most."""
_SHORT: Final = 0.1
_LONG: Final = 1.0
"""Seconds between looks, from busy to quiet."""
_PING: Final = 15
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_OFFSET_DIGITS: Final = 15


async def build(request: Request) -> Response:
    """The suites table whenever it changes."""
    site = site_of(request)
    number = build_of(request)
    look = partial(viewer_of, request)
    view = await run_in_threadpool(lambda: queries.build(site.reader, look(), number))
    return _stream(site.streams.of(address_of(request)), BuildFollower(site, look, view.build.id).step)


async def suite(request: Request) -> Response:
    """A suite's state and the lines of its log; resumes after the byte of Last-Event-ID, else of `from`."""
    site = site_of(request)
    number, name = build_of(request), request.path_params["suite"]
    look = partial(viewer_of, request)
    view = await run_in_threadpool(lambda: queries.suite(site.reader, look(), number, name, cell_of(request)))
    start = _offset(request.headers.get("last-event-id") or request.query_params.get("from"))
    follower = await run_in_threadpool(SuiteFollower, site, look, number, view.run, start)
    return _stream(site.streams.of(address_of(request)), follower.step)


def _offset(text: str | None) -> int:
    """0 for what is no offset."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _OFFSET_DIGITS else 0


def _stream(places: Share, step: Callable[[], Step]) -> Response:
    if places.full:
        return problem(503, "busy", "too many open streams", headers={"Retry-After": "15"})
    return EventSourceResponse(_events(places, step), ping=_PING, headers=_HEADERS)


async def _events(places: Share, step: Callable[[], Step]) -> AsyncIterator[ServerSentEvent]:
    """Ends quietly when the store is busy: the browser comes back by itself with the last id."""
    pause = _SHORT
    with places.taken():
        while True:
            try:
                done = await run_in_threadpool(step)
            except BotError as error:
                log.info("live.broke", error=error.code)
                return
            for event in done.events:
                yield event
            if done.ended:
                return
            pause = _SHORT if done.events else min(pause * 1.5, _LONG)
            await asyncio.sleep(0 if done.more else pause)


async def log_socket(websocket: WebSocket) -> None:
    """WS /runs/{id}/logs?start=N: the raw bytes from that offset; closed with 1000 when the log is complete."""
    places = site_of(websocket).streams.of(address_of(websocket))
    if not _is_own_origin(websocket) or places.full:
        await websocket.close(1013 if places.full else 1008)
        return
    start = _offset(websocket.query_params.get("start"))
    try:
        run = run_of(websocket)
        look = await run_in_threadpool(_bearer, websocket, run)
        piece = await _read(websocket, look, run, start)
    except BotError:
        await websocket.close(1008)
        return
    await websocket.accept()
    with places.taken():
        await _until_either_ends(
            partial(_send_log, websocket, look, run, start, piece), partial(_heard_nothing, websocket)
        )


def _is_own_origin(websocket: WebSocket) -> bool:
    """Programs send none; a browser on another site's page does."""
    origin = websocket.headers.get("origin")
    return origin is None or origin == own_origin(site_of(websocket))


def _bearer(websocket: WebSocket, run: RunId) -> Callable[[], Viewer]:
    """Who they are, asked anew each time. Raises: Unauthorized: the ticket is not valid."""
    site, ticket = site_of(websocket), websocket.query_params.get("ticket")
    if ticket is None:
        return partial(viewer_of, websocket)
    return partial(tickets.bearer, site.reader, tickets.take(site.app, run, ticket))


async def _read(websocket: WebSocket, look: Callable[[], Viewer], run: RunId, start: int) -> LogPiece:
    """Each time with a new look at the token, which may have been revoked since."""
    reader = site_of(websocket).reader
    return await run_in_threadpool(lambda: queries.log_piece(reader, look(), run, start, PIECE))


async def _send_log(
    websocket: WebSocket, look: Callable[[], Viewer], run: RunId, start: int, piece: LogPiece
) -> None:
    pause = _SHORT
    try:
        while not piece.complete:
            if piece.data:
                await websocket.send_bytes(piece.data)
                start += len(piece.data)
                pause = _SHORT
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _LONG)
            piece = await _read(websocket, look, run, start)
        await websocket.close(1000)
    except BotError as error:
        log.info("live.broke", error=error.code)
        await websocket.close(1011)
    except WebSocketDisconnect:
        return


async def _heard_nothing(websocket: WebSocket) -> None:
    """Until the other side goes; what it says is thrown away."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _until_either_ends(*both: Callable[[], Awaitable[None]]) -> None:
    async with anyio.create_task_group() as group:

        async def end_all_after(one: Callable[[], Awaitable[None]]) -> None:
            await one()
            group.cancel_scope.cancel()

        for one in both:
            group.start_soon(end_all_after, one)

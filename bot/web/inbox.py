"""Short work of many requests goes through one thread: what comes while it is busy goes together.

A hop to a thread and back costs about as much as storing a webhook call, and threads that all want the interpreter
and the store's one writer mostly keep each other waiting.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

_MOST: Final = 16
"""Of which all are answered when the last one is done."""
_COURTESY: Final = 0.25
"""Seconds."""

_Work = Callable[[], Response]


class Inbox:
    def __init__(self) -> None:
        self._waiting: list[tuple[_Work, asyncio.Future[Response]]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_idle = threading.Event()
        self._is_idle.set()

    def give_way(self) -> None:
        """For work of other threads that has time: waits a little while somebody waits here for an answer."""
        self._is_idle.wait(_COURTESY)

    async def do(self, work: _Work) -> Response:
        """In its turn, in the caller's context."""
        result: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append((partial(copy_context().run, work), result))
        if self._task is None:
            self._is_idle.clear()
            self._task = asyncio.create_task(self._work())
        return await result

    async def _work(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await _do([work for work, _ in together], [result for _, result in together])
        finally:
            self._task = None
            self._is_idle.set()


async def _do(works: Sequence[_Work], results: Sequence[asyncio.Future[Response]]) -> None:
    try:
        responses = await run_in_threadpool(lambda: [work() for work in works])
    except Exception as error:  # noqa: BLE001  # it is told to all who wait, whose frame logs and answers it
        for result in results:
            if not result.done():
                result.set_exception(error)
        return
    for result, response in zip(results, responses, strict=True):
        if not result.done():  # whoever waited may have gone
            result.set_result(response)

"""Long polls: an answer that is given when something has ended, or when its time is up."""

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
from starlette.concurrency import run_in_threadpool

from bot.web.site import Share

_SHORT: Final = 0.1
_LONG: Final = 1.0
"""Seconds between looks, from the first to later ones."""

Seen = TypeVar("Seen")


async def until_over(
    places: Share, look: Callable[[], Seen], is_over: Callable[[Seen], bool], seconds: float
) -> Seen:
    """What `look` saw last; where all places are taken, what it saw first. `look` may raise at any time."""
    seen, pause = await run_in_threadpool(look), _SHORT
    if seconds <= 0 or places.full:
        return seen
    with places.taken(), anyio.move_on_after(seconds):
        while not is_over(seen):
            await anyio.sleep(pause)
            pause = min(pause * 1.5, _LONG)
            seen = await run_in_threadpool(look)
    return seen

"""Bodies that come slowly, endlessly or very large: what the server does meanwhile, message by message."""

import asyncio
import tracemalloc
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from bot import faultpoints
from bot.app import intake
from bot.web.asgi import make_asgi
from tests.web.conftest import World

STORED = intake.Answer(intake.Outcome.STORED)
GONE = b"the sender has gone"
Message = MutableMapping[str, Any]


async def call(
    world: World,
    pieces: Iterator[bytes],
    length: str | None = None,
    *,
    body_limit: int = 25 << 20,
    seconds: float = 10,
) -> tuple[list[Message], list[int]]:
    """What was answered, and how many bytes had been taken at each answer. The body stalls after its pieces."""
    asgi = make_asgi(world.app, world.watch, body_limit=body_limit, body_seconds=seconds)
    taken, answered, taken_at = 0, list[Message](), list[int]()

    async def receive() -> Message:
        nonlocal taken
        piece = next(pieces, None)
        if piece is None:
            await asyncio.sleep(60)
        taken += len(piece or b"")
        if piece == GONE:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    async def send(message: Message) -> None:
        answered.append(message)
        taken_at.append(taken)

    headers = [(b"content-length", length.encode())] if length else []
    scope = {"type": "http", "method": "POST", "path": "/webhooks/github", "query_string": b"", "headers": headers}
    await asgi({**scope, "client": ("127.0.0.1", 1), "server": ("x", 80), "scheme": "http"}, receive, send)
    return answered, taken_at


@pytest.fixture(autouse=True)
def everything_is_stored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the bodies that came through."""
    sizes: list[int] = []

    def accept(_app: object, _forge: object, _headers: object, body: bytes) -> intake.Answer:
        sizes.append(len(body))
        return STORED

    monkeypatch.setattr(intake, "accept", accept)
    return sizes


def test_a_body_that_stalls_is_given_up(world: World) -> None:
    answered, _ = asyncio.run(call(world, iter([b"{"]), seconds=0.05))
    assert answered[0]["status"] == 408
    assert (b"connection", b"close") in answered[0]["headers"]


def test_a_body_that_says_its_size_is_refused_before_any_of_it_is_taken(world: World) -> None:
    answered, taken_at = asyncio.run(call(world, iter([b"x" * 2000, b""]), "2000", body_limit=1000))
    assert (answered[0]["status"], taken_at[0], taken_at[1]) == (413, 0, 0)


def test_a_sender_that_goes_away_leaves_nothing(world: World, everything_is_stored: list[int]) -> None:
    asyncio.run(call(world, iter([b"{", GONE])))
    assert everything_is_stored == []


def test_an_endless_body_is_refused_at_the_limit(world: World) -> None:
    pieces = (b"x" * 100 for _ in range(1000))
    answered, taken_at = asyncio.run(call(world, pieces, body_limit=1000))
    assert (answered[0]["status"], taken_at[0]) == (413, 1100)


def test_a_large_body_is_held_at_most_three_times(world: World, everything_is_stored: list[int]) -> None:
    size, piece = 16 << 20, 64 * 1024
    pieces = (b"x" * piece if left else b"" for left in range(size // piece, -1, -1))
    tracemalloc.start()
    answered, _ = asyncio.run(call(world, pieces))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answered[0]["status"], everything_is_stored) == (202, [size])
    assert peak < 3 * size


def test_a_fault_after_the_answer_changes_nothing_for_the_forge(world: World) -> None:
    faultpoints.arm("web.after_answer=raise")
    answered, _ = asyncio.run(call(world, iter([b"{}", b""])))
    assert [message.get("status") for message in answered] == [202, None]

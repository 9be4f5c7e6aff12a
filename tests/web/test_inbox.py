"""Many requests through one thread: everyone gets his own answer, whoever has gone keeps nobody waiting."""

import asyncio
import threading
from contextvars import ContextVar

import pytest
from starlette.responses import PlainTextResponse, Response

from bot.web.inbox import Inbox

WHO: ContextVar[str] = ContextVar("WHO")


def said(text: str) -> Response:
    return PlainTextResponse(text)


def who() -> Response:
    return said(WHO.get())


def broken() -> Response:
    raise RuntimeError("a bug")


def test_everyone_gets_the_answer_to_his_own_question() -> None:
    async def ask() -> list[Response]:
        inbox = Inbox()
        return await asyncio.gather(*(inbox.do(lambda n=n: said(str(n))) for n in range(100)))  # type: ignore[misc]  # a lambda with a default

    assert [bytes(one.body) for one in asyncio.run(ask())] == [str(n).encode() for n in range(100)]


def test_work_is_done_in_the_context_of_who_asked() -> None:
    async def one(inbox: Inbox, name: str) -> bytes:
        WHO.set(name)
        return bytes((await inbox.do(who)).body)

    async def ask() -> list[bytes]:
        inbox = Inbox()
        return list(await asyncio.gather(one(inbox, "ada"), one(inbox, "bob"), one(inbox, "eve")))

    assert asyncio.run(ask()) == [b"ada", b"bob", b"eve"]


def test_who_goes_away_keeps_nobody_waiting() -> None:
    async def ask() -> Response:
        inbox = Inbox()
        gone = asyncio.create_task(inbox.do(who))
        stays = asyncio.create_task(inbox.do(lambda: said("here")))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    WHO.set("nobody")
    assert bytes(asyncio.run(ask()).body) == b"here"


def test_an_error_is_told_to_who_asked_and_the_next_is_served() -> None:
    async def ask() -> Response:
        inbox = Inbox()
        with pytest.raises(RuntimeError):
            await inbox.do(broken)
        return await inbox.do(lambda: said("again"))

    assert bytes(asyncio.run(ask()).body) == b"again"


def test_what_has_time_goes_on_at_once_when_nobody_waits_and_otherwise_after_a_while() -> None:
    began = threading.Event()
    may_end = threading.Event()

    def slow() -> Response:
        began.set()
        may_end.wait()
        return said("done")

    async def ask() -> bool:
        inbox = Inbox()
        inbox.give_way()
        answer = asyncio.create_task(inbox.do(slow))
        await asyncio.to_thread(began.wait)
        await asyncio.to_thread(inbox.give_way)  # however long the answer takes
        is_answered = answer.done()
        may_end.set()
        await answer
        inbox.give_way()
        return is_answered

    assert asyncio.run(ask()) is False

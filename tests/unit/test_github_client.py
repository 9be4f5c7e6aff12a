"""What GitHub, or whoever stands in between, may answer, and what we make of it (RELIABILITY §6.7, C60)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import pytest

from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.errors import Ambiguous, BotError, ForgeUnavailable, Gone, NotAllowed, RateLimited, Refused
from bot.domain.refs import Person, Sha
from bot.foreign.pacing import BURST, Urgency
from bot.ports.forge import Permission
from bot.ports.telemetry import Metric
from tests.contract.forge_world import GitHubWorld
from tests.sims.github_wire import Answer, Broken, answering, saying

ANN: Final = Person(31, "ann")


@pytest.fixture
def world(tmp_path: Path) -> GitHubWorld:
    """The token is there already, so the next request is the one that counts."""
    world = GitHubWorld(tmp_path)
    world.grant("ann", 31, "write")
    world.forge.permission(world.repository, ANN)
    world.wire.asked.clear()
    return world


@pytest.fixture
def check(world: GitHubWorld) -> Check:
    return Check(
        name="assay",
        sha=world.commit("One", {}),
        external_id="build-1",
        details_url="http://127.0.0.1:1/b/1",
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.FAILURE,
        title="Failed",
        summary="It did.",
    )


def read(world: GitHubWorld) -> Sha:
    return world.forge.change(world.repository, 1).head


def redirecting(target: str, status: int = 301) -> Answer:
    return saying(status, b"", location=target)


def times(count: int, action: Callable[[], object]) -> None:
    for _ in range(count):
        with pytest.raises(BotError):
            action()


def test_every_call_names_version_format_and_caller(world: GitHubWorld) -> None:
    world.forge.permission(world.repository, ANN)

    headers = world.wire.asked[0].headers
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["accept"] == "application/vnd.github.v3+json"
    assert headers["user-agent"] == "assay-bot"


def test_every_call_is_counted(world: GitHubWorld) -> None:
    world.telemetry.counted.clear()
    world.wire.instead = [answering(404), Broken(httpx.ReadError)]

    times(2, lambda: read(world))

    assert world.telemetry.counted == [
        (Metric.FORGE_CALLS, {"forge": "github", "method": "GET", "status": "4xx"}),
        (Metric.FORGE_CALLS, {"forge": "github", "method": "GET", "status": "error"}),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        answering(500),
        answering(502),
        answering(503),
        saying(520, b""),
        saying(200, b"<html>", "application/json"),
        saying(200, b"\xff", "application/json; charset=utf-8"),
        saying(200, b"[" * 100_000),
        saying(200, b"[]"),
        saying(200, b'{"number": 1}'),
        saying(200, b"welcome", "text/html"),
        saying(200, b"{}", x_ratelimit_limit="1", x_ratelimit_remaining="1", x_ratelimit_reset="1e400"),
        saying(204, b""),
        saying(304, b""),
        saying(200, b"x", "application/json; charset=klingon"),
        Broken(httpx.ConnectError),
        Broken(httpx.ReadTimeout),
        Broken(httpx.RemoteProtocolError),
        Broken(httpx.DecodingError),
    ],
    ids=str,
)
def test_no_proper_answer_is_worth_another_try(world: GitHubWorld, answer: Answer) -> None:
    world.wire.instead = [answer]

    with pytest.raises(ForgeUnavailable):
        read(world)


def test_an_answer_without_end_is_not_read_to_its_end(world: GitHubWorld) -> None:
    world.wire.instead = [saying(200, b" " * (33 * 2**20))]

    with pytest.raises(ForgeUnavailable, match="too large"):
        read(world)


@pytest.mark.parametrize(
    "answer",
    [
        answering(500),
        answering(502),
        answering(504),
        saying(201, b"garbage"),
        saying(201, b"{}"),
        Broken(httpx.ReadTimeout),
        Broken(httpx.ReadError),
        Broken(httpx.WriteError),
        Broken(httpx.RemoteProtocolError),
    ],
    ids=str,
)
def test_a_write_that_may_have_happened_is_ambiguous(world: GitHubWorld, check: Check, answer: Answer) -> None:
    world.wire.instead = [answer]

    with pytest.raises(Ambiguous):
        world.forge.publish(world.repository, check, None)


@pytest.mark.parametrize(
    "answer", [answering(503), Broken(httpx.ConnectError), Broken(httpx.ConnectTimeout)], ids=str
)
def test_a_write_that_never_arrived_is_not_ambiguous(world: GitHubWorld, check: Check, answer: Answer) -> None:
    world.wire.instead = [answer]

    with pytest.raises(ForgeUnavailable) as caught:
        world.forge.publish(world.repository, check, None)

    assert not isinstance(caught.value, Ambiguous)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (answering(429, retry_after="17"), 17),
        (answering(403, retry_after="17"), 17),
        (answering(429), 60),
        (answering(403, "You have exceeded a secondary rate limit."), 60),
        (answering(403, x_ratelimit_remaining="0", x_ratelimit_limit="5000", x_ratelimit_reset="1772325400"), 1200),
        (answering(403, x_ratelimit_remaining="0", x_ratelimit_limit="5000", x_ratelimit_reset="1"), 1),
        (answering(429, x_ratelimit_remaining="0", x_ratelimit_limit="5000", x_ratelimit_reset="9" * 12), 3600),
        (answering(403, x_ratelimit_remaining="0"), 60),
    ],
    ids=str,
)
def test_a_rate_limit_tells_how_long(world: GitHubWorld, answer: Answer, seconds: float) -> None:
    world.wire.instead = [answer]

    with pytest.raises(RateLimited) as caught:
        read(world)

    assert caught.value.retry_after == seconds


def test_a_rate_limit_stops_all_calls_of_the_installation_until_it_ends(world: GitHubWorld) -> None:
    world.wire.instead = [answering(429, retry_after="17")]
    times(1, lambda: read(world))
    world.clock.advance(16)

    with pytest.raises(RateLimited) as caught:
        world.forge.permission(world.repository, ANN)

    assert caught.value.retry_after == 1
    assert len(world.wire.asked) == 1
    world.clock.advance(1)
    assert world.forge.permission(world.repository, ANN) is Permission.WRITE


def test_another_installation_is_not_stopped(world: GitHubWorld) -> None:
    world.wire.instead = [answering(429, retry_after="17")]
    times(1, lambda: read(world))

    with pytest.raises(Gone):
        world.forge.change(replace(world.repository, installation=13), 1)


def test_a_missing_permission_is_named(world: GitHubWorld) -> None:
    needed = {"x_accepted_github_permissions": "pull_requests=read", "x_ratelimit_remaining": "4000"}
    world.wire.instead = [answering(403, "Resource not accessible by integration", **needed)]

    with pytest.raises(NotAllowed, match="needed: pull_requests=read"):
        read(world)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_gone(world: GitHubWorld, status: int) -> None:
    world.wire.instead = [answering(status)]

    with pytest.raises(Gone):
        read(world)


@pytest.mark.parametrize(
    "body", [b'{"message": "No way"}', b'{"message": "No", "errors": [{"code": "custom", "message": "way"}]}']
)
def test_a_refusal_has_githubs_words(world: GitHubWorld, check: Check, body: bytes) -> None:
    world.wire.instead = [saying(422, body)]

    with pytest.raises(Refused, match=r"No.*way"):
        world.forge.publish(world.repository, check, None)


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/api/v3/x",
        "http://127.0.0.1:10/api/v3/x",
        "https://127.0.0.1:9/api/v3/x",
        "http://user@127.0.0.1:9/x",
        "//evil.example/x",
        "http://127.0.0.1:nope/x",
        "http://127.0.0.1:9/\x00",
        "http://[",
        "",
    ],
)
def test_a_redirect_elsewhere_gets_no_credential(world: GitHubWorld, target: str) -> None:
    world.wire.instead = [redirecting(target)]

    with pytest.raises(ForgeUnavailable, match=r"unexpected redirect|no answer"):
        read(world)

    assert len(world.wire.asked) == 1


def test_redirects_without_end_are_given_up(world: GitHubWorld) -> None:
    world.wire.instead = [redirecting("/api/v3/again", 302)] * 10

    with pytest.raises(ForgeUnavailable, match="too many"):
        read(world)

    assert len(world.wire.asked) == 4


def test_a_forge_that_fails_again_and_again_is_left_alone_for_a_while(world: GitHubWorld) -> None:
    world.wire.instead = [answering(502)] * 5
    times(6, lambda: read(world))

    assert len(world.wire.asked) == 5
    world.clock.advance(31)
    assert world.forge.permission(world.repository, ANN) is Permission.WRITE


def test_refusals_do_not_count_as_failures_of_the_forge(world: GitHubWorld) -> None:
    world.wire.instead = [answering(404)] * 10
    times(10, lambda: read(world))

    assert len(world.wire.asked) == 10


def test_too_many_writes_at_once_are_put_off(world: GitHubWorld, check: Check) -> None:
    ref = world.forge.publish(world.repository, check, None)
    times_ok = [world.forge.publish(world.repository, check, ref) for _ in range(24)]

    with pytest.raises(RateLimited) as caught:
        world.forge.publish(world.repository, check, ref)

    assert len(times_ok) == BURST - 1 - Urgency.ENDED
    assert caught.value.retry_after == 1
    assert world.forge.permission(world.repository, ANN) is Permission.WRITE


def test_a_slow_trickle_is_not_waited_for(world: GitHubWorld) -> None:
    def trickle() -> Iterator[bytes]:
        yield b" " * 70_000
        world.clock.advance(31)
        yield b" " * 70_000

    world.wire.instead = [lambda _: httpx.Response(200, content=trickle())]

    with pytest.raises(ForgeUnavailable, match="ReadTimeout"):
        read(world)


@pytest.mark.parametrize("date", ["yesterday", "", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_date_that_cannot_be_right_is_not_learned(world: GitHubWorld, date: str) -> None:
    world.wire.instead = [saying(404, b"{}", date=date)]
    times(1, lambda: read(world))

    assert world.forge.permission(world.repository, ANN) is Permission.WRITE


def test_closing_ends_the_connections(world: GitHubWorld) -> None:
    world.forge.close()

    with pytest.raises(RuntimeError, match="closed"):
        read(world)

"""What GitLab, or whoever stands in between, may answer, and what we make of it (RELIABILITY §1.9, §6.7, F35-F37)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import requests

from bot.domain.errors import BotError, ForgeUnavailable, Gone, NotAllowed, RateLimited, Refused
from bot.domain.refs import Person, Sha
from bot.ports.forge import Permission
from bot.ports.telemetry import Metric
from tests.contract.gitlab_world import URL, GitLabWorld
from tests.sims.gitlab_wire import Answer, Broken, answering, saying

ANN: Final = Person(31, "ann")


@pytest.fixture
def world(tmp_path: Path) -> GitLabWorld:
    return GitLabWorld(tmp_path)


def read(world: GitLabWorld) -> Sha:
    return world.forge.change(world.repository, 1).head


def fails(world: GitLabWorld, answer: Answer) -> BotError:
    world.wire.instead = [answer]
    with pytest.raises(BotError) as caught:
        read(world)
    return caught.value


def times(count: int, action: Callable[[], object]) -> None:
    for _ in range(count):
        with pytest.raises(BotError):
            action()


def test_every_call_has_the_token_a_name_and_a_time_limit(world: GitLabWorld) -> None:
    world.forge.permission(world.repository, ANN)

    (request,) = world.wire.asked
    assert request.headers["Authorization"] == "Bearer glpat-of-the-tests"
    assert "PRIVATE-TOKEN" not in request.headers
    assert request.headers["User-Agent"] == "assay-bot"
    assert world.wire.timeouts == [(5.0, 10.0)]


def test_every_call_is_counted(world: GitLabWorld) -> None:
    world.wire.instead = [answering(404), Broken(requests.ReadTimeout)]

    times(2, lambda: read(world))

    assert world.telemetry.counted == [
        (Metric.FORGE_CALLS, {"forge": "gitlab", "method": "GET", "status": "4xx"}),
        (Metric.FORGE_CALLS, {"forge": "gitlab", "method": "GET", "status": "error"}),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        *(answering(status) for status in (401, 408, 409, 500, 502, 503, 520)),
        saying(200, b"<html>"),
        saying(200, b"\xff"),
        saying(200, b"[" * 100_000),
        saying(200, b"[]"),
        saying(200, b'{"iid": 1}'),
        saying(200, b""),
        saying(204, b""),
        saying(304, b""),
        Broken(requests.ConnectTimeout),
        Broken(requests.ReadTimeout),
        Broken(requests.ConnectionError),
        Broken(requests.exceptions.ChunkedEncodingError),
    ],
    ids=str,
)
def test_no_proper_answer_is_worth_another_try(world: GitLabWorld, answer: Answer) -> None:
    assert isinstance(fails(world, answer), ForgeUnavailable)
    assert len(world.wire.asked) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answering(403, "403 Forbidden"), NotAllowed),
        (answering(404), Gone),
        (answering(410), Gone),
        (answering(400, ["a list"]), Refused),
        (answering(422, {"name": ["is taken"]}), Refused),
        (saying(404, b"[" * 100_000), Gone),
    ],
    ids=str,
)
def test_a_refusal_is_final(world: GitLabWorld, answer: Answer, error: type[BotError]) -> None:
    assert type(fails(world, answer)) is error


def test_a_missing_scope_is_told_in_gitlabs_words(world: GitLabWorld) -> None:
    answer = saying(403, b'{"error": "insufficient_scope", "error_description": "Needs more.", "scope": "api"}')

    assert str(fails(world, answer)) == "insufficient_scope; Needs more.; api"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "999999"}, 3600),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60),
        ({"ratelimit_reset": "soon"}, 60),
        ({}, 60),
    ],
)
def test_a_pause_is_kept_for_the_whole_host(world: GitLabWorld, headers: dict[str, str], seconds: float) -> None:
    error = fails(world, saying(429, b"Retry later\n", **headers))
    asked = len(world.wire.asked)

    with pytest.raises(RateLimited):
        world.forge.find("octo/other")

    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds
    assert len(world.wire.asked) == asked
    world.clock.advance(seconds)
    with pytest.raises(Gone):
        read(world)


def test_a_pause_may_be_told_by_the_time_of_its_end(world: GitLabWorld) -> None:
    ends = str(int(world.clock.time()) + 30)

    error = fails(world, saying(429, b"Retry later\n", ratelimit_reset=ends))

    assert isinstance(error, RateLimited)
    assert error.retry_after == 30


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_takes_the_token_to_another_host(world: GitLabWorld, status: int) -> None:
    error = fails(world, saying(status, b"", location="https://evil.example/api/v4/projects/1"))

    assert str(error) == "unexpected redirect to https://evil.example/api/v4/projects/1"
    assert len(world.wire.asked) == 1


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:9/other/api/v4/user", "http://127.0.0.1:9.evil/code/api/v4/x", ""]
)
def test_nor_to_another_place_of_the_same_host(world: GitLabWorld, target: str) -> None:
    assert isinstance(fails(world, saying(302, b"", location=target)), ForgeUnavailable)
    assert len(world.wire.asked) == 1


def test_a_project_is_followed_to_its_new_name(world: GitLabWorld) -> None:
    target = f"{URL}/api/v4/projects/{world.project.id}"
    world.wire.instead = [saying(301, b"", location=target)]

    assert world.forge.find("octo/old").forge_id == world.project.id


def test_a_redirect_in_a_circle_ends(world: GitLabWorld) -> None:
    world.wire.instead = [saying(301, b"", location=f"{URL}/api/v4/user")] * 20

    with pytest.raises(ForgeUnavailable):
        world.forge.find("octo/old")


def test_no_write_is_led_elsewhere(world: GitLabWorld) -> None:
    number = world.open_change(world.commit("Two", {"b": b"b"}), world.commit("One", {}))
    world.forge.reply(world.repository, number, "one", None)
    asked = len(world.wire.asked)
    world.wire.instead = [saying(307, b"", location=f"{URL}/api/v4/projects/1/merge_requests/1/notes")]

    with pytest.raises(ForgeUnavailable):
        world.forge.reply(world.repository, number, "two", None)

    assert len(world.wire.asked) == asked + 1


def test_an_answer_without_end_is_not_read_to_its_end(world: GitLabWorld) -> None:
    assert "too large" in str(fails(world, saying(200, b" " * (33 * 2**20))))


def test_a_host_that_fails_five_times_is_left_alone_for_a_while(world: GitLabWorld) -> None:
    world.wire.instead = [answering(502)] * 5
    times(5, lambda: read(world))

    with pytest.raises(ForgeUnavailable, match="several times"):
        read(world)

    assert len(world.wire.asked) == 5


@pytest.mark.parametrize("level", [None, "40", True, 0, 5, -1])
def test_a_level_that_is_none_gives_no_permission(world: GitLabWorld, level: object) -> None:
    world.grant("ann", 31, "owner")
    world.project.members[31] = level  # type: ignore[assignment]  # what a broken server may say

    assert world.forge.permission(world.repository, ANN) is Permission.NONE


def test_the_manager_of_security_may_not_write(world: GitLabWorld) -> None:
    world.grant("ann", 31, "reporter")
    world.project.members[31] = 25

    assert world.forge.permission(world.repository, ANN) is Permission.READ


def test_somebody_who_is_blocked_may_do_nothing(world: GitLabWorld) -> None:
    world.grant("ann", 31, "owner")
    world.gitlab.blocked.add(31)

    assert world.forge.permission(world.repository, ANN) is Permission.NONE


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/octo/widgets.git",
        "http://127.0.0.1:9/codes/octo/widgets.git",
        "http://evil.example/code/octo/widgets.git",
        "http://me@127.0.0.1:9/code/octo/widgets.git",
        "https://127.0.0.1:9/code/octo/widgets.git",
        "http://127.0.0.1:99999999/code/x.git",
        "",
    ],
)
def test_the_credential_stays_below_the_forges_own_address(world: GitLabWorld, address: str) -> None:
    with pytest.raises(Refused):
        world.forge.access(replace(world.repository, clone_url=address))


def test_a_commit_that_is_not_there_yet_is_not_a_missing_file(world: GitLabWorld) -> None:
    with pytest.raises(ForgeUnavailable, match="does not show"):
        world.forge.read_file(world.repository, Sha("f" * 40), "a.py", 100)


def test_a_list_that_the_server_has_cut_is_not_complete(world: GitLabWorld) -> None:
    base = world.commit("One", {})
    number = world.open_change(world.commit("Many", {f"f{n}": b"x" for n in range(150)}), base)
    files = b'[{"old_path": "a", "new_path": "b"}]'
    many = b"[" + b",".join([files[1:-1]] * 100) + b"]"
    world.wire.instead = [saying(200, many), saying(200, b"[]"), saying(200, b'{"changes_count": "1000+"}')]

    found = world.forge.changed_files(world.repository, change=number, base=base, head=base)

    assert found is not None
    assert (found.paths, found.complete) == (("b", "a"), False)


def test_a_new_merge_request_may_not_know_its_base_yet(world: GitLabWorld) -> None:
    base = world.commit("One", {})
    head = world.commit("Two", {"b": b"b"})
    world.open_change(head, base)
    answer = (
        b'{"iid": 1, "state": "opened", "sha": "%s", "source_branch": "better", "target_branch": "main",'
        b' "source_project_id": null, "diff_refs": null, "title": "T"}' % head.encode()
    )
    world.wire.instead = [saying(200, answer)]

    change = world.forge.change(world.repository, 1)

    assert (change.base_sha, change.head_repository, change.author.login) == (base, None, "ghost")

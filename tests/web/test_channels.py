"""Channels of a repository over the API: what is written is never told, and nobody reaches another's."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from bot.domain.errors import Refused
from bot.domain.notices import NoticeState
from bot.domain.suites import Notify
from bot.domain.tokens import Scope
from bot.ports.notices import Channel
from bot.ports.queue import SendNotice
from bot.web.asgi import make_asgi
from tests.fakes.channel import FakeChannel
from tests.web.conftest import World

ADDRESS = "slack+https://hooks.example.org/T/B/only-we-know"


@pytest.fixture
def team() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def world(world: World, team: FakeChannel) -> World:
    def open_channel(address: str) -> Channel:
        if address != ADDRESS:
            raise Refused("nothing is sent there")
        return team

    world.app = replace(world.app, open_channel=open_channel)
    return world


@pytest.fixture
def path(world: World) -> str:
    return f"/repositories/{world.repository().id}"


def test_a_channel_is_written_and_listed_without_its_address(world: World, client: TestClient, path: str) -> None:
    headers = world.token(Scope.REPOSITORIES)
    written = client.put(f"{path}/channels/team", headers=headers, json={"address": ADDRESS})
    assert (written.status_code, written.content) == (204, b"")
    listed = client.get(f"{path}/channels", headers=headers)
    (one,) = listed.json()["channels"]
    assert (one["name"], one["kind"], one["actor"]) == ("team", "slack", "token:robot")
    assert "only-we-know" not in listed.text
    with world.app.work() as work:
        (stored,) = work.own_channels.every()
    assert b"only-we-know" not in stored.address
    assert world.audited() == [("token:robot", "set channel", "channel:team", "")]


def test_a_channel_is_tried_and_forgotten(world: World, client: TestClient, path: str, team: FakeChannel) -> None:
    headers = world.token(Scope.REPOSITORIES)
    client.put(f"{path}/channels/team", headers=headers, json={"address": ADDRESS})
    assert client.post(f"{path}/channels/team/test", headers=headers).status_code == 204
    team.trouble = [Refused("it answered 403")]
    failed = client.post(f"{path}/channels/team/test", headers=headers)
    assert (failed.status_code, failed.json()["detail"]) == (409, "it answered 403")
    assert [client.delete(f"{path}/channels/team", headers=headers).status_code for _ in range(2)] == [204, 404]
    assert client.post(f"{path}/channels/team/test", headers=headers).status_code == 404
    assert team.news == ["test"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("team", {"address": "slack+https://10.0.0.1/only-we-know"}),
        ("team", {"address": "x" * 3000}),
        ("team", {}),
        ("Team", {"address": ADDRESS}),
    ],
)
def test_what_can_be_no_channel_is_refused_without_its_address(
    world: World, client: TestClient, path: str, name: str, body: dict[str, str]
) -> None:
    refused = client.put(f"{path}/channels/{name}", headers=world.token(Scope.REPOSITORIES), json=body)
    assert refused.status_code == 422
    assert "only-we-know" not in refused.text
    assert "xxxx" not in refused.text


def test_there_is_an_end_to_the_channels_of_one_repository(world: World, client: TestClient, path: str) -> None:
    headers = world.token(Scope.REPOSITORIES)
    statuses = [
        client.put(f"{path}/channels/team-{number}", headers=headers, json={"address": ADDRESS}).status_code
        for number in range(21)
    ]
    assert statuses == [204] * 20 + [422]


@pytest.mark.parametrize("scope", [None, *Scope])
def test_it_needs_the_scope(world: World, client: TestClient, path: str, scope: Scope | None) -> None:
    headers = world.token(scope) if scope else {}
    expected = {None: 401, Scope.ADMIN: 200, Scope.REPOSITORIES: 200}.get(scope, 403)
    assert client.get(f"{path}/channels", headers=headers).status_code == expected
    assert client.get(f"{path}/notices", headers=headers).status_code == expected


def test_notices_are_those_of_the_repository(world: World, client: TestClient, path: str) -> None:
    builds = [world.finished().build, world.finished(private=True).build]
    with world.app.work() as work:
        for build in builds:
            work.notices.add(build, Notify(channel="team"))
        others, ours = (one.id for one in work.notices.recent(10))
        for number in (ours, others):
            work.notices.settle(number, NoticeState.DEAD, "answered 404")
    headers = world.token(Scope.ADMIN)
    listed = client.get(f"{path}/notices", headers=headers).json()["notices"]
    assert [one["number"] for one in listed] == [ours]
    assert client.post(f"{path}/notices/{others}/again", headers=headers).status_code == 404
    assert client.post(f"{path}/notices/{ours}/again", headers=headers).status_code == 202
    assert world.hints == [SendNotice(ours)]


def test_an_operator_sees_the_channels_of_all_without_their_addresses(
    world: World, client: TestClient, path: str, team: FakeChannel
) -> None:
    world.app = replace(world.app, channels={"pager": team, "ops": team})
    secret = world.repository(private=True)
    headers = world.token(Scope.ADMIN)
    for where, name in [(path, "team"), (f"/repositories/{secret.id}", "alarm"), (path, "again")]:
        client.put(f"{where}/channels/{name}", headers=headers, json={"address": ADDRESS})
    with TestClient(make_asgi(world.app, world.watch)) as operators:
        shown, query = list[tuple[str, str, str | None]](), "limit=2"
        while query:
            answer = operators.get(f"/channels?{query}", headers=headers)
            assert "only-we-know" not in answer.text
            page = answer.json()
            shown += [(one["name"], one["kind"], one["repository"]) for one in page["channels"]]
            query = f"limit=2&after={page['next']}" if page["next"] else ""
    assert shown == [
        ("ops", "fake", None),
        ("pager", "fake", None),
        ("again", "slack", "acme/hello"),
        ("team", "slack", "acme/hello"),
        ("alarm", "slack", "acme/secret"),
    ]


@pytest.mark.parametrize("cursor", ["1", "x:team", "1:", "-1:team", "9" * 30 + ":a"])
def test_a_cursor_that_is_none_is_refused(world: World, client: TestClient, cursor: str) -> None:
    assert client.get(f"/channels?after={cursor}", headers=world.token(Scope.ADMIN)).status_code == 422

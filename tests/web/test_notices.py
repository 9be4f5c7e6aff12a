"""What channels were told is the operator's business."""

import pytest
from starlette.testclient import TestClient

from bot.domain.notices import NoticeState
from bot.domain.suites import Notify
from bot.domain.tokens import Scope
from bot.ports.queue import SendNotice
from tests.web.conftest import World


@pytest.fixture
def number(world: World) -> int:
    """A notice that was given up."""
    run = world.finished()
    with world.app.work() as work:
        work.notices.add(run.build, Notify(channel="team"))
        (found,) = work.notices.due(10)
        work.notices.settle(found, NoticeState.DEAD, "answered 404")
    return found


@pytest.mark.parametrize("scope", [None, *Scope])
def test_only_an_admin_sees_and_repeats_them(
    world: World, client: TestClient, number: int, scope: Scope | None
) -> None:
    headers = world.token(scope) if scope else {}
    seen = client.get("/notices", headers=headers)
    sent = client.post(f"/notices/{number}/again", headers=headers)
    expected = {None: (401, 401), Scope.ADMIN: (200, 202)}.get(scope, (403, 403))
    assert (seen.status_code, sent.status_code) == expected
    assert (world.hints == [SendNotice(number)]) is (scope is Scope.ADMIN)


def test_the_list_says_what_went_wrong(world: World, client: TestClient, number: int) -> None:
    (one,) = client.get("/notices", headers=world.token(Scope.ADMIN)).json()["notices"]
    assert (one["number"], one["channel"], one["state"], one["error"]) == (number, "team", "dead", "answered 404")


def test_what_is_on_its_way_is_not_sent_twice(world: World, client: TestClient, number: int) -> None:
    admin = world.token(Scope.ADMIN)
    assert client.post(f"/notices/{number}/again", headers=admin).status_code == 202
    assert client.post(f"/notices/{number}/again", headers=admin).status_code == 404
    assert client.post("/notices/987/again", headers=admin).status_code == 404


@pytest.mark.parametrize("path", ["/notices", "/repositories/{}/notices"])
def test_the_pages_together_hold_everything_once(world: World, client: TestClient, path: str) -> None:
    build, headers = world.finished().build, world.token(Scope.ADMIN)
    with world.app.work() as work:
        numbers = [work.notices.add(build, Notify(channel="team")) for _ in range(5)]
    address, shown = path.format(world.repository().id), list[int]()
    query = "limit=2"
    while query:
        page = client.get(f"{address}?{query}", headers=headers).json()
        shown += [one["number"] for one in page["notices"]]
        query = f"limit=2&before={page['next']}" if page["next"] else ""
    assert shown == numbers[::-1]

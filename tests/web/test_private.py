"""What belongs to a private repository is for everybody as if it were not there (DESIGN §2.12)."""

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.builders import SHA
from tests.web.conftest import World


@pytest.mark.parametrize(
    "path",
    [
        "/b/{build}",
        "/b/{build}/unit",
        "/b/{build}/unit/log",
        "/b/{build}/unit/stream",
        "/b/{build}/-/stream",
        "/runs/{run}",
        "/runs/{run}/log",
        "/builds/{build}",
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_it_is_answered_exactly_as_what_never_was(world: World, client: TestClient, path: str, accept: str) -> None:
    run = world.finished(b"a secret of acme", private=True)
    there = client.get(path.format(build=run.build, run=run.id), headers={"accept": accept})
    never = client.get(path.format(build=987, run="nobody"), headers={"accept": accept})
    assert there.status_code == 404
    assert there.content == never.content


@pytest.mark.parametrize("path", ["/", "/runs", "/builds"])
def test_no_list_names_it(world: World, client: TestClient, path: str) -> None:
    run = world.finished(b"a secret of acme", private=True)
    told = client.get(path).text
    assert "acme/secret" not in told
    assert SHA not in told
    assert run.id not in told


def test_its_live_log_is_refused(world: World, client: TestClient) -> None:
    run = world.finished(b"a secret of acme", private=True)
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/runs/{run.id}/logs"):
        pass


def test_public_ones_are_listed_beside_it(world: World, client: TestClient) -> None:
    world.finished(private=True)
    run = world.finished()
    assert [row["id"] for row in client.get("/runs").json()["runs"]] == [run.id]
    assert [row["number"] for row in client.get("/builds").json()["builds"]] == [run.build]

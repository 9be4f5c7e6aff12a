"""Lists of runs and builds: filters, and pages that together hold everything once."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from bot.domain.runs import RunState
from bot.domain.tokens import Scope
from bot.web.door import State
from tests.builders import OLDER, SHA
from tests.web.conftest import World


def numbers(client: TestClient, query: str) -> list[int]:
    return [row["number"] for row in client.get(f"/builds?{query}").json()["builds"]]


def ids(client: TestClient, query: str) -> list[str]:
    return [row["id"] for row in client.get(f"/runs?{query}").json()["runs"]]


def test_a_list_holds_what_the_filter_names(world: World, client: TestClient) -> None:
    main, topic, old = world.build(), world.build(ref="topic"), world.build(sha=OLDER)
    unit, lint = world.run(main, "unit"), world.run(topic, "lint")
    cell = world.run(old, "unit", state=RunState.FAILED)
    for query, builds, runs in [
        ("branch=topic", [topic.id], [lint.id]),
        (f"sha={OLDER}", [old.id], [cell.id]),
        ("suite=unit", [old.id, main.id], [cell.id, unit.id]),
        ("suite=uni", [], []),
        ("suite=unit%25", [], []),
        ("state=failed", [old.id], [cell.id]),
        ("state=queued&branch=main", [main.id], [unit.id]),
        ("repository=acme/hello&suite=lint", [topic.id], [lint.id]),
        ("repository=github:ACME/hello", [old.id, topic.id, main.id], [cell.id, lint.id, unit.id]),
        ("repository=acme/other", [], []),
        ("repository=gitlab:acme/hello", [], []),
        ("branch=", [old.id, topic.id, main.id], [cell.id, lint.id, unit.id]),
    ]:
        assert (numbers(client, query), ids(client, query)) == (builds, runs), query


def test_a_filter_shows_nothing_that_may_not_be_seen(world: World, client: TestClient) -> None:
    run = world.finished(private=True)
    query = "repository=acme/secret&state=passed"
    assert (numbers(client, query), ids(client, query)) == ([], [])
    reader = world.token(Scope.READ)
    assert [row["id"] for row in client.get(f"/runs?{query}", headers=reader).json()["runs"]] == [run.id]


@pytest.mark.parametrize("query", ["state=odd", "sha=abc", "repository=x", "before=%20", "branch=" + "x" * 251])
def test_a_filter_that_can_fit_nothing_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/runs?{query}").status_code == 422


def test_every_word_of_a_run_can_be_asked_for() -> None:
    assert {state.word for state in RunState} == set(State.__args__)  # type: ignore[attr-defined]  # of a Literal


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(private=st.lists(st.booleans(), max_size=12), limit=st.integers(1, 4))
def test_the_pages_together_hold_everything_once(
    world: World, client: TestClient, private: list[bool], limit: int
) -> None:
    build, secret = world.build(), world.build(private=True)
    made = [(one, world.run(secret if one else build).id) for one in private]
    shown, query = list[str](), f"limit={limit}&sha={SHA}"
    address = f"/runs?{query}"
    while True:
        page = client.get(address).json()
        shown += [row["id"] for row in page["runs"]]
        if page["next"] is None:
            break
        address = f"/runs?{query}&before={page['next']}"
    assert len(shown) == len(set(shown))
    mine = [run for hidden, run in reversed(made) if not hidden]
    assert shown[: len(mine)] == mine

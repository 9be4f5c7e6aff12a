"""The audit page, and what a build's page tells of approvals and successors."""

import json

import pytest
from starlette.testclient import TestClient

from bot.app import suitefile
from bot.domain.refs import Person
from bot.domain.runs import Cause, Reason, RunState
from bot.domain.tokens import Scope
from tests.builders import OLDER, SHA
from tests.web.conftest import World


def note(world: World, subject: str, *, private: bool = False, detail: str = "unit") -> None:
    repository = world.repository(private=private).id
    with world.app.work() as work:
        work.audit.add(repository=repository, actor="ana <b>", action="cancel", subject=subject, detail=detail)


@pytest.mark.parametrize(
    ("subject", "link"),
    [
        ("build:12", '<a href="/b/12">build 12</a>'),
        (f"commit:{SHA}", f'<a href="https://github.example/acme/hello/commit/{SHA}"><code>a1b2c3d</code></a>'),
        ("change:7", '<a href="https://github.example/acme/hello/pull/7">#7</a>'),
        ("thing:<i>", "thing:&lt;i&gt;"),
    ],
)
def test_an_entry_tells_who_did_what_on_what(world: World, client: TestClient, subject: str, link: str) -> None:
    note(world, subject, detail="unit <script>")
    text = client.get("/audit").text
    assert link in text
    assert "ana &lt;b&gt;" in text
    assert "unit &lt;script&gt;" in text
    assert "acme/hello" in text


def test_the_newest_two_hundred_are_shown_newest_first(world: World, client: TestClient) -> None:
    for number in range(201):
        note(world, f"build:{number + 1000}")
    text = client.get("/audit").text
    assert "build 1000<" not in text
    assert text.index("build 1200<") < text.index("build 1001<")


def test_private_repositories_and_the_operators_own_doings_are_not_for_everybody(
    world: World, client: TestClient
) -> None:
    note(world, "build:12", private=True)
    admin, reader = world.token(Scope.ADMIN), world.token(Scope.READ, name="reader")
    assert "acme/secret" not in client.get("/audit").text
    assert "robot" not in client.get("/audit", headers=reader).text
    assert "acme/secret" in client.get("/audit", headers=admin).text
    assert "token:robot" in client.get("/audit", headers=admin).text


def test_an_empty_audit_is_a_page(client: TestClient) -> None:
    assert "Nothing yet" in client.get("/audit").text


def test_the_first_page_leads_there(client: TestClient) -> None:
    assert 'href="/audit"' in client.get("/").text


def test_a_build_tells_who_approved_it(world: World, client: TestClient) -> None:
    build = world.build(cause=Cause.CHANGE, change=7)
    with world.app.work() as work:
        work.approvals.add(build.id, build.sha, Person(1, "ana"), "ana")
        work.approvals.add(build.id, build.sha, None, "token:<gate>")
    text = client.get(f"/b/{build.id}").text
    assert "Approved by ana at" in text
    assert "Approved by token:&lt;gate&gt; at" in text


def test_a_superseded_build_leads_to_the_one_that_took_its_place(world: World, client: TestClient) -> None:
    old = world.build(cause=Cause.CHANGE, change=7, sha=OLDER)
    world.run(old, state=RunState.SUPERSEDED, reason=Reason.SUPERSEDED)
    alone = client.get(f"/b/{old.id}").text
    world.build()
    new = world.build(cause=Cause.CHANGE, change=7)
    world.build(cause=Cause.CHANGE, change=7)
    assert "Superseded by <a" not in alone
    assert f'Superseded by <a href="/b/{new.id}">build {new.id}</a>' in client.get(f"/b/{old.id}").text
    assert "Superseded by <a" not in client.get(f"/b/{new.id}").text


def test_editors_get_the_schema_of_the_suite_file(client: TestClient) -> None:
    answer = client.get("/schema/v1.json")
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.json() == json.loads(suitefile.schema_text())

"""The REST API's writing half: starting, cancelling, running again, approving."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from bot.domain.errors import ForgeUnavailable, NotAllowed
from bot.domain.refs import Sha
from bot.domain.runs import Build, Cause, RunState, Trust
from bot.domain.tokens import Scope
from bot.ports.queue import ExecuteRun
from tests.builders import NOON, OLDER, SHA
from tests.fakes.forge import STAN, a_change
from tests.web.conftest import World

HELLO = "acme/hello"
SUITES = b"""\
suites:
  unit: {image: busybox, run: 'true'}
  docs: {image: busybox, run: 'true', when: {branches: [never]}}
  lint: {image: busybox, run: 'true', when: {events: [pull_request]}}
"""


@pytest.fixture(autouse=True)
def suites(world: World) -> None:
    world.repository()
    world.forge.suite_files[""] = SUITES


@pytest.fixture
def writer(world: World) -> dict[str, str]:
    return world.token(Scope.READ, Scope.WRITE)


def of_stranger(world: World, **more: object) -> Build:
    """A build of a stranger's open change that waits."""
    world.forge.changes[7] = a_change(7, SHA, author=STAN, fork=True)
    facts = {"cause": Cause.CHANGE, "change": 7, "base_ref": "main", "trust": Trust.UNTRUSTED}
    build = world.build(**{**facts, **more})  # type: ignore[arg-type]  # replace() checks the names
    world.run(build, state=RunState.AWAITING_APPROVAL, trust=Trust.UNTRUSTED)
    return build


def builds(world: World, sha: Sha = SHA) -> list[Build]:
    repository = world.repository().id
    with world.app.work() as work:
        return list(work.builds.at(repository, sha))


def test_a_named_suite_is_started_whatever_its_filters(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    world.forge.messages[SHA] = "Say hello\n\nat length [skip ci]"
    answer = client.post("/runs", headers=writer, json={"repository": HELLO, "sha": SHA, "suite": "docs"})
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"https://ci.example.org/builds/{told['number']}"
    assert (told["cause"], told["ref"], told["title"], told["sender"]) == ("api", "main", "Say hello", "token:robot")
    assert [(run["suite"], run["state"]) for run in told["runs"]] == [("docs", "queued")]
    assert ExecuteRun(told["runs"][0]["id"]) in world.hints
    assert world.audited() == [("token:robot", "start", f"build:{told['number']}", "docs")]


@pytest.mark.parametrize(
    ("asked", "started"),
    [
        ({}, {"unit": "queued", "docs": "skipped"}),
        ({"suite": ["lint", "unit", "lint"]}, {"unit": "queued", "lint": "queued"}),
        ({"ref": "never"}, {"unit": "queued", "docs": "queued"}),
    ],
)
def test_without_names_all_that_are_for_a_push_are_started(
    client: TestClient, writer: dict[str, str], asked: dict[str, object], started: dict[str, str]
) -> None:
    answer = client.post("/runs", headers=writer, json={"repository": f"github:{HELLO}", "sha": SHA, **asked})
    assert {run["suite"]: run["state"] for run in answer.json()["runs"]} == started


@pytest.mark.parametrize(
    ("asked", "sha", "ref"),
    [({"ref": "topic/x"}, OLDER, "topic/x"), ({}, SHA, "main"), ({"ref": "topic/x", "sha": SHA}, SHA, "topic/x")],
)
def test_a_branch_stands_for_its_head(
    world: World, client: TestClient, writer: dict[str, str], asked: dict[str, str], sha: str, ref: str
) -> None:
    world.forge.refs = {"main": SHA, "topic/x": OLDER}
    told = client.post("/runs", headers=writer, json={"repository": HELLO, **asked}).json()
    assert (told["sha"], told["ref"]) == (sha, ref)


def test_a_repository_that_never_told_us_anything_is_asked_for_at_its_forge(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    world.forge.seen = type(world.forge.seen)(
        **{name: getattr(world.forge.seen, name) for name in world.forge.seen.__dataclass_fields__}
        | {"path": "acme/new", "forge_id": 555}
    )
    answer = client.post("/runs", headers=writer, json={"repository": "Acme/New", "sha": SHA})
    assert (answer.status_code, answer.json()["repository"]) == (201, "acme/new")


def test_each_order_is_a_build_of_its_own(world: World, client: TestClient, writer: dict[str, str]) -> None:
    body = {"repository": HELLO, "sha": SHA, "suite": "unit"}
    numbers = [client.post("/runs", headers=writer, json=body).json()["number"] for _ in range(2)]
    assert len(set(numbers)) == 2
    assert [one.id for one in builds(world)] == numbers[::-1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"repository": "acme/nothing", "sha": SHA}, 404),
        ({"repository": "gitlab:acme/hello", "sha": SHA}, 404),
        ({"repository": "acme/secret", "sha": SHA}, 404),
        ({"repository": HELLO, "sha": SHA[:7]}, 422),
        ({"repository": HELLO, "sha": SHA.upper()}, 422),
        ({"repository": HELLO, "sha": "0" * 40}, 422),
        ({"repository": HELLO, "sha": ["x"]}, 422),
        ({"repository": HELLO, "ref": "nowhere"}, 422),
        ({"repository": HELLO, "ref": "../../../user"}, 422),
        ({"repository": HELLO, "ref": "a b"}, 422),
        ({"repository": HELLO, "ref": "-x"}, 422),
        ({"repository": HELLO, "ref": ""}, 422),
        ({"repository": "../user", "sha": SHA}, 422),
        ({"repository": "acme/..", "sha": SHA}, 422),
        ({"repository": "acme", "sha": SHA}, 422),
        ({"repository": 7, "sha": SHA}, 422),
        ({"repository": HELLO, "sha": SHA, "suite": "unti"}, 422),
        ({"repository": HELLO, "sha": SHA, "suite": "*"}, 422),
        ({"repository": HELLO, "sha": SHA, "suite": []}, 422),
        ({"repository": HELLO, "sha": SHA, "suite": {"unit": 1}}, 422),
        ({"repository": HELLO, "sha": SHA, "env": {"A": "b"}}, 422),
        ({"repository": HELLO, "sha": SHA, "trust": "trusted"}, 422),
        ({"repository": HELLO, "sha": SHA, "env": "x" * 1_000_000}, 413),
        ({"sha": SHA}, 422),
        ([], 422),
        (None, 422),
    ],
)
def test_an_order_that_makes_no_sense_starts_nothing(
    world: World, client: TestClient, body: object, status: int
) -> None:
    world.repository(private=True)
    answer = client.post("/runs", headers=world.token(Scope.WRITE), json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert not builds(world)


@pytest.mark.parametrize(
    ("file", "said"),
    [({}, "no suite file"), ({"": b"suites: 3"}, ".assay.yml"), ({"": SUITES}, "suites here: unit, docs, lint")],
)
def test_what_is_wrong_with_the_suite_file_is_said(
    world: World, client: TestClient, writer: dict[str, str], file: dict[str, bytes], said: str
) -> None:
    world.forge.suite_files = file
    answer = client.post("/runs", headers=writer, json={"repository": HELLO, "sha": SHA, "suite": "unti"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable")
    assert said in answer.json()["detail"]


def test_nothing_for_that_branch_is_no_build(world: World, client: TestClient, writer: dict[str, str]) -> None:
    world.forge.suite_files[""] = SUITES.replace(
        b"unit: {image: busybox,", b"unit: {when: {branches: [x]}, image: a,"
    )
    answer = client.post("/runs", headers=writer, json={"repository": HELLO, "sha": SHA})
    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable")
    assert "a push to main" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status"), [(ForgeUnavailable("down"), 503), (NotAllowed("needs contents: read"), 403)]
)
def test_trouble_with_the_forge_is_told_as_such(
    world: World, client: TestClient, writer: dict[str, str], error: Exception, status: int
) -> None:
    world.forge.trouble["commit"] = [error]
    assert client.post("/runs", headers=writer, json={"repository": HELLO}).status_code == status


def test_a_strangers_commit_is_not_started_before_it_is_approved(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    build = of_stranger(world)
    body = {"repository": HELLO, "sha": SHA, "suite": "unit"}
    refused = client.post("/runs", headers=writer, json=body)
    assert refused.status_code == 409
    assert "approval" in refused.json()["detail"]
    approver = world.token(Scope.APPROVE, name="gate")
    assert client.post(f"/builds/{build.id}/approve", headers=approver, json={"sha": SHA}).status_code == 200
    started = client.post("/runs", headers=writer, json=body)
    assert (started.status_code, started.json()["trust"]) == (201, "untrusted")
    again = client.post("/runs", headers=writer, json=body)
    assert (again.status_code, again.json()["trust"]) == (201, "untrusted")


def test_a_commit_that_was_also_pushed_here_is_trusted(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    of_stranger(world)
    world.build()
    told = client.post("/runs", headers=writer, json={"repository": HELLO, "sha": SHA}).json()
    assert told["trust"] == "trusted"


def test_cancelling_ends_that_run_and_no_other(world: World, client: TestClient, writer: dict[str, str]) -> None:
    build = world.build()
    run, other = world.run(build), world.run(build, "lint")
    answers = [client.post(f"/runs/{run.id}/cancel", headers=writer) for _ in range(2)]
    assert [(one.status_code, one.json()["state"]) for one in answers] == [(200, "cancelled")] * 2
    assert client.get(f"/runs/{other.id}").json()["state"] == "queued"
    assert world.audited() == [("token:robot", "cancel", f"build:{build.id}", "unit")]


def test_cancelling_reaches_a_run_in_its_container(world: World, client: TestClient, writer: dict[str, str]) -> None:
    run = world.running(world.build())
    assert client.post(f"/runs/{run.id}/cancel", headers=writer).json()["state"] == "running"
    with world.app.work() as work:
        found = work.runs.get(run.id)
    assert (found.cancel, found.cancel_note) == ("user", "token:robot")


def test_cancelling_a_build_ends_all_of_it(world: World, client: TestClient, writer: dict[str, str]) -> None:
    run = world.finished()
    with world.app.work() as work:
        build = work.builds.get(run.build)
    world.run(build, "lint")
    told = client.post(f"/builds/{build.id}/cancel", headers=writer).json()
    assert {one["suite"]: one["state"] for one in told["runs"]} == {"unit": "passed", "lint": "cancelled"}
    assert world.audited() == [("token:robot", "cancel", f"build:{build.id}", "lint")]


def test_a_run_is_started_again_once(world: World, client: TestClient, writer: dict[str, str]) -> None:
    run = world.finished()
    first, second = (client.post(f"/runs/{run.id}/retest", headers=writer) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert [one["suite"] for one in first.json()["runs"]] == ["unit"]
    assert first.json()["runs"][0]["id"] != run.id
    assert [one[:2] for one in world.audited()] == [("token:robot", "rerun")]


STAGED = b"""\
suites:
  unit: {image: busybox, run: 'true'}
  stage: {image: busybox, run: 'true', when: {start: manual}}
  smoke: {image: busybox, run: 'true', needs: [stage]}
"""


def test_a_suite_that_waits_for_a_person_is_started_by_its_name_alone(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    world.forge.suite_files[""] = STAGED
    body = {"repository": HELLO, "sha": SHA}
    everything = client.post("/runs", headers=writer, json=body).json()
    assert {run["suite"]: run["state"] for run in everything["runs"]} == {
        "unit": "queued",
        "stage": "waiting",
        "smoke": "waiting",
    }
    named = client.post("/runs", headers=writer, json={**body, "suite": "stage"})
    assert (named.status_code, [run["state"] for run in named.json()["runs"]]) == (201, ["queued"])


def test_running_an_unstarted_suite_again_starts_it_and_what_waits_for_it(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    world.forge.suite_files[""] = STAGED
    told = client.post("/runs", headers=writer, json={"repository": HELLO, "sha": SHA}).json()
    (stage,) = [run["id"] for run in told["runs"] if run["suite"] == "stage"]
    again = client.post(f"/runs/{stage}/retest", headers=writer).json()
    assert {run["suite"]: run["state"] for run in again["runs"]} == {"stage": "queued", "smoke": "queued"}
    (smoke,) = [run["id"] for run in again["runs"] if run["suite"] == "smoke"]
    assert ExecuteRun(smoke) not in world.hints


def test_a_suite_that_is_gone_can_not_run_again(world: World, client: TestClient, writer: dict[str, str]) -> None:
    run = world.finished(suite="gone")
    answer = client.post(f"/runs/{run.id}/retest", headers=writer)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "nothing to run again" in answer.json()["detail"]


def test_a_strangers_unapproved_run_can_not_run_again(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    build = of_stranger(world)
    run = world.run(build, "lint", state=RunState.AWAITING_APPROVAL)
    answer = client.post(f"/runs/{run.id}/retest", headers=writer)
    assert answer.status_code == 409
    assert "ok-to-test" in answer.json()["detail"]


def test_nothing_of_a_closed_change_runs_again(world: World, client: TestClient, writer: dict[str, str]) -> None:
    build = of_stranger(world, trust=Trust.TRUSTED)
    world.forge.changes[7] = a_change(7, SHA, is_open=False)
    answer = client.post(f"/runs/{world.run(build).id}/retest", headers=writer)
    assert (answer.status_code, answer.json()["detail"]) == (409, "pull request 7 is closed or has a newer head")


def test_an_approval_lets_the_build_run(world: World, client: TestClient) -> None:
    build = of_stranger(world)
    headers = world.token(Scope.APPROVE)
    answer = client.post(f"/builds/{build.id}/approve", headers=headers, json={"sha": SHA})
    assert (answer.status_code, answer.json()["runs"][0]["state"]) == (200, "queued")
    assert world.audited() == [("token:robot", "approve", f"build:{build.id}", SHA)]
    again = client.post(f"/builds/{build.id}/approve", headers=headers, json={"sha": SHA})
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("body", "status"), [({"sha": OLDER}, 409), ({"sha": SHA[:7]}, 422), ({}, 422), ({"sha": SHA, "all": True}, 422)]
)
def test_an_approval_names_the_commit_that_was_looked_at(
    world: World, client: TestClient, body: dict[str, object], status: int
) -> None:
    build = of_stranger(world)
    answer = client.post(f"/builds/{build.id}/approve", headers=world.token(Scope.APPROVE), json=body)
    assert answer.status_code == status
    assert world.audited() == []


def test_a_head_that_has_moved_on_is_not_approved(world: World, client: TestClient) -> None:
    build = of_stranger(world)
    world.forge.changes[7] = a_change(7, OLDER, author=STAN, fork=True)
    answer = client.post(f"/builds/{build.id}/approve", headers=world.token(Scope.APPROVE), json={"sha": SHA})
    assert answer.status_code == 409
    assert OLDER in answer.json()["detail"]


def test_a_build_of_a_push_needs_no_approval(world: World, client: TestClient) -> None:
    build = world.build(created_at=NOON - timedelta(hours=1))
    answer = client.post(f"/builds/{build.id}/approve", headers=world.token(Scope.APPROVE), json={"sha": SHA})
    assert answer.status_code == 409


def test_a_commit_of_a_fork_that_nobody_told_us_of_is_not_taken_for_our_own(
    world: World, client: TestClient, writer: dict[str, str]
) -> None:
    world.forge.of_forks.add(SHA)

    answer = client.post("/runs", headers=writer, json={"repository": HELLO, "sha": SHA})

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "name one that has it as ref" in answer.json()["detail"]
    assert not client.get("/runs", headers=writer).json()["runs"]

"""Suites and environments over the REST API: registered, changed, removed, and run by their ids."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.domain.tokens import Scope
from tests.builders import SHA
from tests.web.conftest import World

UNIT = {"name": "unit", "suite": {"run": ["sh tests/run.sh"], "timeout": "5m"}}
PYTHON = {"name": "python", "environment": {"image": "python:3.12", "memory": "1GiB"}}
RUN = {"repository": "acme/hello", "sha": SHA}


@pytest.fixture
def headers(world: World) -> dict[str, str]:
    world.repository()
    return world.token(Scope.READ, Scope.WRITE, Scope.SUITES)


@pytest.fixture
def unit(client: TestClient, headers: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = client.post("/suites", headers=headers, json=UNIT).json()
    return made


@pytest.fixture
def python(client: TestClient, headers: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = client.post("/environments", headers=headers, json=PYTHON).json()
    return made


@pytest.mark.parametrize(
    ("path", "body", "part"), [("/suites", UNIT, "suite"), ("/environments", PYTHON, "environment")]
)
def test_what_is_registered_has_an_address_a_version_and_its_own_words(
    client: TestClient, headers: dict[str, str], path: str, body: dict[str, Any], part: str
) -> None:
    made = client.post(path, headers=headers, json=body)
    told = made.json()
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert made.headers["location"] == f"https://ci.example.org{path}/{told['id']}"
    assert (told["name"], told["version"], told["changed_by"], told[part]) == (
        body["name"],
        1,
        "token:robot",
        body[part],
    )
    shown = client.get(f"{path}/{told['id']}", headers=headers)
    assert (shown.json(), shown.headers["etag"]) == (told, '"1"')
    known = {**headers, "if-none-match": '"1"'}
    assert client.get(f"{path}/{told['id']}", headers=known).status_code == 304


def test_a_change_is_a_new_version_and_the_old_one_stays(
    client: TestClient, headers: dict[str, str], unit: dict[str, Any]
) -> None:
    address, new = f"/suites/{unit['id']}", {**UNIT, "suite": {"run": "make", "image": "busybox"}}
    changed = client.put(address, headers={**headers, "if-match": '"1"'}, json=new)
    assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"')
    assert client.get(address, headers=headers).json()["suite"] == new["suite"]
    assert client.get(f"{address}?version=1", headers=headers).json()["suite"] == UNIT["suite"]
    versions = client.get(f"{address}/versions", headers=headers).json()["versions"]
    assert [one["suite"] for one in versions] == [UNIT["suite"], new["suite"]]


@pytest.mark.parametrize(
    ("seen", "status", "code"), [(None, 428, "precondition_required"), ('"1"', 412, "stale"), ("1", 412, "stale")]
)
def test_who_has_not_read_the_newest_version_overwrites_nothing(
    client: TestClient, headers: dict[str, str], unit: dict[str, Any], seen: str | None, status: int, code: str
) -> None:
    address = f"/suites/{unit['id']}"
    assert client.put(address, headers={**headers, "if-match": "*"}, json=UNIT).status_code == 200
    late = {**headers, **({"if-match": seen} if seen else {})}
    answer = client.put(address, headers=late, json=UNIT)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get(address, headers=headers).json()["version"] == 2
    if seen:
        assert client.delete(address, headers=late).status_code == 412


def test_what_is_removed_is_gone_but_for_its_versions(
    client: TestClient, headers: dict[str, str], unit: dict[str, Any]
) -> None:
    address = f"/suites/{unit['id']}"
    assert client.delete(address, headers={**headers, "if-match": '"1"'}).status_code == 204
    assert client.get(address, headers=headers).status_code == 404
    assert client.delete(address, headers=headers).status_code == 404
    assert client.get(f"{address}?version=1", headers=headers).json()["removed"]
    assert client.post("/suites", headers=headers, json=UNIT).status_code == 201


def test_a_name_is_taken_once(client: TestClient, headers: dict[str, str], unit: dict[str, Any]) -> None:
    answer = client.post("/suites", headers=headers, json=UNIT)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    other = client.post("/suites", headers=headers, json={**UNIT, "name": "other"}).json()
    renamed = client.put(f"/suites/{other['id']}", headers={**headers, "if-match": '"1"'}, json=UNIT)
    assert renamed.status_code == 409


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/suites", {"name": "unit", "suite": {"run": "x", "tiemout": "5m"}}, 'did you mean "timeout"?'),
        ("/suites", {"name": "unit", "suite": {"image": "a"}}, '"run" is missing'),
        ("/suites", {"name": "a/b", "suite": {"run": "x"}}, "can't be the name of a suite"),
        ("/suites", {"name": "unit", "suite": {"run": "x", "environment": "py"}}, "chosen with the run"),
        ("/suites", {"name": "unit", "suite": {"run": "x", "needs": ["lint"]}}, "lint"),
        ("/suites", {"name": "unit", "suite": {"run": "a\x00b"}}, "NUL"),
        ("/environments", {"name": "py", "environment": {"memory": "1GiB"}}, '"image" is missing'),
        ("/environments", {"name": "py", "environment": {"image": "a", "user": "root"}}, "root"),
    ],
)
def test_a_definition_is_read_as_the_suite_file_is(
    client: TestClient, headers: dict[str, str], path: str, body: object, words: str
) -> None:
    answer = client.post(path, headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_suite_file")
    assert any(words in one["message"] for one in answer.json()["problems"])


def test_registered_ones_are_listed_page_by_page(
    client: TestClient, headers: dict[str, str], unit: dict[str, Any]
) -> None:
    other = client.post("/suites", headers=headers, json={**UNIT, "name": "other"}).json()
    first = client.get("/suites?from=registered&limit=1", headers=headers).json()
    rest = client.get(f"/suites?from=registered&after={first['next']}", headers=headers).json()
    assert (first["suites"], rest["suites"], rest["next"]) == ([unit], [other], None)


def test_they_are_nothing_for_who_has_no_token(client: TestClient, unit: dict[str, Any]) -> None:
    for path in (f"/suites/{unit['id']}", f"/suites/{unit['id']}/versions", "/suites?from=registered"):
        assert client.get(path).status_code == 401


def test_a_registered_suite_runs_in_a_registered_environment(
    world: World, client: TestClient, headers: dict[str, str], unit: dict[str, Any], python: dict[str, Any]
) -> None:
    order = {**RUN, "suite_id": unit["id"], "environment_id": python["id"]}
    once = {**headers, "idempotency-key": "one"}
    answer = client.post("/runs", headers=once, json=order)
    told = answer.json()
    assert answer.status_code == 201
    assert [(run["suite"], run["image"], run["state"]) for run in told["runs"]] == [("unit", "python:3.12", "queued")]
    chosen = {"suite": unit["id"], "suite_version": 1, "environment": python["id"], "environment_version": 1}
    assert told["registered"] == chosen
    assert client.post("/runs", headers=once, json=order).json()["number"] == told["number"]
    assert client.post("/runs", headers=once, json={**RUN, "suite_id": unit["id"]}).status_code == 409


def test_what_ran_is_run_again_as_it_was(
    world: World, client: TestClient, headers: dict[str, str], unit: dict[str, Any], python: dict[str, Any]
) -> None:
    order = {**RUN, "suite_id": unit["id"], "environment_id": python["id"]}
    first = client.post("/runs", headers=headers, json=order).json()
    changed = {**PYTHON, "environment": {"image": "python:3.13"}}
    client.put(f"/environments/{python['id']}", headers={**headers, "if-match": "*"}, json=changed)
    client.delete(f"/suites/{unit['id']}", headers=headers)
    client.post(f"/builds/{first['number']}/cancel", headers=headers)
    again = client.post(f"/runs/{first['runs'][0]['id']}/retest", headers=headers).json()
    assert again["number"] != first["number"]
    assert again["registered"] == first["registered"]
    assert [run["image"] for run in again["runs"]] == ["python:3.12"]
    assert client.get(f"/runs/{first['runs'][0]['id']}", headers=headers).json()["image"] == "python:3.12"


@pytest.mark.parametrize(
    ("order", "status", "words"),
    [
        ({"suite_id": "gone"}, 422, "no such suite"),
        ({"suite_id": "UNIT", "environment_id": "gone"}, 422, "no such environment"),
        ({"suite_id": "UNIT", "suite": "unit"}, 422, ""),
        ({"environment_id": "PYTHON"}, 422, ""),
        ({"suite_id": "UNIT"}, 422, ""),
    ],
)
def test_what_makes_no_sense_starts_nothing(
    world: World,
    client: TestClient,
    headers: dict[str, str],
    unit: dict[str, Any],
    python: dict[str, Any],
    order: dict[str, str],
    status: int,
    words: str,
) -> None:
    ids = {"UNIT": unit["id"], "PYTHON": python["id"]}
    filled = {name: ids.get(value, value) for name, value in order.items()}
    answer = client.post("/runs", headers=headers, json={**RUN, **filled})
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert world.hints == []


def test_the_check_of_a_suite_of_the_file_is_not_taken_over(
    world: World, client: TestClient, headers: dict[str, str], unit: dict[str, Any], python: dict[str, Any]
) -> None:
    world.forge.suite_files[""] = b"suites: {unit: {image: a, run: b}}"
    order = {**RUN, "suite_id": unit["id"], "environment_id": python["id"]}
    answer = client.post("/runs", headers=headers, json=order)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert world.hints == []

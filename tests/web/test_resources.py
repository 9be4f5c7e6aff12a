"""The REST API's lists of what there is to run, and the document as a whole."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.domain.runs import Cause
from tests.web.conftest import World


def test_repositories_are_listed_page_by_page(world: World, client: TestClient) -> None:
    world.repository()
    with world.app.work() as work:
        work.repositories.see(replace(world.forge.seen, forge_id=7, path="acme/other"))
    first = client.get("/repositories?limit=1").json()
    assert first["repositories"] == [
        {
            "number": 1,
            "forge": "github",
            "name": "acme/hello",
            "private": False,
            "default_branch": "main",
            "url": "https://github.example/acme/hello",
        }
    ]
    rest = client.get(f"/repositories?after={first['next']}").json()
    assert ([one["name"] for one in rest["repositories"]], rest["next"]) == (["acme/other"], None)


def test_suites_are_those_of_the_newest_push_to_the_default_branch(world: World, client: TestClient) -> None:
    world.run(world.build(), "gone")
    newest = world.build()
    world.run(newest, "unit")
    world.run(newest, "lint", image="python:3")
    world.run(world.build(ref="topic"), "topic")
    world.run(world.build(cause=Cause.API), "asked")
    told = client.get("/suites").json()["suites"]
    assert [(one["name"], one["image"], one["repository"]) for one in told] == [
        ("unit", "busybox:1", "acme/hello"),
        ("lint", "python:3", "acme/hello"),
    ]
    assert told[0]["url"] == f"https://ci.example.org/b/{newest.id}/unit"


def test_environments_are_the_images_of_these(world: World, client: TestClient) -> None:
    build = world.build()
    world.run(build, "unit", image="python:3")
    world.run(build, "lint")
    world.run(build, "docs", image="python:3")
    told = client.get("/environments").json()["environments"]
    assert [(one["image"], [suite["name"] for suite in one["suites"]]) for one in told] == [
        ("busybox:1", ["lint"]),
        ("python:3", ["unit", "docs"]),
    ]


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_operation_has_a_name_of_its_own_and_words(document: dict[str, Any]) -> None:
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    assert all(one["description"] for one in operations)


def test_the_document_says_how_errors_look(document: dict[str, Any]) -> None:
    answers = document["paths"]["/runs"]["post"]["responses"]
    assert set(answers) == {"200", "201", "400", "401", "403", "404", "408", "409", "413", "422", "429", "503"}
    assert list(answers["409"]["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]

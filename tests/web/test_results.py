"""Test results by API and on pages; what a test says is text there (RELIABILITY S106)."""

import re

import pytest
from starlette.testclient import TestClient

from bot.domain.results import Case, Failure, Outcome, Results
from bot.domain.runs import Run
from tests.web.conftest import World

EVIL = "t::<script>alert(1)</script>"
CASES = [
    Case(name="t::good", outcome=Outcome.PASSED, seconds=0.25),
    Case(name=EVIL, outcome=Outcome.FAILED, message="</pre><b>no", details="at a.py:3", file="a.py", line=3),
    Case(name="t::later", outcome=Outcome.SKIPPED, message="no time"),
]


@pytest.fixture
def run(world: World) -> Run:
    return with_results(world, world.finished())


def with_results(world: World, run: Run) -> Run:
    failures = (Failure(name=EVIL, message="</pre><b>no", log_line=1, path="a.py", line=3),)
    results = Results(passed=1, failed=1, skipped=1, new=1, base="main", failures=failures, coverage=(3, 4))
    with world.app.work() as work:
        work.results.add(run, CASES)
        work.results.conclude(run, "main", results)
    return run


def test_a_runs_tests_are_listed_by_name(client: TestClient, run: Run) -> None:
    answer = client.get(f"/runs/{run.id}/tests").json()
    assert (answer["passed"], answer["failed"], answer["skipped"], answer["new"]) == (1, 1, 1, 1)
    assert (answer["compared_with"], answer["coverage"]) == ("main", {"covered": 3, "lines": 4})
    assert [(one["name"], one["outcome"]) for one in answer["tests"]] == [
        (EVIL, "failed"),
        ("t::good", "passed"),
        ("t::later", "skipped"),
    ]
    assert answer["tests"][0]["message"] == "</pre><b>no"
    assert answer["next"] is None


def test_pages_and_kinds_of_tests_can_be_asked_for(client: TestClient, run: Run) -> None:
    first = client.get(f"/runs/{run.id}/tests?limit=2").json()
    rest = client.get(f"/runs/{run.id}/tests", params={"after": first["next"]}).json()
    assert [one["name"] for one in rest["tests"]] == ["t::later"]
    only = client.get(f"/runs/{run.id}/tests?outcome=failed").json()
    assert [one["name"] for one in only["tests"]] == [EVIL]
    assert client.get(f"/runs/{run.id}/tests?outcome=green").status_code == 422


def test_a_run_without_reports_has_none(world: World, client: TestClient) -> None:
    answer = client.get(f"/runs/{world.finished().id}/tests")
    assert (answer.status_code, answer.json()["tests"]) == (200, [])


def test_tests_of_a_private_repository_are_not_there(world: World, client: TestClient) -> None:
    run = with_results(world, world.finished(private=True))
    assert client.get(f"/runs/{run.id}/tests").status_code == 404
    assert client.get(f"{world.page_of(run)}/tests").status_code == 404
    assert client.get("/runs/none/tests").status_code == 404


def test_the_page_of_a_suite_shows_what_failed(world: World, client: TestClient, run: Run) -> None:
    page = client.get(world.page_of(run)).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<b>no" not in page
    assert "75 % of lines covered" in page
    assert f'href="{world.page_of(run)}#L1"' in page
    assert f'href="{world.page_of(run)}/tests?run={run.id}"' in page


def test_a_failed_test_leads_to_its_history(world: World, client: TestClient, run: Run) -> None:
    (link,) = re.findall(r'href="([^"]*/-/test[^"]*)"', client.get(world.page_of(run)).text)
    assert "<h1" in client.get(link.replace("&amp;", "&")).text


def test_the_page_of_tests_lists_all_or_one_kind(world: World, client: TestClient, run: Run) -> None:
    page = client.get(f"{world.page_of(run)}/tests").text
    assert "t::good" in page
    assert "0.25 s" in page
    assert "<script>alert" not in page
    assert "t::good" not in client.get(f"{world.page_of(run)}/tests?outcome=failed").text
    assert "t::good" in client.get(f"{world.page_of(run)}/tests?outcome=nonsense").text


def test_the_page_of_tests_of_a_run_without_any_says_how_to_get_them(world: World, client: TestClient) -> None:
    assert "names the reports" in client.get(f"{world.page_of(world.finished())}/tests").text


def flaky(world: World, *, private: bool = False) -> None:
    """`EVIL` fails, then passes on the same commit."""
    for outcome in (Outcome.FAILED, Outcome.PASSED):
        run = world.finished(private=private)
        with world.app.work() as work:
            work.results.add(run, [Case(name=EVIL, outcome=outcome, seconds=1.5)])
            work.results.conclude(run, "main", Results(passed=1))


def test_flaky_tests_of_a_repository_lead_to_their_history(world: World, client: TestClient) -> None:
    flaky(world)
    page = client.get("/repos/github/acme/hello/-/flaky").text
    assert "<script>alert" not in page
    (link,) = re.findall(r'href="(/repos/github/acme/hello/-/test[^"]*)"', page)
    history = client.get(link.replace("&amp;", "&")).text
    assert [word in history for word in ("✓", "✗", "1.50 s", "a1b2c3d")] == [True] * 4
    assert history.index('class="failed"') < history.index('class="passed"')


def test_a_repository_without_flaky_tests_says_how_it_would_know(world: World, client: TestClient) -> None:
    world.finished()
    assert "failed and passed on one commit" in client.get("/repos/github/acme/hello/-/flaky").text


@pytest.mark.parametrize("page", ["flaky", "test?suite=unit&name=x"])
@pytest.mark.parametrize("path", ["acme/secret", "acme/none", "x/y/z"])
def test_histories_of_what_may_not_be_seen_are_not_there(
    world: World, client: TestClient, path: str, page: str
) -> None:
    flaky(world, private=True)
    assert client.get(f"/repos/github/{path}/-/{page}").status_code == 404


def test_a_test_that_nobody_knows_has_no_history(world: World, client: TestClient) -> None:
    flaky(world)
    assert client.get("/repos/github/acme/hello/-/test?suite=unit&name=other").status_code == 404

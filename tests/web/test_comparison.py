"""Two runs compared, by API and on a page; what they say is text there."""

import pytest
from starlette.testclient import TestClient

from bot.domain.results import Case, Outcome, Results
from bot.domain.runs import Cause, Run, RunState
from tests.web.conftest import World

EVIL = "t::<script>alert(1)</script>"


@pytest.fixture
def green(world: World) -> Run:
    """The last pass on the default branch."""
    run = world.running(world.build(ref="main", cause=Cause.PUSH), image="busybox:1")
    world.write(run, b"one\ntook 0.10s\nthree\n")
    told(world, run, {EVIL: (Outcome.PASSED, 0.1), "t::slow": (Outcome.PASSED, 1.0)})
    world.end(run, exit_code=0)
    return run


@pytest.fixture
def red(world: World, green: Run) -> Run:
    run = world.running(world.build(ref="wip", cause=Cause.PUSH), image="busybox:2")
    world.write(run, b"one\ntook 9.99s\n<b>other\n")
    told(world, run, {EVIL: (Outcome.FAILED, 0.1), "t::slow": (Outcome.PASSED, 9.0)})
    world.end(run, RunState.FAILED, exit_code=1)
    return run


def told(world: World, run: Run, tests: dict[str, tuple[Outcome, float]]) -> None:
    with world.app.work() as work:
        found = [Case(name=name, outcome=outcome, seconds=seconds) for name, (outcome, seconds) in tests.items()]
        work.results.add(run, found)
        work.results.conclude(run, "", Results(passed=len(tests)))


def test_a_run_is_compared_with_the_last_pass_on_the_default_branch(client: TestClient, green: Run, red: Run) -> None:
    answer = client.get(f"/runs/{red.id}/comparison").json()
    assert (answer["before"]["id"], answer["now"]["id"]) == (green.id, red.id)
    assert answer["tests"]["broken"] == [EVIL]
    assert answer["slower"] == [{"name": "t::slow", "before": 1.0, "now": 9.0}]
    assert answer["log"] == {"line": 3, "before": "three", "now": "<b>other"}
    differs = {one["name"]: (one["before"], one["now"]) for one in answer["facts"] if one["differs"]}
    assert differs["image"] == ("busybox:1", "busybox:2")
    assert differs["result"] == ("passed", "failed")
    assert differs["for"] == ("main", "wip")


def test_any_run_of_the_repository_can_be_the_other(client: TestClient, green: Run, red: Run) -> None:
    answer = client.get(f"/runs/{green.id}/comparison", params={"with": red.id}).json()
    assert answer["tests"]["fixed"] == [EVIL]


def test_runs_of_another_repository_or_none_are_not_there(world: World, client: TestClient, red: Run) -> None:
    hidden = world.finished(private=True)
    for other in (hidden.id, "none"):
        assert client.get(f"/runs/{red.id}/comparison", params={"with": other}).status_code == 404
    assert client.get(f"/runs/{hidden.id}/comparison").status_code == 404
    assert client.get("/runs/none/comparison").status_code == 404


def test_without_a_pass_there_is_nothing_to_compare_with(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.end(run, RunState.FAILED, exit_code=1)
    assert client.get(f"/runs/{run.id}/comparison").json()["before"] is None
    page = client.get(f"{world.page_of(run)}/compare")
    assert (page.status_code, "nothing to compare with" in page.text) == (200, True)


def test_without_test_results_the_rest_is_compared(world: World, client: TestClient) -> None:
    world.finished(b"same\n")
    other = world.finished(b"same\n")
    answer = client.get(f"/runs/{other.id}/comparison").json()
    assert (answer["tests"], answer["slower"], answer["log"]) == (None, [], None)


def test_the_page_says_it_to_people(world: World, client: TestClient, green: Run, red: Run) -> None:
    assert f'href="{world.page_of(red)}/compare"' in client.get(world.page_of(red)).text
    page = client.get(f"{world.page_of(red)}/compare").text
    assert "1 broken" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>other" not in page
    assert f'href="{world.page_of(green)}#L3"' in page
    assert "busybox:2" in page


def test_the_page_takes_the_number_of_a_build(world: World, client: TestClient, green: Run, red: Run) -> None:
    page = client.get(f"{world.page_of(green)}/compare", params={"with": str(red.build)}).text
    assert "1 fixed" in page
    for number in ("987", "x", "²", "9" * 40, str(world.finished(private=True).build)):
        lost = client.get(f"{world.page_of(green)}/compare", params={"with": number})
        assert (lost.status_code, "can be seen here" in lost.text) == (200, True)

"""What calls to a forge tell: spans within a build's without anybody's words, and whether it is asked at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.forge_gitlab.client import route
from bot.adapters.telemetry_opentelemetry import OpenTelemetryTraces
from bot.domain.errors import BotError, RateLimited
from bot.domain.refs import Sha
from bot.ports.telemetry import Metric, SpanName
from tests.collector import Collector, collector
from tests.contract.forge_world import GitHubWorld
from tests.contract.gitlab_world import GitLabWorld

SECRETS = ("octo", "widgets", "secret-branch", "ghs_", "glpat", "Bearer")
UNKNOWN = Sha("1" * 40)
World = GitHubWorld | GitLabWorld


@pytest.fixture
def seen() -> Iterator[Collector]:
    with collector() as one:
        yield one


@pytest.fixture(params=[GitHubWorld, GitLabWorld], ids=["github", "gitlab"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    made: World = request.param(tmp_path)
    return made


def traced(world: World, seen: Collector) -> OpenTelemetryTraces:
    traces = OpenTelemetryTraces(f"{seen.url}/v1/traces", version="1", instance="here")
    watch = world.forge._session.client.watch if isinstance(world, GitHubWorld) else world.forge._client._watch
    watch._traces = traces
    return traces


def test_a_call_within_a_build_is_a_span_of_it_that_names_nothing_of_anybodys(world: World, seen: Collector) -> None:
    traces = traced(world, seen)
    with traces.span(SpanName.START):
        world.forge.repository(world.repository)
        with pytest.raises(BotError):
            world.forge.commit(world.repository, "secret-branch")
    traces.close()

    (start,) = seen.named("start")
    calls = seen.named("forge")
    assert {one.parent for one in calls} == {start.id}
    statuses = {one.facts["assay.status"] for one in calls}
    assert "200" in statuses
    assert statuses & {"404", "422"}
    assert all(one.facts.keys() == {"assay.forge", "assay.method", "assay.route", "assay.status"} for one in calls)
    assert not [word for word in SECRETS for one in calls if word in str(one)]


def test_a_call_of_no_build_is_no_trace(world: World, seen: Collector) -> None:
    traces = traced(world, seen)
    world.forge.repository(world.repository)
    traces.close()

    assert seen.spans == []


def test_whether_a_forge_is_asked_is_shown(world: World) -> None:
    world.forge.repository(world.repository)
    assert world.telemetry.shown[Metric.FORGE_BREAKER] == 0

    world.break_next(500)
    world.wire.instead = 5 * world.wire.instead[-1:]
    for _ in range(5):
        with pytest.raises(BotError):
            world.forge.commit_message(world.repository, UNKNOWN)
    assert world.telemetry.shown[Metric.FORGE_BREAKER] == 1

    world.clock.advance(31)
    world.forge.repository(world.repository)
    assert world.telemetry.shown[Metric.FORGE_BREAKER] == 0


def test_when_a_pause_that_a_forge_asks_for_ends_is_shown(world: World) -> None:
    world.forge.repository(world.repository)
    world.break_next(429)
    with pytest.raises(RateLimited) as limited:
        world.forge.commit_message(world.repository, UNKNOWN)

    assert world.telemetry.shown[Metric.FORGE_PAUSE] == world.clock.time() + (limited.value.retry_after or 0)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/projects/12/merge_requests/3/notes/7/award_emoji", "/projects/{}/merge_requests/{}/notes/{}/award_emoji"),
        ("/projects/octo%2Ftools", "/projects/{}"),
        ("/projects/test", "/projects/{}"),
        ("/projects/12/repository/files/raw/raw", "/projects/{}/repository/files/{}/raw"),
        ("/projects/12/repository/commits/test", "/projects/{}/repository/commits/{}"),
        ("/projects/12/hooks/4/events/5/resend", "/projects/{}/hooks/{}/events/{}/resend"),
        ("/projects/12/members/all/31", "/projects/{}/members/all/{}"),
        ("https://git.example.org/code/api/v4/projects/12", "/projects/{}"),
        ("/user", "/user"),
    ],
)
def test_routes_of_gitlab_hold_no_names(path: str, shown: str) -> None:
    assert route(path) == shown

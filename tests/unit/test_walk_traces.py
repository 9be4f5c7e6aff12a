"""One build is one trace, whoever works on it and whatever hints are lost; and traces can do no harm."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.adapters.telemetry_opentelemetry import OpenTelemetryTraces
from bot.app.tracing import nearest
from bot.domain.errors import SourceUnavailable
from bot.ports.queue import ExecuteRun, HandleDelivery, SendReport
from bot.ports.telemetry import SpanName
from tests.collector import Collector, collector
from tests.walks import TWO, World

ONE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ITS_CHILD = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NAMES = {
    "assay.attempt",
    "assay.build",
    "assay.cause",
    "assay.check",
    "assay.delivery",
    "assay.event",
    "assay.forge",
    "assay.reason",
    "assay.repository",
    "assay.run",
    "assay.sha",
    "assay.state",
    "assay.status",
    "assay.suite",
    "assay.version",
}
"""What spans tell, and nothing else: no text that somebody wrote."""


@pytest.fixture
def seen() -> Iterator[Collector]:
    with collector() as one:
        yield one


@pytest.fixture
def traced(world: World, seen: Collector) -> World:
    _trace(world, seen.url)
    return world


def _trace(world: World, url: str) -> None:
    traces = OpenTelemetryTraces(f"{url}/v1/traces", version="1", instance=world.app.owner)
    world.app = replace(world.app, traces=traces)


def _push(world: World) -> None:
    """As the web does when it is called."""
    with world.app.traces.span(SpanName.WEBHOOK, forge="github"):
        world.push()


def test_a_build_is_one_trace_from_the_call_to_its_checks(traced: World, seen: Collector) -> None:
    _push(traced)
    traced.step(HandleDelivery)
    while any(isinstance(task, SendReport) for task in traced.queue.tasks):
        traced.step(SendReport)
    traced.step(ExecuteRun)
    traced.queue.tasks.reverse()  # the end before progress, as it comes without a pause
    traced.settle()
    traced.app.traces.close()
    assert len({span.trace for span in seen.spans}) == 1
    assert {span.name for span in seen.spans} == set(SpanName) - {SpanName.FORGE}
    (run,) = seen.named("run")
    assert seen.parents(run) == ["start", "delivery", "webhook"]
    for phase in ("checkout", "prepare", "container", "results", "finish"):
        (span,) = seen.named(phase)
        assert span.parent == run.id
    (queue,) = seen.named("queue")
    assert queue.parent == run.parent
    reports = [seen.parents(span) for span in seen.named("report")]
    assert ["start", "delivery", "webhook"] in reports, "what was planned is shown"
    assert ["finish", "run", "start", "delivery", "webhook"] in reports, "and what came of it"


def test_spans_say_what_they_are_about_and_no_texts(traced: World, seen: Collector) -> None:
    _push(traced)
    traced.settle()
    traced.app.traces.close()
    assert set().union(*(span.facts for span in seen.spans)) <= NAMES
    (run,) = seen.named("run")
    stored = traced.run()
    assert run.facts == {
        "assay.attempt": "1",
        "assay.build": "1",
        "assay.reason": "",
        "assay.repository": "github:acme/hello",
        "assay.run": stored.id,
        "assay.state": "passed",
        "assay.suite": "unit",
    }


def test_lost_hints_do_not_break_a_trace(traced: World, seen: Collector) -> None:
    _push(traced)
    for duty in ("deliveries", "runs", "reports"):
        traced.lose_hints()
        traced.turn(duty)
        kind = {"deliveries": HandleDelivery, "runs": ExecuteRun, "reports": SendReport}[duty]
        while any(isinstance(task, kind) for task in traced.queue.tasks):
            traced.step(kind)
    traced.app.traces.close()
    assert len({span.trace for span in seen.spans}) == 1
    (run,) = seen.named("run")
    assert seen.parents(run) == ["start", "delivery", "webhook"]
    assert {tuple(seen.parents(span)) for span in seen.named("report")} == {("start", "delivery", "webhook")}


def test_two_pushes_are_two_traces(traced: World, seen: Collector) -> None:
    _push(traced)
    traced.settle()
    traced.push(TWO, branch="other")
    traced.settle()
    traced.app.traces.close()
    assert len({span.trace for span in seen.named("run")}) == 2


def test_a_phase_that_fails_tells_what_kind_of_error_it_was(traced: World, seen: Collector) -> None:
    traced.source.fault = SourceUnavailable("https://user:secret@example.org is gone")
    _push(traced)
    traced.step(HandleDelivery)
    traced.step(ExecuteRun)
    traced.app.traces.close()
    assert [span.error for span in seen.named("checkout")] == ["SourceUnavailable"]
    assert "secret" not in repr(seen.spans)


def test_without_anybody_who_collects_everything_works_and_ends(world: World, seen: Collector) -> None:
    seen.status = 503
    _trace(world, seen.url)
    _push(world)
    world.settle()
    assert world.run().state == "passed"
    world.app.traces.close()
    assert not seen.spans


def test_the_port_of_a_collector_that_is_gone_keeps_nobody(world: World) -> None:
    _trace(world, "http://127.0.0.1:9")
    _push(world)
    world.settle()
    assert world.run().state == "passed"
    world.app.traces.close()


def test_hints_carry_no_trace_where_nobody_wants_one(world: World) -> None:
    _push(world)
    assert [task.trace for task in world.queue.tasks] == [""]


@pytest.mark.parametrize(
    ("stored", "hinted", "wanted"),
    [
        ("", "", ""),
        (ONE, "", ONE),
        ("", OTHER, OTHER),
        (ONE, ITS_CHILD, ITS_CHILD),
        (ONE, OTHER, ONE),
        (ONE, "no such thing", ONE),
    ],
)
def test_a_hint_is_believed_about_its_own_trace_alone(stored: str, hinted: str, wanted: str) -> None:
    assert nearest(stored, hinted) == wanted


def test_a_trace_that_makes_no_sense_begins_a_new_one(traced: World, seen: Collector) -> None:
    with traced.app.traces.span(SpanName.RUN, "00-nonsense"):
        pass
    traced.app.traces.close()
    assert [span.parent for span in seen.spans] == [""]

"""What somebody sees who looks at how much waits."""

import sqlalchemy as sa

from bot.adapters.store_sql.tables import metadata
from bot.app import measuring
from bot.domain.errors import SandboxUnavailable, StoreBusy
from bot.ports.queue import ExecuteRun, HandleDelivery
from bot.ports.sandbox import Exit
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import Metric
from tests.fakes.sandbox import Act
from tests.walks import World

NEEDY = b"""suites:
  unit: {image: busybox, run: 'true'}
  smoke: {image: busybox, run: look, needs: [unit]}
"""


def look(world: World, **parts: measuring.Trouble) -> dict[tuple[str, ...], float]:
    world.telemetry.shown.clear()
    measuring.measure(world.app, parts, lambda: (3, 10))
    return world.telemetry.shown


def _age(world: World, column: str) -> None:
    table, name = column.split(".")
    column_of = metadata.tables[table].c[name]
    with world.engine.begin() as connection:
        connection.execute(sa.update(column_of.table).values({name: column_of - 100}))


def test_nothing_waits_at_first(world: World) -> None:
    seen = look(world)
    assert {value for (metric, *_), value in seen.items() if metric.startswith(("queue", "inbox", "outbox"))} == {0}
    assert seen[Metric.READY, "store"] == 1
    assert (seen[Metric.DISK_FREE,], seen[Metric.DISK_SIZE,]) == (3, 10)


def test_a_stored_delivery_waits_until_it_is_handled(world: World) -> None:
    world.push()
    _age(world, "delivery.received_at")
    seen = look(world)
    assert seen[Metric.INBOX_DELIVERIES,] == 1
    assert 100 <= seen[Metric.INBOX_OLDEST,] < 200
    world.step(HandleDelivery)
    assert look(world)[Metric.INBOX_DELIVERIES,] == 0


def test_runs_wait_for_a_worker_or_for_other_runs(world: World) -> None:
    world.forge.suite_files[""] = NEEDY
    world.push()
    world.step(HandleDelivery)
    _age(world, "run.free_at")
    seen = look(world)
    assert (seen[Metric.QUEUE_RUNS, "queued"], seen[Metric.QUEUE_RUNS, "blocked"]) == (1, 1)
    assert 100 <= seen[Metric.QUEUE_OLDEST,] < 200
    world.step(ExecuteRun)
    after = look(world)
    assert (after[Metric.QUEUE_RUNS, "queued"], after[Metric.QUEUE_RUNS, "blocked"]) == (1, 0)
    assert after[Metric.QUEUE_OLDEST,] < 100, "it waits since what it needed has passed"


def test_what_the_forge_does_not_show_yet_lags_until_it_is_sent(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    _age(world, "report.unsent_since")
    world.step(ExecuteRun)
    seen = look(world)
    assert seen[Metric.OUTBOX_REPORTS,] == 2
    assert 100 <= seen[Metric.OUTBOX_LAG,] < 200, "what is newer does not make it younger"
    world.settle()
    seen = look(world)
    assert (seen[Metric.OUTBOX_REPORTS,], seen[Metric.OUTBOX_LAG,]) == (0, 0)


def test_how_long_a_run_waited_is_measured_when_it_is_claimed(world: World) -> None:
    world.push()
    world.step(HandleDelivery)
    _age(world, "run.free_at")
    waiting = world.run().id
    with world.app.work() as work:
        run = work.runs.claim(waiting, "me", 60)
        assert run
        assert 100 <= work.runs.waited(run) < 200


def test_parts_that_do_not_work_are_named_and_keep_nobody_from_the_others(world: World) -> None:
    def fail() -> str | None:
        raise SandboxUnavailable("no engine")

    seen = look(world, queue=lambda: "Redis does not answer", engine=fail, other=lambda: None)
    assert [seen[Metric.READY, part] for part in ("store", "queue", "engine", "other")] == [1, 0, 0, 1]


def test_without_a_database_the_rest_is_shown(world: World) -> None:
    def fail() -> UnitOfWork:
        raise StoreBusy("gone")

    object.__setattr__(world.app, "work", fail)
    seen = look(world)
    assert seen[Metric.READY, "store"] == 0
    assert Metric.DISK_FREE in {metric for metric, *_ in seen}


def test_the_end_of_a_run_is_counted_with_its_reason(world: World) -> None:
    world.sandbox.acts["sh tests/run.sh"] = Act(exit=Exit(code=1))
    world.push()
    world.settle()
    assert (Metric.RUNS, {"state": "failed", "reason": "command"}) in world.telemetry.counted

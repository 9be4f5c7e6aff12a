"""What every store must do as a whole: transactions, hints, duties, approvals, records."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from bot.adapters.store_sql import SqlWork
from bot.domain.refs import Person
from bot.ports.queue import ExecuteRun, HandleDelivery, SendReport, Task
from bot.ports.store import UnitOfWork
from tests.contract.store_values import GITHUB, SHA, stored_build, stored_run

OpenWork = Callable[[], UnitOfWork]


def test_hints_go_out_after_the_commit_in_their_order(engine: sa.Engine) -> None:
    seen: list[tuple[Task, int]] = []

    def send(task: Task, *, delay: float = 0) -> None:
        with SqlWork(engine, send) as unit:
            seen.append((task, unit.runs.queue_length()))

    with SqlWork(engine, send) as unit:
        run = stored_run(unit).id
        unit.send(ExecuteRun(run))
        unit.send(SendReport(1))
    assert seen == [(ExecuteRun(run), 1), (SendReport(1), 1)]


def test_a_delay_goes_along_with_its_hint(work: OpenWork, hints: list[tuple[Task, float]]) -> None:
    with work() as unit:
        unit.send(SendReport(1), delay=2.5)
    assert hints == [(SendReport(1), 2.5)]


def test_an_exception_leaves_nothing_and_sends_nothing(work: OpenWork, hints: list[tuple[Task, float]]) -> None:
    with pytest.raises(ZeroDivisionError):
        _fail_after_storing(work)
    with work() as unit:
        assert unit.runs.recent(5, public_only=False) == []
    assert hints == []


def _fail_after_storing(work: OpenWork) -> None:
    with work() as unit:
        stored_run(unit)
        unit.send(HandleDelivery(1))
        _ = 1 / 0


def test_a_queue_that_fails_does_not_undo_the_work_nor_the_other_hints(engine: sa.Engine) -> None:
    sent: list[Task] = []

    def send(task: Task, *, delay: float = 0) -> None:
        sent.append(task)
        raise ConnectionError("queue is down")

    with SqlWork(engine, send) as unit:
        unit.deliveries.add(GITHUB, "d-1", "push", b"{}")
        unit.send(HandleDelivery(1))
        unit.send(HandleDelivery(2))
    with SqlWork(engine, send) as unit:
        assert unit.deliveries.due(5) == [1]
    assert sent == [HandleDelivery(1), HandleDelivery(2)]


def test_a_duty_has_one_holder_until_its_time_is_over(work: OpenWork) -> None:
    with work() as unit:
        assert unit.leases.take("reaper", "one", 60)
        assert unit.leases.take("reaper", "one", 60)
        assert not unit.leases.take("reaper", "two", 60)
        assert unit.leases.take("sweeper", "two", 60)
        assert unit.leases.take("reaper", "one", -1)
        assert unit.leases.keep("reaper", "one", -1)
        assert unit.leases.take("reaper", "two", 60)
        assert not unit.leases.take("reaper", "one", 60)
        assert not unit.leases.keep("reaper", "one", 60)


def test_approvals_say_who_let_which_commit_run(work: OpenWork) -> None:
    with work() as unit:
        build = stored_build(unit)
        unit.approvals.add(build.id, SHA, Person(5, "ada"), "ada")
        unit.approvals.add(build.id, SHA, None, "operator")
        first, second = unit.approvals.of_build(build.id)
    assert (first.sha, first.person_id, first.login, first.actor) == (SHA, 5, "ada", "ada")
    assert (second.person_id, second.login, second.actor) == (None, "", "operator")


def test_the_audit_is_written_with_its_time(work: OpenWork, engine: sa.Engine) -> None:
    with work() as unit:
        unit.audit.add(repository=None, actor="ada", action="approve", subject="build 1", detail="")
    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT actor, action, subject, at FROM audit")).one()
    assert row[:3] == ("ada", "approve", "build 1")
    assert row.at > 1_600_000_000


@pytest.mark.parametrize(("text", "stored"), [("a\0b", "a\N{REPLACEMENT CHARACTER}b"), ("\ud800", "\ufffd")])
def test_a_text_that_not_every_database_takes_is_stored_with_a_visible_replacement(
    work: OpenWork, text: str, stored: str
) -> None:
    with work() as unit:
        build = stored_build(unit, title=text, ref=text)
        run = stored_run(unit, build, note=text)
        unit.audit.add(repository=None, actor=text, action="x", subject=text, detail=text)
    with work() as unit:
        found = unit.builds.get(build.id)
        assert (found.title, found.ref) == (stored, stored)
        assert unit.runs.get(run.id).note == stored
        (entry,) = unit.audit.recent(1, public_only=False)
    assert (entry.actor, entry.subject, entry.detail) == (stored, stored, stored)

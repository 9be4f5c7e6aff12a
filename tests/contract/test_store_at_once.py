"""What use cases of two processes come to at the same moment, on a store where neither waits for the other."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.adapters.store_sql import SqlWork, open_engine
from bot.app import announcing, starting
from bot.domain.planning import Trigger
from bot.domain.runs import Cause, RunState, Trust
from bot.domain.suites import Suite
from bot.ports.queue import Task
from bot.ports.store import UnitOfWork
from tests.contract.store_values import AT, stored_build, stored_run
from tests.fakes.forge import ANA, HELLO
from tests.walks import ONE, World

OpenWork = Callable[[], UnitOfWork]

pytestmark = pytest.mark.postgres


def _send_nothing(task: Task, *, delay: float = 0) -> None:
    pass


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(postgres_url, patience=5)
    yield engine
    engine.dispose()


@pytest.fixture
def work(engine: sa.Engine) -> OpenWork:
    return lambda: SqlWork(engine, _send_nothing)


def test_needs_that_end_at_the_same_moment_are_looked_at_once_more(work: OpenWork) -> None:
    """Neither of the two transactions sees the other's end."""
    with work() as unit:
        build = stored_build(unit)
        needs = [stored_run(unit, build, name) for name in ("a", "b")]
        suite = Suite(name="last", image="busybox", commands=("true",), needs=("a", "b"))
        last = stored_run(unit, build, suite, blocked=True)
        claimed = [unit.runs.claim(run.id, "worker", 60) for run in needs]
    with work() as one, work() as other:
        for unit, run in zip((one, other), claimed, strict=True):
            assert run is not None
            passed = run.ended(RunState.PASSED, None, AT)
            assert unit.runs.save(run, passed, "worker")
            announcing.run_changed(unit, passed)
    with work() as unit:
        assert unit.runs.get(last.id).blocked
        assert unit.runs.commits_with_blocked(10) == [(build.repository, build.sha)]
        assert announcing.look_at_needs(unit, build.repository, build.sha) == 1
        assert not unit.runs.get(last.id).blocked
        assert unit.runs.commits_with_blocked(10) == []


def test_a_push_and_a_change_of_one_commit_that_come_at_once_share_their_run(
    engine: sa.Engine, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.engine = engine
    together = threading.Barrier(2, timeout=1)

    def now() -> datetime:
        """Both wait for each other wherever they ask, until one has to wait for the other's end."""
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait()
        return AT

    app = replace(world.app, now=now)
    with app.work() as unit:
        repository = unit.repositories.see(HELLO)
    push = Trigger(
        key="push",
        repository=repository,
        sha=ONE,
        cause=Cause.PUSH,
        ref="topic",
        sender=ANA,
        trust=Trust.TRUSTED,
    )
    change = replace(push, key="change", cause=Cause.CHANGE, change=7, base_ref="main")
    with ThreadPoolExecutor(2) as pool:
        builds = [one.build for one in pool.map(partial(starting.start, app), (push, change))]
    assert all(builds)
    with app.work() as unit:
        assert len(unit.runs.of_commit(repository.id, ONE)) == 1

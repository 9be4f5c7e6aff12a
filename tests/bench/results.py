"""P15: what a run with test results costs, while the store grows tenfold and tenfold again.

`ASSAY_BENCH_RESULTS` sets how far it grows (10,000,000 results), `ASSAY_BENCH_DATABASE` names an empty database
to use in place of a file of SQLite.
"""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql import SqlWork
from bot.adapters.store_sql.engine import open_engine
from bot.adapters.store_sql.upgrade import upgrade
from bot.app import comparing
from bot.domain.refs import ForgeName, Repository, RepositorySeen, Sha
from bot.domain.results import Case, Outcome, Results
from bot.domain.runs import Build, BuildId, Cause, Run, RunId, RunState, Trust
from bot.domain.suites import Suite
from bot.ports.queue import Task
from tests.bench.figures import Figure, milliseconds

_TESTS: Final = 1_000
"""Of the suite; each run has all of them."""
_LARGEST: Final = 10_000_000
"""Results in the store at the end."""
_TURNS: Final = 5
_AT_ONCE: Final = 500
"""Runs in one transaction while the store grows."""
_FAILED: Final = 5
"""Tests of each run."""
_GROWN: Final = (
    """INSERT INTO test_result (test, run, outcome, seconds)
    SELECT test.id, run.number,
      CASE WHEN (test.id * 7919 + run.number * 104729) % :spread = 0 THEN 'failed' ELSE 'passed' END,
      (test.id * 31 + run.number * 17) % 1000 / 1000.0
    FROM run CROSS JOIN test WHERE run.number > :after""",
    """INSERT INTO test_failure (run, test, message, details, file, line)
    SELECT run, test, 'assert 1 == 2', '', '', 0 FROM test_result WHERE run > :after AND outcome = 'failed'
      AND :spread > 0""",
)
"""All results of runs behind that number at once: one by one they take too long."""
_PAUSE: Final = 3 * 3600.0
"""Seconds between runs."""
_ALL: Final = Results(passed=_TESTS - _FAILED, failed=_FAILED)
_SUITE: Final = Suite(name="unit", image="busybox", commands=("true",))
_NAMES: Final = [f"tests/test_{number // 40}.py::test_{number}" for number in range(_TESTS)]


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        growing = _Growing(os.environ.get("ASSAY_BENCH_DATABASE") or f"sqlite:///{Path(folder, 'assay.db')}")
        largest = int(os.environ.get("ASSAY_BENCH_RESULTS") or _LARGEST)
        first: dict[str, float] = {}
        for size in (largest // 100, largest // 10, largest):
            growing.grow(size)
            growing.age()
            for what, value in growing.figures():
                yield Figure(
                    name="P15",
                    what=f"{what}, {size:,} results",
                    value=value,
                    unit="ms",
                    limit=first.setdefault(what, value),
                    against=f"the same with {largest // 100:,}",
                )


class _Growing:
    """A store to which run after run of one suite is added, as pushes to `main` bring them."""

    def __init__(self, database: str) -> None:
        self._engine = open_engine(database)
        upgrade(self._engine)
        self._random = random.Random(12)  # the same history each time
        self._runs = 0
        with self._work() as work:
            self._repository: Repository = work.repositories.see(
                RepositorySeen(
                    forge=ForgeName("github"),
                    forge_id=1,
                    path="team/large",
                    private=False,
                    default_branch="main",
                    web_url="https://forge.test/team/large",
                    clone_url="https://forge.test/team/large.git",
                    installation=1,
                )
            )

    def grow(self, size: int) -> None:
        if not self._runs:
            self._add()  # makes the names of the tests
        while (missing := size // _TESTS - self._runs) > 0:
            after = self._runs
            with self._work() as work:
                for _ in range(min(missing, _AT_ONCE)):
                    run, _ = self._stored(work)
                    work.results.conclude(run, "main", _ALL)
            with self._engine.begin() as connection:
                for statement in _GROWN:
                    connection.execute(sa.text(statement), {"after": after, "spread": _TESTS // _FAILED})

    def age(self) -> None:
        """The newest of now, and as many a day as ever: what is looked at of the last days does not grow."""
        with self._engine.begin() as connection:
            when = "UPDATE run_result SET at = :now - (:newest - run) * :pause"
            values = {"now": time.time(), "newest": self._runs, "pause": _PAUSE}
            connection.execute(sa.text(when), values)

    def figures(self) -> Iterator[tuple[str, float]]:
        yield f"insert a run of {_TESTS:,} tests", milliseconds(self._timed(self._add) for _ in range(_TURNS))
        yield "compare a run with its base", milliseconds(self._timed(self._compare) for _ in range(_TURNS))
        yield "flaky tests of a repository", milliseconds(self._timed(self._flaky) for _ in range(_TURNS))
        yield "history of a test", milliseconds(self._timed(self._history) for _ in range(_TURNS))
        yield "usual time of a suite", milliseconds(self._timed(self._usual) for _ in range(_TURNS))

    def _work(self) -> SqlWork:
        return SqlWork(self._engine, _drop)

    def _timed(self, work: Callable[[], object]) -> float:
        """Of the processor, in which SQLite works as well: disks and whatever runs beside it do not count.

        Of a server that works elsewhere it is the time of the clock.
        """
        clock = time.process_time if self._engine.dialect.name == "sqlite" else time.perf_counter
        began = clock()
        work()
        return clock() - began

    def _add(self) -> None:
        with self._work() as work:
            self._add_to(work)

    def _add_to(self, work: SqlWork) -> None:
        run, _ = self._stored(work)
        work.results.begin(run)
        work.results.add(run, self._cases())
        work.results.conclude(run, "main", _ALL)

    def _stored(self, work: SqlWork) -> tuple[Run, Build]:
        """Two runs of each commit, so that some tests fail and pass on one."""
        self._runs += 1
        now = _now()
        build = work.builds.add(
            Build(
                id=BuildId(0),
                key=f"push-{self._runs}",
                repository=self._repository.id,
                sha=Sha(f"{self._runs // 2:040x}"),
                cause=Cause.PUSH,
                ref="main",
                sender_id=self._runs % 10,
                created_at=now,
            )
        )
        assert build is not None
        run = Run(
            id=RunId(f"run{self._runs}"),
            build=build.id,
            repository=build.repository,
            sha=build.sha,
            suite=_SUITE,
            trust=Trust.TRUSTED,
            state=RunState.PASSED,
            created_at=now,
            started_at=now - timedelta(seconds=60),
            finished_at=now,
        )
        work.runs.add(run)
        return run, build

    def _cases(self) -> list[Case]:
        failed = set(self._random.sample(range(_TESTS), _FAILED))
        return [
            Case(
                name=name,
                outcome=Outcome.FAILED if number in failed else Outcome.PASSED,
                seconds=self._random.random(),
                message="assert 1 == 2" if number in failed else "",
            )
            for number, name in enumerate(_NAMES)
        ]

    def _compare(self) -> None:
        with self._work() as work:
            run, build = self._stored(work)
            cases = self._cases()
            comparing.compare(work, run, build, self._repository, cases, cases[:10], _now())

    def _flaky(self) -> None:
        with self._work() as work:
            work.results.flaky(self._repository.id, timedelta(days=14).total_seconds(), 50)

    def _history(self) -> None:
        with self._work() as work:
            work.results.history(self._repository.id, "unit", "", self._random.choice(_NAMES), 100)

    def _usual(self) -> None:
        with self._work() as work:
            run, _ = self._stored(work)
            work.runs.times(run, "main", 9)


def _drop(task: Task, *, delay: float = 0) -> None:
    """Nobody waits for hints here."""


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)

"""Searches for the commit that broke a branch, and the runs that tell of its commits."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import insert
from bot.adapters.store_sql.rows import run_of
from bot.adapters.store_sql.tables import UNFINISHED, build, build_run
from bot.adapters.store_sql.tables import run as run_table
from bot.adapters.store_sql.tables_bisections import bisection as table
from bot.domain.bisecting import Bisection, BisectionState
from bot.domain.catalog import Chosen
from bot.domain.errors import Gone
from bot.domain.runs import BuildId, Cause, Run, RunId, RunState, Trust

_CHANGING: Final = ("untestable", "state", "first_bad", "note", "author", "finished_at")
_PUSHED: Final = (Cause.PUSH, Cause.SCHEDULE, Cause.RERUN)
_ORDERED: Final = (Cause.API, Cause.RERUN)


class SqlBisections:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, bisection: Bisection) -> Bisection:
        values = {name: value for name, value in asdict(bisection).items() if name != "id"}
        self._connection.execute(insert(self._connection, table).values(**values).on_conflict_do_nothing())
        return self._one(table.c.run == bisection.run)

    def get(self, number: int) -> Bisection:
        return self._one(table.c.id == number)

    def of_run(self, run: RunId) -> Bisection | None:
        return next(iter(self._all(sa.select(table).where(table.c.run == run))), None)

    def of_build(self, build: BuildId) -> Sequence[Bisection]:
        return self._all(sa.select(table).where(table.c.build == build).order_by(table.c.id))

    def running(self, limit: int) -> Sequence[Bisection]:
        query = sa.select(table).where(table.c.state == BisectionState.RUNNING).order_by(table.c.id)
        return self._all(query.limit(limit))

    def save(self, bisection: Bisection) -> bool:
        unchanged = sa.and_(table.c.id == bisection.id, table.c.state == BisectionState.RUNNING)
        values = {name: getattr(bisection, name) for name in _CHANGING}
        return self._connection.execute(sa.update(table).where(unchanged).values(**values)).rowcount > 0

    def runs(self, number: int) -> Sequence[Run]:
        return self._runs(run_table.c.bisection == number)

    def last_good(self, run: Run, branch: str, chosen: Chosen | None) -> Run | None:
        own = sa.select(run_table.c.number).where(run_table.c.id == run.id).scalar_subquery()
        same = [run_table.c.repository == run.repository, run_table.c.suite_key == run.suite.key]
        passed = [run_table.c.state == RunState.PASSED, run_table.c.reason.is_(None), run_table.c.number < own]
        query = sa.select(run_table).where(*same, *passed, _counts(branch, chosen), ~_has_bad_shards(run))
        row = self._connection.execute(query.order_by(run_table.c.number.desc()).limit(1)).one_or_none()
        return None if row is None else run_of(row)

    def told(self, bisection: Bisection, chosen: Chosen | None) -> Sequence[Run]:
        return self._runs(
            run_table.c.repository == bisection.repository,
            run_table.c.suite_key == bisection.suite,
            run_table.c.sha.in_(bisection.commits),
            run_table.c.state.not_in(UNFINISHED),
            _counts(bisection.branch, chosen),
        )

    def _runs(self, *conditions: sa.ColumnElement[bool]) -> Sequence[Run]:
        query = sa.select(run_table).where(*conditions).order_by(run_table.c.number)
        return [run_of(row) for row in self._connection.execute(query)]

    def _one(self, condition: sa.ColumnElement[bool]) -> Bisection:
        found = self._all(sa.select(table).where(condition))
        if not found:
            raise Gone("there is no such search")
        return found[0]

    def _all(self, query: sa.Select[Any]) -> Sequence[Bisection]:
        return [Bisection(**row) for row in self._connection.execute(query).mappings()]


def _has_bad_shards(run: Run) -> sa.ColumnElement[bool]:
    """What failed in this shard may have been in another one before."""
    suite, other = run.suite, run_table.alias()
    keys = [replace(suite, shard=number).key for number in range(1, suite.shards + 1) if number != suite.shard]
    at_the_same = sa.and_(other.c.repository == run_table.c.repository, other.c.sha == run_table.c.sha)
    is_bad = other.c.state.in_((RunState.FAILED, RunState.TIMED_OUT))
    return sa.exists(sa.select(other.c.id).where(at_the_same, other.c.suite_key.in_(keys), is_bad))


def _counts(branch: str, chosen: Chosen | None) -> sa.ColumnElement[bool]:
    """For a push to the branch (what a change's build made may be shared by one), or for an order of that suite."""
    counting = sa.select(build.c.id).join(build_run, build_run.c.build == build.c.id)
    of_branch = counting.where(build_run.c.run == run_table.c.id, build.c.ref == branch, build.c.change.is_(None))
    is_same = build.c.chosen.is_(None) if chosen is None else build.c.chosen == chosen
    is_told = of_branch.where(build.c.cause.in_(_PUSHED if chosen is None else _ORDERED), is_same)
    return sa.and_(run_table.c.trust == Trust.TRUSTED, sa.exists(is_told))

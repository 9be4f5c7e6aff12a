"""Test results: written once for each run, read by test or by run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from statistics import median
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables import build as build_table
from bot.adapters.store_sql.tables import run as run_table
from bot.adapters.store_sql.tables_results import mute as mute_table
from bot.adapters.store_sql.tables_results import run_result, shard_plan, test, test_failure, test_result
from bot.domain.refs import RepositoryId, Sha
from bot.domain.results import Case, Mute, Outcome, Results
from bot.domain.runs import Run, RunId
from bot.ports.results import Base, Past, Unsteady

_AT_ONCE: Final = 500
"""Names in one statement; SQLite takes some thousands of values."""
_TIMES: Final = 9
"""Earlier times that the usual one is the middle of."""
_BAD: Final = (Outcome.FAILED, Outcome.FLAKY)
_GOOD: Final = (Outcome.PASSED, Outcome.FLAKY)

T = TypeVar("T")


class SqlResults:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def begin(self, run: Run) -> None:
        for table in (run_result, test_failure, test_result):
            self._connection.execute(sa.delete(table).where(table.c.run == _number(run.id)))

    def add(self, run: Run, cases: Sequence[Case]) -> None:
        number = self._connection.execute(sa.select(run_table.c.number).where(run_table.c.id == run.id)).scalar_one()
        for some in _portions(cases, _AT_ONCE):
            ids = self._ids(run, [case.name for case in some])
            results = [
                {"test": ids[case.name], "run": number, "outcome": case.outcome, "seconds": case.seconds}
                for case in some
            ]
            self._connection.execute(sa.insert(test_result), results)
            failures = [
                {
                    "run": number,
                    "test": ids[case.name],
                    "message": _storable(case.message),
                    "details": _storable(case.details),
                    "file": _storable(case.file),
                    "line": case.line,
                }
                for case in some
                if case.outcome in _BAD
            ]
            if failures:
                self._connection.execute(sa.insert(test_failure), failures)

    def _ids(self, run: Run, names: Sequence[str]) -> dict[str, int]:
        known = self._known(run, names)
        if missing := [name for name in names if name not in known]:
            rows = [{**_of_suite(run), "name": _storable(name)} for name in missing]
            self._connection.execute(insert(self._connection, test).on_conflict_do_nothing(), rows)
            known |= self._known(run, missing)
        return known

    def _known(self, run: Run, names: Sequence[str]) -> dict[str, int]:
        stored = {_storable(name): name for name in names}
        query = sa.select(test.c.name, test.c.id).where(*_is_of(test, run), test.c.name.in_(stored))
        return {stored[row.name]: row.id for row in self._connection.execute(query)}

    def conclude(self, run: Run, branch: str, results: Results) -> None:
        at = run.finished_at.timestamp() if run.finished_at else DatabaseNow()
        what = {"branch": branch, "build": run.build, "sha": run.sha, "results": results, "at": at}
        row = insert(self._connection, run_result).values(run=_number(run.id), **_of_suite(run), **what)
        self._connection.execute(row.on_conflict_do_update(index_elements=["run"], set_=what))

    def of_run(self, run: RunId) -> Results | None:
        query = sa.select(run_result.c.results).where(run_result.c.run == _number(run))
        return self._connection.execute(query).scalar_one_or_none()

    def cases(self, run: RunId, limit: int, *, outcome: Outcome | None = None, after: str = "") -> Sequence[Case]:
        told = sa.and_(test_failure.c.run == test_result.c.run, test_failure.c.test == test_result.c.test)
        query = sa.select(test_result, test_failure, test.c.name).join(test, test.c.id == test_result.c.test)
        query = query.outerjoin(test_failure, told).where(test_result.c.run == _number(run))
        if outcome is not None:
            query = query.where(test_result.c.outcome == outcome)
        query = query.where(test.c.name > after).order_by(test.c.name).limit(limit)
        return [_case_of(row) for row in self._connection.execute(query)]

    def base(self, run: Run, branch: str, sha: Sha | None = None) -> Base | None:
        here = [*_is_of(run_result, run), run_result.c.branch == branch, run_result.c.build < run.build]
        if sha is not None:
            here.append(run_result.c.sha == sha)
        query = sa.select(run_result.c.build, run_result.c.sha).where(*here).order_by(run_result.c.build.desc())
        row = self._connection.execute(query.limit(1)).one_or_none()
        return None if row is None else Base(branch=branch, build=row.build, sha=row.sha)

    def newest(self, run: Run, branch: str) -> Results | None:
        here = [*_is_of(run_result, run), run_result.c.branch == branch, run_result.c.build < run.build]
        query = sa.select(run_result.c.results).join(run_table, run_table.c.number == run_result.c.run)
        query = query.where(*here, run_table.c.suite_key == run.suite.key).order_by(run_result.c.build.desc())
        return self._connection.execute(query.limit(1)).scalar_one_or_none()

    def in_base(self, run: Run, base: Base, names: Iterable[str] | None = None) -> Mapping[str, Outcome]:
        query = sa.select(test.c.name, test_result.c.outcome).join(test_result, test_result.c.test == test.c.id)
        query = query.join(run_result, run_result.c.run == test_result.c.run)
        query = query.where(*_is_of(run_result, run), run_result.c.branch == base.branch)
        query = query.where(run_result.c.build == base.build)
        if names is None:
            return self._outcomes(query)
        found: dict[str, Outcome] = {}
        for some in _portions(names, _AT_ONCE):
            found |= self._outcomes(query.where(test.c.name.in_(some)))
        return found

    def seconds_in_base(self, run: Run, base: Base) -> Mapping[str, float]:
        query = sa.select(test.c.name, test_result.c.seconds).join(test_result, test_result.c.test == test.c.id)
        query = query.join(run_result, run_result.c.run == test_result.c.run)
        query = query.where(*_is_of(run_result, run), run_result.c.branch == base.branch)
        query = query.where(run_result.c.build == base.build, test_result.c.seconds.is_not(None))
        return {row.name: row.seconds for row in self._connection.execute(query)}

    def shard_plan(self, run: Run) -> str | None:
        query = sa.select(shard_plan.c.plan).where(*_is_of(shard_plan, run), shard_plan.c.sha == run.sha)
        return self._connection.execute(query.where(shard_plan.c.shards == run.suite.shards)).scalar_one_or_none()

    def keep_shard_plan(self, run: Run, plan: str) -> str:
        row = {**_of_suite(run), "sha": run.sha, "shards": run.suite.shards, "plan": _storable(plan)}
        keep = insert(self._connection, shard_plan).values(**row, at=DatabaseNow())
        self._connection.execute(keep.on_conflict_do_nothing())
        return self.shard_plan(run) or ""

    def _outcomes(self, query: sa.Select[Any]) -> dict[str, Outcome]:
        return {row.name: row.outcome for row in self._connection.execute(query)}

    def history(
        self, repository: RepositoryId, suite: str, cell: str, name: str, limit: int, *, branch: str | None = None
    ) -> Sequence[Past]:
        query = sa.select(test_result.c.outcome, test_result.c.seconds, run_result, run_table.c.id.label("run_id"))
        query = query.join(test, test.c.id == test_result.c.test)
        query = query.join(run_result, run_result.c.run == test_result.c.run)
        query = query.join(run_table, run_table.c.number == test_result.c.run)
        query = query.where(test.c.repository == repository, test.c.suite == suite, test.c.cell == cell)
        query = query.where(test.c.name == name)
        if branch is not None:
            query = query.where(run_result.c.branch == branch)
        query = query.order_by(test_result.c.run.desc()).limit(limit)
        return [_past_of(row) for row in self._connection.execute(query)]

    def flaky_among(self, run: Run, names: Sequence[str], since: float) -> frozenset[str]:
        found: set[str] = set()
        for some in _portions(names, _AT_ONCE):
            mine = [*_is_of(test, run), test.c.name.in_(some)]
            found |= set(self._connection.execute(_broke_and_passed(since).where(*mine)).scalars())
            passed_here = sa.select(test.c.name).join(test_result, test_result.c.test == test.c.id)
            passed_here = passed_here.join(run_result, run_result.c.run == test_result.c.run)
            here = [run_result.c.repository == run.repository, run_result.c.sha == run.sha]
            passed_here = passed_here.where(*mine, *here, test_result.c.outcome.in_(_GOOD))
            found |= set(self._connection.execute(passed_here).scalars())
        return frozenset(found)

    def usual_seconds(self, run: Run, names: Sequence[str], branch: str) -> Mapping[str, float]:
        usual = {}
        for name in names:
            past = self.history(run.repository, run.suite.name, run.suite.cell_label, name, _TIMES, branch=branch)
            if times := [one.seconds for one in past if one.seconds is not None]:
                usual[name] = median(times)
        return usual

    def flaky(self, repository: RepositoryId, since: float, limit: int) -> Sequence[Unsteady]:
        """From the failures, which are few; how often such a test ran at all is counted for the listed ones alone."""
        mine = test.c.repository == repository
        both = _broke_and_passed(since).with_only_columns(test.c.id, sa.func.count(run_result.c.sha.distinct()))
        commits = dict(map(tuple, self._connection.execute(both.where(mine).group_by(test.c.id))))
        # Not joined: from there the planner of SQLite would read all results of every test.
        same = sa.and_(test_result.c.run == test_failure.c.run, test_result.c.test == test_failure.c.test)
        outcome = sa.select(test_result.c.outcome).where(same).correlate(test_failure).scalar_subquery()
        broke = sa.case((outcome == Outcome.FAILED, build_table.c.sender_id))
        query = _failures(since).join(build_table, build_table.c.id == run_result.c.build).where(mine)
        query = query.with_only_columns(
            test.c.id,
            test.c.suite,
            test.c.cell,
            test.c.name,
            sa.func.count().label("failures"),
            sa.func.count(broke.distinct()).label("people"),
            sa.func.max(run_result.c.at).label("last"),
        ).group_by(test.c.id, test.c.suite, test.c.cell, test.c.name)
        rows = [row for row in self._connection.execute(query) if row.id in commits]
        worst = sorted(rows, key=lambda row: (-row.people, -row.failures, row.name))[:limit]
        start = self._connection.execute(sa.select(_first_run(since))).scalar_one()
        return [self._unsteady(row, commits[row.id], start) for row in worst]

    def _unsteady(self, row: sa.Row[Any], commits: int, start: int) -> Unsteady:
        """Runs are counted from that number on: the index alone tells."""
        ran = sa.select(sa.func.count()).select_from(test_result).where(test_result.c.test == row.id)
        ran = ran.where(test_result.c.run >= start)
        return Unsteady(
            suite=row.suite,
            cell=row.cell,
            name=row.name,
            commits=commits,
            failures=row.failures,
            runs=self._connection.execute(ran).scalar_one(),
            people=row.people,
            last=datetime.fromtimestamp(row.last, UTC),
        )

    def mute(self, repository: RepositoryId, mute: Mute) -> None:
        self.unmute(repository, mute.suite, mute.name)
        what = {"until": mute.until.isoformat(), "reason": mute.reason, "actor": mute.actor}
        where = {"repository": repository, "suite": mute.suite, "name": _storable(mute.name)}
        self._connection.execute(sa.insert(mute_table).values(**where, **what))

    def unmute(self, repository: RepositoryId, suite: str, name: str) -> bool:
        here = [mute_table.c.repository == repository, mute_table.c.suite == suite]
        gone = sa.delete(mute_table).where(*here, mute_table.c.name == _storable(name))
        return self._connection.execute(gone).rowcount > 0

    def mutes(self, repository: RepositoryId) -> Sequence[Mute]:
        table = mute_table
        query = sa.select(table).where(table.c.repository == repository).order_by(table.c.suite, table.c.name)
        rows = self._connection.execute(query)
        return [
            Mute(
                suite=one.suite,
                name=one.name,
                until=date.fromisoformat(one.until),
                reason=one.reason,
                actor=one.actor,
            )
            for one in rows
        ]

    def prune(self, older_than: float, limit: int) -> int:
        old = sa.select(run_result.c.run).where(run_result.c.at < DatabaseNow() - older_than)
        self._connection.execute(sa.delete(shard_plan).where(shard_plan.c.at < DatabaseNow() - older_than))
        runs = list(self._connection.execute(old.order_by(run_result.c.at).limit(limit)).scalars())
        for table in (test_failure, test_result, run_result):
            self._connection.execute(sa.delete(table).where(table.c.run.in_(runs)))
        return len(runs)


def _number(run: RunId) -> sa.ScalarSelect[int]:
    return sa.select(run_table.c.number).where(run_table.c.id == run).scalar_subquery()


def _of_suite(run: Run) -> dict[str, Any]:
    return {"repository": run.repository, "suite": run.suite.name, "cell": run.suite.cell_label}


def _is_of(table: sa.Table, run: Run) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in _of_suite(run).items()]


def _first_run(since: float) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.min(run_result.c.run)).where(run_result.c.at > DatabaseNow() - since).scalar_subquery()


def _failures(since: float) -> sa.Select[Any]:
    """Names of tests that failed in concluded runs of that time, once for each failure."""
    query = sa.select(test.c.name).select_from(test_failure).join(test, test.c.id == test_failure.c.test)
    query = query.join(run_result, run_result.c.run == test_failure.c.run)
    # The bound says nothing new, but keeps a planner from beginning with the failures of all times.
    return query.where(run_result.c.at > DatabaseNow() - since, test_failure.c.run >= _first_run(since))


def _broke_and_passed(since: float) -> sa.Select[Any]:
    """Those of them that passed on the same commit: a commit has few runs, a test has thousands."""
    passed, of_pass = test_result.alias("passed"), run_result.alias("of_pass")
    also_passed = sa.exists().where(
        of_pass.c.repository == run_result.c.repository,
        of_pass.c.sha == run_result.c.sha,
        passed.c.run == of_pass.c.run,
        passed.c.test == test_failure.c.test,
        passed.c.outcome.in_(_GOOD),
    )
    return _failures(since).where(also_passed)


def _portions(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL, and neither takes half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _case_of(row: sa.Row[Any]) -> Case:
    return Case(
        name=row.name,
        outcome=row.outcome,
        seconds=row.seconds,
        message=row.message or "",
        details=row.details or "",
        file=row.file or "",
        line=row.line or 0,
    )


def _past_of(row: sa.Row[Any]) -> Past:
    return Past(
        run=row.run_id,
        build=row.build,
        sha=row.sha,
        branch=row.branch,
        outcome=row.outcome,
        seconds=row.seconds,
        at=datetime.fromtimestamp(row.at, UTC),
    )

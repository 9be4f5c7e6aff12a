"""Builds, and which runs they show."""

import zlib
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import insert
from bot.adapters.store_sql.rows import build_of, row_of_build
from bot.adapters.store_sql.tables import UNFINISHED, build_run, repository, run
from bot.adapters.store_sql.tables import build as table
from bot.domain.errors import Gone
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import Build, BuildId, Cause, RunId, RunState
from bot.ports.store import ALL, Sought

_COMMITS: Final = 0x61737362
"""Of our own, among the advisory locks of the database."""


class SqlBuilds:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def hold(self, repository: RepositoryId, sha: Sha) -> None:
        """SQLite has one writer at a time anyway."""
        if self._connection.dialect.name == "postgresql":
            commit = zlib.crc32(f"{repository}:{sha}".encode()) - 2**31
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_COMMITS, commit)))

    def add(self, build: Build) -> Build | None:
        store = insert(self._connection, table).values(**row_of_build(build)).on_conflict_do_nothing()
        row = self._connection.execute(store.returning(table)).one_or_none()
        return None if row is None else build_of(row)

    def get(self, build: BuildId) -> Build:
        row = self._connection.execute(sa.select(table).where(table.c.id == build)).one_or_none()
        if row is None:
            raise Gone(f"there is no build {build}")
        return build_of(row)

    def by_key(self, key: str) -> Build | None:
        row = self._connection.execute(sa.select(table).where(table.c.key == key)).one_or_none()
        return None if row is None else build_of(row)

    def of_change(self, repository: RepositoryId, change: int) -> Sequence[Build]:
        return self._newest(table.c.repository == repository, table.c.change == change)

    def unfinished_of_change(self, repository: RepositoryId, change: int) -> Sequence[Build]:
        is_it = sa.and_(table.c.repository == repository, table.c.change == change)
        return self._newest(is_it, has_unfinished_runs(table.c.id))

    def counting(self, run: RunId) -> Sequence[Build]:
        builds = sa.select(build_run.c.build).where(build_run.c.run == run)
        return self._newest(table.c.id.in_(builds))

    def of_branch(self, repository: RepositoryId, branch: str) -> Sequence[Build]:
        is_push = sa.and_(table.c.repository == repository, table.c.ref == branch, table.c.cause == Cause.PUSH)
        return self._newest(is_push, has_unfinished_runs(table.c.id))

    def newest_push(self, repository: RepositoryId, branch: str) -> Build | None:
        is_push = sa.and_(table.c.repository == repository, table.c.ref == branch, table.c.cause == Cause.PUSH)
        return next(iter(self._newest(is_push, limit=1)), None)

    def finished_before(self, build: Build) -> Build | None:
        is_like_it = sa.and_(
            table.c.repository == build.repository, table.c.ref == build.ref, table.c.change.is_(None)
        )
        cut = sa.select(run.c.id).join(build_run, build_run.c.run == run.c.id).where(build_run.c.build == table.c.id)
        was_cut = sa.exists(cut.where(run.c.state.in_([RunState.CANCELLED, RunState.SUPERSEDED])))
        is_told = sa.and_(table.c.cause.in_([Cause.PUSH, Cause.SCHEDULE, Cause.RERUN]), ~was_cut)
        is_over = ~has_unfinished_runs(table.c.id)
        return next(iter(self._newest(is_like_it, is_told, is_over, table.c.id < build.id, limit=1)), None)

    def of_repository(
        self, repository: RepositoryId, limit: int, *, before: BuildId | None = None, ref: str | None = None
    ) -> Sequence[Build]:
        older = sa.true() if before is None else table.c.id < before
        of_ref = sa.true() if ref is None else table.c.ref == ref
        return self._newest(table.c.repository == repository, older, of_ref, limit=limit)

    def at(self, repository: RepositoryId, sha: Sha) -> Sequence[Build]:
        here = sa.and_(table.c.repository == repository, table.c.sha == sha)
        return self._newest(here, table.c.cause != Cause.BISECT)

    def recent(
        self, limit: int, *, before: BuildId | None = None, public_only: bool = True, sought: Sought = ALL
    ) -> Sequence[Build]:
        conditions = are_sought(table, sought)
        if before is not None:
            conditions.append(table.c.id < before)
        if public_only:
            conditions.append(is_public(table.c.repository))
        if sought.sha:
            conditions.append(table.c.cause != Cause.BISECT)  # it says nothing of the commit as a whole
        if sought.branch:
            conditions.append(table.c.ref == sought.branch)
        if sought.suite:
            its_runs = sa.select(run.c.id).join(build_run, build_run.c.run == run.c.id)
            conditions.append(sa.exists(its_runs.where(build_run.c.build == table.c.id, is_of_suite(sought.suite))))
        return self._newest(*conditions, limit=limit)

    def share(self, build: BuildId, run: RunId) -> None:
        count_among(self._connection, build, run)

    def _newest(self, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> Sequence[Build]:
        query = sa.select(table).where(*conditions).order_by(table.c.id.desc()).limit(limit)
        return [build_of(row) for row in self._connection.execute(query)]


def count_among(connection: sa.Connection, build: BuildId, run: RunId) -> None:
    connection.execute(insert(connection, build_run).values(build=build, run=run).on_conflict_do_nothing())


def has_unfinished_runs(build: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    its_runs = sa.select(run.c.id).join(build_run, build_run.c.run == run.c.id).where(build_run.c.build == build)
    return sa.exists(its_runs.where(run.c.state.in_(UNFINISHED)))


def are_sought(table: sa.Table, sought: Sought) -> list[sa.ColumnElement[bool]]:
    """What builds and runs are asked for alike."""
    conditions: list[sa.ColumnElement[bool]] = []
    if sought.repositories is not None:
        conditions.append(table.c.repository.in_(sought.repositories))
    if sought.sha:
        conditions.append(table.c.sha == sought.sha)
    return conditions


def is_of_suite(name: str) -> sa.ColumnElement[bool]:
    """Its key, or that of one of its cells (`Suite.key`)."""
    return sa.or_(run.c.suite_key == name, run.c.suite_key.startswith(f"{name} (", autoescape=True))


def is_public(number: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.exists(sa.select(repository.c.id).where(repository.c.id == number, ~repository.c.private))

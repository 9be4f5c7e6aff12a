"""The outbox: what a forge shall show, in versions, so that nothing is lost and nothing goes back."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from bot.adapters.store_sql.builds import has_unfinished_runs
from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.rows import report_of
from bot.adapters.store_sql.tables import UNSENT
from bot.adapters.store_sql.tables import report as table
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import BuildId, RunId
from bot.ports.reports import Report

_NEW: Final[dict[str, Any]] = {
    "version": 1,
    "sent_version": 0,
    "dead_version": 0,
    "ended": False,
    "digest": "",
    "ambiguous": False,
    "attempts": 0,
    "fence": 0,
    "error": "",
}


class SqlReports:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def own(
        self, repository: RepositoryId, sha: Sha, name: str, build: BuildId, run: RunId | None, pause: float = 0
    ) -> int:
        add = insert(self._connection, table).values(
            repository=repository,
            sha=sha,
            name=name,
            build=build,
            run=run,
            next_at=DatabaseNow() + pause,
            unsent_since=DatabaseNow(),
            **_NEW,
        )
        changed = {"build": build, "run": run, **_raised(pause)}
        take = add.on_conflict_do_update(index_elements=["repository", "sha", "name"], set_=changed)
        number: int = self._connection.execute(take.returning(table.c.id)).scalar_one()
        return number

    def touch(self, repository: RepositoryId, sha: Sha, name: str, pause: float = 0) -> int | None:
        is_it = sa.and_(table.c.repository == repository, table.c.sha == sha, table.c.name == name)
        touch = sa.update(table).where(is_it).values(**_raised(pause))
        return self._connection.execute(touch.returning(table.c.id)).scalar_one_or_none()

    def claim(self, report: int, lease: float) -> Report | None:
        # A claim that ran out belonged to a sender that died or hangs, perhaps after the forge had taken the check.
        unclear = sa.or_(table.c.ambiguous, table.c.lease_until.is_not(None))
        claimed = {"attempts": table.c.attempts + 1, "fence": table.c.fence + 1, "ambiguous": unclear}
        take = sa.update(table).where(table.c.id == report, *_due())
        take = take.values(**claimed, lease_until=DatabaseNow() + lease)
        row = self._connection.execute(take.returning(table)).one_or_none()
        return None if row is None else report_of(row)

    def sent(self, report: Report, *, ref: str, ended: bool, digest: str) -> bool:
        query = sa.select(table).where(table.c.id == report.id).with_for_update()
        now = self._connection.execute(query).one_or_none()
        if now is None:
            return False
        is_mine = now.fence == report.fence
        values: dict[str, Any] = {"lease_until": None} if is_mine else {}
        if now.sent_version < report.version:
            shown = {"sent_version": report.version, "ref": ref, "ended": ended, "digest": digest}
            values |= {**shown, "ambiguous": False, "attempts": 0, "error": ""}
        elif not is_mine and now.sent_version > report.version:
            # Another sender has shown a newer state while this one was slow: what the forge shows now
            # may be the older one, so the newest is sent once more.
            values |= {**_raised(), "digest": ""}
        self._write(report.id, **values)
        return bool(now.version > report.version)

    def postpone(self, report: Report, seconds: float, error: str, *, ambiguous: bool = False) -> None:
        unclear = sa.true() if ambiguous else table.c.ambiguous
        values = {"next_at": DatabaseNow() + seconds, "error": error, "ambiguous": unclear, "lease_until": None}
        self._write(report.id, table.c.fence == report.fence, **values)

    def bury(self, report: Report, error: str) -> None:
        values = {"dead_version": report.version, "error": error, "lease_until": None, "attempts": 0}
        self._write(report.id, table.c.fence == report.fence, **values)

    def due(self, limit: int) -> Sequence[int]:
        rank = sa.case((has_unfinished_runs(table.c.build), 1), else_=0)
        query = sa.select(table.c.id).where(*_due()).order_by(rank, table.c.next_at, table.c.id)
        return self._connection.execute(query.limit(limit)).scalars().all()

    def at(self, repository: RepositoryId, sha: Sha) -> Sequence[Report]:
        query = sa.select(table).where(table.c.repository == repository, table.c.sha == sha)
        return [report_of(row) for row in self._connection.execute(query.order_by(table.c.id))]

    def trouble(self, repository: RepositoryId, sha: Sha) -> str:
        dead = sa.and_(table.c.dead_version > table.c.sent_version, table.c.error != "")
        query = sa.select(table.c.error).where(table.c.repository == repository, table.c.sha == sha, dead)
        return self._connection.execute(query.order_by(table.c.next_at.desc()).limit(1)).scalar() or ""

    def _write(self, report: int, *conditions: sa.ColumnElement[bool], **values: object) -> None:
        if values:
            self._connection.execute(sa.update(table).where(table.c.id == report, *conditions).values(**values))


def _raised(pause: float = 0) -> dict[str, Any]:
    since = sa.case((UNSENT, table.c.unsent_since), else_=DatabaseNow())
    raised = {"version": table.c.version + 1, "unsent_since": since}
    if not pause:
        return {**raised, "next_at": DatabaseNow(), "attempts": 0}
    next_at = sa.case((UNSENT, table.c.next_at), else_=DatabaseNow() + pause)
    return {**raised, "next_at": next_at}


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= DatabaseNow())
    return UNSENT, table.c.next_at <= DatabaseNow(), free

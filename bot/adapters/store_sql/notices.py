"""Notices that are under way or have ended."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.builds import has_unfinished_runs
from bot.adapters.store_sql.dialects import DatabaseNow
from bot.adapters.store_sql.tables import build, build_run
from bot.adapters.store_sql.tables_notices import notice as table
from bot.domain.notices import Notice, NoticeState
from bot.domain.refs import RepositoryId
from bot.domain.runs import BuildId, RunId
from bot.domain.suites import Notify

_PENDING = table.c.state == NoticeState.PENDING


class SqlNotices:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, build: BuildId, wanted: Notify, *, bisection: int | None = None) -> int:
        row = {
            "build": build,
            "channel": wanted.channel,
            "suites": wanted.suites,
            "send": wanted.send,
            "state": NoticeState.PENDING,
            "attempts": 0,
            "error": "",
            "bisection": bisection,
        }
        add = sa.insert(table).values(**row, at=DatabaseNow(), next_at=DatabaseNow()).returning(table.c.id)
        number: int = self._connection.execute(add).scalar_one()
        return number

    def of_run(self, run: RunId) -> Sequence[int]:
        builds = sa.select(build_run.c.build).where(build_run.c.run == run)
        query = sa.select(table.c.id).where(_PENDING, table.c.build.in_(builds)).order_by(table.c.id)
        return self._connection.execute(query).scalars().all()

    def of_build(self, build: BuildId) -> Sequence[Notice]:
        return self._all(sa.select(table).where(table.c.build == build).order_by(table.c.id))

    def recent(
        self, limit: int, *, before: int | None = None, repository: RepositoryId | None = None
    ) -> Sequence[Notice]:
        query = sa.select(table).where(*_of(repository))
        if before is not None:
            query = query.where(table.c.id < before)
        return self._all(query.order_by(table.c.id.desc()).limit(limit))

    def due(self, limit: int) -> Sequence[int]:
        query = sa.select(table.c.id).where(_PENDING, _is_due(), ~has_unfinished_runs(table.c.build))
        return self._connection.execute(query.order_by(table.c.next_at).limit(limit)).scalars().all()

    def claim(self, number: int, seconds: float) -> Notice | None:
        mine = sa.update(table).where(table.c.id == number, _PENDING, _is_due())
        row = self._connection.execute(mine.values(next_at=DatabaseNow() + seconds).returning(table)).one_or_none()
        return None if row is None else _notice_of(row)

    def settle(self, number: int, state: NoticeState, error: str = "", *, again_in: float = 0.0) -> None:
        change = {
            "state": state,
            "error": error,
            "attempts": table.c.attempts + int(state is not NoticeState.NOTHING),
            "at": DatabaseNow(),
            "next_at": DatabaseNow() + again_in,
        }
        self._connection.execute(sa.update(table).where(table.c.id == number, _PENDING).values(**change))

    def again(self, number: int, *, repository: RepositoryId | None = None) -> bool:
        ended = sa.update(table).where(table.c.id == number, ~_PENDING, *_of(repository))
        anew = ended.values(state=NoticeState.PENDING, attempts=0, at=DatabaseNow(), next_at=DatabaseNow())
        return bool(self._connection.execute(anew).rowcount)

    def _all(self, query: sa.Select[Any]) -> Sequence[Notice]:
        return [_notice_of(row) for row in self._connection.execute(query)]


def _of(repository: RepositoryId | None) -> Sequence[sa.ColumnElement[bool]]:
    if repository is None:
        return ()
    return (table.c.build.in_(sa.select(build.c.id).where(build.c.repository == repository)),)


def _is_due() -> sa.ColumnElement[bool]:
    return table.c.next_at <= DatabaseNow()


def _notice_of(row: sa.Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        build=row.build,
        channel=row.channel,
        suites=row.suites,
        send=row.send,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        bisection=row.bisection,
        at=row.at,
    )

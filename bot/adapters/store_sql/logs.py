"""Logs of runs: rows while they grow, one compressed file each when they are closed.

A log is readable at every moment: closing writes the whole file first, and only the transaction that
drops the rows makes readers turn to it.
"""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import insert
from bot.adapters.store_sql.engine import reading, transaction
from bot.adapters.store_sql.log_files import LogFiles
from bot.adapters.store_sql.tables import UNFINISHED, log, log_chunk, run
from bot.domain.packing import MEMBER
from bot.domain.runs import RunId
from bot.faultpoints import faultpoint
from bot.ports.logs import PackedLogs

_CHUNK: Final = 1 << 18
"""No row holds more, so that a reader never loads much more than it wants."""
_FAST: Final = 1
"""zlib's level; logs shrink to a fraction even so, and writing them is what takes the time."""


class SqlLogs:
    def __init__(self, engine: sa.Engine, closed: Path | PackedLogs) -> None:
        """`closed` is where closed logs go; a folder is made when the first one comes."""
        self._engine = engine
        self._reading = reading(engine)
        self._files: PackedLogs = LogFiles(closed) if isinstance(closed, Path) else closed

    def append(self, run: RunId, fence: int, data: bytes) -> bool:
        # Packed before the transaction, in which all others have to wait.
        starts = range(0, len(data), _CHUNK)
        pieces = [(start, zlib.compress(data[start : start + _CHUNK], _FAST)) for start in starts]
        with transaction(self._engine) as connection:
            return _holds(connection, run, fence) and _append(connection, run, len(data), pieces)

    def close(self, run: RunId) -> None:
        with transaction(self._engine) as connection:
            if not _close(connection, run):
                return
        members = self._files.pack(run, self._pieces(run))
        faultpoint("logs.after_pack")
        with transaction(self._engine) as connection:
            moved = sa.update(log).where(log.c.run == run, log.c.members.is_(None)).values(members=members)
            connection.execute(moved)
            connection.execute(sa.delete(log_chunk).where(log_chunk.c.run == run))

    def _pieces(self, run: RunId) -> Iterator[bytes]:
        size = self.size(run)
        for start in range(0, size, MEMBER):
            with transaction(self._reading) as connection:
                yield _read_chunks(connection, run, start, min(start + MEMBER, size))

    def size(self, run: RunId) -> int:
        with transaction(self._reading) as connection:
            return connection.execute(sa.select(log.c.size).where(log.c.run == run)).scalar() or 0

    def read(self, run: RunId, start: int, limit: int) -> bytes:
        with transaction(self._reading) as connection:
            found = connection.execute(sa.select(log).where(log.c.run == run)).one_or_none()
            if found is None or not 0 <= start < found.size or limit <= 0:
                return b""
            end = min(start + limit, found.size)
            if found.members is None:
                return _read_chunks(connection, run, start, end)
        return self._files.read(run, found.members, start, end)

    def is_closed(self, run: RunId) -> bool:
        with transaction(self._reading) as connection:
            return bool(connection.execute(sa.select(log.c.closed).where(log.c.run == run)).scalar())

    def left_open(self, limit: int) -> Sequence[RunId]:
        query = sa.select(log.c.run).join(run, run.c.id == log.c.run)
        query = query.where(log.c.members.is_(None), run.c.state.not_in(UNFINISHED))
        with transaction(self._reading) as connection:
            return [RunId(one) for one in connection.execute(query.order_by(run.c.number).limit(limit)).scalars()]

    def remove(self, run: RunId) -> None:
        # The file goes first: were it the other way round, a crash in between would leave it for ever.
        self._files.remove(run)
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(log_chunk).where(log_chunk.c.run == run))
            connection.execute(sa.update(log).where(log.c.run == run).values(size=0, closed=True, members=()))


def _holds(connection: sa.Connection, holder: RunId, fence: int) -> bool:
    # Shared lock (PostgreSQL; SQLite has the write lock): the run can't be given away before the bytes are in.
    query = sa.select(run.c.fence).where(run.c.id == holder).with_for_update(read=True)
    return connection.execute(query).scalar() == fence


def _append(connection: sa.Connection, run: RunId, size: int, pieces: Sequence[tuple[int, bytes]]) -> bool:
    grow = insert(connection, log).values(run=run, size=size, closed=False)
    grow = grow.on_conflict_do_update(
        index_elements=["run"], set_={"size": log.c.size + size}, where=sa.not_(log.c.closed)
    )
    end = connection.execute(grow.returning(log.c.size)).scalar()
    if end is None:
        return False
    rows = [{"run": run, "start": end - size + start, "data": piece} for start, piece in pieces]
    if rows:
        connection.execute(sa.insert(log_chunk), rows)
    return True


def _close(connection: sa.Connection, run: RunId) -> bool:
    """Let nothing follow; whether the log still has to be packed."""
    if not _exists(connection, run):
        return False
    shut = insert(connection, log).values(run=run, size=0, closed=True)
    shut = shut.on_conflict_do_update(index_elements=["run"], set_={"closed": True})
    return connection.execute(shut.returning(log.c.members)).scalar() is None


def _exists(connection: sa.Connection, wanted: RunId) -> bool:
    return connection.execute(sa.select(run.c.number).where(run.c.id == wanted)).scalar() is not None


def _read_chunks(connection: sa.Connection, run: RunId, start: int, end: int) -> bytes:
    its = log_chunk.c.run == run
    first = sa.select(sa.func.max(log_chunk.c.start)).where(its, log_chunk.c.start <= start).scalar_subquery()
    query = sa.select(log_chunk.c.start, log_chunk.c.data)
    query = query.where(its, log_chunk.c.start >= first, log_chunk.c.start < end).order_by(log_chunk.c.start)
    rows = connection.execute(query).all()
    if not rows:
        return b""
    skipped = start - rows[0].start
    return b"".join(zlib.decompress(row.data) for row in rows)[skipped : skipped + end - start]

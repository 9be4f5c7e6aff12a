"""Which run left which files."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables import artifact as table
from bot.domain.errors import Gone
from bot.domain.runs import RunId
from bot.ports.artifacts import Artifact, ArtifactFound, ArtifactKind, Sha256


class SqlArtifacts:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def replace(self, run: RunId, kind: ArtifactKind, found: Sequence[ArtifactFound], keep: float) -> None:
        self._connection.execute(sa.delete(table).where(table.c.run == run, table.c.kind == kind))
        if not found:
            return
        now = self._connection.execute(sa.select(DatabaseNow())).scalar_one()
        rows = [
            {
                "run": run,
                "path": one.path,
                "sha256": one.sha256 or "",
                "size": one.size,
                "kind": kind,
                "skipped": one.skipped,
                "created_at": now,
                "keep_until": now + keep,
            }
            for one in found
        ]
        self._connection.execute(insert(self._connection, table).on_conflict_do_nothing(), rows)

    def of_run(self, run: RunId) -> Sequence[Artifact]:
        return self._all(sa.select(table).where(table.c.run == run).order_by(table.c.path))

    def get(self, run: RunId, path: str) -> Artifact:
        is_it = sa.and_(table.c.run == run, table.c.path == path, table.c.sha256 != "")
        for artifact in self._all(sa.select(table).where(is_it)):
            return artifact
        raise Gone("the run left no such file")

    def expired(self, limit: int) -> Sequence[Artifact]:
        over = sa.select(table).where(table.c.keep_until < DatabaseNow())
        return self._all(over.order_by(table.c.keep_until, table.c.id).limit(limit))

    def remove(self, run: RunId, path: str) -> None:
        self._connection.execute(sa.delete(table).where(table.c.run == run, table.c.path == path))

    def references(self, sha256: Sha256) -> int:
        query = sa.select(sa.func.count()).where(table.c.sha256 == sha256)
        return self._connection.execute(query).scalar_one()

    def _all(self, query: sa.Select[Any]) -> list[Artifact]:
        return [_artifact_of(row) for row in self._connection.execute(query)]


def _artifact_of(row: sa.Row[Any]) -> Artifact:
    return Artifact(
        run=row.run,
        path=row.path,
        sha256=row.sha256 or None,
        size=row.size,
        kind=row.kind,
        skipped=row.skipped,
        created_at=row.created_at,
        keep_until=row.keep_until,
    )

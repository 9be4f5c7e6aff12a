"""Repositories, known by the forge's number for them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.rows import repository_of, row_of_repository
from bot.adapters.store_sql.tables import repository
from bot.adapters.store_sql.tables_own_rules import own_rules
from bot.domain.errors import Gone
from bot.domain.own_rules import OwnRules
from bot.domain.refs import ForgeName, Repository, RepositoryId, RepositorySeen


class SqlRepositories:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def see(self, seen: RepositorySeen) -> Repository:
        if known := self._known(seen):
            return known
        row = {**row_of_repository(seen), "named_at": DatabaseNow()}
        add = insert(self._connection, repository).values(**row).on_conflict_do_nothing()
        made = self._one(add.returning(repository))
        return made or self._known(seen) or self.update(seen)

    def update(self, seen: RepositorySeen) -> Repository:
        row = {**row_of_repository(seen), "named_at": DatabaseNow()}
        write = insert(self._connection, repository).values(**row)
        # Not every description of a repository names the installation; what is known stays.
        row["installation"] = sa.func.coalesce(write.excluded.installation, repository.c.installation)
        write = write.on_conflict_do_update(index_elements=["forge", "forge_id"], set_=row)
        return repository_of(self._connection.execute(write.returning(repository)).one())

    def get(self, repository: RepositoryId) -> Repository:
        if found := self._one(sa.select(_table).where(_table.c.id == repository)):
            return found
        raise Gone(f"there is no repository number {repository}")

    def find(self, forge: ForgeName, path: str) -> Repository | None:
        # A name may be given away while we still have it for its last bearer: the youngest knowledge counts.
        is_it = sa.and_(repository.c.forge == forge, repository.c.path_key == path.casefold())
        youngest = repository.c.named_at.desc(), repository.c.id.desc()
        return self._one(sa.select(repository).where(is_it).order_by(*youngest).limit(1))

    def known(
        self, limit: int, *, after: RepositoryId | None = None, public_only: bool = True
    ) -> Sequence[Repository]:
        query = sa.select(repository).where(repository.c.id > (after or 0)).order_by(repository.c.id).limit(limit)
        if public_only:
            query = query.where(sa.not_(repository.c.private))
        return [repository_of(row) for row in self._connection.execute(query)]

    def own_rules(self, repository: RepositoryId) -> OwnRules:
        query = sa.select(own_rules.c.rules).where(own_rules.c.repository == repository)
        found: OwnRules | None = self._connection.execute(query).scalar()
        return found or OwnRules()

    def set_own_rules(self, repository: RepositoryId, rules: OwnRules) -> None:
        row = {"rules": rules, "runs_max": rules.runs_max, "stranger_runs_max": rules.stranger_runs_max}
        write = insert(self._connection, own_rules).values(repository=repository, **row)
        self._connection.execute(write.on_conflict_do_update(index_elements=["repository"], set_=row))

    def _known(self, seen: RepositorySeen) -> Repository | None:
        is_it = sa.and_(repository.c.forge == seen.forge, repository.c.forge_id == seen.forge_id)
        return self._one(sa.select(repository).where(is_it))

    def _one(self, statement: sa.Executable) -> Repository | None:
        row: sa.Row[Any] | None = self._connection.execute(statement).one_or_none()
        return None if row is None else repository_of(row)


_table = repository

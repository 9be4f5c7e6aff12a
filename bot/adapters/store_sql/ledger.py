"""Who may do what, who said what, who does what, who did what."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables import approval, audit, build, command, duty, reply
from bot.adapters.store_sql.tables import repository as repository_table
from bot.adapters.store_sql.tables import standing_approval as _standing
from bot.domain.refs import Person, RepositoryId, Sha
from bot.domain.runs import BuildId
from bot.ports.ledger import Approval, AuditEntry


class SqlApprovals:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, build: BuildId, sha: Sha, person: Person | None, actor: str) -> None:
        who = {"forge_user_id": person.id, "login": person.login} if person else {"login": ""}
        row = {"build": build, "sha": sha, "actor": actor, **who}
        self._connection.execute(sa.insert(approval).values(**row, at=DatabaseNow()))

    def of_build(self, build: BuildId) -> Sequence[Approval]:
        query = sa.select(approval).where(approval.c.build == build).order_by(approval.c.id)
        return [
            Approval(sha=row.sha, actor=row.actor, person_id=row.forge_user_id, login=row.login, at=row.at)
            for row in self._connection.execute(query)
        ]

    def of_commit(self, repository: RepositoryId, change: int, sha: Sha) -> Sequence[Approval]:
        theirs = sa.and_(build.c.repository == repository, build.c.change == change, approval.c.sha == sha)
        query = sa.select(approval).join(build, build.c.id == approval.c.build).where(theirs).order_by(approval.c.id)
        return [_approval_of(row) for row in self._connection.execute(query)]

    def has_let_in(self, repository: RepositoryId, person: int) -> bool:
        theirs = sa.and_(build.c.repository == repository, build.c.author_id == person)
        query = sa.select(approval.c.id).join(build, build.c.id == approval.c.build).where(theirs).limit(1)
        return self._connection.execute(query).first() is not None

    def stand(self, repository: RepositoryId, change: int, person: Person) -> None:
        who = {"forge_user_id": person.id, "login": person.login, "at": DatabaseNow()}
        row = insert(self._connection, _standing).values(repository=repository, change=change, **who)
        self._connection.execute(row.on_conflict_do_update(index_elements=["repository", "change"], set_=who))

    def end_standing(self, repository: RepositoryId, change: int) -> None:
        self._connection.execute(sa.delete(_standing).where(_is_of(_standing, repository, change)))

    def stands(self, repository: RepositoryId, change: int) -> bool:
        query = sa.select(_standing.c.at).where(_is_of(_standing, repository, change))
        return self._connection.execute(query).first() is not None


class SqlConversations:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def note(self, repository: RepositoryId, change: int, comment: int, person: int, outcome: str) -> bool:
        row = {"repository": repository, "change": change, "comment": comment, "forge_user_id": person}
        first = insert(self._connection, command).values(**row, outcome=outcome, at=DatabaseNow())
        noted = first.on_conflict_do_nothing().returning(command.c.id)
        return self._connection.execute(noted).one_or_none() is not None

    def outcome(self, repository: RepositoryId, comment: int) -> str | None:
        is_it = sa.and_(command.c.repository == repository, command.c.comment == comment)
        return self._connection.execute(sa.select(command.c.outcome).where(is_it)).scalar_one_or_none()

    def count(self, repository: RepositoryId, change: int, seconds: float, person: int | None = None) -> int:
        counted = [_is_of(command, repository, change), command.c.at > DatabaseNow() - seconds]
        if person is not None:
            counted.append(command.c.forge_user_id == person)
        return self._connection.execute(sa.select(sa.func.count()).where(*counted)).scalar_one()

    def reply(self, repository: RepositoryId, change: int, topic: str, max_age: float) -> str | None:
        young = reply.c.at > DatabaseNow() - max_age
        query = sa.select(reply.c.ref).where(_is_of(reply, repository, change), reply.c.topic == topic, young)
        return self._connection.execute(query).scalar_one_or_none()

    def keep_reply(self, repository: RepositoryId, change: int, topic: str, ref: str) -> None:
        what = {"ref": ref, "at": DatabaseNow()}
        row = insert(self._connection, reply).values(repository=repository, change=change, topic=topic, **what)
        self._connection.execute(
            row.on_conflict_do_update(index_elements=["repository", "change", "topic"], set_=what)
        )


class SqlAudit:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, *, repository: RepositoryId | None, actor: str, action: str, subject: str, detail: str) -> None:
        row = {"repository": repository, "actor": actor, "action": action, "subject": subject, "detail": detail}
        self._connection.execute(sa.insert(audit).values(**row, at=DatabaseNow()))

    def recent(self, limit: int, *, before: int | None = None, public_only: bool = True) -> Sequence[AuditEntry]:
        query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        if public_only:
            query = query.join(repository_table, repository_table.c.id == audit.c.repository)
            query = query.where(sa.not_(repository_table.c.private))
        return [
            AuditEntry(
                id=row.id,
                at=row.at,
                repository=row.repository,
                actor=row.actor,
                action=row.action,
                subject=row.subject,
                detail=row.detail,
            )
            for row in self._connection.execute(query)
        ]


class SqlLeases:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def take(self, duty: str, owner: str, seconds: float) -> bool:
        until = DatabaseNow() + seconds
        first = insert(self._connection, _duty).values(name=duty, owner=owner, until=until)
        take = first.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": owner, "until": until},
            where=sa.or_(_duty.c.owner == owner, _duty.c.until <= DatabaseNow()),
        )
        return self._connection.execute(take.returning(_duty.c.name)).one_or_none() is not None

    def keep(self, duty: str, owner: str, seconds: float) -> bool:
        keep = sa.update(_duty).where(_duty.c.name == duty, _duty.c.owner == owner)
        return self._connection.execute(keep.values(until=DatabaseNow() + seconds)).rowcount > 0


def _approval_of(row: sa.Row[Any]) -> Approval:
    return Approval(sha=row.sha, actor=row.actor, person_id=row.forge_user_id, login=row.login, at=row.at)


def _is_of(table: sa.Table, repository: RepositoryId, change: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.repository == repository, table.c.change == change)


_duty = duty

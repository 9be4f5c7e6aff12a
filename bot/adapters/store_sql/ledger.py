"""Who may do what, who does what, who did what: approvals, duties, audit."""

from collections.abc import Sequence

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables import approval, audit, duty
from bot.domain.refs import Person, Sha
from bot.domain.runs import BuildId
from bot.ports.store import Approval


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


class SqlAudit:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, *, actor: str, action: str, subject: str, detail: str) -> None:
        row = {"actor": actor, "action": action, "subject": subject, "detail": detail}
        self._connection.execute(sa.insert(audit).values(**row, at=DatabaseNow()))


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


_duty = duty

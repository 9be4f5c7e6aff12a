"""Which runs quotas hold, and whom they count."""

from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql.tables import CLAIMED, build, run
from bot.adapters.store_sql.tables_own_rules import own_rules
from bot.domain.quotas import Crowd, Quotas
from bot.domain.refs import RepositoryId
from bot.domain.runs import RunState, Trust

_NO_BOUND: Final = 2**31 - 1
_claimed = run.alias("claimed")
_of = build.alias("claimed_for")


def are_free(quotas: Quotas) -> sa.ColumnElement[bool]:
    """A condition on runs: neither their repository nor, of a stranger's, their author has as many as may be."""
    theirs = _full_strangers(quotas)
    is_theirs = sa.and_(theirs.c.repository == build.c.repository, theirs.c.author_id == build.c.author_id)
    is_held = sa.exists().where(build.c.id == run.c.build, is_theirs)
    is_open = run.c.repository.not_in(_full_repositories(quotas))
    return sa.and_(is_open, sa.or_(run.c.trust == Trust.TRUSTED, sa.not_(is_held)))


def _full_repositories(quotas: Quotas) -> sa.Select[tuple[int]]:
    own = own_rules.c.runs_max
    query = sa.select(_claimed.c.repository).outerjoin(own_rules, own_rules.c.repository == _claimed.c.repository)
    query = query.where(_claimed.c.state.in_(CLAIMED)).group_by(_claimed.c.repository, own)
    return query.having(sa.func.count() >= _bound(own, quotas.runs_max))


def _full_strangers(quotas: Quotas) -> sa.Subquery:
    own = own_rules.c.stranger_runs_max
    whose = _of.c.repository, _of.c.author_id
    query = sa.select(*whose).select_from(_claimed).join(_of, _of.c.id == _claimed.c.build)
    query = query.outerjoin(own_rules, own_rules.c.repository == _of.c.repository)
    query = query.where(_claimed.c.state.in_(CLAIMED), _claimed.c.trust == Trust.UNTRUSTED).group_by(*whose, own)
    return query.having(sa.func.count() >= _bound(own, quotas.stranger_runs_max)).subquery()


def _bound(own: sa.Column[int], ceiling: int | None) -> sa.ColumnElement[int]:
    most = _NO_BOUND if ceiling is None else ceiling
    return sa.case((own < most, own), else_=most)


def hold_others(connection: sa.Connection, repository: sa.ScalarSelect[int]) -> None:
    """Until the end of the transaction nobody else counts runs of the repository to claim one.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SPACE, sa.cast(repository, sa.Integer))))


_SPACE: Final = 0x61737361
"""Of our own, among the advisory locks of the database."""


def crowd(connection: sa.Connection, repository: RepositoryId, author: int | None) -> Crowd:
    waiting = [RunState.QUEUED] if author is None else [RunState.QUEUED, RunState.AWAITING_APPROVAL]
    counts = sa.func.count().filter(run.c.state.in_(CLAIMED)), sa.func.count().filter(run.c.state.in_(waiting))
    query = sa.select(*counts).where(run.c.repository == repository, run.c.state.in_([*CLAIMED, *waiting]))
    if author is not None:
        query = query.join(build, build.c.id == run.c.build)
        query = query.where(run.c.trust == Trust.UNTRUSTED, build.c.author_id == author)
    row = connection.execute(query).one()
    return Crowd(claimed=row[0], waiting=row[1])

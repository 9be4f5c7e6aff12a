"""Runs: every write is a compare-and-set, so that whoever comes second changes nothing."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from bot.adapters.store_sql.builds import are_sought, count_among, is_of_suite, is_public
from bot.adapters.store_sql.dialects import DatabaseNow, least
from bot.adapters.store_sql.quotas import are_free, crowd, hold_others
from bot.adapters.store_sql.rows import event_of, outcome_of_run, row_of_run, run_of, split
from bot.adapters.store_sql.tables import CLAIMED, UNFINISHED, attempt, build, build_run, run_event
from bot.adapters.store_sql.tables import run as table
from bot.domain.errors import Gone, IllegalMove
from bot.domain.quotas import UNBOUNDED, Crowd, Quotas
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import MOVES, BuildId, Cause, Group, Progress, Reason, Run, RunId, RunState
from bot.domain.workers import Labels, Needs, Room, taken
from bot.ports.store import ALL, RunEvent, Sought

_QUEUED: Final = table.c.state == RunState.QUEUED
_OPEN: Final = sa.and_(_QUEUED, sa.not_(table.c.blocked))
_LONGEST_PAUSE: Final = 60.0
"""Seconds; a run that is free later than that was given back before the database's clock was set back."""
_IS_TIME: Final = sa.or_(
    table.c.free_at.is_(None), table.c.free_at <= DatabaseNow(), table.c.free_at > DatabaseNow() + _LONGEST_PAUSE
)
_FREE: Final = sa.and_(_OPEN, _IS_TIME)
_COUNTS: Final = table.c.bisection.is_(None)
"""It speaks for its commit."""
_CLAIMED: Final = table.c.state.in_(CLAIMED)
_LOOKED_BACK: Final = 300
"""Runs of a suite among which its last passes are looked for."""
_PATIENCE: Final = 60.0
"""Seconds that a large run lets small ones pass."""
_ROUNDING: Final = 1e-6
_APART: Final = (Cause.TAG, Cause.BISECT)
_RANK: Final = sa.case(
    (build.c.cause.in_((Cause.COMMENT, Cause.RERUN, Cause.API)), 0),
    (build.c.cause.in_((Cause.SCHEDULE, Cause.BISECT)), 2),
    else_=1,
)


class SqlRuns:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, run: Run) -> None:
        free_at = DatabaseNow() if _is_free(run) else None
        self._connection.execute(sa.insert(table).values(**row_of_run(run), since=DatabaseNow(), free_at=free_at))
        count_among(self._connection, run.build, run.id)
        self._note(None, run, "")

    def get(self, run: RunId) -> Run:
        row = self._connection.execute(sa.select(table).where(table.c.id == run)).one_or_none()
        if row is None:
            raise Gone(f"there is no run {run}")
        return run_of(row)

    def of_build(self, build: BuildId) -> Sequence[Run]:
        query = sa.select(table).join(build_run, build_run.c.run == table.c.id).where(build_run.c.build == build)
        return self._all(query.order_by(table.c.position, build_run.c.id))

    def of_commit(self, repository: RepositoryId, sha: Sha) -> Sequence[Run]:
        here = sa.and_(table.c.repository == repository, table.c.sha == sha, _COUNTS)
        return self._all(sa.select(table).where(here).order_by(table.c.number))

    def latest_at(self, repository: RepositoryId, sha: Sha, suite: str) -> Run | None:
        query = sa.select(table).where(
            table.c.repository == repository, table.c.sha == sha, table.c.suite_key == suite, _COUNTS
        )
        is_skipped = sa.case((table.c.state == RunState.SKIPPED, 1), else_=0)
        row = self._connection.execute(query.order_by(is_skipped, table.c.number.desc()).limit(1)).one_or_none()
        return None if row is None else run_of(row)

    def recent(
        self, limit: int, *, before: RunId | None = None, public_only: bool = True, sought: Sought = ALL
    ) -> Sequence[Run]:
        conditions = are_sought(table, sought)
        if before is not None:
            last = sa.select(table.c.number).where(table.c.id == before)
            conditions.append(table.c.number < last.scalar_subquery())
        if public_only:
            conditions.append(is_public(table.c.repository))
        if sought.branch:
            conditions.append(sa.exists().where(build.c.id == table.c.build, build.c.ref == sought.branch))
        if sought.suite:
            conditions.append(is_of_suite(sought.suite))
        return self._all(sa.select(table).where(*conditions).order_by(table.c.number.desc()).limit(limit))

    def claim(self, run: RunId, owner: str, lease: float, quotas: Quotas = UNBOUNDED) -> Run | None:
        hold_others(self._connection, sa.select(table.c.repository).where(table.c.id == run).scalar_subquery())
        take = sa.update(table).where(table.c.id == run, _FREE, table.c.cancel.is_(None), are_free(quotas))
        take = take.values(
            state=RunState.PREPARING,
            fence=table.c.fence + 1,
            attempt=table.c.attempt + 1,
            owner=owner,
            lease_until=DatabaseNow() + lease,
            started_at=None,
            output_at=None,
            exit_code=None,
            out_of_memory=False,
            peak_memory=None,
            cpu_seconds=None,
            tail="",
        )
        row = self._connection.execute(take.returning(table)).one_or_none()
        if row is None:
            return None
        claimed = run_of(row)
        start = {"run": run, "n": claimed.attempt, "fence": claimed.fence, "owner": owner}
        self._connection.execute(sa.insert(attempt).values(**start, started_at=DatabaseNow()))
        self._note(RunState.QUEUED, claimed, owner, f"attempt {claimed.attempt}")
        return claimed

    def waited(self, run: Run) -> float:
        query = sa.select(attempt.c.started_at - table.c.free_at).join(table, table.c.id == attempt.c.run)
        query = query.where(attempt.c.run == run.id, attempt.c.n == run.attempt)
        return max(0.0, self._connection.execute(query).scalar() or 0.0)

    def take_over(self, run: Run, state: RunState, owner: str, lease: float) -> Run | None:
        here = sa.and_(table.c.id == run.id, table.c.fence == run.fence, table.c.state == run.state, _CLAIMED)
        take = sa.update(table).where(here)
        take = take.values(state=state, fence=table.c.fence + 1, owner=owner, lease_until=DatabaseNow() + lease)
        row = self._connection.execute(take.returning(table)).one_or_none()
        if row is None:
            return None
        its = sa.update(attempt).where(attempt.c.run == run.id, attempt.c.n == run.attempt)
        self._connection.execute(its.values(owner=owner))
        taken = run_of(row)
        if taken.state is not run.state:
            self._note(run.state, taken, owner, "taken over")
        return taken

    def taken_over(self, run: Run) -> int:
        its = sa.select(attempt.c.fence).where(attempt.c.run == run.id, attempt.c.n == run.attempt)
        first: int = self._connection.execute(its).scalar_one()
        return run.fence - first

    def renew(self, run: RunId, fence: int, lease: float) -> Run | None:
        renew = sa.update(table).where(table.c.id == run, table.c.fence == fence, _CLAIMED)
        renew = renew.values(lease_until=DatabaseNow() + lease)
        row = self._connection.execute(renew.returning(table)).one_or_none()
        return None if row is None else run_of(row)

    def save(self, before: Run, after: Run, actor: str, *, pause: float = 0) -> bool:
        _refuse_illegal(before, after)
        unchanged = [table.c.id == before.id, table.c.state == before.state, table.c.fence == before.fence]
        values = outcome_of_run(after)
        if not after.state.is_claimed:
            values |= {"owner": None, "lease_until": None}
        if after.state is RunState.QUEUED:
            # Queued with a wish to end, it would never be claimed: the wish must be looked at first.
            unchanged.append(table.c.cancel.is_(None))
            values["fence"] = table.c.fence + 1
        if before.state is RunState.AWAITING_APPROVAL:
            values["since"] = DatabaseNow()
        if _is_free(after):
            values["free_at"] = DatabaseNow() + pause
        if self._connection.execute(sa.update(table).where(*unchanged).values(**values)).rowcount == 0:
            return False
        self._end_attempt(before, after)
        self._note(before.state, after, actor)
        return True

    def _end_attempt(self, before: Run, after: Run) -> None:
        if not before.state.is_claimed or after.state.is_claimed:
            return
        end = sa.update(attempt).where(attempt.c.run == before.id, attempt.c.n == before.attempt)
        how = {"outcome": after.state, "reason": after.reason, "exit_code": after.exit_code}
        self._connection.execute(end.values(**how, ended_at=DatabaseNow()))

    def _note(self, before: RunState | None, after: Run, actor: str, detail: str = "") -> None:
        """Append to the history; the write to the run's own row before it keeps others away."""
        last = sa.select(sa.func.coalesce(sa.func.max(run_event.c.seq), 0)).where(run_event.c.run == after.id)
        event = {"run": after.id, "seq": last.scalar_subquery() + 1, "before": before, "after": after.state}
        why = detail or ": ".join(filter(None, (after.reason, after.note)))
        self._connection.execute(sa.insert(run_event).values(**event, actor=actor, at=DatabaseNow(), detail=why))

    def keep_groups(self, run: RunId, fence: int, groups: tuple[Group, ...]) -> bool:
        keep = sa.update(table).where(table.c.id == run, table.c.fence == fence, _CLAIMED)
        return self._connection.execute(keep.values(log_groups=groups)).rowcount > 0

    def keep_progress(self, run: RunId, fence: int, progress: Progress) -> bool:
        keep = sa.update(table).where(table.c.id == run, table.c.fence == fence, _CLAIMED)
        return self._connection.execute(keep.values(progress=progress)).rowcount > 0

    def ask_to_end(self, run: RunId, reason: Reason, note: str) -> bool:
        ask = sa.update(table).where(table.c.id == run, _CLAIMED, table.c.cancel.is_(None))
        return self._connection.execute(ask.values(cancel=reason, cancel_note=note)).rowcount > 0

    def whose_turn(self, room: Room | None = None, quotas: Quotas = UNBOUNDED) -> RunId | None:
        other = table.alias()
        busy = sa.select(sa.func.count()).where(other.c.repository == table.c.repository, other.c.state.in_(CLAIMED))
        cause = sa.select(_RANK).where(build.c.id == table.c.build)
        fits = sa.true() if room is None else _fits(room)
        query = sa.select(table.c.id, fits.label("fits")).where(_FREE, table.c.cancel.is_(None), are_free(quotas))
        if room is not None:
            has_waited = table.c.since < DatabaseNow() - _PATIENCE
            labelled = table.c.runs_on.in_(self._labels_within(room.worker.labels))
            query = query.where(labelled, sa.or_(fits, sa.and_(has_waited, _suits(room))))
        query = query.order_by(busy.scalar_subquery(), cause.scalar_subquery(), table.c.number).limit(1)
        found = self._connection.execute(query.with_for_update(of=table, skip_locked=True)).one_or_none()
        return RunId(found.id) if found is not None and found.fits else None

    def _labels_within(self, labels: Labels) -> list[str]:
        """What runs ask for that wait now, as far as a worker with those labels can do it."""
        asked = self._connection.execute(sa.select(table.c.runs_on).where(_FREE).distinct()).scalars()
        return [one for one in asked if split(one) <= labels]

    def queued(self, limit: int, quotas: Quotas | None = None) -> Sequence[RunId]:
        query = sa.select(table.c.id).order_by(table.c.number).limit(limit)
        query = query.where(_OPEN) if quotas is None else query.where(_FREE, are_free(quotas))
        return [RunId(run) for run in self._connection.execute(query).scalars()]

    def crowd(self, repository: RepositoryId, *, of: int | None = None) -> Crowd:
        return crowd(self._connection, repository, of)

    def unblock(self, run: RunId) -> bool:
        free = sa.update(table).where(table.c.id == run, _QUEUED, table.c.blocked)
        free = free.values(blocked=False, free_at=DatabaseNow())
        return self._connection.execute(free).rowcount > 0

    def blocked_at(self, repository: RepositoryId, sha: Sha) -> Sequence[Run]:
        here = sa.and_(table.c.repository == repository, table.c.sha == sha, table.c.blocked, _QUEUED)
        return self._all(sa.select(table).where(here).order_by(table.c.number))

    def commits_with_blocked(self, limit: int) -> Sequence[tuple[RepositoryId, Sha]]:
        where = table.c.repository, table.c.sha
        query = sa.select(*where).where(table.c.blocked, _QUEUED, _COUNTS).group_by(*where)
        query = query.order_by(sa.func.min(table.c.number)).limit(limit)
        return [(RepositoryId(row.repository), Sha(row.sha)) for row in self._connection.execute(query)]

    def expired(self, grace: float, *, at: str = "", not_at: str | None = None) -> Sequence[Run]:
        there = table.c.owner.startswith(at, autoescape=True)
        if not_at is not None:
            there = sa.and_(there, sa.not_(table.c.owner.startswith(not_at, autoescape=True)))
        return self._unlucky(_CLAIMED, there, table.c.lease_until < DatabaseNow() - grace)

    def held(self, by: str) -> Sequence[Run]:
        return self._unlucky(_CLAIMED, table.c.owner.startswith(by, autoescape=True))

    def overdue(self, age: float) -> Sequence[Run]:
        active = [state for state in UNFINISHED if state is not RunState.AWAITING_APPROVAL]
        return self._unlucky(table.c.state.in_(active), table.c.since < DatabaseNow() - age)

    def waiting(self, age: float) -> Sequence[Run]:
        return self._unlucky(table.c.state == RunState.AWAITING_APPROVAL, table.c.since < DatabaseNow() - age)

    def waiting_builds(self) -> Sequence[tuple[BuildId, RepositoryId]]:
        query = sa.select(table.c.build, table.c.repository).where(table.c.state == RunState.AWAITING_APPROVAL)
        rows = self._connection.execute(query.distinct().order_by(table.c.build))
        return [(BuildId(row.build), RepositoryId(row.repository)) for row in rows]

    def live(self) -> Sequence[tuple[RunId, int, int]]:
        query = sa.select(table.c.id, table.c.attempt, table.c.fence).where(_CLAIMED)
        return [(RunId(row.id), row.attempt, row.fence) for row in self._connection.execute(query)]

    def by_owner(self) -> Sequence[tuple[str, Run]]:
        query = sa.select(table).where(_CLAIMED).order_by(table.c.owner, table.c.number)
        return [(row.owner, run_of(row)) for row in self._connection.execute(query)]

    def queue_length(self) -> int:
        return self._connection.execute(sa.select(sa.func.count()).where(_QUEUED)).scalar_one()

    def place(self, run: RunId) -> int | None:
        other = table.alias()
        busy = sa.select(sa.func.count()).where(other.c.repository == table.c.repository, other.c.state.in_(CLAIMED))
        free = sa.select(table.c.id, table.c.number, table.c.repository, _RANK.label("rank"))
        free = free.add_columns(busy.scalar_subquery().label("busy")).join(build, build.c.id == table.c.build)
        waiting = free.where(_FREE, table.c.cancel.is_(None)).subquery()
        within = sa.func.row_number().over(
            partition_by=waiting.c.repository, order_by=(waiting.c.rank, waiting.c.number)
        )
        rounds = sa.select(waiting, (waiting.c.busy + within).label("round")).subquery()
        turn = sa.func.row_number().over(order_by=(rounds.c.round, rounds.c.rank, rounds.c.number))
        turns = sa.select(rounds.c.id, turn.label("turn")).subquery()
        found = self._connection.execute(sa.select(turns.c.turn).where(turns.c.id == run)).scalar()
        return None if found is None else found - 1

    def times(self, run: Run, branch: str, limit: int) -> Sequence[float]:
        passes = _passes(run, branch).limit(limit)
        return [(row.finished_at - row.started_at).total_seconds() for row in self._connection.execute(passes)]

    def last_passed(self, run: Run, branch: str) -> Run | None:
        found = self._connection.execute(_passes(run, branch).limit(1)).one_or_none()
        return None if found is None else self.get(RunId(found.id))

    def events(self, run: RunId) -> Sequence[RunEvent]:
        query = sa.select(run_event).where(run_event.c.run == run).order_by(run_event.c.seq)
        return [event_of(row) for row in self._connection.execute(query)]

    def _unlucky(self, *conditions: sa.ColumnElement[bool]) -> Sequence[Run]:
        return self._all(sa.select(table).where(*conditions).order_by(table.c.number))

    def _all(self, query: sa.Select[Any]) -> Sequence[Run]:
        return [run_of(row) for row in self._connection.execute(query)]


def _passes(run: Run, branch: str) -> sa.Select[Any]:
    """Whole ones of its suite and cell on the branch, the newest first, without itself."""
    same = sa.and_(table.c.repository == run.repository, table.c.suite_key == run.suite.key, table.c.id != run.id)
    names = ("id", "number", "build", "state", "reason", "repeats", "started_at", "finished_at")
    told = sa.select(*(table.c[name] for name in names)).where(same).order_by(table.c.number.desc())
    newest = told.limit(_LOOKED_BACK).subquery()
    on_branch = sa.and_(build.c.ref == branch, build.c.change.is_(None), build.c.cause.not_in(_APART))
    whole = sa.and_(newest.c.state == RunState.PASSED, newest.c.reason.is_(None), newest.c.repeats.is_(None))
    query = sa.select(newest.c.id, newest.c.started_at, newest.c.finished_at)
    query = query.join(build, build.c.id == newest.c.build).where(on_branch, whole)
    query = query.where(newest.c.started_at.is_not(None), newest.c.finished_at.is_not(None))
    return query.order_by(newest.c.number.desc())


def _is_free(run: Run) -> bool:
    return run.state is RunState.QUEUED and not run.blocked


def _fits(room: Room) -> sa.ColumnElement[bool]:
    """As `domain.workers.taken` says what each takes."""
    usual = taken(room.worker, Needs())
    cpus = least(sa.func.coalesce(table.c.cpus, usual.cpus), room.ceiling.cpus, room.worker.cpus)
    memory = _memory(room, usual.memory) <= sa.literal(room.memory, sa.BigInteger)
    return sa.and_(cpus <= room.cpus + _ROUNDING, memory)


def _suits(room: Room) -> sa.ColumnElement[bool]:
    return _memory(room, 0) <= sa.literal(room.worker.memory, sa.BigInteger)


def _memory(room: Room, usual: int) -> sa.ColumnElement[int]:
    most = sa.literal(room.ceiling.memory, sa.BigInteger)
    return sa.case((table.c.memory.is_(None), sa.literal(usual, sa.BigInteger)), else_=least(table.c.memory, most))


def _refuse_illegal(before: Run, after: Run) -> None:
    if after.id != before.id or after.state not in MOVES.get(before.state, frozenset()):
        raise IllegalMove(f"run {before.id}: {before.state} → {after.state} of {after.id}")
    if after.state is RunState.PREPARING:
        raise IllegalMove(f"run {before.id}: only a claim starts an attempt")

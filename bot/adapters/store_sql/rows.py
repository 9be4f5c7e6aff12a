"""Rows to values and back, by hand, so that the domain knows nothing of tables."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.refs import Repository, RepositorySeen
from bot.domain.runs import Build, Run
from bot.domain.workers import Needs, needs_of
from bot.ports.reports import Report
from bot.ports.store import RunEvent

Row = sa.Row[Any]


def repository_of(row: Row) -> Repository:
    return Repository(
        id=row.id,
        forge=row.forge,
        forge_id=row.forge_id,
        path=row.path,
        private=row.private,
        default_branch=row.default_branch,
        web_url=row.web_url,
        clone_url=row.clone_url,
        installation=row.installation,
    )


def row_of_repository(seen: RepositorySeen) -> dict[str, Any]:
    return {
        "forge": seen.forge,
        "forge_id": seen.forge_id,
        "path": seen.path,
        "path_key": seen.path.casefold(),
        "private": seen.private,
        "default_branch": seen.default_branch,
        "web_url": seen.web_url,
        "clone_url": seen.clone_url,
        "installation": seen.installation,
    }


def build_of(row: Row) -> Build:
    return Build(
        id=row.id,
        key=row.key,
        repository=row.repository,
        sha=row.sha,
        cause=row.cause,
        ref=row.ref,
        base_ref=row.base_ref,
        base_sha=row.base_sha,
        merge=row.merge,
        change=row.change,
        title=row.title,
        sender_id=row.sender_id,
        sender=row.sender,
        author_id=row.author_id,
        trust=row.trust,
        approved=row.approved,
        suite_file=row.suite_file,
        chosen=row.chosen,
        problems=row.problems,
        warnings=row.warnings,
        pull_requests=row.pull_requests,
        note=row.note,
        risky_paths=row.risky_paths,
        head_at=row.head_at,
        trace=row.trace,
        created_at=row.created_at,
    )


def row_of_build(build: Build) -> dict[str, Any]:
    return {
        "key": build.key,
        "repository": build.repository,
        "sha": build.sha,
        "cause": build.cause,
        "ref": build.ref,
        "base_ref": build.base_ref,
        "base_sha": build.base_sha,
        "merge": build.merge,
        "change": build.change,
        "title": build.title,
        "sender_id": build.sender_id,
        "sender": build.sender,
        "author_id": build.author_id,
        "trust": build.trust,
        "approved": build.approved,
        "suite_file": build.suite_file,
        "chosen": build.chosen,
        "problems": build.problems,
        "warnings": build.warnings,
        "pull_requests": build.pull_requests,
        "note": build.note,
        "risky_paths": build.risky_paths,
        "head_at": build.head_at,
        "trace": build.trace,
        "created_at": build.created_at,
    }


def run_of(row: Row) -> Run:
    return Run(
        id=row.id,
        build=row.build,
        repository=row.repository,
        sha=row.sha,
        suite=row.suite,
        trust=row.trust,
        blocked=row.blocked,
        state=row.state,
        reason=row.reason,
        note=row.note,
        fence=row.fence,
        attempt=row.attempt,
        failures=row.failures,
        repeats=row.repeats,
        bisection=row.bisection,
        cancel=row.cancel,
        cancel_note=row.cancel_note,
        exit_code=row.exit_code,
        out_of_memory=row.out_of_memory,
        peak_memory=row.peak_memory,
        cpu_seconds=row.cpu_seconds,
        tail=row.tail,
        output_at=row.output_at,
        groups=row.log_groups or (),
        free_at=None if row.free_at is None else datetime.fromtimestamp(row.free_at, UTC),
        progress=row.progress,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def row_of_run(run: Run) -> dict[str, Any]:
    """What never changes, and the start of what does."""
    needs = needs_of(run.suite)
    return {
        "id": run.id,
        "build": run.build,
        "repository": run.repository,
        "sha": run.sha,
        "suite_key": run.suite.key,
        "suite": run.suite,
        "position": run.suite.line,
        "runs_on": joined(needs.labels),
        "cpus": needs.cpus,
        "memory": needs.memory,
        "trust": run.trust,
        "blocked": run.blocked,
        "fence": run.fence,
        "attempt": run.attempt,
        "bisection": run.bisection,
        "cancel": run.cancel,
        "cancel_note": run.cancel_note,
        "created_at": run.created_at,
        **outcome_of_run(run),
    }


def outcome_of_run(run: Run) -> dict[str, Any]:
    """What a move may change; fence, attempt, lease and the wish to end are the store's own business."""
    return {
        "state": run.state,
        "reason": run.reason,
        "note": run.note,
        "failures": run.failures,
        "repeats": run.repeats,
        "exit_code": run.exit_code,
        "out_of_memory": run.out_of_memory,
        "peak_memory": run.peak_memory,
        "cpu_seconds": run.cpu_seconds,
        "tail": run.tail,
        "output_at": run.output_at,
        "log_groups": run.groups or None,
        "progress": None,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def joined(labels: frozenset[str]) -> str:
    return " ".join(sorted(labels))


def split(labels: str) -> frozenset[str]:
    return frozenset(labels.split())


def needs_of_row(labels: str, cpus: float | None, memory: int | None) -> Needs:
    return Needs(labels=split(labels), cpus=cpus, memory=memory)


def event_of(row: Row) -> RunEvent:
    return RunEvent(seq=row.seq, before=row.before, after=row.after, actor=row.actor, at=row.at, detail=row.detail)


def report_of(row: Row) -> Report:
    return Report(
        id=row.id,
        repository=row.repository,
        sha=row.sha,
        name=row.name,
        build=row.build,
        run=row.run,
        version=row.version,
        sent_version=row.sent_version,
        ref=row.ref,
        ended=row.ended,
        digest=row.digest,
        ambiguous=row.ambiguous,
        attempts=row.attempts,
        fence=row.fence,
    )

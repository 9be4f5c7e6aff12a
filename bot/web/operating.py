"""The REST API, how it goes: what waits, who works, who did what."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from bot.app import access, listing, queries
from bot.app.context import App
from bot.app.listing import WorkerView
from bot.app.queries import AuditView
from bot.domain.tokens import Scope
from bot.web.answers import RunAnswer, run_answer
from bot.web.door import OPEN, Before, Limit, Looking, faults
from bot.web.site import site_of

router = APIRouter(responses=faults(401, 422, 503), tags=["operation"])


class QueueAnswer(BaseModel):
    length: int
    """How many runs wait for a worker."""
    runs: list[RunAnswer]
    """Those that need nothing else, the oldest first."""


class WorkerAnswer(BaseModel):
    """A process that runs suites."""

    name: str
    process: str
    """No two that live have the same."""
    live: bool
    """It said a moment ago that it is there."""
    draining: bool
    """It takes no more runs."""
    labels: list[str]
    slots: int | None
    """Runs at once; this and what follows is unknown of one that never said that it is there."""
    cpus: float | None
    memory: int | None
    """Bytes."""
    runs: list[RunAnswer]
    """What it holds now."""


class WorkerList(BaseModel):
    workers: list[WorkerAnswer]


class EntryAnswer(BaseModel):
    """Who did what."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    forge: str | None
    repository: str | None


class EntryList(BaseModel):
    entries: list[EntryAnswer]
    next: int | None
    """Ask with `before` = this for older ones."""


@router.get("/queue", openapi_extra=OPEN)
def show_queue(request: Request, viewer: Looking, limit: Limit = 30) -> QueueAnswer:
    """What waits for a worker; of private repositories only the number, for those who may not see them."""
    site = site_of(request)
    length, views = listing.queue(site.reader, viewer, limit)
    return QueueAnswer(length=length, runs=[run_answer(site.app, view) for view in views])


@router.get("/workers", responses=faults(403))
def list_workers(request: Request, viewer: Looking) -> WorkerList:
    """The workers that are there, are drained or hold runs. The scope admin."""
    access.require(viewer, Scope.ADMIN)
    site = site_of(request)
    return WorkerList(workers=[_worker(site.app, view) for view in listing.workers(site.reader)])


@router.get("/audit/entries", openapi_extra=OPEN)
def list_entries(request: Request, viewer: Looking, limit: Limit = 30, before: Before = None) -> EntryList:
    """The newest entries of public repositories; with the scope admin, all."""
    views = queries.audit(site_of(request).reader, viewer, limit, before)
    more = views[-1].entry.id if len(views) == limit else None
    return EntryList(entries=[_answer(one) for one in views], next=more)


def _worker(app: App, view: WorkerView) -> WorkerAnswer:
    worker = view.worker
    return WorkerAnswer(
        name=view.name,
        process=view.process,
        live=worker is not None and worker.is_live,
        draining=worker is not None and worker.draining,
        labels=sorted(worker.labels) if worker else [],
        slots=worker.slots if worker else None,
        cpus=worker.cpus if worker else None,
        memory=worker.memory if worker else None,
        runs=[run_answer(app, one) for one in view.runs],
    )


def _answer(view: AuditView) -> EntryAnswer:
    entry, repository = view.entry, view.repository
    return EntryAnswer(
        number=entry.id,
        at=datetime.fromtimestamp(entry.at, UTC),
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        detail=entry.detail,
        forge=repository.forge if repository else None,
        repository=repository.path if repository else None,
    )

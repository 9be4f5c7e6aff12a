"""The REST API, how it goes: what waits, who works, who did what."""

from datetime import UTC, datetime
from itertools import groupby

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from bot.app import access, listing, queries
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
    """The workers that run something now. The scope admin."""
    access.require(viewer, Scope.ADMIN)
    site = site_of(request)
    groups = groupby(listing.held(site.reader), key=lambda pair: pair[0])
    return WorkerList(
        workers=[
            WorkerAnswer(name=name, runs=[run_answer(site.app, view) for _, view in its]) for name, its in groups
        ]
    )


@router.get("/audit/entries", openapi_extra=OPEN)
def list_entries(request: Request, viewer: Looking, limit: Limit = 30, before: Before = None) -> EntryList:
    """The newest entries of public repositories; with the scope admin, all."""
    views = queries.audit(site_of(request).reader, viewer, limit, before)
    more = views[-1].entry.id if len(views) == limit else None
    return EntryList(entries=[_answer(one) for one in views], next=more)


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

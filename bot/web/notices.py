"""The REST API, what channels were told, and the order to tell it again."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from bot.app import access, notifying
from bot.domain.errors import Gone
from bot.domain.notices import Notice
from bot.domain.tokens import Scope
from bot.web.door import BeforeNotice, Limit, Looking, Number, faults
from bot.web.site import site_of

router = APIRouter(responses=faults(401, 403, 404, 422, 503))


class NoticeAnswer(BaseModel):
    """What one channel hears of one build."""

    number: int
    build: int
    channel: str
    state: str
    attempts: int
    error: str
    at: datetime


class NoticeList(BaseModel):
    notices: list[NoticeAnswer]
    next: int | None
    """Ask with `before` = this for older ones."""


@router.get("/notices", tags=["notices"])
def list_notices(request: Request, viewer: Looking, limit: Limit = 30, before: BeforeNotice = None) -> NoticeList:
    """The newest notices of all channels. The scope admin."""
    access.require(viewer, Scope.ADMIN)
    with site_of(request).reader.work() as work:
        return notice_list(work.notices.recent(limit, before=before), limit)


@router.post("/notices/{number}/again", tags=["notices"], status_code=202)
def send_notice_again(request: Request, viewer: Looking, number: Number) -> None:
    """Send one that ended once more, with the same id. The scope admin."""
    access.require(viewer, Scope.ADMIN)
    if not notifying.again(site_of(request).app, number, actor=viewer.actor):
        raise Gone("there is no such notice, or it is on its way")


def notice_list(found: Sequence[Notice], limit: int) -> NoticeList:
    """A page of them; when it is full there may be more."""
    return NoticeList(notices=[_answer(one) for one in found], next=found[-1].id if len(found) == limit else None)


def _answer(notice: Notice) -> NoticeAnswer:
    return NoticeAnswer(
        number=notice.id,
        build=notice.build,
        channel=notice.channel,
        state=notice.state,
        attempts=notice.attempts,
        error=notice.error,
        at=datetime.fromtimestamp(notice.at, UTC),
    )

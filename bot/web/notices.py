"""The REST API, what channels were told, and the order to tell it again."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from bot.app import access, notifying
from bot.domain.errors import Gone
from bot.domain.notices import Notice
from bot.domain.tokens import Scope
from bot.web.door import Limit, Looking, Number, faults
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


@router.get("/notices", tags=["notices"])
def list_notices(request: Request, viewer: Looking, limit: Limit = 30) -> NoticeList:
    """The newest notices of all channels. The scope admin."""
    access.require(viewer, Scope.ADMIN)
    with site_of(request).reader.work() as work:
        return NoticeList(notices=[notice_answer(one) for one in work.notices.recent(limit)])


@router.post("/notices/{number}/again", tags=["notices"], status_code=202)
def send_notice_again(request: Request, viewer: Looking, number: Number) -> None:
    """Send one that ended once more, with the same id. The scope admin."""
    access.require(viewer, Scope.ADMIN)
    if not notifying.again(site_of(request).app, number, actor=viewer.actor):
        raise Gone("there is no such notice, or it is on its way")


def notice_answer(notice: Notice) -> NoticeAnswer:
    return NoticeAnswer(
        number=notice.id,
        build=notice.build,
        channel=notice.channel,
        state=notice.state,
        attempts=notice.attempts,
        error=notice.error,
        at=datetime.fromtimestamp(notice.at, UTC),
    )

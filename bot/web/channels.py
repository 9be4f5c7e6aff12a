"""The REST API, channels of a repository: written and never shown; what they were told, and to tell it again."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from bot.app import notifying, own_channels
from bot.app.requesting import Conflict, NotPossible
from bot.domain.errors import BadInput, Gone, Refused
from bot.web.door import Limit, Looking, Number, faults
from bot.web.notices import NoticeList, notice_answer
from bot.web.repositories import registered
from bot.web.site import site_of

router = APIRouter(responses=faults(401, 403, 404, 422, 503), tags=["resources"])

Name = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9._-]{0,63}$", description="As the suite file names it")]


class ChannelAnswer(BaseModel):
    """All that is told of a channel; its address is a secret."""

    name: str
    kind: str
    created_at: datetime
    actor: str


class ChannelList(BaseModel):
    channels: list[ChannelAnswer]


class ChannelOrder(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    address: str = Field(
        max_length=own_channels.LONGEST,
        repr=False,
        description="slack+https://…, matrix+https://TOKEN@SERVER/ROOM, webhook+https://…#whsec_…, mailto:…",
    )


@router.get("/repositories/{number}/channels")
def list_channels(request: Request, viewer: Looking, number: Number) -> ChannelList:
    """Those that the repository has of its own. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    found = own_channels.every(site_of(request).reader, repository.id)
    return ChannelList(
        channels=[
            ChannelAnswer(
                name=one.name, kind=one.kind, created_at=datetime.fromtimestamp(one.created_at, UTC), actor=one.actor
            )
            for one in found
        ]
    )


@router.put("/repositories/{number}/channels/{name}", status_code=204, responses=faults(400, 408, 413))
def set_channel(request: Request, viewer: Looking, number: Number, name: Name, wanted: ChannelOrder) -> Response:
    """Set it up, or lead it elsewhere. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    try:
        own_channels.put(site_of(request).app, repository, name, wanted.address, actor=viewer.actor)
    except BadInput as error:
        raise NotPossible(str(error)) from error
    return Response(status_code=204)


@router.delete("/repositories/{number}/channels/{name}", status_code=204, responses=faults(400, 408, 413))
def remove_channel(request: Request, viewer: Looking, number: Number, name: Name) -> Response:
    """Forget it. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    own_channels.remove(site_of(request).app, repository, name, actor=viewer.actor)
    return Response(status_code=204)


@router.post("/repositories/{number}/channels/{name}/test", status_code=204, responses=faults(400, 408, 409, 413))
def test_channel(request: Request, viewer: Looking, number: Number, name: Name) -> Response:
    """Say something there now; 409 tells what came of it. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    try:
        own_channels.test(site_of(request).app, repository, name)
    except Gone:
        raise
    except Refused as error:
        raise Conflict(str(error)) from error
    return Response(status_code=204)


@router.get("/repositories/{number}/notices")
def list_notices_of_repository(request: Request, viewer: Looking, number: Number, limit: Limit = 30) -> NoticeList:
    """What channels were told of the repository's builds, the newest first. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    with site_of(request).reader.work() as work:
        found = work.notices.recent(limit, repository=repository.id)
    return NoticeList(notices=[notice_answer(one) for one in found])


@router.post("/repositories/{number}/notices/{notice}/again", status_code=202, responses=faults(400, 408, 413))
def send_notice_of_repository_again(request: Request, viewer: Looking, number: Number, notice: Number) -> None:
    """Send one that ended once more, with the same id. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    if not notifying.again(site_of(request).app, notice, actor=viewer.actor, repository=repository.id):
        raise Gone("there is no such notice, or it is on its way")

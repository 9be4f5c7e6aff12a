"""The REST API, channels of a repository: written and never shown; what they were told, and to tell it again."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from bot.app import access, notifying, own_channels
from bot.app.own_channels import Placed
from bot.app.requesting import Conflict, NotPossible
from bot.domain.errors import BadInput, Gone, Refused
from bot.domain.refs import RepositoryId
from bot.domain.tokens import Scope
from bot.web.door import BeforeNotice, Limit, Looking, Number, faults
from bot.web.notices import NoticeList, notice_list
from bot.web.repositories import registered
from bot.web.site import site_of

router = APIRouter(responses=faults(401, 403, 404, 422, 503), tags=["resources"])

Name = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9._-]{0,63}$", description="As the suite file names it")]


AfterChannel = Annotated[
    str | None,
    Query(pattern="^[0-9]{1,18}:[a-z0-9._-]{1,250}$", description="Only channels behind the one of this cursor"),
]


class ChannelAnswer(BaseModel):
    """All that is told of a channel; its address is a secret."""

    name: str
    kind: str
    created_at: datetime
    actor: str


class ChannelList(BaseModel):
    channels: list[ChannelAnswer]


class PlacedChannel(BaseModel):
    """One of any place; its address is a secret."""

    name: str
    kind: str
    forge: str | None
    repository: str | None
    """Whose suite file alone can name it; none: it is of the operator's settings, and any may."""
    created_at: datetime | None
    actor: str | None


class PlacedChannelList(BaseModel):
    channels: list[PlacedChannel]
    next: str | None
    """Ask with `after` = this for more."""


class ChannelOrder(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    address: str = Field(
        max_length=own_channels.LONGEST,
        repr=False,
        description="slack+https://…, matrix+https://TOKEN@SERVER/ROOM, webhook+https://…#whsec_…, mailto:…",
    )


@router.get("/channels")
def list_all_channels(
    request: Request, viewer: Looking, limit: Limit = 30, after: AfterChannel = None
) -> PlacedChannelList:
    """The operator's by name, then those of repositories. The scope admin."""
    access.require(viewer, Scope.ADMIN)
    number, _, name = (after or "0:").partition(":")
    found = own_channels.everywhere(site_of(request).reader, limit, (RepositoryId(int(number)), name))
    more = "{}:{}".format(*found[-1].cursor) if len(found) == limit else None
    return PlacedChannelList(channels=[_placed(one) for one in found], next=more)


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
def list_notices_of_repository(
    request: Request, viewer: Looking, number: Number, limit: Limit = 30, before: BeforeNotice = None
) -> NoticeList:
    """What channels were told of the repository's builds, the newest first. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    with site_of(request).reader.work() as work:
        return notice_list(work.notices.recent(limit, before=before, repository=repository.id), limit)


@router.post("/repositories/{number}/notices/{notice}/again", status_code=202, responses=faults(400, 408, 413))
def send_notice_of_repository_again(request: Request, viewer: Looking, number: Number, notice: Number) -> None:
    """Send one that ended once more, with the same id. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    if not notifying.again(site_of(request).app, notice, actor=viewer.actor, repository=repository.id):
        raise Gone("there is no such notice, or it is on its way")


def _placed(one: Placed) -> PlacedChannel:
    return PlacedChannel(
        name=one.name,
        kind=one.kind,
        forge=one.repository.forge if one.repository else None,
        repository=one.repository.path if one.repository else None,
        created_at=None if one.created_at is None else datetime.fromtimestamp(one.created_at, UTC),
        actor=one.actor or None,
    )

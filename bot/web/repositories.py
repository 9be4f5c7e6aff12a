"""The REST API, who is served: repositories are registered, looked at, taken away; with the scope repos:admin."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from bot.app import access, queries, registering, ruling
from bot.app.queries import Viewer
from bot.app.registering import Registered
from bot.app.requesting import Conflict, NotPossible
from bot.domain.errors import BadInput, Gone, Refused
from bot.domain.refs import RepositoryId, RepositorySeen
from bot.domain.tokens import Scope
from bot.web.answers import RegisteredAnswer, registered_answer
from bot.web.door import Looking, Number, RepositoryName, faults
from bot.web.site import site_of

router = APIRouter(responses=faults(400, 401, 403, 404, 408, 409, 413, 422, 503))


class RegistrationOrder(BaseModel):
    """A repository that shall be served."""

    model_config = ConfigDict(extra="forbid")

    repository: RepositoryName


class RulesOrder(BaseModel):
    """What differs from the rest; an empty text takes it back."""

    model_config = ConfigDict(extra="forbid")

    rules: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=4000)]] = Field(
        description="Names of settings in small letters, and values as the settings have them",
        examples=[{"fork_policy": "first-time", "memory_max": "2GiB"}],
        min_length=1,
        max_length=50,
    )


@router.post(
    "/repositories",
    tags=["resources"],
    status_code=201,
    responses={200: {"model": RegisteredAnswer, "description": "It was there"}},
)
def add_repository(
    request: Request, viewer: Looking, wanted: RegistrationOrder, response: Response
) -> RegisteredAnswer:
    """Register a repository: it gets a webhook with a secret of its own. Safe to repeat. The scope repos:admin."""
    access.require(viewer, Scope.REPOSITORIES)
    app = site_of(request).app
    with _spoken():
        added = registering.add(app, wanted.repository, actor=viewer.actor, may_see=partial(_may_see, viewer))
    response.status_code = 201 if added.is_new else 200
    response.headers["Location"] = f"{app.url}/repositories/{added.repository.id}"
    return registered_answer(app, added)


@router.get("/repositories/{number}", tags=["resources"])
def show_repository(request: Request, viewer: Looking, number: Number) -> RegisteredAnswer:
    """A repository with its webhook. The scope repos:admin."""
    return registered_answer(site_of(request).app, registered(request, viewer, number))


@router.patch("/repositories/{number}", tags=["resources"])
def change_repository(request: Request, viewer: Looking, number: Number, wanted: RulesOrder) -> RegisteredAnswer:
    """Set for it what differs from the rest, within what the server allows. The scope repos:admin."""
    app, found = site_of(request).app, registered(request, viewer, number)
    try:
        ruling.change(app, found.repository, wanted.rules, actor=viewer.actor)
    except BadInput as error:
        raise NotPossible(str(error)) from error
    return registered_answer(app, found)


@router.delete("/repositories/{number}", tags=["resources"], status_code=204)
def remove_repository(request: Request, viewer: Looking, number: Number) -> Response:
    """Take its webhook away; what was built stays. The scope repos:admin."""
    found = registered(request, viewer, number)
    with _spoken():
        registering.remove(site_of(request).app, found, actor=viewer.actor)
    return Response(status_code=204)


@router.post("/repositories/{number}/rotate-secret", tags=["resources"])
def rotate_secret(request: Request, viewer: Looking, number: Number) -> RegisteredAnswer:
    """Give its webhook a new secret; the old one is taken for an hour more. The scope repos:admin."""
    found = registered(request, viewer, number)
    with _spoken():
        registering.rotate_secret(site_of(request).app, found, actor=viewer.actor)
    return registered_answer(site_of(request).app, registered(request, viewer, number))


@router.post("/repositories/{number}/test", tags=["resources"])
def test_repository(request: Request, viewer: Looking, number: Number) -> RegisteredAnswer:
    """Let the forge send something to its webhook, and wait until it arrives. The scope repos:admin."""
    found = registered(request, viewer, number)
    with _spoken():
        registering.test(site_of(request).app, found)
    return registered_answer(site_of(request).app, registered(request, viewer, number))


def _may_see(viewer: Viewer, seen: RepositorySeen) -> bool:
    return not seen.private or viewer.may(Scope.READ)


def registered(request: Request, viewer: Viewer, number: int) -> Registered:
    access.require_somewhere(viewer, Scope.REPOSITORIES)
    found = registering.get(site_of(request).app, RepositoryId(number))
    if not queries.may_read(site_of(request).app, viewer, found.repository):
        raise Gone("there is no such repository")
    access.require_at(site_of(request).app, viewer, Scope.REPOSITORIES, found.repository)
    return found


@contextmanager
def _spoken() -> Iterator[None]:
    """What the forge does not let us do is told in its words: who asks can change it."""
    try:
        yield
    except Gone:
        raise
    except Refused as error:
        raise Conflict(str(error)) from error

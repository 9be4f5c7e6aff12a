"""The REST API, what there is to run: repositories, their suites, the images that these run in."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from bot.app import cataloguing, queries
from bot.app.queries import RunView, Viewer
from bot.domain.catalog import Entry, Kind
from bot.domain.refs import RepositoryId
from bot.web.answers import (
    EnvironmentAnswer,
    EnvironmentList,
    RepositoryList,
    SuiteList,
    repository_answer,
    suite_answer,
)
from bot.web.catalog import RegisteredEnvironment, RegisteredSuite, environment_facts, suite_facts
from bot.web.door import OPEN, After, Limit, Looking, faults
from bot.web.site import site_of

router = APIRouter(responses=faults(401, 403, 422, 503))

Of = Annotated[
    Literal["files", "registered"],
    Query(alias="from", description="`files`: of suite files; `registered`: over this API, for who has a token"),
]


class RegisteredSuiteList(BaseModel):
    suites: list[RegisteredSuite]
    next: int | None
    """Ask with `after` = this for more."""


class RegisteredEnvironmentList(BaseModel):
    environments: list[RegisteredEnvironment]
    next: int | None
    """Ask with `after` = this for more."""


@router.get("/repositories", tags=["resources"], openapi_extra=OPEN)
def list_repositories(request: Request, viewer: Looking, limit: Limit = 30, after: After = None) -> RepositoryList:
    """The repositories that a forge has told of: public ones, with a token all."""
    found = queries.repositories(site_of(request).reader, viewer, limit, _number(after))
    more = found[-1].id if len(found) == limit else None
    return RepositoryList(repositories=[repository_answer(one) for one in found], next=more)


@router.get("/suites", tags=["resources"], openapi_extra=OPEN)
def list_suites(
    request: Request, viewer: Looking, of: Of = "files", limit: Limit = 30, after: After = None
) -> SuiteList | RegisteredSuiteList:
    """The suites of so many repositories, as they ran at the newest push to the default branch; or registered."""
    if of == "registered":
        found, more = _entries(request, viewer, Kind.SUITE, limit, after)
        return RegisteredSuiteList(suites=[suite_facts(one) for one in found], next=more)
    views, more = _suites(request, viewer, limit, after)
    return SuiteList(suites=[suite_answer(site_of(request).app, view) for view in views], next=more)


@router.get("/environments", tags=["resources"], openapi_extra=OPEN)
def list_environments(
    request: Request, viewer: Looking, of: Of = "files", limit: Limit = 30, after: After = None
) -> EnvironmentList | RegisteredEnvironmentList:
    """The images that the suites of so many repositories run in; or registered environments."""
    if of == "registered":
        found, more = _entries(request, viewer, Kind.ENVIRONMENT, limit, after)
        return RegisteredEnvironmentList(environments=[environment_facts(one) for one in found], next=more)
    views, more = _suites(request, viewer, limit, after)
    suites = sorted((suite_answer(site_of(request).app, view) for view in views), key=lambda suite: suite.image)
    groups = groupby(suites, key=lambda suite: suite.image)
    images = [EnvironmentAnswer(image=one, suites=list(its)) for one, its in groups]
    return EnvironmentList(environments=images, next=more)


def _suites(request: Request, viewer: Viewer, limit: int, after: int | None) -> tuple[Sequence[RunView], int | None]:
    """With the number of the last repository that was looked at, where there may be more."""
    readable = queries.repositories(site_of(request).reader, viewer, limit, _number(after))
    more = readable[-1].id if len(readable) == limit else None
    return queries.suites(site_of(request).reader, readable), more


def _entries(
    request: Request, viewer: Viewer, kind: Kind, limit: int, after: int | None
) -> tuple[Sequence[Entry], int | None]:
    found = cataloguing.entries(site_of(request).reader, viewer, kind, limit, after or 0)
    return found, found[-1].number if len(found) == limit else None


def _number(after: int | None) -> RepositoryId | None:
    return None if after is None else RepositoryId(after)

"""The REST API, what there is to run: repositories, their suites, the images that these run in."""

from itertools import groupby

from fastapi import APIRouter
from starlette.requests import Request

from bot.app import queries
from bot.app.queries import Viewer
from bot.domain.refs import RepositoryId
from bot.web.answers import (
    EnvironmentAnswer,
    EnvironmentList,
    RepositoryList,
    SuiteAnswer,
    SuiteList,
    repository_answer,
    suite_answer,
)
from bot.web.door import OPEN, After, Limit, Looking, faults
from bot.web.site import site_of

router = APIRouter(responses=faults(401, 422, 503))


@router.get("/repositories", tags=["resources"], openapi_extra=OPEN)
def list_repositories(request: Request, viewer: Looking, limit: Limit = 30, after: After = None) -> RepositoryList:
    """The repositories that a forge has told of: public ones, with a token all."""
    found = queries.repositories(site_of(request).reader, viewer, limit, _number(after))
    more = found[-1].id if len(found) == limit else None
    return RepositoryList(repositories=[repository_answer(one) for one in found], next=more)


@router.get("/suites", tags=["resources"], openapi_extra=OPEN)
def list_suites(request: Request, viewer: Looking, limit: Limit = 30, after: After = None) -> SuiteList:
    """The suites of so many repositories, as they ran at the newest push to the default branch."""
    return SuiteList(suites=_suites(request, viewer, limit, after))


@router.get("/environments", tags=["resources"], openapi_extra=OPEN)
def list_environments(request: Request, viewer: Looking, limit: Limit = 30, after: After = None) -> EnvironmentList:
    """The images that the suites of so many repositories run in."""
    suites = sorted(_suites(request, viewer, limit, after), key=lambda suite: suite.image)
    groups = groupby(suites, key=lambda suite: suite.image)
    return EnvironmentList(environments=[EnvironmentAnswer(image=one, suites=list(its)) for one, its in groups])


def _suites(request: Request, viewer: Viewer, limit: int, after: int | None) -> list[SuiteAnswer]:
    site = site_of(request)
    return [suite_answer(site.app, view) for view in queries.suites(site.reader, viewer, limit, _number(after))]


def _number(after: int | None) -> RepositoryId | None:
    return None if after is None else RepositoryId(after)

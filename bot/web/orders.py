"""The REST API, what it is asked to do: start, cancel, run again, approve; all with a token."""

import secrets
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Header, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request

from bot.app import queries, requesting, tickets
from bot.app.queries import Viewer
from bot.app.requesting import Granted, Order
from bot.domain.errors import BadInput
from bot.domain.refs import Sha, sha_of
from bot.domain.runs import BuildId
from bot.web.answers import BuildAnswer, RunAnswer, build_answer, run_answer
from bot.web.door import Id, Looking, Number, RepositoryName, faults
from bot.web.site import run_of, site_of

router = APIRouter(responses=faults(400, 401, 403, 404, 408, 409, 413, 422, 503))

_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": BuildAnswer, "description": "It was started by an earlier call"}
}
_SHA: Final = r"^([0-9a-f]{40}|[0-9a-f]{64})$"


def _full(text: str) -> str:
    try:
        return sha_of(text)
    except BadInput as error:
        raise ValueError(str(error)) from error


def _plain(ref: str) -> str:
    """It becomes part of an address at the forge."""
    if ".." in ref or ref.startswith(("/", "-")) or any(part in ("", ".") for part in ref.split("/")):
        raise ValueError("not the name of a branch or tag")
    return ref


FullSha = Annotated[str, Field(pattern=_SHA), AfterValidator(_full)]
PlainAddress = Annotated[
    str,
    Field(
        pattern="^(https?|ssh|git)://[!-~]{1,2000}$",
        description="Of a repository without a forge, if the operator allows it",
        examples=["https://git.example.org/team/thing.git"],
    ),
]
EntryId = Annotated[str, Field(pattern="^[0-9A-Za-z_-]{1,64}$")]
SuiteName = Annotated[str, Field(min_length=1, max_length=200)]
Once = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key with the same body starts nothing twice within a day",
    ),
]


class RunOrder(BaseModel):
    """Suites that shall run at a commit."""

    model_config = ConfigDict(extra="forbid")

    repository: RepositoryName | PlainAddress
    sha: FullSha | None = Field(None, description="A full commit id; without one, where `ref` is now")
    ref: Annotated[str, Field(pattern=r"^[^\s~^:?*\[\\\x00-\x20\x7f]{1,250}$"), AfterValidator(_plain)] | None = (
        Field(None, description="A branch or tag; without one, the default branch")
    )
    suite: SuiteName | Annotated[list[SuiteName], Field(min_length=1, max_length=100)] | None = Field(
        None, description="One suite or several, whatever their filters; without one, all that are for a push"
    )

    suite_id: EntryId | None = Field(None, description="A registered suite, instead of those of the suite file")
    environment_id: EntryId | None = Field(None, description="A registered environment for it")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.suite is not None and self.suite_id is not None:
            raise ValueError("suite and suite_id exclude each other")
        if self.environment_id is not None and self.suite_id is None:
            raise ValueError("environment_id is for a suite_id")
        return self

    def order(self) -> Order:
        suites = [self.suite] if isinstance(self.suite, str) else self.suite or []
        sha = None if self.sha is None else Sha(self.sha)
        return Order(
            repository=self.repository,
            sha=sha,
            ref=self.ref or "",
            suites=tuple(dict.fromkeys(suites)),
            suite_id=self.suite_id,
            environment_id=self.environment_id,
        )


class ApprovalOrder(BaseModel):
    """Says which commit was looked at."""

    model_config = ConfigDict(extra="forbid")

    sha: FullSha


@router.post("/runs", tags=["runs"], status_code=201, responses=_AGAIN)
def start_runs(
    request: Request, viewer: Looking, wanted: RunOrder, response: Response, once: Once = None
) -> BuildAnswer:
    """Start a build. The scope runs:write."""
    granted = requesting.start(site_of(request).app, viewer, wanted.order(), once)
    return _granted(request, viewer, granted, response)


@router.post("/runs/{id}/retest", tags=["runs"], status_code=201, responses=_AGAIN)
def retest_run(request: Request, viewer: Looking, id: Id, response: Response) -> BuildAnswer:  # noqa: A002, ARG001  # the document needs it
    """Run a run's suite again, once for each run. The scope runs:write."""
    granted = requesting.retest(site_of(request).app, viewer, run_of(request))
    return _granted(request, viewer, granted, response)


@router.post("/runs/{id}/bisect", tags=["runs"], status_code=201, responses=_AGAIN)
def bisect_run(request: Request, viewer: Looking, id: Id, response: Response) -> BuildAnswer:  # noqa: A002, ARG001  # the document needs it
    """Look for the commit that broke a run's suite on its branch, once for each run. The scope runs:write."""
    granted = requesting.bisect(site_of(request).app, viewer, run_of(request))
    return _granted(request, viewer, granted, response)


def _granted(request: Request, viewer: Viewer, granted: Granted, response: Response) -> BuildAnswer:
    answer = _build(request, viewer, granted.build)
    response.status_code = 201 if granted.is_new else 200
    response.headers["Location"] = f"{site_of(request).app.url}/builds/{granted.build}"
    return answer


@router.post("/runs/{id}/cancel", tags=["runs"])
def cancel_run(request: Request, viewer: Looking, id: Id) -> RunAnswer:  # noqa: A002, ARG001  # the document needs it
    """End a run. One that has ended stays as it is; one in a container ends within seconds. The scope runs:write."""
    site, run = site_of(request), run_of(request)
    requesting.cancel_run(site.app, viewer, run)
    return run_answer(site.app, queries.run(site.reader, viewer, run))


class TicketAnswer(BaseModel):
    ticket: str
    """Opens the run's live log once: `/runs/{id}/logs?ticket=…`."""
    expires_in: int
    """Seconds."""


@router.post("/runs/{id}/logs/ticket", tags=["runs"], status_code=201)
def give_ticket(request: Request, viewer: Looking, id: Id, response: Response) -> TicketAnswer:  # noqa: A002, ARG001  # the document needs it
    """A ticket for the run's live log, where no header can carry the token: good once, for that run."""
    response.headers["Cache-Control"] = "no-store"
    text = tickets.give(site_of(request).app, viewer, run_of(request), secrets.token_urlsafe(32))
    return TicketAnswer(ticket=text, expires_in=tickets.LASTS)


@router.post("/builds/{number}/cancel", tags=["builds"])
def cancel_build(request: Request, viewer: Looking, number: Number) -> BuildAnswer:
    """End all runs of a build. The scope runs:write."""
    requesting.cancel_build(site_of(request).app, viewer, BuildId(number))
    return _build(request, viewer, BuildId(number))


@router.post("/builds/{number}/approve", tags=["builds"])
def approve_build(request: Request, viewer: Looking, number: Number, looked_at: ApprovalOrder) -> BuildAnswer:
    """Let a stranger's build run: that commit and no other. The scope builds:approve."""
    requesting.approve(site_of(request).app, viewer, BuildId(number), Sha(looked_at.sha))
    return _build(request, viewer, BuildId(number))


def _build(request: Request, viewer: Viewer, number: BuildId) -> BuildAnswer:
    site = site_of(request)
    return build_answer(site.app, queries.build(site.reader, viewer, number))

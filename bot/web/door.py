"""Who comes to the API, for FastAPI and its document; and the words of paths and queries that endpoints share."""

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path, Query, Security
from fastapi.security import HTTPBearer
from pydantic import Field
from starlette.requests import HTTPConnection, Request

from bot.app.access import Unauthorized
from bot.app.listing import Filter
from bot.app.queries import Viewer
from bot.web.problems import Fault
from bot.web.site import site_of
from bot.web.throttle import address_key
from bot.web.visitors import viewer_of

_bearer: Final = HTTPBearer(
    auto_error=False, scheme_name="token", description="Made by `assay admin token create NAME`."
)
OPEN: Final[dict[str, Any]] = {"security": [{}]}
"""For the document: anybody may ask, a token shows more."""
_MOST: Final = 2**63 - 1
"""What the store can count to."""


def address_of(connection: HTTPConnection) -> str:
    """Whose measure of calls and streams counts for nobody in particular."""
    return f"address:{address_key(connection.client.host if connection.client else '')}"


def _viewer(request: Request, _: Annotated[object, Security(_bearer)]) -> Viewer:
    """Everybody has a measure of calls: each token, each person, else each address, also for wrong tokens."""
    calls, address = site_of(request).calls, address_of(request)
    try:
        viewer = viewer_of(request)
    except Unauthorized:
        calls.admit(address)
        raise
    person = f"person:{viewer.forge}:{viewer.person.id}" if viewer.person else ""
    calls.admit(f"token:{viewer.token}" if viewer.token else person or address)
    return viewer


Looking = Annotated[Viewer, Depends(_viewer)]

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most")]
Id = Annotated[str, Path(description="A run's id, as checks carry it")]
Number = Annotated[int, Path(ge=1, le=_MOST)]
Before = Annotated[int | None, Query(ge=1, le=_MOST, description="Only builds with a smaller number")]
BeforeNotice = Annotated[int | None, Query(ge=1, le=_MOST, description="Only notices with a smaller number")]
After = Annotated[int | None, Query(ge=1, le=_MOST, description="Only repositories with a larger number")]

_REPOSITORY: Final = (
    r"^([a-z0-9-]{1,40}:)?\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(/\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){1,20}$"
)
RepositoryName = Annotated[
    str,
    Field(
        pattern=_REPOSITORY,
        description="`owner/name`, or with its forge: `github:owner/name`",
        examples=["github:acme/hello"],
    ),
]
State = Literal["waiting", "queued", "running", "passed", "failed", "timed_out", "cancelled", "errored", "skipped"]
_LONGEST_WAIT: Final = 60


def _filter(
    repository: Annotated[
        str, Query(pattern=f"^$|{_REPOSITORY}", description="Only those of it: `owner/name`, `github:owner/name`")
    ] = "",
    branch: Annotated[str, Query(max_length=250, description="Or tag; of a change its source branch")] = "",
    sha: Annotated[str, Query(pattern="^([0-9a-f]{40}|[0-9a-f]{64})?$", description="A full commit id")] = "",
    suite: Annotated[str, Query(max_length=200, description="Its name")] = "",
    state: State | None = None,
) -> Filter:
    return Filter(repository=repository, branch=branch, sha=sha, suite=suite, state=state or "")


Wanted = Annotated[Filter, Depends(_filter)]


def _seconds(
    wait: Annotated[
        str,
        Query(
            pattern="^([0-9]{1,2}s?)?$",
            description=f"Answer when it has ended, at the latest after so long: `30s`; {_LONGEST_WAIT} s at most",
        ),
    ] = "",
) -> int:
    return min(int(wait.removesuffix("s") or 0), _LONGEST_WAIT)


Patience = Annotated[int, Depends(_seconds)]


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Fault} for status in sorted({*statuses, 429})}

"""Who comes to the API, for FastAPI and its document; and the words of paths and queries that endpoints share."""

from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Security
from fastapi.security import HTTPBearer
from pydantic import Field
from starlette.requests import Request

from bot.app.queries import Viewer
from bot.web.problems import Fault
from bot.web.visitors import viewer_of

_bearer: Final = HTTPBearer(
    auto_error=False, scheme_name="token", description="Made by `assay admin token create NAME`."
)
OPEN: Final[dict[str, Any]] = {"security": [{}]}
"""For the document: anybody may ask, a token shows more."""
_MOST: Final = 2**63 - 1
"""What the store can count to."""


def _viewer(request: Request, _: Annotated[object, Security(_bearer)]) -> Viewer:
    return viewer_of(request)


Looking = Annotated[Viewer, Depends(_viewer)]

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most")]
Id = Annotated[str, Path(description="A run's id, as checks carry it")]
Number = Annotated[int, Path(ge=1, le=_MOST)]
Before = Annotated[int | None, Query(ge=1, le=_MOST, description="Only builds with a smaller number")]
After = Annotated[int | None, Query(ge=1, le=_MOST, description="Only repositories with a larger number")]

RepositoryName = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9-]{1,40}:)?\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(/\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){1,20}$",
        description="`owner/name`, or with its forge: `github:owner/name`",
        examples=["github:acme/hello"],
    ),
]


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Fault} for status in statuses}

"""The files that a run left: listed and downloaded, never shown as pages of ours (RELIABILITY S102, S104, S105)."""

from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.app import queries
from bot.app.context import App
from bot.domain.runs import BuildId
from bot.ports.artifacts import Artifact, ArtifactKind
from bot.web.door import OPEN, Id, Looking, Number, faults
from bot.web.site import run_of, site_of

router = APIRouter(responses=faults(401, 404, 422, 503))

_PIECE: Final = 1 << 20
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=3600",
}


class ArtifactAnswer(BaseModel):
    """A file, or why it was not kept (`sha256` null; an empty path means that more was left out)."""

    path: str
    kind: ArtifactKind
    size: int
    sha256: str | None
    skipped: str
    url: str | None


class ArtifactList(BaseModel):
    artifacts: list[ArtifactAnswer]


class BuildArtifactAnswer(ArtifactAnswer):
    run: str
    suite: str
    """With its cell."""


class BuildArtifactList(BaseModel):
    artifacts: list[BuildArtifactAnswer]


@router.get("/runs/{id}/artifacts", tags=["runs"], openapi_extra=OPEN)
def list_artifacts(request: Request, viewer: Looking, id: Id) -> ArtifactList:  # noqa: A002, ARG001  # the document needs it
    """What the run left, by path."""
    site, run = site_of(request), run_of(request)
    found = queries.artifacts(site.reader, viewer, run)
    return ArtifactList(artifacts=[_answer(site.app, one) for one in found])


@router.get("/builds/{number}/artifacts", tags=["builds"], openapi_extra=OPEN)
def list_artifacts_of_build(request: Request, viewer: Looking, number: Number) -> BuildArtifactList:
    """What the runs of a build left, run by run."""
    site = site_of(request)
    found = queries.artifacts_of_build(site.reader, viewer, BuildId(number))
    rows = [
        BuildArtifactAnswer(run=run.id, suite=run.suite.key, **_answer(site.app, one).model_dump())
        for run, one in found
    ]
    return BuildArtifactList(artifacts=rows)


@router.get("/runs/{id}/artifacts/{path:path}", tags=["runs"], openapi_extra=OPEN, response_class=Response)
def download(
    request: Request,
    viewer: Looking,
    id: Id,  # noqa: A002, ARG001  # the document needs it
    path: Annotated[str, Path(description="As it is listed", max_length=4096)],
) -> Response:
    """The file's bytes, as a download."""
    reader = site_of(request).reader
    found = queries.artifact(reader, viewer, run_of(request), path)
    headers = _HEADERS | {"Content-Length": str(found.size), "Content-Disposition": _attachment(found.path)}
    return StreamingResponse(_bytes(reader, found), media_type="application/octet-stream", headers=headers)


def _answer(app: App, found: Artifact) -> ArtifactAnswer:
    url = f"{app.url}/runs/{found.run}/artifacts/{quote(found.path)}" if found.sha256 else None
    return ArtifactAnswer(
        path=found.path, kind=found.kind, size=found.size, sha256=found.sha256, skipped=found.skipped, url=url
    )


def _attachment(path: str) -> str:
    """RFC 6266: a plain name for old readers, the true one beside it."""
    name = path.rpartition("/")[2]
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    return f"attachment; filename=\"{plain or 'file'}\"; filename*=UTF-8''{quote(name, safe='')}"


def _bytes(app: App, found: Artifact) -> Iterator[bytes]:
    assert found.sha256 is not None
    start = 0
    while piece := app.artifacts.read(found.sha256, start, _PIECE):
        yield piece
        start += len(piece)

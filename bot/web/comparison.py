"""Two runs of a suite compared, for programs and people."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.app import contrasting, queries
from bot.app.contrasting import Contrast
from bot.domain.contrast import Turned
from bot.domain.errors import Gone
from bot.domain.results import Outcome
from bot.domain.runs import BuildId, Run, RunId
from bot.web.answers import RunAnswer, run_answer
from bot.web.door import OPEN, Id, Looking, faults
from bot.web.shown import shown
from bot.web.site import build_of, cell_of, run_of, site_of
from bot.web.visitors import viewer_of

router = APIRouter(responses=faults(401, 404, 422, 503))

_FRESH = {"Cache-Control": "no-cache"}
_DIGITS = 18

With = Annotated[
    str | None,
    Query(
        alias="with",
        pattern="^[0-9A-Za-z_-]{1,64}$",
        description="A run of the same repository; without it the suite's last pass on the default branch",
    ),
]


class FactAnswer(BaseModel):
    name: str
    before: str
    now: str
    differs: bool


class TurnedAnswer(BaseModel):
    name: str
    before: Outcome
    now: Outcome


class SlowerAnswer(BaseModel):
    """Seconds."""

    name: str
    before: float
    now: float


class PlaceAnswer(BaseModel):
    """The first lines that differ in more than numbers; none: that log has ended."""

    line: int
    before: str | None
    now: str | None


class TestsTurned(BaseModel):
    """Lists by name, a hundred of each at most; `counts` tells of all."""

    broken: list[str]
    fixed: list[str]
    others: list[TurnedAnswer]
    added: list[str]
    removed: list[str]
    counts: dict[str, int]


class ComparisonAnswer(BaseModel):
    now: RunAnswer
    before: RunAnswer | None
    """None: the suite has not passed on the default branch yet."""
    facts: list[FactAnswer]
    tests: TestsTurned | None
    """None: one of the two has no test results."""
    slower: list[SlowerAnswer]
    log: PlaceAnswer | None


@router.get("/runs/{id}/comparison", tags=["runs"], openapi_extra=OPEN)
def compare_run(
    request: Request,
    viewer: Looking,
    id: Id,  # noqa: A002, ARG001  # the document needs it
    other: With = None,
) -> ComparisonAnswer:
    """What differs from another run: tests that turned, tests that take longer, image and settings, the log."""
    site = site_of(request)
    found = contrasting.of_runs(site.reader, viewer, run_of(request), RunId(other) if other else None)
    return ComparisonAnswer(
        now=run_answer(site.app, found.now),
        before=run_answer(site.app, found.before) if found.before else None,
        facts=[FactAnswer(name=one.name, before=one.before, now=one.now, differs=one.differs) for one in found.facts],
        tests=_turned(found.tests),
        slower=[SlowerAnswer(name=one.name, before=one.before, now=one.now) for one in found.slower],
        log=PlaceAnswer(line=found.log.line, before=found.log.before, now=found.log.now) if found.log else None,
    )


def _turned(tests: Turned) -> TestsTurned | None:
    if tests.counts is None:
        return None
    return TestsTurned(
        broken=[one.name for one in tests.broken],
        fixed=list(tests.fixed),
        others=[TurnedAnswer(name=one.name, before=one.before, now=one.now) for one in tests.others],
        added=list(tests.added),
        removed=list(tests.removed),
        counts=dict(tests.counts),
    )


def page(request: Request) -> Response:
    """`with`: the number of a build that has the suite, too."""
    site, number, name = site_of(request), build_of(request), request.path_params["suite"]
    viewer = viewer_of(request)
    run = queries.suite(site.reader, viewer, number, name, cell_of(request)).run
    wanted, trouble = request.query_params.get("with", "").strip(), ""
    try:
        other = _in_build(request, run, wanted) if wanted else None
        found = contrasting.of_runs(site.reader, viewer, run.id, other)
    except Gone:
        if not wanted:
            raise
        trouble = f"Build {wanted[:_DIGITS]} has no run of {run.suite.key} that can be seen here."
        found = Contrast(now=queries.run(site.reader, viewer, run.id), before=None, branch="")
    html = shown(request, "compare.html", found=found, run=run, number=number, wanted=wanted, trouble=trouble)
    return HTMLResponse(html, headers=_FRESH)


def _in_build(request: Request, run: Run, text: str) -> RunId:
    """Raises: Gone."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Gone("there is no such build")
    runs = queries.build(site_of(request).reader, viewer_of(request), BuildId(int(text))).runs
    found = next((one.id for one in runs if one.suite.key == run.suite.key), None)
    if found is None:
        raise Gone("that build has no such suite")
    return found

"""Test results of a run, for programs and people."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.app import administering, histories, muting, queries
from bot.domain.errors import BadInput
from bot.domain.refs import ForgeName, Repository
from bot.domain.results import Case, Mute, Outcome, Results
from bot.ports.forge import Permission
from bot.web.door import OPEN, Id, Limit, Looking, faults
from bot.web.forms import read_form
from bot.web.shown import shown
from bot.web.site import build_of, cell_of, run_of, site_of
from bot.web.visitors import person_of_form, viewer_of

router = APIRouter(responses=faults(401, 404, 422, 503))

_LISTED: Final = 200
_FRESH: Final = {"Cache-Control": "no-cache"}

Only = Annotated[Outcome | None, Query(description="Only tests that ended so")]
Behind = Annotated[str, Query(max_length=1000, description="Only tests whose name comes later")]


class CaseAnswer(BaseModel):
    """One test. `flaky`: it failed and then passed."""

    name: str
    outcome: Outcome
    seconds: float | None
    message: str
    details: str
    file: str
    line: int


class CoverageAnswer(BaseModel):
    covered: int
    lines: int


class TestsAnswer(BaseModel):
    """A run's tests by name, and what all of them come to."""

    passed: int
    failed: int
    flaky: int
    skipped: int
    new: int
    """Failed, but not in what it was compared with."""
    known: int
    compared_with: str
    """A branch; empty: there was nothing to compare with."""
    faults: list[str]
    """What the promised reports lack."""
    coverage: CoverageAnswer | None
    tests: list[CaseAnswer]
    next: str | None
    """Ask with `after` = this for more."""


@router.get("/runs/{id}/tests", tags=["runs"], openapi_extra=OPEN)
def list_tests(
    request: Request,
    viewer: Looking,
    id: Id,  # noqa: A002, ARG001  # the document needs it
    limit: Limit = 100,
    outcome: Only = None,
    after: Behind = "",
) -> TestsAnswer:
    """What the run's reports tell, test by test."""
    view = queries.results(site_of(request).reader, viewer, run_of(request), limit, outcome=outcome, after=after)
    results = view.results or Results()
    return TestsAnswer(
        passed=results.passed,
        failed=results.failed,
        flaky=results.flaky,
        skipped=results.skipped,
        new=results.new,
        known=results.known,
        compared_with=results.base,
        faults=list(results.faults),
        coverage=CoverageAnswer(covered=results.coverage[0], lines=results.coverage[1]) if results.coverage else None,
        tests=[_answer(case) for case in view.cases],
        next=view.cases[-1].name if len(view.cases) == limit else None,
    )


def _answer(case: Case) -> CaseAnswer:
    return CaseAnswer(
        name=case.name,
        outcome=case.outcome,
        seconds=case.seconds,
        message=case.message,
        details=case.details,
        file=case.file,
        line=case.line,
    )


def page(request: Request) -> Response:
    """All tests of a run."""
    site, number, name = site_of(request), build_of(request), request.path_params["suite"]
    viewer = viewer_of(request)
    run = queries.suite(site.reader, viewer, number, name, cell_of(request)).run
    wanted = request.query_params.get("outcome", "")
    outcome = Outcome(wanted) if wanted in list(Outcome) else None
    after = request.query_params.get("after", "")[:1000]
    view = queries.results(site.reader, viewer, run.id, _LISTED, outcome=outcome, after=after)
    more = view.cases[-1].name if len(view.cases) == _LISTED else ""
    html = shown(request, "tests.html", view=view, number=number, outcome=outcome, outcomes=list(Outcome), more=more)
    return HTMLResponse(html, headers=_FRESH)


def flaky(request: Request) -> Response:
    """The repository's tests that nobody can rely on."""
    view = histories.flaky(site_of(request).reader, viewer_of(request), _where(request))
    return HTMLResponse(shown(request, "flaky.html", view=view), headers=_FRESH)


async def mute(request: Request) -> Response:
    """POST of a form with `key`, `button`, `suite` and `name`, perhaps `until` and `reason`; then the page again."""
    form = await read_form(request)
    repository = await run_in_threadpool(_mute, request, form)
    return RedirectResponse(f"{site_of(request).app.url}/repos/{repository.forge}/{repository.path}/-/flaky", 303)


def _mute(request: Request, form: dict[str, str]) -> Repository:
    viewer, app = person_of_form(request, form.get("key", "")), site_of(request).app
    repository = administering.act(app, viewer, *_where(request), Permission.WRITE)
    suite, name = form.get("suite", ""), form.get("name", "")
    if form.get("button") == "unmute":
        muting.unmute(app, repository, suite, name, viewer.actor)
        return repository
    try:
        until = date.fromisoformat(form.get("until", ""))
    except ValueError:
        raise BadInput("the last day is a date such as 2027-01-31") from None
    wanted = Mute(suite=suite, name=name, until=until, reason=form.get("reason", ""), actor=viewer.actor)
    muting.mute(app, repository, wanted)
    return repository


def test(request: Request) -> Response:
    """What one test came to, run by run."""
    suite, cell, name = (request.query_params.get(key, "") for key in ("suite", "cell", "name"))
    view = histories.of_test(site_of(request).reader, viewer_of(request), _where(request), suite, cell, name)
    return HTMLResponse(shown(request, "test.html", view=view), headers=_FRESH)


def _where(request: Request) -> tuple[ForgeName, str]:
    return ForgeName(request.path_params["forge"]), request.path_params["path"]

"""Buttons on a build's page: what the forge's own buttons do, pressed by who has signed in (BEHAVIOUR §1)."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.app import pressing, queries
from bot.app.access import Forbidden
from bot.domain.errors import BadInput, NotAllowed
from bot.domain.events import ActionAsked
from bot.domain.runs import BuildId
from bot.web.forms import read_form
from bot.web.site import build_of, site_of
from bot.web.visitors import person_of_form

_KNOWN: Final = frozenset({"rerun_failed", "rerun_all", "start", "cancel", "approve", "approve_pr", "bisect"})


async def press(request: Request) -> Response:
    """POST of a form with `key`, `button` and perhaps `run`; then the build's page again."""
    form = await read_form(request)
    number = build_of(request)
    await run_in_threadpool(_press, request, number, form)
    return RedirectResponse(f"{site_of(request).app.url}/b/{number}", 303)


def _press(request: Request, number: BuildId, form: dict[str, str]) -> None:
    viewer = person_of_form(request, form.get("key", ""))
    if form.get("button") not in _KNOWN:
        raise BadInput("no such button")
    site = site_of(request)
    view = queries.build(site.reader, viewer, number)
    if viewer.person is None or viewer.forge != view.repository.forge:
        raise Forbidden("sign in at the forge of the repository")
    event = ActionAsked(
        repository=view.repository,
        sha=view.build.sha,
        external_id=form.get("run") or f"build-{number}",
        identifier=form["button"],
        sender=viewer.person,
    )
    try:
        pressing.act(site.app, view.repository, event)
    except NotAllowed as error:
        raise Forbidden(str(error)) from error

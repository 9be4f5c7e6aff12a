"""Bringing a check to GitHub: made once, adopted when it may be there already, annotations never twice."""

from dataclasses import replace
from typing import Any

from bot.adapters.forge_github.checks import bodies
from bot.adapters.forge_github.session import Session
from bot.domain.checks import Check, CheckStatus
from bot.domain.errors import Ambiguous, ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.refs import Repository
from bot.foreign.fields import Fields, Incomplete
from bot.foreign.pacing import urgency

_MAX_PAGES = 10
_RUN = "/check-runs/{run}"


def publish(
    session: Session, app_id: str, repository: Repository, check: Check, ref: str | None, *, again: bool
) -> str:
    """As Forge.publish. An annotation that GitHub refuses takes the others with it, and never the conclusion."""
    try:
        return _publish(session, app_id, repository, check, ref, again=again)
    except (Gone, NotAllowed):
        raise
    except Refused:
        if not check.annotations:
            raise
        return _publish(session, app_id, repository, replace(check, annotations=()), ref, again=True)


def _publish(
    session: Session, app_id: str, repository: Repository, check: Check, ref: str | None, *, again: bool
) -> str:
    sent = 0
    if ref is None and again:
        ref, sent = _find(session, app_id, repository, check)
    elif ref is not None and check.annotations:
        sent = _sent(Fields(session.get(repository, _RUN, run=ref)))
    requests = bodies(check, create=ref is None, sent=sent)
    session.reserve(repository, len(requests), urgency(check, is_new=ref is None))
    if ref is None:
        ref = _id(session.write(repository, "POST", "/check-runs", requests.pop(0)))
        return _update_new(session, repository, ref, requests)
    return _update(session, repository, ref, requests)


def _update_new(session: Session, repository: Repository, ref: str, requests: list[dict[str, Any]]) -> str:
    try:
        return _update(session, repository, ref, requests)
    except ForgeUnavailable as error:
        raise Ambiguous(f"made, but not finished: {error}", retry_after=error.retry_after) from error


def _update(session: Session, repository: Repository, ref: str, requests: list[dict[str, Any]]) -> str:
    for body in requests:
        session.write(repository, "PATCH", _RUN, body, run=ref)
    return ref


def _find(session: Session, app_id: str, repository: Repository, check: Check) -> tuple[str | None, int]:
    """The newest of ours with that external id and the annotations it has; a completed one can't be opened again."""
    names = {"sha": check.sha, "check_name": check.name, "filter": "all"}
    if app_id.isdecimal():
        names["app_id"] = app_id
    found: dict[int, Fields] = {}
    template = "/commits/{sha}/check-runs{?check_name,filter,app_id,per_page,page}"
    try:
        for page in session.pages(repository, template, _MAX_PAGES, **names):
            runs = [run for run in Fields(page).each("check_runs") if _is_ours(run, app_id, check)]
            found |= {run.number("id"): run for run in runs}
    except Incomplete as error:
        raise ForgeUnavailable("a check run without an id") from error
    if not found:
        return None, 0
    newest = max(found)
    return str(newest), _sent(found[newest])


def _is_ours(run: Fields, app_id: str, check: Check) -> bool:
    app = str(run.inner("app").data.get("id")) if run.has("app") else app_id
    can_change = check.status is CheckStatus.COMPLETED or run.text("status", 20) != CheckStatus.COMPLETED
    return (
        run.text("external_id", 200) == check.external_id and can_change and (app == app_id or not app_id.isdecimal())
    )


def _sent(run: Fields) -> int:
    output = run.inner("output") if run.has("output") else Fields({})
    count = output.data.get("annotations_count")
    return count if isinstance(count, int) and count > 0 else 0


def _id(run: Any) -> str:
    try:
        return str(Fields(run).number("id"))
    except Incomplete as error:
        raise Ambiguous("a check run was made, but its number is not known") from error

"""A check as a commit status, where no App may make check runs (FORGES §1.5, BEHAVIOUR §3)."""

from typing import Any, Final

from bot.adapters.forge_github.checks import cut
from bot.adapters.forge_github.session import Session
from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.errors import Ambiguous
from bot.domain.refs import Repository
from bot.foreign.fields import Fields, Incomplete
from bot.foreign.pacing import urgency

MAX_DESCRIPTION: Final = 140
"""Characters."""
_APPROVAL: Final = "Not started: waits for approval, which a maintainer gives with /ok-to-test"
_STATES: Final = {
    Conclusion.SUCCESS: "success",
    Conclusion.NEUTRAL: "success",
    Conclusion.SKIPPED: "success",
    Conclusion.FAILURE: "failure",
    Conclusion.TIMED_OUT: "failure",
    Conclusion.CANCELLED: "error",
    Conclusion.ACTION_REQUIRED: "pending",
}

Body = dict[str, Any]


def publish(session: Session, repository: Repository, check: Check, *, again: bool) -> str:
    """As Forge.publish. Each status is a new one, and the newest of a context counts."""
    body = status_of(check)
    if again and (known := _shown(session, repository, check, body)):
        return known
    session.reserve(repository, 1, urgency(check, is_new=check.status is CheckStatus.QUEUED))
    made = session.write(repository, "POST", "/statuses/{sha}", body, sha=check.sha)
    try:
        return str(Fields(made).number("id"))
    except Incomplete as error:
        raise Ambiguous("a status was made, but its number is not known") from error


def status_of(check: Check) -> Body:
    waits = check.conclusion is Conclusion.ACTION_REQUIRED
    return {
        "state": _state(check),
        "target_url": check.details_url,
        "description": cut(_APPROVAL if waits else check.title or check.name, MAX_DESCRIPTION),
        "context": check.name,
    }


def _state(check: Check) -> str:
    if check.conclusion is None:
        return "pending"
    state = _STATES[check.conclusion]
    return "error" if state == "failure" and check.could_not_run else state


def _shown(session: Session, repository: Repository, check: Check, body: Body) -> str | None:
    """The number of the newest status of that context, if it says the same already; letter case doesn't count."""
    for page in session.pages(repository, "/commits/{sha}/statuses{?per_page,page}", 10, sha=check.sha):
        for one in Fields({"statuses": page}).each("statuses"):
            if one.text("context", 1000).casefold() == check.name.casefold():
                is_same = all(one.data.get(name) == body[name] for name in ("state", "target_url", "description"))
                return str(one.data.get("id")) if is_same else None
    return None

"""A check as a commit status of GitLab's: its state, and which moves the server takes (FORGES §3.3, BEHAVIOUR §3)."""

import re
from typing import Any, Final

from bot.domain.checks import Check, CheckStatus, Conclusion
from bot.domain.texts import cut

MAX_TEXT: Final = 255
"""Characters of description and address; more is refused."""
_ENDS: Final = {
    Conclusion.SUCCESS: "success",
    Conclusion.NEUTRAL: "success",
    Conclusion.FAILURE: "failed",
    Conclusion.TIMED_OUT: "failed",
    Conclusion.CANCELLED: "canceled",
    Conclusion.SKIPPED: "skipped",
    Conclusion.ACTION_REQUIRED: "pending",
}
_RANKS: Final = {"created": 0, "pending": 1, "running": 2}
_LAST: Final = 3
_REFUSAL: Final = re.compile(r"cannot transition status via :\w+ from :(\w+)", re.IGNORECASE)


def state_of(check: Check) -> str:
    """A check that waits for somebody has ended on GitHub; here it is pending."""
    if check.status is CheckStatus.COMPLETED and check.conclusion:
        return _ENDS[check.conclusion]
    return "running" if check.status is CheckStatus.IN_PROGRESS else "pending"


def is_news(state: str, shown: str) -> bool:
    """Does the server take it after `shown`: no state twice, none that lies behind, none after the last."""
    return _rank(state) > _rank(shown)


def refused_from(message: str) -> str:
    """The state that a status is in, when the server says that it can't go on from there; else empty."""
    match = _REFUSAL.search(message)
    return match[1].lower() if match else ""


def is_there_already(state: str, current: str) -> bool:
    """A refused move is as good as done if the status is in that state or beyond it (RELIABILITY F40)."""
    return state == current or _rank(state) < _rank(current)


def body_of(check: Check, state: str, ref: str, pipeline: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "state": state,
        "name": check.name,
        "ref": ref,
        "description": cut(check.title or check.name, MAX_TEXT),
        "target_url": check.details_url if len(check.details_url) <= MAX_TEXT else "",
        "coverage": check.coverage,
        "pipeline_id": pipeline,
    }
    return {key: value for key, value in body.items() if value not in ("", None)}


def shows(status: dict[str, Any], body: dict[str, Any]) -> bool:
    """Does the status look as it would after posting the body."""
    pairs = (("status", "state"), ("description", "description"), ("target_url", "target_url"))
    return all((status.get(theirs) or "") == body.get(ours, "") for theirs, ours in pairs)


def _rank(state: str) -> int:
    return _RANKS.get(state, _LAST)

"""A check as requests to GitHub's Checks API, within its limits (FORGES §1.4)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.domain.checks import Action, Annotation, Check, CheckStatus

MAX_TITLE: Final = 255
MAX_TEXT: Final = 65535
"""Bytes of UTF-8, each of summary and text."""
MAX_MESSAGE: Final = 64 * 1024 - 1
PER_REQUEST: Final = 50
MAX_ANNOTATIONS: Final = 500
"""Ten requests; the most severe ones are sent."""
MAX_ACTIONS: Final = 3
_SEVERITY: Final = {"failure": 0, "warning": 1, "notice": 2}
_ELLIPSIS: Final = "…"

Body = dict[str, Any]


def bodies(check: Check, *, create: bool, sent: int = 0) -> list[Body]:
    """What to send, in order: one body, or more when there are many annotations.

    The first is for a POST when `create`, all others are for PATCHes. GitHub appends the annotations of each request,
    and a completed check can't be relied on to take more; so the conclusion goes with the last ones. The first `sent`
    annotations are left out.
    """
    remaining = _annotations(check)[sent:]
    batches = [remaining[start : start + PER_REQUEST] for start in range(0, len(remaining), PER_REQUEST)] or [[]]
    requests = [_partial(check, batch) for batch in batches[:-1]] + [_whole(check, batches[-1])]
    if create:
        requests[0] = {**requests[0], "head_sha": check.sha}
    return requests


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis when something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS


def cut_bytes(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, cut between two characters."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - len(_ELLIPSIS.encode())].decode(errors="ignore") + _ELLIPSIS


def _whole(check: Check, annotations: list[Body]) -> Body:
    body: Body = {
        **_identity(check),
        "status": check.status.value,
        "started_at": _iso(check.started_at),
        "output": _output(check, annotations),
        "actions": [_action(one) for one in check.actions[:MAX_ACTIONS]],
    }
    if check.status is CheckStatus.COMPLETED and check.conclusion:
        body |= {"conclusion": check.conclusion.value, "completed_at": _iso(check.completed_at)}
    return {key: value for key, value in body.items() if value not in (None, [])}


def _partial(check: Check, annotations: list[Body]) -> Body:
    return {**_identity(check), "status": CheckStatus.IN_PROGRESS.value, "output": _output(check, annotations)}


def _identity(check: Check) -> Body:
    return {"name": check.name, "external_id": check.external_id, "details_url": check.details_url}


def _output(check: Check, annotations: list[Body]) -> Body:
    title = cut(check.title or check.name, MAX_TITLE)
    output: Body = {"title": title, "summary": cut_bytes(check.summary or title, MAX_TEXT)}
    if check.text:
        output["text"] = cut_bytes(check.text, MAX_TEXT)
    if annotations:
        output["annotations"] = annotations
    return output


def _annotations(check: Check) -> list[Body]:
    worst_first: Sequence[Annotation] = sorted(check.annotations, key=lambda one: _SEVERITY.get(one.level, 0))
    return [_annotation(one) for one in worst_first[:MAX_ANNOTATIONS]]


def _annotation(one: Annotation) -> Body:
    line = max(one.line, 1)
    end_line = max(one.end_line, line)
    body: Body = {
        "path": one.path,
        "start_line": line,
        "end_line": end_line,
        "annotation_level": one.level if one.level in _SEVERITY else "failure",
        "message": cut_bytes(one.message or one.title or "here", MAX_MESSAGE),
    }
    if one.details:
        body["raw_details"] = cut_bytes(one.details, MAX_MESSAGE)
    if one.title:
        body["title"] = cut(one.title, MAX_TITLE)
    if one.column > 0 and end_line == line:
        body |= {"start_column": one.column, "end_column": max(one.end_column, one.column)}
    return body


def _action(one: Action) -> Body:
    return {
        "label": cut(one.label, 20),
        "description": cut(one.description, 40),
        "identifier": one.identifier[:20],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None

"""Pages about more than one build, and badges."""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from bot.app import administering, overviews, queries
from bot.domain.refs import ForgeName
from bot.domain.runs import BuildId
from bot.domain.texts import plain
from bot.web.shown import shown
from bot.web.site import rendered, site_of
from bot.web.visitors import viewer_of

_FRESH: Final = {"Cache-Control": "no-cache"}
_BADGE: Final = {"Cache-Control": "max-age=60"}
_LISTED: Final = 30
_DIGITS: Final = 18
_LONGEST: Final = 250
_SAID: Final = {"passed": "passing", "none": "unknown"}
_COLOURS: Final = {"passing": "#116329", "unknown": "#59636e"}
_BAD: Final = "#a40e26"


def home(request: Request) -> Response:
    """What runs, the repositories, the newest builds."""
    before = _before(request)
    front = overviews.front(site_of(request).reader, viewer_of(request), _LISTED, before)
    older = front.builds[-1].build.id if len(front.builds) == _LISTED else None
    return HTMLResponse(shown(request, "home.html", front=front, older=older), headers=_FRESH)


def repository(request: Request) -> Response:
    branch = _branch(request)
    view = overviews.repository(
        site_of(request).reader, viewer_of(request), *_named(request), branch=branch, before=_before(request)
    )
    badge = f"{site_of(request).app.url}/b/{quote(view.repository.forge)}/{quote(view.repository.path)}.svg"
    reader, viewer = site_of(request).reader, viewer_of(request)
    administers = administering.is_shown(reader, viewer, view.repository)
    wants_file = not any(one.build.suite_file for one in view.builds) and (
        administers or queries.may_steer(reader, viewer, view.repository)
    )
    facts = {"view": view, "branch": branch, "badge": badge, "administers": administers, "wants_file": wants_file}
    html = shown(request, "repository.html", **facts)
    return HTMLResponse(html, headers=_FRESH)


def badge(request: Request) -> Response:
    """The last result of a branch, also while something newer runs (PRODUCT §2.12)."""
    message = _message(request)
    label = plain(request.query_params.get("label", "assay"))[:50]
    svg = rendered(
        site_of(request),
        "badge.svg",
        label=label,
        message=message,
        colour=_COLOURS.get(message, _BAD),
        left=_width(label),
        right=_width(message),
    )
    return Response(svg, media_type="image/svg+xml", headers=_BADGE)


def badge_facts(request: Request) -> Response:
    """The same for shields' endpoint badges."""
    message = _message(request)
    facts = {"schemaVersion": 1, "label": "assay", "message": message, "color": _COLOURS.get(message, _BAD)}
    return JSONResponse(facts, headers=_BADGE)


def _message(request: Request) -> str:
    trend = overviews.trend(site_of(request).reader, viewer_of(request), *_named(request), branch=_branch(request))
    return _SAID.get(trend.word, "failing")


def _named(request: Request) -> tuple[ForgeName, str]:
    found = request.path_params
    return ForgeName(found["forge"]), found["path"] if "path" in found else f"{found['owner']}/{found['name']}"


def _branch(request: Request) -> str | None:
    return request.query_params.get("branch", "")[:_LONGEST] or None


def _before(request: Request) -> BuildId | None:
    text = request.query_params.get("before", "")
    return BuildId(int(text)) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _width(text: str) -> int:
    """Pixels that a text of 11 px takes in the fonts that badges are drawn with, with a margin."""
    return 10 + round(sum(4 if one in "iljtf.,:;|! " else 9 if one in "mwMW" else 7 for one in text))

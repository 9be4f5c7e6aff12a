"""What other programs poll: Atom for readers of feeds, CCTray's XML for lights and tray icons (PRODUCT §2.12)."""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bot.app import access, overviews
from bot.app.overviews import Trend
from bot.app.queries import Viewer
from bot.domain.refs import ForgeName, Repository
from bot.web.site import rendered, site_of
from bot.web.visitors import viewer_of

_LONGEST: Final = 250
_SHORT: Final = {"Cache-Control": "private, max-age=60"}
_NO_XML: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Beside the controls, which pages show as words, what no XML may hold (XML 1.0 §2.2)."""
_LIGHTS: Final = {"passed": "Success", "failed": "Failure"}


def atom(request: Request) -> Response:
    """The builds that turned, of all branches or of `?branch=`."""
    site, branch = site_of(request), request.query_params.get("branch", "")[:_LONGEST]
    repository, turns = overviews.turns(site.reader, _viewer(request), *_named(request), branch or None)
    ended = [view.build.created_at for view in (one.view for one in turns)]
    xml = rendered(
        site,
        "feed.atom",
        repository=repository,
        turns=turns,
        branch=branch,
        updated=max(ended, default=datetime.fromtimestamp(0, UTC)),
    )
    return _xml(xml, "application/atom+xml")


def lights(request: Request) -> Response:
    """The default branch of every repository."""
    return _lights(request, overviews.trends(site_of(request).reader, _viewer(request)))


def light(request: Request) -> Response:
    """Of one repository, its default branch or `?branch=`."""
    site, branch = site_of(request), request.query_params.get("branch", "")[:_LONGEST]
    view = overviews.repository(site.reader, _viewer(request), *_named(request), branch=branch or None, limit=1)
    return _lights(request, [(view.repository, view.trend)])


def _lights(request: Request, found: Sequence[tuple[Repository, Trend]]) -> Response:
    told = [(one, trend, _LIGHTS.get(trend.word, "Unknown")) for one, trend in found]
    return _xml(rendered(site_of(request), "cctray.xml", lights=told), "application/xml")


def _xml(text: str, media_type: str) -> Response:
    return Response(_NO_XML.sub("\ufffd", text), media_type=media_type, headers=_SHORT)


def _viewer(request: Request) -> Viewer:
    """These programs know no other header than HTTP Basic's: a token may be its password.

    Raises: Unauthorized, for a token that is not valid.
    """
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    password = _password(text) if kind.lower() == "basic" else ""
    if not password.startswith("assay_"):
        return viewer_of(request)
    site = site_of(request)
    return access.viewer_of(site.app, site.reader, f"Bearer {password}")


def _password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _named(request: Request) -> tuple[ForgeName, str]:
    return ForgeName(request.path_params["forge"]), request.path_params["path"]

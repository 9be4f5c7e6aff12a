"""The pages: made on the server, complete without scripts (PRODUCT §2.9)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from bot.app import overviews, queries
from bot.app.context import App
from bot.app.queries import BuildView
from bot.app.suitefile import schema_text
from bot.domain.dialect import web_url
from bot.domain.errors import BotError
from bot.domain.refs import Repository
from bot.domain.runs import Run
from bot.domain.suite_check import SIGNS, time_hint, title
from bot.domain.tests_words import TEST_SIGNS, percent
from bot.domain.texts import between, duration, size
from bot.web.ansi import visible
from bot.web.logview import ShownLog
from bot.web.shown import NOBODY, frame_of, shown
from bot.web.site import build_of, cell_of, rendered, site_of
from bot.web.visitors import viewer_of

logger = structlog.get_logger()

_FOLDER: Final = Path(__file__).parent
_AUDITED: Final = 200
_BUFFERED: Final = 50
"""Pieces of a template that are sent together."""


def build(request: Request) -> Response:
    site = site_of(request)
    view = queries.build(site.reader, viewer_of(request), build_of(request))
    return _page(shown(request, "build.html", view=view))


def suite(request: Request) -> Response:
    """Sent piece by piece, because of the log."""
    site = site_of(request)
    number, name = build_of(request), request.path_params["suite"]
    viewer = viewer_of(request)
    view = queries.suite(site.reader, viewer, number, name, cell_of(request))
    others = queries.build(site.reader, viewer, number).runs
    logs = site.reader.logs
    log = ShownLog(partial(logs.read, view.run.id), logs.size(view.run.id), view.run.groups)
    stream = site.pages.get_template("suite.html").stream(
        app=site.app,
        **frame_of(request),
        view=view,
        number=number,
        others=others,
        log=log,
        parts=_safe_parts(log),
    )
    stream.enable_buffering(_BUFFERED)
    return StreamingResponse(stream, media_type="text/html", headers=_FRESH)


def _safe_parts(log: ShownLog) -> Iterator[object]:
    """Lines are escaped already. A log that can't be read on must not break the page off in its middle."""
    try:
        for part in log.parts():
            yield Markup(part) if isinstance(part, str) else part  # noqa: S704  # made by bot.web.ansi
    except BotError as error:
        logger.warning("page.log_unreadable", error=str(error))
        yield Markup('<span class="cut">The rest of the log can\'t be read now.</span>\n')


def raw_log(request: Request) -> Response:
    site = site_of(request)
    number, name = build_of(request), request.path_params["suite"]
    run = queries.suite(site.reader, viewer_of(request), number, name, cell_of(request)).run
    return RedirectResponse(f"{site.app.url}/runs/{run.id}/log", 302)


def audit(request: Request) -> Response:
    """Who approved, overrode, cancelled and re-ran what."""
    site = site_of(request)
    return _page(shown(request, "audit.html", entries=queries.audit(site.reader, viewer_of(request), _AUDITED)))


def schema(_: Request) -> Response:
    """What editors check suite files with."""
    return Response(schema_text(), media_type="application/schema+json", headers={"Cache-Control": "max-age=3600"})


def icon(request: Request) -> Response:
    """The tab shows the state by its sign."""
    word = request.path_params["word"]
    svg = rendered(site_of(request), "icon.svg", sign=SIGNS.get(word, "a"), word=word if word in SIGNS else "none")
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


_FORGES: Final = {"github": "GitHub", "gitlab": "GitLab"}
_FRESH: Final = {"Cache-Control": "no-cache"}


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, headers=_FRESH)


def page_of_error(request: Request, status: int, words: str, detail: str) -> Response:
    try:
        html = shown(request, "error.html", status=status, words=words, detail=detail)
    except BotError:
        # Also who has signed in can't be known now.
        html = rendered(site_of(request), "error.html", **NOBODY, status=status, words=words, detail=detail)
    return _page(html, status)


def environment(app: App) -> Environment:
    pages = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "commit_url": partial(_commit_url, app),
        "change_url": partial(_change_url, app),
        "inner_url": partial(_inner_url, app),
        "web_url": web_url,
        "duration": duration,
        "size": size,
        "first_line": _first_line,
        "spoken": lambda word: word.replace("_", " "),
        "took": _took,
        "lasted": _lasted,
        "page": _page_of,
        "time": _time,
        "utc": lambda seconds: datetime.fromtimestamp(seconds, UTC),
        "after": lambda moment, seconds: moment + timedelta(seconds=seconds),
        "segment": lambda text: quote(text, safe=""),
        "path": quote,
        "query": lambda text: quote(text, safe="/"),
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
        "cell": _cell,
        "ticked": _ticked,
    }
    pages.globals |= {
        "SIGNS": SIGNS,
        "TEST_SIGNS": TEST_SIGNS,
        "names": _FORGES,
        "time_hint": time_hint,
        "title": title,
        "between": between,
        "percent": percent,
    }
    return pages


def _ticked(text: str) -> Markup:
    """What stands between backticks is code."""
    parts = text.split("`")
    shown = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    ]
    return Markup("").join(shown)


def _cell(run: Run) -> str:
    """What tells a suite's cells apart in an address; nothing where there is but one."""
    return f"?run={run.id}" if run.suite.label else ""


def _first_line(command: str) -> str:
    first, _, more = command.strip().partition("\n")
    return f"{first} …" if more else first


def _took(run: Run) -> str:
    return duration(between(run.started_at, run.finished_at)) if run.started_at and run.finished_at else ""


def _lasted(view: BuildView) -> str:
    seconds = overviews.seconds_of(view)
    return "" if seconds is None else duration(seconds)


def _page_of(repository: Repository) -> str:
    return f"/repos/{quote(repository.forge)}/{quote(repository.path)}"


def _time(moment: datetime) -> Markup:
    shown = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        f"{shown:%Y-%m-%dT%H:%M:%SZ}", f"{shown:%Y-%m-%d %H:%M:%S} UTC"
    )


def _commit_url(app: App, repository: Repository, sha: str) -> str:
    return _inner_url(app, repository, f"commit/{sha}")


def _change_url(app: App, repository: Repository, number: int) -> str:
    return _inner_url(app, repository, f"{app.dialect_of(repository).change_page}/{number}")


def _inner_url(app: App, repository: Repository, page: str) -> str:
    return app.dialect_of(repository).page(repository, page)

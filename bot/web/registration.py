"""The page for operators of all repositories, and of those that are added."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.app import registering
from bot.app.queries import Viewer
from bot.domain.errors import BotError
from bot.web.operators import Form, form_of_admin, of_admin, private_page
from bot.web.repository_settings import settings_page
from bot.web.site import site_of

_REFUSED: Final = 409


def _list(request: Request) -> Response:
    return _list_page(request)


def _list_page(request: Request, *, trouble: str = "", status: int = 200) -> Response:
    app = site_of(request).reader
    found = registering.every(app)
    return private_page(request, "repositories.html", status, found=found, forges=sorted(app.forges), trouble=trouble)


def _add(request: Request, viewer: Viewer, form: Form) -> Response:
    app = site_of(request).app
    try:
        added = registering.add(app, form.get("name", "").strip(), actor=viewer.actor)
    except BotError as error:
        return _list_page(request, trouble=str(error), status=_REFUSED)
    return RedirectResponse(f"{app.url}{settings_page(added.repository)}", 303)


repositories = of_admin(_list)
add = form_of_admin(_add)

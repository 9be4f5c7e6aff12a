"""Pages for operators: repositories with their webhooks, and what is set for each of them."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.app import registering, ruling
from bot.app.context import App
from bot.app.queries import Viewer
from bot.app.registering import Registered
from bot.domain.errors import BadInput, BotError
from bot.domain.refs import RepositoryId
from bot.web.operators import Form, form_of_admin, of_admin, private_page
from bot.web.site import site_of

_REFUSED: Final = 409
_DIGITS: Final = 15


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
    return _back(app, added)


def _show(request: Request) -> Response:
    return _show_page(request, _named(request))


def _show_page(request: Request, found: Registered, *, trouble: str = "", status: int = 200) -> Response:
    app = site_of(request).reader
    return private_page(
        request,
        "repository_rules.html",
        status,
        found=found,
        hook_url=registering.hook_url(app, found),
        said=_said(app, found),
        names=ruling.NAMES,
        rules=ruling.written(ruling.of(app, found.repository)),
        trouble=trouble,
    )


def _said(app: App, found: Registered) -> str:
    """What the forge says is wrong with the webhook."""
    try:
        return registering.trouble(app, found)
    except BotError as error:
        return str(error)


def _set(request: Request, viewer: Viewer, form: Form) -> Response:
    app, found = site_of(request).app, _named(request)
    before = ruling.written(ruling.of(app, found.repository))
    given = {name: form[name].strip() for name in ruling.NAMES if name in form}
    changed = {name: text for name, text in given.items() if text != before.get(name, "")}
    try:
        if changed:
            ruling.change(app, found.repository, changed, actor=viewer.actor)
    except BadInput as error:
        return _show_page(request, found, trouble=str(error), status=400)
    return _back(app, found)


def _press(request: Request, viewer: Viewer, form: Form) -> Response:
    app, found = site_of(request).app, _named(request)
    if form.get("button") not in _BUTTONS:
        raise BadInput("no such button")
    try:
        _BUTTONS[form["button"]](app, found, viewer.actor)
    except BotError as error:
        return _show_page(request, found, trouble=str(error), status=_REFUSED)
    return _back(app, found)


_BUTTONS: Final[dict[str, Callable[[App, Registered, str], None]]] = {
    "test": lambda app, found, _: registering.test(app, found),
    "rotate": lambda app, found, actor: registering.rotate_secret(app, found, actor=actor),
    "remove": lambda app, found, actor: registering.remove(app, found, actor=actor),
}


def _named(request: Request) -> Registered:
    """Raises: Gone."""
    text = str(request.path_params["number"])
    is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return registering.get(site_of(request).app, RepositoryId(int(text) if is_number else 0))


def _back(app: App, found: Registered) -> Response:
    return RedirectResponse(f"{app.url}/admin/repositories/{found.repository.id}", 303)


repositories = of_admin(_list)
show = of_admin(_show)
add = form_of_admin(_add)
set_rules = form_of_admin(_set)
press = form_of_admin(_press)

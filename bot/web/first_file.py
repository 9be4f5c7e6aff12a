"""The page that proposes a first suite file."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from bot.app import administering, first_file
from bot.domain.errors import BotError
from bot.domain.refs import ForgeName
from bot.ports.forge import Permission
from bot.web.forms import read_form
from bot.web.operators import Form, private_page, to_sign_in
from bot.web.site import site_of
from bot.web.visitors import person_of_form, signed_in

_REFUSED = 409


def show(request: Request) -> Response:
    viewer = signed_in(request)
    if viewer is None:
        return to_sign_in(request)
    app = site_of(request).app
    repository = administering.look(app, viewer, *_named(request), Permission.WRITE)
    try:
        offer = first_file.offer(app, repository)
    except BotError as error:
        return private_page(
            request, "first_file.html", _REFUSED, repository=repository, offer=None, trouble=str(error)
        )
    return private_page(request, "first_file.html", repository=repository, offer=offer, trouble="")


async def propose(request: Request) -> Response:
    return await run_in_threadpool(_propose, request, await read_form(request))


def _propose(request: Request, form: Form) -> Response:
    """The change is linked, not gone to: forms of ours lead nowhere else (CSP form-action)."""
    viewer, app = person_of_form(request, form.get("key", "")), site_of(request).app
    repository = administering.act(app, viewer, *_named(request), Permission.WRITE)
    try:
        opened = first_file.open_change(app, repository, actor=viewer.actor)
    except BotError as error:
        return private_page(
            request, "first_file.html", _REFUSED, repository=repository, offer=None, trouble=str(error)
        )
    return private_page(request, "first_file_opened.html", repository=repository, opened=opened)


def _named(request: Request) -> tuple[ForgeName, str]:
    return ForgeName(request.path_params["forge"]), request.path_params["path"]

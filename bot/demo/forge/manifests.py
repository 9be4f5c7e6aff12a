"""Making an App from a manifest, and installing it: the forge's pages and the exchange of the code (FORGES §1.12)."""

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from bot.demo.forge.actions import Actions
from bot.demo.forge.app import new_app
from bot.demo.forge.calls import ApiError, Call
from bot.demo.forge.keys import new_key, pem_of
from bot.demo.forge.objects import app as app_facts
from bot.demo.forge.state import App, World

_NEW: Final = re.compile(r"(?:/organizations/([^/]+))?/settings/apps/new")
_CONFIRM: Final = "/settings/apps/confirm"
_CONVERSION: Final = re.compile(r"/api/v3/app-manifests/([^/]+)/conversions")
_INSTALL: Final = re.compile(r"/apps/([^/]+)/installations/new")
_CODE_LASTS: Final = 3600
_NEEDED: Final = ("url", "hook_attributes", "redirect_url", "default_permissions", "default_events")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What waits for somebody to confirm the App's name."""

    manifest: dict[str, Any]
    state: str


@dataclass(frozen=True, slots=True)
class _Made:
    app: App
    until: float


class Manifests:
    def __init__(self, world: World, actions: Actions) -> None:
        self._world, self._actions = world, actions
        self._asked: dict[str, _Asked] = {}
        self._codes: dict[str, _Made] = {}
        self._pages = Environment(loader=PackageLoader("bot.demo.forge"), autoescape=True, trim_blocks=True)

    def answers(self, path: str) -> bool:
        return path == _CONFIRM or any(form.fullmatch(path) for form in (_NEW, _CONVERSION, _INSTALL))

    def answer(self, call: Call) -> Response:
        with self._world.lock:
            if found := _CONVERSION.fullmatch(call.path):
                return self._convert(call, found[1])
            if _INSTALL.fullmatch(call.path):
                return self._install(call)
            if call.method != "POST":
                return PlainTextResponse("Method Not Allowed", 405)
            return self._confirm(call) if call.path == _CONFIRM else self._new(call)

    def _new(self, call: Call) -> Response:
        """The page on which a person confirms the name."""
        try:
            manifest = json.loads(_form(call).get("manifest", ""))
        except ValueError:
            manifest = None
        if not isinstance(manifest, dict) or (missing := [name for name in _NEEDED if name not in manifest]):
            what = "no manifest" if not isinstance(manifest, dict) else f"a manifest without {', '.join(missing)}"
            return PlainTextResponse(f"This is {what}.", 422)
        number = secrets.token_hex(8)
        self._asked[number] = _Asked(manifest, call.query.get("state", ""))
        page = self._pages.get_template("manifest.html")
        return _shown(page.render(number=number, name=str(manifest.get("name", "")), manifest=manifest))

    def _confirm(self, call: Call) -> Response:
        form = _form(call)
        asked = self._asked.pop(form.get("number", ""), None)
        if asked is None:
            return PlainTextResponse("There is nothing to confirm.", 404)
        hook = str(asked.manifest["hook_attributes"].get("url", ""))
        permissions = {str(name): str(level) for name, level in asked.manifest["default_permissions"].items()}
        app = new_app(self._world, hook, secrets.token_hex(20), permissions, new_key())
        app.slug = re.sub(r"[^a-z0-9]+", "-", (form.get("name") or "assay").lower()).strip("-") or "assay"
        app.events = [str(event) for event in asked.manifest["default_events"]]
        code = secrets.token_hex(20)
        self._codes[code] = _Made(app, self._world.now() + _CODE_LASTS)
        query = urlencode({"code": code, "state": asked.state})
        return RedirectResponse(f"{asked.manifest['redirect_url']}?{query}", 302)

    def _convert(self, call: Call, code: str) -> Response:
        """The App takes the place of the one that this forge knew; it is installed nowhere yet."""
        made = self._codes.pop(code, None)
        if call.method != "POST" or made is None or made.until < self._world.now():
            return ApiError(404, "Not Found").response()
        self._world.app = made.app
        self._world.installations.clear()
        facts: dict[str, Any] = {
            **app_facts(self._world),
            "client_secret": made.app.client_secret,
            "webhook_secret": made.app.webhook_secret,
            "pem": pem_of(made.app.key),
        }
        return JSONResponse(facts, 201)

    def _install(self, call: Call) -> Response:
        world = self._world
        owners = {repo.owner.login: repo.owner for repo in world.repos}
        if call.method != "POST":
            installed = {one.account.login for one in world.installations}
            page = self._pages.get_template("installation.html")
            return _shown(page.render(app=world.app, owners=sorted(owners), installed=installed))
        owner = owners.get(_form(call).get("owner", ""))
        if owner and not any(one.account is owner for one in world.installations):
            self._actions.install(owner, world.app.permissions, None)
        return RedirectResponse(quote(call.path), 303)


def _shown(html: str) -> Response:
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode(errors="replace")))

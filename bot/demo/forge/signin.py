"""Signing in with the pretend forge: a code for one use, PKCE, a token that says who somebody is."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from bot.demo.forge.calls import Call
from bot.demo.forge.objects import account
from bot.demo.forge.state import Account, World

ASK: Final = "/login/oauth/authorize"
TOKEN: Final = "/login/oauth/access_token"  # noqa: S105  # an address
USER: Final = "/api/v3/user"
_CODE_LASTS: Final = 600


@dataclass(frozen=True, slots=True)
class Code:
    person: Account
    redirect: str
    challenge: str
    until: float


class SignIn:
    def __init__(self, world: World) -> None:
        self._world = world
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, Account] = {}
        self._pages = Environment(loader=PackageLoader("bot.demo.forge"), autoescape=True, trim_blocks=True)

    def answers(self, path: str) -> bool:
        return path in (ASK, TOKEN, USER)

    def answer(self, call: Call) -> Response:
        known = {("GET", ASK): self._ask, ("POST", TOKEN): self._exchange, ("GET", USER): self._user}
        handler = known.get((call.method, call.path))
        if handler is None:
            return PlainTextResponse("Method Not Allowed", 405)
        with self._world.lock:
            return handler(call)

    def _ask(self, call: Call) -> Response:
        """A page that lists who one may be; `as` in the address is the answer."""
        asked = call.query
        redirect = asked.get("redirect_uri", "")
        if asked.get("client_id") != self._world.app.client_id or not self._may_go_to(redirect):
            return PlainTextResponse("The redirect_uri is not associated with this application.", 404)
        if (person := self._world.account(asked.get("as", ""))) is None:
            people = [one for one in self._world.accounts if one.kind == "User"]
            page = self._pages.get_template("signin.html").render(people=people, query=urlencode(asked))
            return HTMLResponse(page, headers={"Cache-Control": "no-store"})
        code = secrets.token_hex(10)
        ends = self._world.now() + _CODE_LASTS
        self._codes[code] = Code(person, redirect, asked.get("code_challenge", ""), ends)
        answer = urlencode({"code": code, "state": asked.get("state", "")})
        return RedirectResponse(f"{redirect}?{answer}", 302)

    def _may_go_to(self, redirect: str) -> bool:
        """On the host that the App's webhooks go to, as a callback address would have it."""
        return urlsplit(redirect)[:2] == urlsplit(self._world.app.webhook_url)[:2]

    def _exchange(self, call: Call) -> Response:
        form = dict(parse_qsl(call.body.decode(errors="replace")))
        app = self._world.app
        if (form.get("client_id"), form.get("client_secret")) != (app.client_id, app.client_secret):
            return JSONResponse({"error": "incorrect_client_credentials"})
        code = self._codes.pop(form.get("code", ""), None)
        if (
            code is None
            or code.until < self._world.now()
            or code.challenge != _challenge(form.get("code_verifier", ""))
        ):
            return JSONResponse({"error": "bad_verification_code"})
        if form.get("redirect_uri") != code.redirect:
            return JSONResponse({"error": "redirect_uri_mismatch"})
        token = f"ghu_{secrets.token_hex(18)}"
        self._tokens[token] = code.person
        return JSONResponse({"access_token": token, "token_type": "bearer", "scope": ""})

    def _user(self, call: Call) -> Response:
        text = call.headers.get("authorization", "").partition(" ")[2].strip()
        if (personal := self._world.personal_tokens.get(text)) is not None:
            scopes = ", ".join(sorted(personal.scopes))
            return JSONResponse(account(self._world, personal.account), headers={"X-OAuth-Scopes": scopes})
        person = self._tokens.get(text)
        if person is None:
            return JSONResponse({"message": "Requires authentication", "status": "401"}, 401)
        return JSONResponse(account(self._world, person))


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

"""POST /oauth/token: a program changes its token for one that lasts a quarter of an hour (RFC 6749 §4.4)."""

import binascii
from base64 import b64decode
from typing import Any, Final
from urllib.parse import unquote_plus

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from bot.app import access, granting
from bot.app.access import Access, Forbidden, Unauthorized
from bot.domain.errors import BadInput
from bot.domain.tokens import Scope
from bot.web.door import address_of, faults
from bot.web.forms import read_form
from bot.web.problems import problem
from bot.web.site import site_of

router = APIRouter(responses=faults(400, 401, 408, 413, 503), tags=["tokens"])

_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_FIELDS: Final = ("grant_type", "scope", "client_id", "client_secret")
_FORM: Final[dict[str, Any]] = {
    "security": [{}],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in _FIELDS},
                    "required": ["grant_type"],
                }
            }
        },
    },
}


class AccessAnswer(BaseModel):
    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    scope: str
    """Scopes, with blanks between."""


@router.post("/oauth/token", openapi_extra=_FORM, response_model=AccessAnswer)
async def give_access_token(request: Request) -> Response:
    """Client credentials: `client_id` and `client_secret` are the two parts of a token `assay_ID_SECRET`.

    They come as HTTP Basic or as fields of the form; `scope` may narrow what the token may do.
    """
    site_of(request).calls.admit(address_of(request))
    try:
        given = await run_in_threadpool(_grant, request, await read_form(request))
    except BadInput as error:
        return _refusal(400, str(error) if str(error) in _ERRORS else "invalid_request")
    except Forbidden:
        return _refusal(400, "invalid_scope")
    except Unauthorized:
        return _refusal(401, "invalid_client")
    answer = AccessAnswer(
        access_token=given.text,
        token_type="Bearer",  # noqa: S106  # its kind
        expires_in=round(granting.LASTS.total_seconds()),
        scope=" ".join(sorted(given.scopes)),
    )
    return JSONResponse(answer.model_dump(), headers=_NOT_KEPT)


_ERRORS: Final = frozenset({"unsupported_grant_type", "invalid_scope"})


def _grant(request: Request, form: dict[str, str]) -> Access:
    if "grant_type" not in form:
        raise BadInput("invalid_request")
    if form["grant_type"] != "client_credentials":
        raise BadInput("unsupported_grant_type")
    names = form.get("scope", "").split()
    if not set(names) <= set(Scope):
        raise BadInput("invalid_scope")
    client, secret = _client(request, form)
    return access.grant(site_of(request).app, client, secret, frozenset(map(Scope, names)))


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Raises: BadInput: both ways at once. Unauthorized."""
    header = request.headers.get("authorization")
    if header is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    if "client_secret" in form:
        raise BadInput("invalid_request")
    kind, _, text = header.partition(" ")
    try:
        client, _, secret = b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Unauthorized("not HTTP Basic") from error
    if kind.lower() != "basic":
        raise Unauthorized("not HTTP Basic")
    return unquote_plus(client), unquote_plus(secret)


def _refusal(status: int, error: str) -> Response:
    """With the word that OAuth's clients look for (RFC 6749 §5.2)."""
    headers = _NOT_KEPT | ({"WWW-Authenticate": 'Basic realm="assay"'} if status == 401 else {})  # noqa: PLR2004  # RFC 6749 §5.2
    return problem(status, error, "no access token is given", headers=headers, error=error)

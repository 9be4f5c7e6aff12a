"""The REST API, tokens: people's own and those of repositories; their texts are shown once."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from bot.app import own_tokens
from bot.app.requesting import NotPossible
from bot.domain.errors import BadInput
from bot.domain.tokens import Scope, Token
from bot.web.door import Looking, Number, faults
from bot.web.repositories import registered
from bot.web.site import site_of

router = APIRouter(responses=faults(400, 401, 403, 404, 408, 413, 422, 503), tags=["tokens"])

Key = Annotated[str, Path(pattern="^[0-9A-Za-z]{1,32}$", description="Its id, the part of its text after `assay_`")]


class TokenOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    days: int = Field(90, ge=1, le=own_tokens.LONGEST, description="It ends then")


class TokenAnswer(BaseModel):
    """All that is told of a token."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    """To the hour."""


class TokenList(BaseModel):
    tokens: list[TokenAnswer]


class MadeToken(BaseModel):
    token: str
    """It is kept nowhere and never shown again."""
    id: str


@router.get("/tokens")
def list_tokens(request: Request, viewer: Looking) -> TokenList:
    """The tokens of who asks, a person or their token."""
    return _listed(own_tokens.of_person(site_of(request).reader, viewer))


@router.post("/tokens", status_code=201)
def make_token(request: Request, viewer: Looking, wanted: TokenOrder, response: Response) -> MadeToken:
    """Make one for who asks, with no more than the token that asks has. It never may more than they at the forge."""
    app, secret = site_of(request).app, secrets.token_urlsafe(32)
    try:
        text = own_tokens.make(app, viewer, wanted.name, wanted.scopes, days=wanted.days, secret=secret)
    except BadInput as error:
        raise NotPossible(str(error)) from error
    return _made(text, response)


@router.delete("/tokens/{id}", status_code=204)
def revoke_token(request: Request, viewer: Looking, id: Key) -> Response:  # noqa: A002  # the document's word
    """End one of one's own, at once."""
    own_tokens.revoke(site_of(request).app, viewer, id)
    return Response(status_code=204)


@router.get("/repositories/{number}/tokens")
def list_tokens_of_repository(request: Request, viewer: Looking, number: Number) -> TokenList:
    """Those that are good in this repository alone. The scope repos:admin."""
    found = registered(request, viewer, number)
    return _listed(own_tokens.of_repository(site_of(request).reader, found.repository.id))


@router.post("/repositories/{number}/tokens", status_code=201)
def make_token_of_repository(
    request: Request, viewer: Looking, number: Number, wanted: TokenOrder, response: Response
) -> MadeToken:
    """Make one that is good in this repository alone, with no more than the token that asks has.

    The scope repos:admin.
    """
    repository, secret = registered(request, viewer, number).repository, secrets.token_urlsafe(32)
    app = site_of(request).app
    try:
        text = own_tokens.make_for(
            app, viewer, repository, wanted.name, wanted.scopes, days=wanted.days, secret=secret
        )
    except BadInput as error:
        raise NotPossible(str(error)) from error
    return _made(text, response)


@router.delete("/repositories/{number}/tokens/{id}", status_code=204)
def revoke_token_of_repository(request: Request, viewer: Looking, number: Number, id: Key) -> Response:  # noqa: A002  # as above
    """End one of the repository's, at once. The scope repos:admin."""
    own_tokens.revoke_for(site_of(request).app, viewer, registered(request, viewer, number).repository, id)
    return Response(status_code=204)


def _made(text: str, response: Response) -> MadeToken:
    response.headers["Cache-Control"] = "no-store"
    return MadeToken(token=text, id=text.split("_")[1])


def _listed(found: Iterable[Token]) -> TokenList:
    return TokenList(
        tokens=[
            TokenAnswer(
                id=one.id,
                name=one.name,
                scopes=list(one.scopes),
                created_at=one.created_at,
                expires_at=one.expires_at,
                revoked_at=one.revoked_at,
                used_at=one.used_at,
            )
            for one in found
        ]
    )

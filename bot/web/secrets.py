"""The REST API, secrets of a repository: written and forgotten, never shown; with the scope repos:admin."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from bot.app import secrets
from bot.app.requesting import NotPossible
from bot.app.secrets import LARGEST, Listed
from bot.domain.errors import BadInput
from bot.web.door import Looking, Number, faults
from bot.web.repositories import registered
from bot.web.site import site_of

router = APIRouter(responses=faults(401, 403, 404, 422, 503), tags=["resources"])

Name = Annotated[str, Path(pattern="^[A-Z][A-Z0-9_]{0,63}$", description="As the suite file names it")]


class SecretAnswer(BaseModel):
    """All that is told of a secret."""

    name: str
    created_at: datetime
    updated_at: datetime
    actor: str


class SecretList(BaseModel):
    secrets: list[SecretAnswer]


class SecretOrder(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    value: str = Field(max_length=LARGEST, repr=False)


@router.get("/repositories/{number}/secrets")
def list_secrets(request: Request, viewer: Looking, number: Number) -> SecretList:
    """Their names and times. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    found = secrets.list_secrets(site_of(request).reader, repository.id)
    return SecretList(secrets=[_answer(one) for one in found])


@router.put("/repositories/{number}/secrets/{name}", status_code=204, responses=faults(400, 408, 413))
def set_secret(request: Request, viewer: Looking, number: Number, name: Name, wanted: SecretOrder) -> Response:
    """Write it, in place of what was there. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    try:
        secrets.set_secret(site_of(request).app, repository, name, wanted.value, actor=viewer.actor)
    except BadInput as error:
        raise NotPossible(str(error)) from error
    return Response(status_code=204)


@router.delete("/repositories/{number}/secrets/{name}", status_code=204, responses=faults(400, 408, 413))
def remove_secret(request: Request, viewer: Looking, number: Number, name: Name) -> Response:
    """Forget it. The scope repos:admin."""
    repository = registered(request, viewer, number).repository
    secrets.remove_secret(site_of(request).app, repository, name, actor=viewer.actor)
    return Response(status_code=204)


def _answer(one: Listed) -> SecretAnswer:
    return SecretAnswer(
        name=one.name,
        created_at=datetime.fromtimestamp(one.created_at, UTC),
        updated_at=datetime.fromtimestamp(one.updated_at, UTC),
        actor=one.actor,
    )

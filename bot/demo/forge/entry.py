"""Who is calling and what they may do: headers, App tokens, installation tokens (FORGES §1.9, §1.11)."""

import base64
from typing import Any, Final

import jwt

from bot.demo.forge.calls import ApiError, Call
from bot.demo.forge.state import PersonalToken, Repo, Token, World

VERSIONS: Final = ("2022-11-28", "2026-03-10")
_MAX_LIFE: Final = 600
_WRITERS: Final = ("write", "maintain", "admin")
_NO_ACCESS: Final = "Resource not accessible by integration"


def check_headers(call: Call) -> None:
    """Raises: ApiError for headers that GitHub refuses, and for the missing API version that it would only assume."""
    if not call.headers.get("user-agent"):
        raise ApiError(403, "Request forbidden by administrative rules. Please make sure it has a User-Agent header")
    version = call.headers.get("x-github-api-version")
    if version is None:
        raise ApiError(400, "X-GitHub-Api-Version is missing; this forge wants every call to pin it")
    if version not in VERSIONS:
        raise ApiError(410, f"API version {version} is not supported")
    accept = call.headers.get("accept", "*/*")
    if not any(kind in accept for kind in ("*/*", "application/json", "application/vnd.github")):
        raise ApiError(415, "Unsupported 'Accept' header: 'Accept' must accept JSON")


def check_app(world: World, call: Call) -> None:
    """The caller is the App itself. Raises: ApiError 401."""
    claims = _claims(world, _bearer(call))
    now, issued, ends = world.now(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now:
        raise ApiError(401, "'Issued at' claim ('iat') must be an Integer representing the time that it was issued")
    if not isinstance(ends, int) or ends <= now:
        raise ApiError(401, "'Expiration time' claim ('exp') must be a numeric value in the future")
    if ends > now + _MAX_LIFE:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    if str(claims.get("iss")) not in (str(world.app.id), world.app.client_id):
        raise ApiError(401, "'Issuer' claim ('iss') must be the App's id or client id")


def _claims(world: World, token: str) -> dict[str, Any]:
    try:
        # The forge's own clock judges the times, so that a skewed one can be tried out.
        loose = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_iss": False}
        return jwt.decode(token, world.app.key.public_key(), algorithms=["RS256"], options=loose)  # type: ignore[arg-type]  # a TypedDict to mypy
    except jwt.InvalidTokenError as error:
        raise ApiError(401, "A JSON web token could not be decoded") from error


def check_installation(world: World, call: Call, need: str) -> None:
    """The caller holds an installation's token that allows `need`, as `checks:write`, on the call's repository.

    Raises:
        ApiError: 401 no or dead token; 404 a repository beyond it; 403 a missing permission.
    """
    value = _bearer(call)
    if value in world.personal_tokens:
        _check_person(call, world.personal_tokens[value], need)
        return
    call.token = token = live_token(world, value)
    if call.found_repo and not token.covers(call.found_repo):
        raise ApiError(
            404 if call.found_repo.private else 403, "Not Found" if call.found_repo.private else _NO_ACCESS
        )
    permission, level = need.split(":")
    if permission != "metadata" and not token.allows(permission, level):
        raise ApiError(403, _NO_ACCESS, headers={"X-Accepted-GitHub-Permissions": f"{permission}={level}"})


def _check_person(call: Call, token: PersonalToken, need: str) -> None:
    """What may not be done is often as if it were not there. Raises: ApiError."""
    call.account = token.account
    role = call.repo.role(token.account)
    permission, level = need.split(":")
    if role == "none" or (call.repo.private and "repo" not in token.scopes):
        raise ApiError(404, "Not Found")
    if permission == "checks" and level == "write":
        raise ApiError(403, "You must authenticate via a GitHub App.")
    if permission == "repository_hooks" and (role != "admin" or "admin:repo_hook" not in token.scopes):
        raise ApiError(404, "Not Found")
    if level == "write" and (role not in _WRITERS or "repo" not in token.scopes):
        raise ApiError(403, "Resource not accessible by personal access token")


def live_token(world: World, value: str) -> Token:
    token = world.tokens.get(value)
    if token is None or token.expires_at <= world.now():
        raise ApiError(401, "Bad credentials")
    if token.installation.suspended or token.installation not in world.installations:
        raise ApiError(403, "This installation has been suspended")
    return token


def _bearer(call: Call) -> str:
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if not value:
        raise ApiError(401, "Requires authentication")
    if scheme.lower() not in ("bearer", "token"):
        raise ApiError(401, "Bad credentials")
    return value.strip()


def may_clone(world: World, repo: Repo, authorization: str) -> bool:
    """Public repositories need no credential; one that is given must be alive and allow `contents:read` here."""
    if not authorization:
        return not repo.private
    scheme, _, value = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        if person := world.personal_tokens.get(password):
            return repo.role(person.account) != "none" and (not repo.private or "repo" in person.scopes)
        token = live_token(world, password)
    except (ValueError, ApiError):
        return False
    return (
        scheme.lower() == "basic"
        and user == "x-access-token"
        and token.covers(repo)
        and token.allows("contents", "read")
    )

"""Endpoints of the App itself, called with its own token: installations, tokens, deliveries (FORGES §1.1, §1.9)."""

from starlette.responses import JSONResponse, Response

from bot.demo.forge import objects
from bot.demo.forge.bodies import TokenCreate, read
from bot.demo.forge.calls import ApiError, Call, paged
from bot.demo.forge.deliveries import details, listed, sent_at
from bot.demo.forge.hooks import Delivery, Hooks
from bot.demo.forge.state import Installation, World

_LEVELS = {"read": 1, "write": 2, "admin": 3}


class AppApi:
    def __init__(self, world: World, hooks: Hooks) -> None:
        self._world = world
        self._hooks = hooks

    def app(self, _: Call) -> Response:
        return JSONResponse(objects.app(self._world))

    def installation(self, call: Call) -> Response:
        return JSONResponse(objects.installation(self._world, self._installation(call)))

    def installations(self, call: Call) -> Response:
        return paged(call, [objects.installation(self._world, one) for one in self._world.installations])

    def of_repository(self, call: Call) -> Response:
        found = self._world.installation(call.repo)
        if found is None:
            raise ApiError(404, "Not Found")
        return JSONResponse(objects.installation(self._world, found))

    def new_token(self, call: Call) -> Response:
        one = self._installation(call)
        if one.suspended:
            raise ApiError(403, "This installation has been suspended")
        wanted = read(TokenCreate, call)
        repositories = self._narrowed(one, wanted)
        permissions = _granted(one, dict(wanted.permissions or {}))
        token = self._world.new_token(one, repositories, permissions)
        shown: dict[str, object] = {
            "token": token.value,
            "expires_at": self._world.iso(token.expires_at),
            "permissions": permissions,
            "repository_selection": "selected" if token.repositories is not None else "all",
        }
        if token.repositories is not None:
            covered = [repo for repo in self._world.repos if repo.id in token.repositories]
            shown["repositories"] = [objects.repository(self._world, repo) for repo in covered]
        return JSONResponse(shown, 201)

    def deliveries(self, call: Call) -> Response:
        return listed(self._world, call, sent_at(self._hooks, None))

    def delivery(self, call: Call) -> Response:
        return details(self._world, call, sent_at(self._hooks, None))

    def redeliver(self, call: Call) -> Response:
        found = self._sent(call)
        self._hooks.send_again(found)
        return JSONResponse({}, 202)

    def _installation(self, call: Call) -> Installation:
        for one in self._world.installations:
            if one.id == call.params["id"]:
                return one
        raise ApiError(404, "Not Found")

    def _narrowed(self, one: Installation, wanted: TokenCreate) -> set[int] | None:
        if wanted.repositories is None and wanted.repository_ids is None:
            return one.repositories
        covered = {repo.id: repo.name for repo in self._world.repos if one.covers(repo)}
        named = {number for number, name in covered.items() if name in (wanted.repositories or ())}
        numbered = set(wanted.repository_ids or ())
        if numbered - set(covered) or len(named) != len(set(wanted.repositories or ())):
            raise ApiError(
                422,
                "At least one repository does not exist or is not accessible to the parent installation.",
            )
        return named | numbered

    def _sent(self, call: Call) -> Delivery:
        for one in self._hooks.sent:
            if one.id == call.params["id"]:
                return one
        raise ApiError(404, "Not Found")


def _granted(one: Installation, wanted: dict[str, str]) -> dict[str, str]:
    """All of the installation's permissions, or the wanted ones if they are no more than it has."""
    if not wanted:
        return dict(one.permissions)
    for name, level in wanted.items():
        if _LEVELS[level] > _LEVELS.get(one.permissions.get(name, ""), 0):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    return {"metadata": "read", **wanted}

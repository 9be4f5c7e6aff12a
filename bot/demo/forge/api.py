"""The REST API under `/api/v3`: which address is whose, and what a caller must hold to be let in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.convertors import Convertor
from starlette.responses import Response
from starlette.routing import compile_path

from bot.demo.forge.actions import Actions
from bot.demo.forge.api_app import AppApi
from bot.demo.forge.api_checks import ChecksApi
from bot.demo.forge.api_comments import CommentsApi
from bot.demo.forge.api_files import FilesApi
from bot.demo.forge.api_hooks import HooksApi
from bot.demo.forge.api_repository import RepositoryApi
from bot.demo.forge.calls import ApiError, Call
from bot.demo.forge.entry import check_app, check_headers, check_installation
from bot.demo.forge.hooks import Hooks
from bot.demo.forge.pressing import Pressing
from bot.demo.forge.state import World
from bot.demo.forge.talk import Talk
from bot.demo.forge.telling import Telling

PREFIX: Final = "/api/v3"
Handler = Callable[[Call], Response]
_BY_NUMBER: Final = re.compile(r"^/repositories/(\d+)(/.*)?$")
_BY_PATH: Final = re.compile(r"^/repos/([^/]+/[^/]+)(/.*)?$")
_APP: Final = ""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    convertors: dict[str, Convertor[Any]]
    handler: Handler
    need: str
    """A permission as `checks:write`; empty: the App's own token."""


class Api:
    def __init__(
        self, world: World, hooks: Hooks, pressing: Pressing, talk: Talk, telling: Telling, actions: Actions
    ) -> None:
        self._world = world
        self._routes = [
            *_app_routes(AppApi(world, hooks)),
            *_checks_routes(ChecksApi(world, pressing)),
            *_comments_routes(CommentsApi(world, talk)),
            *_repository_routes(RepositoryApi(world)),
            *_files_routes(FilesApi(world, actions)),
            *_hooks_routes(HooksApi(world, hooks, telling)),
        ]

    def answer(self, call: Call) -> Response:
        try:
            check_headers(call)
            with self._world.lock:
                return self._answer(call)
        except ApiError as error:
            return error.response()

    def _answer(self, call: Call) -> Response:
        path = self._find_repository(call, call.path.removeprefix(PREFIX))
        matching = [(route, found) for route in self._routes if (found := route.pattern.match(path))]
        for route, found in matching:
            if route.method == call.method:
                call.params = {name: route.convertors[name].convert(text) for name, text in found.groupdict().items()}
                self._let_in(route, call)
                return route.handler(call)
        raise ApiError(405 if matching else 404, "Method Not Allowed" if matching else "Not Found")

    def _let_in(self, route: Route, call: Call) -> None:
        if route.need == _APP:
            check_app(self._world, call)
        else:
            check_installation(self._world, call, route.need)

    def _find_repository(self, call: Call, path: str) -> str:
        """Note the repository that the path names, and give the path that the routes know.

        Raises:
            ApiError: 404; 301 or 307 to the address by number for a repository that was renamed.
        """
        if found := _BY_NUMBER.match(path):
            call.found_repo = self._world.repo_numbered(int(found[1]))
        elif found := _BY_PATH.match(path):
            call.found_repo = self._world.repo(found[1])
            if call.found_repo is None and (moved := self._world.repo_once_at(found[1])):
                target = f"{self._world.url}{PREFIX}/repositories/{moved.id}{found[2] or ''}"
                status, words = (301, "Moved Permanently") if call.method == "GET" else (307, "Temporary Redirect")
                raise ApiError(status, words, headers={"Location": target})
        else:
            return path
        if call.found_repo is None:
            raise ApiError(404, "Not Found")
        return f"/repo{found[2] or ''}"


def _route(method: str, path: str, handler: Handler, need: str) -> Route:
    pattern, _, convertors = compile_path(path)
    return Route(method, pattern, convertors, handler, need)


def _app_routes(api: AppApi) -> list[Route]:
    return [
        _route("GET", "/app", api.app, _APP),
        _route("GET", "/app/installations", api.installations, _APP),
        _route("GET", "/app/installations/{id:int}", api.installation, _APP),
        _route("POST", "/app/installations/{id:int}/access_tokens", api.new_token, _APP),
        _route("GET", "/app/hook/deliveries", api.deliveries, _APP),
        _route("GET", "/app/hook/deliveries/{id:int}", api.delivery, _APP),
        _route("POST", "/app/hook/deliveries/{id:int}/attempts", api.redeliver, _APP),
        _route("GET", "/repo/installation", api.of_repository, _APP),
    ]


def _checks_routes(api: ChecksApi) -> list[Route]:
    return [
        _route("POST", "/repo/check-runs", api.create, "checks:write"),
        _route("PATCH", "/repo/check-runs/{id:int}", api.update, "checks:write"),
        _route("GET", "/repo/check-runs/{id:int}", api.show, "checks:read"),
        _route("GET", "/repo/check-runs/{id:int}/annotations", api.annotations, "checks:read"),
        _route("GET", "/repo/commits/{ref:path}/check-runs", api.of_commit, "checks:read"),
        _route("POST", "/repo/check-suites", api.create_suite, "checks:write"),
        _route("POST", "/repo/statuses/{sha}", api.create_status, "statuses:write"),
        _route("GET", "/repo/commits/{ref:path}/statuses", api.statuses_of, "statuses:read"),
    ]


def _hooks_routes(api: HooksApi) -> list[Route]:
    read, write = "repository_hooks:read", "repository_hooks:write"
    return [
        _route("GET", "/repo/hooks", api.all, read),
        _route("POST", "/repo/hooks", api.create, write),
        _route("GET", "/repo/hooks/{hook:int}", api.show, read),
        _route("PATCH", "/repo/hooks/{hook:int}", api.update, write),
        _route("DELETE", "/repo/hooks/{hook:int}", api.delete, write),
        _route("POST", "/repo/hooks/{hook:int}/pings", api.ping, write),
        _route("GET", "/repo/hooks/{hook:int}/deliveries", api.deliveries, read),
        _route("GET", "/repo/hooks/{hook:int}/deliveries/{id:int}", api.delivery, read),
        _route("POST", "/repo/hooks/{hook:int}/deliveries/{id:int}/attempts", api.redeliver, write),
    ]


def _comments_routes(api: CommentsApi) -> list[Route]:
    return [
        _route("GET", "/repo/issues/{number:int}/comments", api.of_issue, "issues:read"),
        _route("POST", "/repo/issues/{number:int}/comments", api.create, "issues:write"),
        _route("GET", "/repo/issues/comments/{id:int}", api.show, "issues:read"),
        _route("PATCH", "/repo/issues/comments/{id:int}", api.update, "issues:write"),
        _route("GET", "/repo/issues/comments/{id:int}/reactions", api.reactions, "issues:read"),
        _route("POST", "/repo/issues/comments/{id:int}/reactions", api.react, "issues:write"),
        _route("DELETE", "/repo/issues/comments/{id:int}/reactions/{reaction:int}", api.unreact, "issues:write"),
        _route("POST", "/repo/pulls/comments/{id:int}/reactions", api.react_to_review, "pull_requests:write"),
    ]


def _files_routes(api: FilesApi) -> list[Route]:
    return [
        _route("POST", "/repo/git/refs", api.create_ref, "contents:write"),
        _route("PUT", "/repo/contents/{path:path}", api.write, "contents:write"),
        _route("POST", "/repo/pulls", api.open, "pull_requests:write"),
    ]


def _repository_routes(api: RepositoryApi) -> list[Route]:
    return [
        _route("GET", "/repo", api.repository, "metadata:read"),
        _route("GET", "/repo/collaborators/{login}/permission", api.permission, "metadata:read"),
        _route("GET", "/repo/pulls", api.pulls, "pull_requests:read"),
        _route("GET", "/repo/pulls/{number:int}", api.pull, "pull_requests:read"),
        _route("GET", "/repo/pulls/{number:int}/files", api.pull_files, "pull_requests:read"),
        _route("GET", "/repo/compare/{basehead:path}", api.compare, "contents:read"),
        _route("GET", "/repo/git/commits/{sha}", api.git_commit, "contents:read"),
        _route("GET", "/repo/commits/{ref:path}", api.commit, "contents:read"),
        _route("GET", "/repo/contents/{path:path}", api.contents, "contents:read"),
    ]

"""Calls in the name of an installation or a person: token, pauses that GitHub asks for, one write after the other."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.adapters.forge_github.answers import UNAUTHORIZED, json_of
from bot.adapters.forge_github.auth import Credentials, Scope
from bot.adapters.forge_github.client import Answer, Client, Request
from bot.domain.errors import Gone, RateLimited
from bot.domain.refs import Repository
from bot.foreign.pacing import Lane, Lanes, Urgency

PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Session:
    """Every method raises what `answers.json_of` does."""

    client: Client
    tokens: Credentials
    lanes: Lanes
    writes_files: bool = False
    """With tokens that may do that in the repository, and little else."""

    def get(self, repository: Repository, path: str, /, **names: Any) -> Any:
        """`path` is a URI template below the repository, filled from `names`."""
        data, _ = self._ask(repository, _below(repository, "GET", path, names))
        return data

    def pages(self, repository: Repository, path: str, most: int, /, **names: Any) -> Iterator[Any]:
        """Page by page; links to the next one are not followed, for they could lead anywhere."""
        for page in range(1, most + 1):
            request = _below(repository, "GET", path, {**names, "per_page": PER_PAGE, "page": page})
            data, more = self._ask(repository, request)
            yield data
            if not more:
                return

    def fetch(self, repository: Repository, path: str, accept: str, limit: int, /, **names: Any) -> Answer:
        """A body that isn't JSON, at most its first `limit` bytes; only of a 200."""
        request = replace(_below(repository, "GET", path, names), accept=accept, limit=limit)
        answer = self._paced(repository, lambda token: self.client.send(request, token))
        if answer.status != 200:  # noqa: PLR2004  # OK
            self._decode(repository, answer, once=False)
        return answer

    def answer(self, repository: Repository, path: str, /, **names: Any) -> Answer:
        """With its headers; whatever its status is."""
        request = _below(repository, "GET", path, names)
        return self._paced(repository, lambda token: self.client.send(request, token))

    def by_number(self, repository: Repository) -> Any:
        request = Request(method="GET", path="/repositories/{id}", names={"id": str(repository.forge_id)})
        data, _ = self._ask(repository, request)
        return data

    def account(self, repository: Repository) -> Any:
        """Whose token it is."""
        answer = self._paced(
            repository, lambda token: self.client.send(Request(method="GET", path="/user", names={}), token)
        )
        data, _ = self._decode(repository, answer, once=False)
        return data

    def reserve(self, repository: Repository, writes: int, urgency: Urgency = Urgency.USUAL) -> None:
        """Take the right to that many writes at once. Raises: RateLimited."""
        self._lane(repository).reserve(writes, urgency)

    def write(self, repository: Repository, method: str, path: str, body: Mapping[str, Any], /, **names: Any) -> Any:
        """Something that must not happen twice. It must have been reserved."""
        request = replace(_below(repository, method, path, names), body=body, once=True)
        data, _ = self._ask(repository, request)
        return data

    def overwrite(
        self, repository: Repository, method: str, path: str, body: Mapping[str, Any] | None, /, **names: Any
    ) -> Any:
        """Something that may happen twice without harm. It must have been reserved."""
        data, _ = self._ask(repository, replace(_below(repository, method, path, names), body=body))
        return data

    def _ask(self, repository: Repository, request: Request) -> tuple[Any, bool]:
        alone = request.method != "GET"
        answer = self._paced(repository, lambda token: self.client.send(request, token), alone=alone)
        return self._decode(repository, answer, once=request.once)

    def _paced(self, repository: Repository, send: Callable[[str], Answer], *, alone: bool = False) -> Answer:
        lane = self._lane(repository)
        lane.check()
        turn: AbstractContextManager[None] = lane.writing() if alone else nullcontext()
        with turn:
            scope = self._scope(repository)
            token = self._token(repository, lane, scope)
            answer = send(f"Bearer {token}")
            if answer.status == UNAUTHORIZED:
                self.tokens.drop(scope, token)
                answer = send(f"Bearer {self._token(repository, lane, scope)}")
        return answer

    def _scope(self, repository: Repository) -> Scope:
        installation = self.tokens.installation(repository)
        return Scope(installation, repository.forge_id, writes=True) if self.writes_files else Scope(installation)

    def _token(self, repository: Repository, lane: Lane, scope: Scope) -> str:
        try:
            return self.tokens.token(scope)
        except RateLimited as error:
            self._pause(lane, error)
            raise
        except Gone:
            self.tokens.forget_installation(repository)
            raise

    def _decode(self, repository: Repository, answer: Answer, *, once: bool) -> tuple[Any, bool]:
        try:
            return json_of(answer, self.client.clock.now(), once=once)
        except RateLimited as error:
            self._pause(self._lane(repository), error)
            raise

    def _pause(self, lane: Lane, error: RateLimited) -> None:
        lane.pause(error.retry_after or 0)
        self.client.watch.pause(self.client.clock.now().timestamp() + (error.retry_after or 0))

    def _lane(self, repository: Repository) -> Lane:
        return self.lanes.of(self.tokens.installation(repository))


def _below(repository: Repository, method: str, path: str, names: Mapping[str, Any]) -> Request:
    return Request(
        method=method, path=f"/repos{{/repository*}}{path}", names={**names, "repository": repository.path.split("/")}
    )

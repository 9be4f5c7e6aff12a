"""Endpoints by which a branch, a file on it and a pull request are made (GitHub REST: git refs, contents, pulls)."""

import base64

from starlette.responses import JSONResponse, Response

from bot.demo.forge import objects
from bot.demo.forge.actions import Actions
from bot.demo.forge.bodies import FileWrite, PullCreate, RefCreate, read
from bot.demo.forge.calls import ApiError, Call
from bot.demo.forge.state import Account, World


class FilesApi:
    def __init__(self, world: World, actions: Actions) -> None:
        self._world, self._actions = world, actions

    def create_ref(self, call: Call) -> Response:
        wanted, git = read(RefCreate, call), call.repo.git
        if git.resolve(wanted.ref):
            raise ApiError(422, "Reference already exists")
        if not git.resolve(wanted.sha):
            raise ApiError(422, "Object does not exist")
        self._actions.point(call.repo, wanted.ref.removeprefix("refs/heads/"), wanted.sha, self._caller(call))
        return JSONResponse({"ref": wanted.ref, "object": {"type": "commit", "sha": wanted.sha}}, 201)

    def write(self, call: Call) -> Response:
        """A new file; one that is there needs its blob's id, which callers here never have."""
        wanted, repo, path = read(FileWrite, call), call.repo, call.params["path"]
        tip = repo.git.resolve(f"refs/heads/{wanted.branch}")
        if tip is None:
            raise ApiError(404, f"Branch {wanted.branch} not found")
        if any(one.path == path for one in repo.git.tree(tip, path)):
            raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        try:
            content = base64.b64decode(wanted.content, validate=True)
        except ValueError as error:
            raise ApiError(422, "content is not valid Base64") from error
        sha = self._actions.commit(repo, wanted.branch, {path: content}, wanted.message, self._caller(call), None)
        return JSONResponse({"content": {"path": path}, "commit": {"sha": sha}}, 201)

    def open(self, call: Call) -> Response:
        wanted, repo = read(PullCreate, call), call.repo
        head, base = (repo.git.resolve(f"refs/heads/{name}") for name in (wanted.head, wanted.base))
        if head is None or base is None:
            raise ApiError(422, "Validation Failed", {"field": "base" if head else "head", "code": "invalid"})
        if any(one.is_open and (one.head_repo, one.head_ref) == (repo, wanted.head) for one in self._world.pulls):
            raise _no_pull(f"A pull request already exists for {repo.owner.login}:{wanted.head}.")
        if not repo.git.ahead_behind(base, head)[0]:
            raise _no_pull(f"No commits between {wanted.base} and {wanted.head}")
        texts = {"title": wanted.title, "body": wanted.body}
        pull = self._actions.open(
            repo, repo, wanted.head, wanted.base, **texts, author=self._caller(call), draft=False
        )
        return JSONResponse(objects.pull(self._world, pull), 201)

    def _caller(self, call: Call) -> Account:
        return call.account or self._world.app.bot


def _no_pull(why: str) -> ApiError:
    return ApiError(422, "Validation Failed", {"resource": "PullRequest", "code": "custom", "message": why})

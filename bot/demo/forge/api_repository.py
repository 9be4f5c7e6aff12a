"""Endpoints that read repositories, commits, pull requests and people's rights (FORGES §1.6, §1.8)."""

import base64
from typing import Final

from starlette.responses import JSONResponse, Response

from bot.demo.forge import objects
from bot.demo.forge.calls import ApiError, Call, paged
from bot.demo.forge.gitdir import Entry
from bot.demo.forge.state import Pull, Repo, World

COMPARE_FILES: Final = 300
PULL_FILES: Final = 3000
_INLINE: Final = 1 << 20
_LINK: Final = "120000"


class RepositoryApi:
    def __init__(self, world: World) -> None:
        self._world = world

    def repository(self, call: Call) -> Response:
        return JSONResponse(objects.repository(self._world, call.repo))

    def permission(self, call: Call) -> Response:
        person = self._world.account(call.params["login"])
        if person is None:
            raise ApiError(404, f"{call.params['login']} is not a user")
        return JSONResponse(objects.permission(self._world, call.repo, person))

    def pull(self, call: Call) -> Response:
        one = self._pull(call)
        stats = {"commits": 1, "changed_files": len(self._pull_diff(one)), "comments": 0}
        return JSONResponse({**objects.pull(self._world, one), **stats})

    def pulls(self, call: Call) -> Response:
        state, query = call.query.get("state", "open"), call.query
        found = [
            objects.pull(self._world, one)
            for one in self._world.pulls
            if one.repo is call.repo
            and state in ("all", "open" if one.is_open else "closed")
            and query.get("base") in (None, one.base_ref)
            and query.get("head") in (None, _head_of(one))
        ]
        return paged(call, found[::-1])

    def pull_files(self, call: Call) -> Response:
        return paged(call, self._pull_diff(self._pull(call))[:PULL_FILES])

    def commit(self, call: Call) -> Response:
        sha = self._world.commit_of(call.repo, call.params["ref"])
        if sha is None:
            raise ApiError(422, f"No commit found for SHA: {call.params['ref']}")
        one = call.repo.git.log(sha, limit=1)[0]
        return JSONResponse(objects.commit(self._world, call.repo, one))

    def git_commit(self, call: Call) -> Response:
        sha = self._known(call.repo, call.params["sha"])
        return JSONResponse(objects.git_commit(self._world, call.repo, call.repo.git.log(sha, limit=1)[0]))

    def compare(self, call: Call) -> Response:
        base, dots, head = call.params["basehead"].partition("...")
        if not dots:
            raise ApiError(404, "Not Found")
        git = call.repo.git
        left, right = (self._known(call.repo, name) for name in (base, head))
        start = git.merge_base(left, right)
        if start is None:
            raise ApiError(404, f"No common ancestor between {base} and {head}.")
        ahead, behind = git.ahead_behind(left, right)
        word = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
        first_page = call.query.get("page", "1") == "1"
        return JSONResponse(
            {
                "status": word.get((ahead > 0, behind > 0), "diverged"),
                "ahead_by": ahead,
                "behind_by": behind,
                "total_commits": ahead,
                "merge_base_commit": objects.commit(self._world, call.repo, git.log(start, limit=1)[0]),
                "commits": [
                    objects.commit(self._world, call.repo, each) for each in git.log(f"{left}..{right}", limit=250)
                ],
                "files": [objects.changed_file(each) for each in git.diff(start, right)[:COMPARE_FILES]]
                if first_page
                else [],
            }
        )

    def contents(self, call: Call) -> Response:
        repo, path = call.repo, call.params["path"].strip("/")
        ref = call.query.get("ref") or repo.default_branch
        sha = self._world.commit_of(repo, ref)
        if sha is None:
            raise ApiError(404, f"No commit found for the ref {ref}")
        found = next((each for each in repo.git.tree(sha, path) if each.path == path), None)
        if found is None:
            raise ApiError(404, "Not Found")
        raw = "raw" in call.headers.get("accept", "")
        if found.kind == "tree":
            return JSONResponse([self._entry(repo, each, ref) for each in repo.git.tree(sha, f"{path}/")])
        if found.kind == "commit":
            return JSONResponse({**self._entry(repo, found, ref), "type": "submodule"})
        content = repo.git.blob(found.sha)
        if raw:
            return Response(content, media_type="application/vnd.github.raw+json; charset=utf-8")
        return JSONResponse({**self._entry(repo, found, ref), **_file(found, content)})

    def _entry(self, repo: Repo, one: Entry, ref: str) -> dict[str, object]:
        kind = {"tree": "dir", "commit": "file"}.get(one.kind, "file")
        return {
            "type": "symlink" if one.mode == _LINK else kind,
            "name": one.path.rpartition("/")[2],
            "path": one.path,
            "sha": one.sha,
            "size": one.size,
            "url": f"{self._world.url}/api/v3/repos/{repo.path}/contents/{one.path}?ref={ref}",
            "html_url": f"{self._world.url}/{repo.path}/blob/{ref}/{one.path}",
        }

    def _pull(self, call: Call) -> Pull:
        found = self._world.pull(call.repo, call.params["number"])
        if found is None:
            raise ApiError(404, "Not Found")
        return found

    def _pull_diff(self, one: Pull) -> list[dict[str, object]]:
        git = one.repo.git
        start = git.merge_base(one.base_sha, one.head_sha)
        return [objects.changed_file(each) for each in git.diff(start, one.head_sha)] if start else []

    def _known(self, repo: Repo, ref: str) -> str:
        sha = self._world.commit_of(repo, ref)
        if sha is None:
            raise ApiError(404, "Not Found")
        return sha


def _head_of(one: Pull) -> str:
    return f"{one.head_repo.owner.login}:{one.head_ref}" if one.head_repo else ""


def _file(one: Entry, content: bytes) -> dict[str, object]:
    if one.mode == _LINK:
        return {"target": content.decode(errors="replace")}
    if one.size > _INLINE:
        return {"encoding": "none", "content": ""}
    return {"encoding": "base64", "content": base64.encodebytes(content).decode()}

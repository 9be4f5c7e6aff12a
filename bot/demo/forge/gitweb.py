"""git over HTTP: a bridge to `git http-backend`, for fetching only."""

import re
import subprocess
from pathlib import Path
from typing import Final

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bot.demo.forge.calls import Call
from bot.demo.forge.entry import may_clone
from bot.demo.forge.gitdir import ENVIRONMENT
from bot.demo.forge.state import World

ADDRESS: Final = re.compile(r"^/([^/]+/[^/]+?)\.git/(info/refs|git-upload-pack)$")
_STATUS: Final = re.compile(rb"^Status: (\d+)")


def answer(world: World, call: Call, repository: str, service: str) -> Response:
    with world.lock:
        repo, moved = world.repo(repository), world.repo_once_at(repository)
        allowed = repo is not None and may_clone(world, repo, call.headers.get("authorization", ""))
    if repo is None and moved:
        return RedirectResponse(f"{world.url}/{moved.path}.git/{service}?{_query(call)}", 301)
    if repo is None or not allowed:
        # GitHub does not tell a repository that is not there from one that the caller may not see.
        return PlainTextResponse("Repository not found.", 401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
    if service == "info/refs" and call.query.get("service") != "git-upload-pack":
        return PlainTextResponse("Only fetching is possible here.", 403)
    return backend(world.folder, call, f"/{repo.id}.git/{service}")


def _query(call: Call) -> str:
    return f"service={call.query['service']}" if "service" in call.query else ""


def backend(folder: Path, call: Call, path: str) -> Response:
    """`path`: from the folder with the repositories."""
    environment = {
        **ENVIRONMENT,
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "REQUEST_METHOD": call.method,
        "QUERY_STRING": _query(call),
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(call.body)),
        "HTTP_CONTENT_ENCODING": call.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": call.headers.get("git-protocol", ""),
    }
    command = ["git", "http-backend"]
    done = subprocess.run(command, input=call.body, capture_output=True, env=environment, check=False, timeout=120)  # noqa: S603  # no shell, fixed words
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n") if b": " in line)
    status = _STATUS.match(head)
    headers.pop("Status", None)
    return Response(content, int(status[1]) if status else (200 if head else 500), headers=headers)

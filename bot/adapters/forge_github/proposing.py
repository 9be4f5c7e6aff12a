"""A pull request of our own that adds one file, however often it is asked for."""

import base64
from collections.abc import Callable
from typing import Any, Final

from bot.adapters.forge_github.session import Session
from bot.domain.errors import Gone, NotAllowed, Refused
from bot.domain.refs import Repository
from bot.foreign.fields import MAX_URL, Fields, understood
from bot.foreign.pacing import Urgency
from bot.ports.forge import NewFile

_WRITES: Final = 3
"""The branch, the file on it, the pull request."""


def propose(session: Session, repository: Repository, file: NewFile) -> str:
    """Its address. Raises: what `session` does; Ambiguous: repeating finds what was made."""
    if opened := _opened(session, repository, file):
        return _address(opened)
    session.reserve(repository, _WRITES, Urgency.ASKED)
    _branch(session, repository, file)
    _write(session, repository, file)
    change = {"title": file.title, "head": file.branch, "base": repository.default_branch, "body": file.body}
    made = _unless_there(lambda: session.write(repository, "POST", "/pulls", change))
    if found := Fields(made) if made is not None else _opened(session, repository, file):
        return _address(found)
    raise Refused("GitHub says that there is such a pull request, and shows none")


def _opened(session: Session, repository: Repository, file: NewFile) -> Fields | None:
    """Ours that is open: forks may have branches of that name, too."""
    head = f"{repository.path.partition('/')[0]}:{file.branch}"
    asked = {"state": "open", "head": head, "base": repository.default_branch}
    for one in Fields({"pulls": session.get(repository, "/pulls{?state,head,base}", **asked)}).each("pulls"):
        side = one.inner("head")
        if side.text("ref", MAX_URL) == file.branch and _repository_of(side) == repository.forge_id:
            return one
    return None


def _repository_of(side: Fields) -> Any:  # of JSON
    return side.inner("repo").data.get("id") if side.has("repo") else None


def _branch(session: Session, repository: Repository, file: NewFile) -> None:
    """One that an earlier attempt has made is taken as it is."""
    tip = Fields(session.get(repository, "/commits/{+ref}", ref=f"heads/{repository.default_branch}"))
    body = {"ref": f"refs/heads/{file.branch}", "sha": understood(lambda: tip.sha("sha"))}
    _unless_there(lambda: session.write(repository, "POST", "/git/refs", body))


def _write(session: Session, repository: Repository, file: NewFile) -> None:
    """Nothing, where an earlier attempt has got so far."""
    path = file.path.split("/")
    try:
        session.get(repository, "/contents{/path*}{?ref}", path=path, ref=file.branch)
    except Gone:
        content = base64.b64encode(file.text.encode()).decode("ascii")
        body = {"message": file.title, "content": content, "branch": file.branch}
        session.write(repository, "PUT", "/contents{/path*}", body, path=path)


def _unless_there(write: Callable[[], Any]) -> Any:  # JSON
    """None: GitHub says that it was there."""
    try:
        return write()
    except (Gone, NotAllowed):
        raise
    except Refused as error:
        if "already exists" not in str(error):
            raise
        return None


def _address(answer: Fields) -> str:
    return understood(lambda: answer.word("html_url", MAX_URL))

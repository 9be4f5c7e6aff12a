"""A merge request that adds one file, opened in our own name (REST: commits, merge requests)."""

from typing import Any

from bot.adapters.forge_gitlab.client import Client, is_below, project
from bot.domain.errors import ForgeUnavailable, NotAllowed, Refused
from bot.domain.refs import Repository
from bot.foreign.fields import MAX_URL, Fields, understood
from bot.ports.forge import NewFile


def propose(client: Client, url: str, repository: Repository, file: NewFile) -> str:
    where = project(repository.forge_id)
    asked = {"state": "opened", "source_branch": file.branch, "target_branch": repository.default_branch}
    opened = client.get(f"{where}/merge_requests", **asked)
    if isinstance(opened, list) and opened:
        return _address(url, opened[0])
    _commit(client, repository, file)
    client.reserve(repository.forge_id)
    change = {
        "source_branch": file.branch,
        "target_branch": repository.default_branch,
        "title": file.title,
        "description": file.body,
        "remove_source_branch": True,
    }
    return _address(url, client.write(repository.forge_id, "post", f"{where}/merge_requests", change, once=True))


def _commit(client: Client, repository: Repository, file: NewFile) -> None:
    """A branch that an earlier attempt has made is taken as it is."""
    client.reserve(repository.forge_id)
    commit = {
        "branch": file.branch,
        "start_branch": repository.default_branch,
        "commit_message": file.title,
        "actions": [{"action": "create", "file_path": file.path, "content": file.text}],
    }
    path = f"{project(repository.forge_id)}/repository/commits"
    try:
        client.write(repository.forge_id, "post", path, commit, once=True)
    except NotAllowed:
        raise
    except Refused as error:
        if "already exists" not in str(error):
            raise


def _address(url: str, answer: Any) -> str:
    """Raises: ForgeUnavailable: the answer leads to another host."""
    address = understood(lambda: Fields(answer).word("web_url", MAX_URL))
    if not is_below(address, url):
        raise ForgeUnavailable("the answer leads to another host")
    return address

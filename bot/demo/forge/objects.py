"""The JSON objects of repositories, pull requests and people, shaped as GitHub's (FORGES §1.3)."""

from typing import Any

from bot.demo.forge.gitdir import ChangedFile, Commit
from bot.demo.forge.state import (
    Account,
    Installation,
    Pull,
    Repo,
    World,
)

Json = dict[str, Any]
_RIGHTS = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}
_OLD_WORDS = {"triage": "read", "maintain": "write"}


def node(kind: str, number: int) -> str:
    return f"{kind}_{number}"


def account(world: World, person: Account) -> Json:
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node("U", person.id),
        "avatar_url": f"{world.url}/avatars/{person.id}",
        "url": f"{world.url}/api/v3/users/{person.login}",
        "html_url": f"{world.url}/{person.login}",
        "type": person.kind,
        "site_admin": False,
    }


def repository(world: World, repo: Repo) -> Json:
    web = f"{world.url}/{repo.path}"
    return {
        "id": repo.id,
        "node_id": node("R", repo.id),
        "name": repo.name,
        "full_name": repo.path,
        "private": repo.private,
        "visibility": "private" if repo.private else "public",
        "owner": account(world, repo.owner),
        "html_url": web,
        "description": None,
        "fork": repo.parent is not None,
        "url": f"{world.url}/api/v3/repos/{repo.path}",
        "clone_url": f"{web}.git",
        "default_branch": repo.default_branch,
        "archived": False,
        "disabled": False,
        "created_at": world.iso(repo.created_at),
        "updated_at": world.iso(repo.created_at),
        "pushed_at": world.iso(repo.created_at),
    }


def permission(world: World, repo: Repo, person: Account) -> Json:
    role = repo.role(person)
    rights = _RIGHTS[role]
    names = ("pull", "triage", "push", "maintain", "admin")
    user = {**account(world, person), "permissions": {name: rights > at for at, name in enumerate(names)}}
    return {"permission": _OLD_WORDS.get(role, role), "role_name": role, "user": {**user, "role_name": role}}


def pull(world: World, one: Pull) -> Json:
    web = f"{world.url}/{one.repo.path}/pull/{one.number}"
    return {
        "id": one.id,
        "node_id": node("PR", one.id),
        "number": one.number,
        "url": f"{world.url}/api/v3/repos/{one.repo.path}/pulls/{one.number}",
        "html_url": web,
        "state": "open" if one.is_open else "closed",
        "locked": one.locked,
        "title": one.title,
        "body": one.body or None,
        "user": account(world, one.author),
        "authorassociation": association(one.repo, one.author),
        "labels": [label(name) for name in one.labels],
        "draft": one.draft,
        "created_at": world.iso(one.created_at),
        "updated_at": world.iso(one.updated_at),
        "closed_at": None if one.is_open else world.iso(one.updated_at),
        "merged": one.merged,
        "merged_at": world.iso(one.updated_at) if one.merged else None,
        "merge_commit_sha": None,
        "mergeable": None,
        "mergeable_state": "unknown",
        "maintainer_can_modify": False,
        "head": _end(world, one.head_repo, one.head_ref, one.head_sha),
        "base": _end(world, one.repo, one.base_ref, one.base_sha),
    }


def label(name: str) -> Json:
    return {"name": name, "color": "ededed", "default": False, "description": None}


def association(repo: Repo, person: Account) -> str:
    """GitHub's word, which decides nothing."""
    if person is repo.owner:
        return "OWNER"
    return "COLLABORATOR" if person.id in repo.roles else "CONTRIBUTOR"


def _end(world: World, repo: Repo | None, ref: str, sha: str) -> Json:
    owner = repo.owner if repo else None
    return {
        "label": f"{owner.login if owner else 'unknown'}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": account(world, owner) if owner else None,
        "repo": repository(world, repo) if repo else None,
    }


def changed_file(one: ChangedFile) -> Json:
    found = {"filename": one.path, "status": one.status}
    return {**found, "previous_filename": one.previous} if one.previous else found


def git_commit(world: World, repo: Repo, one: Commit) -> Json:
    """As `GET /repos/…/git/commits/{sha}` gives it."""
    person = {"name": one.name, "email": one.email, "date": one.date}
    api = f"{world.url}/api/v3/repos/{repo.path}/git/commits"
    return {
        "sha": one.sha,
        "node_id": f"C_{one.sha}",
        "url": f"{api}/{one.sha}",
        "html_url": f"{world.url}/{repo.path}/commit/{one.sha}",
        "author": person,
        "committer": person,
        "tree": {"sha": one.tree},
        "message": one.message,
        "parents": [{"sha": sha, "url": f"{api}/{sha}"} for sha in one.parents],
    }


def commit(world: World, repo: Repo, one: Commit) -> Json:
    """As `GET /repos/…/commits/{ref}` gives it."""
    inner = git_commit(world, repo, one)
    known = world.account(one.name)
    return {
        **{name: inner[name] for name in ("sha", "node_id", "html_url", "parents")},
        "url": f"{world.url}/api/v3/repos/{repo.path}/commits/{one.sha}",
        "commit": {name: inner[name] for name in ("author", "committer", "message", "tree", "url")},
        "author": account(world, known) if known else None,
        "committer": account(world, known) if known else None,
        "files": [changed_file(file) for file in one.files],
    }


def app(world: World) -> Json:
    one = world.app
    return {
        "id": one.id,
        "slug": one.slug,
        "node_id": node("A", one.id),
        "client_id": one.client_id,
        "name": one.slug,
        "owner": account(world, one.bot),
        "html_url": f"{world.url}/apps/{one.slug}",
        "permissions": one.permissions,
        "events": one.events,
    }


def installation(world: World, one: Installation) -> Json:
    return {
        "id": one.id,
        "node_id": node("I", one.id),
        "account": account(world, one.account),
        "app_id": world.app.id,
        "app_slug": world.app.slug,
        "target_id": one.account.id,
        "target_type": one.account.kind,
        "repository_selection": "all" if one.repositories is None else "selected",
        "permissions": one.permissions,
        "events": world.app.events,
        "suspended_at": world.iso() if one.suspended else None,
        "html_url": f"{world.url}/settings/installations/{one.id}",
    }

"""What GitLab's webhooks say (its documentation, "Webhook events"); just the fields that matter."""

from datetime import UTC, datetime
from typing import Any, Final

from bot.demo.forge.gitdir import ZERO
from bot.demo.gitlab.state import MergeRequest, Note, Project

Json = dict[str, Any]
_PUBLIC: Final = 20


def push(url: str, project: Project, branch: str, before: str | None, after: str, user: Json) -> Json:
    (commit,) = project.git.log(after, limit=1)
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": before or ZERO,
        "after": after,
        "ref": f"refs/heads/{branch}",
        "checkout_sha": after,
        "user_id": user["id"],
        "user_username": user["username"],
        "project_id": project.id,
        "project": shown(url, project),
        "commits": [{"id": after, "message": commit.message}],
        "total_commits_count": 1,
    }


def merge_request(url: str, project: Project, change: MergeRequest, action: str, user: Json, oldrev: str) -> Json:
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": user,
        "project": shown(url, project),
        "object_attributes": {
            "iid": change.number,
            "title": change.title,
            "state": change.state,
            "draft": change.draft,
            "action": action,
            "source_branch": change.source_branch,
            "source_project_id": change.source,
            "target_branch": change.target_branch,
            "target_project_id": project.id,
            "last_commit": {"id": change.sha},
            "updated_at": iso(change.updated_at),
            **({"oldrev": oldrev} if oldrev else {}),
        },
        "changes": {},
    }


def note(url: str, project: Project, change: MergeRequest, one: Note, user: Json) -> Json:
    return {
        "object_kind": "note",
        "event_type": "note",
        "user": user,
        "project_id": project.id,
        "project": shown(url, project),
        "object_attributes": {
            "id": one.id,
            "note": one.body,
            "noteable_type": "MergeRequest",
            "action": "create",
            "author_id": one.author,
            "system": False,
            "internal": False,
            "created_at": iso(one.created_at),
        },
        "merge_request": {"iid": change.number},
    }


def shown(url: str, project: Project) -> Json:
    return {
        "id": project.id,
        "path_with_namespace": project.path,
        "web_url": f"{url}/{project.path}",
        "git_http_url": f"{url}/{project.path}.git",
        "visibility_level": _PUBLIC,
        "default_branch": "main",
    }


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

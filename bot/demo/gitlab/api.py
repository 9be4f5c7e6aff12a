"""The REST API of the pretend GitLab."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.gitlab.state import LEVELS, MergeRequest, Note, Problem, Project

Names = Mapping[str, str]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    names: Names
    """What the route's pattern found in the path."""
    query: Names
    body: Values


Handler = Callable[[PretendGitLab, Asked], tuple[int, Any]]


def _paged(rows: list[Any], query: Names) -> list[Any]:
    size, page = int(query.get("per_page", 20)), int(query.get("page", 1))
    return rows[(page - 1) * size : page * size]


def _user(lab: PretendGitLab, _: Asked) -> tuple[int, Any]:
    return 200, {"id": lab.me, "username": lab.people[lab.me]}


def _project(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project = lab.project(asked.names)
    return 200, {
        "id": project.id,
        "path_with_namespace": project.path,
        "visibility": "public",
        "default_branch": "main",
        "web_url": f"{lab.url}/{project.path}",
        "http_url_to_repo": f"{lab.url}/{project.path}.git",
    }


def _commit(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    git = lab.project(asked.names).git
    sha = git.resolve(asked.names["ref"].replace("%2F", "/"))
    if sha is None:
        raise Problem(404, "404 Commit Not Found")
    return 200, {"id": sha, "message": git.log(sha, limit=1)[0].message}


def _ref(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    kind = {"branches": "heads", "tags": "tags"}[asked.names["kind"]]
    ref = asked.names["ref"].replace("%2F", "/")
    sha = lab.project(asked.names).git.resolve(f"refs/{kind}/{ref}")
    if sha is None:
        raise Problem(404, "404 Not Found")
    return 200, {"name": ref, "commit": {"id": sha}}


def _statuses(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project = lab.project(asked.names)
    rows = [one for one in lab.shown(asked.names["sha"]) if one.project == project.id]
    rows = [
        one
        for one in rows
        if asked.query.get("name", one.name) == one.name and asked.query.get("ref", one.ref) == one.ref
    ]
    latest = {(one.pipeline, one.name): one for one in rows}
    return 200, _paged([one.show() for one in latest.values()], asked.query)


def _status(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    return 201, lab.post_status(lab.project(asked.names), asked.names["sha"], asked.body).show()


def _member(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    number = int(asked.names["user"])
    level = lab.project(asked.names).members.get(number)
    if level is None:
        raise Problem(404, "404 Not found")
    state = "blocked" if number in lab.blocked else "active"
    return 200, {"id": number, "username": lab.people.get(number, ""), "access_level": level, "state": state}


def _file(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    git = lab.project(asked.names).git
    sha = git.resolve(asked.query["ref"])
    if sha is None:
        raise Problem(404, "404 Commit Not Found")
    path = asked.names["path"].replace("%2F", "/")
    found = [entry for entry in git.tree(sha, path) if entry.path == path and entry.kind == "blob"]
    if not found:
        raise Problem(404, "404 File Not Found")
    return 200, git.blob(found[0].sha)


def _compare(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project = lab.project(asked.names)
    if not project.git.resolve(asked.query["from"]) or not project.git.resolve(asked.query["to"]):
        raise Problem(404, "404 Ref Not Found")
    old, new = asked.query["from"], asked.query["to"]
    commits = [{"id": one.sha} for one in project.git.log(f"{old}..{new}", limit=100)]
    return 200, {"commits": commits, "diffs": _diffs(project, old, new), "compare_timeout": False}


def _diffs(project: Project, old: str, new: str) -> list[dict[str, str]]:
    start = project.git.merge_base(old, new) or old
    return [{"old_path": one.previous or one.path, "new_path": one.path} for one in project.git.diff(start, new)]


def _merge_request(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project, change = lab.project(asked.names), lab.change(asked.names)
    head = next((key for key, one in lab.pipelines.items() if one[:2] == (change.source, change.sha)), None)
    pipeline = None
    if head is not None:
        pipeline = {"id": head, "project_id": change.source, "sha": change.sha, "ref": lab.pipelines[head][2]}
    files = _diffs(project, change.base, change.sha)
    return 200, {
        "iid": change.number,
        "web_url": f"{lab.url}/{project.path}/-/merge_requests/{change.number}",
        "state": change.state,
        "draft": change.draft,
        "title": change.title,
        "labels": change.labels,
        "sha": change.sha,
        "source_branch": change.source_branch,
        "source_project_id": None if change.source_is_gone else change.source,
        "target_branch": change.target_branch,
        "author": {"id": change.author, "username": lab.people.get(change.author, "")},
        "diff_refs": {"base_sha": change.base, "head_sha": change.sha, "start_sha": change.base},
        "changes_count": str(len(files)),
        "head_pipeline": pipeline,
    }


def _merge_requests(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    numbers = [
        one.number
        for one in lab.project(asked.names).changes.values()
        if one.state == asked.query.get("state", one.state)
        and one.source_branch == asked.query.get("source_branch", one.source_branch)
    ]
    rows = [
        _merge_request(lab, replace(asked, names={**asked.names, "iid": str(number)}))[1]
        for number in reversed(numbers)
    ]
    return 200, _paged([{key: row[key] for key in row if key != "diff_refs"} for row in rows], asked.query)


def _new_commit(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project, branch = _written(lab, asked), str(asked.body["branch"])
    if project.git.resolve(f"refs/heads/{branch}") is not None:
        raise Problem(400, f"A branch called '{branch}' already exists. Switch to that branch to change it")
    files = {str(one["file_path"]): str(one["content"]) for one in asked.body["actions"]}
    sha = lab.commit(project, branch, str(asked.body["commit_message"]), files, lab.me)
    return 201, {"id": sha}


def _new_merge_request(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project = _written(lab, asked)
    change = lab.open(project, project, str(asked.body["source_branch"]), lab.me, str(asked.body["title"]))
    return 201, _merge_request(lab, replace(asked, names={**asked.names, "iid": str(change.number)}))[1]


def _written(lab: PretendGitLab, asked: Asked) -> Project:
    project = lab.project(asked.names)
    if project.members.get(lab.me, 0) < LEVELS["developer"]:
        raise Problem(403, "403 Forbidden")
    return project


def _change_files(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project, change = lab.project(asked.names), lab.change(asked.names)
    return 200, _paged(_diffs(project, change.base, change.sha), asked.query)


def _show_note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "body": note.body, "author": {"id": note.author}}


def _notes(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    return 200, _paged([_show_note(one) for one in lab.change(asked.names).notes.values()], asked.query)


def _new_note(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    change = lab.change(asked.names)
    _refuse_locked(change)
    return 201, _show_note(lab.say(change, lab.me, str(asked.body["body"])))


def _edit_note(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    note = lab.note(asked.names)
    if note.author != lab.me:
        raise Problem(403, "403 Forbidden")
    note.body = str(asked.body["body"])
    return 200, _show_note(note)


def _award(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    note, emoji = lab.note(asked.names), str(asked.body["name"])
    _refuse_locked(lab.change(asked.names))
    if emoji in note.emoji:
        raise Problem(404, "404 Award Emoji Name has already been taken Not Found")
    note.emoji.append(emoji)
    return 201, {"id": next(lab.numbers), "name": emoji}


def _hooks_of(lab: PretendGitLab, names: Names) -> Project:
    project = lab.project(names)
    if project.members.get(lab.me, 0) < LEVELS["maintainer"]:
        raise Problem(403, "403 Forbidden")
    if "hook" in names and int(names["hook"]) not in project.hooks:
        raise Problem(404, "404 Not found")
    return project


def _hooks(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    return 200, _paged([_show_hook(one) for one in _hooks_of(lab, asked.names).hooks.values()], asked.query)


def _show_hook(hook: Values) -> dict[str, Any]:
    return {key: value for key, value in hook.items() if key not in ("token", "signing_token")}


def _new_hook(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    number = next(lab.numbers)
    made = {"id": number, "alert_status": "executable", "disabled_until": None, **asked.body}
    _hooks_of(lab, asked.names).hooks[number] = made
    return 201, _show_hook(made)


def _hook(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    hook = _hooks_of(lab, asked.names).hooks[int(asked.names["hook"])]
    hook.update(asked.body)
    return 200, _show_hook(hook)


def _drop_hook(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    del _hooks_of(lab, asked.names).hooks[int(asked.names["hook"])]
    return 204, b""


def _test_hook(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project = _hooks_of(lab, asked.names)
    payload = lab.push_payload(project, "main", "", project.head("main"))
    lab.hooks.send(
        project, project.hooks[int(asked.names["hook"])], "Push Hook", payload, f"test-{next(lab.numbers)}"
    )
    return 201, {"message": "201 Created"}


def _attempts(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    rows = [
        {
            "id": number,
            "request_headers": headers,
            "request_data": data,
            "response_status": str(status or "internal error"),
        }
        for number, status, headers, data in _hooks_of(lab, asked.names).attempts
    ]
    return 200, _paged(rows, asked.query)


def _resend(lab: PretendGitLab, asked: Asked) -> tuple[int, Any]:
    project = _hooks_of(lab, asked.names)
    for number, _, headers, data in project.attempts:
        if str(number) == asked.names["event"]:
            key = headers["Idempotency-Key"]
            project.resent.append(key)
            lab.hooks.send(project, project.hooks[int(asked.names["hook"])], headers["X-Gitlab-Event"], data, key)
            break
    return 201, {"response_status": 200}


def _refuse_locked(change: MergeRequest) -> None:
    if change.locked:
        raise Problem(403, "403 Forbidden")


_P: Final = r"/projects/(?P<project>[^/]+)"
_M: Final = _P + r"/merge_requests/(?P<iid>\d+)"
_H: Final = _P + r"/hooks/(?P<hook>\d+)"
_ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/user", _user),
    ("GET", _P, _project),
    ("GET", _P + r"/repository/commits/(?P<ref>[^/]+)", _commit),
    ("POST", _P + r"/repository/commits", _new_commit),
    ("POST", _P + r"/merge_requests", _new_merge_request),
    ("GET", _P + r"/repository/commits/(?P<sha>[^/]+)/statuses", _statuses),
    ("POST", _P + r"/statuses/(?P<sha>[^/]+)", _status),
    ("GET", _P + r"/members/all/(?P<user>\d+)", _member),
    ("GET", _P + r"/repository/files/(?P<path>[^/]+)/raw", _file),
    ("GET", _P + r"/hooks", _hooks),
    ("POST", _P + r"/hooks", _new_hook),
    ("GET", _H, _hook),
    ("PUT", _H, _hook),
    ("DELETE", _H, _drop_hook),
    ("POST", _H + r"/test/push_events", _test_hook),
    ("GET", _H + r"/events", _attempts),
    ("POST", _H + r"/events/(?P<event>\d+)/resend", _resend),
    ("GET", _P + r"/repository/(?P<kind>branches|tags)/(?P<ref>[^/]+)", _ref),
    ("GET", _P + r"/repository/compare", _compare),
    ("GET", _P + r"/merge_requests", _merge_requests),
    ("GET", _M, _merge_request),
    ("GET", _M + r"/diffs", _change_files),
    ("GET", _M + r"/notes", _notes),
    ("POST", _M + r"/notes", _new_note),
    ("PUT", _M + r"/notes/(?P<note>\d+)", _edit_note),
    ("POST", _M + r"/notes/(?P<note>\d+)/award_emoji", _award),
)


def answer(
    lab: PretendGitLab, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any]
) -> tuple[int, Any]:
    """`path`: below /api/v4, as it is sent."""
    path = "/".join(unquote(part).replace("/", "%2F") for part in path.split("/"))
    for verb, pattern, handler in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match and verb == method:
            try:
                return handler(lab, Asked(match.groupdict(), query, body))
            except Problem as problem:
                return problem.status, {"message": problem.message}
    return 404, {"error": "404 Not Found"}

"""The REST API of the pretend GitLab."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.sims.gitlab import LEVELS, Commit, MergeRequest, Note, PretendGitLab, Problem, Project

Names = Mapping[str, str]
Values = Mapping[str, Any]
Handler = Callable[[PretendGitLab, Names, Names, Values], tuple[int, Any]]


def _paged(rows: list[Any], query: Names) -> list[Any]:
    size, page = int(query.get("per_page", 20)), int(query.get("page", 1))
    return rows[(page - 1) * size : page * size]


def _user(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    return 200, {"id": lab.me, "username": lab.people[lab.me]}


def _project(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    project = lab.project(names)
    return 200, {
        "id": project.id,
        "path_with_namespace": project.path,
        "visibility": "public",
        "default_branch": "main",
        "web_url": f"{lab.url}/{project.path}",
        "http_url_to_repo": f"{lab.url}/{project.path}.git",
    }


def _commit(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    project = lab.project(names)
    ref = names["ref"].replace("%2F", "/")
    commit = project.commits.get(project.branches.get(ref, ref))
    if commit is None:
        raise Problem(404, "404 Commit Not Found")
    return 200, {"id": commit.sha, "message": commit.message}


def _statuses(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    project = lab.project(names)
    rows = [one for one in lab.shown(names["sha"]) if one.project == project.id]
    rows = [one for one in rows if query.get("name", one.name) == one.name and query.get("ref", one.ref) == one.ref]
    latest = {(one.pipeline, one.name): one for one in rows}
    return 200, _paged([one.show() for one in latest.values()], query)


def _status(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    return 201, lab.post_status(lab.project(names), names["sha"], body).show()


def _member(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    number = int(names["user"])
    level = lab.project(names).members.get(number)
    if level is None:
        raise Problem(404, "404 Not found")
    state = "blocked" if number in lab.blocked else "active"
    return 200, {"id": number, "username": lab.people.get(number, ""), "access_level": level, "state": state}


def _file(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    commit = lab.project(names).commits.get(query["ref"])
    if commit is None:
        raise Problem(404, "404 Commit Not Found")
    path = names["path"].replace("%2F", "/")
    if path not in commit.files:
        raise Problem(404, "404 File Not Found")
    return 200, commit.files[path]


def _compare(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    commits = lab.project(names).commits
    if query["from"] not in commits or query["to"] not in commits:
        raise Problem(404, "404 Ref Not Found")
    return 200, {"diffs": _diffs(commits[query["from"]], commits[query["to"]]), "compare_timeout": False}


def _diffs(old: Commit, new: Commit) -> list[dict[str, str]]:
    paths = sorted(path for path in {*old.files, *new.files} if old.files.get(path) != new.files.get(path))
    return [{"old_path": path, "new_path": path} for path in paths]


def _merge_request(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    project, change = lab.project(names), lab.change(names)
    head = next((key for key, one in lab.pipelines.items() if one[:2] == (change.source, change.sha)), None)
    pipeline = None
    if head is not None:
        pipeline = {"id": head, "project_id": change.source, "sha": change.sha, "ref": lab.pipelines[head][2]}
    files = _diffs(project.commits[change.base], project.commits[change.sha])
    return 200, {
        "iid": change.iid,
        "state": change.state,
        "draft": change.draft,
        "title": "Better widgets",
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


def _merge_requests(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    numbers = [one.iid for one in lab.project(names).changes.values() if one.state == query.get("state", one.state)]
    rows = [_merge_request(lab, {**names, "iid": str(number)}, query, body)[1] for number in reversed(numbers)]
    return 200, _paged([{key: row[key] for key in row if key != "diff_refs"} for row in rows], query)


def _change_files(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    project, change = lab.project(names), lab.change(names)
    return 200, _paged(_diffs(project.commits[change.base], project.commits[change.sha]), query)


def _show_note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "body": note.body, "author": {"id": note.author}}


def _notes(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    return 200, _paged([_show_note(one) for one in lab.change(names).notes.values()], query)


def _new_note(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    change = lab.change(names)
    _refuse_locked(change)
    return 201, _show_note(lab.say(change, lab.me, str(body["body"])))


def _edit_note(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    note = lab.note(names)
    if note.author != lab.me:
        raise Problem(403, "403 Forbidden")
    note.body = str(body["body"])
    return 200, _show_note(note)


def _award(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    note, emoji = lab.note(names), str(body["name"])
    _refuse_locked(lab.change(names))
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


def _hooks(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    return 200, _paged([_show_hook(one) for one in _hooks_of(lab, names).hooks.values()], query)


def _show_hook(hook: Values) -> dict[str, Any]:
    return {key: value for key, value in hook.items() if key not in ("token", "signing_token")}


def _new_hook(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    number = next(lab.numbers)
    made = {"id": number, "alert_status": "executable", "disabled_until": None, **body}
    _hooks_of(lab, names).hooks[number] = made
    return 201, _show_hook(made)


def _hook(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    hook = _hooks_of(lab, names).hooks[int(names["hook"])]
    hook.update(body)
    return 200, _show_hook(hook)


def _drop_hook(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    del _hooks_of(lab, names).hooks[int(names["hook"])]
    return 204, b""


def _test_hook(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    _hooks_of(lab, names)
    return 201, {"message": "201 Created"}


def _attempts(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    rows = [
        {
            "id": number,
            "request_headers": headers,
            "request_data": data,
            "response_status": str(status or "internal error"),
        }
        for number, status, headers, data in _hooks_of(lab, names).attempts
    ]
    return 200, _paged(rows, query)


def _resend(lab: PretendGitLab, names: Names, query: Names, body: Values) -> tuple[int, Any]:
    project = _hooks_of(lab, names)
    project.resent += [
        headers["Idempotency-Key"] for number, _, headers, _ in project.attempts if str(number) == names["event"]
    ]
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
    """`path`: below /api/v4, decoded only within its names."""
    for verb, pattern, handler in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match and verb == method:
            try:
                return handler(lab, match.groupdict(), query, body)
            except Problem as problem:
                return problem.status, {"message": problem.message}
    return 404, {"error": "404 Not Found"}

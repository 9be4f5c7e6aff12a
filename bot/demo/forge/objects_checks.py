"""The JSON objects of checks and merge groups, shaped as GitHub's (FORGES §1.3, §1.4)."""

from typing import Final

from bot.demo.forge.objects import Json, account, app, node
from bot.demo.forge.state import CheckRun, CheckSuite, CommitStatus, MergeGroup, Repo, World

_WORST_FIRST: Final = ("action_required", "timed_out", "failure", "cancelled", "success", "neutral", "skipped")


def check_run(world: World, one: CheckRun) -> Json:
    api = f"{world.url}/api/v3/repos/{one.repo.path}/check-runs/{one.id}"
    return {
        "id": one.id,
        "node_id": node("CR", one.id),
        "name": one.name,
        "head_sha": one.sha,
        "external_id": one.external_id,
        "url": api,
        "html_url": f"{world.url}/{one.repo.path}/runs/{one.id}",
        "details_url": one.details_url,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": one.started_at,
        "completed_at": one.completed_at,
        "output": {
            "title": one.title,
            "summary": one.summary,
            "text": one.text,
            "annotations_count": len(one.annotations),
            "annotations_url": f"{api}/annotations",
        },
        "check_suite": {"id": one.suite},
        "app": app(world),
        "pull_requests": _pulls(world, one.repo, one.sha),
    }


def suite(world: World, one: CheckSuite) -> Json:
    """Of a fork's commit GitHub knows no branch and no pull request."""
    runs = world.latest_checks(one.repo, one.sha)
    status, conclusion = (None, None) if one.asked_again else _sum(runs)
    return {
        "id": one.id,
        "node_id": node("CS", one.id),
        "head_branch": one.repo.git.branch_at(one.sha),
        "head_sha": one.sha,
        "status": status or "queued",
        "conclusion": conclusion,
        "url": f"{world.url}/api/v3/repos/{one.repo.path}/check-suites/{one.id}",
        "before": None,
        "after": one.sha,
        "pull_requests": _pulls(world, one.repo, one.sha),
        "app": app(world),
        "created_at": world.iso(one.created_at),
        "updated_at": world.iso(),
        "latest_check_runs_count": len(runs),
    }


def _sum(runs: list[CheckRun]) -> tuple[str | None, str | None]:
    if not runs or any(run.status != "completed" for run in runs):
        return ("in_progress" if any(run.status != "queued" for run in runs) else "queued"), None
    found = {run.conclusion for run in runs}
    return "completed", next(word for word in _WORST_FIRST if word in found)


def _pulls(world: World, repo: Repo, sha: str) -> list[Json]:
    """Only those from branches of the repository itself."""
    return [
        {
            "id": each.id,
            "number": each.number,
            "url": f"{world.url}/api/v3/repos/{repo.path}/pulls/{each.number}",
            "head": {"ref": each.head_ref, "sha": each.head_sha, "repo": {"id": repo.id, "name": repo.name}},
            "base": {"ref": each.base_ref, "sha": each.base_sha, "repo": {"id": repo.id, "name": repo.name}},
        }
        for each in world.pulls
        if each.repo is repo and each.head_repo is repo and each.head_sha == sha and each.is_open
    ]


def merge_group(one: MergeGroup) -> Json:
    commit = one.pull.repo.git.log(one.head_sha, limit=1)[0]
    person = {"name": commit.name, "email": commit.email}
    return {
        "head_sha": one.head_sha,
        "head_ref": one.head_ref,
        "base_sha": one.base_sha,
        "base_ref": one.base_ref,
        "head_commit": {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": commit.date,
            "author": person,
            "committer": person,
        },
    }


def status(world: World, one: CommitStatus) -> Json:
    return {
        "id": one.id,
        "state": one.state,
        "context": one.context,
        "description": one.description,
        "target_url": one.target_url,
        "creator": account(world, world.app.bot),
    }

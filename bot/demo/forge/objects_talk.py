"""The JSON objects of issues, comments and reactions, shaped as GitHub's (FORGES §1.3, §1.7)."""

from bot.demo.forge.objects import Json, account, app, association, node
from bot.demo.forge.state import Account, Comment, Issue, Pull, World


def issue(world: World, one: Issue | Pull) -> Json:
    """As comments show it: a pull request is an issue, too."""
    is_pull = isinstance(one, Pull)
    web = f"{world.url}/{one.repo.path}/{'pull' if is_pull else 'issues'}/{one.number}"
    api = f"{world.url}/api/v3/repos/{one.repo.path}"
    comments = [each for each in world.comments if each.repo is one.repo and each.issue == one.number]
    found = {
        "id": one.id,
        "node_id": node("PR" if is_pull else "I", one.id),
        "number": one.number,
        "url": f"{api}/issues/{one.number}",
        "html_url": web,
        "state": "open" if one.is_open else "closed",
        "locked": one.locked,
        "title": one.title,
        "body": one.body or None,
        "user": account(world, one.author),
        "author_association": association(one.repo, one.author),
        "labels": [],
        "comments": len(comments),
        "created_at": world.iso(one.created_at),
        "performed_via_github_app": None,
    }
    if not isinstance(one, Pull):
        return found
    merged_at = world.iso(one.updated_at) if one.merged else None
    addresses = {"html_url": web, "diff_url": f"{web}.diff", "patch_url": f"{web}.patch", "merged_at": merged_at}
    return {**found, "draft": one.draft, "pull_request": {"url": f"{api}/pulls/{one.number}", **addresses}}


def comment(world: World, one: Comment) -> Json:
    by_app = one.author is world.app.bot
    kind, anchor, below = ("PRRC", "discussion_r", "pulls") if one.line else ("IC", "issuecomment-", "issues")
    found = {
        "id": one.id,
        "node_id": node(kind, one.id),
        "url": f"{world.url}/api/v3/repos/{one.repo.path}/{below}/comments/{one.id}",
        "html_url": f"{world.url}/{one.repo.path}/pull/{one.issue}#{anchor}{one.id}",
        "body": one.body,
        "user": account(world, one.author),
        "author_association": association(one.repo, one.author),
        "created_at": world.iso(one.created_at),
        "updated_at": world.iso(one.updated_at),
    }
    if one.line is None:
        return {**found, "performed_via_github_app": app(world) if by_app else None}
    sha, path, line = one.line
    place = {"path": path, "line": line, "original_line": line, "side": "RIGHT", "start_line": None}
    return {**found, **place, "commit_id": sha, "original_commit_id": sha, "diff_hunk": "@@ -1 +1 @@"}


def reaction(world: World, number: int, content: str, person: Account) -> Json:
    return {
        "id": number,
        "node_id": node("REA", number),
        "content": content,
        "user": account(world, person),
        "created_at": world.iso(),
    }

"""What the App and repositories' webhooks are told of what happens on the forge (FORGES §1.3)."""

from typing import Any, Final

from bot.demo.forge import objects, objects_checks
from bot.demo.forge.gitdir import ZERO, Commit
from bot.demo.forge.hooks import Hooks
from bot.demo.forge.state import Account, Installation, Pull, Repo, RepoHook, World

MAX_COMMITS: Final = 20


class Telling:
    """Tells the App nothing about repositories where it is not installed."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self._world = world
        self._hooks = hooks

    def about(self, event: str, repo: Repo, sender: Account, **payload: object) -> None:
        installation = self._world.installation(repo)
        more: dict[str, Any] = {
            "repository": objects.repository(self._world, repo),
            "sender": objects.account(self._world, sender),
        }
        if installation is not None:
            more["installation"] = {"id": installation.id, "node_id": objects.node("I", installation.id)}
        if repo.owner.kind == "Organization":
            more["organization"] = objects.account(self._world, repo.owner)
        if event == "push":
            # Here alone GitHub writes these two as numbers.
            more["repository"] |= {"created_at": int(repo.created_at), "pushed_at": int(self._world.now())}
        self._hooks.emit(event, {**payload, **more}, to_app=installation is not None)

    def about_pull(self, pull: Pull, action: str, sender: Account, **more: object) -> None:
        pull.updated_at = self._world.now()
        shown = objects.pull(self._world, pull)
        self.about("pull_request", pull.repo, sender, action=action, number=pull.number, pull_request=shown, **more)

    def pushed(
        self,
        repo: Repo,
        ref: str,
        before: str | None,
        after: str | None,
        commit: str | None,
        sender: Account,
        *,
        forced: bool = False,
    ) -> None:
        """`after` is a tag object's id for an annotated tag; `commit` is the commit that `head_commit` shows."""
        new = repo.git.log(f"{before}..{commit}", limit=MAX_COMMITS) if before and commit else []
        head = repo.git.log(commit, limit=1)[0] if commit else None
        self.about(
            "push",
            repo,
            sender,
            ref=ref,
            before=before or ZERO,
            after=after or ZERO,
            created=before is None,
            deleted=after is None,
            forced=forced,
            base_ref=None,
            compare=f"{self._world.url}/{repo.path}/compare/{(before or ZERO)[:12]}...{(after or ZERO)[:12]}",
            commits=[self._in_push(repo, each) for each in reversed(new)],
            head_commit=self._in_push(repo, head) if head else None,
            pusher={"name": sender.login, "email": sender.author[1]},
        )
        if commit and ref.startswith("refs/heads/") and self._world.installation(repo) is not None:
            self._suite_asked_for(repo, commit, sender)

    def installed(self, one: Installation) -> None:
        world = self._world
        small = [
            {
                "id": repo.id,
                "node_id": objects.node("R", repo.id),
                "name": repo.name,
                "full_name": repo.path,
                "private": repo.private,
            }
            for repo in world.repos
            if one.covers(repo)
        ]
        payload = {"action": "created", "installation": objects.installation(world, one), "repositories": small}
        self._hooks.emit("installation", {**payload, "sender": objects.account(world, one.account)})

    def ping(self) -> None:
        app = self._world.app
        hook = {
            "type": "App",
            "id": app.hook_id,
            "name": "web",
            "active": True,
            "events": app.events,
            "config": {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": app.webhook_url},
            "app_id": app.id,
        }
        self._hooks.emit("ping", {"zen": "Keep it logically awesome.", "hook_id": app.hook_id, "hook": hook})

    def ping_hook(self, hook: RepoHook) -> None:
        shown = {"type": "Repository", "id": hook.id, "events": hook.events, "active": hook.active}
        repository = objects.repository(self._world, hook.repo)
        payload = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": shown, "repository": repository}
        self._hooks.deliver("ping", payload, hook=hook)

    def _suite_asked_for(self, repo: Repo, sha: str, sender: Account) -> None:
        """An App that may write checks hears of every push to a branch a second time, once for a commit."""
        if not self._world.has_suite(repo, sha):
            suite = objects_checks.suite(self._world, self._world.suite(repo, sha))
            self.about("check_suite", repo, sender, action="requested", check_suite=suite)

    def _in_push(self, repo: Repo, one: Commit) -> dict[str, Any]:
        person = {"name": one.name, "email": one.email, "username": one.name}
        gone = [file.previous for file in one.files if file.previous]
        return {
            "id": one.sha,
            "tree_id": one.tree,
            "distinct": True,
            "message": one.message,
            "timestamp": one.date,
            "url": f"{self._world.url}/{repo.path}/commit/{one.sha}",
            "author": person,
            "committer": person,
            "added": [file.path for file in one.files if file.status in ("added", "renamed", "copied")],
            "removed": [*gone, *(file.path for file in one.files if file.status == "removed")],
            "modified": [file.path for file in one.files if file.status == "modified"],
        }

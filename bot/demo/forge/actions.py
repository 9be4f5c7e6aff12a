"""What people do on the forge, and the webhooks that follow from it (FORGES §1.3)."""

from collections.abc import Mapping
from typing import Any

from bot.demo.forge import objects
from bot.demo.forge.gitdir import ZERO, Commit, GitDir
from bot.demo.forge.hooks import Hooks
from bot.demo.forge.state import Account, Installation, Pull, Repo, World

Files = Mapping[str, str | bytes | None]
_MAX_COMMITS = 20


class Actions:
    """Every method does one thing as one person and tells the App about it, if the App is installed there."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self._world = world
        self._hooks = hooks

    def create(
        self, owner: Account, name: str, files: Files, *, private: bool, roles: Mapping[str, str], default_branch: str
    ) -> Repo:
        world = self._world
        number = world.new_id()
        repo = Repo(
            id=number,
            owner=owner,
            name=name,
            git=GitDir.create(world.folder / f"{number}.git", default_branch),
            private=private,
            default_branch=default_branch,
            created_at=world.now(),
            roles={self._person(login).id: role for login, role in roles.items()},
        )
        world.repos.append(repo)
        if files:
            self._write(repo, default_branch, files, "Start", owner, None)
        return repo

    def fork(self, parent: Repo, owner: Account) -> Repo:
        roles: dict[str, str] = {}
        branch = parent.default_branch
        fork = self.create(owner, parent.name, {}, private=parent.private, roles=roles, default_branch=branch)
        fork.parent = parent
        if tip := parent.git.resolve(branch):
            fork.git.take(parent.git, tip, f"refs/heads/{branch}")
        return fork

    def commit(self, repo: Repo, branch: str, files: Files, message: str, author: Account, parent: str | None) -> str:
        """Push one commit on top of `parent` (else of the branch, else of the default branch)."""
        before = repo.git.resolve(f"refs/heads/{branch}")
        start = parent or before or repo.git.resolve(repo.default_branch)
        sha = self._write(repo, branch, files, message, author, start)
        forced = before is not None and repo.git.merge_base(before, sha) != before
        self._pushed(repo, f"refs/heads/{branch}", before, sha, sha, author, forced=forced)
        for pull in self._pulls_from(repo, branch):
            self._moved(pull, sha, author)
        return sha

    def point(self, repo: Repo, branch: str, sha: str, author: Account) -> None:
        """Push an existing commit to a branch."""
        before = repo.git.resolve(f"refs/heads/{branch}")
        repo.git.set_ref(f"refs/heads/{branch}", sha)
        self._pushed(repo, f"refs/heads/{branch}", before, sha, sha, author)
        for pull in self._pulls_from(repo, branch):
            self._moved(pull, sha, author)

    def tag(self, repo: Repo, tag: str, sha: str, author: Account, *, annotated: bool) -> str:
        """Gives what the tag points to: the commit, or the tag object of an annotated one."""
        at = int(self._world.now())
        target = repo.git.annotate(tag, sha, author=author.author, at=at, message=tag) if annotated else sha
        repo.git.set_ref(f"refs/tags/{tag}", target)
        self._pushed(repo, f"refs/tags/{tag}", None, target, sha, author)
        return target

    def delete(self, repo: Repo, ref: str, author: Account) -> None:
        """Delete a branch or tag by its full name; pull requests from a branch are closed with it."""
        before = repo.git.resolve(ref)
        repo.git.set_ref(ref, None)
        self._pushed(repo, ref, before, None, None, author)
        for pull in self._pulls_from(repo, ref.removeprefix("refs/heads/")):
            self.close(pull, author, merged=False)

    def open(
        self, repo: Repo, head: Repo, branch: str, base: str, *, title: str, body: str, author: Account, draft: bool
    ) -> Pull:
        world = self._world
        head_sha, base_sha = head.git.resolve(f"refs/heads/{branch}"), repo.git.resolve(f"refs/heads/{base}")
        assert head_sha, f"no branch {branch}"
        assert base_sha, f"no branch {base}"
        pull = Pull(
            id=world.new_id(),
            number=1 + sum(each.repo is repo for each in world.pulls),
            repo=repo,
            author=author,
            title=title,
            body=body,
            head_repo=head,
            head_ref=branch,
            head_sha=head_sha,
            base_ref=base,
            base_sha=base_sha,
            draft=draft,
            created_at=world.now(),
            updated_at=world.now(),
        )
        world.pulls.append(pull)
        self._show_head(pull)
        self.tell(pull, "opened", author)
        return pull

    def close(self, pull: Pull, author: Account, *, merged: bool) -> None:
        pull.is_open, pull.merged = False, merged
        self.tell(pull, "closed", author)

    def reopen(self, pull: Pull, author: Account) -> None:
        pull.is_open = True
        self.tell(pull, "reopened", author)

    def ready(self, pull: Pull, author: Account) -> None:
        pull.draft = False
        self.tell(pull, "ready_for_review", author)

    def edit(self, pull: Pull, author: Account, *, base: str = "", title: str = "") -> None:
        changes: dict[str, Any] = {}
        if title:
            changes["title"] = {"from": pull.title}
            pull.title = title
        if base:
            changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
            pull.base_ref, pull.base_sha = base, pull.repo.git.resolve(f"refs/heads/{base}") or pull.base_sha
        self.tell(pull, "edited", author, changes=changes)

    def rename(self, repo: Repo, name: str, author: Account) -> None:
        repo.former.append(repo.path)
        old, repo.name = repo.name, name
        self._emit("repository", repo, author, action="renamed", changes={"repository": {"name": {"from": old}}})

    def ghost(self, pull: Pull) -> None:
        """The fork behind the pull request is deleted; nobody is told."""
        assert pull.head_repo
        self._world.repos.remove(pull.head_repo)
        pull.head_repo = None

    def install(
        self, account: Account, permissions: Mapping[str, str], repositories: set[int] | None
    ) -> Installation:
        world = self._world
        one = Installation(
            id=world.new_id(), account=account, permissions=dict(permissions), repositories=repositories
        )
        world.installations.append(one)
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
        self._hooks.emit("installation", {**payload, "sender": objects.account(world, account)})
        return one

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

    def tell(self, pull: Pull, action: str, sender: Account, **more: object) -> None:
        pull.updated_at = self._world.now()
        shown = objects.pull(self._world, pull)
        self._emit("pull_request", pull.repo, sender, action=action, number=pull.number, pull_request=shown, **more)

    def _person(self, login: str) -> Account:
        found = self._world.account(login)
        assert found, f"nobody is called {login}"
        return found

    def _write(self, repo: Repo, branch: str, files: Files, message: str, author: Account, parent: str | None) -> str:
        at = int(self._world.now())
        return repo.git.commit(branch, files, message, author=author.author, at=at, parent=parent)

    def _pulls_from(self, repo: Repo, branch: str) -> list[Pull]:
        return [
            each for each in self._world.pulls if each.is_open and (each.head_repo, each.head_ref) == (repo, branch)
        ]

    def _moved(self, pull: Pull, sha: str, author: Account) -> None:
        before, pull.head_sha = pull.head_sha, sha
        pull.base_sha = pull.repo.git.resolve(f"refs/heads/{pull.base_ref}") or pull.base_sha
        self._show_head(pull)
        self.tell(pull, "synchronize", author, before=before, after=sha)

    def _show_head(self, pull: Pull) -> None:
        ref = f"refs/pull/{pull.number}/head"
        if pull.head_repo is pull.repo:
            pull.repo.git.set_ref(ref, pull.head_sha)
        elif pull.head_repo:
            pull.repo.git.take(pull.head_repo.git, pull.head_sha, ref)

    def _emit(self, event: str, repo: Repo, sender: Account, **payload: object) -> None:
        installation = self._world.installation(repo)
        if installation is None:
            return
        more: dict[str, Any] = {
            "repository": objects.repository(self._world, repo),
            "installation": {"id": installation.id, "node_id": objects.node("I", installation.id)},
            "sender": objects.account(self._world, sender),
        }
        if repo.owner.kind == "Organization":
            more["organization"] = objects.account(self._world, repo.owner)
        if event == "push":
            # Here alone GitHub writes these two as numbers.
            more["repository"] |= {"created_at": int(repo.created_at), "pushed_at": int(self._world.now())}
        self._hooks.emit(event, {**payload, **more})

    def _pushed(
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
        if self._world.installation(repo) is None:
            return
        new = repo.git.log(f"{before}..{commit}", limit=_MAX_COMMITS) if before and commit else []
        head = repo.git.log(commit, limit=1)[0] if commit else None
        self._emit(
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
